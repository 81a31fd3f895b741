# SPDX-License-Identifier: Apache-2.0
"""An operator's system that knows nothing of Preroll: it orders, watches, cancels, and is told by its hub."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from preroll.app import App
from preroll.app.deliveries import Deliveries
from preroll.app.orders import NewOrder, Time
from preroll.domain.config import Platform
from preroll.domain.order import OrderItem, OrderKind
from preroll.domain.permission import LOCAL
from preroll.domain.subscription import Kind
from preroll.domain.window import DAY
from preroll.store import SqlStore
from preroll.tmf import create_tmf
from preroll.tmf.hubs import events
from tests.api.conftest import NOON, StandingClock
from tests.tmf.conftest import Client

ORDERS, CANCELS = "serviceOrdering/v4/serviceOrder", "serviceOrdering/v4/cancelServiceOrder"
SERVICES, HUB = "serviceInventory/v4/service", "serviceOrdering/v4/hub"
LATER = "2026-03-02T18:00:00Z"


def ordered(resource: str = "ENC 1", **more: Any) -> dict[str, Any]:
    node = {"name": "node:encoder", "value": {"resource": resource}}
    service = {
        "name": f"Line by {resource}", "serviceSpecification": {"id": "Contribution"}, "serviceCharacteristic": [node],
    }  # fmt: skip
    item = {"id": "1", "action": "add", "service": service}
    return {"serviceOrderItem": [item], "requestedStartDate": LATER, **more}


async def made(oss: httpx.AsyncClient, *given: Any, **more: Any) -> dict[str, Any]:
    answer = await oss.post(ORDERS, json=ordered(*given, **more))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_order_watch_cancel(oss: httpx.AsyncClient):
    answer = await oss.post(ORDERS, json=ordered(externalId="PO-1"))
    order = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, order["href"])
    assert (order["state"], order["requestedStartDate"]) == ("acknowledged", "2026-03-02T18:00:00.000Z")
    assert order["serviceOrderItem"][0]["service"]["id"]
    assert (await oss.get(f"http://localhost{order['href']}")).json() == order
    canceled = await oss.post(CANCELS, json={"serviceOrder": {"id": order["id"]}, "cancellationReason": "not wanted"})
    assert (canceled.status_code, canceled.json()["state"]) == (201, "done"), canceled.text
    after = (await oss.get(f"{ORDERS}/{order['id']}")).json()
    assert (after["state"], after["cancellationReason"]) == ("cancelled", "not wanted")
    assert (await oss.get(f"{CANCELS}/{order['id']}")).json() == canceled.json()
    listed = await oss.get(CANCELS)
    assert (listed.json(), listed.headers["x-total-count"]) == ([canceled.json()], "1")
    other = (await oss.post(ORDERS, json=ordered("ENC 2"))).json()
    assert (await oss.get(f"{CANCELS}/{other['id']}")).status_code == 404, "nobody asked for it"
    again = await oss.post(CANCELS, json={"serviceOrder": {"id": order["id"]}})
    assert (again.status_code, again.json()["code"]) == (409, "action_not_possible"), again.text
    assert (await oss.delete(f"{ORDERS}/{order['id']}")).status_code == 204
    assert (await oss.get(f"{ORDERS}/{order['id']}")).status_code == 404


async def test_a_start_that_has_passed_is_now_and_a_patch_moves_it(oss: httpx.AsyncClient):
    order = await made(oss, requestedStartDate="2020-01-01T00:00:00Z")
    assert order["requestedStartDate"] == "2026-03-01T12:00:00.000Z"
    path = f"{ORDERS}/{order['id']}"
    moved = await oss.patch(path, json={"requestedStartDate": LATER})
    assert (moved.status_code, moved.json()["requestedStartDate"]) == (200, "2026-03-02T18:00:00.000Z"), moved.text
    assert (await oss.patch(path, json={"state": "cancelled"})).json()["state"] == "cancelled"
    assert (await oss.patch(path, json={"state": "completed"})).status_code == 400


async def test_a_patch_changes_all_that_it_says_or_nothing(oss: httpx.AsyncClient, app: App, store: SqlStore):
    first = await made(oss)
    values = {"definition": "Contribution", "name": "Rival", "nodes": {"encoder": {"resource": "ENC 1"}}}
    new = NewOrder("tv", "Rival", (OrderItem("1", OrderKind.PROVISION, "", values=values),))
    rival = await app.orders.create(LOCAL, new)
    path, before = f"{ORDERS}/{rival.order.id}", await store.feed.tail()
    both = {"description": "Later", "requestedStartDate": LATER}
    refused = await oss.patch(path, json=both)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict"), refused.text
    assert ((await oss.get(path)).json()["description"], await store.feed.tail()) == ("Rival", before)
    await oss.patch(f"{ORDERS}/{first['id']}", json={"state": "cancelled"})
    done = await oss.patch(path, json=both)
    assert (done.status_code, done.json()["description"]) == (200, "Later"), done.text
    assert done.json()["requestedStartDate"] == "2026-03-02T18:00:00.000Z"
    over = (await oss.patch(path, json={"requestedStartDate": LATER, "state": "cancelled"})).json()
    assert over["state"] == "cancelled"


async def test_what_cannot_be_held_is_not_kept(oss: httpx.AsyncClient, store: SqlStore):
    await made(oss)
    before = await store.feed.tail()
    refused = await oss.post(ORDERS, json=ordered())
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict"), refused.text
    assert (await oss.get(ORDERS)).headers["x-total-count"] == "1"
    assert await store.feed.tail() == before, "not even for a moment"


async def test_a_repeat_under_the_same_key_orders_once(oss: httpx.AsyncClient):
    key = {"Idempotency-Key": "k1"}
    first = await oss.post(ORDERS, json=ordered(), headers=key)
    again = await oss.post(ORDERS, json=ordered(), headers=key)
    assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (201, first.json(), "true")
    assert again.headers["location"] == first.headers["location"]
    other = await oss.post(ORDERS, json=ordered("ENC 2"), headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert (await oss.get(ORDERS)).headers["x-total-count"] == "1"
    assert (await oss.post(ORDERS, json=ordered(), headers={"Idempotency-Key": ""})).status_code == 400


async def test_a_repeat_with_the_same_external_id_and_body_orders_once_unless_the_first_ended_in_vain(
    oss: httpx.AsyncClient,
):
    first = await oss.post(ORDERS, json=ordered(externalId="PO-1"))
    again = await oss.post(ORDERS, json=ordered(externalId="PO-1"))
    assert (again.json()["id"], again.headers["idempotency-replayed"]) == (first.json()["id"], "true")
    assert (await made(oss, "ENC 2", externalId="PO-1"))["id"] != first.json()["id"], "another body is another order"
    assert (await oss.patch(f"{ORDERS}/{first.json()['id']}", json={"state": "cancelled"})).status_code == 200
    anew = await oss.post(ORDERS, json=ordered(externalId="PO-1"))
    assert (anew.status_code, "idempotency-replayed" in anew.headers) == (201, False), anew.text
    assert anew.json()["id"] != first.json()["id"]
    again = await oss.post(ORDERS, json=ordered(externalId="PO-1"))
    assert again.json()["id"] == anew.json()["id"]
    assert (await oss.get(ORDERS)).headers["x-total-count"] == "3"


async def test_lists_are_counted_paged_narrowed_and_filtered(oss: httpx.AsyncClient):
    first, second = await made(oss, externalId="PO-1"), await made(oss, "ENC 2")
    whole = await oss.get(ORDERS)
    assert [one["id"] for one in whole.json()] == [second["id"], first["id"]]
    page = await oss.get(ORDERS, params={"offset": 1, "limit": 1, "fields": "state,externalId"})
    assert (page.headers["x-total-count"], page.headers["x-result-count"]) == ("2", "1")
    assert page.json() == [
        {"id": first["id"], "href": first["href"], "@type": "ServiceOrder", "externalId": "PO-1",
         "state": "acknowledged"}
    ]  # fmt: skip
    for asked, found in (
        ({"externalId": "PO-1"}, [first]),
        ({"id": second["id"]}, [second]),
        ({"id": second["id"], "externalId": "PO-1"}, []),
        ({"id": "none"}, []),
        ({"state": "acknowledged"}, [second, first]),
        ({"state": '"acknowledged"'}, [second, first]),
        ({"state": "completed,acknowledged"}, [second, first]),
        ({"state": "completed"}, []),
        ({"state": "held,inProgress"}, []),
        ({"state": "held"}, []),
        ({"category": "tv"}, [second, first]),
        ({"category": "radio"}, []),
        ({"serviceOrderItem.service.id": first["serviceOrderItem"][0]["service"]["id"]}, [first]),
    ):
        answer = await oss.get(ORDERS, params=asked)
        assert [one["id"] for one in answer.json()] == [one["id"] for one in found], asked
        assert answer.headers["x-total-count"] == str(len(found))
    assert page.headers["link"] == (
        '</tmf-api/serviceOrdering/v4/serviceOrder?fields=state%2CexternalId&offset=0&limit=1>; rel="first", '
        '</tmf-api/serviceOrdering/v4/serviceOrder?fields=state%2CexternalId&offset=0&limit=1>; rel="prev"'
    )
    begun = await oss.get(ORDERS, params={"limit": 1})
    assert begun.headers["link"] == f'</tmf-api/{ORDERS}?offset=1&limit=1>; rel="next"'
    assert "link" not in whole.headers
    one = await oss.get(f"{ORDERS}/{first['id']}", params={"fields": "none"})
    assert set(one.json()) == {"id", "href", "@type"}


@pytest.mark.parametrize(
    "said",
    [{"serviceOrder": {}}, {"serviceOrder": "o1"}, {}, {"serviceOrder": {"id": "o1"}, "colour": "red"},
     {"serviceOrder": {"id": "o1"}, "requestedCancellationDate": "2026-03-02T18:00:00Z"},
     {"serviceOrder": {"id": "o1"}, "completionMessage": 7}],
)  # fmt: skip
async def test_a_cancellation_that_says_something_wrong_is_refused(oss: httpx.AsyncClient, said: dict[str, Any]):
    answer = await oss.post(CANCELS, json=said)
    assert (answer.status_code, answer.json()["@type"]) == (400, "Error"), answer.text
    now = {"serviceOrder": {"id": "o1"}, "requestedCancellationDate": "2026-03-01T12:00:00Z"}
    assert (await oss.post(CANCELS, json=now)).status_code == 404


@pytest.mark.parametrize("query", ["limit=-1", "offset=x", "state=deferred", "colour=red", "limit=1&limit=2"])
async def test_a_query_that_is_wrong_is_refused(oss: httpx.AsyncClient, query: str):
    answer = await oss.get(f"{ORDERS}?{query}")
    assert (answer.status_code, answer.json()["@type"]) == (400, "Error")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000, b'{"serviceOrderItem": []}', b'{"a": NaN}',
     b'{"a": 1e999}', b'{"description": "\\ud800"}', b'{"description": "\\u0000"}', b'{"a": 99999999999999999999}']
)  # fmt: skip
async def test_a_body_that_cannot_be_read_is_refused_with_the_reason_and_nothing_is_stored(
    oss: httpx.AsyncClient, body: bytes
):
    answer = await oss.post(ORDERS, content=body)
    error = answer.json()
    assert (answer.status_code, error["status"], error["@type"]) == (400, "400", "Error")
    assert error["code"]
    assert error["reason"]
    assert error["message"]
    assert (await oss.get(ORDERS)).json() == []


async def test_what_is_ordered_wrongly_tells_where(oss: httpx.AsyncClient):
    body = ordered()
    body["serviceOrderItem"][0]["service"]["serviceSpecification"]["id"] = "Nope"
    answer = await oss.post(ORDERS, json=body)
    assert (answer.status_code, "Nope" in answer.json()["message"]) == (400, True)
    answer = await oss.post(ORDERS, json=ordered(category="radio"))
    assert answer.status_code == 404


async def test_with_several_platforms_the_category_says_which(oss: httpx.AsyncClient, app: App):
    await app.platforms.put(LOCAL, Platform("radio"))
    refused = await oss.post(ORDERS, json=ordered())
    assert (refused.status_code, "radio, tv" in refused.json()["message"]) == (400, True)
    assert (await made(oss, category="tv"))["category"] == "tv"


async def test_who_may_not_is_refused_and_who_is_unknown_gets_nowhere(client: Client):
    viewer, nobody = await client.who("eve", "viewer"), client.of("")
    assert (await viewer.post(ORDERS, json=ordered())).status_code == 403
    assert (await viewer.get(ORDERS)).status_code == 200
    for answer in (await nobody.get(ORDERS), await nobody.post(HUB, json={"callback": "https://a.example/"})):
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
    assert (await viewer.get("serviceOrdering/v4/nothing")).json()["@type"] == "Error"
    refused = await viewer.put(ORDERS)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")


async def test_a_hub_is_told_of_real_changes_alone(oss: httpx.AsyncClient, store: SqlStore, app: App):
    answer = await oss.post(HUB, json={"callback": "https://oss.example.org/listener", "query": ""})
    hub = answer.json()
    assert answer.status_code == 201, answer.text
    assert (hub["callback"], answer.headers["location"]) == (
        "https://oss.example.org/listener", f"/tmf-api/{HUB}/{hub['id']}"
    )  # fmt: skip
    order = await made(oss)
    await app.orders.reschedule(LOCAL, order["id"], None, Time(NOON + DAY))
    await app.orders.cancel(LOCAL, order["id"], None)
    (subscription,) = await store.write(lambda tx: tx.subscriptions.claim("A", {Kind.TMF}, 1))
    parcels = events(subscription, await Deliveries(store).due(subscription))
    told = [json.loads(parcel.message.body) for parcel in parcels]
    assert [(one["eventType"], *[(noun, said["state"]) for noun, said in one["event"].items()]) for one in told] == [
        ("ServiceOrderCreateEvent", ("serviceOrder", "acknowledged")),
        ("ServiceOrderAttributeValueChangeEvent", ("serviceOrder", "acknowledged")),
        ("ServiceOrderStateChangeEvent", ("serviceOrder", "cancelled")),
        ("CancelServiceOrderCreateEvent", ("cancelServiceOrder", "done")),
    ]
    assert {one["correlationId"] for one in told} == {order["id"]}
    assert told[0]["event"]["serviceOrder"]["href"] == told[3]["event"]["cancelServiceOrder"]["serviceOrder"]["href"]
    ids = [one["eventId"] for one in told]
    assert ids == [parcel.message.id for parcel in parcels] == list(dict.fromkeys(ids))
    assert parcels[2].position == parcels[1].position, "its second event is sent again when the first one was the last"
    assert (await oss.get(HUB)).json() == [hub]
    assert (await oss.get(f"{HUB}/{hub['id']}")).json() == hub
    again = await oss.post(HUB, json={"callback": "https://oss.example.org/listener"})
    assert again.status_code == 409, "the same callback with the same query"
    assert (await oss.get("serviceInventory/v4/hub")).json() == []
    assert (await oss.delete(f"serviceInventory/v4/hub/{hub['id']}")).status_code == 404
    assert (await oss.delete(f"{HUB}/{hub['id']}")).status_code == 204
    assert (await oss.delete(f"{HUB}/{hub['id']}")).status_code == 404


async def test_where_nobody_has_an_account_a_hub_is_told_as_well(app: App, store: SqlStore):
    transport = httpx.ASGITransport(create_tmf(app, StandingClock()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/tmf-api/") as oss:
        answer = await oss.post(HUB, json={"callback": "https://oss.example.org/listener"})
        assert answer.status_code == 201, answer.text
        order = await made(oss)
        (subscription,) = await store.write(lambda tx: tx.subscriptions.claim("A", {Kind.TMF}, 1))
        parcels = events(subscription, await Deliveries(store).due(subscription))
        told = [json.loads(parcel.message.body) for parcel in parcels]
        assert [(one["eventType"], one["correlationId"]) for one in told] == [("ServiceOrderCreateEvent", order["id"])]
        assert (await oss.get(HUB)).json() == [answer.json()]
        assert (await oss.delete(f"{HUB}/{answer.json()['id']}")).status_code == 204


@pytest.mark.parametrize(
    "said",
    [{}, {"callback": ""}, {"callback": "https://10.0.0.1/"}, {"callback": "ftp://a.example"},
     {"callback": "https://a.example/", "query": "eventType=ServiceCreateEvent"},
     {"callback": "https://a.example/", "query": "state=held"}],
)  # fmt: skip
async def test_a_hub_that_cannot_be_told_is_refused(oss: httpx.AsyncClient, said: dict[str, str]):
    answer = await oss.post(HUB, json=said)
    assert (answer.status_code, answer.json()["@type"]) == (400, "Error"), answer.text


async def test_a_hub_may_ask_for_some_events(oss: httpx.AsyncClient, store: SqlStore):
    query = "eventType=ServiceOrderStateChangeEvent,ServiceOrderDeleteEvent"
    assert (await oss.post(HUB, json={"callback": "https://a.example/", "query": query})).json()["query"] == query
    (subscription,) = await store.read(lambda tx: tx.subscriptions.all())
    assert subscription.filter.events == {"ServiceOrderStateChangeEvent", "ServiceOrderDeleteEvent"}
    kinds = {"order.state", "order.edited", "order.deleted", "order.awaiting_operator", "order.answered"}
    assert subscription.filter.kinds == kinds
    (ident,) = [one["id"] for one in (await oss.get(HUB)).json()]
    assert (await oss.get(f"{HUB}/{ident}")).json()["query"] == query
    order = await made(oss)
    assert (await oss.post(CANCELS, json={"serviceOrder": {"id": order["id"]}})).status_code == 201
    told = [json.loads(p.message.body) for p in events(subscription, await Deliveries(store).due(subscription))]
    assert [one["eventType"] for one in told] == ["ServiceOrderStateChangeEvent"]
    assert (subscription.secret, subscription.kind) == ("", Kind.TMF)


async def test_the_inventory_is_read(oss: httpx.AsyncClient):
    empty = await oss.get(SERVICES, params={"state": "active"})
    assert (empty.json(), empty.headers["x-total-count"]) == ([], "0")
    assert (await oss.get(f"{SERVICES}/none")).status_code == 404
    assert (await oss.get(SERVICES, params={"state": "designed"})).status_code == 400
    refused = await oss.post(SERVICES, json={})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    hub = await oss.post("serviceInventory/v4/hub", json={"callback": "https://a.example/"})
    assert hub.status_code == 201
