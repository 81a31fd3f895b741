# SPDX-License-Identifier: Apache-2.0
"""What bookings hold: lock the resources in key order, read the overlaps in the next statement, sweep, write."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from preroll.domain import usage
from preroll.domain.booking import Booking
from preroll.domain.errors import Clash
from preroll.domain.resource import Resource
from preroll.domain.usage import Held, Need, Usage
from preroll.domain.window import FOREVER, Window
from preroll.ports.reservations import Look
from preroll.store.bookings import booking_of, columns, namesake_of
from preroll.store.catalogue import RESOURCE, Catalogue, in_their_zones
from preroll.store.dimensions import Dimensions
from preroll.store.platforms import Platforms
from preroll.store.sql import Later, Row
from preroll.store.work import Work

HOUR = 3_600_000_000
TIERS = (HOUR, 4 * HOUR, 16 * HOUR, 64 * HOUR, 720 * HOUR, FOREVER)
"""Classes of duration: within one, an overlap is a range of the start with two ends, which an index can answer."""

_LOCK = "select key, revision, body from resource where key in ?ints and removed = 0 order by key for no key update"
_LOCK_ALL = "select key from resource where platform = ? and removed = 0 order by key for no key update"
_SPANS = ", ".join(f"({tier}, {longest})" for tier, longest in enumerate(TIERS))
LONG = 2
"""Tiers from this one on have few reservations, and an index by time, however many resources there are."""
_FOUND = (
    f"select * from (values {_SPANS}) t where t.column1 < {LONG} or exists ("
    f"select 1 from reservation l where l.live = 1 and l.tier >= {LONG}"
    " and l.tier = t.column1 and l.start_us < ? and l.start_us > ? - t.column2)"
)
"""The tiers of which anybody at all holds anything that may meet a window."""
_WITHIN = (
    "o.live = 1 and o.resource in ?ints and o.start_us < ? and o.end_us > ? and o.booking <> ?"
    " and o.tier = t.column1 and o.start_us > ? - t.column2"
)
_NOBODY = "'', ''"
_OF_A_BOOKING = "o.resource, o.dimension, o.start_us, o.end_us, o.amount, o.agreed"


def _held(what: str, *, postgres: bool, named: bool = False) -> str:
    """What is held within a window, tier by tier, if it has any: one look into the index for each resource.

    Both databases keep this order: SQLite that of a ``cross join``, PostgreSQL what stands within ``offset 0``.
    """
    tiers = f"({_FOUND}{' offset 0' if postgres else ''}) t"
    bookings, terms = (" cross join booking k", ["k.key = o.booking"]) if named else ("", [])
    source = f"lateral (select * from reservation o where {_WITHIN} offset 0) o" if postgres else "reservation o"
    terms = terms if postgres else [_WITHIN, *terms]
    where = f" where {' and '.join(terms)}" if terms else ""
    return f"select {what} from {tiers} cross join {source}{bookings}{where}"


_HOLDERS = {postgres: _held("distinct o.booking", postgres=postgres) for postgres in (False, True)}
_OVERLAPS = {
    (postgres, named): _held(f"{_OF_A_BOOKING}, {'k.id, k.name' if named else _NOBODY}", postgres=postgres, named=named)
    for postgres in (False, True)
    for named in (False, True)
}
_LET_GO = "delete from reservation where (live = 1 or unreset = 0) and"
_HOLD = (
    "insert into reservation (booking, resource, dimension, start_us, end_us, amount, agreed, live, tier)"
    " select booking, resource, dimension, start_us, end_us, amount, agreed, 1, tier from given(booking bigint,"
    " resource bigint, dimension bigint, start_us bigint, end_us bigint, amount bigint, agreed text, tier bigint) g"
)
_AMEND = (
    "update reservation set amount = g.amount, agreed = g.agreed from given(booking bigint, resource bigint,"
    " dimension bigint, amount bigint, agreed text) g where reservation.booking = g.booking and reservation.live = 1"
    " and reservation.resource + 0 = g.resource and reservation.dimension = g.dimension"
)
"""By the few rows of the booking: the sum keeps SQLite from those of a resource that thousands hold."""
_NOT_RESET = (
    f"select {columns('k')} from booking k where k.key in ("
    "select r.booking from reservation r where r.unreset = 1 and r.resource in ?ints) order by k.key"
)


def tier_of(window: Window) -> int:
    """The class of duration of a window."""
    return min(bisect_left(TIERS, window.until - window.start), len(TIERS) - 1)


class Reservations:
    """The reservations of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def hold(self, booking: Booking, needs: Sequence[Need]) -> None:
        self._work.db.send(f"{_LET_GO} booking = ?", booking.key)
        self._add([(booking, needs)])

    def take(self, booking: Booking, needs: Sequence[Need]) -> None:
        self._add([(booking, needs)])

    def hold_all(self, several: Sequence[tuple[Booking, Sequence[Need]]]) -> None:
        self._work.db.send(f"{_LET_GO} booking in ?ints", [booking.key for booking, _ in several])
        self._add(several)

    def _add(self, several: Sequence[tuple[Booking, Sequence[Need]]]) -> None:
        wanted = [
            (booking.key, need.resource.key, window.start, window.until, tier_of(window), amounts)
            for booking, held, needs in [(booking, booking.timing.held, needs) for booking, needs in several]
            for need in needs
            for window, amounts in need.spans(held)
        ]
        keys = Dimensions(self._work).keys({name for *_, amounts in wanted for name in amounts})
        rows = [
            (booking, resource, keys[name], start, until, amount, agreed, tier)
            for booking, resource, start, until, tier, amounts in wanted
            for name, (amount, agreed) in amounts.items()
        ]
        if rows:
            self._work.db.send(_HOLD, rows)

    def amend(self, parts: Sequence[Held]) -> None:
        keys = Dimensions(self._work).keys({part.dimension for part in parts})
        rows = [(p.booking, p.resource, keys[p.dimension], p.amount, p.agreed) for p in parts]
        if rows:
            self._work.db.send(_AMEND, rows)

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
        held, by_key = booking.timing.held, {need.resource.key: need.resource for need in needs}
        locked = self._locked(booking.platform, by_key)
        overlaps = self._overlaps(sorted(by_key), held, booking.key)

        def judged() -> tuple[list[Need], list[Clash]]:
            taken, now = self._by_resource(overlaps()), {r.key: r for r in locked()}
            gone = [usage.gone(resource, held) for key, resource in by_key.items() if key not in now]
            there_now = [_of(now.get(n.resource.key, n.resource), n) for n in needs]
            found = [
                clash
                for need in there_now
                if need.resource.key in now
                for clash in usage.in_the_way(need, held, taken.get(need.resource.key, ()), since=self._work.now)
            ]
            return there_now, found + gone

        return judged

    def _locked(self, platform: int, known: Mapping[int, Resource]) -> Callable[[], list[Resource]]:
        """The resources as they are now that nobody else can change them, but for those that were removed.

        SQLite has one writer, for whom nobody else can change anything: they are as the catalogue says.
        """
        platforms = Platforms(self._work)
        if not self._work.db.postgres:
            ids = [resource.id for resource in known.values()]
            return lambda: Catalogue(self._work, platforms).resources(platform, ids=ids)
        rows = self._work.db.later(_LOCK, sorted(known))
        return lambda: in_their_zones([_as_locked(known[key], *stored) for key, *stored in rows()], platforms)

    def usages(
        self, resources: Sequence[Resource], window: Window, *, but: int = 0, named: bool = True
    ) -> Mapping[int, Sequence[Usage]]:
        return self._by_resource(self._overlaps([resource.key for resource in resources], window, but, named=named)())

    def _overlaps(self, keys: Sequence[int], window: Window, but: int, *, named: bool = True) -> Later:
        db = self._work.db
        return db.later(_OVERLAPS[db.postgres, named], *_asked(keys, window, but))

    def _by_resource(self, rows: Sequence[Row]) -> Mapping[int, Sequence[Usage]]:
        if not rows:
            return {}
        names, found = Dimensions(self._work).names({row[1] for row in rows}), dict[int, list[Usage]]()
        for resource, dimension, start, end, amount, agreed, booking, name in rows:
            usage = Usage(names[dimension], start, end, amount, agreed, booking, name)
            found.setdefault(resource, []).append(usage)
        return found

    def holders(self, resources: Collection[int], window: Window) -> Mapping[int, tuple[int, int]]:
        db, locks = self._work.db, self._work.locks
        keys = [key for (key,) in db.all(_HOLDERS[db.postgres], *_asked(sorted(resources), window))]
        rows = db.all(f"select key, revision, state_version from booking where key in ?ints order by key{locks}", keys)
        return {key: (revision, version) for key, revision, version in rows}

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


def _asked(keys: Sequence[int], window: Window, but: int = 0) -> Sequence[object]:
    """The values of ``_held``."""
    return window.until, window.start, keys, window.until, window.start, but, window.start


def _as_locked(resource: Resource, revision: int, body: str) -> Resource:
    """The resource as it is now that nobody else can change it."""
    return resource if resource.revision == revision else RESOURCE.decode(body, key=resource.key)


def _of(resource: Resource, need: Need) -> Need:
    """The same need of the resource as it is now."""
    return need if resource is need.resource else replace(need, resource=resource)
