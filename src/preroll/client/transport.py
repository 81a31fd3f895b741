# SPDX-License-Identifier: Apache-2.0
"""How calls are sent: the same request and the same reading of the answer, by a thread or by a loop."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec
import stamina
from httpx_sse import EventSource, ServerSentEvent

from preroll.client import accounts, calls
from preroll.client.accounts import Me
from preroll.client.calls import API, Call
from preroll.client.problems import Problem, Unreachable, foreign, problem_in
from preroll.client.things import Change, Page

R = TypeVar("R")

DEFAULT_SERVER = "http://127.0.0.1:8484"
PATIENCE_S = 15.0
"""How long a call is repeated while the server does not answer or its store is not available."""
SILENCE_S = 45.0
"""A stream that is silent for longer (it sends a sign of life every 15 s) is opened again."""
CSRF = "X-CSRF-Token"
"""Sent with every change in a session: only who has signed in knows it."""
PAUSE_S = 0.2
"""Between the end of a stream and its next opening."""


class _Following:
    """Where a follower is: what is asked for next, and what an event means."""

    def __init__(self, after: str | None, platform: str | None) -> None:
        self._after, self._platform = after, platform

    def request(self, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        words = {"after": self._after, "platform": self._platform}
        query = {name: word for name, word in words.items() if word is not None}
        timeout = httpx.Timeout(10.0, read=SILENCE_S)
        return http.build_request("GET", f"{API}/changes/stream", params=query, timeout=timeout)

    def take(self, event: ServerSentEvent) -> Change | None:
        self._after = event.id
        return msgspec.json.decode(event.data, type=Change) if event.event == "change" else None


class _Sender:
    """What both clients share. ``patience``: seconds for which a call is repeated; 0: never."""

    def __init__(self, server: str, patience: float) -> None:
        self.server, self._patience = server.rstrip("/"), patience

    def _request(self, http: httpx.Client | httpx.AsyncClient, call: Call[R]) -> httpx.Request:
        """One request for all attempts: its idempotency key makes a repeat harmless."""
        headers = {"Accept": "application/json"}
        if call.method in ("POST", "PATCH", "DELETE"):
            headers["Idempotency-Key"] = str(uuid.uuid4())
        if call.seen is not None:
            headers["If-Match"] = f'"{call.seen}"'
        content = None
        if call.body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(call.body)
        return http.build_request(call.method, call.path, params=call.query, headers=headers, content=content)

    def _attempts(self) -> Any:
        return stamina.retry_context(
            on=_passes, attempts=None if self._patience else 1, timeout=self._patience or None, wait_max=1.0
        )

    def _unreachable(self, error: httpx.TransportError) -> Unreachable:
        return Unreachable(self.server, str(error) or type(error).__name__)


class Client(_Sender):
    """Sends calls and waits for the answers.

    Args:
        server: its address.
        patience: seconds for which a call is repeated while the server does not answer.
        transport: how requests travel; None: by network.
        token: as whose program requests are sent; empty: as nobody's.
    """

    def __init__(
        self,
        server: str = DEFAULT_SERVER,
        *,
        patience: float = PATIENCE_S,
        transport: httpx.BaseTransport | None = None,
        token: str = "",
    ) -> None:
        super().__init__(server, patience)
        self._http = httpx.Client(base_url=self.server, timeout=30.0, transport=transport, headers=_bearer(token))

    def sign_in(self, name: str, password: str) -> Me:
        """Sign in: what is sent from now on is sent as this person, until ``sign_out`` is sent.

        Raises:
            Problem: name or password are wrong, or too many sign-ins have failed.
        """
        self._http.headers.pop("Authorization", None)
        me = self.send(accounts.sign_in(name, password))
        self._http.headers[CSRF] = me.csrf
        return me

    def send(self, call: Call[R]) -> R:
        """Send a call and return its answer.

        Raises:
            Problem: the server refused. Unreachable: it did not answer, however often it was asked.
        """
        request = self._request(self._http, call)
        try:
            for attempt in self._attempts():
                with attempt:
                    return _read(call, self._http.send(request))
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        raise AssertionError("an attempt returns or raises")

    def each(self, call: Call[Page[R]]) -> Iterator[R]:
        """Every item of a list, page by page."""
        while True:
            page = self.send(call)
            yield from page.items
            if page.next is None:
                return
            call = call.asking("cursor", page.next)

    def follow(self, after: str | None = None, *, platform: str | None = None) -> Iterator[Change]:
        """Changes as they happen, without end; after a break it goes on where it was.

        Args:
            after: a position; None: from now on; empty: from the beginning.
            platform: only of this one.
        """
        following = _Following(after, platform)
        while True:
            response = self._open(following)
            try:
                for event in EventSource(response).iter_sse():
                    if change := following.take(event):
                        yield change
            except httpx.TransportError:
                pass
            finally:
                response.close()
            time.sleep(PAUSE_S)

    def _open(self, following: _Following) -> httpx.Response:
        try:
            for attempt in self._attempts():
                with attempt:
                    response = self._http.send(following.request(self._http), stream=True)
                    if response.is_error:
                        response.read()
                        raise problem_in(response)
                    return response
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        raise AssertionError("an attempt returns or raises")

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Sender):
    """Sends calls and awaits the answers; arguments as of Client."""

    def __init__(
        self,
        server: str = DEFAULT_SERVER,
        *,
        patience: float = PATIENCE_S,
        transport: httpx.AsyncBaseTransport | None = None,
        token: str = "",
    ) -> None:
        super().__init__(server, patience)
        self._http = httpx.AsyncClient(base_url=self.server, timeout=30.0, transport=transport, headers=_bearer(token))

    async def sign_in(self, name: str, password: str) -> Me:
        """As ``Client.sign_in``."""
        self._http.headers.pop("Authorization", None)
        me = await self.send(accounts.sign_in(name, password))
        self._http.headers[CSRF] = me.csrf
        return me

    async def send(self, call: Call[R]) -> R:
        """As ``Client.send``."""
        request = self._request(self._http, call)
        try:
            async for attempt in self._attempts():
                with attempt:
                    return _read(call, await self._http.send(request))
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        raise AssertionError("an attempt returns or raises")

    async def each(self, call: Call[Page[R]]) -> AsyncIterator[R]:
        """Every item of a list, page by page."""
        while True:
            page = await self.send(call)
            for item in page.items:
                yield item
            if page.next is None:
                return
            call = call.asking("cursor", page.next)

    async def follow(self, after: str | None = None, *, platform: str | None = None) -> AsyncIterator[Change]:
        """As ``Client.follow``."""
        following = _Following(after, platform)
        while True:
            response = await self._open(following)
            try:
                async for event in EventSource(response).aiter_sse():
                    if change := following.take(event):
                        yield change
            except httpx.TransportError:
                pass
            finally:
                await response.aclose()
            await asyncio.sleep(PAUSE_S)

    async def _open(self, following: _Following) -> httpx.Response:
        try:
            async for attempt in self._attempts():
                with attempt:
                    response = await self._http.send(following.request(self._http), stream=True)
                    if response.is_error:
                        await response.aread()
                        raise problem_in(response)
                    return response
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        raise AssertionError("an attempt returns or raises")

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _passes(error: Exception) -> bool:
    """May it be better the next time?"""
    return isinstance(error, httpx.TransportError) or (isinstance(error, Problem) and error.status in (502, 503, 504))


def _read(call: Call[R], response: httpx.Response) -> R:
    not_ready = call.path == calls.READY and response.status_code == 503
    if response.is_error and not not_ready:
        raise problem_in(response)
    try:
        return msgspec.json.decode(response.content or b"null", type=call.returns)
    except msgspec.MsgspecError as error:
        raise foreign(response, str(error)) from error
