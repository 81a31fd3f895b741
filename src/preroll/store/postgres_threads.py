# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL at work: units on a few threads, the journal on one, a listener; connections come back when lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from psycopg import errors

from preroll.domain.errors import StoreUnavailable
from preroll.ports.scripts import Reach, nowhere
from preroll.store.engine import Job, Lane, Spawn, carry_out, unavailable
from preroll.store.feed import Bells, Version
from preroll.store.journal import CLAIM
from preroll.store.postgres import AGAIN, GONE, JOURNAL_PAUSE_MS, PAUSE_MS, Listener, connect
from preroll.store.races import Contested, LostRace
from preroll.store.store import GATHER, READ, UNIT, look_up
from preroll.store.work import Work

PAUSES = (0.0, 0.05, 0.2, 1.0)
"""Seconds before each further try."""
GATHERED = 32
"""For how many something is done in one transaction at most: it keeps their rows that long."""
RACES = 8
"""For how many rows a unit may lose a race, one run each; then it is Stale."""
HEARING = 5.0
"""Seconds after which the listener looks whether it is still wanted."""


class Desk:
    """A connection at work, opened again when it was lost."""

    def __init__(
        self,
        url: str,
        work: Work,
        bells: Bells,
        closing: threading.Event,
        reach: Reach = nowhere,
        pause_ms: int = PAUSE_MS,
    ) -> None:
        self.work, self._pause_ms = work, pause_ms
        self._url, self._bells, self._closing, self._reach = url, bells, closing, reach
        self._connected = True

    def write(self, jobs: Sequence[Job], *, repeatable: bool) -> None:
        """Carry out jobs in one transaction.

        What gave way to another transaction is run again, and so is what was lost before its commit was asked for;
        after that only what is ``repeatable``.
        """
        self._try(jobs, lambda: self._carry_out(jobs), repeatable=repeatable)
        self._bells.ring(due=self.work.due, changed=self.work.changed)

    def _carry_out(self, jobs: Sequence[Job]) -> None:
        """A unit that lost a race for a row is run again at once, with that row in its hands from the beginning.

        If it does not find there what it read even so, it did not read it in its transaction, and no run helps.
        """
        rows: set[Contested] = set()
        try:
            while True:
                carry_out(self.work, jobs, self._reach)
                lost = jobs[0].error
                if len(jobs) > 1 or not isinstance(lost, LostRace) or lost.row in rows or len(rows) == RACES:
                    return
                rows.add(lost.row)
                self.work.contested = sorted(rows)
        finally:
            self.work.contested = ()

    def read(self, jobs: Sequence[Job]) -> None:
        """Carry out queries."""
        self._try(jobs, lambda: look_up(self.work, jobs), repeatable=True)

    def _try(self, jobs: Sequence[Job], attempt: Callable[[], None], *, repeatable: bool) -> None:
        self.work.attempts.clear()
        last: BaseException = StoreUnavailable("the store is closed")
        for pause in PAUSES:
            self._closing.wait(pause)
            try:
                self._connect()
                attempt()
            except BaseException as error:  # noqa: BLE001 - everyone who waits is told; the thread goes on
                last = error
                self._undo()
                if not self._again(error, repeatable=repeatable):
                    break
            else:
                return
        unavailable(jobs, last)
        if isinstance(last, errors.UniqueViolation):
            jobs[0].error = last

    def _again(self, error: BaseException, *, repeatable: bool) -> bool:
        if isinstance(error, AGAIN):
            return True
        if not isinstance(error, (*GONE, StoreUnavailable)) or (self.work.committing and not repeatable):
            return False
        if self.work.committing:
            self.work.attempts.add(self.work.now)
        return True

    def _connect(self) -> None:
        if not self._connected:
            self.work.committing = False
            self.work.db = connect(self._url, self._pause_ms, whole=True)
            self._connected = True

    def _undo(self) -> None:
        try:
            self.work.rollback()
        except GONE:
            with suppress(Exception):
                self.work.db.close()
            self._connected = False
        self.work.due = self.work.changed = False

    def close(self) -> None:
        """Hang up."""
        with suppress(Exception):
            self.work.db.close()


class PostgresThreads:
    """Lanes of connections to a server."""

    version: Version | None = None

    def __init__(
        self, url: str, make: Callable[[int], Work], spawn: Spawn, reach: Reach, *, writers: int, readers: int
    ) -> None:
        self.bells = Bells()
        self._url, self._closing = url, threading.Event()

        def desk(use: Reach = nowhere, pause_ms: int = PAUSE_MS) -> Desk:
            return Desk(url, make(pause_ms), self.bells, self._closing, use, pause_ms)

        self._journal = desk(reach, JOURNAL_PAUSE_MS)
        self._writers = [desk() for _ in range(writers)]
        self._gatherer = desk()
        self._readers = [desk() for _ in range(readers)]
        self._voice = self._journal.work.voice
        self._heard = threading.Event()
        self._lanes = {
            "journal": Lane("store-journal", spawn, [self._record]),
            "unit": Lane("store-writer", spawn, [partial(d.write, repeatable=False) for d in self._writers], batch=1),
            "gather": Lane("store-gatherer", spawn, [self._gather], batch=GATHERED),
            "read": Lane("store-reader", spawn, [d.read for d in self._readers], batch=1),
        }  # fmt: skip
        self.record, self.tell = self._lanes["journal"].ask, self._lanes["journal"].tell
        spawn("store-listener", self._listen)

    async def write(self, call: Callable[[Work], Any]) -> Any:
        return await self._lanes["unit"].ask(UNIT, call)

    async def gather(self, payload: object) -> Any:
        return await self._lanes["gather"].ask(GATHER, payload)

    def _gather(self, jobs: list[Job]) -> None:
        """All together; who gave way to another transaction then is carried out again by itself."""
        self._gatherer.write(jobs, repeatable=False)
        for job in jobs if len(jobs) > 1 else ():
            if isinstance(job.error, (LostRace, *AGAIN)) or isinstance(getattr(job.error, "__cause__", None), AGAIN):
                self._gatherer.write([job], repeatable=False)

    async def read(self, call: Callable[[Work], Any]) -> Any:
        return await self._lanes["read"].ask(READ, call)

    def _record(self, jobs: list[Job]) -> None:
        """Claims wait for other claims of their platform: they keep no other write waiting, nor its locks."""
        claims = [job for job in jobs if job.route is CLAIM]
        others = [job for job in jobs if job.route is not CLAIM]
        if others:
            self._journal.write(others, repeatable=True)
        for job in claims:
            self._journal.write([job], repeatable=False)

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                listener = Listener(self._url)
            except (*GONE, StoreUnavailable):
                self._closing.wait(PAUSES[-1])
                continue
            self.bells.ring(due=True, changed=True)
            with suppress(*GONE):
                while not self._closing.is_set():
                    listener.listen(self._hear, HEARING)
            listener.close()
        self._heard.set()

    def _hear(self, message: str) -> bool:
        voice, _, flags = message.partition(" ")
        if voice != self._voice:
            self.bells.ring(due=flags[:1] == "1", changed=flags[1:] == "1")
        return not self._closing.is_set()

    def close(self) -> None:
        if self._closing.is_set():
            return
        for lane in self._lanes.values():
            lane.close()
        self._closing.set()
        with suppress(Exception):
            self._journal.work.db.run("select pg_notify('preroll', ?)", f"{self._voice} 00")
        self._heard.wait(HEARING)
        for desk in (self._journal, self._gatherer, *self._writers, *self._readers):
            desk.close()
