# SPDX-License-Identifier: Apache-2.0
"""Versions of service definitions: drafts, published and retired ones, and what may be booked."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.conftest import asked

HALL: dict[str, Any] = {"kind": "service_definition", "name": "Hall", "nodes": [{"label": "camera", "optional": True}]}
DRAFT = {**HALL, "publication": "draft"}


async def put(api: httpx.AsyncClient, *documents: dict[str, Any]) -> httpx.Response:
    return await api.post("catalogue", json={"documents": documents})


async def versions(api: httpx.AsyncClient) -> list[tuple[int, str]]:
    shown = (await api.get("service-definitions")).json()["items"]
    return [(d["revision"], d["publication"]) for d in shown]


async def ids(api: httpx.AsyncClient) -> list[str]:
    return [d["id"] for d in (await api.get("service-definitions")).json()["items"]]


async def book(api: httpx.AsyncClient, **more: Any) -> httpx.Response:
    return await api.post("bookings", json=asked(nodes={}, definition="Hall", **more))


async def test_a_draft_is_published_and_retired_without_a_new_version(api: httpx.AsyncClient):
    await put(api, DRAFT)
    (ident,) = await ids(api)
    assert (await book(api)).status_code == 404
    refused = await book(api, definition_version=1)
    assert (refused.status_code, refused.json()["errors"][0]["detail"]) == (422, "Hall version 1 is draft")
    shown = (await api.post(f"service-definitions/{ident}/publish")).json()
    assert (shown["publication"], shown["revision"]) == ("published", 1)
    assert (await book(api)).status_code == 201
    assert (await api.post(f"service-definitions/{ident}/publish")).status_code == 409
    assert (await api.post(f"service-definitions/{ident}/retire")).json()["publication"] == "retired"
    assert (await api.get(f"service-definitions/{ident}")).json()["publication"] == "retired"
    refused = await book(api, name="Late news")
    assert (refused.status_code, "is retired" in refused.json()["detail"]) == (404, True)
    assert await versions(api) == [(1, "retired")]
    kinds = [c["kind"] for c in (await api.get("changes")).json()["items"]]
    assert kinds.count("service_definition.published") == kinds.count("service_definition.retired") == 1


async def test_a_bundle_publishes_and_retires_as_well(api: httpx.AsyncClient):
    await put(api, DRAFT)
    plan = (await api.post("catalogue/plan", json={"documents": [HALL]})).json()
    assert plan["steps"][0]["fields"] == [{"field": "publication", "before": "draft", "after": "published"}]
    await put(api, HALL)
    assert await versions(api) == [(1, "published")]
    await put(api, {**HALL, "publication": "retired"})
    assert await versions(api) == [(1, "retired")]
    assert (await put(api, {**HALL, "publication": "retired"})).json()["items"][0]["change"] == "unchanged"


async def test_a_published_version_never_changes(api: httpx.AsyncClient):
    await put(api, HALL)
    before = (await api.get("service-definitions")).json()["items"][0]
    await put(api, {**DRAFT, "description": "with a roof"})
    assert await versions(api) == [(1, "published"), (2, "draft")]
    assert (await api.get("service-definitions")).json()["items"][0] == before
    booked = (await book(api)).json()
    assert booked["definition"]["version"] == 1, "the draft is not what is booked"
    await put(api, {**HALL, "description": "with a roof"})
    assert await versions(api) == [(1, "published"), (2, "published")]
    assert (await book(api, name="Late news")).json()["definition"]["version"] == 2
    assert (await put(api, DRAFT)).status_code == 200
    assert (await versions(api))[-1] == (3, "draft"), "what is published does not become a draft again"


async def test_retired_is_the_name_and_not_the_versions_before(api: httpx.AsyncClient):
    await put(api, HALL)
    await put(api, {**HALL, "description": "with a roof"})
    newest = (await ids(api))[-1]
    await api.post(f"service-definitions/{newest}/retire")
    assert (await book(api)).status_code == 404
    assert (await book(api, definition_version=1)).status_code == 201
    await api.post(f"service-definitions/{newest}/publish")
    assert (await book(api, name="Late news")).json()["definition"]["version"] == 2


FUNCTION = {"kind": "function", "name": "f", "interfaces": [
    {"name": "out", "direction": "out"}, {"name": "in", "direction": "in", "optional": False},
]}  # fmt: skip
RING = {
    **HALL,
    "nodes": [{"label": "a", "function": "f"}, {"label": "b", "function": "f", "hidden": True, "properties": {"x": 1}}],
    "connections": [
        {"source": "a", "output": "out", "target": "b", "input": "in"},
        {"source": "b", "output": "out", "target": "a", "input": "in"},
    ],
    "properties": {"colour": "red"},
}


async def test_nodes_are_connected_and_shown_so(api: httpx.AsyncClient):
    assert (await put(api, FUNCTION, RING)).status_code == 200
    (exported,) = (await api.get("catalogue", params={"kind": "service_definition"})).json()["documents"]
    assert exported == RING
    answer = await put(api, {**RING, "connections": [{"source": "a", "output": "in", "target": "b", "input": "in"}]})
    told = {e["where"]: e["detail"] for e in answer.json()["errors"]}
    assert told == {"documents.0.connections.0.output": "in is in only"}
    answer = await put(api, {**RING, "connections": RING["connections"][:1]})
    told = {e["where"]: e["detail"] for e in answer.json()["errors"]}
    assert told == {"documents.0.nodes.0": "in of a is not connected"}


async def test_what_is_not_connected_is_not_published(api: httpx.AsyncClient):
    loose = {**RING, "connections": [], "publication": "draft"}
    assert (await put(api, FUNCTION, loose)).status_code == 200
    (ident,) = await ids(api)
    answer = await api.post(f"service-definitions/{ident}/publish")
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 2)
    assert await versions(api) == [(1, "draft")]


@pytest.mark.parametrize("move", ["publish", "retire"])
async def test_an_unknown_version_is_not_found(api: httpx.AsyncClient, move: str):
    unknown = "018f0000-0000-7000-8000-000000000000"
    assert (await api.get(f"service-definitions/{unknown}")).status_code == 404
    assert (await api.post(f"service-definitions/{unknown}/{move}")).status_code == 404
