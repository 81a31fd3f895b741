# SPDX-License-Identifier: Apache-2.0
"""Bookings: rows in, rows out, and the compare-and-set of both counters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec

from preroll.domain.attention import UNCONFIRMED, Attention
from preroll.domain.booking import ENDED, ORCHESTRATED, Booking, State, Timing
from preroll.domain.config import Platform
from preroll.domain.errors import NotFound, Refused, Stale
from preroll.domain.foresight import Standing
from preroll.domain.permission import Sight
from preroll.domain.window import FOREVER, MINUTE
from preroll.ports.store import BookingFilter, Page
from preroll.store.documents import BODY, Body
from preroll.store.platforms import Platforms
from preroll.store.sql import Row
from preroll.store.work import Work

NAMES = (
    "key", "id", "platform", "name", "state", "start_us", "end_us", "pre_roll_us", "post_roll_us", "definition", "body",
    "priority", "service_state", "began", "entering", "not_reset", "zone", "revision", "state_version", "created_us",
    "created_by", "changed_us", "scopes", "hidden", "owner",
)  # fmt: skip
WIDTH = len(NAMES)
COLUMNS = ", ".join(NAMES)
SOON = 60 * MINUTE
"""An alarm within this time wakes the dispatchers."""
STATES = {state.value: state for state in State}
_ORCHESTRATED = "platform = ? and live = 1 and definition is not null and state in ?texts"
_ORCHESTRATED_STATES = sorted(state.value for state in ORCHESTRATED)
_NAMESAKE = (
    f"select {COLUMNS} from booking where platform = ? and folded = ? and live = 1 and definition is not null"
    " and held_start_us < ? and held_end_us > ? and key <> ? order by held_start_us, key limit 1"
)


def columns(alias: str) -> str:
    """The booking's columns for a join, in the order in which ``booking_of`` reads them."""
    return ", ".join(f"{alias}.{name}" for name in NAMES)


def booking_of(row: Row) -> Booking:
    """The booking that a row of COLUMNS holds."""
    (
        key, ident, platform, name, state, start, end, pre_roll, post_roll, definition, body, priority, service_state,
        began, entering, not_reset, zone, revision, state_version, created_us, created_by, changed_us, scopes,
        hidden, owner,
    ) = row  # fmt: skip
    said = BODY.decode(body)
    return Booking(
        key, ident, platform, name, STATES[state], Timing(start, None if end == FOREVER else end, pre_roll, post_roll),
        definition, said.nodes, said.properties, priority, service_state, bool(began), entering, bool(not_reset), zone,
        revision, state_version, created_us, created_by, changed_us, tuple(scopes.split()), bool(hidden), owner,
        said.leaving,
    )  # fmt: skip


def entered(b: Booking, entering: str) -> Booking:
    """The booking while an event of it runs."""
    return Booking(
        b.key, b.id, b.platform, b.name, b.state, b.timing, b.definition, b.nodes, b.properties, b.priority,
        b.service_state, began=True, entering=entering, not_reset=b.not_reset, zone=b.zone, revision=b.revision,
        state_version=b.state_version + 1, created_us=b.created_us, created_by=b.created_by, changed_us=b.changed_us,
        scopes=b.scopes, owner=b.owner, leaving=b.leaving,
    )  # fmt: skip


def _written(booking: Booking) -> dict[str, object]:
    """What an edit may change, by column."""
    timing, held = booking.timing, booking.timing.held
    return {
        "name": booking.name,
        "folded": booking.name.casefold(),
        "state": booking.state.value,
        "live": int(booking.state not in ENDED),
        "start_us": timing.start,
        "end_us": FOREVER if timing.end is None else timing.end,
        "pre_roll_us": timing.pre_roll,
        "post_roll_us": timing.post_roll,
        "held_start_us": held.start,
        "held_end_us": held.until,
        "definition": booking.definition,
        "body": BODY.encode(Body(booking.nodes, booking.properties, booking.leaving)),
        "priority": booking.priority,
        "service_state": booking.service_state,
        "began": int(booking.began),
        "entering": booking.entering,
        "not_reset": int(booking.not_reset),
        "zone": booking.zone,
        "revision": booking.revision,
        "state_version": booking.state_version,
        "created_us": booking.created_us,
        "created_by": booking.created_by,
        "changed_us": booking.changed_us,
        "scopes": f" {' '.join(booking.scopes)} " if booking.scopes else "",
        "hidden": int(booking.hidden),
        "owner": booking.owner,
    }


class Bookings:
    """The bookings of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def get(self, ident: str, *, hidden: bool = False) -> Booking:
        found = self._one("id", ident)
        if found.hidden and not hidden:
            raise NotFound("booking", ident, hint="it was deleted; its changes and its runs can still be read")
        return found

    def by_key(self, key: int) -> Booking:
        return self._one("key", key)

    def _one(self, column: str, value: object) -> Booking:
        row = self._work.db.one(f"select {COLUMNS} from booking where {column} = ?", value)
        if row is None:
            raise NotFound("booking", value)
        return booking_of(row)

    def add(self, booking: Booking) -> Booking:
        written = {"id": booking.id, "platform": booking.platform, **_written(booking)}
        row = self._work.db.one(
            f"insert into booking ({', '.join(written)}) values ({', '.join('?' * len(written))})"
            f" on conflict (id) do nothing returning {COLUMNS}",
            *written.values(),
        )
        if row is None:
            raise Refused(f"a booking with the id {booking.id} exists", hint="use another id, or none")
        self._watch(booking)
        return booking_of(row)

    def put(self, booking: Booking, *, seen: Booking) -> None:
        written = _written(booking)
        if booking.state is State.CONFIRMED or booking.timing.held.start != seen.timing.held.start:
            written["alarmed"] = 0
        touched = self._work.db.run(
            f"update booking set {', '.join(f'{name} = ?' for name in written)}"
            " where key = ? and revision = ? and state_version = ?",
            *written.values(), booking.key, seen.revision, seen.state_version,
        )  # fmt: skip
        if not touched:
            raise Stale(f"booking {booking.id}", seen.revision, self.by_key(booking.key).revision)
        self._watch(booking)
        if booking.definition != seen.definition:
            self._rescript(booking.key)
        if booking.not_reset != seen.not_reset:
            self._work.db.run(
                "update reservation set unreset = ? where booking = ?", int(booking.not_reset), booking.key
            )

    def _watch(self, booking: Booking) -> None:
        """One that is not confirmed may have an alarm before anybody looks for one."""
        if booking.state not in UNCONFIRMED:
            return
        near = Platforms(self._work).by_key(booking.platform).config.limits.near_air_us
        if near is not None and booking.timing.held.start - near < self._work.now + SOON:
            self._work.memory.alarms.looked_us = None
            self._work.due = True

    def _rescript(self, key: int) -> None:
        self._work.db.run(
            "update boundary set scripted = coalesce((select d.scripted from booking k"
            " join service_definition d on d.key = k.definition where k.key = boundary.booking), 0)"
            " where booking = ? and rank < 2",
            key,
        )

    def page(self, where: BookingFilter, after: tuple[int, str] | None, limit: int) -> Page:
        terms, values = _terms(where)
        if where.attention:
            _attending(where.attention, Platforms(self._work).all(), self._work.now, terms, values)
        if where.sight is not None:
            _seen(where.sight, terms, values)
        if after is not None:
            terms.append("(start_us, id) > (?, ?)")
            values += after
        found = self._work.db.all(
            f"select {COLUMNS} from booking where {' and '.join(terms)} order by start_us, id limit ?",
            *values, limit + 1,
        )  # fmt: skip
        items = tuple(booking_of(row) for row in found[:limit])
        more = len(found) > limit and items
        return Page(items, (items[-1].timing.start, items[-1].id) if more else None, self._work.now)

    def scopes(self, idents: Collection[str]) -> dict[str, tuple[str, ...]]:
        rows = self._work.db.all("select id, scopes from booking where id in ?texts and scopes <> ''", sorted(idents))
        return {ident: tuple(scopes.split()) for ident, scopes in rows}

    def several(self, idents: Collection[str]) -> list[Booking]:
        rows = self._work.db.all(
            f"select {COLUMNS} from booking where id in ?texts order by key{self._work.locks}", sorted(idents)
        )
        return [booking_of(row) for row in rows]

    def using(self, platform: int, instances: Collection[str], definitions: Collection[int]) -> list[Booking]:
        said = [f'%"profile":{_pattern(msgspec.json.encode(name).decode())}%' for name in sorted(instances)]
        terms = " or ".join(["definition in ?ints", *["body like ? escape '\\'"] * len(said)])
        rows = self._work.db.all(
            f"select {COLUMNS} from booking where platform = ? and live = 1 and (held_end_us > ? or began = 1)"
            f" and ({terms}) order by key{self._work.locks}",
            platform, self._work.now, sorted(definitions), *said,
        )  # fmt: skip
        return [booking_of(row) for row in rows]

    def standings(self, platform: int) -> list[tuple[Standing, int]]:
        rows = self._work.db.all(
            f"select definition, state, service_state, entering <> '', count(*) from booking where {_ORCHESTRATED}"
            " group by definition, state, service_state, entering <> '' order by 1, 2, 3, 4",
            platform, _ORCHESTRATED_STATES,
        )  # fmt: skip
        return [(Standing(key, STATES[state], held, bool(busy)), count) for key, state, held, busy, count in rows]

    def at(self, platform: int, standing: Standing, limit: int) -> list[Booking]:
        rows = self._work.db.all(
            f"select {COLUMNS} from booking where {_ORCHESTRATED} and definition = ? and state = ?"
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


def _pattern(text: str) -> str:
    """The text as a part of a pattern of ``like`` that means nothing but itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _seen(sight: Sight, terms: list[str], values: list[object]) -> None:
    if sight.platforms is not None:
        terms.append("platform in ?ints")
        values.append(sorted(sight.platforms))
    terms.append(f"({' or '.join(['scopes = ?', 'platform in ?ints', *['scopes like ?'] * len(sight.scopes)])})")
    values += ["", sorted(sight.whole), *(f"% {scope} %" for scope in sorted(sight.scopes))]


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
        terms.append("platform = ?")
        values.append(where.platform)
    if where.states:
        terms.append("state in ?texts")
        values.append(sorted(state.value for state in where.states))
    if where.text:
        terms.append("folded like ? escape '\\'")
        values.append(f"%{_pattern(where.text.casefold())}%")
    if where.overlaps is not None:
        terms.append("held_start_us < ? and held_end_us > ?")
        values += [where.overlaps[1], where.overlaps[0]]
    return terms, values
