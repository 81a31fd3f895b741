# SPDX-License-Identifier: Apache-2.0
"""Bookings over time: a window of them costs what it shows, however many there are before and after it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from preroll.domain.booking import Timing
from preroll.domain.boundaries import STANDARD, Kind
from preroll.domain.permission import Sight
from preroll.domain.window import FOREVER
from preroll.ports.timeline import Due, Placed, Played
from preroll.store.bookings import LASTING, LONG, SHORT, STATES, seen
from preroll.store.sql import OF_PLATFORM, UNINDEXED, Row
from preroll.store.work import Work

_COLUMNS = (
    "key, id, name, state, start_us, end_us, pre_roll_us, post_roll_us, body, revision, began, entering, not_reset,"
    " scopes"
)
_STANDARD = ", ".join(f"'{kind.value}'" for kind in STANDARD)
_DUE = (
    "select booking, due_us, waits_for is not null from boundary where state = 'armed' and platform = ?"
    f" and scripted in (0, 1) and rank in (0, 1) and due_us <= ? and kind in ({_STANDARD}) and waits_for is"
)
_PLAYED = (
    "select booking, kind, began_us, ended_us from boundary where booking in ?ints and began_us is not null"
    f" and kind in ({_STANDARD}) order by booking, ordinal"
)


class _Chosen(msgspec.Struct):
    """Of a node, the resource alone."""

    resource: str | None = None


class _Nodes(msgspec.Struct):
    """Of a booking's body, its nodes, and what it is an overlay of."""

    nodes: dict[str, _Chosen]
    leaving: dict[str, _Chosen] = {}
    overlays: str = ""


class _Body(msgspec.Struct):
    data: _Nodes


_BODY = msgspec.json.Decoder(_Body)


class Timeline:
    """The timeline of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def within(self, platform: int, start_us: int, end_us: int, sight: Sight | None) -> list[Placed]:
        terms, values = _of(platform, sight)
        overlaps = "held_start_us < ? and held_end_us > ?"
        rows = self._work.db.all(
            f"select {_COLUMNS} from booking where {terms} and {SHORT} and held_start_us > ? and {overlaps}"
            f" union all select {_COLUMNS} from booking where {terms} and {LASTING} and {overlaps}",
            *values, start_us - LONG, end_us, start_us, *values, end_us, start_us,
        )  # fmt: skip
        return _placed(rows)

    def several(self, platform: int, idents: Collection[str], sight: Sight | None) -> list[Placed]:
        terms, values = _of(platform, sight, UNINDEXED)
        rows = self._work.db.all(
            f"select {_COLUMNS} from booking where {terms} and id in ?texts", *values, sorted(idents)
        )
        return _placed(rows)

    def due(self, platform: int) -> Mapping[int, Due]:
        now = self._work.now
        rows = self._work.db.all(f"{_DUE} null union all {_DUE} not null", platform, now, platform, now)
        return {booking: Due(since, bool(waits)) for booking, since, waits in sorted(rows, key=_last_first)}

    def played(self, bookings: Collection[int]) -> Mapping[int, Played]:
        events: dict[int, dict[str, tuple[int | None, int | None]]] = {}
        for booking, kind, began, ended in self._work.db.all(_PLAYED, sorted(bookings)) if bookings else ():
            events.setdefault(booking, {})[kind] = began, ended
        return {booking: _ran(found) for booking, found in events.items()}

    def disputed(self, bookings: Collection[int]) -> frozenset[int]:
        if not bookings:
            return frozenset()
        rows = self._work.db.all(
            "select distinct booking from loss where booking in ?ints and closed_us is null and held = 1",
            sorted(bookings),
        )
        return frozenset(row[0] for row in rows)


def _of(platform: int, sight: Sight | None, term: str = OF_PLATFORM) -> tuple[str, list[object]]:
    """Which bookings of a platform somebody may know of."""
    terms: list[str] = ["hidden = 0", term]
    values: list[object] = [platform]
    if sight is not None:
        seen(sight, terms, values)
    return " and ".join(terms), values


def _placed(rows: Iterable[Row]) -> list[Placed]:
    decode = _BODY.decode
    found = []
    for (
        key, ident, name, state, start, end, pre_roll, post_roll, body, revision, began, entering, not_reset, scopes,
    ) in sorted(rows, key=_by_start):  # fmt: skip
        said = decode(body).data
        nodes = (*said.nodes.values(), *said.leaving.values()) if said.leaving else said.nodes.values()
        found.append(
            Placed(
                key, ident, name, STATES[state],
                Timing(start, None if end == FOREVER else end, pre_roll, post_roll),
                tuple(dict.fromkeys(node.resource for node in nodes if node.resource)),
                revision, bool(began), entering, bool(not_reset), tuple(scopes.split()),
                said.overlays,
            )
        )  # fmt: skip
    return found


def _by_start(row: Row) -> tuple[int, str]:
    return row[4], row[1]


def _last_first(row: Row) -> int:
    """Of several events of one booking the first stays."""
    return -int(row[1])


def _ran(events: Mapping[str, tuple[int | None, int | None]]) -> Played:
    nothing = None, None
    return Played(
        began=next(iter(events.values()), nothing)[0],
        on_air=events.get(Kind.END_OF_PRE_ROLL, nothing)[1],
        off_air=events.get(Kind.START_OF_POST_ROLL, nothing)[0],
        ended=events.get(Kind.END_OF_POST_ROLL, nothing)[1],
    )
