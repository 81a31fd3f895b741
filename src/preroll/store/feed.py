# SPDX-License-Identifier: Apache-2.0
"""The change log as a stream, and the bells that ring after a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, TypeVar

from preroll.domain.changes import Change
from preroll.ports.store import Tx
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
        self.rung = 0
        """How often something was changed."""

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
            self.rung += 1
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


R = TypeVar("R")
Read = Callable[[Callable[[Work], Any]], Awaitable[Any]]
Version = Callable[[Work], object]


class _Seen(NamedTuple):
    """What a look at the change log found."""

    version: object
    """There is at least all of that version."""
    end: str | None
    """After this cursor there is nothing; None: there may be more."""
    made: Any = None
    """Of what there is; None: there is nothing."""
    late: bool = False
    """There is something that cannot be read yet."""


class _End(NamedTuple):
    """Where the change log ends."""

    cursor: str | None
    rung: int
    """How often the bells have rung until then."""
    version: object


class SqlFeed:
    """The feed of a store."""

    def __init__(self, read: Read, bells: Bells, version: Version | None = None) -> None:
        """``version`` answers something that changes with every commit of any process; None: the bells tell it all."""
        self._read, self._bells, self._version = read, bells, version
        self._end: _End | None = None

    async def read(self, after: str, limit: int = 100, *, platform: int | None = None) -> list[Change]:
        found: list[Change] = await self._read(lambda work: changes.read(work, after, limit, platform))
        return found

    async def tail(self) -> str:
        cursor: str = await self._read(changes.tail)
        return cursor

    async def coming(self, after: str, timeout: float, limit: int, make: Callable[[Tx, list[Change]], R]) -> R | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        look = partial(self._look, after=after, limit=limit, make=make)
        while True:
            rung, bell = self._bells.rung, self._bells.hang()
            try:
                seen: _Seen = self._nothing_since(after, rung) or await self._read(look)
                while seen.made is None and not bell.done() and (left := deadline - loop.time()) > 0:
                    pause = LATE if seen.late else left if self._version is None else POLL
                    await asyncio.wait([bell], timeout=min(left, pause))
                    if not bell.done() and (seen.late or self._version is not None):
                        seen = await self._read(partial(look, unless=seen)) or seen
            finally:
                self._bells.take_down(bell)
            if self._version is not None:
                self._end = _End(seen.end, rung, seen.version)
            if seen.made is not None or loop.time() >= deadline:
                made: R | None = seen.made
                return made

    def _nothing_since(self, after: str, rung: int) -> _Seen | None:
        """What the last look found, if it went as far as this cursor and no bell has rung since."""
        end = self._end
        return _Seen(end.version, after) if end is not None and end[:2] == (after, rung) else None

    def _look(
        self,
        work: Work,
        after: str,
        limit: int,
        make: Callable[[Tx, list[Change]], object],
        unless: _Seen | None = None,
    ) -> _Seen | None:
        """What there is; None: nothing was committed since that look."""
        version = None if self._version is None else self._version(work)  # first: a commit after it is seen next time
        if unless is not None and version is not None and version == unless.version:
            return None
        found = changes.read(work, after, limit, None)
        if not found:
            return _Seen(version, after, late=work.db.postgres and changes.beyond(work, after))
        return _Seen(version, found[-1].position if len(found) < limit else None, make(work.tx, found))
