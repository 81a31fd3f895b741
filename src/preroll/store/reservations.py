# SPDX-License-Identifier: Apache-2.0
"""What bookings hold: lock the resources in key order, read the overlaps in the next statement, sweep, write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from preroll.domain.booking import Booking
from preroll.domain.errors import Clash
from preroll.domain.resource import Resource
from preroll.domain.window import FOREVER, Window, peak
from preroll.store.bookings import booking_of, columns
from preroll.store.sql import Row
from preroll.store.work import Work

HOUR = 3_600_000_000
TIERS = (HOUR, 4 * HOUR, 16 * HOUR, 64 * HOUR, 720 * HOUR, FOREVER)
"""Classes of duration: within one, an overlap is a range of the start with two ends, which an index can answer."""
CONCURRENCY = 0
"""The dimension that counts bookings; others are capacities."""
ASKED = 1

_LOCK = "select key, name, concurrency from resource where key in ?ints order by key for no key update"
_OVERLAPS = (
    "select r.resource, r.start_us, r.end_us, r.amount, r.booking, k.id, k.name from reservation r"
    " join booking k on k.key = r.booking where r.live = 1 and r.dimension = 0 and r.resource in ?ints and r.tier = ?"
    " and r.start_us < ? and r.start_us > ? and r.end_us > ? and r.booking <> ?"
)
_HOLD = (
    "insert into reservation (booking, resource, dimension, start_us, end_us, amount, live, tier)"
    " select booking, resource, dimension, start_us, end_us, amount, 1, tier from given(booking bigint,"
    " resource bigint, dimension bigint, start_us bigint, end_us bigint, amount bigint, tier bigint) g"
)


def tier_of(window: Window) -> int:
    """The class of duration of a window."""
    length = window.until - window.start
    return next((tier for tier, longest in enumerate(TIERS) if length <= longest), len(TIERS) - 1)


class Reservations:
    """The reservations of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def hold(self, booking: Booking, resources: Sequence[Resource]) -> None:
        held, db = booking.timing.held, self._work.db
        db.run("delete from reservation where booking = ?", booking.key)
        tier = tier_of(held)
        rows = [(booking.key, key, CONCURRENCY, held.start, held.until, ASKED, tier) for key in _keys(resources)]
        if rows:
            db.run(_HOLD, rows)

    def release(self, booking: int) -> None:
        self._work.db.run("update reservation set live = 0 where booking = ? and live = 1", booking)

    def clashes(self, booking: Booking, resources: Sequence[Resource]) -> list[Clash]:
        keys = _keys(resources)
        limits = self._work.db.all(_LOCK, keys)
        taken: dict[int, list[Row]] = defaultdict(list)
        for row in self._overlaps(keys, booking.timing.held, booking.key):
            taken[row[0]].append(row)
        found: list[Clash] = []
        for key, name, limit in limits:
            found += _over(name, limit, booking.timing.held, taken[key])
        return found

    def _overlaps(self, keys: Sequence[int], held: Window, but: int) -> list[Row]:
        """What others hold of these resources within a window."""
        rows: list[Row] = []
        for tier, longest in enumerate(TIERS):
            rows += self._work.db.all(_OVERLAPS, keys, tier, held.until, held.start - longest, held.start, but)
        return rows

    def runs_on(self, booking: Booking) -> list[Booking]:
        rows = self._work.db.all(
            f"select {columns('k')} from booking k where k.live = 1 and k.began = 1 and k.key <> ? and k.key in ("
            "select r.booking from reservation r join resource s on s.key = r.resource"
            " where r.live = 1 and s.id in ?texts) order by k.key",
            booking.key, booking.resources,
        )  # fmt: skip
        return [booking_of(row) for row in rows]

    def not_reset_on(self, resources: Sequence[Resource]) -> list[Booking]:
        rows = self._work.db.all(
            f"select {columns('k')} from booking k where k.not_reset = 1 and k.key in ("
            "select r.booking from reservation r where r.unreset = 1 and r.resource in ?ints) order by k.key",
            _keys(resources),
        )
        return [booking_of(row) for row in rows]


def _keys(resources: Sequence[Resource]) -> list[int]:
    return sorted({resource.key for resource in resources})


def _over(resource: str, limit: int, held: Window, rows: Sequence[Row]) -> list[Clash]:
    """The rivals with which one resource would be over its limit, each where they meet."""
    if sum(row[3] for row in rows) + ASKED <= limit:
        return []
    usages = [(start, end, amount) for _, start, end, amount, *_ in rows]
    found = []
    for _, start, end, _, _, ident, name in sorted(rows, key=lambda row: (row[1], row[4])):
        begin, finish = max(start, held.start), min(end, held.until)
        highest = peak(usages, begin, finish)
        if highest + ASKED > limit:
            found.append(
                Clash(
                    resource,
                    ident,
                    name,
                    begin,
                    None if finish >= FOREVER else finish,
                    limit,
                    ASKED,
                    max(0, limit - highest),
                )
            )
    if limit < ASKED and not found:
        until = None if held.end is None else held.end
        found.append(Clash(resource, "", "", held.start, until, limit, ASKED, max(0, limit)))
    return found
