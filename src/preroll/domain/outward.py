# SPDX-License-Identifier: Apache-2.0
"""Which addresses belong to the internet, and to which others an administrator lets messages go."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
NAT64 = ip_network("64:ff9b::/96")
"""An IPv6 address of this network stands for the IPv4 address in its last 32 bits (RFC 6052, 2.1)."""


def networks(named: Iterable[str]) -> tuple[Network, ...]:
    """Networks such as ``10.0.0.0/8``, or single addresses.

    Raises:
        ValueError: one of them is none.
    """
    return tuple(ip_network(name) for name in named)


def public(address: Address) -> bool:
    """Does an address belong to the internet, and so do those that it stands for?"""
    return all(part.is_global and not part.is_multicast for part in (address, *_embedded(address)))


def admitted(address: Address, allowed: Iterable[Network] = ()) -> bool:
    """May a message go to an address: a public one, or one of these networks?"""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return public(address) or any(address in network for network in allowed)


def literal(host: str) -> Address | None:
    """The address that a host is written as; None: it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _embedded(address: Address) -> list[IPv4Address]:
    """The IPv4 addresses to which an IPv6 address leads."""
    if isinstance(address, IPv4Address):
        return []
    last = IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else None
    return [part for part in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ()), last) if part]
