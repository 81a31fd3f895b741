# SPDX-License-Identifier: Apache-2.0
"""A store that does not answer for a while holds a run up; it does not fail it."""

from __future__ import annotations

from preroll.domain.errors import StoreUnavailable
from preroll.domain.machine import Outcome
from preroll.ports.rows import StepBegin, StepEnd, Verdict
from tests.scripts.rig import MemoryLedger, Room

SCRIPT = """
@lso
async def two_steps(ctx):
    async def work(key):
        return key
    await ctx.step("first", work)
    await ctx.step("second", work)
"""


class Flaky(MemoryLedger):
    """Does not answer the first calls; the begin of them may have been written all the same."""

    def __init__(self, *, begins: int, ends: int, written: bool) -> None:
        super().__init__()
        self.begins, self.ends, self.written = begins, ends, written

    async def begin(self, step: StepBegin) -> Verdict:
        if self.begins:
            self.begins -= 1
            if self.written:
                await super().begin(step)
            raise StoreUnavailable("no answer")
        return await super().begin(step)

    async def end(self, step: StepEnd) -> Verdict:
        if self.ends:
            self.ends -= 1
            raise StoreUnavailable("no answer")
        return await super().end(step)


async def ran(room: Room, ledger: Flaky) -> None:
    room.write("two.py", SCRIPT)
    room.ledger = ledger
    pool = await room.pool()
    report = await room.run(pool, room.order("two_steps"))
    assert report.outcome is Outcome.OK, report.message
    assert [s.name for s in ledger.ended] == ["first", "second"]
    assert set(ledger.done().values()) == {1}


async def test_a_begin_is_asked_again(room: Room) -> None:
    await ran(room, Flaky(begins=2, ends=0, written=False))


async def test_a_begin_that_was_written_is_asked_as_a_further_attempt(room: Room) -> None:
    ledger = Flaky(begins=1, ends=0, written=True)
    await ran(room, ledger)
    assert [s.attempt for s in ledger.begun if s.name == "first"] == [1, 2]


async def test_an_end_is_told_until_it_is_written_before_anything_else_begins(room: Room) -> None:
    ledger = Flaky(begins=0, ends=2, written=False)
    await ran(room, ledger)
    assert [s.name for s in ledger.begun] == ["first", "second"]
