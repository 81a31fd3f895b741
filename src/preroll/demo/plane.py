# SPDX-License-Identifier: Apache-2.0
"""What circuits are made of: the addresses of each port, what a device says of a circuit, and who carries it.

On port *n* of both devices there is one customer, with a site near and a site far::

    near site ----------- pe-1 ================================== pe-2 ------------- far site
    192.0.2.(4n+2)    .(4n+1)  203.0.113.(4n+1)  203.0.113.(4n+2)  .(4n+1)    198.51.100.(4n+2)

The gateways of the sites, the routes to the other site and the rate are what makes a circuit: they are there only while
the devices are configured so. Addresses are those of documentation (RFC 5737): nothing can ever leave this machine for
a real network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Protocol, Self

PORTS = 5
"""Customer ports of each device."""
DEVICES = ("pe-1", "pe-2")
METER = 5999
"""TCP port of the far site's receiver."""
_NEAR, _CORE, _FAR = IPv4Address("192.0.2.0"), IPv4Address("203.0.113.0"), IPv4Address("198.51.100.0")


@dataclass(frozen=True, slots=True)
class Side:
    """One device's side of a port: its customer's site, and the way to the other site."""

    site: IPv4Network
    """``[1]`` is the gateway, ``[2]`` the customer."""
    core: IPv4Interface
    """The device's own end of the line to the other device."""
    remote: IPv4Network
    next_hop: IPv4Address


def side(device: str, port: int) -> Side:
    """The addresses at one port of one device."""
    near, core, far = (IPv4Network((int(base) + 4 * port, 30)) for base in (_NEAR, _CORE, _FAR))
    if device == DEVICES[0]:
        return Side(near, IPv4Interface((core[1], 30)), far, core[2])
    return Side(far, IPv4Interface((core[2], 30)), near, core[1])


@dataclass(frozen=True, slots=True)
class Circuit:
    """One entry of a device's configuration: one end of a circuit."""

    port: int
    address: IPv4Interface
    """Of the gateway that the customer sees."""
    remote: IPv4Network
    next_hop: IPv4Address
    kbit: int

    @classmethod
    def of(cls, row: Mapping[str, str]) -> Circuit:
        """From the leaves of the entry. Raises LookupError, ValueError: something is missing, or is none."""
        return cls(
            int(row["port"]), IPv4Interface(row["address"]), IPv4Network(row["remote"]),
            IPv4Address(row["next-hop"]), int(row["rate-kbit"]),
        )  # fmt: skip


Carried = Mapping[int, Circuit]
"""Port -> what a device is configured to carry there."""


class Plane(Protocol):
    """Who carries the traffic: used as an asynchronous context manager, everything is gone after it."""

    what: str
    """What it is, in a line."""
    tools: Path | None
    """Folder with the ``ping`` of the near site; None: nobody can ping there."""

    @property
    def doors(self) -> Mapping[int, int]:
        """Port -> TCP port of this machine where the near site is entered; it comes out at the far site's receiver."""
        ...

    async def carry(self, device: str, circuits: Carried) -> None:
        """A device is configured so from now on. Raises OSError: it cannot be, and all is as before."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...
