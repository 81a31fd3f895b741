# SPDX-License-Identifier: Apache-2.0
"""The colours of the life cycle states: the shipped ones, what a platform put in their place, and a text on each.

Seed: "Defining custom state colors". A state is never told by its colour alone: it has a glyph and a pattern too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache

from preroll.domain.booking import State
from preroll.domain.errors import Mistake

LIGHT_TEXT, DARK_TEXT = "#ffffff", "#000000"
"""The two text colours; with plain black and white one of them has at least 4.5:1 on every fill."""
A_COLOR = "a colour as #rrggbb, such as #2563c9"
_HEX = re.compile(r"#[0-9a-f]{6}", re.ASCII)


class Theme(StrEnum):
    """On what ground a colour is seen."""

    LIGHT = "light"
    DARK = "dark"


class Pattern(StrEnum):
    """What is drawn over the fill, so that states are told apart without colours."""

    PLAIN = "plain"
    DASHED = "dashed border"
    STRUCK = "strike line"
    RISING = "hatch 45"
    FALLING = "hatch 135"


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is shipped."""

    glyph: str
    light: str
    dark: str
    pattern: Pattern

    def fill(self, theme: Theme) -> str:
        """Its colour on a ground."""
        return self.light if theme is Theme.LIGHT else self.dark


# fmt: off
SHIPPED: Mapping[State, Look] = {
    # state                       glyph light      dark       pattern
    State.PARTIAL:           Look("◌",  "#dbe2ec", "#3b4757", Pattern.DASHED),
    State.CONFIRMED:         Look("◆",  "#2563c9", "#5f97f7", Pattern.PLAIN),
    State.PRE_ROLL:          Look("▸",  "#7cc4f0", "#9bd8fb", Pattern.PLAIN),
    State.ACTIVE:            Look("▶",  "#0b7f5c", "#2fbf8f", Pattern.PLAIN),
    State.POST_ROLL:         Look("◂",  "#3b2f78", "#7a4fd0", Pattern.PLAIN),
    State.COMPLETED:         Look("✓",  "#9aa5b4", "#6a7686", Pattern.PLAIN),
    State.CANCELED:          Look("⊘",  "#eceff3", "#252e3a", Pattern.STRUCK),
    State.FAILED:            Look("✕",  "#a3122f", "#e0455f", Pattern.RISING),
    State.ON_HOLD:           Look("‖",  "#f2c832", "#f5d458", Pattern.FALLING),
    State.QUARANTINED:       Look("⚠",  "#e8842a", "#f39a4a", Pattern.FALLING),
    State.FAILED_PRE_ROLL:   Look("✕▸", "#c4365f", "#ec6f93", Pattern.RISING),
    State.FAILED_ACTIVE:     Look("✕▶", "#cf2038", "#f4546b", Pattern.RISING),
    State.FAILED_POST_ROLL:  Look("✕◂", "#b0307f", "#dd6bb4", Pattern.RISING),
    State.FAILED_COMPLETED:  Look("✕✓", "#7f2440", "#b9506f", Pattern.RISING),
}
# fmt: on


@dataclass(frozen=True, slots=True)
class LifecycleColors:
    """The fills that a platform chose itself, by theme; every other state keeps the shipped one."""

    light: Mapping[str, str] = field(default_factory=dict)
    """Life cycle state -> ``#rrggbb``."""
    dark: Mapping[str, str] = field(default_factory=dict)

    def own(self, theme: Theme) -> Mapping[str, str]:
        """What was chosen for a ground."""
        return self.light if theme is Theme.LIGHT else self.dark

    def fill(self, state: State, theme: Theme) -> str:
        """The colour of a state on a ground."""
        return self.own(theme).get(state.value, SHIPPED[state].fill(theme))

    def chosen(self, state: State, theme: Theme, fill: str) -> LifecycleColors:
        """The same with a colour for a state on a ground; the shipped one is no choice of the platform's own."""
        kept = {name: color for name, color in self.own(theme).items() if name != state.value}
        if fill.lower() != SHIPPED[state].fill(theme):
            kept[state.value] = fill.lower()
        return replace(self, light=kept) if theme is Theme.LIGHT else replace(self, dark=kept)

    def mistakes(self, where: str) -> list[Mistake]:
        """Everything wrong with what was chosen."""
        known = {state.value for state in State}
        found = []
        for theme in Theme:
            for state, color in self.own(theme).items():
                here = f"{where}.{theme.value}.{state}"
                if state not in known:
                    found.append(Mistake(here, "is no life cycle state", "one of " + ", ".join(State)))
                elif not _HEX.fullmatch(color):
                    found.append(Mistake(here, f"is {color!r}", A_COLOR))
        return found


@lru_cache(1024)
def text_on(fill: str) -> str:
    """The text colour with more contrast on a fill: a bad pick cannot make a label unreadable."""
    return max((LIGHT_TEXT, DARK_TEXT), key=lambda text: contrast(text, fill))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, contrast ratio)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    """WCAG 2.2, relative luminance."""
    red, green, blue = (_linear(int(color[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
