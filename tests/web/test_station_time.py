# SPDX-License-Identifier: Apache-2.0
"""Times on the clocks of the station, on the days on which they are changed as well."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.errors import Invalid
from preroll.domain.window import HOUR, SECOND
from preroll.web.station_time import Typed, instant, readings, typed

ZONE = "Europe/Brussels"


@given(st.integers(0, 2**32), st.sampled_from([ZONE, "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kolkata"]))
def test_what_is_shown_is_read_as_the_same_instant(second: int, zone: str):
    us = 31_536_000 * SECOND * 2 + second * SECOND
    assert instant(typed(us, zone), zone, "start") == us


def test_a_time_that_comes_twice_is_asked_for_which():
    text = "2026-10-25T02:30"
    assert readings(text, ZONE) == ("the first time, CEST (UTC+0200)", "the second time, CET (UTC+0100)")
    with pytest.raises(Invalid, match="comes twice on the clocks of Europe/Brussels"):
        instant(Typed(text), ZONE, "start")
    first, second = (instant(Typed(text, which), ZONE, "start") for which in ("first", "second"))
    assert second - first == HOUR


def test_a_time_that_never_comes_is_refused_with_those_around_it():
    with pytest.raises(Invalid, match=r"02:30 on Sun 29 Mar 2026 is skipped .* \(expected 01:30 or 03:30\)"):
        instant(Typed("2026-03-29T02:30"), ZONE, "start")
    assert readings("2026-03-29T02:30", ZONE) == ()


@pytest.mark.parametrize(
    "text", ["", "x", "2026-03-01", "2026-03-01T18:00+01:00", "2026-03-01T18:00:00.5", "0001-01-01T00:00"]
)
def test_what_is_no_time(text: str):
    with pytest.raises(Invalid):
        instant(Typed(text), ZONE, "start")
