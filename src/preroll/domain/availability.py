# SPDX-License-Identifier: Apache-2.0
"""When a resource can be booked (SPEC 2): its windows, its weekly hours, its blackouts, and how far ahead.

Closed spans are derived, never sampled, and only as far as somebody asks. Wall-clock times that a change of the clocks
skips or repeats are those of RFC 5545, 3.3.5: a skipped one has the offset before the change, of two the first counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from heapq import merge
from itertools import count
from zoneinfo import ZoneInfo

from preroll.domain.errors import Mistake
from preroll.domain.window import DAY, EPOCH, FOREVER, joined

Spans = tuple[tuple[int, int], ...]

MINUTES = 1440
"""Of a day, by the clock on the wall."""
WEEK = 7 * MINUTES
WHOLE_WEEK: Spans = ((0, WEEK),)
_WEEK_US = 7 * DAY


class Weekday(StrEnum):
    """A day of the week."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


WEEKDAYS = tuple(Weekday)


@dataclass(frozen=True, slots=True)
class Hours:
    """Open on these days, in minutes by the clock on the wall; an end that is not after the start is the next day's."""

    days: tuple[Weekday, ...]
    start: int
    end: int
    """1440 is midnight at the end of the day."""

    @property
    def length(self) -> int:
        """In minutes."""
        return self.end - self.start + (MINUTES if self.end <= self.start else 0)

    def mistakes(self, where: str) -> list[Mistake]:
        """Everything wrong with it."""
        found = []
        if not self.days:
            found.append(Mistake(f"{where}.days", "are none", ", ".join(WEEKDAYS)))
        if self.start == self.end:
            found.append(
                Mistake(f"{where}.to", "is the same as from", 'another time; a whole day is "00:00" to "24:00"')
            )
        return found


@dataclass(frozen=True, slots=True)
class Period:
    """[start, end) in microseconds of UTC; None: without that end."""

    start: int | None = None
    end: int | None = None
    reason: str = ""
    """Of a blackout."""

    @property
    def span(self) -> tuple[int, int]:
        """As numbers that compare."""
        return -FOREVER if self.start is None else self.start, FOREVER if self.end is None else self.end

    def mistakes(self, where: str) -> list[Mistake]:
        """Everything wrong with it."""
        if self.start is None and self.end is None:
            return [Mistake(where, "says nothing", "from, or until, or both")]
        start, end = self.span
        return [] if start < end else [Mistake(f"{where}.until", "is not after from", "a later time")]


@dataclass(frozen=True, slots=True)
class Availability:
    """When a resource can be booked; where it says nothing, always."""

    windows: tuple[Period, ...] = ()
    """Only within one of these; none: at any time."""
    weekly: tuple[Hours, ...] = ()
    """Only then, every week; none: at any hour."""
    zone: str = ""
    """In which the weekly hours are; empty: that of the platform."""
    blackouts: tuple[Period, ...] = ()
    """Never then, with the reason."""
    days_ahead: int | None = None
    """Of 24 hours, from the moment of booking to the end of what is held; None: as far ahead as anybody wants."""
    home: str = field(default="UTC", compare=False)
    """The platform's zone, by whoever reads it from the store."""

    @property
    def clock(self) -> str:
        """The zone of its weekly hours."""
        return self.zone or self.home

    @property
    def lives_at_home(self) -> bool:
        """Are its hours in the zone of the platform?"""
        return bool(self.weekly) and not self.zone

    def mistakes(self, where: str = "availability") -> list[Mistake]:
        """Everything wrong with it."""
        found = [m for i, one in enumerate(self.windows) for m in one.mistakes(f"{where}.windows.{i}")]
        found += [m for i, one in enumerate(self.weekly) for m in one.mistakes(f"{where}.weekly.{i}")]
        found += [m for i, one in enumerate(self.blackouts) for m in one.mistakes(f"{where}.blackouts.{i}")]
        if self.zone and not self.weekly:
            found.append(Mistake(f"{where}.zone", "is that of no weekly hours", "weekly hours, or no zone"))
        return found


@dataclass(frozen=True, slots=True, order=True)
class Closure:
    """A span of time in which a resource cannot be had, and why."""

    start: int
    """-FOREVER: since ever."""
    end: int
    """FOREVER: for good."""
    why: str


def closures(availability: Availability, since: int) -> Iterator[Closure]:
    """Every closed span that is not over at an instant, by its start; derived while they are looked at.

    Those of several kinds may overlap. Of weekly hours there is no last one.
    """
    return merge(*_kinds(availability, since))


def closed(availability: Availability | None, start: int, end: int) -> list[Closure]:
    """What is closed within [start, end): the first span of the windows and of the weekly hours, and of each blackout.

    Empty: it is open all the time. ``end`` may be FOREVER.
    """
    if availability is None:
        return []
    blackouts, windows, weekly = _kinds(availability, start)
    first = [closure for kind in (windows, weekly) if (closure := next(kind, None))]
    return sorted(closure for closure in (*first, *blackouts) if closure.start < end)


def closed_over(availability: Availability | None, start: int, latest: int) -> list[tuple[int, int]]:
    """The closed spans that matter to whoever wants to begin in [start, latest], however long they want to stay.

    The first one after the latest beginning is the last: who would meet a later one would meet that one too.
    """
    found = []
    for closure in closures(availability, start) if availability else ():
        found.append((closure.start, closure.end))
        if closure.start >= latest:
            break
    return found


def next_opening(availability: Availability, at: int) -> int | None:
    """The first instant from ``at`` on at which it is open; None: it never opens again."""
    while closure := next((c for kind in _kinds(availability, at) if (c := next(kind, None)) and c.start <= at), None):
        if closure.end >= FOREVER:
            return None
        at = closure.end
    return at


def horizon(availability: Availability | None, now: int) -> int:
    """The instant up to which it can be booked at this moment; FOREVER: without limit."""
    if availability is None or availability.days_ahead is None:
        return FOREVER
    return now + availability.days_ahead * DAY


def same_hours(one: Availability | None, other: Availability | None) -> bool:
    """Are both open at the same times? How far ahead they can be booked is another matter."""
    a, b = (replace(x or Availability(), days_ahead=None) for x in (one, other))
    return a == b and (not a.lives_at_home or a.home == b.home)


def _kinds(availability: Availability, since: int) -> tuple[Iterator[Closure], Iterator[Closure], Iterator[Closure]]:
    """Blackouts, what is outside the windows, and what is outside the weekly hours; each by its start."""
    blackouts = sorted(Closure(*one.span, f"blackout, {one.reason}") for one in availability.blackouts)
    outside = _gaps(joined(one.span for one in availability.windows), -FOREVER, FOREVER) if availability.windows else ()
    hours = f"weekly hours, {availability.clock}"
    return (
        (closure for closure in blackouts if closure.end > since),
        (Closure(start, end, "outside its windows") for start, end in outside if end > since),
        (Closure(start, end, hours) for start, end in _weekly(availability.weekly, availability.clock, since)),
    )


def _gaps(spans: Sequence[tuple[int, int]], start: int, end: int) -> Spans:
    """What of [start, end) is in none of the spans, which are in order and apart."""
    edges = [start, *(edge for span in spans for edge in span), end]
    pairs = ((max(a, start), min(b, end)) for a, b in zip(edges[::2], edges[1::2], strict=True))
    return tuple((a, b) for a, b in pairs if a < b)


def _weekly(weekly: tuple[Hours, ...], zone: str, since: int) -> Iterator[tuple[int, int]]:
    if not weekly or _pattern(weekly) == WHOLE_WEEK:
        return
    last: tuple[int, int] | None = None
    for week in count(since // _WEEK_US - 2):
        for start, end in _closed_week(weekly, zone, week):
            if last and last[1] == start:
                last = (last[0], end)
                continue
            if last and last[1] > since:
                yield last
            last = (start, end)


@lru_cache(maxsize=1024)
def _pattern(weekly: tuple[Hours, ...]) -> Spans:
    """When it is open, in minutes from Monday, apart; the last one may go on into the next week."""
    spans = []
    for hours in weekly:
        for day in hours.days:
            start = WEEKDAYS.index(day) * MINUTES + hours.start
            end = start + hours.length
            spans += [(start, end)] if end <= WEEK else [(start, WEEK), (0, end - WEEK)]
    found = joined(spans)
    if len(found) > 1 and found[0][0] == 0 and found[-1][1] == WEEK:
        (_, over), *found = found
        found[-1] = (found[-1][0], WEEK + over)
    return tuple(found)


@lru_cache(maxsize=4096)
def _closed_week(weekly: tuple[Hours, ...], zone: str, week: int) -> Spans:
    """What is closed within a week of UTC, counted from the epoch: many resources keep the same hours."""
    start, clock = week * _WEEK_US, ZoneInfo(zone)
    thursday = (EPOCH + timedelta(weeks=week)).date()
    mondays = [thursday + timedelta(days=days) for days in (-10, -3, 4)]
    midnights = [datetime.combine(monday, time(), clock) for monday in mondays]
    opened = joined(
        (_instant(midnight, begin), _instant(midnight, finish))
        for midnight in midnights
        for begin, finish in _pattern(weekly)
    )
    within = [span for span in opened if span[0] < start + _WEEK_US and span[1] > start]
    return _gaps(within, start, start + _WEEK_US)


def _instant(midnight: datetime, minutes: int) -> int:
    """So many minutes later by the clock on the wall: Python's first fold is the rule of RFC 5545, 3.3.5."""
    return (midnight + timedelta(minutes=minutes) - EPOCH) // timedelta(microseconds=1)
