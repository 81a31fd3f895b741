# SPDX-License-Identifier: Apache-2.0
"""Free lists in the store: that they are orchestrated is kept, and the claim knows which of them need a script."""

from __future__ import annotations

from dataclasses import replace

from preroll.domain.booking import State
from preroll.domain.boundaries import Kind
from preroll.domain.free_list import FREE_LIST
from preroll.domain.machine import Outcome
from tests.store.world import END, OFF_AIR, ON_AIR, PRE_ROLL, ran


async def free_list(world, name="List", on=("enc-1",), **more):
    return await world.book(name, on=on, definition=None, orchestrated=True, **more)


async def test_it_is_kept_and_put_and_moved(world):
    made = await free_list(world)
    assert (await world.booking(made)).orchestrated
    held = replace(made, orchestrated=False, revision=2, state_version=2)
    await world.store.write(lambda tx: tx.bookings.put(held, seen=made))
    assert not (await world.booking(made)).orchestrated


async def test_its_events_are_claimed_one_after_the_other_and_start_and_stop_are_runs(world):
    made = await free_list(world)
    assert (await world.claim(PRE_ROLL)).settled == 1
    up = await world.only(ON_AIR)
    assert (ran(up.decision), up.decision.target, up.judged.booking.orchestrated) == (FREE_LIST, "START", True)
    await world.settle(up)
    down = await world.only(OFF_AIR)
    assert (ran(down.decision), down.decision.target) == (FREE_LIST, "STOP")
    await world.settle(down)
    assert (await world.claim(END)).settled == 1
    assert await world.state(made) is State.COMPLETED


async def test_a_failed_stop_is_run_once_more_and_marks_what_is_not_reset(world):
    made = await free_list(world)
    await world.play(ON_AIR)
    await world.settle(await world.only(OFF_AIR), Outcome.FAILED)
    last = await world.only(END)
    assert (last.judged.boundary.kind, last.decision.target) == (Kind.END_OF_POST_ROLL, "STOP")
    await world.fail(last)
    assert await world.state(made) is State.FAILED_COMPLETED
    resource = world.resources["enc-1"]
    (owner,) = await world.store.read(lambda tx: tx.reservations.not_reset_on([resource]))
    assert owner.id == made.id


async def test_the_next_list_on_them_puts_them_right_when_it_is_up_not_before(world):
    first = await free_list(world)
    await world.play(ON_AIR)
    await world.settle(await world.only(OFF_AIR), Outcome.FAILED)
    await world.fail(await world.only(END))
    later = replace(first.timing, start=END + 600_000_000, end=END + 1_200_000_000)
    await free_list(world, "Later", timing=later)
    await world.claim(later.held.start)
    assert (await world.booking(first)).not_reset
    await world.settle(await world.only(later.start))
    assert not (await world.booking(first)).not_reset


async def test_a_full_bound_holds_up_a_list_that_needs_a_script_and_none_that_is_only_held(world):
    await world.configure(limits={"simultaneous_lso": 1})
    await world.book("scripted")
    loaded, held = await free_list(world), await world.book("held", on=["enc-2"], definition=None)
    await world.only(PRE_ROLL)
    assert [await world.state(b) for b in (loaded, held)] == [State.CONFIRMED, State.PRE_ROLL]


async def test_a_list_that_is_orchestrated_from_now_on_changes_its_bucket(world):
    await world.configure(limits={"simultaneous_lso": 1})
    made = await world.book("held", on=["enc-2"], definition=None)
    loaded = replace(made, orchestrated=True, revision=2, state_version=2)
    await world.store.write(lambda tx: tx.bookings.put(loaded, seen=made))
    assert {row[0] for row in await world.raw("select scripted from boundary where booking = ?", made.key)} == {1}
    await world.store.write(lambda tx: tx.bookings.put(replace(made, revision=3, state_version=3), seen=loaded))
    assert {row[0] for row in await world.raw("select scripted from boundary where booking = ?", made.key)} == {0}


async def test_a_worker_that_dies_leaves_the_run_to_the_next(world):
    await free_list(world)
    await world.claim(PRE_ROLL)
    run = await world.only(ON_AIR)
    await world.begin(run, "load:enc-1")
    other = await world.enlist()
    again = await world.only(ON_AIR + 6_000_000, other)
    assert (again.run, again.epoch, again.resumed, again.decision) == (run.run, 2, True, run.decision)
    assert [(s.name, s.state) for s in again.steps] == [("load:enc-1", "begun")]
