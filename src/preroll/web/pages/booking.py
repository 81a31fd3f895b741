# SPDX-License-Identifier: Apache-2.0
"""A booking with all that is known of it, and what can be done with it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from preroll.app.views import BookingDetails
from preroll.domain.errors import Conflict, NotFound, Refused
from preroll.domain.ordered import Service
from preroll.web import bookings_shown as shown
from preroll.web.asked import Asked, carried, settled
from preroll.web.command import Subject
from preroll.web.commands import COMMANDS, BookingCommand
from preroll.web.dialog import asks_again, command_of, dialog, elsewhere, revision_seen, told
from preroll.web.frame import Frame, TheFrame
from preroll.web.refusals_shown import Refusal
from preroll.web.said import Said

router = APIRouter()

Ident = Annotated[str, Path(max_length=64)]
Action = Annotated[str, Path(max_length=40)]


@router.get("/bookings/{ident}")
async def booking(frame: TheFrame, ident: Ident) -> Response:
    """One booking with all that is known of it; what is held by a service or an order is on the page of that."""
    try:
        found = await frame.door.app.bookings.get(frame.by, ident)
    except NotFound as unknown:
        return elsewhere(frame, await _holder(frame, ident, unknown))
    return await details(frame, found)


@router.get("/bookings/{ident}/{action}")
async def ask(frame: TheFrame, ident: Ident, action: Action, said: Said) -> Response:
    """What is asked before something is done with a booking, filled with what the address says."""
    command = command_of(COMMANDS, action)
    frame, found = await at_home(frame, ident)
    asked = Asked(frame.door.app, frame.by, found, frame.zone, settled(said, found.booking.timing, frame.zone))
    return await _asking(frame, command, asked)


@router.post("/bookings/{ident}/{action}")
async def act(frame: TheFrame, ident: Ident, action: Action, said: Said) -> Response:
    """Do something with a booking, as it was when it was shown."""
    command = command_of(COMMANDS, action)
    frame, found = await at_home(frame, ident)
    said = settled(said, found.booking.timing, frame.zone)
    asked = Asked(frame.door.app, frame.by, found, frame.zone, said, revision_seen(said))
    try:
        done = await command.do(asked)
    except Refused as refused:
        if not asks_again(command, refused):
            raise
        return await _asking(frame, command, asked, refused)
    return await _done(frame, ident, done)


async def _holder(frame: Frame, ident: str, unknown: NotFound) -> str:
    """Where the service or the order is that has this id.

    Raises:
        NotFound: none has it.
    """
    app = frame.door.app
    for path, get in (("/services", app.services.get), ("/orders", app.orders.get)):
        try:
            await get(frame.by, ident)
        except NotFound:
            continue
        return f"{path}/{ident}"
    raise unknown


async def at_home(frame: Frame, ident: str) -> tuple[Frame, BookingDetails]:
    """A booking, and the frame in the colours and the zone of its platform."""
    found = await frame.door.app.bookings.get(frame.by, ident)
    return replace(frame, platform=await frame.door.app.platforms.get(frame.by, found.platform)), found


async def details(frame: Frame, found: BookingDetails, refused: Refusal | None = None) -> Response:
    """The page of a booking, in the colours and the zone of its platform.

    Args:
        refused: what was just tried with it.
    """
    frame = replace(frame, platform=await frame.door.app.platforms.get(frame.by, found.platform))
    values = await everything(frame, found, refused)
    status = refused.status if refused else 200
    return (
        frame.part("_panel.html", status, **values) if frame.partial else frame.page("booking.html", status, **values)
    )


async def everything(frame: Frame, found: BookingDetails, refused: Refusal | None = None) -> dict[str, Any]:
    """What the page of a booking shows."""
    app, by, ident = frame.door.app, frame.by, found.booking.id
    history = await app.views.booking_history(by, ident)
    return {
        "found": found,
        "booking": found.booking,
        "beneath": await _beneath(frame, found) if found.booking.overlays else None,
        "subject": subject_of(found),
        "advice": shown.advice(found),
        "buttons": shown.buttons(found, looking(frame)),
        "taken": shown.taken(found),
        "diagram": shown.life_cycle(found.booking, history),
        "history": history[::-1],
        "runs": (await app.views.runs(by, ident))[::-1],
        "log": await app.views.log(by, ident),
        "audits": await app.audits.of(by, ident) if found.definition and found.definition.audits else None,
        "refused": refused,
    }


async def _beneath(frame: Frame, found: BookingDetails) -> Service | None:
    """The service of which an overlay is more for a while; None: it is out of sight."""
    try:
        return (await frame.door.app.services.get(frame.by, found.booking.overlays)).service
    except NotFound:
        return None


def subject_of(found: BookingDetails) -> Subject:
    """A booking, for its buttons and dialogs."""
    booking = found.booking
    return Subject(f"/bookings/{booking.id}", booking.name, booking.revision, "#booking")


def looking(frame: Frame) -> shown.Looking:
    """Who looks."""
    return shown.Looking(frame.by.name, frame.may, frame.platform.config.lock_bookings)


async def _asking(frame: Frame, command: BookingCommand, asked: Asked, refused: Refused | None = None) -> Response:
    """The dialog of an action: as a part in its place on the page, else as a page of its own."""
    app, ident = frame.door.app, asked.ident
    asked = replace(asked, found=await app.bookings.get(frame.by, ident)) if refused else asked
    fields = await command.fields(asked)
    refusal = None
    if refused is not None:
        taken = shown.nodes_by_resource(asked) if isinstance(refused, Conflict) else None
        history = partial(app.views.booking_history, frame.by, ident)
        refusal = await told(frame, refused, fields, command.ways, history, taken=taken, ident=ident)
    return dialog(
        frame, command, subject_of(asked.found), fields, asked.said, refused=refusal, carried=carried(asked.said),
        why_not=shown.why_not(asked.found, command.name, looking(frame)),
    )  # fmt: skip


async def _done(frame: Frame, ident: str, done: BookingDetails) -> Response:
    """The booking as it is now; another one has a page of its own, and one that is hidden has none."""
    if frame.partial and done.booking.id == ident and not done.booking.hidden:
        return await details(frame, done)
    return elsewhere(frame, "/bookings" if done.booking.hidden else f"/bookings/{done.booking.id}")
