# SPDX-License-Identifier: Apache-2.0
"""What people do to a booking that runs, or whose event failed: finish it, retry, acknowledge."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from preroll.app import holding
from preroll.app.edits import open_booking
from preroll.app.recording import fire, store, tell
from preroll.app.views import BookingDetails, details
from preroll.domain.booking import FAILED_EVENT, Booking, State, Timing, Trigger
from preroll.domain.boundaries import (
    BOUNDARY,
    EVENTS,
    EXTERNAL,
    STANDARD,
    Boundary,
    BoundaryState,
    BoundaryTrigger,
    Direction,
    Kind,
    begun_kinds,
    retime,
)
from preroll.domain.errors import ActionNotPossible, InUse, Invalid, Mistake
from preroll.domain.external import require_quiet
from preroll.domain.permission import Actor
from preroll.domain.window import SECOND
from preroll.ports.store import Tx


def finish(tx: Tx, by: Actor, ident: str, seen: int | None, why: str) -> BookingDetails:
    """End a running booking now. In pre-roll that is an abort: only the end event runs, START and STOP never do.

    On the air the end becomes now and post-roll follows; in post-roll what is left of it is cut.
    """
    before = open_booking(tx, by, ident, seen, "finish")
    boundaries = tx.boundaries.of(before.key)
    now = tx.now - tx.now % SECOND
    if _finishing(before, boundaries, now):
        raise ActionNotPossible("the booking is being finished already", hint="wait for its last event")
    begun = begun_kinds(boundaries)
    if Kind.END_OF_PRE_ROLL not in begun:
        tx.boundaries.upsert(_aborted(boundaries, before, tx.now))
        after = store(tx, before, before)
    else:
        after = store(tx, before, replace(before, timing=_ended_now(before.timing, begun, now)))
        tx.boundaries.upsert(retime(boundaries, after.key, after.timing, armed=True))
        tx.reservations.hold(after, holding.needs_of(tx, after))
    tell(tx, by, "booking.finished", after, after.state, "", why, "finish")
    return details(tx, after)


def retry(tx: Tx, by: Actor, ident: str, seen: int | None, why: str) -> BookingDetails:
    """Run a failed event again from its first step that is not done; undone steps of earlier failed events first.

    Raises:
        ActionNotPossible: a run is under way, or START would begin after the on-air end.
        InUse: the booking has ended and somebody else runs on its resources.
    """
    before = open_booking(tx, by, ident, seen, "retry")
    boundaries = tx.boundaries.of(before.key)
    require_quiet(boundaries)
    if before.state is State.FAILED_COMPLETED and (others := tx.reservations.runs_on(before)):
        raise InUse(
            "its resources are in use by " + ", ".join(f"{b.name} ({b.id})" for b in others),
            hint="retry when they have ended, or acknowledge after a repair by hand",
        )
    armed = _retried(before, boundaries, tx.now)
    after = store(tx, before, before)
    tx.boundaries.upsert(armed)
    tell(tx, by, "booking.retry", after, after.state, "", why, ", ".join(b.event.name for b in armed))
    return details(tx, after)


def acknowledge(tx: Tx, by: Actor, ident: str, seen: int | None, why: str) -> BookingDetails:
    """Take a failed event as repaired by hand; a reason is needed. Its undone steps stay listed.

    Raises:
        Invalid: no reason was given. ActionNotPossible: a run is under way.
    """
    before = open_booking(tx, by, ident, seen, "acknowledge")
    if not why.strip():
        raise Invalid([Mistake("why", "is empty", "what was repaired, and how")])
    boundaries = tx.boundaries.of(before.key)
    require_quiet(boundaries)
    failed = [b for b in boundaries if b.kind in STANDARD and b.state is BoundaryState.FAILED]
    stage = failed[-1].event.stage if failed else None
    mapping = tx.platforms.by_key(before.platform).config.service_states.mapping
    state = (mapping.state(stage) if stage else None) or before.service_state
    after = replace(before, service_state=state, not_reset=False)
    after = fire(tx, by, before, after, Trigger.ACKNOWLEDGE, why)
    tx.boundaries.upsert(
        replace(b, state=BOUNDARY.fire(b.state, BoundaryTrigger.ACKNOWLEDGE), message=f"acknowledged: {why}")
        for b in failed
    )
    return details(tx, after)


def _finishing(booking: Booking, boundaries: Sequence[Boundary], now: int) -> bool:
    last = next((b for b in boundaries if b.kind is Kind.END_OF_POST_ROLL), None)
    if last is None:
        return False
    due = last.state is not BoundaryState.DISARMED and last.due_us <= now
    return due or last.trigger is Trigger.FINISH or last.kind in begun_kinds(boundaries) or _leaving(booking, now)


def _leaving(booking: Booking, now: int) -> bool:
    end, post = booking.timing.end, booking.timing.post_roll
    return end is not None and end <= now and post == 0


def _aborted(boundaries: Sequence[Boundary], booking: Booking, now: int) -> list[Boundary]:
    """START and STOP are dropped, a retry that has not begun is given up, the end event is due now."""
    begun = begun_kinds(boundaries)
    never = [
        b for b in boundaries if b.kind in STANDARD and b.kind not in begun and b.kind is not Kind.END_OF_POST_ROLL
    ]
    written = [replace(b, state=BoundaryState.DROPPED) for b in never]
    written += [
        replace(b, state=BoundaryState.FAILED, message="finished before its retry began")
        for b in boundaries
        if b.kind in begun and b.state is BoundaryState.ARMED
    ]
    written += [
        replace(b, state=BoundaryState.DROPPED)
        for b in boundaries
        if b.kind in EXTERNAL and b.state is BoundaryState.ARMED
    ]
    last = next((b for b in boundaries if b.kind is Kind.END_OF_POST_ROLL), None)
    last = last or Boundary(0, booking.key, Kind.END_OF_POST_ROLL, now, planned_us=now)
    ended = replace(last, due_us=now, state=BoundaryState.ARMED, trigger=Trigger.FINISH, generation=last.generation + 1)
    return [*written, ended]


def _ended_now(timing: Timing, begun: Collection[Kind], now: int) -> Timing:
    if Kind.START_OF_POST_ROLL in begun and timing.end is not None:
        return replace(timing, post_roll=max(0, now - timing.end))
    end = max(now, timing.start + SECOND)
    return replace(timing, end=end if timing.end is None else min(end, timing.end))


def _retried(booking: Booking, boundaries: Sequence[Boundary], now: int) -> list[Boundary]:
    """Arm the failed event, and before it the earlier ones that failed; up events only before the on-air end."""
    over = booking.timing.end is not None and now >= booking.timing.end
    failed = [b for b in boundaries if b.kind in STANDARD and b.state is BoundaryState.FAILED]
    if not failed or booking.state not in FAILED_EVENT:
        raise ActionNotPossible("there is no failed event", hint="look at the booking's runs")
    if over and EVENTS[failed[-1].kind].direction is Direction.UP:
        raise ActionNotPossible(
            f"{failed[-1].event.name} would begin after the on-air end",
            hint="wait for the down events, or acknowledge after a repair by hand",
        )
    kept = [b for b in failed if not (over and b.event.direction is Direction.UP)]
    return [
        replace(
            b, state=BOUNDARY.fire(b.state, BoundaryTrigger.RETRY), try_=b.try_ + 1, due_us=now, worker=None,
            trigger=Trigger.RETRY if b is failed[-1] else None, reason=None, message="", ended_us=None,
        )
        for b in kept
    ]  # fmt: skip
