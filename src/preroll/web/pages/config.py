# SPDX-License-Identifier: Apache-2.0
"""The settings of the platform that is looked at: the first tab, its colors, and what others change meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from preroll.app.platforms import Rule
from preroll.domain.booking import State
from preroll.domain.colors import LifecycleColors, Theme
from preroll.domain.config import Platform
from preroll.web.colors_shown import states_shown
from preroll.web.config_tab import TABS, Revision, change, page, part
from preroll.web.frame import Frame, TheFrame

router = APIRouter()

Chosen = Annotated[State, Form()]
Color = Annotated[str, Form(max_length=50)]


@router.get("/config")
async def config(frame: TheFrame) -> Response:
    """On to the first tab."""
    return RedirectResponse(f"/config/{TABS[0][0]}?{urlencode({'platform': frame.platform.name})}", 303)


@router.get("/config/since")
async def since(frame: TheFrame, revision: Annotated[int, Query(ge=0, le=2**53)]) -> Response:
    """What others changed since a revision was shown; as a part of a page."""
    newer = await frame.door.app.platforms.history(frame.by, frame.platform.name, None, 50)
    found = [past for past in newer if past.edition.platform.config.version > revision]
    return frame.part("_config_since.html", since=found) if found else Response(status_code=204)


@router.get("/config/colors")
async def colors(frame: TheFrame) -> Response:
    """The colour of each life cycle state."""
    return page(frame, "colors", rows=states_shown(frame.platform.config.lifecycle_colors))


@router.post("/config/colors")
async def choose_color(frame: TheFrame, revision: Revision, state: Chosen, light: Color, dark: Color) -> Response:
    """Choose the colours of a state."""

    def rule(old: Platform) -> Platform:
        own = old.config.lifecycle_colors.chosen(state, Theme.LIGHT, light).chosen(state, Theme.DARK, dark)
        return replace(old, config=replace(old.config, lifecycle_colors=own))

    return await _colored(frame, rule, revision)


@router.post("/config/colors/reset")
async def reset_colors(frame: TheFrame, revision: Revision, state: Annotated[State | None, Form()] = None) -> Response:
    """Have the shipped colours of a state again, or of all."""

    def rule(old: Platform) -> Platform:
        own = old.config.lifecycle_colors
        kept = LifecycleColors(*({n: c for n, c in own.own(t).items() if state and n != state} for t in Theme))
        return replace(old, config=replace(old.config, lifecycle_colors=kept))

    return await _colored(frame, rule, revision)


async def _colored(frame: Frame, rule: Rule, seen: int) -> Response:
    now = await change(frame, rule, seen)
    return part(frame, "colors", now, rows=states_shown(now.platform.config.lifecycle_colors))
