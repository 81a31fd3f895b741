# SPDX-License-Identifier: Apache-2.0
"""What services need of each other: named by an order, waited for at its time, and kept while somebody needs it.

Functions of a transaction, shared by the use cases of orders and by their deployment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from preroll.app import sight
from preroll.domain.dependencies import SAYING_KINDS, WAITING_KINDS, circle, with_turns
from preroll.domain.deployment import armed
from preroll.domain.errors import ActionNotPossible, Mistake
from preroll.domain.order import HoldReason, OrderItem, OrderKind, OrderState
from preroll.domain.ordered import Order, Service
from preroll.domain.permission import Actor
from preroll.domain.service_instance import EXISTS, Provisioned
from preroll.ports.orders import OrderFilter
from preroll.ports.store import Tx

COMING = frozenset({OrderState.REQUESTED, OrderState.SCHEDULED, OrderState.IN_PROGRESS, OrderState.FAILED_DEPLOY})
"""Which orders may still make their services?"""
MOST_FREED = 1000
"""Orders on hold that one change looks at; any more are looked at again by themselves, after ``RETRY_US``."""


def settled(
    tx: Tx, by: Actor, order: Order, items: Sequence[OrderItem]
) -> tuple[tuple[OrderItem, ...], list[Mistake]]:  # fmt: skip
    """The items with the ids of what their services need, each after what it needs; and every mistake in that."""
    found, mistakes = [], []
    for index, item in enumerate(items):
        named, wrong = _identified(tx, by, order, items, item, f"items.{index}.needs")
        found.append(named)
        mistakes += wrong
    if mistakes:
        return tuple(found), mistakes
    graph = _Graph(tx, found)
    for index, item in enumerate(found):
        mistakes += _mistakes(tx, by, graph, found, item, f"items.{index}")
    return with_turns(found, {item.service: graph.of_item(item) for item in found}), mistakes


def needed_of(order: Order, known: Mapping[str, Service]) -> set[str]:
    """Ids of the services that must be Deployed before the order begins.

    Args:
        known: the services that it is about.
    """
    own = {item.service for item in order.items if item.kind in WAITING_KINDS}
    needed: set[str] = set()
    for item in order.items:
        stored = known[item.service].needs if item.kind in WAITING_KINDS and item.service in known else ()
        needed |= set(stored if item.needs is None else item.needs)
    return needed - own


def unmet(tx: Tx, order: Order) -> str:
    """What keeps the order from beginning: what it needs is not there, or somebody needs what it takes away."""
    needed = needed_of(order, tx.services.several(_existing(order)))
    there = tx.services.several(needed)
    waits = [why for ident in sorted(needed) if (why := _not_ready(tx, order, ident, there.get(ident)))]
    leaving = [item.service for item in order.items if item.kind is OrderKind.DECOMMISSION]
    for service in leaving:
        waits += [f"{one.name} needs it" for one in _dependents(tx, service, order.items)]
        where = OrderFilter(needs=service, states=frozenset({OrderState.IN_PROGRESS}))
        waits += [f"order {one.name} needs it" for one in tx.orders.page(where, None, 10).items if one.id != order.id]
    return "; ".join(waits)


def look_again(tx: Tx, platform: int, changed: Collection[str]) -> None:
    """Have the orders looked at now that waited for these services and need not do so any more.

    Args:
        changed: ids of services of the platform that are not as they were.
    """
    where = OrderFilter(platform, states=frozenset({OrderState.SCHEDULED}), held=True)
    for order in tx.orders.page(where, None, MOST_FREED).items:
        if order.hold is HoldReason.DEPENDENCY and _waits_for(tx, order, changed) and not unmet(tx, order):
            carrier = tx.bookings.get(order.id, hidden=True)
            tx.boundaries.upsert(armed(tx.boundaries.of(carrier.key), carrier.key, tx.now))


def lock(tx: Tx, order: Order) -> None:
    """Have the services of the order, and those that they need, stay as they are until the transaction ends."""
    idents = _existing(order)
    if stay := idents | needed_of(order, tx.services.several(idents)):
        tx.bookings.several(stay)


def _existing(order: Order) -> set[str]:
    """Ids of the services of an order that are there before it."""
    return {item.service for item in order.items if item.kind is not OrderKind.PROVISION}


def ring(tx: Tx, order: Order) -> str:
    """What would need itself, were the order Completed now; empty: nothing."""
    graph = _Graph(tx, order.items)
    rings = [circle(i.service, graph) for i in order.items if i.needs and i.kind in SAYING_KINDS | {OrderKind.REDEPLOY}]
    return "; ".join(f"would need itself: {_way(tx, order.items, found)}" for found in rings if found)


def require_unneeded(tx: Tx, by: Actor, service: str, items: Sequence[OrderItem] = ()) -> None:
    """Refuse to take a service away that others need.

    Args:
        items: of the same order: what goes with it, or does not need it any more, is not in the way.

    Raises:
        ActionNotPossible: says who needs it.
    """
    if found := _dependents(tx, service, items):
        raise ActionNotPossible(f"{_names(by, found)} needs it", hint="decommission what needs it first, or with it")


def _identified(
    tx: Tx, by: Actor, order: Order, items: Sequence[OrderItem], item: OrderItem, where: str
) -> tuple[OrderItem, list[Mistake]]:
    if item.needs is None:
        return item, []
    found, mistakes = set(), []
    for index, named in enumerate(item.needs):
        ident = _ident(tx, by, order, items, named)
        if ident is None:
            expected = "the id or name of a service, or an item of this order that makes one"
            mistakes.append(Mistake(f"{where}.{index}", f"{named!r} is no service", expected))
        elif ident == item.service:
            mistakes.append(Mistake(f"{where}.{index}", "is the service itself", "another service"))
        else:
            found.add(ident)
    return replace(item, needs=tuple(sorted(found))), mistakes


def _ident(tx: Tx, by: Actor, order: Order, items: Sequence[OrderItem], named: str) -> str | None:
    """The id of the service that is meant: an item's of this order, one that exists, or one that is ordered."""
    own = next((i.service for i in items if named in (i.name, i.service) and i.kind in WAITING_KINDS), None)
    if own is not None:
        return own
    service = sight.service(tx, by, order.platform, named)
    if service is not None:
        return service.id if service.state in EXISTS else None
    coming = tx.orders.page(OrderFilter(order.platform, states=COMING, service=named, sight=by.sight), None, 1).items
    return named if any(i.service == named and i.kind is OrderKind.PROVISION for o in coming for i in o.items) else None


class _Graph:
    """Which service will need which, once the order is Completed."""

    def __init__(self, tx: Tx, items: Sequence[OrderItem]) -> None:
        self._tx = tx
        self._stored: dict[str, tuple[str, ...]] = {}
        self._said: dict[str, tuple[str, ...]] = {
            i.service: i.needs for i in items if i.needs is not None and i.kind in WAITING_KINDS
        }
        self._said |= {i.service: () for i in items if i.kind is OrderKind.DECOMMISSION}

    def __call__(self, service: str) -> Collection[str]:
        return self._said[service] if service in self._said else self.stored(service)

    def stored(self, service: str) -> tuple[str, ...]:
        """What it needs now."""
        if service not in self._stored:
            found = self._tx.services.several([service]).get(service)
            self._stored[service] = found.needs if found is not None and found.state in EXISTS else ()
        return self._stored[service]

    def of_item(self, item: OrderItem) -> set[str]:
        """What its service needs, or needed: what comes first, or goes last."""
        return {*self.stored(item.service), *(item.needs or ())}


def _mistakes(
    tx: Tx, by: Actor, graph: _Graph, items: Sequence[OrderItem], item: OrderItem, where: str
) -> Iterator[Mistake]:
    if item.needs and item.kind in SAYING_KINDS | {OrderKind.REDEPLOY} and (found := circle(item.service, graph)):
        yield Mistake(f"{where}.needs", f"would need itself: {_way(tx, items, found)}", "no circle")
    if item.kind is not OrderKind.DECOMMISSION:
        return
    expected = "what needs it is decommissioned in the same order, or modified not to need it"
    if needers := _dependents(tx, item.service, items):
        yield Mistake(f"{where}.service", f"{_names(by, needers)} needs it", expected)
    for other in items:
        if item.service in (other.needs or ()):
            yield Mistake(f"{where}.service", f"item {other.name} needs it", expected)


def _dependents(tx: Tx, service: str, items: Sequence[OrderItem]) -> list[Service]:
    """Who needs a service, and still will when the order of these items is Completed."""
    known = {item.service: item for item in items}
    return [one for one in tx.services.needing(service) if not _lets_go(known.get(one.id), service)]


def _lets_go(item: OrderItem | None, service: str) -> bool:
    if item is None:
        return False
    said = item.needs is not None and item.kind in WAITING_KINDS and service not in item.needs
    return said or item.kind is OrderKind.DECOMMISSION


def _waits_for(tx: Tx, order: Order, changed: Collection[str]) -> bool:
    """Has it to do with one of these? What takes a service away waits for whoever needs it."""
    leaves = any(item.kind is OrderKind.DECOMMISSION for item in order.items)
    return leaves or not needed_of(order, tx.services.several({i.service for i in order.items})).isdisjoint(changed)


def _not_ready(tx: Tx, order: Order, ident: str, service: Service | None) -> str:
    if service is None:
        return f"needs {ident}, which does not exist"
    if service.state is not Provisioned.DEPLOYED:
        return f"needs {service.name}, which is {service.state}"
    where = OrderFilter(service=ident, states=frozenset({OrderState.IN_PROGRESS}))
    for other in tx.orders.every(where):
        if other.id != order.id and any(i.service == ident and i.kind is not OrderKind.VALIDATE for i in other.items):
            return f"needs {service.name}, on which order {other.name} works"
    return ""


def _names(by: Actor, services: Sequence[Service]) -> str:
    return ", ".join(s.name if by.sees(s.platform, s.scopes) else "a service that you do not see" for s in services)


def _way(tx: Tx, items: Sequence[OrderItem], idents: Sequence[str]) -> str:
    """These services by name, or those that are to be made by the name of their items."""
    own, there = {item.service: item.name for item in items}, tx.services.several(set(idents))
    return " -> ".join(there[ident].name if ident in there else own.get(ident, ident) for ident in idents)
