# SPDX-License-Identifier: Apache-2.0
"""Documents as orders, and orders as documents; whatever is wrong is told with its place."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.app.order_views import ItemEnd, OrderDetails, OrderProgress
from preroll.app.orders import OrderEdit
from preroll.domain.errors import Invalid
from preroll.domain.order import OrderItem, OrderKind, OrderPhase, OrderState
from preroll.domain.ordered import Order
from preroll.domain.window import SECOND
from preroll.tmf.orders import new_order, order_document, patch

SPEC = {"serviceSpecification": {"id": "Contribution", "version": "2"}}


def add(**more: Any) -> dict[str, Any]:
    return {"id": "1", "action": "add", "service": {"name": "Line to B", **SPEC}, **more}


def order(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"serviceOrderItem": list(items or (add(),)), **more}


def test_what_is_ordered_is_what_was_said():
    characteristics = [
        {"name": "channel", "value": 7},
        {"name": "node:encoder", "value": {"resource": "ENC 1", "profile": "HD"}},
    ]
    said = order(
        add(service={"name": "Line to B", **SPEC, "serviceCharacteristic": characteristics}),
        {"id": "2", "action": "modify", "service": {"id": "s2", "state": "inactive"},
         "serviceOrderItemRelationship": [{"relationshipType": "dependency", "orderItem": {"itemId": "1"}}]},
        {"id": "3", "action": "modify", "service": {"id": "s3", "serviceCharacteristic": characteristics[:1]}},
        {"id": "4", "action": "delete", "service": {"id": "s4"}},
        {"id": "5", "action": "noChange", "service": {"id": "s5"}},
        externalId="PO-1", priority="3", description="Two lines", requestedStartDate="2026-03-01T19:00:00.5+01:00",
        relatedParty=[{"id": "x", "@referredType": "Individual"}], **{"@type": "ServiceOrder"},
    )  # fmt: skip
    found = new_order(said, "tv")
    new = found.new
    assert (new.platform, new.name, new.external, new.priority) == ("tv", "Two lines", "PO-1", 3)
    assert found.start_us == 1_772_388_000 * SECOND
    values = {"properties": {"channel": 7}, "nodes": {"encoder": {"resource": "ENC 1", "profile": "HD"}}}
    assert new.items == (
        OrderItem("1", OrderKind.PROVISION, "", values={
            "definition": "Contribution", "version": 2, "name": "Line to B", **values}),
        OrderItem("2", OrderKind.DEACTIVATE, "s2", after=("1",)),
        OrderItem("3", OrderKind.MODIFY, "s3", values={"properties": {"channel": 7}, "nodes": {}}),
        OrderItem("4", OrderKind.DECOMMISSION, "s4"),
    )  # fmt: skip


WRONG = {
    "no items": ({}, "serviceOrderItem"),
    "empty items": ({"serviceOrderItem": []}, "serviceOrderItem"),
    "items are no list": ({"serviceOrderItem": {}}, "serviceOrderItem"),
    "nothing changes": (order({"id": "1", "action": "noChange", "service": {"id": "s"}}), "serviceOrderItem"),
    "an item is no object": ({"serviceOrderItem": [1]}, "serviceOrderItem.0"),
    "no id": (order({"action": "add", "service": SPEC}), "serviceOrderItem.0.id"),
    "no action": (order({"id": "1", "service": SPEC}), "serviceOrderItem.0.action"),
    "no service": (order({"id": "1", "action": "add"}), "serviceOrderItem.0.service"),
    "unknown action": (order(add(action="move")), "serviceOrderItem.0.action"),
    "several of it": (order(add(quantity=2)), "serviceOrderItem.0.quantity"),
    "items within items": (order(add(serviceOrderItem=[add()])), "serviceOrderItem.0.serviceOrderItem"),
    "no specification": (order(add(service={"name": "x"})), "serviceOrderItem.0.service.serviceSpecification"),
    "an id of its own": (order(add(service={"id": "s", **SPEC})), "serviceOrderItem.0.service.id"),
    "a window": (order(add(service={**SPEC, "endDate": "2026-03-02T00:00:00Z"})), "serviceOrderItem.0.service.endDate"),
    "no version": (
        order(add(service={"serviceSpecification": {"id": "A", "version": "two"}})),
        "serviceOrderItem.0.service.serviceSpecification.version",
    ),
    "a characteristic without value": (
        order(add(service={**SPEC, "serviceCharacteristic": [{"name": "a"}]})),
        "serviceOrderItem.0.service.serviceCharacteristic.0.value",
    ),
    "another relationship": (
        order(add(serviceOrderItemRelationship=[{"relationshipType": "bundles", "orderItem": {"itemId": "2"}}])),
        "serviceOrderItem.0.serviceOrderItemRelationship.0.relationshipType",
    ),
    "a slip": (order(**{"requestedStartdate": "x"}), "requestedStartdate"),
    "no time": (order(requestedStartDate="tomorrow"), "requestedStartDate"),
    "no zone": (order(requestedStartDate="2026-03-01T18:00:00"), "requestedStartDate"),
    "no number": (order(priority="high"), "priority"),
    "a service that is terminated": (
        order({"id": "1", "action": "modify", "service": {"id": "s", "state": "terminated"}}),
        "serviceOrderItem.0.service.state",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_with_its_place(what: str):
    said, where = WRONG[what]
    with pytest.raises(Invalid) as refused:
        new_order(said, "tv")
    assert where in [mistake.where for mistake in refused.value.mistakes]


NAMES = [
    "id", "action", "service", "serviceOrderItem", "state", "serviceSpecification", "name", "value", "priority", "x",
    "serviceCharacteristic", "serviceOrderItemRelationship", "orderItem",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["serviceOrderItem", "priority", "state", "requestedStartDate"]), JSON))
def test_no_document_breaks_the_reader(said: dict[str, Any]):
    for read in (lambda: new_order(said, "tv"), lambda: patch(said)):
        with suppress(Invalid):
            read()


def test_a_patch_changes_words_and_times_and_cancels():
    found = patch({"description": "B", "priority": 2, "requestedStartDate": "2026-03-01T18:00:00Z"})
    assert (found.edit, found.cancels) == (OrderEdit(name="B", priority=2), False)
    assert found.start_us == 1_772_388_000 * SECOND
    assert patch({"state": "cancelled"}).cancels
    assert not patch({"state": "cancelled"}).edits
    for said in ({"state": "completed"}, {"serviceOrderItem": []}, {"id": "x"}, {"colour": "red"}):
        with pytest.raises(Invalid):
            patch(said)


ITEMS = (
    OrderItem("1", OrderKind.PROVISION, "s1", values={
        "definition": "Contribution", "version": 2, "name": "Line", "properties": {"channel": 7, "on": True},
        "nodes": {"encoder": {"resource": "r1", "profile": None, "values": {"key": "secret"}}}}),
    OrderItem("2", OrderKind.DECOMMISSION, "s2", after=("1",)),
)  # fmt: skip


def test_an_order_is_told_in_their_words_and_without_values_that_may_be_secret():
    stored = Order("Two lines", 1, ITEMS, OrderState.SCHEDULED, due_us=1_772_388_000 * SECOND, id="o1", priority=3)
    document = order_document(OrderProgress(stored), "tv")
    assert document == {
        "id": "o1", "href": "/tmf-api/serviceOrdering/v4/serviceOrder/o1", "@type": "ServiceOrder", "category": "tv",
        "description": "Two lines", "priority": "3", "state": "acknowledged", "orderDate": "1970-01-01T00:00:00.000Z",
        "requestedStartDate": "2026-03-01T18:00:00.000Z", "serviceOrderItem": document["serviceOrderItem"],
    }  # fmt: skip
    first, second = document["serviceOrderItem"]
    assert (first["action"], first["state"], second["action"]) == ("add", "acknowledged", "delete")
    assert first["service"]["serviceSpecification"]["id"] == "Contribution"
    assert [(c["name"], c["valueType"], c["value"]) for c in first["service"]["serviceCharacteristic"]] == [
        ("channel", "integer", 7), ("on", "boolean", True), ("node:encoder", "object", {"resource": "r1"}),
    ]  # fmt: skip
    assert second["serviceOrderItemRelationship"][0]["orderItem"]["itemId"] == "1"
    assert "secret" not in str(document)


def test_an_order_of_which_a_part_failed_tells_which():
    stored = Order("Two", 1, ITEMS, OrderState.FAILED_DEPLOY, why="a device is down", id="o1")
    ends = {"1": ItemEnd(OrderState.COMPLETED), "2": ItemEnd(OrderState.FAILED_DEPLOY, "no answer")}
    document = order_document(OrderDetails(stored, "tv", (), items=ends), "tv")
    assert (document["state"], document["errorMessage"][0]["message"]) == ("partial", "a device is down")
    assert [(item["state"], "errorMessage" in item) for item in document["serviceOrderItem"]] == [
        ("completed", False), ("failed", True),
    ]  # fmt: skip
    running = Order("Two", 1, ITEMS, OrderState.IN_PROGRESS, id="o1")
    ends = {name: ItemEnd(OrderState.IN_PROGRESS) for name in ("1", "2")}
    told = OrderDetails(running, "tv", (), phase=OrderPhase.ROLLING_BACK, canceling=True, items=ends)
    assert order_document(told, "tv")["state"] == "pendingCancellation"
