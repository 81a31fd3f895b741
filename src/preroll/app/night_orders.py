# SPDX-License-Identifier: Apache-2.0
"""Which orders, and which services that they left behind, need somebody: a few bounded questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from preroll.app.order_views import approved
from preroll.domain.config import Platform
from preroll.domain.order import OrderState
from preroll.domain.order_concern import MISSED, ORDER_CONCERNS, OrderConcern, matter, order_concern, remedy
from preroll.domain.ordered import Order
from preroll.domain.permission import Actor
from preroll.domain.service_instance import Provisioned
from preroll.domain.window import DAY
from preroll.ports.orders import NEWEST, OrderFilter, ServiceFilter, SortBy, Sorting
from preroll.ports.store import Tx

RECENT = DAY
"""How long one that has missed its window is shown."""
S = OrderState


@dataclass(frozen=True, slots=True)
class OrderTrouble:
    """An order, or a service, that needs somebody."""

    id: str
    name: str
    state: str
    concern: OrderConcern
    what: str
    to_do: str
    at_us: int
    """The instant that it is about."""
    service: bool = False
    """It is a service; else an order."""

    @property
    def actions(self) -> tuple[str, ...]:
        """What puts it right, the first choice first."""
        return ORDER_CONCERNS[self.concern].actions


def order_troubles(tx: Tx, by: Actor, home: Platform, limit: int) -> list[OrderTrouble]:
    """Those of a platform that the actor sees, the most urgent first.

    Args:
        limit: how many of one kind are looked at.
    """
    found = {trouble.id: trouble for trouble in _found(tx, by, home, limit)}
    return sorted(found.values(), key=lambda trouble: (_PLACE[trouble.concern], trouble.at_us))


def _found(tx: Tx, by: Actor, home: Platform, limit: int) -> Iterator[OrderTrouble]:
    failed = ServiceFilter(home.key, frozenset({Provisioned.FAIL_DEPLOY}), sight=by.sight)
    for service in tx.services.page(failed, None, limit).items:
        concern, row = OrderConcern.SERVICE_FAILED, ORDER_CONCERNS[OrderConcern.SERVICE_FAILED]
        what = "its last change did not come about"
        yield OrderTrouble(
            service.id, service.name, service.state, concern, what, row.to_do, service.changed_us, service=True
        )
    for order in _orders(tx, by, home, limit):
        waits = home.config.approve_orders and not approved(order)
        if (concern_ := order_concern(order, unapproved=waits)) is not None:
            at = order.changed_us if order.due_us is None or order.state is not S.SCHEDULED else order.due_us
            what, to_do = matter(order, concern_), remedy(order, concern_)
            yield OrderTrouble(order.id, order.name, order.state, concern_, what, to_do, at)


def _orders(tx: Tx, by: Actor, home: Platform, limit: int) -> Iterator[Order]:
    def some(states: set[OrderState], sorting: Sorting = NEWEST, *, held: bool = False) -> tuple[Order, ...]:
        where = OrderFilter(home.key, frozenset(states), held=held, sight=by.sight)
        return tx.orders.sorted(where, sorting, None, limit).items

    yield from some({S.FAILED_DEPLOY, S.INVALID})
    yield from some({S.SCHEDULED}, held=True)
    if home.config.approve_orders:
        yield from some({S.SCHEDULED}, Sorting(SortBy.DUE, down=False))
    for order in some({S.CANCELED}, Sorting(SortBy.CHANGED)):
        if order.why == MISSED and order.changed_us > tx.now - RECENT:
            yield order


_PLACE = {concern: place for place, concern in enumerate(ORDER_CONCERNS)}
