# SPDX-License-Identifier: Apache-2.0
"""Force and quarantine over the API: who would lose what is told, it happens when forced, and the way back."""

from __future__ import annotations

import httpx
import pytest

from tests.api.conftest import asked

pytestmark = pytest.mark.usefixtures("catalogue")


async def made(api: httpx.AsyncClient, **changes) -> dict:
    answer = await api.post("bookings", json=asked(**changes))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_refusal_tells_who_would_lose_and_force_does_it(api: httpx.AsyncClient):
    news = await made(api)
    refused = await api.post("bookings", json=asked(name="Cup", priority=1))
    assert refused.status_code == 409
    (losing,) = refused.json()["losing"]
    assert (losing["booking"], losing["resource"], losing["type"]) == (news["id"], "ENC 1", "ConcurrencyOverflow")
    assert (losing["amount"], losing["what"], losing["runs"]) == (1, "ENC 1: its place to Cup", False)
    assert "with force" in refused.json()["hint"]
    cup = await made(api, name="Cup", priority=1, force=True)
    shown = (await api.get(f"bookings/{news['id']}")).json()
    assert (shown["state"], shown["quarantine"]["was"], shown["quarantine"]["can_leave"]) == (
        "Quarantined", "Partial", False,
    )  # fmt: skip
    (loss,) = shown["quarantine"]["lost"]
    assert (loss["resource"], loss["reason"], loss["held"]) == ("ENC 1", "ReservationInstanceUpdated", False)
    assert loss["rivals"] == [{"id": cup["id"], "name": "Cup"}]
    assert [clash["rival"] for clash in shown["quarantine"]["clashes"]] == [cup["id"]]


async def test_it_leaves_when_nothing_is_in_the_way(api: httpx.AsyncClient):
    news = await made(api)
    cup = await made(api, name="Cup", priority=1, force=True)
    stuck = await api.post(f"bookings/{news['id']}/leave-quarantine")
    assert (stuck.status_code, stuck.json()["code"]) == (409, "conflict")
    assert stuck.json()["ways"]
    await api.post(f"bookings/{cup['id']}/cancel")
    shown = (await api.get(f"bookings/{news['id']}")).json()
    assert {"name": "leave-quarantine", "possible": True, "why": ""} in shown["actions"]
    left = (await api.post(f"bookings/{news['id']}/leave-quarantine")).json()
    assert (left["state"], left["quarantine"]) == ("Partial", None)


async def test_it_leaves_by_another_resource_with_the_revision_that_was_seen(api: httpx.AsyncClient):
    news = await made(api)
    await made(api, name="Cup", priority=1, force=True)
    body = {"nodes": {"encoder": {"resource": "ENC 2"}}}
    stale = await api.post(f"bookings/{news['id']}/leave-quarantine", json=body, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    left = await api.post(f"bookings/{news['id']}/leave-quarantine", json=body, headers={"If-Match": '"2"'})
    assert left.json()["nodes"]["encoder"]["name"] == "ENC 2"
    no_force = await api.post(f"bookings/{news['id']}/leave-quarantine", json={"force": True})
    assert no_force.status_code == 422


async def test_an_edit_is_forced_too(api: httpx.AsyncClient):
    news, cup = await made(api), await made(api, name="Cup", nodes={}, priority=1)
    change = {"nodes": {"encoder": {"resource": "ENC 1"}}}
    assert (await api.patch(f"bookings/{cup['id']}", json=change)).status_code == 409
    assert (await api.patch(f"bookings/{cup['id']}", json=change | {"force": True})).status_code == 200
    assert (await api.get(f"bookings/{news['id']}")).json()["state"] == "Quarantined"


async def test_a_change_of_the_catalogue_tells_whom_it_would_quarantine(api: httpx.AsyncClient):
    news = await made(api)
    resource = (await api.get(f"resources/{news['nodes']['encoder']['resource']}")).json()
    closed = {k: v for k, v in resource.items() if k not in ("id", "revision")} | {"mode": "maintenance"}
    refused = await api.post("catalogue", json={"documents": [closed]})
    assert refused.status_code == 409, refused.text
    assert [one["name"] for one in refused.json()["losing"]] == [news["name"]]
    assert (await api.post("catalogue", json={"documents": [closed], "force": True})).status_code == 200
    shown = (await api.get(f"bookings/{news['id']}")).json()
    assert (shown["state"], shown["quarantine"]["lost"][0]["reason"]) == ("Quarantined", "MovedToMaintenance")
