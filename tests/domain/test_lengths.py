# SPDX-License-Identifier: Apache-2.0
"""Lengths of time as people write them."""

from __future__ import annotations

import pytest

from preroll.domain.lengths import length_said, microseconds_of, seconds_of
from preroll.domain.window import SECOND


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("PT5M", 300),
        ("0", 0),
        ("", None),
        ("5 m", None),
        ("P1DT2H", 93_600),
        ("P5M", None),
        ("P", None),
        ("PT", None),
        ("P1H", None),
    ],
)
def test_what_is_read(text: str, seconds: int | None):
    assert seconds_of(text) == seconds


def test_a_bare_number_may_be_none():
    assert seconds_of("300") == 300
    assert seconds_of("300", bare=False) is None
    assert seconds_of("0", bare=False) == 0
    assert [microseconds_of(text, bare=False) for text in ("300", "0.5", "0.5s", "5m")] == [
        None, None, 500_000, 300_000_000,
    ]  # fmt: skip


@pytest.mark.parametrize("seconds", [0, 1, 90, 3600, 5400, 172_861])
def test_what_is_said_can_be_read(seconds: int):
    assert seconds_of(length_said(seconds * SECOND)) == seconds


@pytest.mark.parametrize(
    ("text", "us"),
    [("0.5s", 500_000), ("1m0.25", 60_250_000), ("1h", 3_600_000_000), ("PT5M", 300_000_000), ("2", 2_000_000)],
)
def test_parts_of_a_second_are_read_and_told(text: str, us: int):
    assert microseconds_of(text) == us
    assert microseconds_of(length_said(us)) == us


@pytest.mark.parametrize("text", ["", "s", "0.", "0.s", ".5s", "1.5h", "0.1234567s", "1.-5", "soon"])
def test_what_is_no_length_is_none(text: str):
    assert microseconds_of(text) is None
