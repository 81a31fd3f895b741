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

import httpx

from preroll.domain.outward import Address, Network, admitted

Resolve = Callable[[str, int], Awaitable[list[Address]]]
"""(host, port) -> its addresses, the one to try first first."""


class Forbidden(httpx.ConnectError):
    """A message must not be sent there."""


async def resolved(host: str, port: int) -> list[Address]:
    """The addresses of a host, as this machine resolves it.

    Raises:
        OSError: there is none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(str(place[0]).partition("%")[0]) for *_, place in found]


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
            Forbidden: there are only others. httpx.ConnectError: there is none at all.
        """
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(f"{host} has no address: {error}") from error
        reachable = [address for address in dict.fromkeys(found) if self.admits(address)]
        if not reachable:
            places = ", ".join(sorted({str(address) for address in found})) or "nothing"
            raise Forbidden(
                f"{host} is {places}, which is not public: expected an address of the internet, or one of the networks"
                " that the administrator has allowed"
            )
        return reachable


class GuardedTransport(httpx.AsyncBaseTransport):
    """Connects to addresses that the guard admits, by number; the certificate is checked against the name.

    One transport is for one host: its connections are kept open, and are never used for another name.
    """

    def __init__(self, guard: Guard, inner: httpx.AsyncBaseTransport | None = None, kept_s: float = KEPT_S) -> None:
        self._guard, self._kept_s = guard, kept_s
        self._inner = inner or httpx.AsyncHTTPTransport(trust_env=False)
        self._judged: list[Address] = []
        self._until = 0.0
        """By the loop's clock: how long what was judged is connected to."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the first of the host's addresses that takes the connection."""
        host, port = request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80)
        *others, last = await self._addresses(host, port)
        request.extensions = {**request.extensions, "sni_hostname": host}
        for address in others:
            try:
                return await self._sent(request, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._sent(request, last)

    async def _addresses(self, host: str, port: int) -> list[Address]:
        """What was judged a moment ago, so that not every message asks for the name."""
        now = asyncio.get_running_loop().time()
        if now >= self._until:
            self._judged = await self._guard.addresses(host, port)
            self._until = now + self._kept_s
        return self._judged

    async def _sent(self, request: httpx.Request, address: Address) -> httpx.Response:
        request.url = request.url.copy_with(host=str(address))
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._inner.aclose()
