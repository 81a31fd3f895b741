# SPDX-License-Identifier: Apache-2.0
"""Colours of the life cycle: labels can be read on every fill, and states are told apart by every eye."""

from __future__ import annotations

import warnings
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.booking import State
from preroll.domain.colors import SHIPPED, LifecycleColors, Theme, contrast, text_on

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its docstrings' backslashes
    from colorspacious import cspace_convert, deltaE

VISIONS = [None, "deuteranomaly", "protanomaly", "tritanomaly"]
FAMILIES = [
    State.PARTIAL, State.CONFIRMED, State.PRE_ROLL, State.ACTIVE, State.POST_ROLL, State.COMPLETED, State.CANCELED,
    State.ON_HOLD, State.QUARANTINED, State.FAILED,
]  # fmt: skip
"""The failed states are one family: they share the hatch, and the glyph tells the phase."""
NEEDED = 9.0
"""CAM02-UCS units between two families, for every vision."""


@given(st.integers(0, 0xFFFFFF))
def test_a_text_can_be_read_on_any_fill(color: int):
    fill = f"#{color:06x}"
    assert contrast(text_on(fill), fill) >= 4.5


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=1e-3)
    assert contrast("#2563c9", "#2563c9") == 1


def test_every_state_has_a_look_of_its_own():
    assert set(SHIPPED) == set(State)
    assert len({(look.glyph) for look in SHIPPED.values()}) == 14
    assert len({look.light for look in SHIPPED.values()}) == len({look.dark for look in SHIPPED.values()}) == 14


def seen(color: str, vision: str | None) -> np.ndarray:
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    if vision is None:
        return rgb
    space = {"name": "sRGB1+CVD", "cvd_type": vision, "severity": 100}
    return np.clip(cspace_convert(rgb, space, "sRGB1"), 0, 1)


def apart(one: State, other: State, theme: Theme, vision: str | None) -> float:
    fills = [seen(SHIPPED[state].fill(theme), vision) for state in (one, other)]
    return float(deltaE(*fills, input_space="sRGB1"))


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("theme", list(Theme))
def test_shipped_states_are_told_apart_by_every_eye(theme: Theme, vision: str | None):
    by_pattern = {State.PARTIAL, State.CANCELED}  # a dashed border, and a line through it
    close = {
        (one.value, other.value): round(apart(one, other, theme, vision), 1)
        for one, other in combinations(FAMILIES, 2)
        if {one, other} != by_pattern and apart(one, other, theme, vision) < NEEDED
    }
    assert close == {}
    assert SHIPPED[State.PARTIAL].pattern is not SHIPPED[State.CANCELED].pattern


def test_the_check_finds_two_that_are_alike():
    assert float(deltaE(seen("#2563c9", "protanomaly"), seen("#3b4fb8", "protanomaly"), input_space="sRGB1")) < NEEDED


def test_a_platform_replaces_one_fill_and_keeps_the_others():
    colors = LifecycleColors(light={"Confirmed": "#123456"})
    assert colors.fill(State.CONFIRMED, Theme.LIGHT) == "#123456"
    assert colors.fill(State.CONFIRMED, Theme.DARK) == SHIPPED[State.CONFIRMED].dark
    assert colors.mistakes("colors") == []


@pytest.mark.parametrize(
    ("state", "color", "what"),
    [("Ready", "#123456", "is no life cycle state"), ("Confirmed", "blue", "is 'blue'"), ("Failed", "#12345", "is")],
)
def test_a_wrong_colour_says_what_was_expected(state: str, color: str, what: str):
    (mistake,) = LifecycleColors(dark={state: color}).mistakes("colors")
    assert mistake.where == f"colors.dark.{state}"
    assert what in mistake.what
    assert mistake.expected
