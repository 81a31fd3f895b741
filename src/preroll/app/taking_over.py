# SPDX-License-Identifier: Apache-2.0
"""Services that stand on devices already: taken over as they are, without writing to any.

A provision is ordered and checked; its plan is what differs between the order and the devices. Taken over, the service
is what the devices have: it exists from then on, with that as its first revision, and holds what it is made of.
"""

from __future__ import annotations

from dataclasses import replace

from preroll.app import accepting, holding, order_holding, ordering, service_dependencies, sight
from preroll.app.asking import Ask, command, require_reason
from preroll.app.order_views import OrderDetails, acted_on, approved, order_details
from preroll.app.ordering import Target
from preroll.app.orders import tell
from preroll.app.services import have_audited, tell_service
from preroll.domain.auditing import asked_by
from preroll.domain.booking import Booking
from preroll.domain.differences import Difference, differences_in
from preroll.domain.errors import ActionNotPossible, Conflict, Invalid, Mistake
from preroll.domain.inheritance import Profiles
from preroll.domain.order import ORDER, OrderTrigger
from preroll.domain.ordered import Order, Plan, Service, ServiceRevision
from preroll.domain.permission import Actor
from preroll.domain.service_instance import PROVISIONED, Provisioned, ServiceTrigger
from preroll.domain.window import MINUTE
from preroll.ports.store import Store, Tx

FRESH = 15 * MINUTE
"""A plan that is older does not say any more what the devices have."""


class TakingOver:
    """Services that somebody else has deployed.

    Raises NotFound for an id that is unknown or out of sight, Stale when ``seen`` is not the order's revision any more
    (None skips that guard), and NotPermitted. A refusal changes nothing.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def take_over(
        self, by: Actor, ident: str, seen: int | None, plan: str, reason: str, ask: Ask[OrderDetails] | None = None
    ) -> OrderDetails:
        """Have the services of an order exist as their devices have them now; no device is touched.

        Args:
            plan: hash of the plan as it was seen: the differences between what was ordered and what the devices have.
            reason: kept in the change log.

        Raises:
            ActionNotPossible: it does more than provision, has no fresh plan, or not this one, or is not approved.
            Invalid: there is no reason, or what a device has cannot be taken; each is told. Conflict. NameInUse.
        """

        def unit(tx: Tx) -> OrderDetails:
            before = acted_on(tx, by, ident, seen, "take-over")
            require_reason(reason)
            found = _as_found(tx, before, _fresh(tx, before, plan))
            for one in found:
                _exists(tx, by, before, one, reason.strip())
            state = ORDER.fire(before.state, OrderTrigger.TAKE_OVER)
            order_holding.release(tx, before)
            after = tx.orders.put(replace(before, state=state, hold=None, why=f"taken over: {reason.strip()}"))
            tell(tx, by, "order.state", after, before.state, OrderTrigger.TAKE_OVER)
            service_dependencies.look_again(tx, after.platform, {one.item.service for one in found})
            return order_details(tx, after)

        return await command(self._store, by, unit, ask)


def _fresh(tx: Tx, order: Order, seen: str) -> Plan:
    """The plan that somebody has seen, if the devices have been read lately."""
    refused, check = "take-over is not possible: ", f"check it first: preroll order check {order.id}"
    plan = tx.orders.plan(order.key)
    if plan is None or tx.now - plan.at_us > FRESH:
        raise ActionNotPossible(f"{refused}its devices were not read in the last 15 minutes", hint=check)
    if plan.hash != seen:
        raise ActionNotPossible(f"{refused}its plan is {plan.hash}, not {seen or 'none'}", hint="look at it again")
    if tx.platforms.by_key(order.platform).config.approve_orders and not approved(order):
        raise ActionNotPossible(f"{refused}nobody else has approved it", hint="have a second person approve it")
    return plan


def _as_found(tx: Tx, order: Order, plan: Plan) -> list[Target]:
    """What the order asks for, with what the devices have in place of what was ordered."""
    shelf, found, mistakes = tx.catalogue.profiles(order.platform), list[Target](), list[Mistake]()
    for one in ordering.targets(tx, order):
        nodes, wrong = accepting.taken(shelf, one.definition, one.nodes, one.runs, _differences(shelf, one, plan))
        mistakes += [replace(m, where=f"items.{one.item.name}.{m.where}") for m in wrong]
        found.append(replace(one, nodes=nodes))
    if mistakes:
        raise Invalid(mistakes)
    return found


def _differences(shelf: Profiles, one: Target, plan: Plan) -> list[Difference]:
    """What the devices of a service have otherwise than it was ordered, told of each node that would have set it.

    What none of the nodes of a device sets is told of the first one.
    """
    rows: list[dict[str, object]] = []
    for device in plan.devices:
        labels = [label for label, choice in one.nodes.items() if choice.resource == device.resource]
        for path, old, new in device.changes:
            own = [n for n in labels if accepting.sets(shelf, one.definition, n, one.nodes[n], path)] or labels[:1]
            rows += [{"node": label, "path": path, "expected": new, "found": old} for label in own]
    return differences_in(rows)


def _exists(tx: Tx, by: Actor, order: Order, one: Target, reason: str) -> None:
    """The service is there, and holds what it is made of."""
    candidate = ordering.candidate(tx, order, one)
    if mistakes := holding.node_mistakes(tx, candidate, one.definition):
        raise Invalid([replace(m, where=f"items.{one.item.name}.{m.where}") for m in mistakes])
    _require_free(tx, by, candidate)
    order_holding.require_name(tx, by, replace(order, due_us=candidate.timing.start), one)
    state = PROVISIONED.fire(Provisioned.NONE, ServiceTrigger.TAKE_OVER)
    new = Service(
        one.name, order.platform, one.definition.key, state, one.runs, 1, 1, 1, order.scopes, one.needs,
        one.item.service, created_by=by.name,
    )  # fmt: skip
    service = tx.services.add(new, ServiceRevision(1, one.nodes, one.properties, order.id, needs=one.needs))
    (carrier,) = order_holding.carry_services(tx, [(service, one)])
    tell_service(tx, by, "service.taken_over", None, service, reason, f"order {order.id}")
    have_audited(tx, carrier, asked_by(by.name))


def _require_free(tx: Tx, by: Actor, candidate: Booking) -> None:
    if clashes := tx.reservations.clashes(candidate, holding.needs_of(tx, candidate)):
        raise sight.conflict(tx, by, candidate.platform, Conflict(clashes))
