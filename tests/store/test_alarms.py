# SPDX-License-Identifier: Apache-2.0
"""Near-air alarms on both databases: once, by whoever claims, after a restart, and many at once."""

from __future__ import annotations

from dataclasses import replace

from preroll.domain.attention import Attention
from preroll.domain.booking import State, Timing
from preroll.domain.window import MINUTE, SECOND
from preroll.ports.lists import BookingFilter
from preroll.store import journal_alarms
from tests.builders import NOON
from tests.store.world import ON_AIR, PRE_ROLL, World

NEAR = PRE_ROLL - 15 * MINUTE


async def waits(world: World, name: str = "News", state: State = State.PARTIAL, **changes: object):
    return await world.book(name, armed=False, state=state, **changes)


async def alarmed(world: World, booking) -> list[tuple[str, str]]:
    found = await world.store.read(lambda tx: tx.changes.of(booking.id))
    return [(change.actor, change.after) for change in found if change.kind == journal_alarms.NEAR_AIR]


async def test_an_alarm_is_raised_once_and_when_it_is_due(world):
    made = await waits(world)
    assert (await world.claim(NEAR - 1)).next_due_us == NEAR
    assert await alarmed(world, made) == []
    assert (await world.claim(NEAR)).next_due_us is None
    await world.claim(NEAR + 10 * SECOND)
    assert await alarmed(world, made) == [("engine", "Partial")]
    assert await world.booking(made) == made, "an alarm changes nothing of the booking"


async def test_another_process_neither_repeats_nor_forgets_it(opened):
    one, other = opened(), opened()
    await one.furnish()
    await other.like(one)
    first, second = await waits(one), await waits(one, "Second")
    await one.claim(NEAR)
    await one.store.write(lambda tx: tx.bookings.put(replace(second, revision=2, state=State.CONFIRMED), seen=second))
    seen = await one.booking(second)
    await one.store.write(lambda tx: tx.bookings.put(replace(seen, revision=3, state=State.ON_HOLD), seen=seen))
    await other.claim(NEAR + 2 * SECOND)
    assert await alarmed(other, first) == [("engine", "Partial")]
    assert await alarmed(other, second) == [("engine", "Partial"), ("engine", "On-Hold")]


async def test_what_was_over_before_anybody_looked_is_not_told_any_more(world):
    made = await waits(world)
    await world.claim(NOON + 24 * 60 * MINUTE)
    assert await alarmed(world, made) == []
    page = await world.store.read(
        lambda tx: tx.bookings.page(BookingFilter(attention=frozenset({Attention.LAPSED})), None, 10)
    )
    assert page.items == (made,)


async def test_many_at_once_are_raised_in_several_looks(world, monkeypatch):
    monkeypatch.setattr(journal_alarms, "CHUNK", 3)
    monkeypatch.setattr(journal_alarms, "_NEAR", journal_alarms._NEAR.replace("limit 256", "limit 3"))
    made = [await waits(world, f"N{n}", timing=Timing(ON_AIR + n * SECOND, None)) for n in range(7)]
    due = await world.claim(ON_AIR)
    assert due.next_due_us == ON_AIR + SECOND
    await world.claim(ON_AIR + SECOND)
    await world.claim(ON_AIR + 2 * SECOND)
    assert [len(await alarmed(world, booking)) for booking in made] == [1] * 7


async def test_who_runs_or_has_ended_needs_no_attention(world):
    await world.book("Runs", on=["enc-1"])
    await world.only(PRE_ROLL)
    await waits(world, "Over", State.CANCELED)
    both = BookingFilter(attention=frozenset(Attention))
    page = await world.store.read(lambda tx: tx.bookings.page(both, None, 10))
    assert page.items == ()
