# SPDX-License-Identifier: Apache-2.0
"""How boundaries end: the rule for each in Python, one statement for each kind of row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from preroll.domain.booking import Booking, State, Trigger
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
from preroll.domain.errors import TransitionNotAllowed
from preroll.domain.machine import Outcome
from preroll.domain.permission import ENGINE
from preroll.domain.values import dataclass
from preroll.ports.rows import Settlement
from preroll.store.audits import follow
from preroll.store.boundaries import Boundaries
from preroll.store.changes import Changes
from preroll.store.documents import BODY, NO_VALUES, VALUES, Body, clean
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
"""Resources that were taken out are free; one that could not be reset is marked."""
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
    prepared: list[int] = field(default_factory=list)
    """Bookings whose pre-roll succeeded: their devices are as they should be again."""


def ask_dirty(work: Work) -> Later:
    """Is there any resource that was not reset?"""
    return work.db.later(_STILL_DIRTY)


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
    began = now if settlement is None else boundary.began_us
    writes.boundaries.append((boundary.key, after.boundary.value, reason and reason.value, message, began, now))
    writes.bookings.append(_booking_row(now, ending, after))
    if settlement is not None:
        _close_run(now, ending, settlement, reason, message, writes)
    if boundary.trigger is not None or boundary.kind in EXTERNAL:
        writes.changes.append(_change(ending, after, message or (reason.value if reason else "")))
    if after.start_failure:
        aside = Boundary(0, booking.key, Kind.START_FAILURE, now, planned_us=now, reason=reason, message=message)
        writes.start_failures.append(aside)
    _follow_up(ending, after, writes)
    return after.state


def _why(ending: Ending) -> tuple[Reason | None, str]:
    if isinstance(ending.decision, Refusal):
        return ending.decision.reason, ending.decision.message
    if ending.settlement is None:
        return None, ""
    return ending.settlement.reason, clean(ending.settlement.message)


def _booking_row(now: int, ending: Ending, after: Advance) -> Row:
    """The booking after it; an aside moves nothing but the properties that its script set."""
    booking, settlement = ending.booking, ending.settlement
    aside, moved = ending.boundary.event.direction is Direction.ASIDE, after.trigger is not None
    edited = settlement is not None and bool(settlement.properties)
    return (
        booking.key, after.state.value, after.service_state,
        int(booking.began or not aside), booking.entering if aside else "",
        int(after.not_reset if moved else booking.not_reset), booking.state_version + (not aside),
        booking.revision + edited, now if moved or edited else booking.changed_us,
    )  # fmt: skip


def _close_run(
    now: int, ending: Ending, settlement: Settlement, reason: Reason | None, message: str, writes: _Writes
) -> None:
    b, booking = ending.boundary, ending.booking
    returned = VALUES.encode(settlement.returned) if settlement.returned else NO_VALUES
    writes.scripted.append(b.key)
    writes.runs.append(
        (
            b.key, b.generation, b.try_, settlement.outcome.value, int(ending.stopped), reason.value if reason else "",
            message, settlement.version, returned, now,
        )
    )  # fmt: skip
    writes.unknown += [(b.key, b.generation, b.try_, clean(name), now) for name in settlement.unknown_steps]
    leaving = {label: choice for label, choice in booking.leaving.items() if label not in settlement.left}
    if settlement.properties or settlement.left:
        body = Body(booking.nodes, {**booking.properties, **settlement.properties}, leaving)
        writes.bodies.append((booking.key, BODY.encode(body)))
    writes.left += [
        (booking.key, booking.leaving[label].resource, int(bool(problem)))
        for label, problem in settlement.left.items()
        if label in booking.leaving
    ]


def _change(ending: Ending, after: Advance, why: str) -> Change:
    booking, run = ending.booking, "" if ending.settlement is None else ending.settlement.run
    external = ending.boundary.kind in EXTERNAL
    kind = "booking.service_state" if external else "booking.state"
    was, now = booking.state.value, after.state.value
    if external:
        was, now = booking.service_state, after.service_state
    return Change(
        kind, booking.id, booking.platform, ENGINE.name, was, now, why,
        f"{ending.boundary.event.name} {run}".rstrip(), booking.revision,
    )  # fmt: skip


def _follow_up(ending: Ending, after: Advance, writes: _Writes) -> None:
    key = ending.booking.key
    if after.ended:
        writes.ended.append(key)
        if ending.boundary.trigger is Trigger.RETRY:
            writes.mended.append(key)
    if after.not_reset:
        writes.not_reset.append(key)
    if after.drops:
        writes.drops.append(key)
    if after.abandons_retry:
        writes.abandons.append(key)
    done = after.boundary is BoundaryState.DONE
    if done and ending.boundary.kind is Kind.START_OF_PRE_ROLL and isinstance(ending.decision, Run):
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
