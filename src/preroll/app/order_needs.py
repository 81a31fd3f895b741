# SPDX-License-Identifier: Apache-2.0
"""What orders and overlays need on top of what their services hold already: the difference alone.

What a service has agreed on with others gives way to what is to be agreed on in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from preroll.domain.booking import Booking, Carries, NodeChoice, State
from preroll.domain.capacity import Wish, beyond, most
from preroll.domain.definition import ServiceDefinition
from preroll.domain.inheritance import Profiles, laid_over
from preroll.domain.order import OrderItem, OrderKind
from preroll.domain.order_content import LEAVING, content_of
from preroll.domain.resource import Resource
from preroll.domain.usage import Need, Step, of_all
from preroll.domain.window import FOREVER
from preroll.ports.store import Tx

Wishes = dict[str, list[Wish]]
Resources = Mapping[str, Resource]
Nodes = Mapping[str, NodeChoice]


def in_place_of(tx: Tx, booking: Booking) -> frozenset[str]:
    """Ids of what holds something in whose place a booking holds what it holds.

    The services of an order's items, or an overlay's, and whatever else is held on top of these: of all that, only one
    is true at an instant.
    """
    services = services_of(tx, booking)
    return services.union(*(_ids(tx.bookings.on_top(service)) for service in services))


def services_of(tx: Tx, booking: Booking) -> frozenset[str]:
    """Ids of the services on top of which a booking holds something."""
    if booking.overlays:
        return frozenset({booking.overlays})
    if booking.carries is not Carries.ORDER:
        return frozenset()
    items = tx.orders.get(booking.id, hidden=True).items
    return frozenset(item.service for item in items if item.kind is not OrderKind.PROVISION)


def needs_on_top(tx: Tx, booking: Booking, shelf: Profiles, resources: Resources) -> list[Need]:
    """What an order or an overlay needs of each resource that it is about.

    Of one that its service holds whole nothing is left to ask for; it is there all the same, as the run must have its
    device to itself.

    Args:
        resources: by id, those that it is about.
    """
    found = _OnTop(tx, booking, shelf, resources)
    steps = found.of_overlay() if booking.overlays else found.of_order()
    return [Need(resources[ident], *_enough(steps[ident])) for ident in resources if ident in steps]


def _enough(steps: Sequence[Step]) -> tuple[tuple[Wish, ...], tuple[Step, ...]]:
    """What is enough at every instant, and the steps if there is more than one."""
    changes = [step for step, before in zip(steps, (None, *steps), strict=False) if not before or before[1] != step[1]]
    if len(changes) == 1:
        return changes[0].wishes, ()
    whole = most(step.wishes for step in changes)
    return (replace(whole, instead_of=changes[0].wishes[0].instead_of),), tuple(changes)


class _OnTop:
    """What one order or overlay needs on top of its services, and of the orders for them that are due before it."""

    def __init__(self, tx: Tx, booking: Booking, shelf: Profiles, resources: Resources) -> None:
        self._tx, self._booking, self._shelf, self._resources = tx, booking, shelf, resources
        self._instead: set[str] = set()
        self._short: list[Booking] = []
        """What carries orders that are on hold for want of capacity: of them, what they hold still is there."""

    def of_order(self) -> Mapping[str, list[Step]]:
        """Id of each resource -> what the order needs of it, from its time on."""
        asked, had, mine = Wishes(), Wishes(), self._booking
        for item in self._tx.orders.get(mine.id, hidden=True).items:
            nodes = _of_item(mine, item)
            if not nodes:
                continue
            made = _definition(self._tx, mine.platform, item)
            self._wish(asked, made, nodes, f"{item.name}/")
            if item.kind is not OrderKind.PROVISION:
                before = [nodes for at, nodes in self._levels(item.service) if at < _turn(mine)]
                self._merge(had, [self._wishes(made, nodes) for nodes in before])
        self._left(had, mine.timing.start)
        return {ident: [self._step(mine.timing.start, asked, had, ident)] for ident in asked}

    def of_overlay(self) -> Mapping[str, list[Step]]:
        """The same of the overlay, from its start on and from the time of each order within its window."""
        mine, held = self._booking, self._booking.timing.held
        made = self._tx.catalogue.definition_by_key(self._tx.services.get(mine.overlays).definition)
        levels = [(at[0], self._about(nodes)) for at, nodes in self._levels(mine.overlays)]
        found: dict[str, list[Step]] = {}
        for since in sorted({held.start} | {at for at, _ in levels if held.contains(at)}):
            there = [nodes for at, nodes in levels if at <= since]
            asked, had = Wishes(), Wishes()
            self._merge(had, [self._wishes(made, nodes) for nodes in there])
            self._left(had, since)
            self._merge(asked, [self._wishes(made, self._raised(nodes)) for nodes in there])
            for ident in asked:
                found.setdefault(ident, []).append(self._step(since, asked, had, ident))
        return found

    def _levels(self, service: str) -> list[tuple[tuple[int, int], Nodes]]:
        """What the service is made of, and what each scheduled order for it will make of it, with its turn."""
        found: list[tuple[tuple[int, int], Nodes]] = [
            ((-FOREVER, 0), self._tx.bookings.get(service, hidden=True).nodes)
        ]
        others = [one for one in self._tx.bookings.on_top(service) if one.id != self._booking.id]
        self._instead |= {service, *_ids(others)}
        self._short += [one for one in others if one.carries is Carries.ORDER and one.state is State.QUARANTINED]
        for one in others:
            if one.carries is Carries.ORDER and one.state is State.CONFIRMED:
                items = self._tx.orders.get(one.id, hidden=True).items
                found += [(_turn(one), _of_item(one, item)) for item in items if item.service == service]
        return [(at, nodes) for at, nodes in found if nodes]

    def _about(self, nodes: Nodes) -> Nodes:
        """Those nodes whose resource the overlay is about."""
        return {label: choice for label, choice in nodes.items() if choice.resource in self._booking.resources}

    def _raised(self, nodes: Nodes) -> Nodes:
        over = self._booking.nodes
        return {label: laid_over(own, over[label]) if label in over else own for label, own in nodes.items()}

    def _wishes(self, made: ServiceDefinition, nodes: Nodes) -> Wishes:
        found = Wishes()
        self._wish(found, made, nodes)
        return found

    def _wish(self, into: Wishes, made: ServiceDefinition, nodes: Nodes, prefix: str = "") -> None:
        for label, choice in nodes.items():
            if choice.resource:
                wish = self._shelf.filled(made.node(label.removesuffix(LEAVING)), choice).wish(f"{prefix}{label}")
                resource = self._resources.get(choice.resource)
                wish = of_all(resource, wish) if choice.whole and resource else wish
                into.setdefault(choice.resource, []).append(wish)

    def _merge(self, into: Wishes, either: Sequence[Wishes]) -> None:
        """Add what is enough for any one of these."""
        for ident in {ident: None for wishes in either for ident in wishes}:
            those = [wishes[ident] for wishes in either if ident in wishes]
            into.setdefault(ident, []).extend(those[0] if len(those) == 1 else [most(those)])

    def _left(self, into: Wishes, since: int) -> None:
        """Add what is held still for orders that lost a part of what they need."""
        short = {one.id for one in self._short if one.timing.start <= since}
        if not short:
            return
        by_key = {resource.key: ident for ident, resource in self._resources.items()}
        usages = self._tx.reservations.usages(list(self._resources.values()), self._booking.timing.held)
        for key, found in usages.items():
            for usage in found:
                if usage.booking in short and usage.start <= since:
                    amounts = {usage.dimension: usage.amount} if usage.dimension else {}
                    places = 0 if usage.dimension else usage.amount
                    into.setdefault(by_key[key], []).append(Wish(amounts=amounts, places=places))

    def _step(self, since: int, asked: Wishes, had: Wishes, ident: str) -> Step:
        instead = frozenset(self._instead)
        wishes = beyond(asked[ident], had.get(ident, ()))
        return Step(since, tuple(replace(wish, instead_of=instead) for wish in wishes))


def _turn(carrier: Booking) -> tuple[int, int]:
    return carrier.timing.start, carrier.key


def _ids(bookings: Sequence[Booking]) -> set[str]:
    return {one.id for one in bookings}


def _of_item(carrier: Booking, item: OrderItem) -> Nodes:
    """What an order makes of the service of an item, as far as it is about its resources."""
    prefix = f"{item.name}/"
    return {label.removeprefix(prefix): c for label, c in carrier.nodes.items() if label.startswith(prefix)}


def _definition(tx: Tx, platform: int, item: OrderItem) -> ServiceDefinition:
    if item.kind is OrderKind.PROVISION:
        said, _ = content_of(item)
        return tx.catalogue.definition(platform, said.definition, said.version)
    return tx.catalogue.definition_by_key(tx.services.get(item.service).definition)
