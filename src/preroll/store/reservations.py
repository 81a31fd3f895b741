# SPDX-License-Identifier: Apache-2.0
"""What bookings hold: lock the resources in key order, read the overlaps in the next statement, sweep, write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from preroll.domain import usage
from preroll.domain.booking import Booking
from preroll.domain.errors import Clash
from preroll.domain.resource import Resource
from preroll.domain.usage import CONCURRENCY, Need, Usage
from preroll.domain.window import FOREVER, Window
from preroll.store.bookings import booking_of, columns
from preroll.store.catalogue import RESOURCE
from preroll.store.work import Work

HOUR = 3_600_000_000
TIERS = (HOUR, 4 * HOUR, 16 * HOUR, 64 * HOUR, 720 * HOUR, FOREVER)
"""Classes of duration: within one, an overlap is a range of the start with two ends, which an index can answer."""

_LOCK = "select key, body from resource where key in ?ints and removed = 0 order by key for no key update"
_OVERLAPS = (
    "select r.resource, coalesce(d.name, ''), r.start_us, r.end_us, r.amount, r.agreed, k.id, k.name from reservation r"
    " join booking k on k.key = r.booking left join dimension d on d.key = r.dimension"
    " where r.live = 1 and r.resource in ?ints and r.tier = ?"
    " and r.start_us < ? and r.start_us > ? and r.end_us > ? and r.booking <> ?"
)
_HOLD = (
    "insert into reservation (booking, resource, dimension, start_us, end_us, amount, agreed, live, tier)"
    " select booking, resource, dimension, start_us, end_us, amount, agreed, 1, tier from given(booking bigint,"
    " resource bigint, dimension bigint, start_us bigint, end_us bigint, amount bigint, agreed text, tier bigint) g"
)
_DIMENSION = "insert into dimension (name) values (?) on conflict (name) do nothing"


def tier_of(window: Window) -> int:
    """The class of duration of a window."""
    length = window.until - window.start
    return next((tier for tier, longest in enumerate(TIERS) if length <= longest), len(TIERS) - 1)


class Reservations:
    """The reservations of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def hold(self, booking: Booking, needs: Sequence[Need]) -> None:
        held, db = booking.timing.held, self._work.db
        db.run("delete from reservation where booking = ?", booking.key)
        tier = tier_of(held)
        wanted = [(need.resource.key, name, *what) for need in needs for name, what in need.amounts().items()]
        keys = self._dimensions({name for _, name, _, _ in wanted})
        rows = [
            (booking.key, resource, keys[name], held.start, held.until, amount, agreed, tier)
            for resource, name, amount, agreed in wanted
        ]
        if rows:
            db.run(_HOLD, rows)

    def _dimensions(self, names: Collection[str]) -> dict[str, int]:
        """The keys under which dimensions are stored; a new one is added."""
        db, wanted = self._work.db, sorted(names)
        found = {CONCURRENCY: 0} | dict(db.all("select name, key from dimension where name in ?texts", wanted))
        for name in wanted:
            if name not in found:
                db.run(_DIMENSION, name)
                row = db.one("select key from dimension where name = ?", name)
                assert row is not None  # noqa: S101 - it was inserted
                found[name] = row[0]
        return found

    def release(self, booking: int) -> None:
        self._work.db.run("update reservation set live = 0 where booking = ? and live = 1", booking)

    def clashes(self, booking: Booking, needs: Sequence[Need]) -> list[Clash]:
        wishes = {need.resource.key: need.wishes for need in needs}
        keys, held = sorted(wishes), booking.timing.held
        locked = [replace(RESOURCE.decode(body), key=key) for key, body in self._work.db.all(_LOCK, keys)]
        taken = self.usages(locked, held, but=booking.key)
        found = [clash for r in locked for clash in usage.clashes(r, wishes[r.key], held, taken.get(r.key, ()))]
        there = {r.key for r in locked}
        return found + [usage.gone(need.resource, held) for need in needs if need.resource.key not in there]

    def usages(self, resources: Sequence[Resource], window: Window, *, but: int = 0) -> Mapping[int, Sequence[Usage]]:
        keys = [resource.key for resource in resources]
        found: dict[int, list[Usage]] = defaultdict(list)
        for tier, longest in enumerate(TIERS):
            rows = self._work.db.all(_OVERLAPS, keys, tier, window.until, window.start - longest, window.start, but)
            for resource, *rest in rows:
                found[resource].append(Usage(*rest))
        return found

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
            sorted(resource.key for resource in resources),
        )
        return [booking_of(row) for row in rows]
