# SPDX-License-Identifier: Apache-2.0
"""What fits: the one rule against brute force, and its edges."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.availability import WEEKDAYS, Availability, Hours, Period
from preroll.domain.capacity import UNIT, Capability, Wish, in_units, millionths
from preroll.domain.resource import Mode, Resource
from preroll.domain.usage import CONCURRENCY, Need, Usage, barred, blocked, clashes, fits, left, next_start
from preroll.domain.window import DAY, FOREVER, HOUR, SECOND, Window

MUX = Resource(
    "mux", concurrency=100, capacities={"rate": 10},
    capabilities={
        "codec": Capability(choices=("h264", "hevc")),
        "frequency": Capability(minimum=10.7, maximum=12.75),
        "site": Capability(text="north"),
        "polarisation": Capability(time_dependent=True),
    },
)  # fmt: skip
WHOLE = Window(0, 24)


def rate(amount: float) -> tuple[Wish, ...]:
    return (Wish("a", {"rate": millionths(amount)}),)


def taken(start: int, end: int, amount: float, name: str = "other", dimension: str = "rate", agreed: str = "") -> Usage:
    return Usage(dimension, start, end, millionths(amount) if dimension else int(amount), agreed, f"id-{name}", name)


DAY_LONG = Window(0, DAY)
NEVER = [(-FOREVER, FOREVER)]
spans = st.tuples(st.integers(0, 23), st.integers(1, 24), st.integers(0, 8)).map(lambda s: (s[0], s[0] + s[1], s[2]))

calendars = st.none() | st.builds(
    lambda shut, opened, ahead: Availability(
        windows=tuple(Period(s, e) for s, e, _ in opened),
        blackouts=tuple(Period(s, e, "x") for s, e, _ in shut),
        days_ahead=ahead,
    ),
    st.lists(spans, max_size=2), st.lists(spans, max_size=2), st.none() | st.just(1),
)  # fmt: skip


@given(held=st.lists(spans, max_size=10), asked=spans)
def test_it_fits_exactly_when_no_instant_is_over_the_limit(held, asked):
    start, end, amount = asked
    usages = [taken(s, e, a, str(i)) for i, (s, e, a) in enumerate(held)]
    within = [u for u in usages if u.start < end and start < u.end]
    found = clashes(MUX, rate(amount), Window(start, end), within)
    assert fits(MUX, rate(amount), Window(start, end), within) is not bool(found)
    level = {t: sum(a for s, e, a in held if s <= t < e) for t in range(start, end)}
    assert bool(found) == any(amount and level[t] + amount > 10 for t in level)
    rivals = {
        i for t in level if amount and level[t] + amount > 10 for i, (s, e, a) in enumerate(held) if s <= t < e and a
    }
    assert {c.rival_name for c in found if c.rival} == {str(i) for i in rivals}


@given(held=st.lists(spans, max_size=10), window=spans)
def test_what_is_left_can_be_taken_and_no_more(held, window):
    start, end, _ = window
    usages = [u for s, e, a in held if (u := taken(s, e, a)).start < end and start < u.end]
    free = next(f for f in left(MUX, Window(start, end), usages) if f.dimension == "rate")
    over = sum(u.amount for u in usages) > 10 * UNIT and free.left == 0
    if not over:
        assert clashes(MUX, rate(in_units(free.left)), Window(start, end), usages) == []
    assert clashes(MUX, rate(in_units(free.left) + 1), Window(start, end), usages) != []


def test_a_refusal_says_how_much_is_left_and_who_has_the_rest():
    (clash,) = clashes(MUX, rate(2.5), WHOLE, [taken(2, 6, 8)])
    assert (clash.dimension, clash.limit, clash.asked, clash.left) == ("rate", 10, 2.5, 2)
    assert (clash.start_us, clash.end_us, clash.rival) == (2, 6, "id-other")
    assert str(clash) == "mux (rate) is held by other (id-other): 2 of 10 left, 2.5 asked"


def test_windows_that_only_touch_do_not_meet_and_one_without_end_meets_all():
    assert clashes(MUX, rate(10), Window(6, 8), [taken(2, 6, 10), taken(8, 9, 10)]) == []
    (clash,) = clashes(MUX, rate(1), Window(100, None), [taken(2, FOREVER, 10)])
    assert clash.end_us is None


def test_nothing_can_always_be_asked_for_and_what_is_not_there_is_none():
    assert clashes(MUX, rate(0), WHOLE, [taken(0, 24, 10)]) == []
    (clash,) = clashes(MUX, (Wish("a", {"power": UNIT}),), WHOLE, [])
    assert (clash.dimension, clash.limit, clash.asked) == ("power", 0, 1)


def test_nodes_of_one_booking_on_one_resource_add_up():
    both = (Wish("a", {"rate": 6 * UNIT}), Wish("b", {"rate": 5 * UNIT}))
    (clash,) = clashes(MUX, both, WHOLE, [])
    assert (clash.limit, clash.asked) == (10, 11)
    (clash,) = clashes(replace(MUX, concurrency=1), (Wish("a"), Wish("b")), WHOLE, [])
    assert (clash.dimension, clash.limit, clash.asked) == (CONCURRENCY, 1, 2)
    assert Need(MUX, both).amounts() == {"": (2, ""), "rate": (11 * UNIT, "")}


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("codec", "hevc", ""),
        ("codec", "mpeg2", "codec is one of h264, hevc, mpeg2 asked"),
        ("frequency", 11, ""),
        ("frequency", 9.5, "frequency is at least 10.7 and at most 12.75, 9.5 asked"),
        ("frequency", "high", "frequency is at least 10.7 and at most 12.75, high asked"),
        ("site", "north", ""),
        ("site", "North", "site is north, North asked"),
        ("colour", "red", "it has no colour, red asked"),
        ("polarisation", "H", ""),
    ],
)
def test_a_capability_matches_or_says_what_it_is(name, value, why):
    found = clashes(MUX, (Wish("a", {}, {name: value}),), WHOLE, [])
    assert [c.why for c in found] == ([why] if why else [])
    assert all(c.dimension == name for c in found)


def test_bookings_that_overlap_agree_on_a_time_dependent_capability():
    wish = (Wish("a", {}, {"polarisation": "H"}),)
    theirs = [taken(2, 6, 0, "them", "polarisation", "V"), taken(6, 9, 0, "us", "polarisation", "H")]
    (clash,) = clashes(MUX, wish, WHOLE, theirs)
    assert (clash.rival_name, clash.start_us, clash.end_us) == ("them", 2, 6)
    assert clash.why == "polarisation is V for them (id-them) then, H asked"
    assert clashes(MUX, wish, Window(6, 9), theirs[1:]) == []
    assert Need(MUX, wish).amounts() == {"": (1, ""), "polarisation": (0, "H")}
    two = (*wish, Wish("b", {}, {"polarisation": "V"}))
    assert "two nodes" in clashes(MUX, two, WHOLE, [])[0].why


@pytest.mark.parametrize("amount", [-1, 0.0000001, 1e13, float("nan"), float("inf")])
def test_what_is_no_amount(amount):
    with pytest.raises(ValueError, match="no amount"):
        millionths(amount)


@given(st.integers(0, 10**9), st.integers(0, 6))
def test_amounts_are_exact(whole, decimals):
    amount = whole / 10**decimals
    assert in_units(millionths(amount)) == amount


@given(
    held=st.lists(st.lists(spans, max_size=4), min_size=1, max_size=4),
    calendars=st.lists(calendars, min_size=4, max_size=4),
    length=st.integers(1, 6),
    earliest=st.integers(0, 20),
    amount=st.integers(0, 10),
    count=st.integers(1, 3),
    now=st.integers(0, 40).map(lambda n: n - DAY),
)
def test_the_next_slot_is_the_first_instant_at_which_enough_fit(held, calendars, length, earliest, amount, count, now):
    resources = [replace(MUX, availability=one) for one, _ in zip(calendars, held, strict=False)]
    usages = [[taken(s, e, a, f"{n}.{i}") for i, (s, e, a) in enumerate(one)] for n, one in enumerate(held)]

    def free(start: int) -> int:
        window = Window(start, start + length)
        meeting = [[u for u in one if u.start < window.until and start < u.end] for one in usages]
        return sum(not clashes(r, rate(amount), window, one, now) for r, one in zip(resources, meeting, strict=True))

    expected = next((t for t in range(earliest, 60) if free(t) >= count), None)
    starts = Window(earliest, 60)
    spans = [blocked(Need(r, rate(amount)), one, starts, now) for r, one in zip(resources, usages, strict=True)]
    found = next_start(spans, length, earliest, count)
    assert (found if found is not None and found < 60 else None) == expected


def test_no_slot_without_end_after_one_without_end_and_none_where_it_is_unable():
    for_ever = blocked(Need(MUX, rate(5)), [taken(10, FOREVER, 8)], DAY_LONG, 0)
    assert next_start([for_ever], 4, 0) == 0
    assert next_start([for_ever], 4, 7) is None
    assert next_start([for_ever], FOREVER, 0) is None
    assert next_start([blocked(Need(MUX, rate(11)), [], DAY_LONG, 0)], 1, 0) is None
    assert next_start([blocked(Need(MUX, (Wish("a", {}, {"site": "south"}),)), [], DAY_LONG, 0)], 1, 0) is None
    assert next_start([[]], FOREVER, 5) == 5


OFFICE = Availability(weekly=(Hours(WEEKDAYS[:5], 8 * 60, 18 * 60),), zone="Europe/Brussels")
MONDAY = 1_772_409_600 * SECOND
"""2026-03-02, midnight of UTC."""


def closing(availability: Availability, start: int, end: int | None, now: int | None = None) -> list[str]:
    return [c.why for c in clashes(replace(MUX, availability=availability), rate(1), Window(start, end), [], now)]


def test_it_is_closed_outside_its_hours_and_says_when_it_opens():
    held = Window(MONDAY + 16 * HOUR, MONDAY + 18 * HOUR)
    (clash,) = clashes(replace(MUX, availability=OFFICE), rate(1), held, [])
    assert clash.why == ("closed from 2026-03-02 17:00:00Z until 2026-03-03 07:00:00Z (weekly hours, Europe/Brussels)")
    assert (clash.start_us, clash.end_us) == (MONDAY + 17 * HOUR, MONDAY + 31 * HOUR)
    assert (clash.opens_us, clash.rival, clash.dimension) == (clash.end_us, "", "")
    assert closing(OFFICE, MONDAY + 7 * HOUR, MONDAY + 17 * HOUR) == [], "to the very minute of both ends"


def test_a_blackout_says_why_and_the_next_opening_is_that_of_the_hours():
    repaired = replace(OFFICE, blackouts=(Period(MONDAY + 9 * HOUR, MONDAY + 20 * HOUR, "new antenna"),))
    blackout, weekly = closing(repaired, MONDAY + 8 * HOUR, MONDAY + 18 * HOUR)
    assert blackout == (
        "closed from 2026-03-02 09:00:00Z until 2026-03-02 20:00:00Z (blackout, new antenna);"
        " it opens at 2026-03-03 07:00:00Z"
    )
    assert weekly.startswith("closed from 2026-03-02 17:00:00Z")
    assert closing(repaired, MONDAY + 7 * HOUR, MONDAY + 9 * HOUR) == []


def test_a_permanent_booking_fits_no_hours_and_no_window_that_ends():
    (why,) = closing(OFFICE, MONDAY + 8 * HOUR, None)
    assert why.endswith("(weekly hours, Europe/Brussels); a permanent booking needs it open without end")
    (why,) = closing(Availability(windows=(Period(0, MONDAY + DAY),)), MONDAY, None)
    assert why.startswith("closed from 2026-03-03 00:00:00Z for good (outside its windows); a permanent")
    assert closing(Availability(windows=(Period(MONDAY, None),)), MONDAY, None) == []
    for_ever = blocked(Need(replace(MUX, availability=OFFICE)), [], DAY_LONG, 0)
    assert (next_start([for_ever], FOREVER, 0) or FOREVER) > DAY


def test_how_far_ahead_is_a_matter_of_the_moment_of_booking():
    near = Availability(days_ahead=2)
    assert closing(near, MONDAY, MONDAY + 2 * DAY, now=MONDAY) == []
    assert closing(near, MONDAY, MONDAY + 3 * DAY, now=MONDAY) == [
        "closed from 2026-03-04 00:00:00Z (bookable at most 2 days ahead); this can be booked from"
        " 2026-03-03 00:00:00Z on"
    ]
    assert closing(near, MONDAY, MONDAY + 3 * DAY, now=MONDAY + DAY) == []
    assert closing(near, MONDAY, None, now=MONDAY)[0].endswith("this can never be booked")
    assert closing(near, MONDAY, MONDAY + 30 * DAY) == [], "whoever has it already keeps it"


def test_a_fault_of_the_moment_bars_new_bookings_only():
    broken = replace(MUX, mode=Mode.UNAVAILABLE)
    assert [c.why for c in barred(broken, WHOLE, 0)] == ["it is unavailable"]
    assert clashes(broken, rate(1), WHOLE, []) == []
    assert blocked(Need(broken), [], DAY_LONG, 0) == NEVER


wishes = st.builds(
    Wish,
    st.just("a"),
    st.dictionaries(st.sampled_from(["rate", "power"]), st.sampled_from([0, 1, UNIT, 9 * UNIT])),
    st.dictionaries(st.sampled_from(["codec", "polarisation", "colour"]), st.sampled_from(["H", "V", "hevc"])),
)
holdings = st.tuples(spans, st.sampled_from(["", "rate", "polarisation"]), st.sampled_from(["H", "V"]))


@given(
    held=st.lists(holdings, max_size=5), asked=st.lists(wishes, min_size=1, max_size=3), calendar=calendars,
    mode=st.sampled_from(list(Mode)), concurrency=st.integers(1, 9), now=st.none() | st.just(0),
)  # fmt: skip
def test_what_does_not_fit_has_a_reason_and_what_fits_has_none(held, asked, calendar, mode, concurrency, now):
    resource = replace(MUX, availability=calendar, mode=mode, concurrency=concurrency)
    usages = [
        taken(s, e, 0 if name == "polarisation" else a, dimension=name, agreed=agreed if name == "polarisation" else "")
        for (s, e, a), name, agreed in held
    ]
    reasons = clashes(resource, tuple(asked), WHOLE, usages, now)
    assert fits(resource, tuple(asked), WHOLE, usages, now) is not bool(reasons)
