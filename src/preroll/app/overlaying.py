# SPDX-License-Identifier: Apache-2.0
"""How an overlay booking is made, follows its service, and keeps that from being taken away beneath it.

Functions of a transaction, shared by the use cases of bookings, orders and services.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from preroll.app import holding, overlays, quarantine, sight
from preroll.app.recording import store, tell
from preroll.domain.booking import Booking, NodeChoice
from preroll.domain.definition import ServiceDefinition
from preroll.domain.editable import fixed_mistakes
from preroll.domain.errors import ActionNotPossible, Clash, Conflict, Invalid, Mistake
from preroll.domain.inheritance import Profiles, laid_over
from preroll.domain.order import OrderKind, OrderState
from preroll.domain.ordered import Service
from preroll.domain.permission import ENGINE, Actor
from preroll.domain.service_instance import EXISTS, Provisioned
from preroll.domain.window import written
from preroll.ports.orders import OrderFilter
from preroll.ports.store import Tx


def service_named(tx: Tx, by: Actor, platform: int, named: str) -> Service:
    """The service that an overlay is about, by id or by name.

    Raises:
        Invalid: there is none, or it is out of sight.
    """
    found = sight.service(tx, by, platform, named)
    if found is None or found.state not in EXISTS:
        raise Invalid([Mistake("overlays", f"{named!r} is no service", "the id or name of one that exists")])
    return found


def settled(tx: Tx, booking: Booking) -> Booking:
    """An overlay with the resources of its service on its nodes, if nothing of it is mistaken or in the way.

    Raises:
        Invalid: every mistake. Conflict: another overlay, or the end of the service, lies in its window.
    """
    (carrier,) = tx.bookings.several([booking.overlays])
    service = tx.services.get(booking.overlays)
    definition = tx.catalogue.definition_by_key(service.definition)
    mistakes = list(_mistakes(booking, carrier, service))
    after = replace(booking, nodes=_nodes(booking, carrier), orchestrated=True)
    if not mistakes:
        mistakes = _node_mistakes(tx, after, carrier, definition)
    if mistakes:
        raise Invalid(mistakes)
    if in_the_way := [*_rivals(tx, after, service), *_endings(tx, after, service)]:
        raise Conflict(in_the_way)
    return after


def follow(tx: Tx, service: Service, cause: str) -> None:
    """Have what is on top of a service that has changed hold what is the difference now, on the resources it has."""
    found = tx.bookings.overlays(service.id)
    carrier = tx.bookings.get(service.id, hidden=True) if found else None
    for before in found:
        assert carrier is not None  # noqa: S101 - there are overlays
        kept = {label: c for label, c in before.nodes.items() if label in carrier.nodes}
        nodes = {label: replace(c, resource=carrier.nodes[label].resource) for label, c in kept.items()}
        if nodes != before.nodes:
            after = store(tx, before, replace(before, nodes=nodes))
            tell(tx, ENGINE, "booking.edited", after, why="nodes", cause=cause)
    quarantine.hold_on_top(tx, {service.id}, cause)


def require_none(tx: Tx, service: str) -> None:
    """Refuse to give up a service while an overlay of it is coming, or on the air.

    Raises:
        ActionNotPossible: says which.
    """
    if found := [one for one in tx.bookings.overlays(service) if one.began or one.timing.held.until > tx.now]:
        names = ", ".join(one.name for one in found)
        raise ActionNotPossible(f"its overlay {names} is not over", hint="cancel it, or finish it, first")


def beyond(tx: Tx, service: str, due_us: int) -> list[Booking]:
    """The overlays of a service that are not over by then, the first first."""
    return [one for one in tx.bookings.overlays(service) if one.timing.held.until > due_us]


def refuse(service: str, found: Sequence[Booking]) -> None:
    """Refuse to take a service away beneath these overlays.

    Raises:
        Conflict: there are any.
    """
    if found:
        raise Conflict([_clash(service, one) for one in found])


def not_deployed(tx: Tx, booking: Booking) -> list[Mistake]:
    """What keeps an overlay from being confirmed."""
    service = tx.services.get(booking.overlays)
    if service.state is Provisioned.DEPLOYED:
        return []
    return [Mistake("overlays", f"{service.name} is {service.state}", "a service that is Deployed")]


def _mistakes(booking: Booking, carrier: Booking, service: Service) -> Iterator[Mistake]:
    if service.state is not Provisioned.DEPLOYED and not booking.began:
        yield Mistake("overlays", f"{service.name} is {service.state}", "a service that is Deployed")
    if booking.timing.end is None:
        yield Mistake("end", "is missing", "an end; what changes a service for good is an order")
    if not booking.nodes:
        yield Mistake("nodes", "are none", f"at least one of {', '.join(carrier.nodes)}, with other values")
    for label, choice in booking.nodes.items():
        where, own = f"nodes.{label}", carrier.nodes.get(label)
        if own is None:
            yield Mistake(where, f"is no node of {service.name}", f"one of {', '.join(carrier.nodes)}")
        elif choice.resource not in (None, own.resource):
            yield Mistake(f"{where}.resource", "is the service's", "none: an overlay changes values alone")
        if choice.whole or choice.profile_by is not None:
            name = "whole" if choice.whole else "profile_by"
            yield Mistake(f"{where}.{name}", "is the service's", "none: an overlay changes values alone")


def _nodes(booking: Booking, carrier: Booking) -> dict[str, NodeChoice]:
    return {
        label: replace(choice, resource=carrier.nodes[label].resource) if label in carrier.nodes else choice
        for label, choice in booking.nodes.items()
    }


def _node_mistakes(tx: Tx, booking: Booking, carrier: Booking, definition: ServiceDefinition) -> list[Mistake]:
    shelf = tx.catalogue.profiles(booking.platform)
    nodes = {label: laid_over(carrier.nodes[label], choice) for label, choice in booking.nodes.items()}
    whole = replace(carrier, nodes={**carrier.nodes, **nodes})
    found = holding.node_mistakes(tx, whole, definition)
    found += fixed_mistakes(definition, shelf, carrier.nodes, whole.nodes)
    return found or [m for label in nodes for m in _no_way_back(shelf, definition, label, carrier, booking)]


def _no_way_back(
    shelf: Profiles, definition: ServiceDefinition, label: str, carrier: Booking, booking: Booking
) -> Iterator[Mistake]:
    node, own, over = definition.node(label), carrier.nodes[label], booking.nodes[label]
    runs = carrier.service_state
    back = overlays.own_again(shelf, node, own, over, runs)
    for name in overlays.raised(shelf, node, own, over, runs):
        if name not in back:
            expected = "a value that the service has, or that has a default: afterwards it is to have its own again"
            yield Mistake(f"nodes.{label}.values.{name}", "the service has none of its own", expected)


def _rivals(tx: Tx, booking: Booking, service: Service) -> Iterator[Clash]:
    for other in tx.bookings.overlays(service.id):
        if other.id != booking.id and other.timing.held.overlaps(booking.timing.held):
            known = not other.scopes or bool(set(other.scopes) & set(booking.scopes))
            yield _clash(service.name, other, known=known)


def _endings(tx: Tx, booking: Booking, service: Service) -> Iterator[Clash]:
    where = OrderFilter(service=service.id, states=frozenset({OrderState.SCHEDULED, OrderState.IN_PROGRESS}))
    held = booking.timing.held
    for order in tx.orders.every(where):
        ends = any(i.service == service.id and i.kind is OrderKind.DECOMMISSION for i in order.items)
        if ends and order.due_us is not None and order.due_us < held.until:
            known = not order.scopes or bool(set(order.scopes) & set(booking.scopes))
            ident, name = (order.id, order.name) if known else ("", "")
            why = f"{f'order {name}' if known else 'an order'} decommissions it at {written(order.due_us)}"
            yield Clash(service.name, ident, name, max(held.start, order.due_us), None, 0, 0, 0, "", why)


def _clash(service: str, other: Booking, *, known: bool = True) -> Clash:
    """Another overlay in the way; one that carries other scopes without its name."""
    held, (ident, name) = other.timing.held, (other.id, other.name) if known else ("", "")
    why = f"{f'overlay {name}' if known else 'another overlay'} changes it then"
    return Clash(service, ident, name, held.start, held.end, 0, 0, 0, "", why)
