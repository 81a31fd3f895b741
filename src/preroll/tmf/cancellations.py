# SPDX-License-Identifier: Apache-2.0
"""TMF641 ``cancelServiceOrder``: that somebody asked to cancel an order, and what came of it. It has the order's id."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from preroll.app.order_views import OrderDetails, OrderProgress
from preroll.domain.errors import Invalid, Mistake, NotFound
from preroll.domain.order import OrderState
from preroll.domain.window import MINUTE
from preroll.gate.door import By, UseCases
from preroll.ports.orders import OrderFilter
from preroll.tmf.contract import FIELDS, LIMIT, OFFSET, says
from preroll.tmf.door import Document, Ident, TheClock, made, page
from preroll.tmf.lists import fields_of, listing, selected
from preroll.tmf.orders import error_message, order_ref
from preroll.tmf.reading import Reader, parsed, written
from preroll.tmf.resources import CANCEL, ORDER_REF
from preroll.tmf.services import ORDERING, cancel_href
from preroll.tmf.states import CANCELLATIONS

router = APIRouter(prefix=f"{ORDERING}/cancelServiceOrder")


@router.post("", **says(CANCEL, 201, sent=CANCEL), operation_id="createCancelServiceOrder")
async def create(request: Request, app: UseCases, by: By, clock: TheClock) -> Response:
    """Cancel an order: one that is being deployed is stopped and undone. An order has one cancellation, of its id."""
    mistakes: list[Mistake] = []
    reader = Reader(parsed(await request.body()), "", mistakes)
    reader.only(CANCEL)
    which, why = reader.object("serviceOrder", needed=True), reader.text("cancellationReason")
    at = reader.instant("requestedCancellationDate")
    if at is not None and at > clock.now_us() + MINUTE:
        reader.wrong("requestedCancellationDate", "is later than now", "none: it is canceled now")
    ident = ""
    if which is not None:
        which.only(ORDER_REF)
        ident = which.text("id", needed=True)
    if mistakes:
        raise Invalid(mistakes)
    return made(cancellation(await app.orders.cancel(by, ident, None, why)), cancel_href(ident))


@router.get("", **says(CANCEL, many=True, parameters=(FIELDS, OFFSET, LIMIT)), operation_id="listCancelServiceOrder")
async def listed(request: Request, app: UseCases, by: By) -> Response:
    """The cancellations that the client sees, of the newest order first."""
    asked = listing(request.query_params.multi_items(), ())
    total, found = await app.orders.listing(by, OrderFilter(canceling=True), asked.offset, asked.limit)
    return page(request, asked, total, [cancellation(one) for one in found])


@router.get("/{id}", **says(CANCEL, parameters=(FIELDS,)), operation_id="retrieveCancelServiceOrder")
async def retrieve(ident: Ident, request: Request, app: UseCases, by: By) -> Response:
    """The cancellation of an order, whatever came of it."""
    found = await app.orders.get(by, ident)
    if found.order.cancel_us is None:
        raise NotFound("cancellation of order", ident)
    return Document(selected(cancellation(found), fields_of(request.query_params.get("fields"))))


def cancellation(found: OrderProgress | OrderDetails) -> dict[str, Any]:
    """The document of a cancellation."""
    order = found.order
    asked_us = order.cancel_us or 0
    document: dict[str, Any] = {
        "id": order.id, "href": cancel_href(order.id), "@type": CANCEL.name,
        "state": "inProgress" if found.canceling else CANCELLATIONS[order.state],
        "cancellationReason": order.cancel_why, "requestedCancellationDate": written(asked_us),
        "serviceOrder": order_ref(order.id),
    }  # fmt: skip
    if order.state is OrderState.CANCELED:
        document["effectiveCancellationDate"] = written(order.changed_us)
    elif order.state is OrderState.FAILED_DEPLOY:
        document["errorMessage"] = error_message(order.state, order.why, order.changed_us)
    elif not found.canceling:
        document["completionMessage"] = f"the order was not canceled: it is {order.state}"
    return {name: value for name, value in document.items() if value != ""}
