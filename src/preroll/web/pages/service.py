# SPDX-License-Identifier: Apache-2.0
"""A service with all that is known of it, and what can be done with it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from preroll.app.order_views import OrderDetails
from preroll.app.services import ServiceDetails
from preroll.app.views import BookingDetails
from preroll.domain.errors import Refused
from preroll.web import services_shown as shown
from preroll.web.dialog import asks_again, command_of, dialog, elsewhere, revision_seen, told
from preroll.web.draft import with_way_taken
from preroll.web.frame import Frame, TheFrame
from preroll.web.orders_shown import choice_said
from preroll.web.pages.booking import Action, Ident
from preroll.web.refusals_shown import Refusal
from preroll.web.said import Said
from preroll.web.service_commands import DRIFT, SERVICE_COMMANDS, ServiceAsked, ServiceCommand

router = APIRouter()

Number = Annotated[int, Query(ge=0, le=2**31)]


@router.get("/services/{ident}")
async def service(frame: TheFrame, ident: Ident, before: Number = 0, after: Number = 0) -> Response:
    """One service with all that is known of it, and two of its revisions compared."""
    frame, found = await at_home(frame, ident)
    return await details(frame, found, before=before, after=after)


@router.get("/services/{ident}/{action}")
async def ask(frame: TheFrame, ident: Ident, action: Action, said: Said) -> Response:
    """What is asked before something is done with a service, filled with what the address says."""
    command = command_of(SERVICE_COMMANDS, action)
    frame, found = await at_home(frame, ident)
    return await _asking(frame, command, ServiceAsked(frame.door.app, frame.by, found, frame.zone, said))


@router.post("/services/{ident}/{action}")
async def act(frame: TheFrame, ident: Ident, action: Action, said: Said) -> Response:
    """Do something with a service, as it was when it was shown; what was ordered has a page of its own."""
    command = command_of(SERVICE_COMMANDS, action)
    frame, found = await at_home(frame, ident)
    said = with_way_taken(said, frame.zone)
    asked = ServiceAsked(frame.door.app, frame.by, found, frame.zone, said, revision_seen(said))
    try:
        done = await command.do(asked)
    except Refused as refused:
        if not asks_again(command, refused):
            raise
        return await _asking(frame, command, asked, refused)
    if isinstance(done, OrderDetails):
        return elsewhere(frame, f"/orders/{done.order.id}")
    if isinstance(done, BookingDetails):
        return elsewhere(frame, f"/bookings/{done.booking.id}")
    return await details(frame, done) if frame.partial else elsewhere(frame, f"/services/{ident}")


async def at_home(frame: Frame, ident: str) -> tuple[Frame, ServiceDetails]:
    """A service, and the frame in the colours and the zone of its platform."""
    found = await frame.door.app.services.get(frame.by, ident)
    return replace(frame, platform=await frame.door.app.platforms.get(frame.by, found.platform)), found


async def details(
    frame: Frame, found: ServiceDetails, refused: Refusal | None = None, *, before: int = 0, after: int = 0
) -> Response:
    """The page of a service.

    Args:
        refused: what was just tried with it.
        before: number of a revision that is compared, with ``after``; 0: the newest with that before it.
    """
    app, by, ident = frame.door.app, frame.by, found.service.id
    names = await app.ordered.names_in_service(by, ident)
    values: dict[str, Any] = {
        "found": found, "service": found.service, "subject": shown.subject_of(found),
        "buttons": shown.buttons(found, frame.may),
        "advice": shown.advice(found), "diagram": shown.life_cycle(found), "revisions": shown.revisions(found),
        "differences": shown.differences(found), "overlays": shown.overlays(found, names),
        "compared": shown.compared(found, names, before, after),
        "nodes": [(label, choice_said(choice, names)) for label, choice in found.carrier.nodes.items()],
        "orders": (await app.ordered.orders_of(by, ident)).items, "refused": refused,
        "audits": await app.services.audits(by, ident),
        "history": (await app.services.history(by, ident))[::-1], "runs": None, "log": None,
    }  # fmt: skip
    status = refused.status if refused else 200
    if frame.partial:
        return frame.part("_service.html", status, **values)
    return frame.page("service.html", status, **values)


async def _asking(
    frame: Frame, command: ServiceCommand, asked: ServiceAsked, refused: Refused | None = None
) -> Response:
    app, refusal = frame.door.app, None
    if refused is not None:
        said = {name: word for name, word in asked.said.items() if name != DRIFT}
        asked = replace(asked, found=await app.services.get(frame.by, asked.ident), said=said)
    fields = await command.fields(asked)
    if refused is not None:
        history = partial(app.services.history, frame.by, asked.ident)
        refusal = await told(frame, refused, fields, command.ways, history)
    why_not = shown.why_not(asked.found, command, frame.may)
    return dialog(frame, command, shown.subject_of(asked.found), fields, asked.said, why_not=why_not, refused=refusal)
