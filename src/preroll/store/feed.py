# SPDX-License-Identifier: Apache-2.0
"""The change log as a stream, and the bells that ring after a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from preroll.domain.changes import Change
from preroll.store import changes
from preroll.store.work import Work

POLL = 0.1
"""Seconds between looks at what other processes wrote, while somebody waits."""
LATE = 0.02
"""Seconds until a change is looked for again that is committed but cannot be read yet."""


class Bells:
    """Who wants to know about commits. Rung from any thread."""

    def __init__(self) -> None:
        self._wakes: list[Callable[[], None]] = []
        self._waiting: set[asyncio.Future[None]] = set()

    def on_due(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` after every commit that touched the timetable."""
        self._wakes.append(wake)

    def ring(self, *, due: bool, changed: bool) -> None:
        """Something was committed."""
        if due:
            for wake in self._wakes:
                with suppress(RuntimeError):  # a loop that is closed waits for nothing
                    wake()
        if changed:
            for bell in list(self._waiting):
                with suppress(RuntimeError):
                    bell.get_loop().call_soon_threadsafe(_ring, bell)

    def hang(self) -> asyncio.Future[None]:
        """A future that is done at the next change."""
        bell: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(bell)
        return bell

    def take_down(self, bell: asyncio.Future[None]) -> None:
        """Nobody waits for it any more."""
        self._waiting.discard(bell)
        bell.cancel()


def _ring(bell: asyncio.Future[None]) -> None:
    if not bell.done():
        bell.set_result(None)


Read = Callable[[Callable[[Work], Any]], Awaitable[Any]]
Version = Callable[[Work], object]


class SqlFeed:
    """The feed of a store."""

    def __init__(self, read: Read, bells: Bells, version: Version | None = None) -> None:
        """``version`` answers something that changes with every commit of any process; None: the bells tell it all."""
        self._read, self._bells, self._version = read, bells, version

    async def read(self, after: str, limit: int = 100, *, platform: int | None = None) -> list[Change]:
        found: list[Change] = await self._read(lambda work: changes.read(work, after, limit, platform))
        return found

    async def tail(self) -> str:
        cursor: str = await self._read(changes.tail)
        return cursor

    async def wait(self, after: str, timeout: float, limit: int = 1) -> list[Change]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        found: list[Change]
        while True:
            bell = self._bells.hang()
            try:
                seen, found, late = await self._read(partial(self._look, after=after, limit=limit))
                if found or loop.time() >= deadline:
                    return found
                await self._next(bell, deadline, seen, LATE if late else POLL)
            finally:
                self._bells.take_down(bell)

    async def _next(self, bell: asyncio.Future[None], deadline: float, seen: object, pause: float) -> None:
        """Return when there may be something new, or at the deadline."""
        loop = asyncio.get_running_loop()
        while not bell.done():
            left = deadline - loop.time()
            if left <= 0:
                return
            await asyncio.wait([bell], timeout=left if self._version is None else min(left, pause))
            if pause == LATE or (self._version is not None and await self._read(self._version) != seen):
                return

    def _look(self, work: Work, after: str, limit: int) -> tuple[object, list[Change], bool]:
        """The version, what there is of that version at least, and whether there is more that cannot be read yet."""
        seen = None if self._version is None else self._version(work)  # first: a commit after it is seen next time
        found = changes.read(work, after, limit, None)
        return seen, found, not found and work.db.postgres and changes.beyond(work, after)
