# SPDX-License-Identifier: Apache-2.0
"""The questions of the home page: each is a few ranges of an index, or one look for many bookings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter

from preroll.domain.audit import Round
from preroll.domain.auditing import ORDINAL
from preroll.domain.booking import Booking
from preroll.domain.boundaries import Boundary
from preroll.domain.quarantine import Loss
from preroll.domain.window import FOREVER
from preroll.ports.night import Filled, Span
from preroll.store import bookings, boundaries
from preroll.store.audits import MOST, round_of
from preroll.store.bookings import COLUMNS, booking_of, seen
from preroll.store.boundaries import boundary_of
from preroll.store.losses import OPEN, loss_of
from preroll.store.sql import Row
from preroll.store.work import Work

_BOUNDARIES = (
    f"select {boundaries.columns('b')} from boundary b where b.booking in ?ints order by b.booking, b.ordinal, b.key"
)
_OWNERS = (
    f"select b.key, {bookings.columns('k')} from boundary b join booking k on k.key = b.booking where b.key in ?ints"
)
_ROUNDS = (
    "select booking, began_us, target, returned from (select b.booking, r.began_us, r.target, r.returned,"
    " row_number() over (partition by b.booking order by r.began_us desc, r.generation desc) as place"
    " from boundary b join run r on r.boundary = b.key where b.booking in ?ints and b.ordinal = ?"
    f" and r.outcome <> 'running') newest where place <= {MOST} order by booking, place"
)
_FILLED = (
    "select exists (select 1 from resource where platform = ? and removed = 0),"
    " exists (select 1 from service_definition where platform = ? and removed = 0 and publication = 'published'),"
    " exists (select 1 from booking where platform = ? and hidden = 0)"
)


class Nights:
    """The home page's questions to a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def within(self, span: Span, limit: int) -> list[Booking]:
        order = "desc" if span.newest else "asc"
        terms = ["platform = ?", "state = ?", "held_start_us >= ?", "held_start_us < ?", "hidden = 0"]
        if span.not_reset:
            terms.append("not_reset = 1")
        since, until = -FOREVER if span.since is None else span.since, FOREVER if span.until is None else span.until
        shared: list[object] = [since, until]
        if span.sight is not None:
            seen(span.sight, terms, shared)
        one = f"select {COLUMNS}, held_start_us from booking where {' and '.join(terms)} order by held_start_us {order}"
        states = sorted(state.value for state in span.states)
        parts = " union all ".join(f"select * from ({one} limit ?) s{place}" for place in range(len(states)))
        values = [value for state in states for value in (span.platform, state, *shared, limit)]
        rows = self._work.db.all(
            f"select {COLUMNS} from ({parts}) found order by held_start_us {order}, key {order} limit ?", *values, limit
        )
        return [booking_of(row) for row in rows]

    def boundaries(self, bookings: Iterable[int]) -> Mapping[int, list[Boundary]]:
        found: dict[int, list[Boundary]] = {}
        for row in self._some(_BOUNDARIES, bookings):
            boundary = boundary_of(row)
            found.setdefault(boundary.booking, []).append(boundary)
        return found

    def owners(self, boundaries: Iterable[int]) -> Mapping[int, Booking]:
        return {row[0]: booking_of(row[1:]) for row in self._some(_OWNERS, boundaries)}

    def rounds(self, bookings: Iterable[int]) -> Mapping[int, list[Round]]:
        rows = self._some(_ROUNDS, bookings, ORDINAL)
        return {key: [round_of(*row[1:]) for row in found] for key, found in groupby(rows, itemgetter(0))}

    def losses(self, bookings: Iterable[int]) -> Mapping[int, list[Loss]]:
        rows = self._some(f"{OPEN} l.booking in ?ints order by l.booking, l.key", bookings)
        return {key: [loss_of(row[1:]) for row in found] for key, found in groupby(rows, itemgetter(0))}

    def filled(self, platform: int) -> Filled:
        (row,) = self._work.db.all(_FILLED, platform, platform, platform)
        return Filled(*map(bool, row))

    def _some(self, sql: str, keys: Iterable[int], *values: object) -> list[Row]:
        wanted = sorted(set(keys))
        return self._work.db.all(sql, wanted, *values) if wanted else []
