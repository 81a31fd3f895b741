# SPDX-License-Identifier: Apache-2.0
"""The journal: the engine's way to write, as asynchronous calls that share commits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from preroll.domain.reach import Labels
from preroll.ports.rows import (
    Adopted,
    Claims,
    Decide,
    LogLine,
    Settled,
    Settlement,
    StepBegin,
    StepEnd,
    Verdict,
)
from preroll.ports.workers import Role
from preroll.store import leases
from preroll.store.engine import Route
from preroll.store.journal_claim import Call, claim
from preroll.store.journal_settle import settle
from preroll.store.journal_steps import begin, end, log
from preroll.store.journal_takeover import adopt, sent
from preroll.store.work import Work


def _tasks(work: Work, tasks: Sequence[Callable[[Work], object]]) -> list[object]:
    return [task(work) for task in tasks]


def _claims(work: Work, calls: Sequence[Call]) -> list[Claims]:
    return [claim(work, call) for call in calls]


TASK = Route("task", 0, _tasks, merge=False)
SETTLE = Route("settle", 1, settle, points=True)
END = Route("end", 2, end, points=True)
BEGIN = Route("begin", 3, begin, points=True)
LOG = Route("log", 4, log)
CLAIM = Route("claim", 9, _claims, merge=False, points=True)


class Ask(Protocol):
    """How the journal hands its calls over: to a lane, or straight to the connection."""

    def __call__(self, route: Route, payload: object) -> Awaitable[Any]: ...


Tell = Callable[[Route, object], None]
"""The same for what nobody waits for."""


class SqlJournal:
    """The journal of a store."""

    def __init__(self, ask: Ask, tell: Tell) -> None:
        self._ask, self._tell = ask, tell
        self._owned: dict[int, set[int]] = {}
        """Worker -> boundaries that it was told it owns; they are its until they are settled."""
        self._doubt: set[int] = set()
        """Workers whose last claim was lost on the way back: it may have taken runs that nobody carries out."""

    async def enlist(
        self,
        name: str,
        host: str,
        pid: int,
        version: str,
        lease_us: int,
        labels: Labels = frozenset(),
        role: Role = Role.HERE,
    ) -> int:
        def enlisted(work: Work) -> int:
            return leases.enlist(work, name, host, pid, version, lease_us, labels, role)

        key: int = await self._ask(TASK, enlisted)
        self._owned[key] = set()
        return key

    async def offer(self, worker: int, scripts: Mapping[str, str]) -> None:
        await self._ask(TASK, lambda work: leases.offer(work, worker, scripts))

    async def adopt(self, worker: int, boundary: int, generation: int) -> Adopted:
        adopted: Adopted = await self._ask(TASK, lambda work: adopt(work, worker, boundary, generation))
        return adopted

    async def sent(self, worker: int) -> frozenset[int]:
        keys: frozenset[int] = await self._ask(TASK, lambda work: sent(work, worker))
        self._owned.setdefault(worker, set()).intersection_update(keys)
        return keys

    async def renew(self, worker: int, lease_us: int) -> None:
        await self._ask(TASK, lambda work: leases.renew(work, worker, lease_us))

    async def retire(self, worker: int) -> None:
        await self._ask(TASK, lambda work: leases.retire(work, worker))

    async def bury(self, survivor: int) -> int:
        count: int = await self._ask(TASK, lambda work: leases.bury(work, survivor))
        return count

    async def claim(self, worker: int, lease_us: int, decide: Decide, limit: int, ahead_us: int = 0) -> Claims:
        owned = self._owned.setdefault(worker, set())
        doubt = frozenset(owned) if worker in self._doubt else None
        try:
            claims: Claims = await self._ask(CLAIM, Call(worker, lease_us, decide, limit, ahead_us, doubt))
        except BaseException:
            self._doubt.add(worker)
            raise
        if doubt is not None:
            self._doubt.discard(worker)
        owned.update(claimed.judged.boundary.key for claimed in claims.runs)
        return claims

    def begin(self, step: StepBegin) -> Awaitable[Verdict]:
        return self._ask(BEGIN, step)

    def end(self, step: StepEnd) -> Awaitable[Verdict]:
        return self._ask(END, step)

    async def settle(self, settlement: Settlement) -> Settled:
        settled: Settled = await self._ask(SETTLE, settlement)
        for owned in self._owned.values():
            owned.discard(settlement.fence.boundary)
        return settled

    def note(self, line: LogLine) -> None:
        self._tell(LOG, line)
