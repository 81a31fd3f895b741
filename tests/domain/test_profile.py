# SPDX-License-Identifier: Apache-2.0
"""Values of profiles: what each type takes, and how a mistake is told."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.profile import Parameter, ProfileDefinition, ValueType

BITRATE = Parameter(
    "bitrate", ValueType.NUMBER, path="encoder.rate", unit="kbit/s", minimum=100, maximum=50_000, default=800
)
SIZE = Parameter("size", ValueType.DISCRETE, choices=("1280x720", "1920x1080"), default="1280x720")
LABEL = Parameter("label", ValueType.TEXT)
RECORD = Parameter("record", ValueType.FLAG, default=False)
ENCODING = ProfileDefinition("Encoding", (BITRATE, SIZE, LABEL, RECORD))


@pytest.mark.parametrize(
    ("parameter", "value"),
    [(BITRATE, 100), (BITRATE, 50_000), (BITRATE, 800.5), (SIZE, "1280x720"), (LABEL, ""), (RECORD, True)],
)
def test_what_fits_is_no_mistake(parameter, value):
    assert parameter.mistake("here", value) is None


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        (BITRATE, 99, "at least 100 kbit/s"),
        (BITRATE, 50_001, "at most 50000 kbit/s"),
        (BITRATE, "800", "a number"),
        (BITRATE, True, "a number"),
        (BITRATE, math.nan, "a number"),
        (BITRATE, math.inf, "a number"),
        (BITRATE, None, "a number"),
        (SIZE, "640x360", "one of 1280x720, 1920x1080"),
        (SIZE, ["1280x720"], "one of 1280x720, 1920x1080"),
        (LABEL, 5, "a text"),
        (RECORD, 1, "true or false"),
        (RECORD, "yes", "true or false"),
    ],
)
def test_a_mistake_says_where_what_and_what_was_expected(parameter, value, expected):
    mistake = parameter.mistake("nodes.Encoder.values", value)
    assert mistake is not None
    assert (mistake.where, mistake.what, mistake.expected) == ("nodes.Encoder.values", f"is {value!r}", expected)


@given(st.floats() | st.integers())
def test_a_number_is_accepted_exactly_within_its_limits(value):
    assert (BITRATE.mistake("here", value) is None) == (100 <= value <= 50_000)


def test_a_value_of_an_unknown_parameter_is_a_mistake():
    (mistake,) = ENCODING.mistakes("values", {"bitrate": 800, "bitrte": 800})
    assert (
        str(mistake)
        == "values.bitrte: is not a parameter of the profile (expected one of bitrate, size, label, record)"
    )


def test_all_mistakes_are_found_at_once():
    found = ENCODING.mistakes("values", {"bitrate": 1, "size": "big", "label": 0})
    assert [m.where for m in found] == ["values.bitrate", "values.size", "values.label"]


def test_values_travel_by_the_drivers_path():
    assert ENCODING.paths({"bitrate": 800, "label": "x"}) == {"encoder.rate": 800, "label": "x"}


def test_defaults_are_those_that_are_set_and_false_is_one():
    assert ENCODING.defaults() == {"bitrate": 800, "size": "1280x720", "record": False}
