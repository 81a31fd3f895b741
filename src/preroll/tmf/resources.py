# SPDX-License-Identifier: Apache-2.0
"""What the published resources have, attribute by attribute, and what becomes of it here: one table. Pure.

TMF641 v4.1.0 and TMF638 v4.0.0. Readers, the description of the door and its page in the reference are made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Shape(StrEnum):
    """What an attribute looks like in JSON."""

    TEXT = "text"
    WHOLE = "whole number"
    FLAG = "true or false"
    TIME = "time"
    OBJECT = "object"
    OBJECTS = "list of objects"
    ANY = "any JSON"


class Fate(StrEnum):
    """What becomes of an attribute."""

    NEEDED = "must be said, and is told"
    KEPT = "kept and told"
    TOLD = "told; taken and not kept"
    TAKEN = "taken and not kept"
    REFUSED = "refused"


ANSWERED = frozenset({Fate.NEEDED, Fate.KEPT, Fate.TOLD})
"""What is told."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a resource."""

    name: str
    shape: Shape
    fate: Fate
    of: str = ""
    """Name of the resource that it is; empty: any object."""
    why: str = ""
    """It is refused."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource, or a part of one, under its published name."""

    name: str
    attributes: Mapping[str, Attribute]


_T, _W, _B, _D, _O, _L, _X = Shape
_N, _K, _S, _I, _R = Fate
NODE = "node:"
"""Begins the name of a characteristic that says what a node is made of; every other one is a property."""
Row = tuple[str, Shape, Fate] | tuple[str, Shape, Fate, str]


def _resource(name: str, *rows: Row) -> Resource:
    found = {}
    for row in rows:
        attribute, shape, fate, more = (*row, "")[:4]
        found[attribute] = Attribute(attribute, shape, fate, *(("", more) if fate is _R else (more, "")))
    return Resource(name, found)


# fmt: off
_NO_END = "is not taken: a service ends by an item that deletes it, a window is booked"
_WITHIN = "items within items are not taken: order them side by side, with relationships"
SERVICE_ORDER = _resource("ServiceOrder",
    # attribute                      shape  here  what it is, or why it is refused
    ("id",                           _T,    _S),
    ("href",                         _T,    _S),
    ("cancellationDate",             _D,    _S),
    ("cancellationReason",           _T,    _S),
    ("category",                     _T,    _K),
    ("completionDate",               _D,    _S),
    ("description",                  _T,    _K),
    ("expectedCompletionDate",       _D,    _I),
    ("externalId",                   _T,    _K),
    ("notificationContact",          _T,    _I),
    ("orderDate",                    _D,    _S),
    ("priority",                     _T,    _K),
    ("requestedCompletionDate",      _D,    _I),
    ("requestedStartDate",           _D,    _K),
    ("startDate",                    _D,    _I),
    ("errorMessage",                 _L,    _S,   "ServiceOrderErrorMessage"),
    ("externalReference",            _L,    _I),
    ("jeopardyAlert",                _L,    _S,   "ServiceOrderJeopardyAlert"),
    ("milestone",                    _L,    _S,   "ServiceOrderMilestone"),
    ("note",                         _L,    _I),
    ("orderRelationship",            _L,    _I),
    ("relatedParty",                 _L,    _I),
    ("serviceOrderItem",             _L,    _N,   "ServiceOrderItem"),
    ("state",                        _T,    _S),
)
SERVICE_ORDER_ITEM = _resource("ServiceOrderItem",
    ("id",                           _T,    _N),
    ("quantity",                     _W,    _K),
    ("action",                       _T,    _N),
    ("appointment",                  _O,    _R,   "is not taken: nobody is sent anywhere"),
    ("errorMessage",                 _L,    _S,   "ServiceOrderErrorMessage"),
    ("service",                      _O,    _N,   "ServiceRefOrValue"),
    ("serviceOrderItem",             _L,    _R,   _WITHIN),
    ("serviceOrderItemRelationship", _L,    _K,   "ServiceOrderItemRelationship"),
    ("state",                        _T,    _S),
)
SERVICE_ORDERED = _resource("ServiceRefOrValue",
    ("id",                           _T,    _K),
    ("href",                         _T,    _S),
    ("category",                     _T,    _I),
    ("description",                  _T,    _I),
    ("endDate",                      _D,    _R,   _NO_END),
    ("hasStarted",                   _B,    _I),
    ("isBundle",                     _B,    _I),
    ("isServiceEnabled",             _B,    _I),
    ("isStateful",                   _B,    _I),
    ("name",                         _T,    _K),
    ("serviceDate",                  _T,    _I),
    ("serviceType",                  _T,    _I),
    ("startDate",                    _D,    _I),
    ("startMode",                    _T,    _I),
    ("feature",                      _L,    _I),
    ("note",                         _L,    _I),
    ("place",                        _L,    _I),
    ("relatedEntity",                _L,    _I),
    ("relatedParty",                 _L,    _I),
    ("serviceCharacteristic",        _L,    _K,   "Characteristic"),
    ("serviceOrderItem",             _L,    _I),
    ("serviceRelationship",          _L,    _I),
    ("serviceSpecification",         _O,    _K,   "ServiceSpecificationRef"),
    ("state",                        _T,    _K),
    ("supportingResource",           _L,    _R,   f"is not taken: a node is a characteristic, such as {NODE}encoder"),
    ("supportingService",            _L,    _R,   "is not taken: a service is ordered by its own item"),
)
_FIXED = "cannot be patched: cancel the order, and order anew"
SERVICE_ORDER_UPDATE = Resource("ServiceOrder_Update", {
    **SERVICE_ORDER.attributes,
    **{name: Attribute(name, SERVICE_ORDER.attributes[name].shape, Fate.REFUSED, why=_FIXED)
       for name in ("serviceOrderItem", "id", "href", "orderDate", "category")},
    "state": Attribute("state", Shape.TEXT, Fate.KEPT),
})
CHARACTERISTIC = _resource("Characteristic",
    ("id",                           _T,    _I),
    ("name",                         _T,    _N),
    ("valueType",                    _T,    _S),
    ("characteristicRelationship",   _L,    _I),
    ("value",                        _X,    _N),
)
SPECIFICATION = _resource("ServiceSpecificationRef",
    ("id",                           _T,    _N),
    ("href",                         _T,    _I),
    ("name",                         _T,    _K),
    ("version",                      _T,    _K),
)
RELATIONSHIP = _resource("ServiceOrderItemRelationship",
    ("relationshipType",             _T,    _N),
    ("orderItem",                    _O,    _N,   "ServiceOrderItemRef"),
)
ITEM_REF = _resource("ServiceOrderItemRef",
    ("id",                           _T,    _K),
    ("itemId",                       _T,    _K),
    ("serviceOrderHref",             _T,    _I),
    ("serviceOrderId",               _T,    _S),
)
CANCEL = _resource("CancelServiceOrder",
    ("id",                           _T,    _S),
    ("href",                         _T,    _S),
    ("cancellationReason",           _T,    _K),
    ("completionMessage",            _T,    _S),
    ("effectiveCancellationDate",    _D,    _S),
    ("requestedCancellationDate",    _D,    _K),
    ("errorMessage",                 _O,    _S,   "ServiceOrderErrorMessage"),
    ("serviceOrder",                 _O,    _N,   "ServiceOrderRef"),
    ("state",                        _T,    _S),
)
ORDER_REF = _resource("ServiceOrderRef",
    ("id",                           _T,    _N),
    ("href",                         _T,    _S),
    ("name",                         _T,    _I),
)
SUBSCRIPTION = _resource("EventSubscription",
    ("id",                           _T,    _S),
    ("callback",                     _T,    _N),
    ("query",                        _T,    _K),
)
ERROR_MESSAGE = _resource("ServiceOrderErrorMessage",
    ("code",                         _T,    _S),
    ("message",                      _T,    _S),
    ("reason",                       _T,    _S),
    ("timestamp",                    _D,    _S),
)
JEOPARDY = _resource("ServiceOrderJeopardyAlert",
    ("alertDate",                    _D,    _S),
    ("jeopardyType",                 _T,    _S),
    ("message",                      _T,    _S),
    ("name",                         _T,    _S),
)
MILESTONE = _resource("ServiceOrderMilestone",
    ("message",                      _T,    _S),
    ("milestoneDate",                _D,    _S),
    ("name",                         _T,    _S),
    ("status",                       _T,    _S),
)
ERROR = _resource("Error",
    ("code",                         _T,    _N),
    ("reason",                       _T,    _N),
    ("message",                      _T,    _S),
    ("status",                       _T,    _S),
)
SERVICE = _resource("Service",
    ("id",                           _T,    _S),
    ("href",                         _T,    _S),
    ("category",                     _T,    _S),
    ("endDate",                      _D,    _S),
    ("hasStarted",                   _B,    _S),
    ("isServiceEnabled",             _B,    _S),
    ("name",                         _T,    _S),
    ("serviceDate",                  _T,    _S),
    ("serviceType",                  _T,    _S),
    ("startDate",                    _D,    _S),
    ("serviceCharacteristic",        _L,    _S,   "Characteristic"),
    ("serviceOrderItem",             _L,    _S,   "RelatedServiceOrderItem"),
    ("serviceSpecification",         _O,    _S,   "ServiceSpecificationRef"),
    ("state",                        _T,    _S),
)
RELATED_ITEM = _resource("RelatedServiceOrderItem",
    ("role",                         _T,    _S),
    ("serviceOrderId",               _T,    _S),
    ("serviceOrderHref",             _T,    _S),
    ("itemId",                       _T,    _S),
)
# fmt: on
SENT = (
    SERVICE_ORDER,
    SERVICE_ORDER_ITEM,
    SERVICE_ORDERED,
    CHARACTERISTIC,
    SPECIFICATION,
    RELATIONSHIP,
    ITEM_REF,
    CANCEL,
    ORDER_REF,
    SUBSCRIPTION,
    SERVICE_ORDER_UPDATE,
)  # fmt: skip
"""What clients send."""
RESOURCES = (*SENT[:-1], SERVICE, RELATED_ITEM, ERROR_MESSAGE, JEOPARDY, MILESTONE, ERROR)
"""All of it."""
