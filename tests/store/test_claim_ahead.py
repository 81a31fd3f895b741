# SPDX-License-Identifier: Apache-2.0
"""What a claim takes before its instant, so that it is durable when that comes."""

from __future__ import annotations

from preroll.domain.booking import State, Timing
from preroll.domain.boundaries import BoundaryState, Kind
from tests.builders import MINUTE
from tests.store.world import OFF_AIR, ON_AIR, PRE_ROLL, SECOND

AHEAD = 10_000


async def test_an_event_is_taken_ahead_and_began_on_its_instant(world):
    made = await world.book()
    assert (await world.claim(PRE_ROLL - AHEAD - 1, ahead=AHEAD)).runs == ()
    (run,) = (await world.claim(PRE_ROLL - AHEAD, ahead=AHEAD)).runs
    assert run.began_us == PRE_ROLL
    stored = await world.boundary(made, Kind.START_OF_PRE_ROLL)
    assert (stored.state, stored.began_us) == (BoundaryState.RUNNING, PRE_ROLL)
    assert [r.began_us for r in await world.runs(made)] == [PRE_ROLL]


async def test_it_says_when_to_claim_so_that_the_next_event_is_taken_ahead(world):
    await world.book()
    assert (await world.claim(PRE_ROLL - SECOND, ahead=AHEAD)).next_due_us == PRE_ROLL - AHEAD
    await world.claim(PRE_ROLL - AHEAD, ahead=AHEAD)
    assert (await world.claim(PRE_ROLL, ahead=AHEAD)).next_due_us == ON_AIR - AHEAD


async def test_what_needs_no_script_is_settled_on_its_instant(world):
    bare = await world.unscripted()
    made = await world.book(definition=bare.key)
    early = await world.claim(PRE_ROLL - AHEAD, ahead=AHEAD)
    assert (early.runs, early.settled, early.more, early.next_due_us) == ((), 0, False, PRE_ROLL)
    assert await world.state(made) is State.CONFIRMED
    assert (await world.claim(PRE_ROLL, ahead=AHEAD)).settled == 1


async def test_a_device_is_handed_over_at_one_instant_also_when_both_events_are_taken_ahead(world):
    leaving = await world.book("Leaving", on=["enc-1"])
    await world.play(ON_AIR)
    end = (await world.boundary(leaving, Kind.END_OF_POST_ROLL)).due_us
    next_up = Timing(end + 5 * MINUTE, end + 30 * MINUTE, pre_roll=5 * MINUTE)
    coming = await world.book("Coming", on=["enc-1"], timing=next_up)
    await world.play(OFF_AIR)
    (down,) = (await world.claim(end - AHEAD, ahead=AHEAD)).runs
    assert (down.judged.booking.id, down.judged.boundary.kind) == (leaving.id, Kind.END_OF_POST_ROLL)
    assert (await world.boundary(coming, Kind.START_OF_PRE_ROLL)).waits_for == down.judged.boundary.key
    await world.settle(down)
    (up,) = (await world.claim(ahead=AHEAD)).runs
    assert (up.judged.booking.id, up.began_us) == (coming.id, end)


async def test_an_up_event_is_not_taken_ahead_of_a_down_event_that_needs_no_script(world):
    scripted = world.definition
    world.definition = await world.unscripted()
    leaving = await world.book("Leaving", on=["enc-1"])
    await world.play(OFF_AIR)
    end = (await world.boundary(leaving, Kind.END_OF_POST_ROLL)).due_us
    world.definition = scripted
    next_up = Timing(end + 5 * MINUTE, end + 30 * MINUTE, pre_roll=5 * MINUTE)
    coming = await world.book("Coming", on=["enc-1"], timing=next_up)
    early = await world.claim(end - AHEAD, ahead=AHEAD)
    assert (early.runs, early.settled, early.next_due_us) == ((), 0, end)
    claims = await world.claim(end, ahead=AHEAD)
    runs = claims.runs or (await world.claim(ahead=AHEAD)).runs
    assert [run.judged.booking.id for run in runs] == [coming.id]
    assert await world.state(leaving) is State.COMPLETED


async def test_nothing_but_a_booking_s_own_events_is_taken_ahead(world):
    """Orders and audits compare when they began with when something changed."""
    await world.configure(start_failure_script="alarm")
    await world.book()
    await world.fail(await world.only(PRE_ROLL))
    soon = PRE_ROLL + AHEAD // 2
    later = f"update boundary set due_us = {soon} where kind = '{Kind.START_FAILURE.value}'"
    await world.store.write(lambda tx: tx._work.db.run(later))
    early = await world.claim(ahead=AHEAD)
    assert (early.runs, early.next_due_us) == ((), soon)
    (run,) = (await world.claim(soon, ahead=AHEAD)).runs
    assert run.judged.boundary.kind is Kind.START_FAILURE
