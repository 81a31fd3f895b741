# SPDX-License-Identifier: Apache-2.0
"""How an order is stored anew and gets its time: parts of commands, and the facts that are told of orders."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from preroll.app import order_holding, ordering, service_dependencies
from preroll.app.order_views import OrderDetails, order_details
from preroll.domain.changes import Change
from preroll.domain.errors import ActionNotPossible, Invalid, Mistake, NotFound
from preroll.domain.order import ORDER, OrderKind, OrderState, OrderTrigger
from preroll.domain.ordered import Order
from preroll.domain.permission import Actor, permit
from preroll.domain.window import SECOND
from preroll.ports.store import StoredAnswer, Tx

IN_VAIN = frozenset({OrderState.INVALID, OrderState.FAILED_DEPLOY, OrderState.CANCELED})
"""Nothing came of an order: who orders the same once more means it."""


@dataclass(frozen=True, slots=True)
class Time:
    """When an order is to be deployed."""

    at_us: int | None = None
    """In whole seconds; None: now."""
    latest_start_us: int | None = None
    """Not begun so long after its time, it is Canceled; None: as the order says."""
    force: bool = False
    """Have it in spite of conflicts: who must yield is quarantined, an order that must is put on hold."""


NOW = Time()


def still_stands(tx: Tx, answer: StoredAnswer) -> bool:
    """Is the order that an answer tells of still there, and did it not end in vain?"""
    try:
        return tx.orders.get(json.loads(answer.body)["id"]).state not in IN_VAIN
    except NotFound:
        return False


def added(tx: Tx, by: Actor, order: Order, time: Time | None = None) -> OrderDetails:
    """Store a new order; with a time it is Scheduled at once."""
    order = tx.orders.add(ordering.as_ordered(tx, by, order))
    tell(tx, by, "order.created", order, None, "create")
    if time is not None:
        permit(by, "order.schedule", order.platform)
        requested = order.state
        order = tx.orders.put(scheduled(tx, by, order, OrderTrigger.SCHEDULE, time))
        tell(tx, by, "order.state", order, requested, "create")
    return order_details(tx, order)


def scheduled(tx: Tx, by: Actor, before: Order, trigger: OrderTrigger, time: Time) -> Order:
    """The order with its time, to be stored: from which on it holds its resources."""
    if why := ordering.stale(tx, before):
        raise ActionNotPossible(why, hint="edit it, or clone it, and look at it again")
    for item in before.items:
        if item.kind is OrderKind.DECOMMISSION:
            service_dependencies.require_unneeded(tx, by, item.service, before.items)
    latest = before.latest_start_us if time.latest_start_us is None else time.latest_start_us
    order = replace(
        before, state=ORDER.fire(before.state, trigger), due_us=_due(tx, time, latest), hold=None, why="",
        latest_start_us=latest, attempt=before.attempt + (trigger is not OrderTrigger.RESCHEDULE),
    )  # fmt: skip
    order_holding.schedule(tx, by, order, force=time.force)
    return order


def tell(tx: Tx, by: Actor, kind: str, after: Order, before: OrderState | None, cause: str) -> None:
    """Write a fact about an order down."""
    was = before.value if before else ""
    tx.changes.add(
        Change(kind, after.id, after.platform, by.name, was, after.state.value, after.why, cause, after.revision)
    )


def _due(tx: Tx, time: Time, latest_us: int) -> int:
    """When it is deployed.

    Raises:
        Invalid: that has passed, or is too fine.
    """
    mistakes = []
    if latest_us < SECOND:
        mistakes.append(Mistake("latest_start", "is shorter than a second", "a length of time"))
    if time.at_us is not None and time.at_us % SECOND:
        mistakes.append(Mistake("at", "has a part of a second", "a whole second"))
    if time.at_us is not None and time.at_us + SECOND <= tx.now:
        mistakes.append(Mistake("at", "has passed", "an instant in the future, or none for now"))
    if mistakes:
        raise Invalid(mistakes)
    return tx.now // SECOND * SECOND if time.at_us is None else time.at_us
