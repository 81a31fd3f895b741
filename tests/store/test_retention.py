# SPDX-License-Identifier: Apache-2.0
"""Bookings whose retention is over are forgotten with all that was written of them; both databases."""

from __future__ import annotations

from preroll.domain.booking import State
from preroll.domain.changes import Change
from preroll.domain.window import DAY
from preroll.store.tables import metadata
from preroll.store.work import Work
from tests.builders import NOON
from tests.store.world import END, OFF_AIR, ON_AIR, PRE_ROLL


async def rows(world, table: str) -> int:
    def count(work: Work) -> int:
        return int(work.db.all(f"select count(*) from {table}")[0][0])

    return await world.store._backend.read(count)


async def purged(world, *, before: int, limit: int = 100) -> int:
    return await world.store.write(lambda tx: tx.retention.purge(world.platform.key, before, limit))


async def lived(world, name: str) -> str:
    """A booking that went through all its events, with runs, steps, log, reservations and changes."""
    made = await world.book(name, on=["enc-1"])
    for at in (PRE_ROLL, ON_AIR, OFF_AIR, END):
        run = await world.only(at)
        await world.settle(run)
    await world.store.write(lambda tx: tx.changes.add(Change("booking.edited", made.id, world.platform.key, "anna")))
    return made.id


async def test_nothing_is_left_of_one_that_is_forgotten(world):
    before = {table.name: await rows(world, table.name) for table in metadata.sorted_tables}
    await lived(world, "News")
    assert await rows(world, "run") == 4
    assert await purged(world, before=END + DAY) == 1
    after = {table.name: await rows(world, table.name) for table in metadata.sorted_tables}
    assert {name for name in after if after[name] != before[name]} == set()


async def test_only_what_ended_before_that_instant_goes(world):
    await lived(world, "News")
    waiting = await world.book("Waiting", state=State.PARTIAL, armed=False)
    assert await purged(world, before=PRE_ROLL) == 0
    assert await purged(world, before=END) == 0, "the end itself is not before it"
    assert await purged(world, before=NOON + 400 * DAY) == 1
    assert (await world.booking(waiting)).state is State.PARTIAL


async def test_no_more_go_at_once_than_are_asked_for(world):
    for n in range(5):
        await world.book(f"N{n}", state=(State.CANCELED, State.FAILED)[n % 2], armed=False)
    assert [await purged(world, before=NOON + DAY, limit=2) for _ in range(4)] == [2, 2, 1, 0]


async def test_what_was_not_reset_stays(world):
    made = await world.book(on=["enc-1"], state=State.FAILED_COMPLETED, armed=False, not_reset=True)
    await world.store._backend.write(
        lambda work: work.db.run("update reservation set unreset = 1, live = 0 where booking = ?", made.key)
    )
    assert await purged(world, before=NOON + DAY) == 0
