# SPDX-License-Identifier: Apache-2.0
"""The stream that every open page listens to."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse

from preroll.gate.positions import Position
from preroll.web.frame import BareFrame

router = APIRouter()


@router.get("/live")
async def live(
    frame: BareFrame,
    after: Position = "",
    last_event_id: Annotated[Position | None, Header()] = None,
) -> Response:
    """Changes of the platform that is looked at, as they happen, after a position."""
    position = after if last_event_id is None else last_event_id
    if position != frame.position:
        await frame.door.app.views.changes(frame.by, position, 1)  # one that cannot be read is refused here
    events = frame.door.hub.listen(frame.calling, frame.by, frame.platform.key, position, frame.position)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


@router.get("/live/allowed")
async def allowed(frame: BareFrame) -> Response:  # noqa: ARG001 - who
    """May this browser still look? A page asks when its stream does not come back."""
    return Response(status_code=204)
