# SPDX-License-Identifier: Apache-2.0
"""Times, lengths and pairs as they are typed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from preroll.cli import words
from preroll.cli.exits import Failure

NOW = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", "2026-03-01T12:00:01Z"),
        ("now+90s", "2026-03-01T12:01:31Z"),
        ("+10m", "2026-03-01T12:10:01Z"),
        ("now-1h", "2026-03-01T11:00:01Z"),
        ("+1d", "2026-03-02T12:00:01Z"),
        ("2026-03-01T13:00:00+01:00", "2026-03-01T12:00:00Z"),
        ("2026-03-01 13:00Z", "2026-03-01T13:00:00Z"),
    ],
)
def test_moments(text: str, moment: str):
    assert words.moment(text, "--start", NOW) == moment


@pytest.mark.parametrize("text", ["", "soon", "now+", "now+x", "tomorrow", "2026-03-01", "2026-03-01T12:00:00", "+"])
def test_what_is_no_moment(text: str):
    with pytest.raises(Failure, match="--start"):
        words.moment(text, "--start", NOW)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("PT5M", 300),
        ("P1DT1S", 86_401),
        ("0", 0),
    ],
)
def test_lengths(text: str, seconds: int):
    assert words.seconds(text, "--pre-roll") == seconds


@pytest.mark.parametrize("text", ["", "-5", "5x", "P", "1.5s", "m", "5m5h"])
def test_what_is_no_length(text: str):
    with pytest.raises(Failure, match="--pre-roll"):
        words.seconds(text, "--pre-roll")


def test_values_are_json_or_text():
    found = words.values(["a=1", "b=true", "c=x=y", 'd="1"', "e=null", "f=1.5"], "--property")
    assert found == {"a": 1, "b": True, "c": "x=y", "d": "1", "e": None, "f": 1.5}
    with pytest.raises(Failure, match="twice"):
        words.pairs(["a=1", "a=2"], "--property")
