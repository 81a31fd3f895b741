# SPDX-License-Identifier: Apache-2.0
"""What a request passes before it reaches a route: host, size, counters."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from preroll.domain.errors import NotPermitted

BODY_LIMIT = 10_000_000
"""Bytes of a request's body, if nothing else is set."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
FOR_PROGRAMS = frozenset({"/healthz", "/readyz", "/metrics", "/api"})
"""Paths of the API that are not under ``/api/``."""
Refuse = Callable[[Scope, NotPermitted | HTTPException], ASGIApp]
"""How a door answers what does not pass."""


class BodyLimit:
    """Refuses a body that is larger than ``limit`` bytes, before it is read where the client says how large it is."""

    def __init__(self, app: ASGIApp, limit: int, refuse: Refuse) -> None:
        self._app, self._limit, self._refuse = app, limit, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        detail = f"the body is larger than {self._limit} bytes"
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared[:20]) > self._limit:
            await self._refuse(scope, HTTPException(413, detail))(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._limit:
                raise HTTPException(413, detail)
            return message

        await self._app(scope, counted, send)


class OwnHostOnly:
    """Refuses requests that a page of another site makes a browser send: foreign ``Host`` or ``Origin``."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None, refuse: Refuse) -> None:
        self._app, self._hosts, self._refuse = app, hosts, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if it was meant for this server."""
        refused = self._refusal(Headers(scope=scope)) if scope["type"] == "http" else None
        if refused is None:
            await self._app(scope, receive, send)
        else:
            await self._refuse(scope, refused)(scope, receive, send)

    def _refusal(self, headers: Headers) -> NotPermitted | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._hosts is not None and _name(f"//{host}") not in self._hosts:
            hint = "call it by one of: " + ", ".join(sorted(self._hosts)) + "; or add the name to the server's settings"
            return NotPermitted("the server is not called by one of its own names", hint=hint)
        if origin is not None and urlsplit(origin).netloc != host:
            return NotPermitted("the request comes from a page of another site", hint="use a program, or this server")
        return None


class Counters:
    """Requests, and how long they took, by method, route and status."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("method", "route", "status")
        self.requests = Counter("preroll_http_requests", "Requests answered", labels, registry=registry)
        self.seconds = Histogram("preroll_http_seconds", "Time to the first byte", labels[:2], registry=registry)


class Counted:
    """Counts requests and measures how long they take."""

    def __init__(self, app: ASGIApp, counters: Counters) -> None:
        self._app, self._counters = app, counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and watch its answer begin."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "other")
                method = scope["method"] if route != "other" else "other"
                self._counters.requests.labels(method, route, str(message["status"])).inc()
                self._counters.seconds.labels(method, route).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, watched)


class Doors:
    """Doors at one address: programs come under the paths of the API or of the TM Forum, people under all others."""

    def __init__(self, programs: ASGIApp, people: ASGIApp, forum: ASGIApp | None = None) -> None:
        self._programs, self._people, self._forum = programs, people, forum or people

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to the door that it is for."""
        path = scope.get("path", "")
        if path.startswith("/tmf-api/"):
            door = self._forum
        else:
            door = self._programs if path in FOR_PROGRAMS or path.startswith("/api/") else self._people
        await door(scope, receive, send)


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
