# SPDX-License-Identifier: Apache-2.0
"""TMF638 ``Service``: a service that orders have made, as a document. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from preroll.app.services import ServiceMade
from preroll.domain.booking import NodeChoice
from preroll.domain.service_instance import EXISTS, Provisioned
from preroll.tmf.reading import written
from preroll.tmf.resources import NODE
from preroll.tmf.states import service_state

INVENTORY = "/tmf-api/serviceInventory/v4"
ORDERING = "/tmf-api/serviceOrdering/v4"


def service_href(ident: str) -> str:
    """Where a service is."""
    return f"{INVENTORY}/service/{ident}"


def order_href(ident: str) -> str:
    """Where an order is."""
    return f"{ORDERING}/serviceOrder/{ident}"


def cancel_href(ident: str) -> str:
    """Where the cancellation of an order is."""
    return f"{ORDERING}/cancelServiceOrder/{ident}"


def specification(name: str, version: int | None) -> dict[str, Any]:
    """A reference to a service definition."""
    known = {"id": name, "name": name, "@type": "ServiceSpecificationRef"}
    return known if version is None else {**known, "version": str(version)}


def characteristic(name: str, value: object) -> dict[str, Any]:
    """A property or a node, with its type in the words of JSON."""
    kinds: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return {"name": name, "valueType": kinds.get(type(value), "object"), "value": value, "@type": "Characteristic"}


def characteristics(nodes: Mapping[str, object], properties: Mapping[str, object]) -> list[dict[str, Any]]:
    """Properties, then nodes."""
    found = [characteristic(name, value) for name, value in properties.items()]
    return found + [characteristic(f"{NODE}{label}", value) for label, value in nodes.items()]


def service_document(details: ServiceMade) -> dict[str, Any]:
    """The document of a service.

    ``isServiceEnabled`` false and ``hasStarted`` true: it has failed (TMF638 v4.0).
    """
    service, definition = details.service, details.definition
    exists, failed = service.state in EXISTS, service.state is Provisioned.FAIL_DEPLOY
    document: dict[str, Any] = {
        "id": service.id, "href": service_href(service.id), "@type": "Service", "name": service.name,
        "category": details.platform, "serviceType": definition.name,
        "state": service_state(service.state, service.runs), "hasStarted": True,
        "isServiceEnabled": exists and not failed, "serviceDate": written(service.created_us),
        "startDate": written(service.created_us),
        "serviceSpecification": specification(definition.name, definition.version),
        "serviceCharacteristic": characteristics(
            {label: _node(choice) for label, choice in details.carrier.nodes.items()}, details.carrier.properties
        ),
        "serviceOrderItem": [
            {
                "role": "made by", "serviceOrderId": one.order, "serviceOrderHref": order_href(one.order),
                "itemId": one.item, "@type": "RelatedServiceOrderItem",
            }
            for one in details.revisions if one.order
        ],
    }  # fmt: skip
    if not exists:
        document["endDate"] = written(service.changed_us)
    return document


def _node(choice: NodeChoice) -> dict[str, object]:
    """What a node is made of; values are left out, as some are secrets."""
    return {name: value for name, value in (("resource", choice.resource), ("profile", choice.profile)) if value}
