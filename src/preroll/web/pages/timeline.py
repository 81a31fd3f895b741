# SPDX-License-Identifier: Apache-2.0
"""What the timeline of the bookings asks for: rows, blocks of a window, what a move would come to, and the move."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import msgspec
from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from preroll.app.timeline import Move
from preroll.domain.booking import Booking
from preroll.domain.errors import Conflict, NameInUse, Refused, Stale
from preroll.domain.window import SECOND
from preroll.web.frame import BareFrame, Frame
from preroll.web.pages.booking import Ident
from preroll.web.refusals_shown import Dispute, obstacle, refusal_of
from preroll.web.shelf import FRESH_S
from preroll.web.templating import render
from preroll.web.timeline_shown import legend, packed, refusal, undoing, verdict, ways_out

router = APIRouter(prefix="/timeline")

FARTHEST = 253_402_300_799
"""The last second of the year 9999."""
Instant = Annotated[int, Field(ge=-FARTHEST, le=FARTHEST)]


class Seen(BaseModel):
    """A window, in seconds."""

    start: Instant = Field(alias="from")
    end: Instant = Field(alias="to")
    platform: str = Field("", max_length=200)


class Asked(BaseModel):
    """Where a booking is to be; what is not said stays as it is."""

    revision: int = Field(ge=0)
    start: Instant
    end: Instant | None = None
    source: str = Field("", max_length=200)
    target: str = Field("", max_length=200)
    node: list[Annotated[str, Field(max_length=200)]] = Field([], max_length=100)
    """Nodes that take another resource, whatever else is moved."""
    other: list[Annotated[str, Field(max_length=200)]] = Field([], max_length=100)
    """And those resources, in the same order."""

    def move(self, booking: Booking) -> Move:
        """It, for a booking."""
        end = None if self.end is None else self.end * SECOND
        timing = replace(booking.timing, start=self.start * SECOND, end=end)
        return Move(timing, self.source or None, self.target or None, dict(zip(self.node, self.other, strict=False)))


@router.get("/rows")
async def rows(request: Request, frame: BareFrame) -> Response:
    """The resources of the platform with their pools, and how states and marks look."""
    home = frame.platform

    async def make() -> bytes:
        return legend(await frame.door.app.catalogue.resources(frame.by, home.name))

    body = await frame.door.shelf.get(("rows", home.key, home.catalogue_version), make)
    return body.answer(request)


@router.get("/blocks")
async def blocks(request: Request, frame: BareFrame, window: Annotated[Seen, Query()]) -> Response:
    """The bookings of a window, in seconds; made once for all who see the same."""
    by, name = frame.by, frame.platform.name

    async def make() -> bytes:
        found = await frame.door.app.timeline.within(by, name, window.start * SECOND, window.end * SECOND)
        return await run_in_threadpool(packed, found)

    key = ("blocks", by.sight, frame.platform.key, frame.position, window.start, window.end)
    return (await frame.door.shelf.get(key, make, FRESH_S)).answer(request)


@router.post("/{ident}/check")
async def check(frame: BareFrame, ident: Ident, asked: Annotated[Asked, Form()]) -> Response:
    """What a move would come to, while it is being dragged; nothing is written."""
    app, by = frame.door.app, frame.by
    try:
        move = asked.move((await app.bookings.get(by, ident)).booking)
        return JSONResponse(verdict(await app.timeline.check(by, ident, asked.revision, move), frame.zone))
    except Refused as error:
        return JSONResponse(refusal(error, frame.zone))


@router.post("/{ident}/move")
async def move(frame: BareFrame, ident: Ident, asked: Annotated[Asked, Form()]) -> Response:
    """Move a booking: a message with the way back, or with the ways out, and the booking as it is then."""
    app, by = frame.door.app, frame.by
    before = (await app.bookings.get(by, ident)).booking
    wish = asked.move(before)
    try:
        after = (await app.bookings.move(by, ident, asked.revision, wish)).booking
    except Refused as error:
        found = error.clashes if isinstance(error, (Conflict, NameInUse)) else ()
        dispute = Dispute([obstacle(one, {}) for one in found], ()) if found else None
        history = await app.views.booking_history(by, ident) if isinstance(error, Stale) else ()
        refused, ways = refusal_of(error, (), dispute, history), ways_out(before, wish, error)
        return await _told(frame, before, "_move_refused.html", refused.status, refused=refused, ways=ways)
    return await _told(frame, after, "_moved.html", undo=undoing(before, after))


async def _told(frame: Frame, booking: Booking, template: str, status: int = 200, **values: object) -> Response:
    """A message, and the block of the booking."""
    found = await frame.door.app.timeline.several(frame.by, booking.platform, [booking.id])
    told = {
        "message": render(template, {"booking": booking, "zone": frame.zone, **values}),
        "found": msgspec.Raw(packed(found)),
    }
    return Response(msgspec.json.encode(told), status, media_type="application/json")
