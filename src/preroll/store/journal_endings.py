# SPDX-License-Identifier: Apache-2.0
"""How boundaries end: the rule for each in Python, one statement for each kind of row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from preroll.domain.booking import Booking, State, Timing, Trigger
from preroll.domain.boundaries import (
    EXTERNAL,
    Advance,
    Boundary,
    BoundaryState,
    Decision,
    Direction,
    Kind,
    Reason,
    Refusal,
    Run,
    advance,
)
from preroll.domain.changes import Change
from preroll.domain.config import Platform
from preroll.domain.edits import shrunk
from preroll.domain.errors import TransitionNotAllowed
from preroll.domain.free_list import first_stage
from preroll.domain.machine import Outcome
from preroll.domain.permission import ENGINE
from preroll.domain.values import dataclass
from preroll.domain.window import SECOND
from preroll.ports.rows import Failure, Settlement
from preroll.store.audits import follow
from preroll.store.bookings import body_of
from preroll.store.boundaries import Boundaries
from preroll.store.changes import Changes
from preroll.store.documents import NO_VALUES, VALUES, clean
from preroll.store.reservations import tier_of
from preroll.store.sql import Later, Row
from preroll.store.work import Work

_BOUNDARY = (
    "update boundary set state = g.state, reason = g.reason, message = g.message, began_us = g.began_us,"
    " ended_us = g.ended_us, stopping = 0 from given(key bigint, state text, reason text, message text,"
    " began_us bigint, ended_us bigint) g where boundary.key = g.key"
)
_BOOKING = (
    "update booking set state = g.state, service_state = g.service_state, began = g.began,"
    " entering = g.entering, not_reset = g.not_reset, state_version = g.state_version, revision = g.revision,"
    " changed_us = g.changed_us from given(key bigint, state text, service_state text, began bigint, entering text,"
    " not_reset bigint, state_version bigint, revision bigint, changed_us bigint) g"
    " where booking.key = g.key"
)
_OVER = "update booking set live = 0 where key in ?ints"
"""Apart from the others: ``live`` is in an index, and few endings are the last of their booking."""
_BODY = "update booking set body = g.body from given(key bigint, body text) g where booking.key = g.key"
_RUN = (
    "update run set outcome = case when g.outcome = 'failed' and g.stopped = 1 then 'cancelled' else g.outcome end,"
    " reason = g.reason, message = g.message, version = g.version, returned = g.returned, ended_us = g.ended_us"
    " from given(boundary bigint, generation bigint, try_ bigint, outcome text, stopped bigint, reason text,"
    " message text, version text, returned text, ended_us bigint) g"
    " where run.boundary = g.boundary and run.generation = g.generation and run.try_ = g.try_"
)
_UNKNOWN = (
    "update step set state = 'unknown', ended_us = g.ended_us from given(boundary bigint, generation bigint,"
    " try_ bigint, name text, ended_us bigint) g where step.boundary = g.boundary"
    " and step.generation = g.generation and step.try_ = g.try_ and step.name = g.name"
)
_ABANDON = (
    "update boundary set state = 'failed', waits_for = null, reason = coalesce(reason, 'LsoFailed'),"
    " message = case when message = '' then 'an earlier event failed again' else message end"
    " where booking in ?ints and state = 'armed' and rank < 2 and try_ > 0"
)
_FREE = "delete from device_hold where boundary in ?ints"
_RELEASE = "update reservation set live = 0 where booking in ?ints"
_DROP = (
    "update boundary set state = 'dropped', waits_for = null"
    " where booking in ?ints and state in ('armed', 'disarmed') and rank < 2"
)
_LEFT = (
    "update reservation set live = 0, unreset = g.unreset from given(booking bigint, resource text, unreset bigint) g"
    " where reservation.booking = g.booking and reservation.live = 1"
    " and reservation.resource = (select s.key from resource s where s.id = g.resource)"
)
"""Resources that were taken out are free; one that could not be reset, or that no script was left for, is marked."""
_SHRUNK = (
    "update booking set post_roll_us = g.post_roll_us, held_end_us = g.held_end_us"
    " from given(key bigint, post_roll_us bigint, held_end_us bigint, tier bigint) g where booking.key = g.key",
    "update reservation set tier = g.tier,"
    " end_us = case when reservation.start_us < g.held_end_us then g.held_end_us else reservation.start_us end"
    " from given(booking bigint, post_roll_us bigint, held_end_us bigint, tier bigint) g"
    " where reservation.booking = g.booking and reservation.live = 1 and reservation.end_us > g.held_end_us",
    "update boundary set due_us = g.held_end_us, planned_us = g.held_end_us, generation = generation + 1"
    " from given(booking bigint, post_roll_us bigint, held_end_us bigint, tier bigint) g"
    f" where boundary.booking = g.booking and kind = '{Kind.END_OF_POST_ROLL.value}' and boundary.state = 'armed'",
)
"""What was to be done in post-roll is done: the booking, what it holds and its last event end with it."""
_STILL_DIRTY = "select 1 from reservation where unreset = 1 limit 1"
_CLEANED = (
    "select distinct d.booking from reservation r join reservation d on d.resource = r.resource and d.unreset = 1"
    " where r.booking in ?ints and r.live = 1 and d.booking <> r.booking"
)


@dataclass(frozen=True, slots=True)
class Ending:
    """A boundary that ends now, and all that the rule needs."""

    boundary: Boundary
    booking: Booking
    platform: Platform
    decision: Decision
    outcome: Outcome
    settlement: Settlement | None = None
    """None: it needed no script."""
    stopped: bool = False


@dataclass(slots=True)
class _Writes:
    """Rows to be written, and keys of bookings to which something happens."""

    boundaries: list[Row] = field(default_factory=list)
    bookings: list[Row] = field(default_factory=list)
    bodies: list[Row] = field(default_factory=list)
    runs: list[Row] = field(default_factory=list)
    scripted: list[int] = field(default_factory=list)
    left: list[Row] = field(default_factory=list)
    unknown: list[Row] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    start_failures: list[Boundary] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    mended: list[int] = field(default_factory=list)
    """Bookings whose end was retried."""
    not_reset: list[int] = field(default_factory=list)
    drops: list[int] = field(default_factory=list)
    abandons: list[int] = field(default_factory=list)
    shrunk: list[Row] = field(default_factory=list)
    prepared: list[int] = field(default_factory=list)
    """Bookings whose first stage succeeded: their devices are as they should be again."""


def ask_dirty(work: Work) -> Later:
    """Is there any resource that was not reset?"""
    return work.db.later(_STILL_DIRTY)


def failures(endings: Sequence[Ending]) -> tuple[Failure, ...]:
    """Those that did not end well, for whoever reads the log."""
    return tuple(
        Failure(e.booking.id, e.booking.name, e.boundary.event.name, told.reason or Reason.UNEXPECTED, told.message)
        for e in endings
        if e.outcome is Outcome.FAILED and isinstance(told := e.settlement or e.decision, Settlement | Refusal)
    )


def finish(work: Work, endings: Sequence[Ending], dirty: Later | None = None) -> Mapping[int, State]:
    """Write down how these boundaries ended and what follows; returns the new state of each booking by key.

    No two of them are of one booking. Who has called ``ask_dirty`` in the same transaction saves a round trip.
    """
    writes = _Writes()
    states = {ending.booking.key: _end(work.now, ending, writes) for ending in endings}
    if endings:
        _write(work, writes, dirty or ask_dirty(work))
        follow(work, [(e.boundary, e.booking, e.outcome, e.settlement) for e in endings])
    return states


def _end(now: int, ending: Ending, writes: _Writes) -> State:
    boundary, booking, settlement = ending.boundary, ending.booking, ending.settlement
    reason, message = _why(ending)
    try:
        after = advance(boundary, booking, ending.platform.config, ending.decision, ending.outcome)
    except TransitionNotAllowed as error:
        reason, message = Reason.UNEXPECTED, f"{message}; {error}".lstrip("; ")
        after = Advance(booking.state, booking.service_state, None, BoundaryState.FAILED, ended=False)
    why = reason.value if reason else ""
    began = now if settlement is None else boundary.began_us
    writes.boundaries.append((boundary.key, after.boundary.value, why or None, message, began, now))
    shorter = _shorter(now, ending) if after.shrinks else None
    writes.bookings.append(_booking_row(now, ending, after, shrunk=shorter is not None))
    if settlement is not None:
        _close_run(now, ending, settlement, why, message, writes)
    if boundary.trigger is not None or boundary.kind in EXTERNAL or boundary.kind is Kind.CREATED:
        writes.changes.append(_change(ending, after, message or why))
    if after.start_failure:
        aside = Boundary(0, booking.key, Kind.START_FAILURE, now, planned_us=now, reason=reason, message=message)
        writes.start_failures.append(aside)
    _follow_up(ending, after, writes)
    if shorter is not None:
        _shrink(booking, shorter, writes)
    return after.state


def _shorter(now: int, ending: Ending) -> Timing | None:
    """The timing of a booking whose post-roll is over with this; None: it stays."""
    planned = ending.booking.timing
    found = shrunk(planned, now, ending.platform.config.rescheduling_delay_us)
    return None if found == planned else found


def _shrink(booking: Booking, timing: Timing, writes: _Writes) -> None:
    writes.shrunk.append((booking.key, timing.post_roll, timing.held.until, tier_of(timing.held)))
    why = f"post-roll is done: {booking.timing.post_roll // SECOND} s -> {timing.post_roll // SECOND} s"
    told = Change(
        "booking.edited", booking.id, booking.platform, ENGINE.name, why=why, cause="shrink post-roll",
        revision=booking.revision + 1,
    )  # fmt: skip
    writes.changes.append(told)


def _why(ending: Ending) -> tuple[Reason | None, str]:
    if isinstance(ending.decision, Refusal):
        return ending.decision.reason, ending.decision.message
    if ending.settlement is None:
        return None, ""
    message = ending.settlement.message
    return ending.settlement.reason, clean(message) if message else ""


def _booking_row(now: int, ending: Ending, after: Advance, *, shrunk: bool) -> Row:
    """The booking after it; an aside moves nothing but the properties that its script set."""
    booking, settlement = ending.booking, ending.settlement
    aside, moved = ending.boundary.event.direction is Direction.ASIDE, after.trigger is not None
    moves = not aside and ending.boundary.kind is not Kind.ORDER
    edited = shrunk or (settlement is not None and bool(settlement.properties))
    return (
        booking.key, after.state.value, after.service_state,
        int(booking.began or moves), booking.entering if aside else "",
        int(after.not_reset if moved else booking.not_reset), booking.state_version + (not aside),
        booking.revision + edited, now if moved or edited else booking.changed_us,
    )  # fmt: skip


def _close_run(now: int, ending: Ending, settlement: Settlement, why: str, message: str, writes: _Writes) -> None:
    b = ending.boundary
    returned = VALUES.encode(settlement.returned) if settlement.returned else NO_VALUES
    writes.scripted.append(b.key)
    writes.runs.append(
        (
            b.key, b.generation, b.try_, settlement.outcome.value, int(ending.stopped), why, message,
            settlement.version, returned, now,
        )
    )  # fmt: skip
    if settlement.unknown_steps:
        writes.unknown += [(b.key, b.generation, b.try_, clean(name), now) for name in settlement.unknown_steps]
    if settlement.properties or settlement.left:
        _take_over(ending.booking, settlement, writes)


def _take_over(booking: Booking, settlement: Settlement, writes: _Writes) -> None:
    """The properties that the script set, and the resources that it has brought to their ended state."""
    leaving = {label: choice for label, choice in booking.leaving.items() if label not in settlement.left}
    properties = {**booking.properties, **settlement.properties}
    writes.bodies.append((booking.key, body_of(replace(booking, properties=properties, leaving=leaving))))
    writes.left += [
        (booking.key, booking.leaving[label].resource, int(bool(problem)))
        for label, problem in settlement.left.items()
        if label in booking.leaving
    ]


def _change(ending: Ending, after: Advance, why: str) -> Change:
    boundary, booking = ending.boundary, ending.booking
    cause = boundary.event.name if ending.settlement is None else f"{boundary.event.name} {ending.settlement.run}"
    if boundary.kind is Kind.CREATED:
        return Change(
            "booking.created_actions", booking.id, booking.platform, ENGINE.name, "", after.boundary.value, why, cause,
            booking.revision,
        )  # fmt: skip
    if boundary.kind not in EXTERNAL:
        return Change(
            "booking.state", booking.id, booking.platform, ENGINE.name, booking.state.value, after.state.value, why,
            cause, booking.revision,
        )  # fmt: skip
    if boundary.kind is Kind.APPLY:
        done = after.boundary is BoundaryState.DONE
        kind, (resource,) = "resource.applied" if done else "resource.not_applied", booking.resources
        return Change(kind, resource, booking.platform, ENGINE.name, "", booking.name, why, booking.id)
    return Change(
        "booking.service_state", booking.id, booking.platform, ENGINE.name, booking.service_state, after.service_state,
        why, cause, booking.revision,
    )  # fmt: skip


def _follow_up(ending: Ending, after: Advance, writes: _Writes) -> None:
    key = ending.booking.key
    if after.ended:
        writes.ended.append(key)
        if ending.boundary.trigger is Trigger.RETRY:
            writes.mended.append(key)
        if ending.settlement is None:
            leaving = ending.booking.leaving.values()
            writes.left += [(key, choice.resource, 1) for choice in leaving if choice.resource]
    if after.not_reset:
        writes.not_reset.append(key)
    if after.drops:
        writes.drops.append(key)
    if after.abandons_retry:
        writes.abandons.append(key)
    prepares = isinstance(ending.decision, Run) and ending.boundary.event.stage is first_stage(ending.booking)
    if prepares and after.boundary is BoundaryState.DONE:
        writes.prepared.append(key)


def _write(work: Work, writes: _Writes, dirty: Later) -> None:
    db = work.db
    db.send(_BOUNDARY, writes.boundaries)
    db.send(_BOOKING, writes.bookings)
    db.send("update boundary set waits_for = null where waits_for in ?ints", [row[0] for row in writes.boundaries])
    for sql, rows in ((_BODY, writes.bodies), (_RUN, writes.runs), (_UNKNOWN, writes.unknown), (_LEFT, writes.left)):
        if rows:
            db.send(sql, rows)
    for sql, keys in (
        (_FREE, writes.scripted),
        (_OVER, writes.ended),
        (_RELEASE, writes.ended),
        (_DROP, writes.drops),
        (_ABANDON, writes.abandons),
    ):
        if keys:
            db.send(sql, keys)
    if writes.shrunk:
        for sql in _SHRUNK:
            db.send(sql, writes.shrunk)
    if writes.changes:
        Changes(work).add_all(writes.changes)
    if writes.start_failures:
        Boundaries(work).upsert(writes.start_failures)
    _write_resets(work, writes, dirty)
    work.due = True


def _write_resets(work: Work, writes: _Writes, dirty: Later) -> None:
    """Remember what was not reset; forget it where a later pre-roll has put the same resources in order."""
    db = work.db
    retried = [key for key in writes.mended if key not in writes.not_reset]
    if writes.not_reset:
        db.send("update reservation set unreset = 1 where booking in ?ints", writes.not_reset)
    if not (writes.prepared or retried) or not (writes.not_reset or dirty()):
        return
    db.send("update reservation set unreset = 0 where unreset = 1 and booking in ?ints", retried)
    touched = [row[0] for row in db.all(_CLEANED, writes.prepared)]
    if not touched:
        return
    db.send(
        "update reservation set unreset = 0 where unreset = 1 and booking in ?ints"
        " and resource in (select r.resource from reservation r where r.live = 1 and r.booking in ?ints)",
        touched, writes.prepared,
    )  # fmt: skip
    rows = db.all(
        "update booking set not_reset = 0, state_version = state_version + 1 where key in ?ints and not_reset = 1"
        " and not exists (select 1 from reservation r where r.booking = booking.key and r.unreset = 1)"
        " returning id, platform, revision",
        touched,
    )
    changes = [
        Change("booking.reset", ident, platform, ENGINE.name, "not reset", "", "its resources were prepared again",
               revision=revision)
        for ident, platform, revision in rows
    ]  # fmt: skip
    if changes:
        Changes(work).add_all(changes)
