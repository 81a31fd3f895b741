# SPDX-License-Identifier: Apache-2.0
"""The store: a backend that carries calls out, with the journal and the feed on top."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeVar

from preroll.domain.errors import PrerollError
from preroll.ports.scripts import Reach
from preroll.ports.store import Deed, Feed, Journal, Unit
from preroll.store.engine import Job, Lane, Route, Spawn, carry_out, deliver, unavailable
from preroll.store.feed import Bells, SqlFeed, Version
from preroll.store.journal import SqlJournal
from preroll.store.sqlite import SqliteConnection
from preroll.store.work import Work

A = TypeVar("A")
R = TypeVar("R")


def _each(work: Work, calls: Sequence[Callable[[Work], object]]) -> list[object]:
    work.expect_now()
    return [_verified(work, call) for call in calls]


def _gathered(work: Work, calls: Sequence[tuple[Deed[Any, Any], object]]) -> list[object]:
    """Deeds, each for all that asked for it."""
    work.expect_now()
    found: dict[int, object] = {}
    for deed in dict.fromkeys(deed for deed, _ in calls):
        mine = {place: about for place, (wanted, about) in enumerate(calls) if wanted is deed}
        found.update(zip(mine, deed(work.tx, list(mine.values())), strict=True))
    work.verify()
    return [found[place] for place in range(len(calls))]


def _verified(work: Work, call: Callable[[Work], object]) -> object:
    """Carry out a call. What it wrote too late is told first: whatever else it says may be because of that."""
    try:
        result = call(work)
    except PrerollError:
        work.verify()
        raise
    work.verify()
    return result


UNIT = Route("unit", 5, _each, merge=False)
GATHER = Route("gather", 4, _gathered)
READ = Route("read", 0, _each, merge=False)


class Backend(Protocol):
    """What carries calls out."""

    bells: Bells

    @property
    def version(self) -> Version | None:
        """Answers something that changes with every commit of any process; None: the bells tell it all."""
        ...

    def record(self, route: Route, payload: object) -> Awaitable[Any]:
        """A call of the journal."""
        ...

    def tell(self, route: Route, payload: object) -> None:
        """A call of the journal for which nobody waits."""
        ...

    async def write(self, call: Callable[[Work], Any]) -> Any:
        """A unit."""
        ...

    async def gather(self, payload: object) -> Any:
        """A deed."""
        ...

    async def read(self, call: Callable[[Work], Any]) -> Any:
        """A query on a snapshot."""
        ...

    def close(self) -> None: ...


class SqlStore:
    """A store on SQLite or PostgreSQL; see ``preroll.ports.store.Store``."""

    journal: Journal
    feed: Feed

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.journal = SqlJournal(backend.record, backend.tell)
        self.feed = SqlFeed(backend.read, backend.bells, backend.version)

    async def write(self, unit: Unit[R]) -> R:
        result: R = await self._backend.write(lambda work: unit(work.tx))
        return result

    async def gather(self, deed: Deed[A, R], about: A) -> R:
        result: R = await self._backend.gather((deed, about))
        return result

    async def read(self, query: Unit[R]) -> R:
        result: R = await self._backend.read(lambda work: query(work.tx))
        return result

    def on_due(self, wake: Callable[[], None]) -> None:
        self._backend.bells.on_due(wake)

    def close(self) -> None:
        """Finish what waits, end the threads, close the connections. May be called twice."""
        self._backend.close()


def look_up(work: Work, jobs: Sequence[Job]) -> None:
    """Carry out queries, each on a snapshot of its own; nobody waits for its end."""
    for job in jobs:
        work.begin(write=False)
        work.expect_now()
        try:
            job.result = job.payload(work)  # type: ignore[operator]
        except BaseException as error:
            if work.db.lost(error):
                raise
            job.error = error
        deliver([job])
        work.db.end()


class Inline:
    """No threads: every call is carried out at once, in the caller, on one connection."""

    version: Version | None = None

    def __init__(self, work: Work, reach: Reach) -> None:
        self.bells = Bells()
        self._work, self._reach = work, reach
        self._turn = threading.Lock()

    async def record(self, route: Route, payload: object) -> Any:
        return self._carry_out(Job(route, payload))

    def tell(self, route: Route, payload: object) -> None:
        with suppress(Exception):
            self._carry_out(Job(route, payload))

    def _carry_out(self, job: Job) -> Any:
        with self._turn:
            try:
                carry_out(self._work, [job], self._reach)
            except BaseException:
                self._work.rollback()
                raise
        self.bells.ring(due=self._work.due, changed=self._work.changed)
        return job.answer()

    async def write(self, call: Callable[[Work], Any]) -> Any:
        return await self.record(UNIT, call)

    async def gather(self, payload: object) -> Any:
        return await self.record(GATHER, payload)

    async def read(self, call: Callable[[Work], Any]) -> Any:
        job = Job(READ, call)
        with self._turn:
            look_up(self._work, [job])
        return job.answer()

    def close(self) -> None:
        self._work.db.close()


class SqliteThreads:
    """One writer thread with group commit, and a few readers on snapshots."""

    def __init__(
        self, writer: Work, readers: Sequence[Work], watch: SqliteConnection, spawn: Spawn, reach: Reach
    ) -> None:
        self.bells = Bells()
        self._writer, self._readers, self._watch, self._reach = writer, readers, watch, reach
        self._watching = threading.Lock()
        self._write_lane = Lane("store-writer", spawn, [self._serve])
        self._read_lane = Lane("store-reader", spawn, [partial(self._look_up, r) for r in readers], batch=1)
        self.record, self.tell = self._write_lane.ask, self._write_lane.tell

    async def write(self, call: Callable[[Work], Any]) -> Any:
        return await self._write_lane.ask(UNIT, call)

    async def gather(self, payload: object) -> Any:
        return await self._write_lane.ask(GATHER, payload)

    async def read(self, call: Callable[[Work], Any]) -> Any:
        return await self._read_lane.ask(READ, call)

    @property
    def version(self) -> Version:
        """SQLite's own count of commits by others, read on a connection that writes nothing."""
        return self._data_version

    def _data_version(self, _: Work) -> object:
        with self._watching:
            return self._watch.one("pragma data_version")

    def _serve(self, jobs: list[Job]) -> None:
        work = self._writer
        try:
            carry_out(work, jobs, self._reach)
        except BaseException as error:  # noqa: BLE001 - everyone who waits is told; the writer goes on
            with suppress(Exception):
                work.rollback()
            unavailable(jobs, error)
        self.bells.ring(due=work.due, changed=work.changed)

    def _look_up(self, reader: Work, jobs: list[Job]) -> None:
        try:
            look_up(reader, jobs)
        except BaseException as error:  # noqa: BLE001 - everyone who waits is told; the reader goes on
            with suppress(Exception):
                reader.rollback()
            unavailable(jobs, error)

    def close(self) -> None:
        self._write_lane.close()
        self._read_lane.close()
        for connection in (self._writer.db, self._watch, *(reader.db for reader in self._readers)):
            connection.close()
