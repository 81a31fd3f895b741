# SPDX-License-Identifier: Apache-2.0
"""Home for the night: what needs somebody, what is on the air, what comes next."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Response

from preroll.domain.permission import Role
from preroll.web.frame import BareFrame, needing
from preroll.web.night_shown import NO_PLATFORM, NO_PLATFORM_YET, shown

router = APIRouter()


@router.get("/")
async def home(frame: BareFrame) -> Response:
    """How things stand on the platform; as a part, what of it changes."""
    if not frame.platforms:
        lesson = NO_PLATFORM_YET if Role.ADMIN in frame.by.roles else NO_PLATFORM
        return frame.page("home.html", page=None, lesson=lesson)
    page = shown(await frame.door.app.nights.of(frame.by, frame.platform.name))
    if frame.partial:
        return frame.part("_night.html", page=page, lesson=page.lesson)
    return replace(frame, needing=str(page.night.needing)).page("home.html", page=page, lesson=page.lesson)


@router.get("/needing")
async def count(frame: BareFrame) -> Response:
    """How many need somebody, for the header."""
    return frame.part("_needing.html", needing=await needing(frame))
