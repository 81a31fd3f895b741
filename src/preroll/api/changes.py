# SPDX-License-Identifier: Apache-2.0
"""The change log: page by page with a cursor, or as it grows (server-sent events)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from preroll.api.door import Door, TheDoor
from preroll.api.fields import Name, Queried
from preroll.api.history import ChangePage, change_shown
from preroll.api.problems import can
from preroll.app import App
from preroll.domain.errors import NotPermitted, NotSignedIn
from preroll.domain.permission import Actor
from preroll.gate.door import By, Calling, UseCases
from preroll.gate.guard import Caller
from preroll.gate.paging import DEFAULT, MOST
from preroll.gate.positions import Position

router = APIRouter(prefix="/api/v1/changes", tags=["changes"])

HEARTBEAT_S = 15.0
"""A stream on which nothing happens sends a comment this often, so that both ends see that it stands."""
LOOK_S = 0.5
"""How often a quiet stream looks whether the server is stopping, and whether its reader may still look."""
BATCH = 500


class ChangesQueried(Queried):
    """Which changes."""

    after: Position = Field(
        default="", description="position of the last change that you have; empty: from the beginning"
    )
    limit: Annotated[int, Field(ge=1, le=MOST)] = DEFAULT
    platform: Name | None = None


class StreamQueried(Queried):
    """From where, and of which platform."""

    after: Position | None = Field(default=None, description="as in the list; left out: from now on")
    platform: Name | None = None


@router.get("", responses=can(403, 404, 422, 503))
async def list_changes(asks: Annotated[ChangesQueried, Query()], app: UseCases, by: By) -> ChangePage:
    """Changes after a position, oldest first."""
    platform = await _platform(app, by, asks.platform)
    found = await app.views.changes(by, asks.after, asks.limit, platform)
    return ChangePage(items=[change_shown(c) for c in found.changes], next=found.position)


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses=can(403, 404, 422, 503) | {200: {"content": {"text/event-stream": {}}}},
)
async def stream_changes(
    asks: Annotated[StreamQueried, Query()],
    door: TheDoor,
    calling: Calling,
    by: By,
    last_event_id: Annotated[Position | None, Header(description="set by a client that reconnects")] = None,
) -> StreamingResponse:
    """Changes as they happen. The first event, `begin`, tells the position; each `change` has its own as its id."""
    platform = await _platform(door.app, by, asks.platform)
    after = last_event_id if last_event_id is not None else asks.after
    if after is None:
        after = await door.app.views.tail(by)
    await door.app.views.changes(by, after, 1)  # a position that cannot be read is refused here
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_frames(door, calling, after, platform), media_type="text/event-stream", headers=headers)


async def _frames(door: Door, calling: Caller, after: str, platform: int | None) -> AsyncIterator[str]:
    """Events for as long as the caller may look; who that is is asked again before each batch."""
    yield f"retry: 1000\nid: {after}\nevent: begin\ndata: {{}}\n\n"
    quiet_since = time.monotonic()
    while not door.stopping() and (by := await _looking(calling)):
        told = await door.app.views.changes(by, after, BATCH)
        for change in told.changes:
            if platform in (None, change.platform):
                shown = change_shown(change).model_dump_json()
                yield f"id: {change.position}\nevent: change\ndata: {shown}\n\n"
        if told.position != after:
            after, quiet_since = told.position, time.monotonic()
            continue
        if time.monotonic() - quiet_since >= HEARTBEAT_S:
            quiet_since = time.monotonic()
            yield ": still here\n\n"
        await door.app.views.wait(by, after, LOOK_S)


async def _looking(calling: Caller) -> Actor | None:
    try:
        return await calling.actor()
    except (NotSignedIn, NotPermitted):
        return None


async def _platform(app: App, by: Actor, name: str | None) -> int | None:
    return None if name is None else (await app.platforms.get(by, name)).key
