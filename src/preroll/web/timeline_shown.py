# SPDX-License-Identifier: Apache-2.0
"""A timeline as the page draws it: thousands of bookings in few bytes, and what a move came to in words.

Pure functions. Times are seconds since 1970; what a script knows by a number is told by its place in a list that the
answer carries.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, floor
from urllib.parse import urlencode

import msgspec

from preroll.app.timeline import Block, Blocks, Mark, Move
from preroll.domain.booking import Booking, State, Timing
from preroll.domain.edits import Handle
from preroll.domain.errors import Clash, Conflict, Invalid, NameInUse, PrerollError, Stale, Way
from preroll.domain.naming import counted
from preroll.domain.resource import Mode, Resource
from preroll.domain.window import DAY, HOUR, SECOND
from preroll.web.states_shown import slug
from preroll.web.templating import glyph, local, pattern, short

STATES = {state: place for place, state in enumerate(State)}
MARKS = {mark: 1 << place for place, mark in enumerate(Mark)}
HANDLES = {handle: 1 << place for place, handle in enumerate(Handle)}
Row = tuple[object, ...]
HALF_DAY, EIGHT_DAYS = DAY // 2 // SECOND, 8 * DAY // SECOND
NEAR = 5 * HALF_DAY
"""In seconds; a view that is wider than this is asked for in steps of eight days, another in half days."""
CLOSEST, FARTHEST = HOUR // SECOND, 35 * DAY // SECOND
"""What of the time a view can span at all, in seconds."""


@dataclass(frozen=True, slots=True)
class First:
    """What a page needs at first: rows, and the bookings of its view and of a little around it, in steps, so that many
    ask for the same. ``needed`` of ``bookings.js`` says what it needs later."""

    platform: str
    start: int
    end: int

    @classmethod
    def of(cls, platform: str, now_us: int, begin_us: int | None, hours: float | None) -> First:
        """Of a view.

        Args:
            begin_us: where it begins; None: so that a third of it is before now.
            hours: how many it shows; None: a day.
        """
        asked = (hours or 24) * HOUR / SECOND
        start = now_us / SECOND - asked / 3 if begin_us is None else begin_us / SECOND
        span = min(max(asked, CLOSEST), FARTHEST)
        step = EIGHT_DAYS if span > NEAR else HALF_DAY
        return cls(platform, floor((start - span / 4) / step) * step, ceil((start + span * 5 / 4) / step) * step)

    def steady(self, zone: str) -> dict[str, int] | None:
        """By how many seconds the clocks of a zone are ahead of UTC, from a day before until a day after.

        None: they change meanwhile, or it is beyond all calendars.
        """
        begin, end = self.start - DAY // SECOND, self.end + DAY // SECOND
        try:
            found = {local(at * SECOND, zone).utcoffset() for at in range(begin, end + 1, HALF_DAY)}
        except (ValueError, OverflowError):
            return None
        ahead = found.pop()
        return None if found or ahead is None else {"from": begin, "to": end, "offset": int(ahead.total_seconds())}

    @property
    def asked(self) -> tuple[str, str]:
        """What the scripts of the page will ask for, word by word: a browser that knows it early asks at once."""
        home = {"platform": self.platform}
        window = {**home, "from": self.start, "to": self.end}
        return f"/timeline/rows?{urlencode(home)}", f"/timeline/blocks?{urlencode(window)}"


def packed(found: Blocks, gone: Collection[str] = ()) -> bytes:
    """Blocks as JSON; the rows are as ``timeline_model.js`` reads them.

    Args:
        gone: ids of bookings that are not there any more.
    """
    places: dict[str, int] = {}
    rows = [_row(block, places) for block in found.blocks]
    return msgspec.json.encode({"resources": list(places), "blocks": rows, "gone": sorted(gone)})


def _row(block: Block, places: dict[str, int]) -> Row:
    placed, played = block.placed, block.played
    timing = placed.timing
    return (
        placed.id,
        placed.name,
        STATES[placed.state],
        _seconds(timing.start),
        _seconds(timing.end),
        _seconds(timing.pre_roll),
        _seconds(timing.post_roll),
        [places.setdefault(resource, len(places)) for resource in placed.resources],
        placed.revision,
        sum(MARKS[mark] for mark in block.marks),
        sum(HANDLES[handle] for handle in block.handles),
        placed.entering,
        [_seconds(at) for at in played] if played else 0,
    )


def _seconds(us: int | None) -> int | None:
    return None if us is None else us // SECOND


def legend(resources: Sequence[Resource]) -> bytes:
    """What blocks stand on and how they look, as JSON: the pools and the rows of each, the states, the marks."""
    told = {
        "states": [{"name": state, "slug": slug(state), "glyph": glyph(state), "pattern": pattern(state)}
                   for state in STATES],
        "marks": list(MARKS),
        "pools": sorted({pool for r in resources for pool in r.pools}, key=counted),
        "rows": [(r.id, r.name, r.pools, r.function, _note(r)) for r in resources],
    }  # fmt: skip
    return msgspec.json.encode(told)


def _note(resource: Resource) -> str:
    """What one should know of a resource before a booking is put on it."""
    if resource.hands_off:
        return "hands off"
    return "" if resource.mode is Mode.AVAILABLE else resource.mode.value


def verdict(clashes: Sequence[Clash], zone: str) -> dict[str, object]:
    """What a move would come to.

    Args:
        zone: in which times are told.
    """
    rivals = list(dict.fromkeys(clash.rival for clash in clashes if clash.rival))
    says = list(dict.fromkeys(_brief(clash, zone) for clash in clashes))
    return {"free": not clashes, "says": says, "rivals": rivals}


def refusal(error: PrerollError, zone: str) -> dict[str, object]:
    """Why a move is not possible at all."""
    if isinstance(error, NameInUse) and error.clashes:
        return verdict(error.clashes, zone)
    mistakes = error.mistakes if isinstance(error, Invalid) else ()
    says = [f"{mistake.where} {mistake.what}" for mistake in mistakes] or [str(error)]
    return {"free": False, "says": says, "rivals": []}


def _brief(clash: Clash, zone: str) -> str:
    if not clash.rival_name:
        return str(clash)
    what = f"{clash.resource}{f' ({clash.dimension})' if clash.dimension else ''}"
    why = f"{clash.why}:" if clash.why else "is held by"
    return f"{what} {why} {clash.rival_name}, {short(clash.start_us, zone)} – {short(clash.end_us, zone)}"


@dataclass(frozen=True, slots=True)
class Step:
    """A move that a button offers."""

    text: str
    revision: int
    timing: Timing
    source: str = ""
    target: str = ""
    nodes: Mapping[str, str] = field(default_factory=dict)
    """Node -> the resource that it takes, whatever else is moved."""

    @property
    def fields(self) -> Sequence[tuple[str, object]]:
        """What its form sends; a name comes once for each node."""
        end = _seconds(self.timing.end)
        taken = [pair for label, name in self.nodes.items() for pair in (("node", label), ("other", name))]
        return [
            ("revision", self.revision), ("start", _seconds(self.timing.start)), ("end", "" if end is None else end),
            ("source", self.source), ("target", self.target), *taken,
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rival:
    """A booking that is in the way."""

    id: str
    text: str


def undoing(before: Booking, after: Booking) -> Step:
    """The way back."""
    nodes = {
        label: choice.resource
        for label, choice in before.nodes.items()
        if choice.resource and (now := after.nodes.get(label)) and now.resource != choice.resource
    }
    return Step("Undo", after.revision, before.timing, nodes=nodes)


def ways_out(before: Booking, move: Move, error: PrerollError) -> list[Step | Rival]:
    """What of a refused move would do, as moves and as places to look at."""
    timing = move.timing or before.timing
    if isinstance(error, Stale):
        return [Step("Move it all the same", error.stored, timing, move.source or "", move.target or "", move.nodes)]
    if not isinstance(error, Conflict):
        return []
    return [step for way in error.ways for step in _steps(before, replace(move, timing=timing), way)]


def _steps(before: Booking, move: Move, way: Way) -> Iterator[Step | Rival]:
    timing = move.timing or before.timing
    source, target = move.source or "", move.target or ""
    text = way.text[:1].upper() + way.text[1:]
    if way.rival:
        yield Rival(way.rival, text)
    elif way.start_us is not None:
        later = way.start_us - timing.start
        end = None if timing.end is None else timing.end + later
        yield Step(text, before.revision, replace(timing, start=way.start_us, end=end), source, target, move.nodes)
    elif way.resource and way.node in before.nodes:
        taken = {**move.nodes, way.node: way.resource}
        yield Step(text, before.revision, timing, source, target, taken)
