# SPDX-License-Identifier: Apache-2.0
"""The dispatcher alone, against a journal that does as it is told, in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from preroll.clock.dispatcher import TAKEN_OVER, Dispatcher, Pace
from preroll.clock.heartbeat import STOOD_STILL, beat, renewal
from preroll.domain.boundaries import Kind, Reason, Run
from preroll.domain.config import Platform
from preroll.domain.errors import StoreUnavailable
from preroll.domain.machine import Outcome
from preroll.ports.rows import Claimed, Claims, Failure, Fence, Judged, Settled, Settlement, Verdict
from preroll.telemetry import ended
from tests.builders import booking, boundary, definition

SECOND = 1_000_000


def claimed(key: int = 1, due_us: int = 0) -> Claimed:
    judged = Judged(boundary(key=key, due_us=due_us), booking(), definition(), Platform("default", key=1))
    return Claimed(judged, Run("warm-up", "STANDBY", "STOP"), 1, f"run-{key}")


class Told:
    """A journal and an orchestration in one; each claim takes the next answer of its list."""

    def __init__(self, *answers: Claims | Exception) -> None:
        self.answers, self.claims, self.settled, self.cancelled = list(answers), [], [], []
        self.renewed: list[float] = []
        self.put_together: list[float] = []
        self.begun: list[tuple[float, bool]] = []
        """When runs began, and whether they had been told to stop."""
        self.unavailable = 0
        self.takes = 0.0
        self.fails: Exception | None = None

    def decide(self, judged, now_us):
        raise AssertionError

    async def claim(self, worker, lease_us, decide, limit, ahead_us):
        self.claims.append((round(asyncio.get_running_loop().time(), 6), limit))
        answer = self.answers.pop(0) if self.answers else Claims()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def perform(self, run: Claimed, stopped, instant):
        self.put_together.append(round(asyncio.get_running_loop().time(), 6))
        await instant()
        self.begun.append((round(asyncio.get_running_loop().time(), 6), run.run in stopped))
        await asyncio.sleep(self.takes)
        if self.fails:
            raise self.fails
        return Settlement(run.fence, run.run, Outcome.OK, run.decision)

    async def settle(self, settlement):
        if self.unavailable:
            self.unavailable -= 1
            raise StoreUnavailable
        self.settled.append(settlement)
        return Settled(Verdict.OK)

    async def renew(self, worker, lease_us):
        self.renewed.append(round(asyncio.get_running_loop().time(), 6))
        if self.unavailable:
            self.unavailable -= 1
            raise StoreUnavailable

    def cancel(self, run):
        self.cancelled.append(run)


async def played(told: Told, seconds: float, pace: Pace = Pace()) -> Dispatcher:  # noqa: B008 - frozen
    """Run the dispatcher for so long."""
    dispatcher = Dispatcher(told, told, 1, pace)
    task = asyncio.ensure_future(dispatcher.run())
    await asyncio.sleep(seconds)
    dispatcher.stop()
    await task
    return dispatcher


async def test_it_sleeps_until_the_next_instant_and_never_longer_than_a_second():
    told = Told(Claims(next_due_us=400_000, now_us=0), Claims(next_due_us=60 * SECOND, now_us=400_000))
    await played(told, 1.5)
    assert [at for at, _ in told.claims] == [0, 0.4, 1.4]


async def test_it_tells_when_something_is_about_to_begin():
    runs = (claimed(1), claimed(2, due_us=50_000), claimed(3, due_us=50_000))
    told = Told(Claims(next_due_us=SECOND // 2), Claims(runs=runs), Claims())
    dispatcher = Dispatcher(told, told, 1)
    assert not dispatcher.hurries
    task = asyncio.ensure_future(dispatcher.run())
    began, found = asyncio.get_running_loop().time(), {}
    for at in (0.2, 0.4985, 0.4995, 0.505, 0.515, 0.5485, 0.5495, 0.555, 0.565, 1.2):
        await asyncio.sleep(began + at - asyncio.get_running_loop().time())
        found[at] = dispatcher.hurries
    dispatcher.stop()
    await task
    assert [at for at, hurries in found.items() if hurries] == [0.4995, 0.505, 0.5495, 0.555]


async def test_the_time_that_a_claim_takes_after_it_has_read_the_clock_is_no_time_to_sleep():
    told = Told(Claims(), Claims(next_due_us=1_400_000, now_us=1_000_000, read_at=0.9))
    await played(told, 1.45)
    assert [at for at, _ in told.claims] == [0, 1, 1.3]


@pytest.mark.parametrize("error", [StoreUnavailable(), RuntimeError("a bug")])
async def test_a_claim_that_fails_does_not_end_the_loop(error):
    told = Told(error, error, Claims(runs=(claimed(),)))
    await played(told, 2.5)
    assert [at for at, _ in told.claims][:3] == [0, 1, 2]
    assert len(told.settled) == 1


async def test_what_cannot_begin_is_told_and_counted():
    counted = ended("START", Outcome.FAILED)
    before = counted._value.get()
    with capture_logs() as lines:
        await played(Told(Claims(failed=(Failure("b-1", "News", "START", Reason.MISSED, "too late"),))), 0.5)
    assert [line for line in lines if line["log_level"] == "error"] == [
        {
            "event": "could not begin", "booking": "b-1", "name": "News", "booking_event": "START",
            "reason": "Missed", "message": "too late", "log_level": "error",
        }
    ]  # fmt: skip
    assert counted._value.get() == before + 1


async def test_when_there_is_more_it_claims_again_at_once():
    told = Told(Claims(more=True), Claims(more=True), Claims())
    await played(told, 0.5)
    assert [at for at, _ in told.claims] == [0, 0, 0]


async def test_when_it_is_full_it_waits_for_a_run_to_end():
    told = Told(Claims(runs=(claimed(1), claimed(2)), more=True), Claims(more=True))
    told.takes = 0.3
    dispatcher = await played(told, 0.5, Pace(room=2))
    assert told.claims == [(0, 2), (0.3, 2), (0.3, 2)]
    assert dispatcher.running == 0


async def test_a_wake_up_ends_its_sleep():
    told = Told()
    dispatcher = Dispatcher(told, told, 1)
    task = asyncio.ensure_future(dispatcher.run())
    await asyncio.sleep(0.25)
    dispatcher.waker(asyncio.get_running_loop())()
    await asyncio.sleep(0.1)
    dispatcher.stop()
    await task
    assert [at for at, _ in told.claims] == [0, 0.25]


async def test_the_end_of_a_run_is_kept_until_the_store_answers():
    told = Told(Claims(runs=(claimed(),)))
    told.unavailable = 5
    await played(told, 30)
    assert [s.run for s in told.settled] == ["run-1"]


async def test_a_run_that_cannot_be_carried_out_is_settled_as_failed():
    told = Told(Claims(runs=(claimed(),)))
    told.fails = RuntimeError("a bug")
    await played(told, 0.5)
    assert (told.settled[0].outcome, told.settled[0].message) == (Outcome.FAILED, "RuntimeError: a bug")


async def test_what_the_claim_wants_stopped_is_stopped():
    told = Told(Claims(runs=(claimed(7),)), Claims(cancel=(Fence(7, 1), Fence(8, 1))))
    told.takes = 5
    await played(told, 1.5)
    assert told.cancelled == ["run-7"]


async def test_drain_waits_a_while_and_lets_go_of_the_rest():
    told = Told(Claims(runs=(claimed(),)))
    told.takes = 60
    dispatcher = await played(told, 0.5)
    assert await dispatcher.drain(5) == 1
    assert asyncio.get_running_loop().time() == pytest.approx(5.5)
    assert told.settled == []
    assert await dispatcher.drain(5) == 0


async def test_the_heart_beats_four_times_a_lease_and_outlives_a_store_that_does_not_answer():
    told, stopping = Told(), asyncio.Event()
    told.unavailable = 2
    task = asyncio.ensure_future(beat(told, 1, 4 * SECOND, stopping))
    await asyncio.sleep(3.5)
    stopping.set()
    await task
    assert told.renewed == [0, 1, 2, 3]


def test_the_built_boundary_is_of_its_kind():
    assert claimed().judged.boundary.kind is Kind.START_OF_PRE_ROLL


async def test_what_was_claimed_ahead_begins_on_its_instant():
    told = Told(Claims(runs=(claimed(due_us=10_000),)))
    await played(told, 0.5)
    assert told.put_together == [0], "what it needs is there when it begins"
    assert told.begun == [(0.01, False)]


async def test_who_is_told_to_stop_before_it_has_begun_is_stopped_when_it_begins():
    run = claimed(due_us=10_000)
    told = Told(Claims(runs=(run,), more=True), Claims(cancel=(run.fence,)))
    await played(told, 0.5)
    assert told.begun == [(0.01, True)]


class StandsStill(Told):
    """A process that stands still in the middle of a renewal."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses = [0.0, 9.0]

    async def renew(self, worker, lease_us):
        await super().renew(worker, lease_us)
        await asyncio.sleep(self.pauses.pop(0) if self.pauses else 0)


async def test_a_lease_that_had_run_out_is_told_once():
    told, stopping = StandsStill(), asyncio.Event()
    with capture_logs() as lines:
        task = asyncio.ensure_future(beat(told, 1, 4 * SECOND, stopping))
        await asyncio.sleep(15)
        stopping.set()
        await task
    assert [line for line in lines if line["log_level"] == "warning"] == [
        {"event": STOOD_STILL, "seconds": 10.0, "log_level": "warning"}
    ]


async def test_why_the_lease_cannot_be_renewed_can_be_asked():
    told, stopping, outage = Told(), asyncio.Event(), renewal()
    told.unavailable = 2
    task = asyncio.ensure_future(beat(told, 1, 4 * SECOND, stopping, outage=outage))
    await asyncio.sleep(1.5)
    assert outage.error == str(StoreUnavailable())
    await asyncio.sleep(1)
    assert outage.error == ""
    stopping.set()
    await task


async def test_who_comes_too_late_is_told_of_which_booking():
    class Fenced(Told):
        async def settle(self, settlement):
            return Settled(Verdict.FENCED)

    run = claimed()
    with capture_logs() as lines:
        await played(Fenced(Claims(runs=(run,))), 0.5)
    booked = run.judged.booking
    assert [line for line in lines if line["log_level"] == "warning"] == [
        {
            "event": TAKEN_OVER, "booking": booked.id, "name": booked.name, "run": run.run, "log_level": "warning",
            "booking_event": run.judged.boundary.event.name,
        }
    ]  # fmt: skip


async def test_what_is_resumed_is_told_with_who_left_it():
    with capture_logs() as lines:
        await played(Told(Claims(runs=(replace(claimed(), resumed=True, left_by="engine-1"),))), 0.5)
    assert [line["left_by"] for line in lines if line["event"] == "resumed"] == ["engine-1"]
