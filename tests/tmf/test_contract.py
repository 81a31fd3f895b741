# SPDX-License-Identifier: Apache-2.0
"""The door's description against its routes, what is published, and generated requests, good and bad."""

from __future__ import annotations

import asyncio
import itertools

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from preroll.app import build
from preroll.app.orders import NewOrder
from preroll.domain.config import Platform
from preroll.domain.definition import ServiceDefinition
from preroll.domain.order import OrderItem, OrderKind
from preroll.domain.permission import LOCAL
from preroll.store import open_inline_store
from preroll.tmf.application import DESCRIBED, create_tmf, description
from preroll.tmf.hubs import EVENTS
from preroll.tmf.resources import RESOURCES
from tests.api.conftest import StandingClock
from tests.generated import CHECKS

ORDERING, INVENTORY = "/tmf-api/serviceOrdering/v4", "/tmf-api/serviceInventory/v4"
# TMF641 v4.1.0 and TMF638 v4.0.0: method, path -> operationId
PUBLISHED = {
    ("get", f"{ORDERING}/serviceOrder"): "listServiceOrder",
    ("post", f"{ORDERING}/serviceOrder"): "createServiceOrder",
    ("get", f"{ORDERING}/serviceOrder/{{id}}"): "retrieveServiceOrder",
    ("patch", f"{ORDERING}/serviceOrder/{{id}}"): "patchServiceOrder",
    ("delete", f"{ORDERING}/serviceOrder/{{id}}"): "deleteServiceOrder",
    ("get", f"{ORDERING}/cancelServiceOrder"): "listCancelServiceOrder",
    ("post", f"{ORDERING}/cancelServiceOrder"): "createCancelServiceOrder",
    ("get", f"{ORDERING}/cancelServiceOrder/{{id}}"): "retrieveCancelServiceOrder",
    ("post", f"{ORDERING}/hub"): "",
    ("delete", f"{ORDERING}/hub/{{id}}"): "",
    ("get", f"{INVENTORY}/service"): "listService",
    ("get", f"{INVENTORY}/service/{{id}}"): "retrieveService",
    ("post", f"{INVENTORY}/hub"): "",
    ("delete", f"{INVENTORY}/hub/{{id}}"): "",
}
OURS = {("get", f"{base}/hub{path}") for base in (ORDERING, INVENTORY) for path in ("", "/{id}")}
NOTIFICATIONS = {
    "ServiceOrderCreateEvent", "ServiceOrderAttributeValueChangeEvent", "ServiceOrderStateChangeEvent",
    "ServiceOrderDeleteEvent", "ServiceOrderInformationRequiredEvent", "ServiceOrderMilestoneEvent",
    "ServiceOrderJeopardyEvent", "CancelServiceOrderCreateEvent", "CancelServiceOrderStateChangeEvent",
    "CancelServiceOrderInformationRequiredEvent", "ServiceCreateEvent", "ServiceAttributeValueChangeEvent",
    "ServiceStateChangeEvent", "ServiceDeleteEvent",
}  # fmt: skip
MANDATORY = {
    "ServiceOrder": {"serviceOrderItem"}, "ServiceOrderItem": {"id", "action", "service"},
    "Characteristic": {"name", "value"}, "ServiceSpecificationRef": {"id"}, "ServiceOrderRef": {"id"},
    "CancelServiceOrder": {"serviceOrder"}, "EventSubscription": {"callback"},
}  # fmt: skip


def operations():
    return {(m, path): op for path, methods in description()["paths"].items() for m, op in methods.items()}


def test_every_published_operation_is_there_under_its_name_and_the_rest_is_listed_as_ours():
    found = operations()
    assert set(found) == PUBLISHED.keys() | OURS
    assert all(found[where]["operationId"] == name for where, name in PUBLISHED.items() if name)
    assert len({op["operationId"] for op in found.values()}) == len(found)


def test_every_published_event_has_a_row_and_no_other():
    assert {event.name for event in EVENTS} == NOTIFICATIONS


@pytest.mark.parametrize("name", MANDATORY)
def test_what_is_mandatory_in_the_publication_is_mandatory_here_and_nothing_else(name: str):
    schemas = description()["components"]["schemas"]
    assert set(schemas[f"{name}_Create"]["required"]) == MANDATORY[name]


def test_every_reference_leads_somewhere_and_every_refusal_is_an_error():
    document = description()
    names = document["components"]["schemas"].keys()
    text = str(document)
    assert {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]} <= names
    assert {one.name for one in RESOURCES} <= names
    for operation in operations().values():
        for status, answer in operation["responses"].items():
            if status[0] in "45":
                assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/Error")


_store = open_inline_store(StandingClock())
_app = build(_store, None)
_door = create_tmf(_app, StandingClock(), hosts=None)
asyncio.run(_app.platforms.put(LOCAL, Platform("tv")))
asyncio.run(_app.catalogue.apply(LOCAL, "tv", [ServiceDefinition("Plain")]))
_numbers = itertools.count()
schema = schemathesis.openapi.from_asgi(DESCRIBED, _door)


def an_order() -> str:
    """A fresh order that a generated request may change."""
    item = OrderItem("1", OrderKind.PROVISION, "", values={"definition": "Plain", "name": f"Line {next(_numbers)}"})
    return asyncio.run(_app.orders.create(LOCAL, NewOrder("tv", "An order", (item,)))).order.id


@schema.parametrize()
@settings(
    max_examples=5, derandomize=True, database=None, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_every_answer_is_as_described_and_what_is_refused_changes_nothing(case: schemathesis.Case):
    before = asyncio.run(_store.feed.tail())
    answer = case.call_and_validate(checks=CHECKS)
    if answer.status_code >= 400:
        assert answer.json()["reason"]
        assert asyncio.run(_store.feed.tail()) == before
    if "serviceOrder/{id}" in case.path:
        case.path_parameters = {"id": an_order()}
        case.call_and_validate(checks=CHECKS)
