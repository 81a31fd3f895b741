# SPDX-License-Identifier: Apache-2.0
"""The history of a platform's settings, and the way back to an earlier version."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response

from preroll.domain.config import differing
from preroll.domain.errors import NotFound
from preroll.web.config_tab import Revision, page, part, tried
from preroll.web.frame import Frame, TheFrame

router = APIRouter()

PAGE = 50
Version = Annotated[int, Path(ge=1, le=2**53)]


@router.get("/config/history")
async def history(frame: TheFrame, before: Annotated[int | None, Query(ge=1, le=2**53)] = None) -> Response:
    """Who changed which setting, when, from what to what and why."""
    return page(frame, "history", **await _shown(frame, before))


@router.get("/config/history/{version}")
async def back_to(frame: TheFrame, version: Version) -> Response:
    """What would change if a version's settings held again; as a part of a page."""
    found = await frame.door.app.platforms.history(frame.by, frame.platform.name, version + 1, 1)
    if not found or found[0].edition.platform.config.version != version:
        raise NotFound("version of the settings", version)
    return frame.part(
        "_config_undo.html", version=version, edition=found[0].edition, revision=frame.platform.config.version,
        changed=differing(frame.platform, found[0].edition.platform),
    )  # fmt: skip


@router.post("/config/history")
async def undo(
    frame: TheFrame,
    revision: Revision,
    to: Annotated[int, Form(ge=1, le=2**53)],
    *,
    force: Annotated[bool, Form()] = False,
) -> Response:
    """Have an earlier version's settings again."""
    doing = frame.door.app.platforms.undo(frame.by, frame.platform.name, to, seen=revision, force=force)
    now = await tried(frame, doing, revision)
    return part(frame, "history", now, to=to, **await _shown(frame, None))


async def _shown(frame: Frame, before: int | None) -> dict[str, object]:
    found = await frame.door.app.platforms.history(frame.by, frame.platform.name, before, PAGE)
    last = found[-1].edition.platform.config.version if found else 1
    return {"versions": found, "older": last if len(found) == PAGE and last > 1 else None}
