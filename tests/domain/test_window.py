# SPDX-License-Identifier: Apache-2.0
"""Windows are half open; the peak is what counting instant by instant finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.window import FOREVER, Window, peak

HORIZON = 12
instants = st.integers(0, HORIZON)
windows = st.tuples(instants, instants | st.none()).map(
    lambda p: Window(p[0], p[1] and max(p)) if p[1] else Window(p[0], None)
)
usages = st.lists(
    st.tuples(instants, instants, st.integers(0, 5)).map(lambda u: (min(u[:2]), max(u[:2]), u[2])), max_size=8
)


def inside(window: Window) -> set[int]:
    return {instant for instant in range(HORIZON + 2) if window.contains(instant)}


def test_the_start_is_inside_and_the_end_is_not():
    window = Window(10, 20)
    assert [window.contains(n) for n in (9, 10, 19, 20)] == [False, True, True, False]


def test_windows_that_touch_do_not_overlap():
    assert not Window(0, 10).overlaps(Window(10, 20))
    assert Window(0, 11).overlaps(Window(10, 20))


def test_a_window_without_end_reaches_everything_after_its_start():
    assert Window(10, None).until == FOREVER
    assert Window(10, None).overlaps(Window(10**15, 10**15 + 1))
    assert not Window(10, None).overlaps(Window(0, 10))


def test_an_empty_window_overlaps_nothing():
    assert not Window(5, 5).overlaps(Window(0, 10))


def test_a_window_does_not_end_before_it_starts():
    with pytest.raises(ValueError, match="ends before it starts"):
        Window(10, 9)


@given(windows, windows)
def test_overlapping_is_sharing_an_instant(one, other):
    assert one.overlaps(other) == other.overlaps(one) == bool(inside(one) & inside(other))


@given(usages, st.tuples(instants, instants).filter(lambda w: w[0] < w[1]))
def test_the_peak_is_what_brute_force_finds(taken, window):
    start, end = window
    levels = [sum(amount for a, b, amount in taken if a <= instant < b) for instant in range(start, end)]
    assert peak(taken, start, end) == max(levels)


def test_at_one_instant_what_ends_gives_way_before_what_starts_takes():
    assert peak([(0, 10, 1), (10, 20, 1)], 0, 20) == 1


def test_nothing_taken_is_no_peak():
    assert peak([], 0, 10) == 0
    assert peak([(0, 10, 3)], 10, 20) == 0
