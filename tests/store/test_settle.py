# SPDX-License-Identifier: Apache-2.0
"""How runs end, and all that follows in the same transaction."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from preroll.domain.booking import NodeChoice, State
from preroll.domain.boundaries import BoundaryState, Kind, Reason
from preroll.domain.errors import TransitionNotAllowed
from preroll.domain.machine import Outcome
from preroll.domain.window import MINUTE, SECOND
from preroll.ports.rows import StepState, Verdict
from preroll.store import journal_endings
from tests import builders
from tests.builders import NOON
from tests.store.world import END, OFF_AIR, ON_AIR, PRE_ROLL


async def test_a_success_moves_the_booking_on(world):
    made = await world.book(on=["enc-1"])
    run = await world.only(PRE_ROLL)
    world.clock.us += SECOND
    settled = await world.settle(run, version="abc", returned={"port": 7}, message="fine")
    assert (settled.verdict, settled.state) == (Verdict.OK, State.PRE_ROLL)
    stored = await world.booking(made)
    assert (stored.state, stored.service_state, stored.entering, stored.began) == (State.PRE_ROLL, "STANDBY", "", True)
    assert (stored.revision, stored.state_version) == (made.revision, made.state_version + 2)
    (row,) = await world.runs(made)
    assert (row.outcome, row.version, row.returned, row.message) == ("ok", "abc", {"port": 7}, "fine")
    assert (row.began_us, row.ended_us) == (PRE_ROLL, PRE_ROLL + SECOND)
    assert (await world.boundary(made, Kind.START_OF_PRE_ROLL)).state is BoundaryState.DONE


async def test_a_failure_takes_the_failed_column_and_says_why(world):
    made = await world.book()
    run = await world.only(PRE_ROLL)
    await world.begin(run, "dial")
    settled = await world.fail(run, unknown_steps=("dial",))
    assert settled.state is State.FAILED_PRE_ROLL
    stored = await world.boundary(made, Kind.START_OF_PRE_ROLL)
    assert (stored.state, stored.reason, stored.message) == (BoundaryState.FAILED, Reason.LSO_FAILED, "it would not")
    assert (await world.booking(made)).service_state == "FAILED"
    assert (await world.steps(run.run))["dial"].state is StepState.UNKNOWN
    (row,) = await world.runs(made)
    assert (row.outcome, row.reason) == ("failed", "LsoFailed")


async def test_a_change_is_written_with_it(world):
    made = await world.book()
    run = await world.only(PRE_ROLL)
    await world.fail(run)
    (change,) = await world.store.read(lambda tx: tx.changes.of(made.id))
    assert (change.kind, change.actor, change.before, change.after) == (
        "booking.state", "engine", "Confirmed", "Failed Service Pre-Roll",
    )  # fmt: skip
    assert (change.why, change.cause) == ("it would not", f"START_BOOKING_WITH_PREROLL {run.run}")
    assert (change.at_us, change.platform, change.revision) == (PRE_ROLL, world.platform.key, made.revision)


async def test_properties_that_a_script_set_are_merged(world):
    made = await world.book(properties={"a": 1, "b": 2})
    run = await world.only(PRE_ROLL)
    await world.settle(run, properties={"b": 3, "c": [4]})
    stored = await world.booking(made)
    assert stored.properties == {"a": 1, "b": 3, "c": [4]}
    assert stored.revision == made.revision + 1, "whoever edits the booking has to see it first"
    assert stored.nodes == made.nodes


async def test_settled_twice_is_settled_once(world):
    made = await world.book()
    run = await world.only(PRE_ROLL)
    first = await world.settle(run)
    assert await world.settle(run) == first
    assert len(await world.store.read(lambda tx: tx.changes.of(made.id))) == 1
    assert await world.state(made) is State.PRE_ROLL


async def test_settled_twice_in_one_batch_is_settled_once(world):
    made = await world.book()
    run = await world.only(PRE_ROLL)
    answers = await asyncio.gather(*(world.settle(run) for _ in range(3)))
    assert {answer.verdict for answer in answers} == {Verdict.OK}
    assert len(await world.store.read(lambda tx: tx.changes.of(made.id))) == 1


async def test_many_are_settled_at_once(world):
    made = [await world.book(f"show {i}") for i in range(30)]
    runs = (await world.claim(PRE_ROLL)).runs
    outcomes = [Outcome.FAILED if i % 3 else Outcome.OK for i in range(30)]
    await asyncio.gather(*(world.settle(run, outcome) for run, outcome in zip(runs, outcomes, strict=True)))
    for booking, outcome in zip(made, outcomes, strict=True):
        expected = State.PRE_ROLL if outcome is Outcome.OK else State.FAILED_PRE_ROLL
        assert await world.state(booking) is expected


async def test_two_of_one_booking_are_settled_at_once(world):
    """An aside and the next event: neither undoes what the other writes."""
    await world.configure(start_failure_script="alarm")
    made = await world.book(properties={"a": 1})
    await world.fail(await world.only(PRE_ROLL))
    aside, start = await world.only(), await world.only(ON_AIR)
    answers = await asyncio.gather(world.settle(aside, properties={"b": 2}), world.settle(start, properties={"c": 3}))
    assert {answer.verdict for answer in answers} == {Verdict.OK}
    stored = await world.booking(made)
    assert (stored.state, stored.properties) == (State.ACTIVE, {"a": 1, "b": 2, "c": 3})
    assert stored.revision == made.revision + 2


async def test_what_was_edited_while_it_ran_is_kept(world):
    made = await world.book(properties={"a": 1})
    run = await world.only(PRE_ROLL)
    seen = await world.booking(made)
    edited = replace(seen, name="Late news", properties={"a": 2}, revision=2)
    await world.store.write(lambda tx: tx.bookings.put(edited, seen=seen))
    await world.settle(run, properties={"b": 3})
    stored = await world.booking(made)
    assert (stored.name, stored.properties, stored.revision) == ("Late news", {"a": 2, "b": 3}, 3)
    assert stored.state is State.PRE_ROLL


async def test_one_that_cannot_be_settled_takes_no_neighbour_along(world, monkeypatch):
    made = [await world.book(f"show {i}") for i in range(3)]
    runs = (await world.claim(PRE_ROLL)).runs
    end = journal_endings._end

    def broken(now, ending, writes):
        if ending.boundary.booking == made[1].key:
            raise ZeroDivisionError
        return end(now, ending, writes)

    monkeypatch.setattr(journal_endings, "_end", broken)
    answers = await asyncio.gather(*map(world.settle, runs), return_exceptions=True)
    assert isinstance(answers[1], ZeroDivisionError)
    assert [await world.state(b) for b in made] == [State.PRE_ROLL, State.CONFIRMED, State.PRE_ROLL]


async def test_a_booking_that_cannot_take_the_step_does_not_hang(world, monkeypatch):
    """The table has no row: the boundary fails as unexpected, the booking stays, the device is free."""
    made = await world.book(on=["enc-1"])
    run = await world.only(PRE_ROLL)

    def no_row(*_, **__):
        raise TransitionNotAllowed("booking", "Confirmed", "start of pre-roll")

    monkeypatch.setattr(journal_endings, "advance", no_row)
    assert (await world.settle(run)).state is State.CONFIRMED
    stored = await world.boundary(made, Kind.START_OF_PRE_ROLL)
    assert (stored.state, stored.reason) == (BoundaryState.FAILED, Reason.UNEXPECTED)
    assert (await world.booking(made)).entering == ""
    assert await world.holds() == {}


async def live(world, booking):
    rows = await world.raw("select live, unreset from reservation where booking = ?", booking.key)
    return rows[0]


async def test_resources_are_released_at_the_end_and_not_before(world):
    made = await world.book(on=["enc-1"])
    await world.play(OFF_AIR)
    assert await live(world, made) == (1, 0)
    late = await world.only(END)
    world.clock.us = END + 10 * MINUTE
    assert await live(world, made) == (1, 0), "a late end still holds"
    await world.settle(late)
    assert await live(world, made) == (0, 0)


async def test_a_failed_end_is_not_reset_until_the_next_pre_roll(world):
    made = await world.book("first", on=["enc-1", "enc-2"])
    await world.play(OFF_AIR)
    assert (await world.fail(await world.only(END))).state is State.FAILED_COMPLETED
    assert (await world.booking(made)).not_reset
    assert await live(world, made) == (0, 1)
    on = lambda *names: world.store.read(  # noqa: E731
        lambda tx: [b.key for b in tx.reservations.not_reset_on([world.resources[n] for n in names])]
    )
    assert await on("enc-1") == await on("enc-1", "enc-2", "mux") == [made.key]
    assert await on("mux") == []

    later = builders.timing(start=NOON + 120 * MINUTE, end=NOON + 180 * MINUTE)
    await world.book("half", on=["enc-1"], timing=later)
    await world.settle(await world.only(NOON + 115 * MINUTE))
    assert (await world.booking(made)).not_reset, "the other resource is still as it was"
    assert (await on("enc-1"), await on("enc-2")) == ([], [made.key])

    await world.book("other half", on=["enc-2"], timing=later)
    await world.settle(await world.only())
    assert not (await world.booking(made)).not_reset
    changes = await world.store.read(lambda tx: tx.changes.of(made.id))
    assert [c.kind for c in changes][-1] == "booking.reset"


async def test_a_pre_roll_that_ran_no_script_resets_nothing(world):
    made = await world.book("first", on=["enc-1"])
    await world.play(OFF_AIR)
    await world.fail(await world.only(END))
    bare = await world.unscripted()
    later = builders.timing(start=NOON + 120 * MINUTE, end=NOON + 180 * MINUTE)
    await world.book("second", on=["enc-1"], timing=later, definition=bare.key)
    await world.drain(NOON + 115 * MINUTE)
    assert (await world.booking(made)).not_reset


async def test_what_was_taken_out_and_no_script_was_left_for_is_free_and_marked(world):
    bare = await world.unscripted()
    kept, out = (NodeChoice(world.resources[name].id) for name in ("enc-1", "enc-2"))
    made = await world.book(
        on=["enc-1", "enc-2"], definition=bare.key, nodes={"Encoder": kept}, leaving={"Encoder": out}
    )  # fmt: skip
    await world.play(END)
    assert await world.state(made) is State.COMPLETED
    rows = await world.raw(
        "select s.id, r.live, r.unreset from reservation r join resource s on s.key = r.resource where r.booking = ?",
        made.key,
    )
    assert sorted(rows) == sorted([(kept.resource, 0, 0), (out.resource, 0, 1)])


async def test_an_acknowledged_end_counts_as_reset(world):
    made = await world.book(on=["enc-1"])
    await world.play(OFF_AIR)
    await world.fail(await world.only(END))
    stored = await world.booking(made)
    mended = replace(stored, state=State.COMPLETED, not_reset=False, state_version=stored.state_version + 1)
    await world.store.write(lambda tx: tx.bookings.put(mended, seen=stored))
    assert await live(world, made) == (0, 0)


async def test_the_start_failure_script_is_asked_for(world):
    await world.configure(start_failure_script="alarm")
    made = await world.book()
    await world.fail(await world.only(PRE_ROLL))
    aside = await world.only()
    assert aside.judged.boundary.kind is Kind.START_FAILURE
    assert aside.judged.boundary.message == "it would not"
    assert (await world.settle(aside)).state is State.FAILED_PRE_ROLL
    assert await world.state(made) is State.FAILED_PRE_ROLL, "it moves nothing"


async def test_it_is_asked_for_as_the_platform_says(world):
    await world.configure(start_failure_script="alarm", start_failure_on_failed_events=False)
    await world.book("fails on the way")
    await world.fail(await world.only(PRE_ROLL))
    assert (await world.claim()).runs == ()
    refused = await world.book("cannot begin", timing=builders.timing(end=NOON + MINUTE))
    claims = await world.claim(NOON + MINUTE)
    assert await world.state(refused) is State.FAILED
    asked = [run.judged.boundary.kind for run in [*claims.runs, *(await world.claim()).runs]]
    assert Kind.START_FAILURE in asked


async def test_a_failed_aside_moves_nothing_either(world):
    await world.configure(start_failure_script="alarm")
    made = await world.book()
    await world.fail(await world.only(PRE_ROLL))
    await world.fail(await world.only())
    assert await world.state(made) is State.FAILED_PRE_ROLL
    assert (await world.claim()).runs == (), "no start failure script for a start failure script"


# ---------------------------------------------------------------------- retry


async def test_a_retry_is_a_new_run_of_the_same_event(world):
    made = await world.book()
    first = await world.only(PRE_ROLL)
    await world.fail(first)
    await world.retry(made, Kind.START_OF_PRE_ROLL)
    again = await world.only(PRE_ROLL + MINUTE)
    assert (await world.booking(made)).entering == "Pre-roll"
    assert (await world.settle(again)).state is State.PRE_ROLL
    assert [(r.try_, r.generation, r.outcome) for r in await world.runs(made)] == [(0, 1, "failed"), (1, 1, "ok")]


async def test_a_failed_retry_leaves_the_booking_as_it_was(world):
    made = await world.book()
    await world.fail(await world.only(PRE_ROLL))
    await world.retry(made, Kind.START_OF_PRE_ROLL)
    assert (await world.fail(await world.only())).state is State.FAILED_PRE_ROLL


async def failed_twice(world):
    made = await world.book(on=["enc-1"])
    await world.fail(await world.only(PRE_ROLL))
    await world.fail(await world.only(ON_AIR))
    assert await world.state(made) is State.FAILED_ACTIVE
    return made


async def test_earlier_failed_events_are_mended_first(world):
    made = await failed_twice(world)
    await world.retry(made, Kind.START_OF_PRE_ROLL, Kind.END_OF_PRE_ROLL)
    mend = await world.only(ON_AIR + MINUTE)
    assert (mend.judged.boundary.kind, mend.judged.boundary.trigger) == (Kind.START_OF_PRE_ROLL, None)
    assert (await world.settle(mend)).state is State.FAILED_ACTIVE, "mending moves the booking nowhere"
    again = await world.only()
    assert again.judged.boundary.kind is Kind.END_OF_PRE_ROLL
    assert (await world.settle(again)).state is State.ACTIVE


async def test_a_mend_that_fails_ends_the_retry_behind_it(world):
    made = await failed_twice(world)
    await world.retry(made, Kind.START_OF_PRE_ROLL, Kind.END_OF_PRE_ROLL)
    assert (await world.fail(await world.only(ON_AIR + MINUTE))).state is State.FAILED_ACTIVE
    stored = await world.boundaries(made)
    assert stored[Kind.START_OF_PRE_ROLL].state is BoundaryState.FAILED
    assert stored[Kind.END_OF_PRE_ROLL].state is BoundaryState.FAILED
    assert (await world.claim()).runs == ()
    assert (await world.only(OFF_AIR)).judged.boundary.kind is Kind.START_OF_POST_ROLL, "life goes on"


async def test_the_end_is_retried_on_the_resources_that_were_chosen(world):
    made = await world.book(on=["enc-1"])
    await world.play(OFF_AIR)
    await world.fail(await world.only(END))
    await world.retry(made, Kind.END_OF_POST_ROLL)
    again = await world.only(END + MINUTE)
    assert await world.holds() == {f"resource:{world.resources['enc-1'].id}": again.judged.boundary.key}
    assert (await world.settle(again)).state is State.COMPLETED
    assert not (await world.booking(made)).not_reset
    assert await live(world, made) == (0, 0)


@pytest.mark.parametrize("finish_in", ["pre-roll"])
async def test_an_abort_runs_the_last_event_alone(world, finish_in):
    made = await world.book(on=["enc-1"])
    await world.drain(PRE_ROLL)
    from preroll.domain.booking import Trigger

    def abort(tx):
        stored = tx.bookings.by_key(made.key)
        now = tx.now // SECOND * SECOND
        tx.bookings.put(replace(stored, revision=stored.revision + 1), seen=stored)
        for b in tx.boundaries.of(made.key):
            if b.kind is Kind.END_OF_POST_ROLL:
                tx.boundaries.upsert([replace(b, due_us=now, planned_us=now, trigger=Trigger.FINISH)])
            elif b.state is BoundaryState.ARMED:
                tx.boundaries.upsert([replace(b, state=BoundaryState.DROPPED)])

    await world.store.write(abort)
    last = await world.only(PRE_ROLL + MINUTE)
    assert last.judged.boundary.kind is Kind.END_OF_POST_ROLL
    assert (await world.settle(last)).state is State.COMPLETED
    assert [row.event for row in await world.runs(made)] == ["START_BOOKING_WITH_PREROLL", "STOP_BOOKING_WITH_POSTROLL"]
