# SPDX-License-Identifier: Apache-2.0
"""Bookings: book, read, edit, and every action of the life cycle."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Header, Query, Response

from preroll.api import etag
from preroll.api.door import Asking, Ident
from preroll.api.history import ChangeShown, LineShown, change_shown, line_shown
from preroll.api.idempotency import BOOKINGS, answered, as_answered, booking_response, patience
from preroll.api.problems import can
from preroll.api.runs_shown import RunShown, run_shown
from preroll.api.schemas import (
    Bare,
    BookingGiven,
    BookingPage,
    BookingShown,
    BookingsQueried,
    BookingSummary,
    ChangeGiven,
    EditGiven,
    Nothing,
    Why,
    booking_shown,
    booking_summary,
)
from preroll.app import App
from preroll.domain.attention import attention
from preroll.domain.booking import WAITING, Booking
from preroll.domain.boundaries import OPEN
from preroll.domain.config import Platform
from preroll.domain.errors import Invalid, Mistake
from preroll.domain.permission import Actor
from preroll.domain.window import FOREVER
from preroll.gate import paging
from preroll.gate.door import By, UseCases
from preroll.ports.lists import BookingFilter

router = APIRouter(prefix=BOOKINGS, tags=["bookings"])

NO_WHY, NOTHING, UNCHANGED = Why(), Nothing(), ChangeGiven()
Reason = Annotated[Why, Body(description="a reason, kept in the change log")]
Patience = Annotated[float, Depends(patience)]
Change = Annotated[ChangeGiven, Body(description="what is to change on the way; nothing: as it was")]
_COMMAND = can(400, 403, 404, 409, 412, 413, 422, 503)
_READ = can(403, 404, 422, 503)


@router.post("", status_code=201, response_model=BookingShown, responses=can(400, 403, 404, 409, 413, 422, 503))
async def create_booking(body: BookingGiven, app: UseCases, asked: Asking) -> Response:
    """Book: the booking is Partial, its resources are held, nothing is orchestrated until it is confirmed."""
    return await answered(asked, lambda ask: app.bookings.create(asked.by, body.booking(), ask), status=201)


@router.get("", responses=can(403, 404, 422, 503))
async def list_bookings(asks: Annotated[BookingsQueried, Query()], app: UseCases, by: By) -> BookingPage:
    """Bookings, sorted by start and id."""
    where = await _filter(app, by, asks)
    page = await app.bookings.page(by, where, paging.decode(asks.cursor, where), asks.limit)
    homes = {p.key: p for p in await app.platforms.list(by)}
    return BookingPage(
        items=[_summary(b, homes[b.platform], page.now_us) for b in page.items],
        next=paging.encode(page.next, where) if page.next else None,
    )


@router.get("/{ident}", response_model=BookingShown, responses=_READ | {304: {"description": "you have it"}})
async def get_booking(
    ident: Ident, app: UseCases, by: By, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """One booking: its timing, events, what it waits for, and what can be done with it now."""
    shown = booking_shown(await app.bookings.get(by, ident))
    if etag.unchanged(if_none_match, shown.revision):
        return Response(status_code=304, headers={"ETag": etag.tag(shown.revision)})
    return booking_response(shown)


@router.patch("/{ident}", response_model=BookingShown, responses=_COMMAND | can(428))
async def edit_booking(ident: Ident, body: EditGiven, app: UseCases, asked: Asking) -> Response:
    """Change what is given (a JSON merge patch); the events that have not begun move with the timing."""
    return await answered(asked, lambda ask: app.bookings.edit(asked.by, ident, asked.seen, body.edit(), ask))


@router.post("/{ident}/confirm", response_model=BookingShown, responses=_COMMAND)
async def confirm_booking(
    ident: Ident,
    app: UseCases,
    asked: Asking,
    patience: Patience,
    _: Bare = NOTHING,
) -> Response:
    """Schedule it to be orchestrated; a refusal lists everything that is missing.

    Created booking actions run first, and are waited for: the answer has the new state, and under `confirming` what
    they said. 202: they have not ended yet; `Location` tells where to look.
    """
    answer = await answered(asked, lambda ask: app.bookings.confirm(asked.by, ident, asked.seen, ask))
    return await _confirmed(answer, ident, app, asked.by, patience)


async def _confirmed(answer: Response, ident: str, app: App, by: Actor, patience: float) -> Response:
    """What is answered when the created booking actions have ended, or nobody waits any longer."""
    until = time.monotonic() + patience
    while True:
        position = await app.views.tail(by)
        found = await app.bookings.get(by, ident)
        left = until - time.monotonic()
        waiting, actions = found.booking.state in WAITING, found.confirming
        under_way = waiting and actions is not None and actions.state in OPEN
        if not under_way or left <= 0:
            break
        await app.views.wait(by, position, left)
    if found.confirming is None:
        return answer
    return as_answered(answer, booking_response(booking_shown(found), 202 if under_way else 200))


@router.post("/{ident}/leave-quarantine", response_model=BookingShown, responses=_COMMAND)
async def leave_quarantine(
    ident: Ident, app: UseCases, asked: Asking, patience: Patience, body: Change = UNCHANGED
) -> Response:
    """Leave quarantine with all that it needs, as it was or with another resource, time or profile.

    One that was Confirmed is confirmed again: its created booking actions are waited for as with `confirm`.
    """
    answer = await answered(
        asked, lambda ask: app.bookings.leave_quarantine(asked.by, ident, asked.seen, body.edit(), ask)
    )
    return await _confirmed(answer, ident, app, asked.by, patience)


@router.post("/{ident}/hold", response_model=BookingShown, responses=_COMMAND)
async def hold_booking(ident: Ident, app: UseCases, asked: Asking, _: Bare = NOTHING) -> Response:
    """Put it on hold: it is not executed, its resources stay held."""
    return await answered(asked, lambda ask: app.bookings.hold(asked.by, ident, asked.seen, ask))


@router.post("/{ident}/cancel", response_model=BookingShown, responses=_COMMAND)
async def cancel_booking(ident: Ident, app: UseCases, asked: Asking, body: Reason = NO_WHY) -> Response:
    """Cancel a booking that does not run: it is never executed, its resources are released."""
    return await answered(asked, lambda ask: app.bookings.cancel(asked.by, ident, asked.seen, body.why, ask))


@router.post("/{ident}/finish", response_model=BookingShown, responses=_COMMAND)
async def finish_booking(ident: Ident, app: UseCases, asked: Asking, body: Reason = NO_WHY) -> Response:
    """End a running booking now; in pre-roll that aborts it."""
    return await answered(asked, lambda ask: app.bookings.finish(asked.by, ident, asked.seen, body.why, ask))


@router.post("/{ident}/retry", response_model=BookingShown, responses=_COMMAND)
async def retry_booking(ident: Ident, app: UseCases, asked: Asking, body: Reason = NO_WHY) -> Response:
    """Run a failed event again, from its first step that is not done."""
    return await answered(asked, lambda ask: app.bookings.retry(asked.by, ident, asked.seen, body.why, ask))


@router.post("/{ident}/acknowledge", response_model=BookingShown, responses=_COMMAND)
async def acknowledge_booking(ident: Ident, app: UseCases, asked: Asking, body: Reason = NO_WHY) -> Response:
    """Take a failed event as repaired by hand; a reason is needed."""
    return await answered(asked, lambda ask: app.bookings.acknowledge(asked.by, ident, asked.seen, body.why, ask))


@router.get("/{ident}/runs", responses=_READ)
async def list_booking_runs(ident: Ident, app: UseCases, by: By) -> list[RunShown]:
    """Its runs, oldest first, each with its steps."""
    return [run_shown(found) for found in await app.views.runs(by, ident)]


@router.get("/{ident}/log", responses=_READ)
async def get_booking_log(ident: Ident, app: UseCases, by: By) -> list[LineShown]:
    """Its action log, oldest first."""
    return [line_shown(line) for line in await app.views.log(by, ident)]


@router.get("/{ident}/changes", responses=_READ)
async def list_booking_changes(ident: Ident, app: UseCases, by: By) -> list[ChangeShown]:
    """Everything that happened to it, oldest first: who, when, what, from, to, why."""
    return [change_shown(change) for change in await app.views.booking_history(by, ident)]


def _summary(booking: Booking, home: Platform, now_us: int) -> BookingSummary:
    return booking_summary(booking, home.name, attention(booking, now_us, home.config.limits.near_air_us))


async def _filter(app: App, by: Actor, asks: BookingsQueried) -> BookingFilter:
    platform = (await app.platforms.get(by, asks.platform)).key if asks.platform is not None else None
    start, end = asks.from_ or 0, asks.to if asks.to is not None else FOREVER
    if start >= end:
        raise Invalid([Mistake("query.to", "is not after from", "a later time")])
    overlaps = (start, end) if asks.from_ is not None or asks.to is not None else None
    return BookingFilter(platform, frozenset(asks.state), asks.text.strip(), overlaps, frozenset(asks.attention))
