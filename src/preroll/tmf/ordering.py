# SPDX-License-Identifier: Apache-2.0
"""TMF641 Service Ordering v4: ``serviceOrder``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response

from preroll.app import App
from preroll.app.asking import Ask, Replayed
from preroll.app.order_views import OrderDetails, OrderProgress
from preroll.app.orders import Time, still_stands
from preroll.domain.errors import Invalid, Mistake, NotFound
from preroll.domain.order import OrderState
from preroll.domain.permission import Actor
from preroll.domain.window import SECOND
from preroll.gate.door import By, UseCases
from preroll.gate.repeats import digest_of, key_of
from preroll.ports.orders import OrderFilter
from preroll.ports.store import StoredAnswer
from preroll.tmf.contract import FIELDS, LIMIT, OFFSET, REPEAT, filtered, says
from preroll.tmf.door import Document, Ident, TheClock, made, page
from preroll.tmf.lists import Listing, fields_of, listing, selected
from preroll.tmf.orders import Ordered, new_order, order_document, patch, state_of
from preroll.tmf.reading import parsed
from preroll.tmf.resources import SERVICE_ORDER, SERVICE_ORDER_UPDATE
from preroll.tmf.services import ORDERING, order_href
from preroll.tmf.states import ORDER_STATES, WORDS, natives

ORDERS = f"{ORDERING}/serviceOrder"
router = APIRouter(prefix=ORDERS)

FILTERS = ("id", "state", "externalId", "category", "serviceOrderItem.service.id")
LOOKED_UP = WORDS - frozenset(ORDER_STATES.values()) | {ORDER_STATES[OrderState.IN_PROGRESS]}
"""States that only the progress tells; a list of ``failed`` orders has those that are ``partial`` as well."""
SCANNED = 500
"""Orders, of those that may be in one of those states, that are looked through at a time."""


@router.get(
    "", **says(SERVICE_ORDER, many=True, parameters=(FIELDS, OFFSET, LIMIT, *map(filtered, FILTERS))),
    operation_id="listServiceOrder",
)  # fmt: skip
async def list_orders(request: Request, app: UseCases, by: By) -> Response:
    """Orders that the client sees, newest first."""
    asked = listing(request.query_params.multi_items(), FILTERS)
    platforms = {p.key: p.name for p in await app.platforms.list(by)}
    total, found = await _found(app, by, asked, platforms)
    return page(request, asked, total, [order_document(one, platforms[one.order.platform]) for one in found])


@router.post(
    "", **says(SERVICE_ORDER, 201, sent=SERVICE_ORDER, parameters=(REPEAT,)), operation_id="createServiceOrder"
)
async def create_order(
    request: Request, app: UseCases, by: By, clock: TheClock,
    idempotency_key: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:  # fmt: skip
    """Order, to be deployed at its ``requestedStartDate``, or now; an order that cannot be held is not kept.

    A repeat under the same ``Idempotency-Key``, or else with the same ``externalId`` and body, orders nothing.
    """
    body = await request.body()
    said = parsed(body)
    ordered = new_order(said, await _platform(app, by, said))
    ask, at = _ask(key_of(idempotency_key), body, ordered), Time(_future(ordered.start_us, clock.now_us()))
    try:
        done = await app.orders.create(by, ordered.new, ask, at)
    except Invalid as error:
        raise Invalid([ordered.in_its_words(one) for one in error.mistakes], hint=error.hint) from None
    except Replayed as before:
        told = json.loads(before.answer.body)
        return made(told, order_href(told["id"]), replayed=True)
    return made(order_document(done, done.platform), order_href(done.order.id))


@router.get("/{id}", **says(SERVICE_ORDER, parameters=(FIELDS,)), operation_id="retrieveServiceOrder")
async def get_order(ident: Ident, request: Request, app: UseCases, by: By) -> Response:
    """One order."""
    found = await app.orders.get(by, ident)
    fields = fields_of(request.query_params.get("fields"))
    return Document(selected(order_document(found, found.platform), fields))


@router.patch("/{id}", **says(SERVICE_ORDER, sent=SERVICE_ORDER_UPDATE), operation_id="patchServiceOrder")
async def patch_order(ident: Ident, request: Request, app: UseCases, by: By, clock: TheClock) -> Response:
    """Give it another time or other words, or cancel it (a JSON merge patch)."""
    change = patch(parsed(await request.body()))
    at = None if change.start_us is None else Time(_future(change.start_us, clock.now_us()))
    edit = change.edit if change.edits else None
    found = await app.orders.patch(by, ident, edit, at, cancel=change.cancels)
    return Document(order_document(found, found.platform))


@router.delete("/{id}", **says(None, 204), operation_id="deleteServiceOrder")
async def delete_order(ident: Ident, app: UseCases, by: By) -> Response:
    """Hide an order that does not wait and does not run."""
    await app.orders.delete(by, ident, None)
    return Response(status_code=204)


def _ask(key: str, body: bytes, ordered: Ordered) -> Ask[OrderDetails] | None:
    """By what a repeat is known; None: by nothing.

    Under a key of its own a client gets the first answer, whatever became of that order. An ``externalId`` is no key,
    as one that failed is ordered once more under the same: with the same body it is the order that has not ended in
    vain.
    """

    def render(done: OrderDetails) -> StoredAnswer:
        return StoredAnswer(digest, 201, json.dumps(order_document(done, done.platform)))

    digest = digest_of(body)
    if key:
        return Ask(f"POST {ORDERS}", key, digest, render)
    if not ordered.new.external:
        return None
    return Ask(f"POST {ORDERS}", f"externalId {digest}", digest, render, still_stands)


async def _found(
    app: App, by: Actor, asked: Listing, platforms: Mapping[int, str]
) -> tuple[int, Sequence[OrderProgress | OrderDetails]]:
    """How many orders there are, and those of the page."""
    where = _where(asked, platforms)
    if where is None:
        return 0, ()
    if ident := asked.where.get("id"):
        return _one(await _maybe(app, by, ident), where, asked)
    if LOOKED_UP.isdisjoint(asked.states):
        return await app.orders.listing(by, where, asked.offset, asked.limit)
    same: list[OrderProgress] = []
    total = 1
    offset = 0
    while offset < total:
        total, page = await app.orders.listing(by, where, offset, SCANNED)
        same += [one for one in page if state_of(one) in asked.states]
        offset += SCANNED
    return len(same), same[asked.offset : asked.offset + asked.limit]


def _where(asked: Listing, platforms: Mapping[int, str]) -> OrderFilter | None:
    """The native filter; None: no order is so.

    Raises:
        Invalid: there is no such state.
    """
    if unknown := [state for state in asked.states if state not in WORDS]:
        raise Invalid([Mistake("state", f"is {unknown[0][:50]!r}", ", ".join(sorted(WORDS)))])
    named = {name: key for key, name in platforms.items()}
    category = asked.where.get("category")
    if category is not None and category not in named:
        return None
    return OrderFilter(
        platform=named[category] if category else None,
        states=frozenset().union(*(natives(state) for state in asked.states)),
        service=asked.where.get("serviceOrderItem.service.id", ""), external=asked.where.get("externalId", ""),
    )  # fmt: skip


def _one(found: OrderDetails | None, where: OrderFilter, asked: Listing) -> tuple[int, Sequence[OrderDetails]]:
    """The order with the id that was asked for, if all else is so as well."""
    if found is None:
        return 0, ()
    order = found.order
    fits = (
        where.platform in (None, order.platform)
        and (not asked.states or state_of(found) in asked.states)
        and where.external in ("", order.external)
        and (not where.service or any(item.service == where.service for item in order.items))
    )
    return int(fits), (found,) if fits and asked.limit and not asked.offset else ()


async def _maybe(app: App, by: Actor, ident: str) -> OrderDetails | None:
    try:
        return await app.orders.get(by, ident)
    except NotFound:
        return None


async def _platform(app: App, by: Actor, said: Mapping[str, Any]) -> str:
    """The platform that an order is for: its ``category``; without one, the only one that there is.

    Raises:
        Invalid: there are several.
    """
    category = said.get("category")
    if isinstance(category, str) and category:
        return category
    if category is not None and not isinstance(category, str):
        raise Invalid([Mistake("category", f"is {str(category)[:50]!r}", "a text: the name of a platform")])
    names = [platform.name for platform in await app.platforms.list(by)]
    if len(names) != 1:
        raise Invalid([Mistake("category", "does not say for which platform it is", ", ".join(names))])
    return names[0]


def _future(at_us: int | None, now_us: int) -> int | None:
    """A time that has passed is now."""
    return None if at_us is None or at_us <= now_us + SECOND else at_us
