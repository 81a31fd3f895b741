# SPDX-License-Identifier: Apache-2.0
"""Runs whose worker is gone: they keep their id, their version and their steps, and get a new epoch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from preroll.domain.booking import Booking
from preroll.domain.boundaries import Boundary, Kind, Reason, Run
from preroll.domain.config import Platform
from preroll.domain.machine import Outcome
from preroll.ports.rows import (
    Adopted,
    Claimed,
    Fence,
    Judged,
    LogLine,
    RecordedStep,
    Settlement,
    Severity,
    StepState,
)
from preroll.store import bookings, boundaries
from preroll.store.bookings import booking_of
from preroll.store.boundaries import boundary_of
from preroll.store.catalogue import Catalogue
from preroll.store.documents import ANYTHING
from preroll.store.journal_endings import Ending, finish
from preroll.store.journal_facts import needs_of
from preroll.store.journal_steps import log
from preroll.store.platforms import Platforms
from preroll.store.records import VERSION
from preroll.store.sql import Later, Row
from preroll.store.work import Work
from preroll.store.workers import Reach, elsewhere, reach_of

LOCK_BOOKINGS = "select key from booking where key in ?ints order by key for no key update"
WITHIN_REACH = (
    "not exists (select 1 from reservation r join resource s on s.key = r.resource"
    " where r.booking = b.booking and r.dimension = 0 and s.labels <> '' and s.labels in ?texts)"
)
"""None of its resources has labels that the worker lacks; they keep their rows when the booking is over."""
_LOST = (
    "select b.key, b.booking from boundary b join worker w on w.key = b.worker where b.state = 'running'"
    " and b.rank in (0, 1, 2) and ((w.key <> ? and w.lease_us <= ?) or (w.key = ? and ? = 1 and not (b.key in ?ints)))"
    f" and {WITHIN_REACH} order by b.rank, b.due_us, b.key limit ?"
)
_LEFT = "case when w.role = 'sender' then '' else w.name end, (select name from worker where key = ?)"
"""Who has left it, and who goes on with it."""
_MAY_LOSE = "(w.key = ? or w.lease_us <= ?)"
_CLAIMED = (
    f"select {boundaries.columns('b')}, {bookings.columns('k')}, {_LEFT}, r.id, r.script, {VERSION}, r.target,"
    " r.previous, r.began_us, b.stopping from boundary b join booking k on k.key = b.booking"
    " join worker w on w.key = b.worker"
    " join run r on r.boundary = b.key and r.generation = b.generation and r.try_ = b.try_"
    " where b.key in ?ints and b.state = 'running' and {}"
    " order by b.rank, b.due_us, b.key for no key update of b"
)
_READ = _CLAIMED.format(_MAY_LOSE)
_READ_SENT = _CLAIMED.format(f"({_MAY_LOSE} or w.role = 'sender')")
_ASKED_FOR = "select booking from boundary where key = ? and generation = ? and state = 'running'"
_SENT = "select key from boundary where state = 'running' and rank in (0, 1, 2) and worker = ?"
_TAIL = 9
_ADOPT = (
    "update boundary set epoch = g.epoch, worker = g.worker from given(key bigint, epoch bigint, worker bigint) g"
    " where boundary.key = g.key"
)
_ADOPT_RUN = (
    "update run set epoch = g.epoch, worker = g.worker from given(boundary bigint, generation bigint, try_ bigint,"
    " epoch bigint, worker bigint) g"
    " where run.boundary = g.boundary and run.generation = g.generation and run.try_ = g.try_"
)
_STEPS = "select boundary, generation, name, state, result from step where boundary in ?ints order by boundary, try_"


def ask_lost(work: Work, reach: Reach, limit: int, doubt: frozenset[int] | None) -> Later:
    """Runs of dead workers: (boundary, booking).

    ``doubt`` is set after a claim whose answer was lost: of this worker's runs, those it does not know start again.
    """
    doubtful, known, worker = int(doubt is not None), sorted(doubt or ()), reach.worker
    return work.db.later(_LOST, worker, work.now, worker, doubtful, known, reach.foreign, limit)


def take_over(work: Work, reach: Reach, lost: Sequence[Row]) -> tuple[list[Claimed], list[Ending]]:
    """Make lost runs this worker's own; returns them, and what was ended instead."""
    if not lost:
        return [], []
    if work.db.postgres:
        work.db.send(LOCK_BOOKINGS, [row[1] for row in lost])
    return _resume(work, reach, work.db.all(_READ, reach.worker, [row[0] for row in lost], reach.worker, work.now))


def adopt(work: Work, worker: int, boundary: int, generation: int) -> Adopted:
    """Make a run that was sent this worker's own; see ``preroll.ports.store.Journal.adopt``."""
    db = work.db
    asked = db.one(_ASKED_FOR, boundary, generation)
    if asked is None:
        return Adopted()
    if db.postgres:
        db.send(LOCK_BOOKINGS, [asked[0]])
    claimed, ended = _resume(work, reach_of(work, worker), db.all(_READ_SENT, worker, [boundary], worker, work.now))
    open_still = not (claimed or ended) and db.one(_ASKED_FOR, boundary, generation) is not None
    return Adopted(claimed[0] if claimed else None, busy=open_still, now_us=work.now)


def sent(work: Work, worker: int) -> frozenset[int]:
    """The boundaries that run under a worker's name."""
    return frozenset(key for (key,) in work.db.all(_SENT, worker))


def _resume(work: Work, reach: Reach, found: Sequence[Row]) -> tuple[list[Claimed], list[Ending]]:
    """Go on with runs that were somebody else's, but for those whose script another live worker has alone.

    A service order that was to be stopped goes on as well: what it has written is still to be undone.
    """
    worker, rows = reach.worker, [row for row in found if not elsewhere(work, reach, row[-6], row[-5])]
    pairs = [(boundary_of(row[: boundaries.WIDTH]), booking_of(row[boundaries.WIDTH : -_TAIL])) for row in rows]
    platforms = Platforms(work)
    platform_of = platforms.by_keys({booking.platform for _, booking in pairs})
    definition_of = Catalogue(work, platforms).definitions_by_key({k.definition for _, k in pairs if k.definition})
    needs = needs_of(work, [booking for _, booking in pairs])
    steps = recorded(work, [boundary for boundary, _ in pairs])
    claimed: list[Claimed] = []
    endings: list[Ending] = []
    told: list[LogLine] = []
    for row, (boundary, booking) in zip(rows, pairs, strict=True):
        left, own, ident, script, version, target, previous, began, stopping = row[-_TAIL:]
        left = "" if boundary.worker == worker else left
        platform, decision = platform_of[booking.platform], Run(script, target, previous)
        done = steps.get(boundary.key, ())
        if stopping and boundary.kind is not Kind.ORDER:
            endings.append(_stopped(boundary, booking, platform, decision, ident, version, done))
            continue
        mine = replace(boundary, epoch=boundary.epoch + 1, worker=worker)
        definition = definition_of.get(booking.definition) if booking.definition else None
        judged = Judged(mine, booking, definition, platform)
        wants = needs.get(booking.key, frozenset())
        claimed.append(
            Claimed(judged, decision, mine.epoch, ident, version, done, began, resumed=True, needs=wants, left_by=left)
        )
        if left:
            told.append(_told(booking, ident, boundary, own, left))
    _adopt(work, worker, [c.judged.boundary for c in claimed])
    log(work, told)
    finish(work, endings)
    return claimed, endings


def _adopt(work: Work, worker: int, adopted: Sequence[Boundary]) -> None:
    if adopted:
        work.db.send(_ADOPT, [(b.key, b.epoch, worker) for b in adopted])
        work.db.send(_ADOPT_RUN, [(b.key, b.generation, b.try_, b.epoch, worker) for b in adopted])


def _told(booking: Booking, run: str, boundary: Boundary, own: str, left: str) -> LogLine:
    """Who takes over, for whoever reads what the script said: what is not recorded as a step, it says once more."""
    who = f"{own}, which was gone and is back, goes on" if own == left else f"{own} goes on, because {left} is gone"
    return LogLine(booking.key, run, Severity.WARNING, f"{boundary.event.name}: {who}", data={"worker": own})


def _stopped(
    boundary: Boundary,
    booking: Booking,
    platform: Platform,
    decision: Run,
    run: str,
    version: str,
    steps: Sequence[RecordedStep],
) -> Ending:
    """The end of an up run that lost its worker when its down event was due: it is not begun again."""
    settlement = Settlement(
        Fence(boundary.key, boundary.epoch), run, Outcome.FAILED, decision, Reason.LSO_FAILED,
        "its worker was lost, and the down event is due", version,
        unknown_steps=tuple(s.name for s in steps if s.state is StepState.BEGUN),
    )  # fmt: skip
    return Ending(boundary, booking, platform, decision, Outcome.FAILED, settlement, stopped=True)


def recorded(work: Work, claimed: Sequence[Boundary]) -> Mapping[int, tuple[RecordedStep, ...]]:
    """What earlier epochs and tries of these boundaries recorded, the latest of each name."""
    generations = {b.key: b.generation for b in claimed if b.epoch > 0}
    if not generations:
        return {}
    latest: dict[int, dict[str, RecordedStep]] = defaultdict(dict)
    for key, generation, name, state, result in work.db.all(_STEPS, list(generations)):
        if generations[key] == generation:
            value = None if result is None else ANYTHING.decode(result)
            latest[key][name] = RecordedStep(name, StepState(state), value)
    return {key: tuple(steps.values()) for key, steps in latest.items()}
