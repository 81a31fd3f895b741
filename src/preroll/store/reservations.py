# SPDX-License-Identifier: Apache-2.0
"""What bookings hold: lock the resources in key order, read the overlaps in the next statement, sweep, write."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from preroll.domain import usage
from preroll.domain.booking import Booking
from preroll.domain.errors import Clash
from preroll.domain.resource import Resource
from preroll.domain.usage import CONCURRENCY, Need, Usage
from preroll.domain.window import FOREVER, Window
from preroll.ports.reservations import Look
from preroll.store.bookings import booking_of, columns, namesake_of
from preroll.store.catalogue import RESOURCE, in_their_zones
from preroll.store.platforms import Platforms
from preroll.store.sql import Later, Row
from preroll.store.work import Work

HOUR = 3_600_000_000
TIERS = (HOUR, 4 * HOUR, 16 * HOUR, 64 * HOUR, 720 * HOUR, FOREVER)
"""Classes of duration: within one, an overlap is a range of the start with two ends, which an index can answer."""

_LOCK = "select key, revision, body from resource where key in ?ints and removed = 0 order by key for no key update"
_LOCK_ALL = "select key from resource where platform = ? and removed = 0 order by key for no key update"
_SPANS = "(values " + ", ".join(f"({tier}, {longest})" for tier, longest in enumerate(TIERS)) + ")"
_HELD = (
    "o.live = 1 and o.resource = u.value and o.tier = t.tier"
    " and o.start_us < ? and o.start_us > ? - t.longest and o.end_us > ? and o.booking <> ?"
)
_PLACES = {
    False: f"each(?ints) u cross join (select column1 as tier, column2 as longest from {_SPANS}) t"
    " cross join reservation o",
    True: f"each(?ints) u cross join {_SPANS} t(tier, longest)"
    f" cross join lateral (select * from reservation o where {_HELD} offset 0) o",
}
"""One look into the index for each resource and tier, in this order.

SQLite keeps the order of a ``cross join``; PostgreSQL would read whole tiers, but not from within ``offset 0``.
"""


def _overlaps(*, postgres: bool, named: bool) -> str:
    """What is held within a window."""
    terms = ([] if postgres else [_HELD]) + (["k.key = o.booking"] if named else [])
    return (
        f"select o.resource, coalesce(d.name, ''), o.start_us, o.end_us, o.amount, o.agreed,"
        f" {'k.id, k.name' if named else _NOBODY} from {_PLACES[postgres]}{' cross join booking k' if named else ''}"
        f" left join dimension d on d.key = o.dimension where {' and '.join(terms) or '1 = 1'}"
    )


_NOBODY = "'', ''"
_OVERLAPS = {(postgres, n): _overlaps(postgres=postgres, named=n) for postgres in (False, True) for n in (False, True)}
_HOLD = (
    "insert into reservation (booking, resource, dimension, start_us, end_us, amount, agreed, live, tier)"
    " select booking, resource, dimension, start_us, end_us, amount, agreed, 1, tier from given(booking bigint,"
    " resource bigint, dimension bigint, start_us bigint, end_us bigint, amount bigint, agreed text, tier bigint) g"
)
_NOT_RESET = (
    f"select {columns('k')} from booking k where k.key in ("
    "select r.booking from reservation r where r.unreset = 1 and r.resource in ?ints) order by k.key"
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
        db.send("delete from reservation where booking = ? and (live = 1 or unreset = 0)", booking.key)
        tier = tier_of(held)
        wanted = [(need.resource.key, name, *what) for need in needs for name, what in need.amounts().items()]
        keys = self._dimensions({name for _, name, _, _ in wanted})
        rows = [
            (booking.key, resource, keys[name], held.start, held.until, amount, agreed, tier)
            for resource, name, amount, agreed in wanted
        ]
        if rows:
            db.send(_HOLD, rows)

    def _dimensions(self, names: Collection[str]) -> dict[str, int]:
        """The keys under which dimensions are stored; a new one is added."""
        work, known = self._work, self._work.memory.dimensions
        if missing := sorted(name for name in names if name and name not in known):
            found: dict[str, int] = dict(work.db.all("select name, key from dimension where name in ?texts", missing))
            if work.dimensions_added or len(found) < len(missing):
                return {CONCURRENCY: 0, **known, **found, **self._new_dimensions(set(missing) - set(found))}
            known |= found
        return {CONCURRENCY: 0, **known}

    def _new_dimensions(self, names: Collection[str]) -> dict[str, int]:
        found = {}
        self._work.dimensions_added |= bool(names)
        for name in sorted(names):
            self._work.db.send(_DIMENSION, name)
            row = self._work.db.one("select key from dimension where name = ?", name)
            assert row is not None  # noqa: S101 - it was inserted
            found[name] = int(row[0])
        return found

    def release(self, booking: int) -> None:
        self._work.db.send("update reservation set live = 0 where booking = ? and live = 1", booking)

    def lock(self, resources: Sequence[Resource]) -> None:
        if self._work.locks:
            self._work.db.all(_LOCK, sorted(resource.key for resource in resources))

    def lock_all(self, platform: int) -> None:
        if self._work.db.postgres:
            self._work.db.all(_LOCK_ALL, platform)

    def clashes(self, booking: Booking, needs: Sequence[Need]) -> list[Clash]:
        return self._judged(booking, needs)()[1]

    def look(self, booking: Booking, needs: Sequence[Need]) -> Look:
        judged, namesake = self._judged(booking, needs), namesake_of(self._work, booking)
        not_reset = self._work.db.later(_NOT_RESET, sorted(need.resource.key for need in needs))
        outdated = self._outdated(booking.platform)
        return Look(*judged(), namesake(), [booking_of(row) for row in not_reset()], outdated())

    def _outdated(self, platform: int) -> Callable[[], bool]:
        """Answers whether the catalogue that this transaction knows is not the newest any more; then it is forgotten.

        Who changes profiles locks all resources first: under the lock of one, the answer stays. SQLite has one writer.
        """
        known = self._work.platforms.get(platform)
        if known is None or not self._work.db.postgres or self._work.catalogue:
            return lambda: False
        newest = self._work.db.later("select catalogue_version from platform where key = ?", platform)

        def outdated() -> bool:
            if newest() == [(known.catalogue_version,)]:
                return False
            self._work.platforms.pop(platform, None)
            return True

        return outdated

    def _judged(self, booking: Booking, needs: Sequence[Need]) -> Callable[[], tuple[list[Need], list[Clash]]]:
        """Answers the needs, of the resources as they are now that they are locked, and what is in the way."""
        held, by_key = booking.timing.held, {need.resource.key: need for need in needs}
        locked = self._work.db.later(_LOCK, sorted(by_key))
        overlaps = self._overlaps(sorted(by_key), held, booking.key)

        def judged() -> tuple[list[Need], list[Clash]]:
            taken = _by_resource(overlaps())
            there = [_as_locked(by_key[key].resource, revision, body) for key, revision, body in locked()]
            now = {r.key: r for r in in_their_zones(there, Platforms(self._work))}
            gone = [usage.gone(need.resource, held) for key, need in by_key.items() if key not in now]
            found = [
                clash
                for key, r in now.items()
                for clash in usage.clashes(r, by_key[key].wishes, held, taken.get(key, ()), since=self._work.now)
            ]
            return [replace(n, resource=now.get(n.resource.key, n.resource)) for n in needs], found + gone

        return judged

    def usages(
        self, resources: Sequence[Resource], window: Window, *, but: int = 0, named: bool = True
    ) -> Mapping[int, Sequence[Usage]]:
        return _by_resource(self._overlaps([resource.key for resource in resources], window, but, named=named)())

    def _overlaps(self, keys: Sequence[int], window: Window, but: int, *, named: bool = True) -> Later:
        db = self._work.db
        return db.later(_OVERLAPS[db.postgres, named], keys, window.until, window.start, window.start, but)

    def runs_on(self, booking: Booking) -> list[Booking]:
        rows = self._work.db.all(
            f"select {columns('k')} from booking k where k.live = 1 and k.began = 1 and k.key <> ? and k.key in ("
            "select r.booking from reservation r join resource s on s.key = r.resource"
            " where r.live = 1 and s.id in ?texts) order by k.key",
            booking.key, booking.resources,
        )  # fmt: skip
        return [booking_of(row) for row in rows]

    def not_reset_on(self, resources: Sequence[Resource]) -> list[Booking]:
        keys = sorted(resource.key for resource in resources)
        return [booking_of(row) for row in self._work.db.all(_NOT_RESET, keys)]


def _by_resource(rows: Iterable[Row]) -> Mapping[int, Sequence[Usage]]:
    found: dict[int, list[Usage]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(Usage._make(row[1:]))
    return found


def _as_locked(resource: Resource, revision: int, body: str) -> Resource:
    """The resource as it is now that nobody else can change it."""
    return resource if resource.revision == revision else replace(RESOURCE.decode(body), key=resource.key)
