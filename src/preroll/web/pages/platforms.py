# SPDX-License-Identifier: Apache-2.0
"""Platforms: a list of those that one sees, each with the way to its settings, and a form for one more."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from preroll.domain.config import Platform
from preroll.domain.errors import Refused
from preroll.domain.permission import PERMISSIONS, Role
from preroll.web.fields import Field, require
from preroll.web.frame import Frame, TheFrame
from preroll.web.refusals_shown import Refusal, refusal_of
from preroll.web.said import Said

router = APIRouter()

FIELDS = (
    Field("name", "Name", about="Of a team or a site: what it books is its own."),
    Field("zone", "Time zone", value="UTC", about="The clocks of its screens; such as Europe/Brussels."),
)


@router.get("/platforms")
async def platforms(frame: TheFrame) -> Response:
    """The platforms that one sees."""
    return _page(frame, {})


@router.post("/platforms")
async def add(frame: TheFrame, said: Said) -> Response:
    """Make a platform with the settings that are shipped; the rest is set on its config page."""
    name = said.get("name", "").strip()
    try:
        require(FIELDS, said)
        made = await frame.door.app.platforms.put(frame.by, Platform(name, zone=said["zone"].strip()), seen=0)
    except Refused as refused:
        return _page(frame, said, refusal_of(refused, {field.name for field in FIELDS}))
    return RedirectResponse(frame.request.url_for("platforms").include_query_params(platform=made.name), 303)


def _page(frame: Frame, said: Said, refused: Refusal | None = None) -> Response:
    def changes(platform: Platform) -> bool:
        held = frame.by.roles_on(platform.key)
        return Role.ADMIN in held or bool(held & PERMISSIONS["config.change"])

    values: dict[str, Any] = {
        "shown": [(one, changes(one)) for one in frame.platforms], "fields": FIELDS, "said": said, "refused": refused,
        "adds": Role.ADMIN in frame.by.roles, "zones": sorted(available_timezones()),
    }  # fmt: skip
    return frame.page("platforms.html", refused.status if refused else 200, **values)
