# SPDX-License-Identifier: Apache-2.0
"""Lanes: a queue, the threads that empty it, and one commit for all that waited.

A unit that fails is rolled back to its savepoint and takes no neighbour along. If the commit itself fails, everything
in it answers StoreUnavailable.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from preroll.domain.errors import StoreUnavailable
from preroll.ports.scripts import Reach
from preroll.store.work import Work

Spawn = Callable[[str, Callable[[], None]], object]
"""``spawn(name, function)``: run the function in a thread of its own. Only bootstrap makes threads."""
BATCH = 256
"""How many units and journal writes share one commit at most."""


@dataclass(frozen=True, slots=True)
class Route:
    """One kind of call: how it is carried out, and its turn within a batch."""

    name: str
    turn: int
    carry_out: Callable[[Work, Sequence[Any]], Sequence[Any]]
    merge: bool = True
    """All calls of a batch are carried out together; if that fails, one by one."""
    points: bool = False
    """``reach`` is called at ``<name>.before``, ``.written`` and ``.committed``."""


class Job:
    """One call under way."""

    __slots__ = ("error", "future", "loop", "payload", "result", "route")

    def __init__(self, route: Route, payload: object) -> None:
        self.route, self.payload = route, payload
        self.result: Any = None
        self.error: BaseException | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.future: asyncio.Future[Any] | None = None

    def awaited(self) -> asyncio.Future[Any]:
        """The future in which the caller's loop will find the answer."""
        self.loop = asyncio.get_running_loop()
        self.future = self.loop.create_future()
        return self.future

    def answer(self) -> Any:
        """The result, or the error raised."""
        if self.error is not None:
            raise self.error
        return self.result


def deliver(jobs: Iterable[Job]) -> None:
    """Hand the answers back, one wake-up for each loop."""
    loops: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        if job.loop is not None:
            loops.setdefault(job.loop, []).append(job)
    for loop, ready in loops.items():
        with suppress(RuntimeError):  # a loop that is closed waits for nothing
            loop.call_soon_threadsafe(_resolve, ready)


def _resolve(jobs: list[Job]) -> None:
    for job in jobs:
        future = job.future
        if future is None or future.done():
            continue
        if job.error is not None:
            future.set_exception(job.error)
        else:
            future.set_result(job.result)


class _Mishap(Exception):
    """Something went wrong in what was carried out without precautions."""


def carry_out(work: Work, jobs: Sequence[Job], reach: Reach) -> None:
    """Carry out jobs in one transaction and commit it; every job has its result or its error afterwards.

    What the journal asks for goes wrong so seldom that it gets no savepoint at first: if it does, all is rolled back
    and carried out again, each group behind a savepoint of its own.

    Raises:
        Exception: of the driver, when the transaction is lost; the jobs are not answered then.
    """
    try:
        _attempt(work, jobs, reach, careful=False)
    except _Mishap:
        work.rollback()
        _attempt(work, jobs, reach, careful=True)


def _attempt(work: Work, jobs: Sequence[Job], reach: Reach, *, careful: bool) -> None:
    groups: dict[Route, list[Job]] = {}
    for job in jobs:
        job.result = job.error = None
        groups.setdefault(job.route, []).append(job)
    turns = sorted(groups.items(), key=lambda group: group[0].turn)
    work.begin()
    for route, group in turns:
        _pass(reach, "before", route, group)
        if careful or not (route.merge or len(jobs) == 1):
            _guarded(work, route, group)
        else:
            _together(work, route, group)
    if len(jobs) == 1 and jobs[0].error is not None:
        work.rollback()
        return
    for route, group in turns:
        _pass(reach, "written", route, group)
    _commit(work, careful=careful)
    for route, group in turns:
        _pass(reach, "committed", route, group)


def _pass(reach: Reach, moment: str, route: Route, group: Sequence[Job]) -> None:
    """Every call passes the points of its route, also where several share a transaction."""
    if route.points:
        for _ in group:
            reach(f"{route.name}.{moment}")


def _commit(work: Work, *, careful: bool) -> None:
    try:
        work.commit()
    except Exception as error:
        if careful or work.db.lost(error):
            raise
        raise _Mishap from error


def _together(work: Work, route: Route, group: Sequence[Job]) -> None:
    """Carry out without a savepoint. What a lone call raises is its own; the rest is tried again."""
    try:
        _answer(work, route, group)
    except BaseException as error:
        if work.db.lost(error):
            raise
        if route.merge:
            raise _Mishap from error
        group[0].error = error


def _guarded(work: Work, route: Route, group: Sequence[Job]) -> None:
    """Carry out behind a savepoint, all together if the route says so; if that fails, one by one."""
    if route.merge:
        _behind_savepoint(work, route, group)
        if group[0].error is None or len(group) == 1:
            return
    for job in group:
        job.error = None
        _behind_savepoint(work, route, [job])


def _behind_savepoint(work: Work, route: Route, group: Sequence[Job]) -> None:
    """A failure is noted on the jobs, a lost transaction is raised."""
    work.db.send("savepoint unit")
    try:
        _answer(work, route, group)
        work.db.run("release savepoint unit")
    except BaseException as error:
        if work.db.lost(error):
            raise
        for job in group:
            job.error = error
        work.forget()
        work.db.rollback("unit")
        work.db.run("release savepoint unit")


def _answer(work: Work, route: Route, group: Sequence[Job]) -> None:
    results = route.carry_out(work, [job.payload for job in group])
    for job, result in zip(group, results, strict=True):
        job.result = result


def unavailable(jobs: Iterable[Job], error: BaseException) -> None:
    """Tell every caller that the store could not do it, or that nobody knows whether it did."""
    what = str(error) if isinstance(error, StoreUnavailable) else f"the transaction failed: {error}"
    for job in jobs:
        job.error = StoreUnavailable(what)
        job.error.__cause__ = error


class Lane:
    """A queue, and one thread for each of the functions that empty it."""

    def __init__(
        self, name: str, spawn: Spawn, serves: Sequence[Callable[[list[Job]], None]], *, batch: int = BATCH
    ) -> None:
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._batch = batch
        self._ended: list[threading.Event] = []
        self._closed = False
        for number, serve in enumerate(serves, 1):
            ended = threading.Event()
            self._ended.append(ended)
            spawn(f"{name}-{number}" if len(serves) > 1 else name, partial(self._empty, serve, ended))

    def ask(self, route: Route, payload: object) -> asyncio.Future[Any]:
        """Have a call carried out; the future has its answer, or raises.

        Raises:
            StoreUnavailable: the store is closed, or the transaction failed.
        """
        job = Job(route, payload)
        answer = job.awaited()
        if self._closed:
            answer.set_exception(StoreUnavailable("the store is closed"))
        else:
            self._queue.put(job)
        return answer

    def tell(self, route: Route, payload: object) -> None:
        """Have a call carried out before whatever is asked after it; nobody waits, and nobody hears when it fails."""
        if not self._closed:
            self._queue.put(Job(route, payload))

    def _empty(self, serve: Callable[[list[Job]], None], ended: threading.Event) -> None:
        try:
            going = True
            while going:
                jobs, going = self._waiting()
                if jobs:
                    serve(jobs)
                    deliver(jobs)
        finally:
            ended.set()

    def _waiting(self) -> tuple[list[Job], bool]:
        """All that waits now, at least one; and whether there will be more."""
        jobs: list[Job] = []
        item = self._queue.get()
        while item is not None:
            jobs.append(item)
            if len(jobs) >= self._batch:
                return jobs, True
            try:
                item = self._queue.get_nowait()
            except Empty:
                return jobs, True
        return jobs, False

    def close(self, seconds: float = 10.0) -> None:
        """Finish what waits, then end the threads."""
        if self._closed:
            return
        self._closed = True
        for _ in self._ended:
            self._queue.put(None)
        for ended in self._ended:
            ended.wait(seconds)
