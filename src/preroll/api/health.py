# SPDX-License-Identifier: Apache-2.0
"""Is the process alive, and can it do its work?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from preroll import __version__
from preroll.api.fields import Shown
from preroll.gate.health import Health

router = APIRouter(tags=["health"])


class Alive(Shown):
    """The process answers."""

    status: str
    version: str


class Ready(Shown):
    """Whether the process can do its work, part by part."""

    ready: bool
    parts: dict[str, str]


def _health(request: Request) -> Health:
    found: Health = request.app.state.door.ready()
    return found


@router.get("/healthz", operation_id="healthz")
async def healthz() -> Alive:
    """Is the process alive?"""
    return Alive(status="ok", version=__version__)


@router.get("/readyz", operation_id="readyz", responses={503: {"model": Ready, "description": "not ready"}})
async def readyz(health: Annotated[Health, Depends(_health)], response: Response) -> Ready:
    """Can it do its work: store, engine, script hosts?"""
    response.status_code = 200 if health.ready else 503
    return Ready(ready=health.ready, parts=dict(health.parts))
