# SPDX-License-Identifier: Apache-2.0
"""Settlements: whose fence still holds ends its run; the same settlement twice is the same settlement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from preroll.domain.booking import Booking, State
from preroll.domain.boundaries import Boundary, BoundaryState
from preroll.ports.rows import Settled, Settlement, Verdict
from preroll.store import bookings, boundaries
from preroll.store.bookings import STATES, booking_of
from preroll.store.boundaries import boundary_of
from preroll.store.journal_endings import Ending, ask_dirty, finish
from preroll.store.platforms import Platforms
from preroll.store.sql import Later, Row
from preroll.store.work import Work

_LOCK = (
    "select k.key from booking k where k.key in (select b.booking from boundary b where b.key in ?ints)"
    " order by k.key for no key update"
)
_READ = (
    "select b.key, b.booking, b.state, b.epoch, b.stopping, k.state, k.platform, k.state_version, k.revision"
    " from boundary b join booking k on k.key = b.booking where b.key in ?ints for no key update of b by b.key"
)
_READ_ALL = (
    f"select {boundaries.columns('b')}, {bookings.columns('k')} from boundary b join booking k on k.key = b.booking"
    " where b.key in ?ints"
)
_OVER = "select id, boundary, epoch from run where id in ?texts and outcome <> 'running'"
_RUNNING = BoundaryState.RUNNING.value


def settle(work: Work, settlements: Sequence[Settlement]) -> list[Settled]:
    """End the runs of these settlements."""
    keys = [settlement.fence.boundary for settlement in settlements]
    work.expect_now()
    if work.db.postgres:
        work.db.send(_LOCK, keys)
    read, dirty = work.db.later(_READ, keys), ask_dirty(work)
    platforms = Platforms(work).ask({known[1].platform for key in keys if (known := work.memory.claimed.get(key))})
    rows: dict[int, Row] = {row[0]: row for row in read()}
    platforms()
    holding = [_holds(rows.get(s.fence.boundary), s) for s in settlements]
    states = _finish(work, rows, [s for s, holds in zip(settlements, holding, strict=True) if holds], dirty)
    over = _settled_before(work, [s for s, holds in zip(settlements, holding, strict=True) if not holds])
    answers = []
    for settlement, holds in zip(settlements, holding, strict=True):
        if holds or settlement.run in over:
            row = rows[settlement.fence.boundary]
            answers.append(Settled(Verdict.OK, states.get(row[1]) or STATES[row[5]]))
        else:
            answers.append(Settled(Verdict.FENCED))
    return answers


def _holds(row: Row | None, settlement: Settlement) -> bool:
    return row is not None and row[2] == _RUNNING and row[3] == settlement.fence.epoch


def _finish(work: Work, rows: Mapping[int, Row], settlements: Sequence[Settlement], dirty: Later) -> dict[int, State]:
    """End these boundaries, one of each booking at a time; returns the last state of each booking by key."""
    states: dict[int, State] = {}
    todo = {settlement.fence.boundary: settlement for settlement in reversed(settlements)}
    while todo:
        turn = {rows[key][1]: key for key in reversed(todo)}
        now = {key: todo.pop(key) for key in sorted(turn.values())}
        states |= finish(work, _endings(work, rows, now), dirty)
        for key in todo:
            work.memory.claimed.pop(key, None)
    return states


def _endings(work: Work, rows: Mapping[int, Row], settlements: Mapping[int, Settlement]) -> list[Ending]:
    platforms = Platforms(work).by_keys({rows[key][6] for key in settlements})
    stored = _stored(work, {key: rows[key] for key in settlements})
    return [
        Ending(
            stored[key][0], stored[key][1], platforms[rows[key][6]], settlement.decision, settlement.outcome,
            settlement, stopped=bool(rows[key][4]),
        )
        for key, settlement in settlements.items()
    ]  # fmt: skip


def _stored(work: Work, rows: Mapping[int, Row]) -> dict[int, tuple[Boundary, Booking]]:
    """Boundary and booking: as they were claimed here if nobody has touched them since, otherwise read again."""
    found: dict[int, tuple[Boundary, Booking]] = {}
    for key, (_, _, _, epoch, _, _, _, state_version, revision) in rows.items():
        claimed = work.memory.claimed.pop(key, None)
        if claimed is not None:
            boundary, booking = claimed
            if (boundary.epoch, booking.state_version, booking.revision) == (epoch, state_version, revision):
                found[key] = claimed
    missing = [key for key in rows if key not in found]
    if missing:
        for row in work.db.all(_READ_ALL, missing):
            found[row[0]] = boundary_of(row[: boundaries.WIDTH]), booking_of(row[boundaries.WIDTH :])
    return found


def _settled_before(work: Work, settlements: Sequence[Settlement]) -> set[str]:
    """Runs that this same owner has settled already: the answer was lost, or the caller repeats."""
    if not settlements:
        return set()
    asked = {settlement.run: settlement.fence for settlement in settlements}
    return {
        ident
        for ident, boundary, epoch in work.db.all(_OVER, list(asked))
        if (boundary, epoch) == (asked[ident].boundary, asked[ident].epoch)
    }
