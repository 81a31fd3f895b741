# SPDX-License-Identifier: Apache-2.0
"""Journals with one thing wrong each. The checker proves itself by finding every one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from preroll.domain.machine import Outcome
from preroll.ports.rows import Fence, Verdict


class Mutant:
    """A journal that passes everything on."""

    def __init__(self, journal: Any) -> None:
        self.journal = journal
        self.store = journal._journal._ask.__self__

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)


def sql(mutant: Mutant, statement: str, *values: object) -> None:
    """Change rows behind everybody's back."""
    work = mutant.store._work
    work.begin()
    work.db.run(statement, *values)
    work.commit()


class NoFence(Mutant):
    """Whoever has lost a run may still write: its fence is brought up to date."""

    def _fenced(self, row: Any) -> Any:
        current = self.store._work.db.one("select epoch from boundary where key = ?", row.fence.boundary)
        return replace(row, fence=Fence(row.fence.boundary, current[0]))

    async def begin(self, step: Any) -> Any:
        return await self.journal.begin(self._fenced(step))

    async def end(self, step: Any) -> Any:
        return await self.journal.end(self._fenced(step))

    async def settle(self, settlement: Any) -> Any:
        return await self.journal.settle(self._fenced(settlement))


class NoHandOver(Mutant):
    """Nobody waits for a device that another booking has."""

    async def claim(self, *asked: Any) -> Any:
        sql(self, "delete from device_hold")
        return await self.journal.claim(*asked)


class Forgetful(Mutant):
    """A resumed run does not know its steps, and may begin them again."""

    async def claim(self, *asked: Any) -> Any:
        claims = await self.journal.claim(*asked)
        for claimed in claims.runs:
            if claimed.resumed:
                sql(self, "delete from step where boundary = ?", claimed.judged.boundary.key)
        return replace(claims, runs=tuple(replace(c, steps=()) for c in claims.runs))


class NoProbe(Mutant):
    """A step that was under way in a crash is taken as not begun."""

    async def claim(self, *asked: Any) -> Any:
        claims = await self.journal.claim(*asked)
        runs = (replace(c, steps=tuple(s for s in c.steps if s.state == "done")) for c in claims.runs)
        return replace(claims, runs=tuple(runs))


class Lossy(Mutant):
    """Now and then a run that was claimed is lost on the way."""

    lost = 0

    async def claim(self, *asked: Any) -> Any:
        claims = await self.journal.claim(*asked)
        Lossy.lost += len(claims.runs)
        return replace(claims, runs=claims.runs[1:] if Lossy.lost % 2 == 0 else claims.runs)


class Sleepy(Mutant):
    """It wakes up half a minute late."""

    async def claim(self, *asked: Any) -> Any:
        claims = await self.journal.claim(*asked)
        due = claims.next_due_us
        return replace(claims, next_due_us=due and due + 30_000_000)


class Rosy(Mutant):
    """Every run ends well."""

    async def settle(self, settlement: Any) -> Any:
        return await self.journal.settle(replace(settlement, outcome=Outcome.OK, reason=None))


class Twice(Mutant):
    """An event that is done is armed again."""

    async def settle(self, settlement: Any) -> Any:
        settled = await self.journal.settle(settlement)
        if settled.verdict is Verdict.OK:
            sql(self, "update boundary set state = 'armed' where key = ? and rank < 2", settlement.fence.boundary)
        return settled


class Unordered(Mutant):
    """Down events do not wait for the up events before them."""

    async def claim(self, *asked: Any) -> Any:
        sql(self, "update boundary set ordinal = 5 - ordinal where ordinal between 2 and 3 and state = 'armed'")
        return await self.journal.claim(*asked)


class Silent(Mutant):
    """A change of state is not told."""

    async def settle(self, settlement: Any) -> Any:
        settled = await self.journal.settle(settlement)
        sql(self, "delete from change_log where id = (select max(id) from change_log) and kind = 'booking.state'")
        return settled


class Undead(Mutant):
    """A canceled booking runs all the same."""

    async def claim(self, *asked: Any) -> Any:
        sql(self, "update boundary set state = 'armed' where state = 'dropped' and ordinal = 1")
        sql(self, "update booking set state = 'Confirmed', live = 1 where state = 'Canceled'")
        return await self.journal.claim(*asked)


class Careless(Mutant):
    """A list that is on the air counts as one that is only held."""

    async def claim(self, *asked: Any) -> Any:
        sql(self, "update booking set orchestrated = 0 where state = 'Service Active'")
        return await self.journal.claim(*asked)


MUTANTS: dict[Callable[[Any], Mutant], str] = {
    NoFence: "a write belongs to an open run",
    NoHandOver: "one owner at a time per device",
    Forgetful: "what is done is not repeated",
    NoProbe: "a step with a probe takes effect once",
    Lossy: "every life comes to its end",
    Sleepy: "what is due and free is claimed at once",
    Rosy: "a success is a script that returned",
    Twice: "what is due and free is claimed at once",
    Unordered: "events run in order",
    Silent: "every change of state is in the change log",
    Careless: "a list that is Completed is down",
    Undead: "every change of state is in the change log",
}
"""Each with the rule by which it is found."""
