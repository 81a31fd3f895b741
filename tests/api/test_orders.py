# SPDX-License-Identifier: Apache-2.0
"""Service orders and services over HTTP: what is answered, what is refused, and what a repeat gets."""

from __future__ import annotations

from typing import Any

import pytest

from preroll.app.order_holding import carry_services
from preroll.app.ordering import Target
from preroll.domain.booking import Booking, NodeChoice, State, Timing
from preroll.domain.order import OrderItem, OrderKind
from preroll.domain.ordered import Plan, Service, ServiceRevision
from preroll.domain.window import HOUR
from preroll.ports.store import Tx
from preroll.store import SqlStore
from tests.api.test_permissions import standing_service

pytestmark = pytest.mark.usefixtures("catalogue")
AT = "2026-03-01T13:00:00Z"


def ordered(name: str = "Line to B", **changes: Any) -> dict[str, Any]:
    nodes = {"encoder": {"resource": "ENC 1", "profile": "HD"}}
    values = {"definition": "Contribution", "name": name, "nodes": nodes}
    return {"name": name, "items": [{"name": "line", "kind": "provision", "values": values}], **changes}


async def test_an_order_is_made_scheduled_and_canceled(api):
    answer = await api.post("orders", json=ordered(external="PO-17", latest_start="PT5M"))
    made = answer.json()
    assert (answer.status_code, answer.headers["ETag"][:3], made["state"]) == (201, '"1-', "Requested")
    assert answer.headers["Location"] == f"/api/v1/orders/{made['id']}"
    assert (made["latest_start"], made["external"], made["items"][0]["state"]) == (300, "PO-17", "Requested")
    assert made["items"][0]["values"]["version"] == 1
    again = await api.get(f"orders/{made['id']}", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    body, match = {"at": AT}, {"If-Match": answer.headers["ETag"]}
    scheduled = await api.post(f"orders/{made['id']}/schedule", json=body, headers=match)
    assert (scheduled.status_code, scheduled.json()["state"], scheduled.json()["due"]) == (200, "Scheduled", AT)
    stale = await api.post(f"orders/{made['id']}/cancel", headers=match)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    done = await api.post(f"orders/{made['id']}/cancel", json={"why": "not wanted"})
    assert (done.json()["state"], done.json()["why"]) == ("Canceled", "not wanted")
    changes = (await api.get(f"orders/{made['id']}/changes")).json()
    assert [c["after"] for c in changes] == ["Requested", "Scheduled", "Canceled"]
    assert (await api.get(f"orders/{made['id']}/runs")).json() == []
    assert (await api.get(f"orders/{made['id']}/log")).json() == []


async def test_an_order_with_a_time_is_scheduled_at_once_or_not_kept(api):
    made = await api.post("orders", json=ordered(deploy={"at": AT}))
    assert (made.status_code, made.json()["state"], made.json()["due"]) == (201, "Scheduled", AT)
    refused = await api.post("orders", json=ordered("Line to C", deploy={"at": AT}))
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert [one["name"] for one in (await api.get("orders")).json()["items"]] == ["Line to B"]
    wrong = await api.post("orders", json=ordered("Line to C", deploy={"on": AT}))
    assert (wrong.status_code, wrong.json()["errors"][0]["where"]) == (422, "deploy.on")


async def test_a_pair_that_the_table_does_not_list_is_409_and_says_what_is_possible(api):
    made = (await api.post("orders", json=ordered())).json()
    for action in ("reschedule", "unschedule", "retry"):
        refused = await api.post(f"orders/{made['id']}/{action}", json={})
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (409, "action_not_possible"), action
        assert "possible now: edit, check, schedule, cancel, take-over, clone, delete" in problem["hint"]
    possible = [action["name"] for action in made["actions"] if action["possible"]]
    assert possible == ["edit", "check", "schedule", "cancel", "take-over", "clone", "delete"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (ordered(items=[]), "items"),
        (ordered(together="perhaps"), "together"),
        (ordered(surprise=1), "surprise"),
        (ordered(latest_start="soon"), "latest_start"),
        (ordered(items=[{"name": "a:b", "kind": "provision"}]), "items.0.name"),
        (ordered(items=[{"name": "a", "kind": "destroy"}]), "items.0.kind"),
        (ordered(items=[{"name": "a", "kind": "provision", "values": {"definition": 3}}]), "items.0.values.definition"),
        (ordered(items=[{"name": "a", "kind": "modify", "service": "x"}]), "items.0.service"),
    ],
)
async def test_what_is_wrong_is_told_by_field_and_nothing_is_stored(api, body, where):
    refused = await api.post("orders", json=body)
    assert refused.status_code in (400, 422)
    assert where in [error["where"].removeprefix("body.") for error in refused.json()["errors"]]
    assert (await api.get("orders")).json()["items"] == []


async def test_a_repeat_with_the_same_key_makes_one_order(api):
    key = {"Idempotency-Key": "7f3c"}
    first, again = [await api.post("orders", json=ordered(), headers=key) for _ in range(2)]
    assert (first.text, first.headers["ETag"]) == (again.text, again.headers["ETag"])
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    other = await api.post("orders", json=ordered("Another"), headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len((await api.get("orders")).json()["items"]) == 1


async def test_orders_are_listed_by_pages_and_filters(api):
    names = [f"Line {n}" for n in range(5)]
    made = [(await api.post("orders", json=ordered(name, external=name))).json() for name in names]
    await api.post(f"orders/{made[0]['id']}/cancel")
    seen, query = [], {"limit": 2}
    while True:
        page = (await api.get("orders", params=query)).json()
        seen += [order["name"] for order in page["items"]]
        if page["next"] is None:
            break
        query = {"limit": 2, "cursor": page["next"]}
    assert seen == names[::-1]
    assert [o["name"] for o in (await api.get("orders", params={"state": "Canceled"})).json()["items"]] == ["Line 0"]
    assert len((await api.get("orders", params={"external": "Line 3"})).json()["items"]) == 1
    service = made[2]["items"][0]["service"]
    assert [o["name"] for o in (await api.get("orders", params={"service": service})).json()["items"]] == ["Line 2"]
    refused = await api.get("orders", params={"cursor": query["cursor"], "state": "Canceled"})
    assert refused.status_code == 422


async def test_a_conflict_names_who_has_it_and_a_booking_cannot_take_it_back(api):
    one, other = [(await api.post("orders", json=ordered(name))).json() for name in ("One", "Other")]
    assert (await api.post(f"orders/{one['id']}/schedule", json={"at": AT})).status_code == 200
    refused = await api.post(f"orders/{other['id']}/schedule", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert refused.json()["clashes"][0]["rival"] == one["id"]
    booking = {"name": "News", "start": AT, "nodes": {"encoder": {"resource": "ENC 1"}}}
    refused = await api.post("bookings", json=booking)
    assert refused.status_code == 409
    assert refused.json()["clashes"][0]["rival_name"] == "One"
    assert (await api.get(f"bookings/{one['id']}")).status_code == 404
    assert (await api.get("bookings")).json()["items"] == []


async def test_clone_edit_and_delete(api):
    made = (await api.post("orders", json=ordered())).json()
    clone = await api.post(f"orders/{made['id']}/clone", json={"name": "Once more"})
    assert (clone.status_code, clone.json()["clone_of"], clone.json()["name"]) == (201, made["id"], "Once more")
    edited = await api.patch(f"orders/{made['id']}", json={"priority": 7, "together": "best effort"})
    assert (edited.json()["priority"], edited.json()["together"], edited.json()["revision"]) == (7, "best effort", 2)
    assert (await api.delete(f"orders/{made['id']}")).status_code == 204
    assert (await api.get(f"orders/{made['id']}")).status_code == 404
    assert [o["name"] for o in (await api.get("orders")).json()["items"]] == ["Once more"]


async def test_a_service_is_shown_with_what_can_be_ordered_for_it(api, store: SqlStore):
    assert (await api.get("services")).json() == {"items": [], "next": None}
    await api.post("catalogue", json={"documents": [{"kind": "service_definition", "name": "D"}]})
    ident = await store.write(standing_service)
    (listed,) = (await api.get("services", params={"state": "Deployed"})).json()["items"]
    assert (listed["id"], listed["deployed"]) == (ident, 1)
    shown = (await api.get(f"services/{ident}")).json()
    assert shown["orders"] == ["modify", "decommission", "redeploy", "activate", "deactivate", "validate"]
    assert [revision["number"] for revision in shown["revisions"]] == [1]
    refused = await api.post(f"services/{ident}/abandon", json={"name": "Line"})
    assert (refused.status_code, "modify" in refused.json()["hint"]) == (409, True)
    item = {"name": "it", "kind": "decommission", "service": ident}
    made = await api.post("orders", json={"name": "End", "items": [item]})
    assert (made.status_code, made.json()["items"][0]["base"]) == (201, 1)
    assert (await api.get(f"services/{ident}/audits")).json()["rounds"] == []
    assert (await api.get(f"services/{ident}/changes")).json() == []
    audited = await api.post(f"services/{ident}/audit")
    assert (audited.status_code, audited.json()["auditing"]) == (202, True), "its devices can be read in any case"


def standing_line(tx: Tx) -> str:
    """A service with an encoder that exists without an engine having made it."""
    made_of = tx.catalogue.definition(1, "Contribution")
    (encoder,) = tx.catalogue.resources(1, names=["ENC 1"])
    service = tx.services.add(Service("Line", 1, made_of.key, runs="START", deployed=1), ServiceRevision(1))
    item = OrderItem("line", OrderKind.PROVISION, service.id)
    nodes = {"encoder": NodeChoice(encoder.id, "HD")}
    carry_services(tx, [(service, Target(item, made_of, None, "Line", "START", nodes))])
    return service.id


async def test_an_overlay_is_a_booking_that_its_service_shows(api, store: SqlStore):
    ident = await store.write(standing_line)
    asked = {"name": "Cup", "overlays": "Line", "start": AT, "end": "2026-03-01T14:00:00Z"}
    refused = await api.post("bookings", json={**asked, "nodes": {"encoder": {"resource": "ENC 2"}}})
    assert (refused.status_code, [e["where"] for e in refused.json()["errors"]]) == (422, ["nodes.encoder.resource"])
    made = await api.post("bookings", json={**asked, "nodes": {"encoder": {"values": {"rate": 40}}}})
    assert (made.status_code, made.json()["overlays"], made.json()["orchestrated"]) == (201, ident, True)
    assert made.json()["nodes"]["encoder"]["name"] == "ENC 1"
    (shown,) = (await api.get(f"services/{ident}")).json()["overlays"]
    assert (shown["id"], shown["start"], shown["nodes"]["encoder"]["values"]) == (made.json()["id"], AT, {"rate": 40})
    again = await api.post("bookings", json={**asked, "name": "Two", "nodes": {"encoder": {"values": {"rate": 30}}}})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert "overlay Cup changes it then" in again.text
    path = f"bookings/{made.json()['id']}"
    edited = await api.patch(path, json={"nodes": {"encoder": {"values": {"rate": 50}}}}, headers={"If-Match": "*"})
    assert edited.json()["nodes"]["encoder"]["values"] == {"rate": 50}
    wrong = await api.patch(path, json={"end": None, "post_roll": "PT0S"}, headers={"If-Match": "*"})
    assert (wrong.status_code, wrong.json()["errors"][0]["where"]) == (422, "end")
    swapped = await api.post(f"{path}/swap", json={"node": "encoder", "resource": "ENC 2"})
    assert (swapped.status_code, "order a modify" in swapped.json()["detail"]) == (409, True)
    assert (await api.post(f"{path}/confirm")).json()["state"] == "Confirmed"


async def test_services_and_orders_name_what_they_need(api, store: SqlStore):
    ident = await store.write(standing_line)
    item = {**ordered()["items"][0], "needs": ["Line"]}
    item["values"] = {**item["values"], "nodes": {"encoder": {"resource": "ENC 2", "profile": "HD"}}}
    made = (await api.post("orders", json={"name": "Two", "items": [item]})).json()
    assert made["items"][0]["needs"] == [ident]
    wrong = await api.post("orders", json={"name": "Two", "items": [{**item, "needs": ["Nothing"]}]})
    assert [e["where"] for e in wrong.json()["errors"]] == ["items.0.needs.0"]
    shown = (await api.get(f"services/{ident}")).json()
    assert (shown["needs"], shown["needed_by"], shown["revisions"][0]["needs"]) == ([], [], [])


async def test_what_the_engine_changes_is_news_to_who_keeps_it_and_no_matter_to_who_edits(api, store: SqlStore):
    made = await api.post("orders", json=ordered())
    path, tag = f"orders/{made.json()['id']}", made.headers["ETag"]
    await store.write(lambda tx: tx.orders.keep_plan(tx.orders.get(made.json()["id"]).key, Plan("abc")))
    seen = await api.get(path, headers={"If-None-Match": tag})
    assert (seen.status_code, seen.json()["plan"]["hash"], seen.json()["revision"]) == (200, "abc", 1)
    assert seen.headers["ETag"] != tag
    again = await api.get(path, headers={"If-None-Match": f'"9", W/{seen.headers["ETag"]}'})
    assert (again.status_code, again.headers["ETag"]) == (304, seen.headers["ETag"])
    edited = await api.patch(path, json={"priority": 2}, headers={"If-Match": tag})
    assert (edited.status_code, edited.json()["revision"]) == (200, 2)
    assert (await api.patch(path, json={"priority": 3}, headers={"If-Match": seen.headers["ETag"]})).status_code == 412
    assert (await api.patch(path, json={"priority": 3}, headers={"If-Match": '"2"'})).status_code == 200


async def test_a_service_of_which_something_else_changed_is_news_to_who_keeps_it(api, store: SqlStore):
    ident = await store.write(standing_line)
    tag = (await api.get(f"services/{ident}")).headers["ETag"]
    assert (await api.get(f"services/{ident}", headers={"If-None-Match": tag})).status_code == 304
    await store.write(lambda tx: tx.bookings.add(_over(tx, ident)))
    news = await api.get(f"services/{ident}", headers={"If-None-Match": tag})
    assert (news.status_code, news.json()["revision"], tag.startswith('"1-')) == (200, 1, True)


def _over(tx: Tx, service: str) -> Booking:
    carrier = tx.bookings.get(service, hidden=True)
    timing = Timing(carrier.timing.start, carrier.timing.start + HOUR)
    return Booking(0, tx.new_id(), carrier.platform, "Cup", State.PARTIAL, timing, overlays=service)
