# SPDX-License-Identifier: Apache-2.0
"""Values of profiles: what each type takes, and how a mistake is told."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.parameter import Parameter, ParameterKind, ValueType
from preroll.domain.profile import ProfileDefinition

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


STEPPED = Parameter("level", ValueType.NUMBER, unit="dB", minimum=-3, maximum=3, step=0.1)
ROUNDED = Parameter("frequency", ValueType.NUMBER, unit="MHz", decimals=3)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (STEPPED, -3), (STEPPED, -2.7), (STEPPED, 0.1 * 3), (STEPPED, 0.3), (STEPPED, 3),
        (ROUNDED, 11_747.125), (ROUNDED, 0.001), (ROUNDED, 1e300), (ROUNDED, 10**400), (ROUNDED, 1.230),
    ],
)  # fmt: skip
def test_steps_and_decimals_are_counted_as_they_are_written(parameter, value):
    expected = value == 0.1 * 3  # 0.30000000000000004: so it is written, and that is no tenth
    assert (parameter.mistake("here", value) is not None) == expected


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        (STEPPED, 0.15, "-3 plus a multiple of 0.1 dB"),
        (Parameter("n", ValueType.NUMBER, step=5), 7, "a multiple of 5"),
        (ROUNDED, 1.0001, "at most 3 decimals"),
        (Parameter("n", ValueType.NUMBER, decimals=1), 0.05, "at most 1 decimal"),
        (Parameter("n", ValueType.NUMBER, decimals=0), 2.5, "at most 0 decimals"),
    ],
)
def test_a_number_between_two_steps_is_a_mistake(parameter, value, expected):
    mistake = parameter.mistake("here", value)
    assert mistake is not None
    assert (mistake.what, mistake.expected) == (f"is {value!r}", expected)


@given(st.integers(-(10**12), 10**12), st.integers(0, 6))
def test_every_multiple_of_a_step_fits_and_nothing_between(count, digits):
    step = float(f"1e-{digits}")
    parameter = Parameter("n", ValueType.NUMBER, step=step, decimals=digits)
    exact = float(f"{count}e-{digits}")
    assert parameter.mistake("here", exact) is None
    assert parameter.mistake("here", float(f"{count}5e-{digits + 1}")) is not None


def test_what_is_only_monitored_is_never_set():
    level = Parameter("level", ValueType.NUMBER, kinds=(ParameterKind.MONITORING,))
    mistake = level.mistake("values.level", 3)
    assert mistake is not None
    assert str(mistake).endswith("(expected no value: it is read from the device)")
    both = Parameter("level", ValueType.NUMBER, kinds=(ParameterKind.MONITORING, ParameterKind.CONFIGURATION))
    assert both.mistake("values.level", 3) is None


@pytest.mark.parametrize(
    "value", ["hunter2", "env:", "keyring:", "vault:key", "vault:lab/key", "vault:lab#x", "", 5, None, ["env:KEY"]]
)
def test_a_secret_is_a_reference_and_is_never_told(value):
    key = Parameter("key", secret=True)
    mistake = key.mistake("values.key", value)
    assert mistake is not None
    assert str(value) not in mistake.what or not str(value)
    assert mistake.what == "is no reference to a secret"
    assert key.mistake("values.key", "env:KEY") is None
    assert key.mistake("values.key", "file:lab/key") is None
    assert key.mistake("values.key", "keyring:lab") is None
    assert key.mistake("values.key", "vault:lab/site/enc 1#key") is None


@pytest.mark.parametrize(
    ("parameter", "where"),
    [
        (Parameter("p", kinds=()), "p.kinds"),
        (Parameter("p", ValueType.NUMBER, kinds=(ParameterKind.CAPACITY, ParameterKind.CAPABILITY)), "p.kinds"),
        (Parameter("p", kinds=(ParameterKind.CAPACITY,)), "p.type"),
        (Parameter("p", ValueType.DISCRETE), "p.choices"),
        (Parameter("p", ValueType.NUMBER, minimum=2, maximum=1), "p.maximum"),
        (Parameter("p", ValueType.NUMBER, step=0), "p.step"),
        (Parameter("p", ValueType.NUMBER, step=0.25, decimals=1), "p.step"),
        (Parameter("p", ValueType.NUMBER, decimals=16), "p.decimals"),
        (Parameter("p", step=1), "p.step"),
        (Parameter("p", ValueType.DISCRETE, choices=("a",), display={"b": "Bee"}), "p.display.b"),
        (Parameter("p", ValueType.NUMBER, secret=True), "p.type"),
        (Parameter("p", kinds=(ParameterKind.CAPABILITY,), secret=True), "p.secret"),
        (Parameter("p", secret=True, default="hunter2"), "p.default"),
        (Parameter("p", ValueType.NUMBER, default=5, maximum=4), "p.default"),
        (Parameter("p", kinds=(ParameterKind.MONITORING,), mandatory=True), "p.mandatory"),
        (Parameter("p", kinds=(ParameterKind.MONITORING,), default="x"), "p.default"),
    ],
)
def test_a_parameter_that_cannot_be(parameter, where):
    (mistake,) = parameter.mistakes("p")
    assert mistake.where == where
    assert mistake.expected
