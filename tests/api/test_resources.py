# SPDX-License-Identifier: Apache-2.0
"""Resources are looked for, paged through, changed at once and taken out."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.conftest import Connect, asked


async def put(api: httpx.AsyncClient, *documents: dict[str, Any]) -> None:
    answer = await api.post("catalogue", json={"documents": documents})
    assert answer.status_code == 200, answer.text


def encoder(number: int, **fields: Any) -> dict[str, Any]:
    return {"kind": "resource", "name": f"ENC {number}", "priority": 10 - number, **fields}


@pytest.fixture
async def encoders(api: httpx.AsyncClient) -> None:
    await put(
        api,
        encoder(1, function="encoding", pools=["north", "all"], labels={"site": "north"}),
        encoder(2, pools=["all"], mode="maintenance", capabilities={"codec": {"choices": ["AVC", "HEVC"]}}),
        encoder(3, hands_off=True, capabilities={"rate": {"minimum": 1, "maximum": 50}, "codec": {"choices": ["AVC"]}}),
        {"kind": "resource", "name": "Mux\u00a0ß", "function": "mux", "mode": "unavailable"},
    )


async def names(api: httpx.AsyncClient, **where: Any) -> list[str]:
    answer = await api.get("resources", params=where)
    assert answer.status_code == 200, answer.text
    return [r["name"] for r in answer.json()["items"]]


# fmt: off
FOUND = [
    # asked                                       found
    ({},                                          ["ENC 1", "ENC 2", "ENC 3", "Mux\u00a0ß"]),
    ({"text": "enc"},                             ["ENC 1", "ENC 2", "ENC 3"]),
    ({"text": "SS"},                              ["Mux\u00a0ß"]),
    ({"pool": "all"},                             ["ENC 1", "ENC 2"]),
    ({"pool": "all", "function": "encoding"},     ["ENC 1"]),
    ({"function": "mux"},                         ["Mux\u00a0ß"]),
    ({"mode": ["maintenance", "unavailable"]},    ["ENC 2", "Mux\u00a0ß"]),
    ({"capability": "codec"},                     ["ENC 2", "ENC 3"]),
    ({"capability": "codec=HEVC"},                ["ENC 2"]),
    ({"capability": ["codec=AVC", "rate=50"]},    ["ENC 3"]),
    ({"capability": "rate=50.5"},                 []),
    ({"label": "site=north"},                     ["ENC 1"]),
    ({"label": "site=south"},                     []),
    ({"hands_off": True},                         ["ENC 3"]),
    ({"sort": "-name", "text": "enc"},            ["ENC 3", "ENC 2", "ENC 1"]),
    ({"sort": "priority"},                        ["Mux\u00a0ß", "ENC 3", "ENC 2", "ENC 1"]),
    ({"sort": "-priority", "pool": "all"},        ["ENC 1", "ENC 2"]),
]
# fmt: on


@pytest.mark.usefixtures("encoders")
@pytest.mark.parametrize(("where", "found"), FOUND)
async def test_what_is_asked_for_is_found(api: httpx.AsyncClient, where: dict[str, Any], found: list[str]):
    assert await names(api, **where) == found


@pytest.mark.usefixtures("encoders")
@pytest.mark.parametrize("sort", ["name", "-name", "priority", "-priority"])
async def test_pages_are_the_whole_list(api: httpx.AsyncClient, sort: str):
    whole, pages, where = await names(api, sort=sort), [], {"sort": sort, "limit": 1}
    while True:
        page = (await api.get("resources", params=where)).json()
        pages += [r["name"] for r in page["items"]]
        if page["next"] is None:
            break
        where["cursor"] = page["next"]
    assert pages == whole
    refused = await api.get("resources", params={**where, "text": "enc"})
    assert refused.json()["errors"][0]["where"] == "query.cursor"


@pytest.mark.parametrize("where", [{"label": "north"}, {"mode": "asleep"}, {"sort": "size"}, {"colour": "red"}])
async def test_a_slip_does_not_widen_the_list(api: httpx.AsyncClient, where: dict[str, str]):
    assert (await api.get("resources", params=where)).status_code == 422


@pytest.mark.usefixtures("catalogue")
async def test_a_mode_is_set_at_once_and_bookings_feel_it_only_by_force(api: httpx.AsyncClient):
    booking = (await api.post("bookings", json=asked())).json()
    (ident,) = [r["id"] for r in (await api.get("resources", params={"text": "ENC 1"})).json()["items"]]
    where = f"resources/{ident}"
    refused = await api.patch(where, json={"mode": "maintenance"})
    assert (refused.status_code, [x["name"] for x in refused.json()["losing"]]) == (409, ["News"])
    assert (await api.get(where)).json()["revision"] == 1
    changed = (await api.patch(where, json={"mode": "maintenance", "hands_off": True, "force": True})).json()
    assert (changed["mode"], changed["hands_off"], changed["revision"]) == ("maintenance", True, 2)
    assert (await api.get(f"bookings/{booking['id']}")).json()["state"] == "Quarantined"
    assert (await api.patch(where, json={"mode": "maintenance"})).json()["revision"] == 2, "nothing to change"
    assert (await api.patch(where, json={"mode": "asleep"})).status_code == 422
    assert (await api.patch("resources/018f0000-0000-7000-8000-000000000000", json={})).status_code == 404


@pytest.mark.usefixtures("catalogue")
async def test_a_change_may_name_the_revision_that_it_is_made_on(api: httpx.AsyncClient, connect: Connect):
    (ident,) = [r["id"] for r in (await api.get("resources", params={"text": "ENC 1"})).json()["items"]]
    where, strict = f"resources/{ident}", connect(if_match_needed=True)
    refused = await strict.patch(where, json={"hands_off": True})
    assert (refused.status_code, refused.json()["code"]) == (428, "revision_needed")
    read = (await strict.get(where)).headers["ETag"]
    done = await strict.patch(where, json={"hands_off": True}, headers={"If-Match": read})
    assert (done.status_code, done.headers["ETag"], done.json()["revision"]) == (200, '"2"', 2)
    late = await api.patch(where, json={"mode": "maintenance"}, headers={"If-Match": read})
    assert late.status_code == 412
    assert (await strict.patch(where, json={"hands_off": False}, headers={"If-Match": "*"})).json()["revision"] == 3


@pytest.mark.usefixtures("catalogue")
async def test_a_document_is_taken_out_when_nobody_needs_it(api: httpx.AsyncClient):
    await api.post("bookings", json=asked())
    refused = await api.delete("catalogue", params={"kind": "resource", "name": "ENC 1"})
    assert (refused.status_code, [x["name"] for x in refused.json()["losing"]]) == (409, ["News"])
    refused = await api.delete("catalogue", params={"kind": "profile_definition", "name": "Video"})
    assert "service definition Contribution, node encoder" in refused.text
    removed = await api.delete("catalogue", params={"kind": "resource", "name": "ENC 2"})
    assert (removed.status_code, removed.json()["change"]) == (200, "removed")
    assert await names(api) == ["ENC 1"]
    assert (await api.delete("catalogue", params={"kind": "resource", "name": "ENC 2"})).status_code == 404
    assert (await api.delete("catalogue", params={"kind": "platform", "name": "default"})).status_code == 422


async def test_a_resource_that_a_booking_has_is_deleted_in_two_steps(api: httpx.AsyncClient):
    await put(api, encoder(1))
    made = await api.post("bookings", json=asked(nodes={"x": {"resource": "ENC 1"}}))
    assert made.status_code == 201, made.text
    (ident,) = [r["id"] for r in (await api.get("resources")).json()["items"]]
    refused = await api.delete(f"resources/{ident}")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert [one["reason"] for one in refused.json()["losing"]] == ["ResourceDeleted"]
    assert await names(api) == ["ENC 1"]
    done = await api.delete(f"resources/{ident}", params={"force": True})
    assert (done.status_code, done.json()["change"], await names(api)) == (200, "removed", [])
    assert (await api.get(f"bookings/{made.json()['id']}")).json()["state"] == "Quarantined"
    assert (await api.delete(f"resources/{ident}")).status_code == 404
    assert (await api.delete(f"resources/{ident}", params={"forced": True})).status_code == 422
