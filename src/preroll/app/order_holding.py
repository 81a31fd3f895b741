# SPDX-License-Identifier: Apache-2.0
"""What orders and services hold: each is carried by a booking with its id, so one rule of conflict serves them all.

From its schedule on an order holds [T, without end): what it needs on top of what its services have. A service holds
what it is made of. Neither is shown in a list of bookings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from preroll.app import holding, life_cycle, ordering, overlaying, quarantine, sight
from preroll.app.order_needs import services_of
from preroll.app.ordering import Target
from preroll.app.recording import store
from preroll.domain.booking import Booking, Carries, NodeChoice, State, Timing
from preroll.domain.boundaries import Boundary
from preroll.domain.deployment import armed, disarmed
from preroll.domain.errors import Conflict, NotFound
from preroll.domain.order import OrderKind
from preroll.domain.ordered import Order, Service
from preroll.domain.permission import Actor, permit
from preroll.domain.window import SECOND
from preroll.ports.store import Tx

GONE = State.CANCELED
"""What carries an order that will never be deployed."""


def is_canceling(carrier: Booking) -> bool:
    """Was the order canceled while In Progress?"""
    return carrier.entering == GONE


def mark_canceling(tx: Tx, carrier: Booking) -> None:
    """The order is to be stopped and undone."""
    store(tx, carrier, replace(carrier, entering=GONE.value))


def carrier_of(tx: Tx, order: Order) -> Booking | None:
    """The booking that carries an order; None: it was never checked or scheduled."""
    try:
        return tx.bookings.get(order.id, hidden=True)
    except NotFound:
        return None


def carried(tx: Tx, order: Order) -> Booking:
    """The same; it is made when there is none."""
    known = carrier_of(tx, order)
    if known is not None:
        return known
    timing = Timing(tx.now // SECOND * SECOND, None)
    return tx.bookings.add(
        Booking(
            0, order.id, order.platform, order.name, State.PARTIAL, timing, priority=order.priority,
            created_us=tx.now, created_by=order.created_by, changed_us=tx.now, scopes=order.scopes, hidden=True,
            carries=Carries.ORDER,
        )
    )  # fmt: skip


def schedule(tx: Tx, by: Actor, order: Order, *, force: bool) -> None:
    """Have a stored order hold what it needs from its time on, and be looked at then.

    Args:
        force: who must yield is quarantined, or put on hold.

    Raises:
        Conflict: something is held; says by whom and what would solve it. NameInUse. Invalid.
    """
    assert order.due_us is not None  # noqa: S101 - a scheduled order has a time
    before, found = carried(tx, order), ordering.targets(tx, order)
    for one in found:
        require_name(tx, by, order, one)
    after = replace(
        before, state=State.CONFIRMED, timing=Timing(order.due_us, None), nodes=nodes_of(found), name=order.name,
        priority=order.priority, began=False, entering="",
    )  # fmt: skip
    holds = bool(before.nodes) and not tx.losses.of(before.key)
    try:
        for one in found:
            _clear_overlays(tx, by, order, one, force=force)
        after = _in_turn(tx, before, after)
        verdict = quarantine.weigh(tx, by, before if holds else None, after, force=force)
        if verdict.own:
            quarantine.weigh(tx, by, None, after, force=False)
    except Conflict as conflict:
        if any(one.booking == order.id for one in conflict.losing):
            conflict = Conflict(conflict.clashes, conflict.ways)  # it would lose itself: force does not help
        raise sight.conflict(tx, by, order.platform, conflict) from None
    quarantine.impose(tx, by, verdict.others, f"order {order.id}")
    quarantine.hold(tx, by, after, replace(verdict, untouched=False))
    tx.boundaries.upsert(armed(tx.boundaries.of(after.key), after.key, order.due_us))


def _in_turn(tx: Tx, before: Booking, after: Booking) -> Booking:
    """What carries an order, stored with its time, before it holds anything.

    What is held on top of its services later than the order gives way: of that it holds the difference alone.
    """
    tx.reservations.release(before.key)
    after = store(tx, before, after)
    quarantine.hold_on_top(tx, services_of(tx, after), f"order {after.id}", but=after.id)
    return after


def release(tx: Tx, order: Order, state: State = State.PARTIAL) -> None:
    """An order holds nothing any more and is not looked at; the booking that carries it is in this state."""
    carrier = carrier_of(tx, order)
    if carrier is not None:
        let_go(tx, carrier, tx.boundaries.of(carrier.key), state)
        if carrier.nodes:
            quarantine.hold_on_top(tx, services_of(tx, carrier), f"order {order.id}")


def let_go(
    tx: Tx, carrier: Booking, boundaries: Sequence[Boundary], state: State, *, residue: bool = False
) -> None:  # fmt: skip
    """The same, of a carrier that was read with its boundaries.

    Args:
        residue: something was left on its devices: whoever books them is warned.
    """
    after = replace(carrier, state=state, nodes={}, properties={}, began=False, entering="", not_reset=residue)
    store(tx, carrier, after)
    tx.losses.close([carrier.key])
    tx.reservations.release(carrier.key)
    if waiting := disarmed(boundaries):
        tx.boundaries.upsert(waiting)


def nodes_of(found: Sequence[Target]) -> dict[str, NodeChoice]:
    """What an order is about: the nodes of its items, labelled ``item/label``; an audit touches none."""
    return {
        f"{one.item.name}/{label}": choice
        for one in found
        if one.item.kind is not OrderKind.VALIDATE
        for label, choice in ({**one.leaving, **one.nodes}).items()
        if choice.resource
    }


def carry_services(tx: Tx, made: Sequence[tuple[Service, Target]]) -> list[Booking]:
    """Services that exist now, as the bookings that carry them: each holds what it is made of, without end."""
    start = tx.now // SECOND * SECOND
    carriers = tx.bookings.add_all(
        [
            Booking(
                0, service.id, service.platform, service.name, State.ACTIVE, Timing(start, None),
                definition=service.definition, nodes=one.nodes, properties=one.properties, service_state=one.runs,
                began=True, created_us=tx.now, created_by=service.created_by, changed_us=tx.now, scopes=service.scopes,
                hidden=True, carries=Carries.SERVICE,
            )
            for service, one in made
        ]
    )  # fmt: skip
    tx.reservations.hold_all([(carrier, holding.needs_of(tx, carrier)) for carrier in carriers])
    return carriers


def change_service(tx: Tx, carrier: Booking, nodes: Mapping[str, NodeChoice], **changes: object) -> Booking:
    """A service that is made of something else now holds that, and nothing else."""
    after = store(tx, carrier, replace(carrier, nodes=nodes, **changes))  # type: ignore[arg-type]
    tx.losses.close([carrier.key])
    tx.reservations.hold(after, holding.needs_of(tx, after))
    return after


def accept_nodes(tx: Tx, carrier: Booking, nodes: Mapping[str, NodeChoice], cause: str) -> Booking:
    """The same, of what no order has held for it; what is on top of the service gives way.

    Raises:
        Conflict: somebody else holds what it would need.
    """
    after = store(tx, carrier, replace(carrier, nodes=nodes))
    quarantine.hold_on_top(tx, {carrier.id}, cause)
    needs = holding.needs_of(tx, after)
    if clashes := tx.reservations.clashes(after, needs):
        raise Conflict(clashes)
    tx.losses.close([carrier.key])
    tx.reservations.hold(after, needs)
    return after


def end_service(tx: Tx, service: Service, *, residue: bool = False) -> None:
    """A service exists no more: what it held is free."""
    carrier = tx.bookings.get(service.id, hidden=True)
    tx.losses.close([carrier.key])
    tx.reservations.release(carrier.key)
    store(tx, carrier, replace(carrier, state=State.COMPLETED, not_reset=residue))


def _clear_overlays(tx: Tx, by: Actor, order: Order, one: Target, *, force: bool) -> None:
    """Refuse to decommission beneath an overlay; by force, one that only waits is canceled.

    Raises:
        Conflict: says which. NotPermitted.
    """
    if one.item.kind is not OrderKind.DECOMMISSION or order.due_us is None:
        return
    coming = overlaying.beyond(tx, one.item.service, order.due_us)
    overlaying.refuse(one.name, [overlay for overlay in coming if overlay.began or not force])
    for overlay in coming:
        permit(by, "booking.force", order.platform)
        life_cycle.cancel(tx, by, overlay.id, None, f"{one.name} is decommissioned by order {order.id}")


def require_name(tx: Tx, by: Actor, order: Order, one: Target) -> None:
    """Refuse to provision under a name that a service, or a booking with a service, has then.

    Raises:
        NameInUse.
    """
    if one.item.kind is not OrderKind.PROVISION or order.due_us is None:
        return
    rival = tx.bookings.named(order.platform, one.name, order.due_us, None, None)
    quarantine.refuse_name(tx, by, order.platform, one.name, rival)
