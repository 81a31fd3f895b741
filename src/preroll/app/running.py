# SPDX-License-Identifier: Apache-2.0
"""What people do to a booking that runs, or whose event failed: finish it, retry, acknowledge."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from preroll.app import holding
from preroll.app.edits import open_booking
from preroll.app.recording import fire, store, tell
from preroll.app.views import BookingDetails, details
from preroll.domain.booking import Booking, State, Timing, Trigger
from preroll.domain.boundaries import (
    BOUNDARY,
    EXTERNAL,
    STANDARD,
    Boundary,
    BoundaryState,
    BoundaryTrigger,
    Kind,
    begun_kinds,
    retime,
)
from preroll.domain.edits import shrunk
from preroll.domain.errors import ActionNotPossible, InUse, Invalid, Mistake
from preroll.domain.external import require_quiet
from preroll.domain.free_list import states_of
from preroll.domain.permission import Actor
from preroll.domain.retrying import failed_of, retried, why_not_retried
from preroll.domain.window import SECOND
from preroll.ports.store import Tx


def finish(tx: Tx, by: Actor, ident: str, seen: int | None, why: str) -> BookingDetails:
    """End a running booking now, or when the platform's rescheduling delay is over.

    In pre-roll that is an abort: only the end event runs, START and STOP never do. On the air the end becomes now and
    post-roll follows, until what it does has succeeded; in post-roll what is left of it is cut.
    """
    before = open_booking(tx, by, ident, seen, "finish")
    boundaries = tx.boundaries.of(before.key)
    delay = tx.platforms.by_key(before.platform).config.rescheduling_delay_us
    at = tx.now - tx.now % SECOND + delay
    begun = begun_kinds(boundaries)
    if _finishing(before, boundaries, begun, at):
        raise ActionNotPossible("the booking is being finished already", hint="wait for its last event")
    if Kind.END_OF_PRE_ROLL not in begun:
        tx.boundaries.upsert(_aborted(boundaries, before, tx.now + delay))
        after = store(tx, before, before)
    else:
        after = replace(before, timing=_ended_at(before.timing, begun, at), finished=True)
        after = _retimed(tx, store(tx, before, after), boundaries)
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
    why_not, instead = why_not_retried(before, boundaries, tx.now)
    if why_not:
        raise ActionNotPossible(why_not, hint=instead)
    if before.state is State.FAILED_COMPLETED and (others := tx.reservations.runs_on(before)):
        raise InUse(
            "its resources are in use by " + ", ".join(f"{b.name} ({b.id})" for b in others),
            hint="retry when they have ended, or acknowledge after a repair by hand",
        )
    armed = retried(before, boundaries, tx.now)
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
    failed = failed_of(boundaries)
    stage = failed[-1].event.stage if failed else None
    mapping = states_of(before, tx.platforms.by_key(before.platform).config).mapping
    state = (mapping.state(stage) if stage else None) or before.service_state
    after = replace(before, service_state=state, not_reset=False, timing=_wrapped_up(tx, before))
    after = fire(tx, by, before, after, Trigger.ACKNOWLEDGE, why)
    tx.boundaries.upsert(
        replace(b, state=BOUNDARY.fire(b.state, BoundaryTrigger.ACKNOWLEDGE), message=f"acknowledged: {why}")
        for b in failed
    )
    if after.timing != before.timing:
        after = _retimed(tx, after, boundaries)
    return details(tx, after)


def _retimed(tx: Tx, booking: Booking, boundaries: Sequence[Boundary]) -> Booking:
    tx.boundaries.upsert(retime(boundaries, booking.key, booking.timing, armed=True))
    tx.reservations.hold(booking, holding.needs_of(tx, booking))
    return booking


def _wrapped_up(tx: Tx, booking: Booking) -> Timing:
    """Its timing once its post-roll is repaired by hand: that may be all that was waited for."""
    config = tx.platforms.by_key(booking.platform).config
    if booking.state is not State.FAILED_POST_ROLL or not config.shrinks(booking):
        return booking.timing
    return shrunk(booking.timing, tx.now, config.rescheduling_delay_us)


def _finishing(booking: Booking, boundaries: Sequence[Boundary], begun: Collection[Kind], at: int) -> bool:
    last = next((b for b in boundaries if b.kind is Kind.END_OF_POST_ROLL), None)
    if last is None:
        return False
    due = last.state is not BoundaryState.DISARMED and last.due_us <= at
    return due or last.trigger is Trigger.FINISH or last.kind in begun or _leaving(booking, begun, at)


def _leaving(booking: Booking, begun: Collection[Kind], at: int) -> bool:
    """Does it go off the air by then anyway, and nothing of it is left to be cut?"""
    end, post = booking.timing.end, booking.timing.post_roll
    ended = Kind.START_OF_POST_ROLL not in begun and booking.finished
    return end is not None and end <= at and (post == 0 or ended)


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


def _ended_at(timing: Timing, begun: Collection[Kind], at: int) -> Timing:
    if Kind.START_OF_POST_ROLL in begun and timing.end is not None:
        return replace(timing, post_roll=min(timing.post_roll, max(0, at - timing.end)))
    end = max(at, timing.start + SECOND)
    return replace(timing, end=end if timing.end is None else min(end, timing.end))
