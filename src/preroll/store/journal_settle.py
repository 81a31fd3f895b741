# SPDX-License-Identifier: Apache-2.0
"""How boundaries end: one select, the rule for each in Python, one statement for each kind of row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from preroll.domain.booking import ENDED, Booking, State
from preroll.domain.boundaries import (
    Advance,
    Boundary,
    BoundaryState,
    Decision,
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
from preroll.ports.rows import Settled, Settlement, Verdict
from preroll.store import bookings, boundaries
from preroll.store.bookings import advanced, booking_of
from preroll.store.boundaries import Boundaries, boundary_of
from preroll.store.changes import Changes
from preroll.store.documents import BODY, NO_VALUES, VALUES, Body, clean
from preroll.store.platforms import Platforms
from preroll.store.sql import Row
from preroll.store.work import Work

_LOCK = (
    "select k.key from booking k where k.key in (select b.booking from boundary b where b.key in ?ints)"
    " order by k.key for no key update"
)
_READ = (
    f"select {boundaries.columns('b')}, {bookings.columns('k')}, b.stopping from boundary b"
    " join booking k on k.key = b.booking where b.key in ?ints for no key update of b"
)
_BOUNDARY = (
    "update boundary set state = g.state, reason = g.reason, message = g.message, began_us = g.began_us,"
    " ended_us = g.ended_us, stopping = 0 from given(key bigint, state text, reason text, message text,"
    " began_us bigint, ended_us bigint) g where boundary.key = g.key"
)
_BOOKING = (
    "update booking set state = g.state, live = g.live, service_state = g.service_state, began = g.began,"
    " entering = g.entering, not_reset = g.not_reset, state_version = g.state_version, revision = g.revision,"
    " changed_us = g.changed_us from given(key bigint, state text, live bigint, service_state text, began bigint,"
    " entering text, not_reset bigint, state_version bigint, revision bigint, changed_us bigint) g"
    " where booking.key = g.key"
)
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
_STILL_DIRTY = "select 1 from reservation where unreset = 1 limit 1"
_CLEANED = (
    "select distinct d.booking from reservation r join reservation d on d.resource = r.resource and d.unreset = 1"
    " where r.booking in ?ints and r.live = 1 and d.booking <> r.booking"
)


@dataclass(slots=True)
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
class Writes:
    """Rows to be written, by table."""

    boundaries: list[Row] = field(default_factory=list)
    bookings: dict[int, Booking] = field(default_factory=dict)
    bodies: dict[int, Row] = field(default_factory=dict)
    runs: list[Row] = field(default_factory=list)
    unknown: list[Row] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    not_reset: list[int] = field(default_factory=list)
    drops: list[int] = field(default_factory=list)
    abandons: list[int] = field(default_factory=list)
    start_failures: list[Boundary] = field(default_factory=list)
    prepared: list[int] = field(default_factory=list)
    """Bookings whose pre-roll succeeded: their devices are as they should be again."""


def settle(work: Work, settlements: Sequence[Settlement]) -> list[Settled]:
    """End the runs of these settlements, those whose fence still holds."""
    keys = [s.fence.boundary for s in settlements]
    if work.db.postgres:
        work.db.run(_LOCK, keys)
    rows = {row[0]: row for row in work.db.all(_READ, keys)}
    endings: dict[int, Ending] = {}
    platforms = Platforms(work).by_keys({row[boundaries.WIDTH + 2] for row in rows.values()})
    for settlement in settlements:
        row = rows.get(settlement.fence.boundary)
        if row is None or not _holds(row, settlement) or row[0] in endings:
            continue
        booking = _booking(row)
        endings[row[0]] = Ending(
            boundary_of(row[: boundaries.WIDTH]), booking, platforms[booking.platform], settlement.decision,
            settlement.outcome, settlement, stopped=bool(row[-1]),
        )  # fmt: skip
    states = finish(work, list(endings.values()))
    repeated = _settled_before(work, [s for s in settlements if not _is(endings.get(s.fence.boundary), s)])
    answers = []
    for settlement in settlements:
        row = rows.get(settlement.fence.boundary)
        if row is None or not (_is(endings.get(row[0]), settlement) or settlement.run in repeated):
            answers.append(Settled(Verdict.FENCED))
        else:
            answers.append(Settled(Verdict.OK, states.get(row[1]) or _booking(row).state))
    return answers


def _booking(row: Row) -> Booking:
    return booking_of(row[boundaries.WIDTH : -1])


def _holds(row: Row, settlement: Settlement) -> bool:
    return bool(row[4] == BoundaryState.RUNNING.value and row[7] == settlement.fence.epoch)


def _is(ending: Ending | None, settlement: Settlement) -> bool:
    return ending is not None and ending.settlement is not None and ending.settlement.fence == settlement.fence


def _settled_before(work: Work, settlements: Sequence[Settlement]) -> set[str]:
    """Runs that this same owner has settled already: the answer was lost, or the caller repeats."""
    if not settlements:
        return set()
    asked = {s.run: s.fence for s in settlements}
    rows = work.db.all("select id, boundary, epoch from run where id in ?texts and outcome <> 'running'", list(asked))
    return {
        ident for ident, boundary, epoch in rows if (boundary, epoch) == (asked[ident].boundary, asked[ident].epoch)
    }


def finish(work: Work, endings: Sequence[Ending]) -> Mapping[int, State]:
    """Write down how these boundaries ended and what follows; returns the new state of each booking by key."""
    if not endings:
        return {}
    writes = Writes()
    for ending in endings:
        _end(work.now, ending, writes)
    _write(work, endings, writes)
    return {key: booking.state for key, booking in writes.bookings.items()}


def _end(now: int, ending: Ending, writes: Writes) -> None:
    boundary, settlement, decision = ending.boundary, ending.settlement, ending.decision
    booking = writes.bookings.get(boundary.booking, ending.booking)
    reason, message = _why(ending)
    try:
        after = advance(boundary, booking, ending.platform.config, decision, ending.outcome)
    except TransitionNotAllowed as error:
        reason, message = Reason.UNEXPECTED, f"{message}; {error}".lstrip("; ")
        after = Advance(booking.state, booking.service_state, None, BoundaryState.FAILED, ended=False)
    began = boundary.began_us if settlement is not None else now
    writes.boundaries.append((boundary.key, after.boundary.value, reason and reason.value, message, began, now))
    if settlement is not None:
        _close_run(now, ending, settlement, reason, message, writes)
    writes.bookings[booking.key] = _moved(now, ending, booking, after)
    if boundary.trigger is not None:
        writes.changes.append(_change(ending, booking, after, message or (reason.value if reason else "")))
    if after.start_failure:
        aside = Boundary(0, booking.key, Kind.START_FAILURE, now, planned_us=now, reason=reason, message=message)
        writes.start_failures.append(aside)
    _follow_up(boundary, booking, decision, after, writes)


def _why(ending: Ending) -> tuple[Reason | None, str]:
    if isinstance(ending.decision, Refusal):
        return ending.decision.reason, ending.decision.message
    if ending.settlement is None:
        return None, ""
    return ending.settlement.reason, clean(ending.settlement.message)


def _close_run(
    now: int, ending: Ending, settlement: Settlement, reason: Reason | None, message: str, writes: Writes
) -> None:
    b = ending.boundary
    writes.runs.append(
        (
            b.key, b.generation, b.try_, settlement.outcome.value, int(ending.stopped), reason.value if reason else "",
            message, settlement.version, VALUES.encode(settlement.returned) if settlement.returned else NO_VALUES, now,
        )
    )  # fmt: skip
    for name in settlement.unknown_steps:
        writes.unknown.append((b.key, b.generation, b.try_, name, now))


def _moved(now: int, ending: Ending, booking: Booking, after: Advance) -> Booking:
    """The booking after it; an aside moves nothing but the properties that its script set."""
    settlement = ending.settlement
    if settlement is not None and settlement.properties:
        properties = {**booking.properties, **settlement.properties}
        booking = replace(booking, properties=properties, revision=booking.revision + 1, changed_us=now)
    if ending.boundary.kind is Kind.START_FAILURE:
        return booking
    if ending.boundary.trigger is None:
        return replace(booking, entering="", state_version=booking.state_version + 1)
    return advanced(booking, after, now)


def _change(ending: Ending, booking: Booking, after: Advance, why: str) -> Change:
    run = "" if ending.settlement is None else ending.settlement.run
    return Change(
        "booking.state", booking.id, booking.platform, ENGINE.name, booking.state.value, after.state.value, why,
        f"{ending.boundary.event.name} {run}".rstrip(), booking.revision,
    )  # fmt: skip


def _follow_up(boundary: Boundary, booking: Booking, decision: Decision, after: Advance, writes: Writes) -> None:
    if after.ended:
        writes.ended.append(booking.key)
    if after.not_reset:
        writes.not_reset.append(booking.key)
    if after.drops:
        writes.drops.append(booking.key)
    if after.abandons_retry:
        writes.abandons.append(booking.key)
    done = after.boundary is BoundaryState.DONE
    if done and boundary.kind is Kind.START_OF_PRE_ROLL and isinstance(decision, Run):
        writes.prepared.append(booking.key)


def _write(work: Work, endings: Sequence[Ending], writes: Writes) -> None:
    db = work.db
    keys = [row[0] for row in writes.boundaries]
    db.run(_BOUNDARY, writes.boundaries)
    db.run(_BOOKING, [_booking_row(booking) for booking in writes.bookings.values()])
    scripted = [e.boundary.key for e in endings if e.settlement is not None]
    if writes.runs:
        db.run(_RUN, writes.runs)
    if scripted:
        db.run("delete from device_hold where boundary in ?ints", scripted)
    db.run("update boundary set waits_for = null where waits_for in ?ints", keys)
    _write_properties(work, endings, writes)
    if writes.unknown:
        db.run(_UNKNOWN, writes.unknown)
    if writes.changes:
        Changes(work).add_all(writes.changes)
    if writes.ended:
        db.run("update reservation set live = 0 where booking in ?ints", writes.ended)
    if writes.drops:
        drop(work, writes.drops)
    if writes.abandons:
        db.run(_ABANDON, writes.abandons)
    if writes.start_failures:
        Boundaries(work).upsert(writes.start_failures)
    _write_resets(work, writes)
    work.due = True


def _booking_row(b: Booking) -> Row:
    return (
        b.key, b.state.value, int(b.state not in ENDED), b.service_state, int(b.began), b.entering, int(b.not_reset),
        b.state_version, b.revision, b.changed_us,
    )  # fmt: skip


def _write_properties(work: Work, endings: Iterable[Ending], writes: Writes) -> None:
    changed = {e.booking.key for e in endings if e.settlement is not None and e.settlement.properties}
    if changed:
        bodies = [
            (key, BODY.encode(Body(writes.bookings[key].nodes, writes.bookings[key].properties))) for key in changed
        ]
        work.db.run(_BODY, bodies)


def drop(work: Work, keys: Sequence[int]) -> None:
    """The standard boundaries of these bookings that have not begun never will."""
    work.db.run(
        "update boundary set state = 'dropped', waits_for = null"
        " where booking in ?ints and state in ('armed', 'disarmed') and rank < 2",
        keys,
    )


def _write_resets(work: Work, writes: Writes) -> None:
    """Remember what was not reset; forget it where a later pre-roll has put the same resources in order."""
    db = work.db
    retried = [key for key in writes.ended if key not in writes.not_reset]
    if writes.not_reset:
        db.run("update reservation set unreset = 1 where booking in ?ints", writes.not_reset)
    if not (writes.prepared or retried) or db.one(_STILL_DIRTY) is None:
        return
    db.run("update reservation set unreset = 0 where unreset = 1 and booking in ?ints", retried)
    touched = [row[0] for row in db.all(_CLEANED, writes.prepared)]
    if not touched:
        return
    db.run(
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
