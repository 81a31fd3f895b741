# SPDX-License-Identifier: Apache-2.0
"""Who may take what, when, and in which order."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from preroll.domain.booking import State, Timing
from preroll.domain.boundaries import BoundaryState, Kind, Reason
from preroll.domain.config import Platform
from preroll.domain.errors import Stale
from preroll.domain.resource import Mode
from preroll.domain.window import MINUTE, SECOND
from preroll.ports.rows import Failure
from preroll.store import journal_claim
from tests import builders
from tests.builders import NOON
from tests.store.world import END, LEASE, OFF_AIR, ON_AIR, PRE_ROLL, ran


async def test_nothing_is_claimed_before_it_is_due(world):
    await world.book()
    claims = await world.claim(PRE_ROLL - 1)
    assert (claims.runs, claims.settled, claims.more) == ((), 0, False)
    assert claims.next_due_us == PRE_ROLL
    assert claims.now_us == PRE_ROLL - 1


async def test_what_is_due_is_claimed_with_all_that_the_run_needs(world):
    made = await world.book(on=["enc-1"])
    run = await world.only(PRE_ROLL)
    assert run.judged.boundary.kind is Kind.START_OF_PRE_ROLL
    assert run.judged.boundary.state is BoundaryState.RUNNING
    assert (run.epoch, run.judged.boundary.worker, run.began_us) == (1, world.worker, PRE_ROLL)
    assert (ran(run.decision), run.decision.target, run.decision.previous) == ("warm-up", "STANDBY", "STOP")
    assert run.judged.definition == world.definition
    assert run.judged.platform.config == world.platform.config
    assert (run.steps, run.resumed, run.version) == ((), False, "")
    assert run.key_prefix == f"{run.judged.boundary.key}:1:0"
    stored = await world.booking(made)
    assert run.judged.booking == stored
    assert (stored.began, stored.entering, stored.state) == (True, "Pre-roll", State.CONFIRMED)
    assert stored.state_version == made.state_version + 1
    assert stored.revision == made.revision, "the engine does not touch what people edit"
    (row,) = await world.runs(made)
    assert (row.id, row.script, row.outcome, row.worker, row.config_version) == (run.run, "warm-up", "running", "w", 1)


async def test_what_is_claimed_is_not_claimed_again(world):
    await world.book()
    await world.only(PRE_ROLL)
    claims = await world.claim(PRE_ROLL + SECOND)
    assert (claims.runs, claims.settled) == ((), 0)


async def test_planned_and_actual_times_are_kept(world):
    made = await world.book()
    run = await world.only(PRE_ROLL + 7 * SECOND)
    world.clock.us = PRE_ROLL + 9 * SECOND
    await world.settle(run)
    stored = await world.boundary(made, Kind.START_OF_PRE_ROLL)
    times = (stored.planned_us, stored.due_us, stored.began_us, stored.ended_us)
    assert times == (PRE_ROLL, PRE_ROLL, PRE_ROLL + 7 * SECOND, PRE_ROLL + 9 * SECOND)


async def test_the_four_events_come_in_order_however_late(world):
    made = await world.book(timing=Timing(NOON, NOON + 60 * MINUTE, 5 * MINUTE, 5 * MINUTE))
    assert await world.drain(PRE_ROLL) == [Kind.START_OF_PRE_ROLL]
    claims = await world.claim(END)
    missed = Failure(made.id, made.name, "START", Reason.MISSED, "the on-air end has passed")
    assert (claims.runs, claims.settled, claims.failed) == ((), 1, (missed,)), "no up event at or after the on-air end"
    assert await world.drain(END) == [Kind.START_OF_POST_ROLL, Kind.END_OF_POST_ROLL]
    stored = await world.boundaries(made)
    assert stored[Kind.END_OF_PRE_ROLL].reason is Reason.MISSED
    assert await world.state(made) is State.COMPLETED


async def test_an_event_waits_for_the_one_before_it(world):
    await world.book(timing=Timing(NOON, NOON + 60 * MINUTE))
    run = await world.only(NOON)
    assert run.judged.boundary.kind is Kind.START_OF_PRE_ROLL
    assert (await world.claim()).runs == ()
    await world.settle(run)
    assert (await world.only()).judged.boundary.kind is Kind.END_OF_PRE_ROLL


async def test_zero_length_rolls_go_back_to_back(world):
    made = await world.book(timing=Timing(NOON, NOON + 60 * MINUTE))
    assert await world.drain(NOON) == [Kind.START_OF_PRE_ROLL, Kind.END_OF_PRE_ROLL]
    assert await world.drain(NOON + 60 * MINUTE) == [Kind.START_OF_POST_ROLL, Kind.END_OF_POST_ROLL]
    assert await world.state(made) is State.COMPLETED


async def test_a_permanent_booking_stays_on_the_air(world):
    made = await world.book(timing=builders.timing(end=None, post_roll=0))
    assert await world.drain(NOON) == [Kind.START_OF_PRE_ROLL, Kind.END_OF_PRE_ROLL]
    claims = await world.claim(NOON + 10**14)
    assert (claims.runs, claims.next_due_us) == ((), None)
    assert await world.state(made) is State.ACTIVE


@pytest.mark.parametrize("state", [State.PARTIAL, State.ON_HOLD, State.QUARANTINED, State.CANCELED])
async def test_a_booking_that_is_not_orchestrated_is_left_alone(world, state):
    await world.book(state=state)
    assert (await world.claim(NOON)).runs == ()


async def test_disarmed_boundaries_are_left_alone(world):
    await world.book(armed=False)
    claims = await world.claim(NOON)
    assert (claims.runs, claims.next_due_us) == ((), None)


async def test_down_events_come_first_then_the_due_time_then_the_key(world):
    await world.configure(limits={"simultaneous_lso": 1})
    ending = await world.book("ending")
    await world.drain(ON_AIR)
    early = await world.book("early", timing=Timing(OFF_AIR - MINUTE, OFF_AIR + 60 * MINUTE))
    twins = [await world.book(f"twin {i}", timing=Timing(OFF_AIR, OFF_AIR + 60 * MINUTE)) for i in (1, 2)]
    order = []
    for _ in range(4):
        run = await world.only(OFF_AIR)
        order.append(run.judged.booking.key)
        await world.settle(run)
        await world.store.write(lambda tx, k=run.judged.booking.key: tx.boundaries.upsert(
            replace(b, state=BoundaryState.DISARMED) for b in tx.boundaries.of(k) if b.state is BoundaryState.ARMED
        ))  # fmt: skip
    assert order == [ending.key, early.key, twins[0].key, twins[1].key]


async def test_no_more_runs_than_the_platform_allows(world):
    await world.configure(limits={"simultaneous_lso": 3})
    for i in range(5):
        await world.book(f"show {i}")
    first = await world.claim(PRE_ROLL)
    assert len(first.runs) == 3
    assert not first.more, "what waits for room comes when a run is settled"
    assert (await world.claim()).runs == ()
    await world.settle(first.runs[0])
    assert len((await world.claim()).runs) == 1


async def test_no_more_runs_than_the_caller_takes(world):
    for i in range(5):
        await world.book(f"show {i}")
    claims = await world.claim(PRE_ROLL, limit=2)
    assert (len(claims.runs), claims.more) == (2, True)
    assert len((await world.claim(limit=10)).runs) == 3


async def test_a_full_bound_holds_up_nothing_that_needs_no_script(world):
    await world.configure(limits={"simultaneous_lso": 1})
    await world.book("scripted")
    bare = await world.unscripted()
    plain = await world.book("plain", definition=bare.key)
    claims = await world.claim(PRE_ROLL)
    assert (len(claims.runs), claims.settled) == (1, 1)
    assert await world.state(plain) is State.PRE_ROLL


async def test_each_platform_has_its_own_bound(world):
    await world.configure(limits={"simultaneous_lso": 1})
    await world.book("here 1")
    await world.book("here 2")
    other = await world.store.write(lambda tx: tx.platforms.put(Platform("radio", config=world.platform.config)))
    there = builders.definition(platform=other.key)
    world.platform, world.definition = other, await world.store.write(lambda tx: tx.catalogue.put_definition(there))
    await world.book("there")
    claims = await world.claim(PRE_ROLL)
    assert sorted(run.judged.platform.name for run in claims.runs) == ["radio", "tv"]


async def test_what_needs_no_script_is_settled_in_the_claim(world):
    bare = await world.unscripted()
    made = await world.book(definition=bare.key)
    claims = await world.claim(PRE_ROLL)
    assert (claims.runs, claims.settled, claims.more) == ((), 1, True)
    stored = await world.boundary(made, Kind.START_OF_PRE_ROLL)
    assert (stored.state, stored.began_us, stored.ended_us) == (BoundaryState.DONE, PRE_ROLL, PRE_ROLL)
    booking = await world.booking(made)
    assert (booking.state, booking.service_state, booking.began) == (State.PRE_ROLL, "STANDBY", True)
    assert await world.runs(made) == []
    await world.drain(END)
    assert await world.state(made) is State.COMPLETED


@pytest.mark.parametrize("hands_off", [True, False])
async def test_a_resource_that_is_hands_off_at_the_start_is_not_active(world, hands_off):
    made = await world.book(on=["enc-1"])
    stored = replace(world.resources["enc-1"], hands_off=hands_off, properties={"hands_off": True})
    await world.store.write(lambda tx: tx.catalogue.put_resource(stored))
    claims = await world.claim(PRE_ROLL)
    assert len(claims.runs) == (0 if hands_off else 1), "a property of that name means nothing"
    if hands_off:
        first = await world.boundary(made, Kind.START_OF_PRE_ROLL)
        assert (first.reason, first.message) == (Reason.RESOURCE_NOT_ACTIVE, "not available: enc-1 (hands off)")
        assert await world.state(made) is State.FAILED


async def test_nothing_begins_on_a_paused_platform(world):
    """Neither an up event, nor a down event, nor a retry."""
    going, failed = [await world.book(name) for name in ("Going", "Failed")]
    for run in (await world.claim(PRE_ROLL)).runs:
        if run.judged.booking.id == failed.id:
            await world.fail(run)
        else:
            await world.settle(run)
    await world.configure(paused=True)
    await world.retry(failed, Kind.START_OF_PRE_ROLL)
    claims = await world.claim(OFF_AIR)
    assert (claims.runs, claims.settled, claims.more) == ((), 0, False)
    assert claims.next_due_us == END, "it sleeps until there is something new"
    assert await world.state(going) is State.PRE_ROLL
    await world.configure(paused=False)
    assert Kind.START_OF_POST_ROLL in await world.drain(OFF_AIR)
    assert await world.state(going) is State.POST_ROLL


async def test_what_runs_on_a_paused_platform_is_taken_over_and_settled(world):
    made = await world.book()
    await world.only(PRE_ROLL)
    await world.configure(paused=True)
    again = await world.only(PRE_ROLL + LEASE + SECOND, await world.enlist())
    assert again.resumed
    await world.settle(again)
    assert await world.state(made) is State.PRE_ROLL


async def test_another_platform_goes_on(world):
    other = await world.store.write(lambda tx: tx.platforms.put(Platform("radio")))
    made = await world.book(definition=None, platform=other.key)
    await world.configure(paused=True)
    await world.claim(PRE_ROLL)
    assert (await world.booking(made)).began


async def test_a_refused_first_event_means_that_it_could_not_be_initiated(world):
    made = await world.book(on=["enc-1"])
    await world.store.write(
        lambda tx: tx.catalogue.put_resource(replace(world.resources["enc-1"], mode=Mode.MAINTENANCE))
    )
    claims = await world.claim(PRE_ROLL)
    assert (claims.runs, claims.settled) == ((), 1)
    stored = await world.boundaries(made)
    first = stored.pop(Kind.START_OF_PRE_ROLL)
    assert (first.state, first.reason) == (BoundaryState.FAILED, Reason.RESOURCE_NOT_ACTIVE)
    assert "enc-1" in first.message
    assert {b.state for b in stored.values()} == {BoundaryState.DROPPED}
    assert await world.state(made) is State.FAILED
    assert await world.raw("select count(*) from reservation where live = 1") == [(0,)]


async def test_two_that_start_at_once_cannot_both_have_the_name(world):
    one = await world.book("News")
    two = await world.book("NEWS")
    claims = await world.claim(PRE_ROLL)
    assert [run.judged.booking.id for run in claims.runs] == [one.id]
    refused = await world.boundary(two, Kind.START_OF_PRE_ROLL)
    assert (refused.reason, one.id in refused.message) == (Reason.SERVICE_NAME_IN_USE, True)


async def test_the_name_of_a_running_booking_is_taken(world):
    one = await world.book("News")
    await world.drain(ON_AIR)
    two = await world.book("news", timing=Timing(NOON + 20 * MINUTE, NOON + 30 * MINUTE))
    await world.drain(NOON + 20 * MINUTE)
    assert (await world.boundary(two, Kind.START_OF_PRE_ROLL)).reason is Reason.SERVICE_NAME_IN_USE
    assert await world.state(one) is State.ACTIVE


async def test_the_next_instant_is_told(world):
    await world.book("later", timing=Timing(NOON + 60 * MINUTE, NOON + 120 * MINUTE))
    run = await world.book("sooner") and await world.only(PRE_ROLL)
    claims = await world.claim()
    assert claims.next_due_us == ON_AIR, "also that of an event whose turn has not come: it may call for a cancel"
    await world.settle(run)
    assert (await world.claim()).next_due_us == ON_AIR


async def test_the_lease_of_others_is_an_instant_too(world):
    await world.book(timing=Timing(NOON, NOON + 60 * MINUTE))
    await world.only(NOON)
    other = await world.enlist()
    assert (await world.claim(NOON + SECOND, worker=other)).next_due_us == NOON + LEASE


async def test_asides_take_a_quarter_of_the_bound_at_most(world):
    await world.configure(limits={"simultaneous_lso": 4}, start_failure_script="alarm")
    for i in range(3):
        await world.book(f"broken {i}", on=[])
    for run in (await world.claim(PRE_ROLL)).runs:
        await world.fail(run)
    claims = await world.claim()
    assert [run.judged.boundary.kind for run in claims.runs] == [Kind.START_FAILURE]
    await world.settle(claims.runs[0])
    assert len((await world.claim()).runs) == 1


async def test_a_timetable_of_a_hundred_thousand_is_not_walked(world):
    await world.book()
    await world.store.write(lambda tx: tx._work.db.run("update boundary set due_us = due_us"))
    if world.store._backend.version is None:
        pytest.skip("the plan is read from SQLite")
    values = ", ".join("1" for _ in range(3 * len(journal_claim._BRANCHES)))
    sql = journal_claim._DUE
    for value in values.split(", "):
        sql = sql.replace("?", value, 1)
    plan = [row[3] for row in await world.raw(f"explain query plan {sql}")]
    walks = [line for line in plan if line.startswith("SCAN") and not line.startswith(("SCAN c", "SCAN (sub"))]
    assert walks == []
    assert sum("ix_boundary_due" in line for line in plan) == len(journal_claim._BRANCHES)


# ---------------------------------------------------------------------- races


async def test_a_command_that_read_before_the_claim_is_stale(world):
    seen = await world.book()
    await world.only(PRE_ROLL)
    with pytest.raises(Stale):
        await world.cancel(seen)
    assert (await world.boundary(seen, Kind.START_OF_PRE_ROLL)).state is BoundaryState.RUNNING


async def test_a_claim_after_the_command_finds_nothing(world):
    seen = await world.book()
    await world.cancel(seen)
    assert (await world.claim(NOON)).runs == ()


async def test_of_cancel_and_claim_exactly_one_wins(world):
    """Many times over, both at once."""
    for i in range(15):
        seen = await world.book(f"show {i}")
        world.clock.us = PRE_ROLL
        results = await asyncio.gather(world.claim(), world.cancel(seen), return_exceptions=True)
        claimed = [run for run in results[0].runs if run.judged.booking.key == seen.key]
        if claimed:
            assert isinstance(results[1], Stale)
            await world.settle(claimed[0])
        else:
            assert results[1] is None
            assert await world.state(seen) is State.CANCELED
        assert (await world.claim()).runs == ()
        world.clock.us = NOON - 60 * MINUTE


async def test_two_workers_never_claim_the_same(world, opened):
    other = opened()
    await other.like(world)
    for i in range(40):
        await world.book(f"show {i}")
    world.clock.us = PRE_ROLL
    found = await asyncio.gather(*(w.claim(limit=7) for w in [world, other] * 4))
    keys = [run.judged.boundary.key for claims in found for run in claims.runs]
    assert len(keys) == len(set(keys)) == 40


async def test_two_workers_share_one_bound(world, opened):
    await world.configure(limits={"simultaneous_lso": 10})
    other = opened()
    await other.like(world)
    for i in range(40):
        await world.book(f"show {i}")
    world.clock.us = PRE_ROLL
    found = await asyncio.gather(*(w.claim() for w in [world, other] * 3))
    assert sum(len(claims.runs) for claims in found) == 10


async def test_a_claim_whose_answer_was_lost_is_made_good(world):
    """The claim is committed, the caller never hears of it: the runs must not hang for ever."""
    made = await world.book()
    world.clock.us = PRE_ROLL
    lost = asyncio.ensure_future(world.claim())
    await asyncio.sleep(0)
    lost.cancel()
    with pytest.raises(asyncio.CancelledError):
        await lost
    again = await world.only()
    assert (again.resumed, again.judged.booking.key) in {(True, made.key), (False, made.key)}
    assert (await world.claim()).runs == (), "and what it knows it has is not taken over a second time"
    await world.settle(again)
    assert await world.state(made) is State.PRE_ROLL
