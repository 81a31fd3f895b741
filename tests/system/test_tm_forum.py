# SPDX-License-Identifier: Apache-2.0
"""A client of the TM Forum's APIs through to the devices: order, watch, change, take down; and what hubs are told."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from preroll.app.deliveries import Due
from preroll.domain.permission import LOCAL
from preroll.domain.subscription import Kind, Subscription
from preroll.domain.window import SECOND
from preroll.drivers.sim import FaultKind
from preroll.store.sqlite import SqliteConnection
from preroll.tmf import create_tmf
from preroll.tmf.hubs import events
from tests.system.stage import Stage
from tests.system.test_orders import LINE, OFF, ON

ORDERS, SERVICES = "serviceOrdering/v4/serviceOrder", "serviceInventory/v4/service"
CANCELS = "serviceOrdering/v4/cancelServiceOrder"
OF_ORDERS = re.compile(r"from (service|service_order|service_revision|order_item)\b")


class Oss:
    """An operator's system, and the devices behind the door."""

    def __init__(self, http: httpx.AsyncClient, stage: Stage) -> None:
        self.http, self.stage = http, stage

    async def order(self, action: str, **service: Any) -> dict[str, Any]:
        """Order, and look again when all is over."""
        body = {"serviceOrderItem": [{"id": "1", "action": action, "service": service}]}
        made = await self.http.post(ORDERS, json=body)
        assert made.status_code == 201, made.text
        await self.stage.rig.quiet()
        return await self.read(made.json()["href"])

    async def read(self, href: str) -> dict[str, Any]:
        answer = await self.http.get(f"http://localhost{href}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def line(self) -> dict[str, Any]:
        ends = [{"name": f"node:{label}", "value": {"resource": name}} for label, name in
                (("A", "enc-1"), ("B", "enc-2"))]  # fmt: skip
        specification = {"id": "Line"}
        return await self.order(
            "add", name="Line to B", serviceSpecification=specification, serviceCharacteristic=ends
        )  # fmt: skip

    def device(self, name: str) -> dict[str, object]:
        return dict(self.stage.device(name))


@pytest.fixture
async def oss(stage: Stage) -> AsyncIterator[Oss]:
    await stage.app.catalogue.apply(LOCAL, "default", [LINE])
    for name in ("enc-1", "enc-2", "enc-3"):
        stage.rig.devices.introduce(name, dict(OFF))
    transport = httpx.ASGITransport(create_tmf(stage.app, stage.rig.clock))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/tmf-api/") as http:
        yield Oss(http, stage)


async def test_a_service_is_ordered_changed_and_taken_down(oss: Oss):
    order = await oss.line()
    assert (order["state"], order["serviceOrderItem"][0]["state"]) == ("completed", "completed")
    assert order["completionDate"]
    assert oss.device("enc-1") == oss.device("enc-2") == ON
    href = order["serviceOrderItem"][0]["service"]["href"]
    service = await oss.read(href)
    assert (service["state"], service["isServiceEnabled"], service["name"]) == ("active", True, "Line to B")
    assert service["serviceOrderItem"][0]["serviceOrderId"] == order["id"]
    other = [{"name": "node:A", "value": {"values": {"input": "SDI 2"}}}]
    assert (await oss.order("modify", id=service["id"], serviceCharacteristic=other))["state"] == "completed"
    assert oss.device("enc-1") == {**ON, "video.input": "SDI 2"}
    assert (await oss.order("modify", id=service["id"], state="inactive"))["state"] == "completed"
    assert (await oss.read(href))["state"] == "inactive"
    listed = await oss.http.get(SERVICES, params={"state": "inactive", "fields": "state"})
    assert [one["id"] for one in listed.json()] == [service["id"]]
    assert (await oss.http.get(SERVICES, params={"state": "active"})).json() == []
    assert (await oss.order("delete", id=service["id"]))["state"] == "completed"
    gone = await oss.read(href)
    assert (gone["state"], gone["isServiceEnabled"], "endDate" in gone) == ("terminated", False, True)
    orders = await oss.http.get(ORDERS, params={"state": "completed", "serviceOrderItem.service.id": service["id"]})
    assert orders.headers["x-total-count"] == "4"


async def test_what_is_wrong_is_told_in_the_words_of_the_specification(oss: Oss):
    line = await oss.line()
    service = line["serviceOrderItem"][0]["service"]["id"]
    rate = {"name": "node:A", "value": {"values": {"bitrat": 5}}}
    body = {"serviceOrderItem": [
        {"id": "0", "action": "noChange", "service": {"id": service}},
        {"id": "1", "action": "add", "service": {"serviceSpecification": {"id": "Nothing"}}},
        {"id": "2", "action": "modify", "service": {"id": service, "serviceCharacteristic": [rate]}},
        {"id": "3", "action": "delete", "service": {"id": "nowhere"}},
    ]}  # fmt: skip
    refused = await oss.http.post(ORDERS, json=body)
    assert refused.status_code == 400
    told = refused.json()["message"]
    assert "serviceOrderItem.1.service.serviceSpecification.id: no service definition Nothing" in told
    assert "serviceOrderItem.2.service.serviceCharacteristic.node:A.values.bitrat: is not a parameter" in told
    assert "serviceOrderItem.3.service.id: 'nowhere' is no service" in told
    assert "items." not in told.replace("serviceOrderItem.", "")
    assert [one["id"] for one in (await oss.http.get(ORDERS)).json()] == [line["id"]], "nothing was stored"


async def test_a_device_that_is_down_fails_the_order_and_says_why(oss: Oss):
    oss.stage.rig.devices.fault("enc-2", FaultKind.VANISHES)
    order = await oss.line()
    assert order["state"] == "failed"
    assert "enc-2" in order["errorMessage"][0]["message"]
    assert (await oss.http.get(SERVICES)).json() == []
    assert oss.device("enc-1") == OFF
    listed = await oss.http.get(ORDERS, params={"state": "failed"})
    assert [one["id"] for one in listed.json()] == [order["id"]]


async def test_a_hub_is_told_the_course_of_an_order_and_of_its_service(oss: Oss):
    order = await oss.line()
    service = order["serviceOrderItem"][0]["service"]["id"]
    await oss.order("delete", id=service)
    rig = oss.stage.rig
    told = await rig.store.read(lambda tx: [*tx.changes.of(order["id"]), *tx.changes.of(service)])
    parcels = events(Subscription("hub", Kind.TMF, ""), Due(told, "", len(told), {}, {}))
    said = [json.loads(parcel.message.body) for parcel in parcels]
    assert [(one["eventType"], *one["event"].values()) for one in said] == [
        ("ServiceOrderCreateEvent", of(order, state="acknowledged")),
        ("ServiceOrderStateChangeEvent", of(order, state="inProgress")),
        ("ServiceOrderStateChangeEvent", of(order, state="completed")),
        ("ServiceCreateEvent", of(order["serviceOrderItem"][0]["service"], isServiceEnabled=True)),
        ("ServiceStateChangeEvent",
         of(order["serviceOrderItem"][0]["service"], state="terminated", isServiceEnabled=False)),
    ]  # fmt: skip


async def test_an_order_that_is_being_deployed_is_canceled_and_the_hub_is_told_how_that_went(oss: Oss):
    rig = oss.stage.rig
    rig.devices.fault("enc-2", FaultKind.SLOW, on="apply", seconds=30)
    ends = [{"name": "node:A", "value": {"resource": "enc-1"}}, {"name": "node:B", "value": {"resource": "enc-2"}}]
    service = {"name": "Line", "serviceSpecification": {"id": "Line"}, "serviceCharacteristic": ends}
    body = {"serviceOrderItem": [{"id": "1", "action": "add", "service": service}]}
    order = (await oss.http.post(ORDERS, json=body)).json()
    await rig.until(oss.stage.now + 5 * SECOND)
    assert (await oss.read(order["href"]))["state"] == "inProgress"
    asked = await oss.http.post(CANCELS, json={"serviceOrder": {"id": order["id"]}, "cancellationReason": "a slip"})
    cancel = asked.json()
    assert (asked.status_code, cancel["state"]) == (201, "inProgress")
    await rig.quiet()
    assert (await oss.read(order["href"]))["state"] == "cancelled"
    over = await oss.read(cancel["href"])
    assert (over["state"], over["cancellationReason"]) == ("done", "a slip")
    assert over["effectiveCancellationDate"]
    told = await rig.store.read(lambda tx: tx.changes.of(order["id"]))
    parcels = events(Subscription("hub", Kind.TMF, ""), Due(told, "", len(told), {}, {}))
    said = [json.loads(parcel.message.body) for parcel in parcels]
    assert [(one["eventType"], *[noun["state"] for noun in one["event"].values()]) for one in said] == [
        ("ServiceOrderCreateEvent", "acknowledged"),
        ("ServiceOrderStateChangeEvent", "inProgress"),
        ("ServiceOrderStateChangeEvent", "assessingCancellation"),
        ("CancelServiceOrderCreateEvent", "inProgress"),
        ("ServiceOrderStateChangeEvent", "cancelled"),
        ("CancelServiceOrderStateChangeEvent", "done"),
    ]


async def test_a_list_asks_the_store_as_often_for_many_as_for_few(oss: Oss, monkeypatch: pytest.MonkeyPatch):
    asked = list[str]()

    def counting(self: SqliteConnection, sql: str, *values: object, real: Any = SqliteConnection.all) -> Any:
        if OF_ORDERS.search(sql):  # the engine beside it asks for other things
            asked.append(sql)
        return real(self, sql, *values)

    async def queries(path: str, count: int) -> int:
        found = []
        for _ in range(3):  # now and then the engine beside it looks as well
            asked.clear()
            listed = await oss.http.get(path)
            assert len(listed.json()) == count
            found.append(len(asked))
        return min(found)

    first = (await oss.line())["serviceOrderItem"][0]["service"]["id"]
    monkeypatch.setattr(SqliteConnection, "all", counting)
    few = await queries(ORDERS, 1), await queries(SERVICES, 1)
    await oss.order("delete", id=first)
    oss.stage.rig.devices.fault("enc-3", FaultKind.VANISHES)
    for number in range(3):
        ends = [{"name": f"node:{label}", "value": {"resource": f"enc-{n}"}} for label, n in (("A", 1), ("B", 3))]
        specification = {"id": "Line"}
        failed = await oss.order(
            "add", name=f"Line {number}", serviceSpecification=specification, serviceCharacteristic=ends
        )
        assert failed["state"] == "failed", failed
    await oss.line()
    many = await queries(ORDERS, 6), await queries(SERVICES, 2)
    assert min(few) > 1
    assert many == few


def of(resource: dict[str, Any], **told: Any) -> dict[str, Any]:
    """A reference with what is told of it."""
    return {name: resource[name] for name in ("id", "href", "@type")} | told
