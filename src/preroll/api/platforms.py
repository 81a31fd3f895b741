# SPDX-License-Identifier: Apache-2.0
"""Platforms and their settings."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from preroll.api.documents import SettingsGiven
from preroll.api.documents_shown import PlatformShown, platform_shown
from preroll.api.door import By, UseCases
from preroll.api.fields import Name
from preroll.api.problems import can

router = APIRouter(prefix="/api/v1/platforms", tags=["platforms"])

Called = Annotated[Name, Path(description="the platform's name")]


@router.get("", responses=can(401, 403, 503))
async def list_platforms(app: UseCases, by: By) -> list[PlatformShown]:
    """All platforms."""
    return [platform_shown(p) for p in await app.platforms.list(by)]


@router.get("/{name}", responses=can(401, 403, 404, 422, 503))
async def get_platform(name: Called, app: UseCases, by: By) -> PlatformShown:
    """One platform with its settings."""
    return platform_shown(await app.platforms.get(by, name))


@router.put("/{name}", responses=can(400, 401, 403, 413, 422, 503))
async def put_platform(name: Called, body: SettingsGiven, app: UseCases, by: By) -> PlatformShown:
    """Make a platform, or replace its settings: what is left out goes back to its default."""
    return platform_shown(await app.platforms.put(by, body.platform(name)))
