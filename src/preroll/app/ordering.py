# SPDX-License-Identifier: Apache-2.0
"""What the items of a service order come to: which service each is about, and how it is to be made.

Functions of a transaction, shared by the use cases of orders and by their deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from preroll.app import choosing, holding, service_dependencies, sight
from preroll.app.choosing import Attempt
from preroll.app.edits import resolve
from preroll.domain.booking import Booking, NodeChoice, State, Timing
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.editable import fixed_mistakes
from preroll.domain.errors import Invalid, Mistake, NotFound
from preroll.domain.inheritance import on_top, taken_by
from preroll.domain.order import OrderItem, OrderKind, item_mistakes
from preroll.domain.order_content import DESIRED, LAST_GOOD, LEAVING, Content, content_of, written_node
from preroll.domain.ordered import Order, Service, ServiceRevision
from preroll.domain.permission import Actor
from preroll.domain.profile import ProfileBy
from preroll.domain.service import FAILED, STOP, ServiceStates
from preroll.domain.service import START as RUNS
from preroll.domain.service_instance import Provisioned, admits, possible_orders, triggered
from preroll.domain.window import SECOND
from preroll.ports.store import Tx

DOWN = frozenset({OrderKind.DECOMMISSION})
"""Which kinds leave nothing of the service on its devices?"""


@dataclass(frozen=True, slots=True)
class Target:
    """An item of an order with its service, and what that is to be."""

    item: OrderItem
    definition: ServiceDefinition
    service: Service | None
    """None: it does not exist yet."""
    name: str
    runs: str
    """The service state that it will be in."""
    nodes: Mapping[str, NodeChoice] = field(default_factory=dict)
    """What it will be made of; of a decommission, what it is made of."""
    had: Mapping[str, NodeChoice] = field(default_factory=dict)
    """What it is made of now."""
    properties: Mapping[str, object] = field(default_factory=dict)
    revision: int | None = None
    """Number of the revision that is deployed again; None: a new one."""
    needs: tuple[str, ...] = ()
    """Ids of the services that it will need."""

    @property
    def leaving(self) -> Mapping[str, NodeChoice]:
        """Nodes whose resource the service will not have any more, each under a label of its own."""
        kept = {choice.resource for choice in self.nodes.values()}
        return {f"{label}{LEAVING}": c for label, c in self.had.items() if c.resource and c.resource not in kept}

    def node(self, label: str) -> Node | None:
        """The node of a label, or of what leaves it."""
        return self.definition.node(label.removesuffix(LEAVING))


def as_ordered(tx: Tx, by: Actor, order: Order) -> Order:
    """The order with the ids of its services and what each begins from, if nothing of it is mistaken.

    Raises:
        Invalid: every mistake.
    """
    mistakes = [] if order.name.strip() else [Mistake("name", "is empty", "a name")]
    if order.latest_start_us < SECOND:
        mistakes.append(Mistake("latest_start", "is shorter than a second", "a length of time"))
    items = []
    for index, item in enumerate(order.items):
        done, wrong = _as_ordered(tx, by, order, item, f"items.{index}")
        items.append(done)
        mistakes += wrong
    found: tuple[OrderItem, ...] = ()
    if not mistakes:
        found, mistakes = service_dependencies.settled(tx, by, order, items)
    mistakes += item_mistakes(found or items)
    if mistakes:
        raise Invalid(mistakes)
    return replace(order, name=order.name.strip(), items=found)


def targets(tx: Tx, order: Order) -> list[Target]:
    """What the items of a stored order come to now.

    Raises:
        Invalid: one of them cannot be any more; says why. NotFound: its service is gone.
    """
    return [target(tx, order, item) for item in order.items]


def target(tx: Tx, order: Order, item: OrderItem) -> Target:
    """What one item comes to now; see ``targets``."""
    said, mistakes = content_of(item, f"items.{item.name}")
    if mistakes:
        raise Invalid(mistakes)
    if item.kind is OrderKind.PROVISION:
        definition = tx.catalogue.definition(order.platform, said.definition, said.version)
        nodes = {label: _named(definition, label, c) for label, c in said.nodes.items() if c}
        return Target(
            item, definition, None, said.name, _up(tx, order), nodes, {}, said.properties, needs=item.needs or ()
        )
    service = tx.services.get(item.service)
    return _changed(tx, order, item, said, service)


def candidate(tx: Tx, order: Order, found: Target) -> Booking:
    """The service as the booking that would carry it; it is looked at, and not stored."""
    start = order.due_us if order.due_us is not None else tx.now // SECOND * SECOND
    return Booking(
        0, found.item.service, order.platform, found.name, State.ACTIVE, Timing(start, None),
        definition=found.definition.key, nodes=found.nodes, properties=found.properties,
    )  # fmt: skip


def stale(tx: Tx, order: Order) -> str:
    """Why the order does not fit its services any more; empty: it does."""
    for item in order.items:
        if item.kind is OrderKind.PROVISION:
            continue
        try:
            service = tx.services.get(item.service)
        except NotFound:
            return f"{item.name}: its service is gone"
        if _failed_on(tx, service, order):
            continue
        if item.kind is not OrderKind.VALIDATE and service.deployed != item.base:
            return f"{item.name}: {service.name} has changed since: edit the order, it begins from what is deployed"
        if not admits(service.state, item.kind):
            return f"{item.name}: {service.name} is {service.state}; possible: {_possible(service.state)}"
    return service_dependencies.ring(tx, order)


def _failed_on(tx: Tx, service: Service, order: Order) -> bool:
    """Is it this order that failed on the service last? Then it may be retried, whatever the devices have."""
    if service.state is not Provisioned.FAIL_DEPLOY:
        return False
    kinds = [item.kind for item in order.items if item.service == service.id]
    made = next((r.order for r in tx.services.revisions(service.key) if r.number == service.desired), "")
    own = made == order.id or OrderKind.MODIFY not in kinds
    return own and all(triggered(kind, service.state) is not None for kind in kinds)


def _as_ordered(tx: Tx, by: Actor, order: Order, item: OrderItem, where: str) -> tuple[OrderItem, list[Mistake]]:
    said, mistakes = content_of(item, where)
    if item.kind is OrderKind.PROVISION:
        item = replace(item, service=item.service or tx.new_id(), base=None)
        return (item, mistakes) if mistakes else _provision(tx, order, item, said, where)
    service = sight.service(tx, by, order.platform, item.service)
    if service is None:
        what = f"{item.service!r} is no service"
        return item, [*mistakes, Mistake(f"{where}.service", what, "the id or name of one")]
    item = replace(item, service=service.id, base=service.deployed)
    if not admits(service.state, item.kind):
        what = f"{item.kind} is not for a service that is {service.state}"
        mistakes.append(Mistake(f"{where}.kind", what, _possible(service.state)))
    return (item, mistakes) if mistakes else _change(tx, order, item, said, where)


def _provision(tx: Tx, order: Order, item: OrderItem, said: Content, where: str) -> tuple[OrderItem, list[Mistake]]:
    """The item with the version of its definition and the ids of its resources; open nodes take the best free one."""
    try:
        definition = tx.catalogue.definition(order.platform, said.definition, said.version)
    except NotFound as error:
        return item, [Mistake(f"{where}.values.definition", str(error), "a published service definition")]
    chosen = {label: _named(definition, label, c) for label, c in said.nodes.items() if c is not None}
    nodes = resolve(tx, order.platform, chosen)
    found = Target(item, definition, None, said.name or order.name.strip(), "", nodes, {}, said.properties)
    mistakes = [replace(m, where=f"{where}.values.{m.where}") for m in holding.publication_mistakes(definition)]
    booking = candidate(tx, order, found)
    if not (mistakes or (mistakes := _node_mistakes(tx, booking, definition, where))):
        booking = choosing.on_create(tx, booking, definition, Attempt()).booking
        booking = holding.with_copies(tx, booking, definition, {})
        mistakes = _mistakes(tx, booking, definition, where)
    named = replace(said, name=found.name, version=definition.version, nodes=booking.nodes)
    return replace(item, values=named.written()), mistakes


def _change(tx: Tx, order: Order, item: OrderItem, said: Content, where: str) -> tuple[OrderItem, list[Mistake]]:
    """A change of a service that exists, with the ids of its resources."""
    values = dict(item.values)
    if item.kind is OrderKind.MODIFY:
        named = resolve(tx, order.platform, {label: c for label, c in said.nodes.items() if c is not None})
        if said.nodes:
            values["nodes"] = {label: written_node(c) for label, c in _settled(tx, item, said, named).items()}
    item = replace(item, values=values)
    try:
        found = target(tx, order, item)
    except Invalid as error:
        return item, [replace(m, where=m.where.replace(f"items.{item.name}", where)) for m in error.mistakes]
    if item.kind is OrderKind.REDEPLOY:
        return replace(item, needs=found.needs), []
    if item.kind is not OrderKind.MODIFY:
        return item, []
    shelf = tx.catalogue.profiles(order.platform)
    if fixed := fixed_mistakes(found.definition, shelf, found.had, found.nodes):
        return item, [replace(m, where=f"{where}.values.{m.where}") for m in fixed]
    return item, _mistakes(tx, candidate(tx, order, found), found.definition, where)


def _settled(
    tx: Tx, item: OrderItem, said: Content, named: Mapping[str, NodeChoice]
) -> Mapping[str, NodeChoice | None]:  # fmt: skip
    """What a modify says of nodes, with copies of profiles taken by value; each is as whole as it was."""
    service = tx.services.get(item.service)
    definition, shelf = tx.catalogue.definition_by_key(service.definition), tx.catalogue.profiles(service.platform)
    had, raw = tx.bookings.get(service.id, hidden=True).nodes, item.values.get("nodes")
    found: dict[str, NodeChoice | None] = {}
    for label in said.nodes:
        choice, before, given = named.get(label), had.get(label), raw.get(label) if isinstance(raw, Mapping) else None
        if choice is None:
            found[label] = None
            continue
        told = isinstance(given, Mapping) and "whole" in given
        choice = replace(choice, kept=None, whole=choice.whole if told or before is None else before.whole)
        node, merged = definition.node(label), _named(definition, label, on_top(before, choice))
        copied = taken_by(node, merged) is ProfileBy.VALUE and merged.kept is None
        found[label] = replace(choice, kept=shelf.copied(node, merged).kept) if copied else choice
    return found


def _changed(tx: Tx, order: Order, item: OrderItem, said: Content, service: Service) -> Target:
    definition = tx.catalogue.definition_by_key(service.definition)
    known = {r.number: r for r in tx.services.revisions(service.key)}
    carrier = tx.bookings.get(service.id, hidden=True)
    runs = _up(tx, order) if service.runs == FAILED else service.runs
    found = Target(
        item, definition, service, service.name, runs, dict(carrier.nodes), carrier.nodes,
        carrier.properties, needs=service.needs,
    )  # fmt: skip
    match item.kind:
        case OrderKind.MODIFY:
            return _modified(found, said, _revision(known, order, service))
        case OrderKind.REDEPLOY:
            made = _chosen(known, service, said.revision, item)
            return replace(found, nodes=made.nodes, properties=made.properties, revision=made.number, needs=made.needs)
        case OrderKind.ACTIVATE | OrderKind.DEACTIVATE:
            return replace(found, runs=_run_state(tx, order, item, said, service))
    return found


def _revision(known: Mapping[int, ServiceRevision], order: Order, service: Service) -> ServiceRevision | None:
    """The revision that this order has made of the service, when it failed with it before."""
    return next((r for r in known.values() if r.order == order.id and r.number == service.desired), None)


def _modified(found: Target, said: Content, tried: ServiceRevision | None) -> Target:
    nodes = dict(found.nodes)
    for label, choice in said.nodes.items():
        if choice is None:
            nodes.pop(label, None)
        else:
            nodes[label] = _named(found.definition, label, on_top(nodes.get(label), choice))
    properties = {**found.properties, **said.properties}
    kept = {name: value for name, value in properties.items() if value is not None}
    needs = found.needs if found.item.needs is None else found.item.needs
    return replace(found, nodes=nodes, properties=kept, revision=tried.number if tried else None, needs=needs)


def _chosen(
    known: Mapping[int, ServiceRevision], service: Service, wanted: int | str, item: OrderItem
) -> ServiceRevision:
    number = {DESIRED: service.desired, LAST_GOOD: service.last_good}.get(str(wanted), wanted)
    found = known.get(number) if isinstance(number, int) else None
    if found is None:
        there = ", ".join(map(str, known))
        raise Invalid([Mistake(f"items.{item.name}.values.revision", f"there is no {wanted}", f"one of {there}")])
    return found


def _run_state(tx: Tx, order: Order, item: OrderItem, said: Content, service: Service) -> str:
    states = tx.platforms.by_key(order.platform).config.service_states
    mapping = states.mapping
    usual = (mapping.service_active or RUNS) if item.kind is OrderKind.ACTIVATE else (mapping.ended or STOP)
    asked = said.state or usual
    wanted = next((name for name in states.known if name.casefold() == asked.casefold()), "")
    if not wanted or wanted == FAILED or not states.allows(service.runs, wanted):
        what = f"the platform's table does not allow {service.runs} -> {asked}"
        raise Invalid([Mistake(f"items.{item.name}.values.state", what, _reachable(states, service.runs))])
    return wanted


def _reachable(states: ServiceStates, runs: str) -> str:
    return f"one of {', '.join(s for s in states.known if s != FAILED and states.allows(runs, s))}"


def _up(tx: Tx, order: Order) -> str:
    """The service state in which a provisioned service runs."""
    return tx.platforms.by_key(order.platform).config.service_states.mapping.service_active or RUNS


def _named(definition: ServiceDefinition, label: str, choice: NodeChoice) -> NodeChoice:
    """The choice with the profile that it takes by default, by its name."""
    node = definition.node(label)
    return replace(choice, profile=choice.profile or (node.default_profile if node else "") or None)


def _mistakes(tx: Tx, booking: Booking, definition: ServiceDefinition, where: str) -> list[Mistake]:
    found = _node_mistakes(tx, booking, definition, where)
    return found or [
        replace(m, where=f"{where}.values.{m.where}") for m in holding.missing_on_nodes(tx, booking, definition)
    ]


def _node_mistakes(tx: Tx, booking: Booking, definition: ServiceDefinition, where: str) -> list[Mistake]:
    found = holding.node_mistakes(tx, booking, definition)
    try:
        holding.resources_of(tx, booking)
    except Invalid as error:
        found += error.mistakes
    return [replace(m, where=f"{where}.values.{m.where}") for m in found]


def _possible(state: Provisioned) -> str:
    return ", ".join(possible_orders(state)) or "none: it does not exist any more"
