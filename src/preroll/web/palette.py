# SPDX-License-Identifier: Apache-2.0
"""The life cycle colours of a platform as a style sheet: fill, text and edge, in both themes.

Its name says every colour: it needs no platform, it is the same for everybody, and a browser keeps it for good.
"""

from __future__ import annotations

import re

from preroll.domain.booking import State
from preroll.domain.colors import LifecycleColors, Theme, text_on
from preroll.web.states_shown import ALIKE, slug

FILLS = [(state, theme) for theme in Theme for state in State]
DIGITS = 6
NAMED = re.compile(rf"palette-([0-9a-f]{{{DIGITS * len(FILLS)}}})\.css", re.ASCII)


def name_of(colors: LifecycleColors) -> str:
    """The style sheet of some colours, as the name of a file without its ending."""
    return f"palette-{''.join(colors.fill(*fill).removeprefix('#') for fill in FILLS)}"


def drawn(name: str) -> str | None:
    """The style sheet of that name; None: it is no name of one."""
    if (found := NAMED.fullmatch(name)) is None:
        return None
    told = (f"#{found[1][at : at + DIGITS]}" for at in range(0, len(found[1]), DIGITS))
    fills = dict(zip(FILLS, told, strict=True))
    light, dark = ({state.value: fills[state, theme] for state in State} for theme in Theme)
    return style(LifecycleColors(light, dark))


def style(colors: LifecycleColors) -> str:
    """``.state-<slug>`` sets ``--fill`` and ``--ink``; ``.pattern-<name>`` is in the common style sheet."""
    return "\n".join(_rule(name, state, colors) for name, state in ALIKE.items())


def _rule(name: str, state: State, colors: LifecycleColors) -> str:
    light, dark = (colors.fill(state, theme) for theme in (Theme.LIGHT, Theme.DARK))
    return (
        f".state-{slug(name)}{{--fill:light-dark({light},{dark});--ink:light-dark({text_on(light)},{text_on(dark)})}}"
    )
