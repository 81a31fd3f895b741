# SPDX-License-Identifier: Apache-2.0
"""The catalogue and the platforms over the API."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

VIDEO = {"kind": "profile_definition", "name": "Video", "parameters": [{"name": "rate", "type": "number"}]}


async def applied(api: httpx.AsyncClient, *documents: dict[str, Any], **more: Any) -> dict[str, str]:
    answer = await api.post("catalogue", json={"documents": documents, **more})
    assert answer.status_code == 200, answer.text
    return {item["name"]: item["change"] for item in answer.json()["items"]}


async def test_documents_are_added_changed_or_left(api: httpx.AsyncClient):
    encoder = {"kind": "resource", "name": "ENC 1", "address": {"url": "http://node-1"}, "pools": ["a"]}
    assert await applied(api, encoder, VIDEO) == {"ENC 1": "added", "Video": "added"}
    assert await applied(api, {**encoder, "concurrency": 2}, VIDEO) == {"ENC 1": "changed", "Video": "unchanged"}
    (shown,) = (await api.get("resources")).json()["items"]
    assert (shown["concurrency"], shown["address"], shown["pools"]) == (2, {"url": "http://node-1"}, ["a"])
    assert (await api.get(f"resources/{shown['id']}")).json() == shown


async def test_a_definition_that_changes_gets_a_new_version(api: httpx.AsyncClient):
    hall = {"kind": "service_definition", "name": "Hall", "nodes": [{"label": "camera"}]}
    await applied(api, hall)
    await applied(api, hall)
    await applied(api, {**hall, "actions": {"START": "go"}})
    shown = (await api.get("service-definitions")).json()["items"]
    assert [(d["revision"], d["actions"]) for d in shown] == [(1, {}), (2, {"START": "go"})]


async def test_what_a_list_shows_can_be_applied_again(api: httpx.AsyncClient):
    instance = {"kind": "profile_instance", "name": "HD", "definition": "Video", "states": {"STANDBY": {"rate": 1}}}
    await applied(api, VIDEO, instance, {"kind": "resource", "name": "R"})
    shown = []
    for noun in ("profile-definitions", "profile-instances", "resources"):
        shown += (await api.get(noun)).json()["items"]
    documents = [{k: v for k, v in d.items() if k not in ("id", "revision")} for d in shown]
    assert set((await applied(api, *documents)).values()) == {"unchanged"}


# fmt: off
R, J, S, P = (
    {"kind": kind, "name": "x"} for kind in ("resource", "profile_instance", "service_definition", "platform")
)
MISTAKES = [
    # the document                                                        where
    ({"kind": "thing", "name": "x"},                                        "kind"),
    ({"name": "x"},                                                         "kind"),
    ({"kind": "resource"},                                                  "name"),
    ({**R, "concurrency": 0},                                               "concurrency"),
    ({**R, "mode": "asleep"},                                               "mode"),
    ({**R, "colour": "red"},                                                "colour"),
    ({**J, "definition": "None"},                                           "definition"),
    ({**J, "definition": "Video", "values": {"rate": "fast"}},              "values.rate"),
    ({**S, "nodes": [{"label": "a"}, {"label": "a"}]},                      "nodes.0.label"),
    ({**S, "nodes": [{"label": "a", "profile": "None"}]},                   "nodes.0.profile"),
    ({**P, "name": "default", "zone": "Nowhere"},                           "zone"),
    ({**P, "name": "default", "limits": {"lso": -1}},                       "limits.lso"),
    ({**P, "name": "default", "service_states": {"transitions": []}},       "service_states.transitions"),
]
# fmt: on


@pytest.mark.parametrize(("document", "where"), MISTAKES)
async def test_one_mistake_and_nothing_is_stored(api: httpx.AsyncClient, document: dict[str, Any], where: str):
    answer = await api.post("catalogue", json={"documents": [VIDEO, document]})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid")
    assert f"documents.1.{where}".rstrip(".") in [e["where"] for e in problem["errors"]]
    assert (await api.get("profile-definitions")).json()["items"] == []


async def test_a_bundle_may_bring_its_platform(api: httpx.AsyncClient):
    lab = {"kind": "platform", "name": "lab", "zone": "Europe/Paris", "limits": {"late": "PT5M", "grace": 0.5}}
    assert await applied(api, {"kind": "resource", "name": "R"}, lab, platform="lab") == {"lab": "added", "R": "added"}
    shown = (await api.get("platforms/lab")).json()
    assert (shown["zone"], shown["limits"]["late"], shown["limits"]["grace"]) == ("Europe/Paris", 300.0, 0.5)
    assert [r["name"] for r in (await api.get("resources", params={"platform": "lab"})).json()["items"]] == ["R"]
    assert (await api.get("resources")).json()["items"] == []


async def test_a_platform_of_a_refused_bundle_does_not_exist(api: httpx.AsyncClient):
    documents = [{"kind": "platform", "name": "lab"}, {"kind": "profile_instance", "name": "x", "definition": "None"}]
    answer = await api.post("catalogue", json={"platform": "lab", "documents": documents})
    assert answer.status_code == 422
    assert (await api.get("platforms/lab")).status_code == 404


async def test_settings_of_a_platform_have_versions(api: httpx.AsyncClient):
    before = (await api.get("platforms/default")).json()
    answer = await api.put("platforms/default", json={"zone": "UTC", "limits": {"simultaneous_lso": 10}})
    after = answer.json()
    assert (answer.status_code, after["revision"]) == (200, before["revision"] + 1)
    assert after["limits"]["simultaneous_lso"] == 10
    assert [p["name"] for p in (await api.get("platforms")).json()] == ["default"]


async def test_settings_that_miss_a_transition_name_the_pair(api: httpx.AsyncClient):
    states = {"mapping": {"postroll": None}, "transitions": [["STOP", "STANDBY"], ["STANDBY", "START"]]}
    answer = await api.put("platforms/default", json={"service_states": states})
    told = [e["detail"] for e in answer.json()["errors"]]
    assert answer.status_code == 422
    assert "START -> STOP is needed by the stage mapping" in told


async def test_an_unknown_platform_is_not_found(api: httpx.AsyncClient):
    for noun in ("resources", "profile-definitions", "profile-instances", "service-definitions"):
        assert (await api.get(noun, params={"platform": "elsewhere"})).status_code == 404
    assert (await api.post("catalogue", json={"platform": "elsewhere", "documents": []})).status_code == 404
