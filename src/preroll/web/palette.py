# SPDX-License-Identifier: Apache-2.0
"""The life cycle colours of a platform as a style sheet: fill, text and edge, in both themes."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from preroll.domain.booking import State
from preroll.domain.colors import LifecycleColors, Theme, text_on
from preroll.web.frame import BareFrame
from preroll.web.states_shown import ALIKE
from preroll.web.templating import slug

router = APIRouter()


def style(colors: LifecycleColors) -> str:
    """``.state-<slug>`` sets ``--fill`` and ``--ink``; ``.pattern-<name>`` is in the common style sheet."""
    return "\n".join(_rule(name, state, colors) for name, state in ALIKE.items())


def _rule(name: str, state: State, colors: LifecycleColors) -> str:
    light, dark = (colors.fill(state, theme) for theme in (Theme.LIGHT, Theme.DARK))
    return (
        f".state-{slug(name)}{{--fill:light-dark({light},{dark});--ink:light-dark({text_on(light)},{text_on(dark)})}}"
    )


@router.get("/palette.css")
async def palette(request: Request, frame: BareFrame) -> Response:
    """The colours of the platform that is looked at."""
    home = frame.platform

    async def make() -> bytes:
        return style(home.config.lifecycle_colors).encode()

    body = await frame.door.shelf.get(("palette", home.key, home.config.version), make)
    return body.answer(request, "text/css; charset=utf-8")
