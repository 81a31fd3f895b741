# SPDX-License-Identifier: Apache-2.0
"""A receiver of webhooks: a real HTTP server on this machine that keeps what it gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Receiver:
    """What it got, and what it answers."""

    url: str = ""
    status: int = 204
    text: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    """(headers, body) of each request, in order."""
    ports: set[int] = field(default_factory=set)
    """From which the requests came: one a connection."""

    async def answer(self, request: web.Request) -> web.Response:
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        assert request.transport is not None
        self.ports.add(request.transport.get_extra_info("peername")[1])
        if self.hangs:
            await asyncio.Event().wait()
        return web.Response(status=self.status, text=self.text or None, headers=self.headers)


@asynccontextmanager
async def receiving(receiver: Receiver | None = None) -> AsyncIterator[Receiver]:
    """A receiver at a free port of 127.0.0.1; gone at the end."""
    receiver = receiver or Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
        yield receiver
    finally:
        await runner.cleanup()
