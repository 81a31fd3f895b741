# SPDX-License-Identifier: Apache-2.0
"""Service orders: order, check, schedule, approve, cancel, and every other action on one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Body, Header, Query, Response

from preroll.api.door import Asked, Asking, Ident
from preroll.api.history import ChangeShown, LineShown, change_shown, line_shown
from preroll.api.idempotency import carried_out, read_response
from preroll.api.orders_shown import (
    AnswerGiven,
    CloneGiven,
    OrderEditGiven,
    OrderGiven,
    OrderPageShown,
    OrderShown,
    OrdersQueried,
    TakeOverGiven,
    TimeGiven,
    order_shown,
    order_summary,
)
from preroll.api.problems import can
from preroll.api.runs_shown import RunShown, run_shown
from preroll.api.schemas import Bare, Nothing, Why
from preroll.app.asking import Ask
from preroll.app.orders import OrderDetails
from preroll.gate import paging
from preroll.gate.door import By, UseCases
from preroll.ports.orders import OrderFilter

ORDERS = "/api/v1/orders"
router = APIRouter(prefix=ORDERS, tags=["orders"])

NOTHING, NOW, SAME, NO_WHY = Nothing(), TimeGiven(), CloneGiven(), Why()
Reason = Annotated[Why, Body(description="a reason, kept in the change log")]
_COMMAND = can(400, 403, 404, 409, 412, 413, 422, 503)
_READ = can(403, 404, 422, 503)
Do = Callable[[Ask[OrderDetails] | None], Awaitable[OrderDetails]]


async def _answered(asked: Asked, do: Do, status: int = 200) -> Response:
    return await carried_out(asked, do, order_shown, ORDERS, status, moving=True)


@router.post("", status_code=201, response_model=OrderShown, responses=can(400, 403, 404, 409, 413, 422, 503))
async def create_order(body: OrderGiven, app: UseCases, asked: Asking) -> Response:
    """Order: nothing is held, and no device is touched until it is deployed; with `deploy` it has its time at once."""
    time = body.deploy.time() if body.deploy else None
    return await _answered(asked, lambda ask: app.orders.create(asked.by, body.order(), ask, time), 201)


@router.get("", responses=_READ)
async def list_orders(asks: Annotated[OrdersQueried, Query()], app: UseCases, by: By) -> OrderPageShown:
    """Orders, newest first."""
    platform = (await app.platforms.get(by, asks.platform)).key if asks.platform is not None else None
    where = OrderFilter(platform, frozenset(asks.state), asks.service, asks.external)
    after = paging.decode(asks.cursor, where)
    page = await app.orders.page(by, where, after[0] if after else None, asks.limit)
    homes = {p.key: p.name for p in await app.platforms.list(by)}
    return OrderPageShown(
        items=[order_summary(o, homes[o.platform]) for o in page.items],
        next=paging.encode((page.next, ""), where) if page.next is not None else None,
    )


@router.get("/{ident}", response_model=OrderShown, responses=_READ | {304: {"description": "you have it"}})
async def get_order(
    ident: Ident, app: UseCases, by: By, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """One order: its items, how far it is, its plan, what is left on devices, and what can be done with it now."""
    shown = order_shown(await app.orders.get(by, ident))
    return read_response(shown, ORDERS, if_none_match)


@router.patch("/{ident}", response_model=OrderShown, responses=_COMMAND | can(428))
async def edit_order(ident: Ident, body: OrderEditGiven, app: UseCases, asked: Asking) -> Response:
    """Change what is given; it begins from its services as they are now, its plan and approvals are dropped."""
    return await _answered(asked, lambda ask: app.orders.edit(asked.by, ident, asked.seen, body.edit(), ask))


@router.delete("/{ident}", status_code=204, responses=_COMMAND | can(428))
async def delete_order(ident: Ident, app: UseCases, asked: Asking) -> Response:
    """Hide it; its changes can still be read."""
    await app.orders.delete(asked.by, ident, asked.seen)
    return Response(status_code=204)


@router.post("/{ident}/check", status_code=202, response_model=OrderShown, responses=_COMMAND)
async def check_order(ident: Ident, app: UseCases, asked: Asking, _: Bare = NOTHING) -> Response:
    """Have its plan made, device by device, without writing to any; `checking` tells that it is under way."""
    return await _answered(asked, lambda ask: app.orders.check(asked.by, ident, asked.seen, ask), 202)


@router.post("/{ident}/schedule", response_model=OrderShown, responses=_COMMAND)
async def schedule_order(ident: Ident, app: UseCases, asked: Asking, body: TimeGiven = NOW) -> Response:
    """Deploy it at a time, or now; from then on it holds its resources."""
    return await _answered(asked, lambda ask: app.orders.schedule(asked.by, ident, asked.seen, body.time(), ask))


@router.post("/{ident}/reschedule", response_model=OrderShown, responses=_COMMAND)
async def reschedule_order(ident: Ident, app: UseCases, asked: Asking, body: TimeGiven = NOW) -> Response:
    """Deploy it at another time; what it holds moves with it."""
    return await _answered(asked, lambda ask: app.orders.reschedule(asked.by, ident, asked.seen, body.time(), ask))


@router.post("/{ident}/unschedule", response_model=OrderShown, responses=_COMMAND)
async def unschedule_order(ident: Ident, app: UseCases, asked: Asking, _: Bare = NOTHING) -> Response:
    """Take its time away: it is Requested again, and holds nothing."""
    return await _answered(asked, lambda ask: app.orders.unschedule(asked.by, ident, asked.seen, ask))


@router.post("/{ident}/retry", response_model=OrderShown, responses=_COMMAND)
async def retry_order(ident: Ident, app: UseCases, asked: Asking, body: TimeGiven = NOW) -> Response:
    """Deploy one that failed once more, now or at a time."""
    return await _answered(asked, lambda ask: app.orders.retry(asked.by, ident, asked.seen, body.time(), ask))


@router.post("/{ident}/approve", response_model=OrderShown, responses=_COMMAND)
async def approve_order(ident: Ident, app: UseCases, asked: Asking, _: Bare = NOTHING) -> Response:
    """Let it be deployed with the plan that it has now, where the platform asks for a second person."""
    return await _answered(asked, lambda ask: app.orders.approve(asked.by, ident, asked.seen, ask))


@router.post("/{ident}/cancel", response_model=OrderShown, responses=_COMMAND)
async def cancel_order(ident: Ident, app: UseCases, asked: Asking, body: Reason = NO_WHY) -> Response:
    """Never deploy it. One In Progress is stopped and undone; `canceling` tells until it is Canceled."""
    return await _answered(asked, lambda ask: app.orders.cancel(asked.by, ident, asked.seen, body.why, ask))


@router.post("/{ident}/answer", response_model=OrderShown, responses=_COMMAND)
async def answer_order(ident: Ident, body: AnswerGiven, app: UseCases, asked: Asking) -> Response:
    """Say what each device has that it asks about (`questions`), and it goes on; or give up, and it has failed."""
    return await _answered(
        asked, lambda ask: app.order_questions.answer(asked.by, ident, asked.seen, body.answer(), ask)
    )


@router.post("/{ident}/take-over", response_model=OrderShown, responses=_COMMAND)
async def take_over_order(ident: Ident, body: TakeOverGiven, app: UseCases, asked: Asking) -> Response:
    """Have what it provisions exist as the devices have it already, by its plan; no device is written to."""
    return await _answered(
        asked, lambda ask: app.taking_over.take_over(asked.by, ident, asked.seen, body.plan, body.reason, ask)
    )


@router.post("/{ident}/clone", status_code=201, response_model=OrderShown, responses=_COMMAND)
async def clone_order(ident: Ident, app: UseCases, asked: Asking, body: CloneGiven = SAME) -> Response:
    """Order the same once more; answers with the new order."""
    return await _answered(asked, lambda ask: app.orders.clone(asked.by, ident, body.name, ask), 201)


@router.get("/{ident}/runs", responses=_READ)
async def list_order_runs(ident: Ident, app: UseCases, by: By) -> list[RunShown]:
    """Its checks and deployments, oldest first, each with its steps."""
    return [run_shown(found) for found in await app.orders.runs(by, ident)]


@router.get("/{ident}/log", responses=_READ)
async def get_order_log(ident: Ident, app: UseCases, by: By) -> list[LineShown]:
    """What its checks and deployments said, oldest first."""
    return [line_shown(line) for line in await app.orders.log(by, ident)]


@router.get("/{ident}/changes", responses=_READ)
async def list_order_changes(ident: Ident, app: UseCases, by: By) -> list[ChangeShown]:
    """Everything that happened to it, oldest first: who, when, what, from, to, why."""
    return [change_shown(change) for change in await app.orders.history(by, ident)]
