# SPDX-License-Identifier: Apache-2.0
"""Services and SLA: which state each stage maps to, which transitions are allowed, and both as a picture."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response

from preroll.app.platforms import Foreseen
from preroll.domain.config import Platform
from preroll.domain.service import ServiceStates, StageMapping
from preroll.web.config_tab import Revision, Tried, change, page, part
from preroll.web.frame import Frame, TheFrame
from preroll.web.services_draft import Draft, read, shown

router = APIRouter()

SAVE, FORCE, RESET_STAGES = "save", "force", "reset stages"
Do = Annotated[str, Form(max_length=500)]


@router.get("/config/services")
async def services(frame: TheFrame) -> Response:
    """The service states as they are."""
    stored = frame.platform.config.service_states
    return page(frame, "services", **_shown(Draft(stored), Foreseen(frame.platform), stored))


@router.post("/config/services")
async def edit_services(request: Request, frame: TheFrame, revision: Revision, do: Do = "") -> Response:
    """Save the draft that the form carries; or only show what it comes to, after a button of the draft."""
    draft = read(await request.form())
    if do == RESET_STAGES:
        draft = replace(draft, states=replace(draft.states, mapping=StageMapping()))
    draft = draft.done(do)
    if do not in (SAVE, FORCE):
        return await _answered(frame, draft, Tried(frame.platform), revision)
    now = await change(frame, partial(_with, states=draft.states), revision, force=do == FORCE)
    if not now.refused:
        draft = Draft(now.platform.config.service_states)
    return await _answered(frame, draft, now, now.platform.config.version)


async def _answered(frame: Frame, draft: Draft, now: Tried, revision: int) -> Response:
    """The tab with a draft; a revision that others have left behind stays until that has been told."""
    foreseen = await frame.door.app.platforms.foresee(
        frame.by, frame.platform.name, partial(_with, states=draft.states)
    )
    values = _shown(draft, foreseen, now.platform.config.service_states)
    return part(frame, "services", now, **values, revision=revision)


def _with(old: Platform, states: ServiceStates) -> Platform:
    return replace(old, config=replace(old.config, service_states=states))


def _shown(draft: Draft, foreseen: Foreseen, stored: ServiceStates) -> dict[str, Any]:
    return {"shown": shown(draft, foreseen.mistakes), "foreseen": foreseen, "unsaved": draft.states != stored}
