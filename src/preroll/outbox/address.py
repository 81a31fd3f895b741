# SPDX-License-Identifier: Apache-2.0
"""Where a message may be sent: never to this machine or its own network, unless the administrator has said so.

A subscriber chooses the address that this server connects to, so it must not lead to what only this server reaches
(server-side request forgery; OWASP's cheat sheet of that name). Names are judged by what they resolve to, and the
address that was judged is the one that is connected to: a name that answers otherwise the second time gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address
from typing import Any

from aiohttp import TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from preroll.domain.outward import Address, Network, admitted

Resolve = Callable[[str, int], Awaitable[list[Address]]]
"""(host, port) -> its addresses, the one to try first first."""


class Forbidden(OSError):
    """A message must not be sent there."""


async def resolved(host: str, port: int) -> list[Address]:
    """The addresses of a host, as this machine resolves it.

    Raises:
        OSError: there is none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(str(place[0]).partition("%")[0]) for *_, place in found]


def refusal(host: str, places: str) -> str:
    """Why nothing is sent to a host."""
    return (
        f"{host} is {places}, which is not public: expected an address of the internet, or one of the networks"
        " that the administrator has allowed"
    )


KEPT_S = 10.0
"""So long the addresses that a name was judged by are connected to before it is resolved anew."""


class Guard:
    """Says which addresses may be connected to.

    Args:
        allowed: networks that are not public, and may be reached all the same.
        resolve: how names are resolved.
    """

    def __init__(self, allowed: Iterable[Network] = (), resolve: Resolve = resolved) -> None:
        self._allowed, self._resolve = tuple(allowed), resolve

    def admits(self, address: Address) -> bool:
        """May it be connected to?"""
        return admitted(address, self._allowed)

    async def addresses(self, host: str, port: int) -> list[Address]:
        """The addresses of a host that may be connected to.

        Raises:
            Forbidden: there are only others. OSError: there is none at all.
        """
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise OSError(f"{host} has no address: {error}") from error
        reachable = [address for address in dict.fromkeys(found) if self.admits(address)]
        if not reachable:
            places = ", ".join(sorted({str(address) for address in found})) or "nothing"
            raise Forbidden(refusal(host, places))
        return reachable


class _GuardedResolver(AbstractResolver):
    """Names, as the guard judges what they resolve to."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = [
            ResolveResult(
                hostname=host, host=str(address), port=port, proto=0, flags=socket.AI_NUMERICHOST,
                family=socket.AF_INET6 if address.version == 6 else socket.AF_INET,
            )
            for address in await self._guard.addresses(host, port)
        ]  # fmt: skip
        return [one for one in found if family in (socket.AF_UNSPEC, one["family"])]

    async def close(self) -> None:
        """It keeps nothing open."""


def guarded(guard: Guard, kept_s: float = KEPT_S) -> TCPConnector:
    """Connects to addresses that the guard admits, and to nothing else; the certificate is checked against the name.

    A name is judged when it is resolved, so that what is refused says why; every address is, when its socket is made.
    Belongs to the running loop.

    Args:
        kept_s: how long what a name resolved to is good.
    """

    def admitted_socket(place: tuple[Any, Any, Any, str, tuple[Any, ...]]) -> socket.socket:
        family, kind, protocol, _, (host, *_) = place
        if not guard.admits(ip_address(str(host).partition("%")[0])):
            raise Forbidden(refusal(host, host))
        return socket.socket(family, kind, protocol)

    return TCPConnector(resolver=_GuardedResolver(guard), ttl_dns_cache=kept_s, socket_factory=admitted_socket)  # type: ignore[arg-type]
