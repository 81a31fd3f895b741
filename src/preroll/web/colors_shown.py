# SPDX-License-Identifier: Apache-2.0
"""The life cycle colors of a platform as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from preroll.domain.booking import State
from preroll.domain.colors import LifecycleColors, Theme, contrast, text_on


@dataclass(frozen=True, slots=True)
class ColorShown:
    """A life cycle state's colour on one ground."""

    key: str
    """Of the setting, by which a mistake is told."""
    fill: str
    contrast: float
    """Of the label's text on it, 1 to 21."""


@dataclass(frozen=True, slots=True)
class StateShown:
    """A row of the table of colours."""

    state: str
    colors: Mapping[str, ColorShown]
    """By theme."""
    own: bool
    """Did the platform choose one of them itself?"""


def states_shown(colors: LifecycleColors) -> list[StateShown]:
    """Every life cycle state with its colours."""
    return [
        StateShown(
            state.value,
            {theme.value: _color(colors, state, theme) for theme in Theme},
            any(state.value in colors.own(theme) for theme in Theme),
        )
        for state in State
    ]


def _color(colors: LifecycleColors, state: State, theme: Theme) -> ColorShown:
    fill = colors.fill(state, theme)
    return ColorShown(f"lifecycle_colors.{theme}.{state}", fill, contrast(text_on(fill), fill))
