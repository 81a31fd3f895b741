# SPDX-License-Identifier: Apache-2.0
"""An order with all that is known of it, and what can be done with it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import APIRouter, Response

from preroll.app.order_views import OrderDetails
from preroll.domain.errors import Refused
from preroll.web import orders_shown as shown
from preroll.web.asked import carried
from preroll.web.dialog import asks_again, command_of, dialog, elsewhere, revision_seen, told
from preroll.web.frame import Frame, TheFrame
from preroll.web.order_commands import ORDER_COMMANDS, OrderAsked, OrderCommand
from preroll.web.pages.booking import Action, Ident
from preroll.web.refusals_shown import Refusal
from preroll.web.said import Said

router = APIRouter()


@router.get("/orders/{ident}")
async def order(frame: TheFrame, ident: Ident) -> Response:
    """One order with all that is known of it."""
    return await details(*await at_home(frame, ident))


@router.get("/orders/{ident}/{action}")
async def ask(frame: TheFrame, ident: Ident, action: Action, said: Said) -> Response:
    """What is asked before something is done with an order, filled with what the address says."""
    command = command_of(ORDER_COMMANDS, action)
    frame, found = await at_home(frame, ident)
    return await _asking(frame, command, OrderAsked(frame.door.app, frame.by, found, frame.zone, said))


@router.post("/orders/{ident}/{action}")
async def act(frame: TheFrame, ident: Ident, action: Action, said: Said) -> Response:
    """Do something with an order, as it was when it was shown."""
    command = command_of(ORDER_COMMANDS, action)
    frame, found = await at_home(frame, ident)
    asked = OrderAsked(frame.door.app, frame.by, found, frame.zone, said, revision_seen(said))
    try:
        done = await command.do(asked)
    except Refused as refused:
        if not asks_again(command, refused):
            raise
        return await _asking(frame, command, asked, refused)
    if frame.partial and done.order.id == ident and not done.order.hidden:
        return await details(frame, done)
    return elsewhere(frame, "/orders" if done.order.hidden else f"/orders/{done.order.id}")


async def at_home(frame: Frame, ident: str) -> tuple[Frame, OrderDetails]:
    """An order, and the frame in the colours and the zone of its platform."""
    found = await frame.door.app.orders.get(frame.by, ident)
    return replace(frame, platform=await frame.door.app.platforms.get(frame.by, found.platform)), found


async def details(frame: Frame, found: OrderDetails, refused: Refusal | None = None) -> Response:
    """The page of an order.

    Args:
        refused: what was just tried with it.
    """
    values = await _everything(frame, found, refused)
    status = refused.status if refused else 200
    return frame.part("_order.html", status, **values) if frame.partial else frame.page("order.html", status, **values)


async def _everything(frame: Frame, found: OrderDetails, refused: Refusal | None) -> dict[str, Any]:
    app, by, ident = frame.door.app, frame.by, found.order.id
    history = await app.orders.history(by, ident)
    names = await app.ordered.names_in_order(by, ident)
    return {
        "found": found, "order": found.order, "subject": shown.subject_of(found),
        "buttons": shown.buttons(found, frame.by.name, frame.may),
        "items": shown.items(found, names), "plan": shown.plan(found, names), "stages": shown.stages(found),
        "advice": shown.advice(found), "diagram": shown.life_cycle(found, history), "history": history[::-1],
        "runs": (await app.orders.runs(by, ident))[::-1], "log": await app.orders.log(by, ident), "audits": None,
        "refused": refused,
    }  # fmt: skip


async def _asking(frame: Frame, command: OrderCommand, asked: OrderAsked, refused: Refused | None = None) -> Response:
    orders, refusal = frame.door.app.orders, None
    if refused is not None:
        asked = replace(asked, found=await orders.get(frame.by, asked.ident))
    fields = await command.fields(asked)
    if refused is not None:
        refusal = await told(frame, refused, fields, command.ways, partial(orders.history, frame.by, asked.ident))
    return dialog(
        frame, command, shown.subject_of(asked.found), fields, asked.said, carried=carried(asked.said),
        why_not=shown.why_not(asked.found, command, frame.by.name, frame.may),
        refused=refusal,
    )  # fmt: skip
