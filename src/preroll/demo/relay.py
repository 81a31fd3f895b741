# SPDX-License-Identifier: Apache-2.0
"""Circuits where namespaces cannot be had: on each port a relay on this machine, with a token bucket.

It listens only while both devices are configured for it. Nothing of it can be pinged; a connection goes through it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from preroll.audits.throughput import answer
from preroll.demo.plane import DEVICES, PORTS, Carried
from preroll.demo.server import free_port
from preroll.demo.sites import CHUNK, hand_on

BURST = 16_000
"""Bytes that may pass at once."""


class Bucket:
    """A token bucket: so many kbit/s, and a burst.

    Args:
        now: monotonic seconds. pause: waits so many seconds.
    """

    def __init__(
        self,
        kbit: int,
        now: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._rate, self._now, self._pause = kbit * 125, now, pause
        self._level, self._filled = float(BURST), now()

    async def take(self, size: int) -> None:
        """Wait until so many bytes may pass."""
        now = self._now()
        self._level = min(BURST, self._level + (now - self._filled) * self._rate) - size
        self._filled = now
        if self._level < 0:
            await self._pause(-self._level / self._rate)


class Relay:
    """Circuits as relays on this machine.

    Args:
        why: there are no namespaces.
    """

    def __init__(self, why: str) -> None:
        self.what = f"a relay with a token bucket ({why})"
        self.doors = {port: free_port() for port in range(1, PORTS + 1)}
        self.tools: Path | None = None
        self._carried: dict[str, Carried] = {device: {} for device in DEVICES}
        self._open: dict[int, tuple[int, AsyncExitStack]] = {}
        """Port -> its rate, and what ends it."""
        self._receiver: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._receiver = await asyncio.start_server(answer, "127.0.0.1")
        self._meter: int = self._receiver.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        for port in list(self._open):
            await self._close(port)
        if self._receiver:
            self._receiver.close()

    async def carry(self, device: str, circuits: Carried) -> None:
        """A circuit is there while both devices have it, at the lower of their rates."""
        self._carried[device] = dict(circuits)
        for port in self.doors:
            ends = [carried.get(port) for carried in self._carried.values()]
            kbit = min((end.kbit if end else 0) for end in ends)
            if port in self._open and self._open[port][0] != kbit:
                await self._close(port)
            if kbit and port not in self._open:
                await self._listen(port, kbit)

    async def _listen(self, port: int, kbit: int) -> None:
        bucket, under_way = Bucket(kbit), set[asyncio.Task[None] | None]()

        async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            under_way.add(task := asyncio.current_task())
            try:
                await hand_on(reader, writer, ("127.0.0.1", self._meter), bucket.take)
            finally:
                under_way.discard(task)

        stack = AsyncExitStack()
        server = await asyncio.start_server(enter, "127.0.0.1", self.doors[port], limit=CHUNK)
        stack.callback(server.close)
        stack.callback(lambda: [task.cancel() for task in under_way if task])
        self._open[port] = kbit, stack

    async def _close(self, port: int) -> None:
        _, stack = self._open.pop(port)
        await stack.aclose()
