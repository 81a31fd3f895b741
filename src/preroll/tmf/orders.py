# SPDX-License-Identifier: Apache-2.0
"""TMF641 ``ServiceOrder``: an order as a document, and a document as an order. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from preroll.app.order_views import ItemEnd, OrderDetails, OrderProgress
from preroll.app.orders import NewOrder, OrderEdit
from preroll.domain.errors import Invalid, Mistake
from preroll.domain.order import OrderItem, OrderKind, OrderState
from preroll.domain.ordered import Order
from preroll.tmf.reading import Reader, written
from preroll.tmf.resources import (
    CHARACTERISTIC,
    ITEM_REF,
    NODE,
    RELATIONSHIP,
    SERVICE_ORDER,
    SERVICE_ORDER_ITEM,
    SERVICE_ORDER_UPDATE,
    SERVICE_ORDERED,
    SPECIFICATION,
)
from preroll.tmf.services import characteristics, order_href, service_href, specification
from preroll.tmf.states import ACTIONS, ORDER_STATES, order_state

DEPENDS = frozenset({"dependency", "dependson", "reliesOn", "requires", "prerequisite"})
"""Relationships of an item to one that comes first."""
ENDED = frozenset({OrderState.COMPLETED, OrderState.INVALID, OrderState.FAILED_DEPLOY})
ACTIVATES = {"active": OrderKind.ACTIVATE, "inactive": OrderKind.DEACTIVATE}
"""The state that an item which modifies nothing else asks of its service."""
NAMELESS = "Service order"
# fmt: off
ATTRIBUTES: Mapping[str, str] = {
    # of an item of an order   of an item of a document
    "values.definition":       "service.serviceSpecification.id",
    "values.version":          "service.serviceSpecification.version",
    "values.name":             "service.name",
    "values.state":            "service.state",
    "values.nodes.":           f"service.serviceCharacteristic.{NODE}",
    "values.properties.":      "service.serviceCharacteristic.",
    "service":                 "service.id",
    "after":                   "serviceOrderItemRelationship",
    "kind":                    "action",
    "name":                    "id",
}
# fmt: on
"""How the specification calls what an order has; a characteristic is told by its name."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """What a document orders."""

    new: NewOrder
    start_us: int | None
    """When it is to be deployed; None: now."""
    places: tuple[int, ...]
    """Where each of its items stands in the document."""

    def in_its_words(self, mistake: Mistake) -> Mistake:
        """What is wrong with the order, told of the attribute of the document that says it."""
        parts = mistake.where.split(".", 2)
        if parts[0] != "items" or len(parts) < 3 or not parts[1].isdigit():
            return replace(mistake, where="description" if mistake.where == "name" else mistake.where)
        said = next((w + parts[2].removeprefix(o) for o, w in ATTRIBUTES.items() if parts[2].startswith(o)), parts[2])
        return replace(mistake, where=f"serviceOrderItem.{self.places[int(parts[1])]}.{said}")


@dataclass(frozen=True, slots=True)
class Patch:
    """What a document changes of an order."""

    edit: OrderEdit
    start_us: int | None
    cancels: bool

    @property
    def edits(self) -> bool:
        """Does it change what the order says?"""
        return self.edit != OrderEdit()


# ---------------------------------------------------------------------- an order as a document


def order_document(found: OrderProgress | OrderDetails, platform: str) -> dict[str, Any]:
    """The document of an order.

    Args:
        platform: its name.
    """
    order = found.order
    document = {
        "id": order.id, "href": order_href(order.id), "@type": "ServiceOrder", "category": platform,
        "description": order.name, "externalId": order.external, "priority": str(order.priority),
        "state": state_of(found), "orderDate": written(order.created_us),
        "requestedStartDate": None if order.due_us is None else written(order.due_us),
        "completionDate": written(order.changed_us) if order.state is OrderState.COMPLETED else None,
        "serviceOrderItem": [_item(found, item) for item in order.items],
        **_why(order), **_jeopardy(order),
    }  # fmt: skip
    return {name: value for name, value in document.items() if value not in (None, "")}


def state_of(found: OrderProgress | OrderDetails) -> str:
    """Its state in the words of the TM Forum."""
    ends = [end.state for end in found.items.values()]
    return order_state(found.order.state, found.phase, ends, canceling=found.canceling)


def _why(order: Order) -> dict[str, Any]:
    if order.state is OrderState.CANCELED:
        return {"cancellationDate": written(order.changed_us), "cancellationReason": order.why}
    if not order.why or order.state not in ENDED:
        return {}
    return {"errorMessage": [error_message(order.state, order.why, order.changed_us)]}


def _jeopardy(order: Order) -> dict[str, Any]:
    return {} if order.hold is None else {"jeopardyAlert": [jeopardy(order.hold, order.changed_us)]}


def order_ref(ident: str) -> dict[str, Any]:
    """A reference to an order."""
    return {"id": ident, "href": order_href(ident), "@type": "ServiceOrderRef"}


def jeopardy(hold: str, at_us: int) -> dict[str, Any]:
    """Why an order that is due does not begin: it is never deployed if that lasts until its latest start."""
    return {
        "name": "hold", "jeopardyType": "Hazard", "message": f"due, and on hold: {hold}", "alertDate": written(at_us),
        "@type": "ServiceOrderJeopardyAlert",
    }  # fmt: skip


def milestone(name: str, at_us: int) -> dict[str, Any]:
    """A stage that an order has reached."""
    return {"name": name, "status": "reached", "milestoneDate": written(at_us), "@type": "ServiceOrderMilestone"}


def error_message(state: OrderState, why: str, at_us: int) -> dict[str, Any]:
    """Why an order, or a part of it, is in a state."""
    code = ORDER_STATES[state]
    return {"code": code, "reason": state.value, "message": why, "timestamp": written(at_us)}


def _item(found: OrderProgress | OrderDetails, item: OrderItem) -> dict[str, Any]:
    order = found.order
    end = found.items.get(item.name) or ItemEnd(order.state)
    document: dict[str, Any] = {
        "id": item.name, "action": ACTIONS[item.kind], "quantity": 1, "@type": "ServiceOrderItem",
        "state": order_state(end.state, found.phase, canceling=found.canceling), "service": _service(item),
    }  # fmt: skip
    if item.after:
        document["serviceOrderItemRelationship"] = [
            {
                "relationshipType": "dependency",
                "orderItem": {"id": name, "itemId": name, "serviceOrderId": order.id, "@type": "ServiceOrderItemRef"},
            }
            for name in item.after
        ]
    if end.message:
        document["errorMessage"] = [error_message(end.state, end.message, order.changed_us)]
    return document


def _service(item: OrderItem) -> dict[str, Any]:
    values = item.values
    nodes, properties = values.get("nodes"), values.get("properties")
    found: dict[str, Any] = {"id": item.service, "href": service_href(item.service), "@type": "Service"}
    if isinstance(name := values.get("name"), str) and name:
        found["name"] = name
    if isinstance(definition := values.get("definition"), str):
        version = values.get("version")
        found["serviceSpecification"] = specification(definition, version if isinstance(version, int) else None)
    said = characteristics(
        {label: _bare(node) for label, node in nodes.items()} if isinstance(nodes, Mapping) else {},
        properties if isinstance(properties, Mapping) else {},
    )
    if said:
        found["serviceCharacteristic"] = said
    if item.kind in ACTIVATES.values():
        found["state"] = next(state for state, kind in ACTIVATES.items() if kind is item.kind)
    if item.kind is OrderKind.DECOMMISSION:
        found["state"] = "terminated"
    return found


def _bare(node: object) -> object:
    """A node without its values, as some are secrets."""
    return (
        {name: node[name] for name in ("resource", "profile") if node.get(name)} if isinstance(node, Mapping) else None
    )


# ---------------------------------------------------------------------- a document as an order


def new_order(said: Mapping[str, Any], platform: str) -> Ordered:
    """What a document orders.

    Args:
        platform: name of the one that it is for.

    Raises:
        Invalid: every mistake in how it says it.
    """
    mistakes: list[Mistake] = []
    reader = Reader(said, "", mistakes)
    reader.only(SERVICE_ORDER)
    external = reader.text("externalId")
    start = reader.instant("requestedStartDate")
    priority = reader.number("priority", 0)
    name = reader.text("description").strip()[:200] or external[:200] or NAMELESS
    read = [_read_item(one) for one in reader.objects("serviceOrderItem", needed=True)]
    items = {place: item for place, item in enumerate(read) if item is not None}
    if not items and not mistakes:
        reader.wrong("serviceOrderItem", "changes nothing", "an item that adds, modifies or deletes a service")
    if mistakes:
        raise Invalid(mistakes)
    new = NewOrder(platform, name, tuple(items.values()), priority=priority, external=external)
    return Ordered(new, start, tuple(items))


def patch(said: Mapping[str, Any]) -> Patch:
    """What a document changes of an order: its time, its words, or that it is to be.

    Raises:
        Invalid: every mistake.
    """
    mistakes: list[Mistake] = []
    reader = Reader(said, "", mistakes)
    reader.only(SERVICE_ORDER_UPDATE)
    state = reader.text("state")
    if state not in ("", "cancelled"):
        reader.wrong("state", f"cannot be set to {state[:50]!r}", "cancelled, or nothing")
    edit = OrderEdit(
        name=reader.text("description").strip() or None,
        priority=reader.number("priority", 0) if "priority" in said else None,
        external=reader.text("externalId") if "externalId" in said else None,
    )
    start = reader.instant("requestedStartDate")
    if mistakes:
        raise Invalid(mistakes)
    return Patch(edit, start, state == "cancelled")


def _read_item(reader: Reader) -> OrderItem | None:
    """One item; None: it changes nothing, or what it says is wrong."""
    reader.only(SERVICE_ORDER_ITEM)
    name, action = reader.text("id", needed=True), reader.text("action", needed=True)
    if reader.number("quantity", 1) != 1:
        reader.wrong("quantity", "is not 1", "an item for each service")
    service = reader.object("service", needed=True)
    if action not in ("", *ACTIONS.values()):
        reader.wrong("action", f"is {action[:50]!r}", "add, modify, delete or noChange")
    if service is None or action not in ACTIONS.values() or action == "noChange":
        return None
    service.only(SERVICE_ORDERED)
    after = tuple(_before(reader.objects("serviceOrderItemRelationship")))
    match action:
        case "add":
            return OrderItem(name, OrderKind.PROVISION, "", after=after, values=_added(service))
        case "delete":
            return OrderItem(name, OrderKind.DECOMMISSION, service.text("id", needed=True), after=after)
    return _modified(name, service, after)


def _added(service: Reader) -> dict[str, object]:
    if service.text("id"):
        service.wrong("id", "is given, and a service that is added has none yet", "none: the answer tells it")
    chosen = service.object("serviceSpecification", needed=True)
    definition = version = ""
    if chosen is not None:
        chosen.only(SPECIFICATION)
        ident = chosen.text("id", needed=True)
        definition = chosen.text("name") or ident
        version = str(chosen.number("version", 0) or "")
    values: dict[str, object] = {"definition": definition, "name": service.text("name").strip(), **_values(service)}
    return {**values, "version": int(version)} if version else values


def _modified(name: str, service: Reader, after: tuple[str, ...]) -> OrderItem:
    ident, state, values = service.text("id", needed=True), service.text("state"), _values(service)
    if state not in ("", *ACTIVATES):
        service.wrong("state", f"cannot be set to {state[:50]!r}", "active or inactive")
    if state and any(values.values()):
        service.wrong("state", "is set together with characteristics", "an order for each")
    kind = OrderKind.MODIFY if any(values.values()) or not state else ACTIVATES.get(state, OrderKind.MODIFY)
    return OrderItem(name, kind, ident, after=after, values=values if kind is OrderKind.MODIFY else {})


def _values(service: Reader) -> dict[str, object]:
    """Nodes and properties, of the characteristics."""
    nodes, properties = dict[str, object](), dict[str, object]()
    for one in service.objects("serviceCharacteristic"):
        one.only(CHARACTERISTIC)
        name = one.text("name", needed=True)
        if "value" not in one.said:
            one.wrong("value", "is missing", "a value; null takes one away")
        place = nodes if name.startswith(NODE) else properties
        place[name.removeprefix(NODE)] = one.said.get("value")
    return {"nodes": nodes, "properties": properties}


def _before(relationships: Sequence[Reader]) -> list[str]:
    """The names of the items that come first."""
    found = []
    for one in relationships:
        one.only(RELATIONSHIP)
        kind, item = one.text("relationshipType", needed=True), one.object("orderItem", needed=True)
        if kind and kind not in DEPENDS:
            one.wrong("relationshipType", f"is {kind[:50]!r}", f"one of {', '.join(sorted(DEPENDS))}")
        if item is not None:
            item.only(ITEM_REF)
            found.append(item.text("itemId") or item.text("id", needed=True))
    return found
