# SPDX-License-Identifier: Apache-2.0
"""Leases, and what becomes of runs whose worker is gone."""

from __future__ import annotations

from preroll.domain.booking import State, Timing
from preroll.domain.boundaries import Kind
from preroll.domain.window import MINUTE, SECOND
from preroll.ports.rows import Severity, StepState, Verdict
from tests.builders import NOON
from tests.store.world import END, LEASE, OFF_AIR, ON_AIR, PRE_ROLL, ran


async def test_nobody_takes_over_before_the_lease_is_over(world):
    await world.book()
    await world.only(PRE_ROLL)
    heir = await world.enlist()
    assert (await world.claim(PRE_ROLL + LEASE - 1, worker=heir)).runs == ()
    taken = await world.only(PRE_ROLL + LEASE, worker=heir)
    assert (taken.resumed, taken.epoch, taken.judged.boundary.worker) == (True, 2, heir)


async def test_a_run_that_is_taken_over_is_the_same_run(world):
    made = await world.book(on=["enc-1"])
    run = await world.only(PRE_ROLL)
    heir = await world.enlist()
    taken = await world.only(PRE_ROLL + LEASE, worker=heir)
    assert (taken.run, taken.began_us, taken.key_prefix) == (run.run, PRE_ROLL, run.key_prefix)
    assert ran(taken.decision) == "warm-up"
    assert taken.judged.booking == await world.booking(made)
    (row,) = await world.runs(made)
    assert (row.id, row.epoch, row.began_us, row.ended_us) == (run.run, 2, PRE_ROLL, None)
    assert await world.holds() == {f"resource:{world.resources['enc-1'].id}": run.judged.boundary.key}
    assert (await world.settle(taken)).state is State.PRE_ROLL
    assert (await world.settle(run)).verdict is Verdict.FENCED, "the first owner comes too late"


async def test_a_claim_and_a_heartbeat_keep_the_lease(world):
    await world.book()
    await world.only(PRE_ROLL)
    heir = await world.enlist()
    await world.claim(PRE_ROLL + LEASE - 1)
    assert (await world.claim(PRE_ROLL + LEASE + SECOND, worker=heir)).runs == ()
    await world.store.journal.renew(world.worker, LEASE)
    assert (await world.claim(PRE_ROLL + 2 * LEASE, worker=heir)).runs == ()
    assert len((await world.claim(PRE_ROLL + 2 * LEASE + SECOND, worker=heir)).runs) == 1


async def test_a_worker_that_retires_leaves_its_runs_at_once(world):
    await world.book()
    await world.only(PRE_ROLL)
    heir = await world.enlist()
    await world.store.journal.retire(world.worker)
    assert (await world.only(worker=heir)).resumed


async def test_who_survives_buries_the_others(world):
    await world.book()
    await world.only(PRE_ROLL)
    await world.enlist()
    heir = await world.enlist()
    assert await world.store.journal.bury(heir) == 2
    assert await world.store.journal.bury(heir) == 0
    assert (await world.only(worker=heir)).resumed


async def test_a_worker_does_not_take_over_from_itself(world):
    await world.book()
    await world.only(PRE_ROLL)
    assert (await world.claim(PRE_ROLL + 10 * LEASE)).runs == ()


async def test_of_two_heirs_one_inherits(world, opened):
    await world.book()
    await world.only(PRE_ROLL)
    other = opened()
    await other.like(world)
    heir = await world.enlist()
    first = await world.claim(PRE_ROLL + LEASE, worker=heir)
    second = await other.claim()
    assert (len(first.runs), len(second.runs)) == (1, 0)


async def test_a_run_taken_over_twice_has_the_third_epoch(world):
    await world.book()
    await world.only(PRE_ROLL)
    for turn in (1, 2):
        heir = await world.enlist()
        taken = await world.only(PRE_ROLL + turn * LEASE, worker=heir)
    assert taken.epoch == 3


async def test_an_up_run_is_not_begun_again_when_its_down_event_is_due(world):
    made = await world.book()
    await world.drain(PRE_ROLL)
    lost = await world.only(ON_AIR)
    await world.begin(lost, "open")
    await world.begin(lost, "done")
    await world.end(lost, "done")
    heir = await world.enlist()
    claims = await world.claim(OFF_AIR, worker=heir)
    assert claims.settled == 1
    assert await world.state(made) is State.FAILED_ACTIVE
    steps = await world.steps(lost.run)
    assert (steps["open"].state, steps["done"].state) == (StepState.UNKNOWN, StepState.DONE)
    runs = claims.runs or (await world.claim(worker=heir)).runs
    assert [run.judged.boundary.kind for run in runs] == [Kind.START_OF_POST_ROLL]


async def test_a_down_run_is_resumed_however_late(world):
    await world.book()
    await world.play(ON_AIR)
    await world.only(OFF_AIR)
    heir = await world.enlist()
    taken = await world.only(END + 100 * MINUTE, worker=heir)
    assert (taken.judged.boundary.kind, taken.resumed) == (Kind.START_OF_POST_ROLL, True)


async def test_takeovers_count_against_the_bound_once(world):
    await world.configure(limits={"simultaneous_lso": 2})
    for i in range(3):
        await world.book(f"show {i}", timing=Timing(NOON, NOON + 60 * MINUTE))
    assert len((await world.claim(NOON)).runs) == 2
    heir = await world.enlist()
    claims = await world.claim(NOON + LEASE, worker=heir)
    assert [run.resumed for run in claims.runs] == [True, True]


async def test_the_version_with_which_a_run_began_is_told(world):
    """Its steps know it; a run without a step has done nothing yet, any version will do."""
    made = await world.book()
    run = await world.only(PRE_ROLL)
    await world.begin(run, "a", version="abc")
    await world.begin(run, "b", version="abc")
    heir = await world.enlist()
    taken = await world.only(PRE_ROLL + LEASE, worker=heir)
    assert taken.version == (await world.runs(made))[0].version == "abc"
    heir = await world.enlist()
    await world.book("no steps", timing=Timing(NOON + MINUTE, NOON + 60 * MINUTE))
    await world.claim(NOON + MINUTE)
    assert {r.version for r in (await world.claim(NOON + 2 * MINUTE, worker=heir)).runs} == {"abc", ""}


async def test_the_action_log_tells_who_took_over_and_from_whom(world):
    made = await world.book()
    run = await world.only(PRE_ROLL)
    heir = await world.store.journal.enlist("heir", "here", 1, "1.0", LEASE)
    taken = await world.only(PRE_ROLL + LEASE, worker=heir)
    (line,) = await world.store.read(lambda tx: tx.records.log(made.key))
    assert (line.run, line.severity) == (run.run, Severity.WARNING)
    assert taken.left_by == "w"
    assert line.text == "START_BOOKING_WITH_PREROLL: heir goes on, because w is gone"
    back = await world.enlist()
    await world.only(PRE_ROLL + 2 * LEASE, worker=back)
    again = await world.enlist()
    await world.only(PRE_ROLL + 3 * LEASE, worker=again)
    *_, line = await world.store.read(lambda tx: tx.records.log(made.key))
    assert line.text == "START_BOOKING_WITH_PREROLL: w, which was gone and is back, goes on"
