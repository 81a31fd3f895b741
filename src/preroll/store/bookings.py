# SPDX-License-Identifier: Apache-2.0
"""Bookings: rows in, rows out, and the compare-and-set of both counters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import msgspec

from preroll.domain.attention import UNCONFIRMED, Attention
from preroll.domain.booking import ENDED, ORCHESTRATED, Booking, State, Timing
from preroll.domain.config import Platform
from preroll.domain.errors import NotFound, known_id
from preroll.domain.foresight import Standing
from preroll.domain.permission import Sight
from preroll.domain.window import DAY, FOREVER, MINUTE
from preroll.ports.lists import BY_START, BookingFilter, Order, Page, Place, SortBy
from preroll.store.documents import BODY, Body
from preroll.store.platforms import Platforms
from preroll.store.races import LostRace, there
from preroll.store.sql import OF_PLATFORM, UNINDEXED, Row
from preroll.store.work import Work

NAMES = (
    "key", "id", "platform", "name", "state", "start_us", "end_us", "pre_roll_us", "post_roll_us", "definition", "body",
    "priority", "service_state", "began", "entering", "not_reset", "zone", "revision", "state_version", "created_us",
    "created_by", "changed_us", "scopes", "hidden", "owner", "orchestrated",
)  # fmt: skip
WIDTH = len(NAMES)
COLUMNS = ", ".join(NAMES)
SOON = 60 * MINUTE
"""An alarm within this time wakes the dispatchers."""
SORTED = {
    SortBy.START: "start_us", SortBy.END: "end_us", SortBy.NAME: "folded", SortBy.STATE: "state",
    SortBy.PRIORITY: "priority", SortBy.CREATED: "created_us", SortBy.CHANGED: "changed_us",
}  # fmt: skip
LONG = 2 * DAY
"""Bookings that hold resources longer than this are few: they are looked up by their end, the others by their start."""
SHORT = f"held_end_us - held_start_us <= {LONG}"
LASTING = f"held_end_us - held_start_us > {LONG}"
LIVE = "live = 1 and folded >= ''"
"""Those that are not over; the range of names has SQLite read these by ``ix_booking_live_name``, not all there are."""
STATES = {state.value: state for state in State}
_ORCHESTRATED = "platform = ? and live = 1 and hidden = 0 and state in ?texts"
_ORCHESTRATED_STATES = sorted(state.value for state in ORCHESTRATED)
_NAMESAKE = (
    f"select {COLUMNS} from booking where platform = ? and folded = ? and live = 1 and definition is not null"
    " and held_start_us < ? and held_end_us > ? and key <> ? order by held_start_us, key limit 1"
)
_MOVED = "state text, live bigint, body text, revision bigint, state_version bigint, changed_us bigint"
_MOVE = (
    f"update booking set {', '.join(f'{c.split()[0]} = g.{c.split()[0]}' for c in _MOVED.split(', '))}"
    f" from given(key bigint, was_revision bigint, was_state_version bigint, {_MOVED}) g"
    " where booking.key = g.key and booking.revision = g.was_revision and booking.state_version = g.was_state_version"
)
_OVERLAY = "insert into overlay (booking, service) select * from given(booking bigint, service text) g"
_OVERLAYS = "select o.booking from overlay o where o.service = ?"
_ORDERED = (
    "select c.key from order_item i join service_order s on s.key = i.service_order join booking c on c.id = s.id"
    f" where i.service = ? and c.state in ('{State.CONFIRMED.value}', '{State.QUARANTINED.value}')"
)


def columns(alias: str) -> str:
    """The booking's columns for a join, in the order in which ``booking_of`` reads them."""
    return ", ".join(f"{alias}.{name}" for name in NAMES)


def booking_of(row: Row) -> Booking:
    """The booking that a row of COLUMNS holds."""
    (
        key, ident, platform, name, state, start, end, pre_roll, post_roll, definition, body, priority, service_state,
        began, entering, not_reset, zone, revision, state_version, created_us, created_by, changed_us, scopes,
        hidden, owner, orchestrated,
    ) = row  # fmt: skip
    said = BODY.decode(body)
    return Booking(
        key, ident, platform, name, STATES[state], Timing(start, None if end == FOREVER else end, pre_roll, post_roll),
        definition, said.nodes, said.properties, priority, service_state, bool(began), entering, bool(not_reset), zone,
        revision, state_version, created_us, created_by, changed_us, tuple(scopes.split()), bool(hidden), owner,
        said.leaving, bool(orchestrated), said.carries, said.finished, said.overlays,
    )  # fmt: skip


def body_of(booking: Booking) -> str:
    """What of a booking stands in its JSON column."""
    said = booking.nodes, booking.properties, booking.leaving, booking.carries, booking.finished, booking.overlays
    return BODY.encode(Body(*said))


def entered(b: Booking, entering: str) -> Booking:
    """The booking while an event of it runs."""
    return Booking(
        b.key, b.id, b.platform, b.name, b.state, b.timing, b.definition, b.nodes, b.properties, b.priority,
        b.service_state, began=True, entering=entering, not_reset=b.not_reset, zone=b.zone, revision=b.revision,
        state_version=b.state_version + 1, created_us=b.created_us, created_by=b.created_by, changed_us=b.changed_us,
        scopes=b.scopes, hidden=b.hidden, owner=b.owner, leaving=b.leaving, orchestrated=b.orchestrated,
        carries=b.carries, finished=b.finished, overlays=b.overlays,
    )  # fmt: skip


_WRITTEN = (
    "name", "folded", "state", "live", "start_us", "end_us", "pre_roll_us", "post_roll_us", "held_start_us",
    "held_end_us", "definition", "body", "priority", "service_state", "began", "entering", "not_reset", "zone",
    "revision", "state_version", "created_us", "created_by", "changed_us", "scopes", "hidden", "owner", "orchestrated",
)  # fmt: skip
"""The columns that an edit may change."""
_TEXTS = frozenset({
    "id", "name", "folded", "state", "body", "service_state", "entering", "zone", "created_by", "scopes", "owner",
})  # fmt: skip
_GIVEN = ", ".join(f"{c} {'text' if c in _TEXTS else 'bigint'}" for c in ("id", "platform", *_WRITTEN))
_ADD = (
    f"insert into booking (id, platform, {', '.join(_WRITTEN)}) select * from given({_GIVEN}) g where true"
    " on conflict (id) do nothing returning key, id"
)
_SEEN = "where key = ? and revision = ? and state_version = ? returning key"
_SET = ", ".join(f"{name} = ?" for name in _WRITTEN)
_PUT = {quiet: f"update booking set {_SET}{', alarmed = 0' if quiet else ''} {_SEEN}" for quiet in (False, True)}
"""By whether it may be told again that its time comes near."""


def _written(b: Booking) -> Row:
    """The values of those columns."""
    timing, held = b.timing, b.timing.held
    return (
        b.name, b.name.casefold(), b.state.value, int(b.state not in ENDED), timing.start,
        FOREVER if timing.end is None else timing.end, timing.pre_roll, timing.post_roll, held.start, held.until,
        b.definition, body_of(b), b.priority, b.service_state, int(b.began), b.entering, int(b.not_reset), b.zone,
        b.revision, b.state_version, b.created_us, b.created_by, b.changed_us, spaced(b.scopes), int(b.hidden),
        b.owner, int(b.orchestrated),
    )  # fmt: skip


class Bookings:
    """The bookings of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def get(self, ident: str, *, hidden: bool = False) -> Booking:
        rows = self._work.db.all(f"select {COLUMNS} from booking where id = ?", ident)
        found = booking_of(there(rows, "booking", ident))
        if found.hidden and not hidden:
            raise NotFound("booking", ident, hint="it was deleted; its changes and its runs can still be read")
        return found

    def by_key(self, key: int) -> Booking:
        return there([*self.ask([key])().values()], "booking", key)

    def ask(self, keys: Collection[int]) -> Callable[[], dict[int, Booking]]:
        rows = self._work.db.later(f"select {COLUMNS} from booking where key in ?ints", sorted(keys))
        return lambda: {row[0]: booking_of(row) for row in rows()}

    def add(self, booking: Booking) -> Booking:
        return self.add_all([booking])[0]

    def add_all(self, bookings: Sequence[Booking]) -> list[Booking]:
        rows = self._work.db.all(_ADD, [(b.id, b.platform, *_written(b)) for b in bookings]) if bookings else ()
        keys = {ident: key for key, ident in rows}
        if known := [booking.id for booking in bookings if booking.id not in keys]:
            raise known_id(known[0])
        self._watch(*bookings)
        if laid := [(keys[booking.id], booking.overlays) for booking in bookings if booking.overlays]:
            self._work.db.send(_OVERLAY, laid)
        return [replace(booking, key=keys[booking.id]) for booking in bookings]

    def put(self, booking: Booking, *, seen: Booking) -> None:
        quiet = booking.state is State.CONFIRMED or booking.timing.held.start != seen.timing.held.start
        told = booking.key, seen.revision, seen.state_version
        touched = self._work.db.later(_PUT[quiet], *_written(booking), *told)
        self._work.expect(touched, lambda: _lost(seen, self.by_key(booking.key)))
        self._watch(booking)
        if (booking.definition, booking.orchestrated) != (seen.definition, seen.orchestrated):
            self._rescript(booking.key)
        if booking.not_reset != seen.not_reset:
            self._work.db.run(
                "update reservation set unreset = ? where booking = ?", int(booking.not_reset), booking.key
            )

    def move(self, pairs: Sequence[tuple[Booking, Booking]]) -> None:
        if not pairs:
            return
        rows = [
            (
                seen.key, seen.revision, seen.state_version, now.state.value, int(now.state not in ENDED), body_of(now),
                now.revision, now.state_version, now.changed_us,
            )
            for seen, now in pairs
        ]  # fmt: skip
        if self._work.db.run(_MOVE, rows) != len(rows):
            for seen, now in pairs:
                stored = self.by_key(seen.key)
                if (stored.revision, stored.state_version) != (now.revision, now.state_version):
                    raise _lost(seen, stored)
        self._watch(*(booking for _, booking in pairs))

    def _watch(self, *bookings: Booking) -> None:
        """Those that are not confirmed may have an alarm before anybody looks for one."""
        first: dict[int, int] = {}
        for booking in bookings:
            if booking.state in UNCONFIRMED:
                start, platform = booking.timing.start - booking.timing.pre_roll, booking.platform
                first[platform] = min(start, first.get(platform, start))
        for platform, start in first.items():
            near = Platforms(self._work).by_key(platform).config.limits.near_air_us
            if near is not None and start - near < self._work.now + SOON:
                self._work.memory.alarms.looked_us = None
                self._work.due = True

    def _rescript(self, key: int) -> None:
        self._work.db.run(
            "update boundary set scripted = (select coalesce(d.scripted, k.orchestrated) from booking k"
            " left join service_definition d on d.key = k.definition where k.key = boundary.booking)"
            " where booking = ? and rank < 2",
            key,
        )

    def page(self, where: BookingFilter, after: Place | None, limit: int, order: Order = BY_START) -> Page:
        terms, values = self._terms(where)
        column, way, than = SORTED[order.by], *(("desc", "<") if order.down else ("asc", ">"))
        if after is not None:
            terms.append(f"({column}, id) {than} (?, ?)")
            values += after
        ordered = f"order by {column} {way}, id {way}"

        def some(*terms: str) -> str:
            return f"select key from booking where {' and '.join(terms)} {ordered} limit ?"

        wanted: list[object] = [*values, limit + 1]
        first = some(*terms)
        if order.by is SortBy.START and not (where.states or where.text or where.attention):
            by_start = [UNINDEXED if term == OF_PLATFORM else term for term in terms]
            first = some(*by_start)
            if where.over_us is not None:  # by the index of starts, from where those begin that can last until then
                short, lasting = some(*by_start, SHORT, "start_us > ?"), some(*terms, LASTING)
                first = f"select key from ({short}) short union all select key from ({lasting}) lasting"
                wanted = [*values, self._work.now - where.over_us - LONG, limit + 1, *wanted]
        found = self._work.db.all(
            f"select {COLUMNS} from booking where key in ({first}) {ordered} limit ?", *wanted, limit + 1
        )
        items = tuple(booking_of(row) for row in found[:limit])
        return Page(items, order.place(items[-1]) if len(found) > limit and items else None, self._work.now)

    def _terms(self, where: BookingFilter) -> tuple[list[str], list[object]]:
        terms, values = _terms(where)
        if where.attention:
            _attending(where.attention, Platforms(self._work).all(), self._work.now, terms, values)
        if where.sight is not None:
            seen(where.sight, terms, values)
        if where.lately_us is not None:
            terms.append("start_us > ?")
            values.append(self._work.now - where.lately_us)
        if where.over_us is not None:
            terms.append("held_end_us > ?")
            values.append(self._work.now - where.over_us)
        return terms, values

    def scopes(self, idents: Collection[str]) -> dict[str, tuple[str, ...]]:
        return scopes_of(self._work, "booking", idents)

    def several(self, idents: Collection[str]) -> list[Booking]:
        asked = f"select {COLUMNS} from booking where id in ?texts order by key{self._work.locks}"
        return [booking_of(row) for row in self._work.db.all(asked, sorted(idents))]

    def overlays(self, service: str) -> list[Booking]:
        return self._live(_OVERLAYS, service)

    def on_top(self, service: str) -> list[Booking]:
        return self._live(f"{_OVERLAYS} union all {_ORDERED}", service, service)

    def _live(self, keys: str, *values: object) -> list[Booking]:
        terms = f"live = 1 and key in ({keys}) order by held_start_us, key{self._work.locks}"
        return [booking_of(row) for row in self._work.db.all(f"select {COLUMNS} from booking where {terms}", *values)]

    def using(self, platform: int, instances: Collection[str], definitions: Collection[int]) -> list[Booking]:
        return [booking_of(row) for row in self._using(COLUMNS, platform, instances, definitions)]

    def revisions_using(
        self, platform: int, instances: Collection[str], definitions: Collection[int]
    ) -> dict[int, tuple[int, int]]:
        rows = self._using("key, revision, state_version", platform, instances, definitions)
        return {key: (revision, version) for key, revision, version in rows}

    def _using(
        self, columns: str, platform: int, instances: Collection[str], definitions: Collection[int]
    ) -> list[Row]:
        said = [f'%"profile":{pattern(msgspec.json.encode(name).decode())}%' for name in sorted(instances)]
        terms = " or ".join(["definition in ?ints", *["body like ? escape '\\'"] * len(said)])
        return self._work.db.all(
            f"select {columns} from booking where platform = ? and {LIVE} and (held_end_us > ? or began = 1)"
            f" and ({terms}) order by key{self._work.locks}",
            platform, self._work.now, sorted(definitions), *said,
        )  # fmt: skip

    def standings(self, platform: int) -> list[tuple[Standing, int]]:
        rows = self._work.db.all(
            "select coalesce(definition, 0), state, service_state, entering <> '', count(*) from booking"
            f" where {_ORCHESTRATED}"
            " group by coalesce(definition, 0), state, service_state, entering <> '' order by 1, 2, 3, 4",
            platform, _ORCHESTRATED_STATES,
        )  # fmt: skip
        return [(Standing(key, STATES[state], held, bool(busy)), count) for key, state, held, busy, count in rows]

    def at(self, platform: int, standing: Standing, limit: int) -> list[Booking]:
        of_it = "definition = ?" if standing.definition else "definition is null and 0 = ?"
        rows = self._work.db.all(
            f"select {COLUMNS} from booking where {_ORCHESTRATED} and {of_it} and state = ?"
            " and service_state = ? and (entering <> '') = (? = 1) order by start_us, id limit ?",
            platform, _ORCHESTRATED_STATES, standing.definition, standing.state.value, standing.service_state,
            int(standing.entering), limit,
        )  # fmt: skip
        return [booking_of(row) for row in rows]

    def named(self, platform: int, name: str, start_us: int, end_us: int | None, but: int | None) -> Booking | None:
        until = FOREVER if end_us is None else end_us
        row = self._work.db.one(_NAMESAKE, platform, name.casefold(), until, start_us, 0 if but is None else but)
        return None if row is None else booking_of(row)


def namesake_of(work: Work, booking: Booking) -> Callable[[], Booking | None]:
    """Another live booking with a service that has its name at its time, when that is wanted."""
    if booking.definition is None:
        return lambda: None
    held = booking.timing.held
    rows = work.db.later(_NAMESAKE, booking.platform, booking.name.casefold(), held.until, held.start, booking.key)
    return lambda: next(map(booking_of, rows()), None)


def pattern(text: str) -> str:
    """The text as a part of a pattern of ``like`` that means nothing but itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def scopes_of(work: Work, table: str, idents: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Id -> scopes of those rows of a table that carry any."""
    rows = work.db.all(f"select id, scopes from {table} where id in ?texts and scopes <> ''", sorted(idents))
    return {ident: tuple(scopes.split()) for ident, scopes in rows}


def spaced(words: Sequence[str]) -> str:
    """Words as a column holds them, so that one is found by ``like``."""
    return f" {' '.join(words)} " if words else ""


def seen(sight: Sight, terms: list[str], values: list[object]) -> None:
    """What somebody sees as terms, with their values."""
    if sight.platforms is not None:
        terms.append("platform in ?ints")
        values.append(sorted(sight.platforms))
    terms.append(f"({' or '.join(['scopes = ?', 'platform in ?ints', *['scopes like ?'] * len(sight.scopes)])})")
    values += ["", sorted(sight.whole), *(f"% {scope} %" for scope in sorted(sight.scopes))]


def _lost(seen: Booking, stored: Booking) -> LostRace:
    return LostRace(f"booking {seen.id}", seen.revision, stored.revision, ("booking", seen.key))


def _attending(
    wanted: Collection[Attention], platforms: Sequence[Platform], now: int, terms: list[str], values: list[object]
) -> None:
    """The rule of ``domain.attention`` as terms."""
    states = f"began = 0 and state in ({', '.join(repr(state.value) for state in sorted(UNCONFIRMED))})"
    either: list[str] = []
    if Attention.LAPSED in wanted:
        either.append("end_us <= ?")
        values.append(now)
    if Attention.NEAR_AIR in wanted:
        for platform in platforms:
            if (near := platform.config.limits.near_air_us) is not None:
                either.append("(platform = ? and held_start_us <= ? and end_us > ?)")
                values += [platform.key, now + near, now]
    terms.append(f"{states} and ({' or '.join(either) or '1 = 0'})")


def _terms(where: BookingFilter) -> tuple[list[str], list[object]]:
    terms: list[str] = ["hidden = 0"]
    values: list[object] = []
    if where.platform is not None:
        terms.append(OF_PLATFORM)
        values.append(where.platform)
    if where.states:
        terms.append("state in ?texts")
        values.append(sorted(state.value for state in where.states))
    if where.text:
        terms.append("folded like ? escape '\\'")
        values.append(f"%{pattern(where.text.casefold())}%")
    if where.overlaps is not None:
        terms.append("held_start_us < ? and held_end_us > ?")
        values += [where.overlaps[1], where.overlaps[0]]
    return terms, values
