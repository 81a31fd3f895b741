# SPDX-License-Identifier: Apache-2.0
"""General settings of a platform: each checked at its field, reset by itself, saved together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Form, Request, Response

from preroll.domain.config import Platform, setting, with_setting
from preroll.domain.definition import Publication
from preroll.domain.errors import NotFound
from preroll.web.config_settings import SETTINGS, SHIPPED, changed, mine, shown
from preroll.web.config_tab import Revision, change, page, part
from preroll.web.frame import Frame, TheFrame

router = APIRouter()

SAVE, FORCE, RESET = "save", "force", "reset "
Do = Annotated[str, Form(max_length=100)]


@router.get("/config/general")
async def general(frame: TheFrame) -> Response:
    """Every setting with what it is for."""
    return page(frame, "general", **await _shown(frame, frame.platform, {}, None))


@router.post("/config/general")
async def set_general(request: Request, frame: TheFrame, revision: Revision, do: Do = SAVE) -> Response:
    """Save what was typed, or reset one setting; what else was typed stays in its field."""
    typed = await _typed(request)
    if do.startswith(RESET):
        key = do.removeprefix(RESET)
        if key not in SETTINGS:
            raise NotFound("setting", key)
        typed.pop(key, None)
        now = await change(frame, partial(with_setting, key=key, value=setting(SHIPPED, key)), revision)
        return part(frame, "general", now, **await _shown(frame, now.platform, typed, now.seen))
    now = await change(frame, partial(changed, typed=typed), revision, force=do == FORCE)
    return part(frame, "general", now, **await _shown(frame, now.platform, typed if now.refused else {}, now.seen))


async def _typed(request: Request) -> dict[str, str]:
    """Setting -> what its field says. A switch that is off is not sent; that it was shown is."""
    form = await request.form()
    found = {str(key): "" for key in form.getlist("switch") if key in SETTINGS}
    return found | {key: value for key, value in form.items() if key in SETTINGS and isinstance(value, str)}


async def _shown(frame: Frame, platform: Platform, typed: Mapping[str, str], seen: Platform | None) -> dict[str, Any]:
    app, by = frame.door.app, frame.by
    scripts = app.platforms.start_failure_scripts()
    definitions = await app.catalogue.definitions(by, platform.name)
    booked = {one.name for one in definitions if one.publication is Publication.PUBLISHED}
    proposals = {
        "zone": zones(), "start_failure_script": scripts or (), "defaults.definition": sorted(booked),
    }  # fmt: skip
    kept = typed if seen is None else mine(seen, typed)
    script = platform.config.start_failure_script
    return {
        "sections": shown(platform, kept, seen, proposals),
        "missing": script if script and scripts is not None and script not in scripts else "",
    }


@cache
def zones() -> tuple[str, ...]:
    """The time zones that can be chosen."""
    return tuple(sorted(available_timezones()))
