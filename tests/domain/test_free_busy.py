# SPDX-License-Identifier: Apache-2.0
"""The course of a resource: stretch by stretch against a look at every instant."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.availability import Availability, Period
from preroll.domain.capacity import UNIT
from preroll.domain.free_busy import course
from preroll.domain.resource import Mode, Resource
from preroll.domain.usage import Usage
from preroll.domain.window import DAY as A_DAY
from preroll.domain.window import FOREVER, Window

LINK = Resource("link", concurrency=9, capacities={"rate": 10})
DAY = Window(0, 24)
spans = st.tuples(st.integers(-5, 23), st.integers(1, 24)).map(lambda s: (s[0], s[0] + s[1]))


def held(index: int, start: int, end: int, rate: int) -> list[Usage]:
    ident = f"b{index}"
    return [Usage("", start, end, 1, "", ident, ident), Usage("rate", start, end, rate * UNIT, "", ident, ident)]


@given(st.lists(st.tuples(spans, st.integers(1, 3)), max_size=4), st.lists(spans, max_size=3))
def test_every_instant_says_who_what_is_left_and_why_it_is_closed(bookings, blackouts):
    usages = [u for i, ((s, e), rate) in enumerate(bookings) for u in held(i, s, e, rate) if e > 0]
    closed = Availability(blackouts=tuple(Period(s, e, str(i)) for i, (s, e) in enumerate(blackouts)))
    found = course(replace(LINK, availability=closed), DAY, usages, 0)
    assert (found[0].start, found[-1].end) == (0, 24)
    assert all(a.end == b.start and (a.holders, a.closed) != (b.holders, b.closed) for a, b in pairwise(found))
    for at in range(24):
        (stretch,) = [s for s in found if s.start <= at < s.end]
        here = {f"b{i}": rate for i, ((s, e), rate) in enumerate(bookings) if s <= at < e}
        assert {u.booking: u.amount // UNIT for u in stretch.holders if u.dimension} == here
        left = {one.dimension: one.left for one in stretch.left}
        assert left == {"": 9 - len(here), "rate": max(0, 10 - sum(here.values())) * UNIT}
        assert sorted(stretch.closed) == [f"blackout, {i}" for i, (s, e) in enumerate(blackouts) if s <= at < e]


def test_nothing_happens_and_a_mode_and_what_never_ends():
    (free,) = course(LINK, DAY, [], 0)
    assert (free.holders, free.closed, [one.left for one in free.left]) == ((), (), [9, 10 * UNIT])
    (shut,) = course(replace(LINK, mode=Mode.MAINTENANCE), DAY, [], 0)
    assert shut.closed == ("mode maintenance",)
    (busy,) = course(LINK, DAY, held(1, -9, FOREVER, 4), 0)
    assert (busy.start, busy.end, len(busy.holders)) == (0, 24, 2)


def test_beyond_what_can_be_booked_now_it_is_closed():
    near = replace(LINK, availability=Availability(days_ahead=1))
    free, shut = course(near, DAY, [], 20 - A_DAY)
    assert (free.end, free.closed) == (20, ())
    assert (shut.start, shut.closed) == (20, ("bookable at most 1 days ahead",))
