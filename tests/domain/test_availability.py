# SPDX-License-Identifier: Apache-2.0
"""When a resource is closed: derived spans against a look at every minute, in zones whose clocks change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preroll.domain.availability import (
    MINUTES,
    WEEKDAYS,
    Availability,
    Hours,
    Period,
    Weekday,
    closed,
    closed_over,
    closures,
    horizon,
    next_opening,
    same_hours,
)
from preroll.domain.window import DAY, FOREVER, MINUTE, SECOND

ZONES = ("Europe/Brussels", "America/St_Johns", "Australia/Lord_Howe", "Africa/Cairo", "UTC")
"""Lord Howe's clocks move by half an hour, those of Cairo at midnight."""
SPRING, AUTUMN, MIDNIGHT, SOUTH = date(2026, 3, 29), date(2026, 10, 25), date(2026, 4, 24), date(2026, 4, 5)
WORK = Hours(WEEKDAYS[:5], 8 * 60, 22 * 60)


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


@cache
def instant(zone: str, shown: datetime) -> int:
    """RFC 5545, 3.3.5: the first time that the clock shows it; one that is skipped has the offset before the gap."""
    near = [shown.replace(tzinfo=UTC) + timedelta(hours=n) for n in range(-30, 31)]
    offsets = list(dict.fromkeys(at.astimezone(ZoneInfo(zone)).utcoffset() or timedelta(0) for at in near))
    times = sorted(shown.replace(tzinfo=UTC) - offset for offset in offsets)
    showing = [at for at in times if at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) == shown]
    return int((showing[0] if showing else shown.replace(tzinfo=UTC) - offsets[0]).timestamp())


def stretches(weekly: tuple[Hours, ...]) -> list[tuple[int, int]]:
    """The minutes of a week that are in some hours, put together by looking at each."""
    week = [False] * (7 * MINUTES)
    for hours in weekly:
        for day in hours.days:
            start = WEEKDAYS.index(day) * MINUTES + hours.start
            for minute in range(start, start + hours.length):
                week[minute % len(week)] = True
    if all(week):
        return []
    first = week.index(False)
    found, began = [], None
    for n in range(first, first + len(week) + 1):
        opened = week[n % len(week)]
        if opened and began is None:
            began = n
        elif not opened and began is not None:
            found.append((began, n))
            began = None
    return found


def marked(spans: Iterable[tuple[int, int]], first: int) -> list[bool]:
    """For each minute of three days from an instant in seconds: is it in one of the spans?"""
    found = [False] * (3 * MINUTES)
    for start, end in spans:
        begin, finish = (min(max(0, -((first - at) // 60)), len(found)) for at in (start, end))
        found[begin:finish] = [True] * (finish - begin)
    return found


def seconds(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(start // SECOND, end // SECOND) for start, end in spans]


def opened(availability: Availability, around: date, first: int) -> list[bool]:
    """For each minute of three days: is it open?"""
    spans = []
    monday = datetime.combine(around - timedelta(days=around.weekday() + 14), datetime.min.time())
    for week in range(5):
        for begin, end in stretches(availability.weekly):
            start, finish = (monday + timedelta(days=7 * week, minutes=m) for m in (begin, end))
            spans.append((instant(availability.clock, start), instant(availability.clock, finish)))
    always = not availability.weekly or not stretches(availability.weekly)
    inside = marked(seconds(p.span for p in availability.windows), first)
    out = marked(seconds(p.span for p in availability.blackouts), first)
    hours = marked(spans, first)
    return [(always or hours[n]) and not out[n] and (inside[n] or not availability.windows) for n in range(len(hours))]


days = st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=7, unique=True).map(tuple)
clock_minutes = st.one_of(st.integers(0, 4 * 4).map(lambda n: 15 * n), st.integers(0, 1439))
hours = st.builds(Hours, days, clock_minutes, clock_minutes | st.just(1440)).filter(lambda h: h.start != h.end)
around = st.sampled_from((SPRING, AUTUMN, MIDNIGHT, SOUTH))


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Availability, date]:
    day = draw(around)
    noon = int(datetime.combine(day, datetime.min.time(), UTC).timestamp()) * SECOND + DAY // 2
    edge = st.integers(-2 * MINUTES, 2 * MINUTES).map(lambda n: noon + n * MINUTE)
    period = st.tuples(edge | st.none(), edge | st.none()).filter(
        lambda p: p != (None, None) and (None in p or p[0] < p[1])
    )
    return Availability(
        windows=tuple(Period(*p) for p in draw(st.lists(period, max_size=2))),
        weekly=tuple(draw(st.lists(hours, max_size=3))),
        zone=draw(st.sampled_from(ZONES)),
        blackouts=tuple(Period(*p, reason=f"r{i}") for i, p in enumerate(draw(st.lists(period, max_size=2)))),
    ), day


@settings(max_examples=60, deadline=None)
@given(calendars())
def test_it_is_closed_exactly_at_the_minutes_at_which_it_is_closed(drawn):
    availability, day = drawn
    first = int(datetime.combine(day, datetime.min.time(), UTC).timestamp()) - MINUTES * 60
    start, end = first * SECOND, first * SECOND + 3 * DAY
    spans = [(c.start, c.end) for c in takewhile(lambda c: c.start < end, closures(availability, start))]
    expected = opened(availability, day, first)
    assert marked(seconds(spans), first) == [not is_open for is_open in expected]
    assert all(edge % MINUTE == 0 for span in spans for edge in span if abs(edge) != FOREVER)
    assert bool(closed(availability, start, end)) is not all(expected)
    for at in (0, 1000, 2000):
        opens = next_opening(availability, start + at * MINUTE)
        if True in expected[at:]:
            assert opens == start + expected.index(True, at) * MINUTE
        else:
            assert opens is None or opens >= end


@settings(max_examples=60, deadline=None)
@given(calendars(), st.integers(1, 5000), st.integers(0, 3000))
def test_what_is_closed_beyond_the_first_after_the_latest_start_makes_no_difference(drawn, length, latest):
    availability, day = drawn
    start = us(f"{day}T00:00:00+00:00")
    few = closed_over(availability, start, start + latest * MINUTE)
    many = [(c.start, c.end) for c in islice(closures(availability, start), 400)]
    for at in (0, latest // 2, latest):
        begin = start + at * MINUTE
        end = begin + length * MINUTE
        assert any(a < end and begin < b for a, b in few) is any(a < end and begin < b for a, b in many)


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2026-03-28", "2026-03-28T01:30:00Z", "2026-03-28T03:00:00Z"),
        ("2026-03-29", "2026-03-29T01:30:00Z", "2026-03-29T02:00:00Z"),
        ("2026-10-25", "2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z"),
    ],
)
def test_a_skipped_half_past_two_has_the_offset_before_and_of_two_the_first_counts(day, opens, closes):
    nightly = Availability(weekly=(Hours(WEEKDAYS, 150, 240),), zone="Europe/Brussels")
    assert next_opening(nightly, us(f"{day}T00:00:00+00:00")) == us(opens)
    after = next(closures(nightly, us(opens)))
    assert after.start == us(closes)


def test_hours_that_a_change_of_the_clocks_swallows_do_not_open():
    sundays = Availability(weekly=(Hours((Weekday.SUNDAY,), 150, 195),), zone="Europe/Brussels")
    assert next_opening(sundays, us("2026-03-23T00:00:00+00:00")) == us("2026-04-05T00:30:00+00:00")
    (closure,) = closed(sundays, us("2026-03-29T01:00:00+00:00"), us("2026-03-29T03:00:00+00:00"))
    assert (closure.start, closure.end) == (us("2026-03-22T02:15:00+00:00"), us("2026-04-05T00:30:00+00:00"))


def test_every_day_all_day_is_never_closed_and_asks_for_no_weeks():
    always = Availability(weekly=(Hours(WEEKDAYS, 0, 1440),), zone="Europe/Brussels")
    pieces = Availability(weekly=(Hours(WEEKDAYS, 0, 195), Hours(WEEKDAYS, 150, 0)), zone="Europe/Brussels")
    for one in (always, pieces, Availability(), None):
        assert closed(one, 0, FOREVER) == []
        assert closed_over(one, 0, DAY) == []


def test_a_thousand_years_are_as_quick_as_a_day():
    work = Availability(weekly=(WORK,), blackouts=(Period(0, us("9000-01-01T00:00:00+00:00"), "renovation"),))
    start = us("2026-03-02T09:00:00+00:00")
    assert [c.why for c in closed(work, start, us("8000-01-01T00:00:00+00:00"))] == [
        "blackout, renovation",
        "weekly hours, UTC",
    ]
    assert next_opening(work, start) == us("9000-01-01T08:00:00+00:00")
    assert len(closed_over(work, start, start + 30 * DAY)) < 40


def test_nothing_is_open_after_the_last_window():
    summer = Availability(windows=(Period(100, 200), Period(300, 400)), blackouts=(Period(350, 400, "x"),))
    assert next_opening(summer, 0) == 100
    assert next_opening(summer, 250) == 300
    assert next_opening(summer, 350) is None
    assert [(c.start, c.end, c.why) for c in closures(summer, 250)] == [
        (200, 300, "outside its windows"), (350, 400, "blackout, x"), (400, FOREVER, "outside its windows"),
    ]  # fmt: skip


def test_how_far_ahead_is_counted_from_now():
    assert horizon(Availability(days_ahead=2), 5) == 5 + 2 * DAY
    assert horizon(Availability(), 5) == horizon(None, 5) == FOREVER


def test_hours_at_home_move_with_the_platform_and_how_far_ahead_is_no_matter_of_hours():
    at_home = Availability(weekly=(WORK,), home="UTC")
    moved = Availability(weekly=(WORK,), home="Europe/Brussels")
    assert at_home == moved
    assert not same_hours(at_home, moved)
    assert same_hours(Availability(weekly=(WORK,), zone="UTC"), Availability(weekly=(WORK,), zone="UTC", home="x"))
    assert same_hours(None, Availability(days_ahead=3))


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        (Availability(windows=(Period(),)), "availability.windows.0"),
        (Availability(windows=(Period(5), Period(5, 5))), "availability.windows.1.until"),
        (Availability(blackouts=(Period(5, 4, "x"),)), "availability.blackouts.0.until"),
        (Availability(weekly=(Hours((), 1, 2),)), "availability.weekly.0.days"),
        (Availability(weekly=(Hours(WEEKDAYS, 60, 60),)), "availability.weekly.0.to"),
        (Availability(zone="UTC"), "availability.zone"),
    ],
)
def test_what_is_no_availability_is_told_where(wrong, where):
    assert [m.where for m in wrong.mistakes()] == [where]
