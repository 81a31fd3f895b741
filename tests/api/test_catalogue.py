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


async def test_pools_and_functions_are_those_of_documents_and_those_that_resources_name(api: httpx.AsyncClient):
    pool = {"kind": "pool", "name": "north", "description": "roof", "properties": {"floor": 9}}
    function = {
        "kind": "function", "name": "mux", "profile": "Video",
        "interfaces": [{"name": "in", "direction": "in", "profile": "Video", "optional": False}],
    }  # fmt: skip
    mux = {"kind": "resource", "name": "MUX", "function": "mux", "pools": ["north", "south"]}
    await applied(api, VIDEO, pool, function, mux, {"kind": "resource", "name": "CAM", "function": "camera"})
    pools = (await api.get("pools")).json()["items"]
    assert [(p["name"], p["revision"], p["resources"], p["description"]) for p in pools] == [
        ("north", 1, 1, "roof"), ("south", 0, 1, ""),
    ]  # fmt: skip
    functions = (await api.get("functions")).json()["items"]
    assert [(f["name"], f["revision"], f["resources"], f["profile"]) for f in functions] == [
        ("camera", 0, 1, ""), ("mux", 1, 1, "Video"),
    ]  # fmt: skip
    assert functions[1]["interfaces"] == function["interfaces"]
    exported = (await api.get("catalogue", params={"kind": ["pool", "function"]})).json()["documents"]
    assert exported == [pool, function]
    assert await applied(api, {**function, "interfaces": []}, pool) == {"mux": "changed", "north": "unchanged"}


async def test_a_node_names_what_is_known(api: httpx.AsyncClient):
    mux = {"kind": "resource", "name": "MUX", "function": "mux", "pools": ["north"]}
    node = {"label": "a", "function": "mus", "pool": "nort"}
    answer = await api.post("catalogue", json={"documents": [mux, {**S, "nodes": [node]}]})
    told = {e["where"]: (e["detail"], e["expected"]) for e in answer.json()["errors"]}
    assert told == {
        "documents.1.nodes.0.function": ("there is no function mus", "one of mux, or a document kind: function"),
        "documents.1.nodes.0.pool": ("there is no pool nort", "one of north, or a document kind: pool"),
    }
    await applied(api, mux, {"kind": "pool", "name": "nort"}, {**S, "nodes": [{**node, "function": "mux"}]})


async def test_a_node_takes_the_profile_of_its_function(api: httpx.AsyncClient):
    function = {"kind": "function", "name": "mux", "profile": "Video"}
    other = {"kind": "profile_definition", "name": "Other"}
    await applied(api, VIDEO, other, function, {**S, "nodes": [{"label": "a", "function": "mux"}]})
    (shown,) = (await api.get("service-definitions")).json()["items"]
    assert shown["nodes"][0]["profile"] == "Video"
    repeat = {**S, "nodes": [{"label": "a", "function": "mux"}]}
    assert await applied(api, repeat) == {"x": "unchanged"}
    answer = await api.post(
        "catalogue", json={"documents": [{**S, "nodes": [{"label": "a", "function": "mux", "profile": "Other"}]}]}
    )
    assert answer.json()["errors"][0]["expected"] == "Video, as mux takes"


async def test_what_a_node_needs_is_not_pruned(api: httpx.AsyncClient):
    bundle = {"kind": "bundle", "name": "b"}
    needed = [
        VIDEO, {"kind": "pool", "name": "p"}, {"kind": "function", "name": "f", "profile": "Video"},
    ]  # fmt: skip
    await applied(api, bundle, *needed)
    function = {"kind": "function", "name": "g", "interfaces": [{"name": "i", "profile": "Video"}]}
    await applied(api, function, {**S, "nodes": [{"label": "a", "function": "f", "pool": "p"}]})
    plan = (await api.post("catalogue/plan", json={"documents": [bundle], "prune": True})).json()
    users = {step["name"]: step["users"] for step in plan["steps"]}
    assert users["p"] == users["f"] == ["service definition x, node a"]
    assert users["Video"] == ["function g", "service definition x, node a"]
    await applied(api, {"kind": "resource", "name": "R", "function": "f", "pools": ["p"]})
    done = await applied(api, bundle, VIDEO, prune=True)
    assert done == {"Video": "unchanged", "p": "removed", "f": "removed"}
    assert [p["revision"] for p in (await api.get("pools")).json()["items"]] == [0]


# fmt: off
R, J, S, P, F = (
    {"kind": kind, "name": "x"} for kind in
    ("resource", "profile_instance", "service_definition", "platform", "function")
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
    ({**F, "profile": "None"},                                              "profile"),
    ({**F, "interfaces": [{"name": "a", "profile": "None"}]},               "interfaces.0.profile"),
    ({**F, "interfaces": [{"name": "a"}, {"name": "a"}]},                   "interfaces.0.name"),
    ({**F, "interfaces": [{"name": "a", "direction": "up"}]},               "interfaces.0.direction"),
    ({**S, "nodes": [{"label": "a", "function": "none"}]},                  "nodes.0.function"),
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


async def test_profiles_come_back_as_they_were_given(api: httpx.AsyncClient):
    documents = [
        {
            "kind": "profile_definition", "name": "Uplink", "parameters": [
                {"name": "frequency", "type": "number", "unit": "MHz", "minimum": 13750, "step": 0.1, "decimals": 1},
                {"name": "key", "mandatory": True, "secret": True},
                {
                    "name": "pol", "type": "discrete", "kinds": ["configuration", "capability"], "choices": ["h", "v"],
                    "display": {"h": "Horizontal", "v": "Vertical"}, "default": "h",
                },
            ],
        },
        {
            "kind": "profile_instance", "name": "Base", "definition": "Uplink",
            "values": {"frequency": 14010.1, "key": "env:KEY"}, "states": {"STANDBY": {"pol": "v"}},
        },
        {
            "kind": "profile_instance", "name": "Sports", "definition": "Uplink", "parent": "Base",
            "variants": {"PAUSE": "Base"},
        },
        {
            "kind": "service_definition", "name": "Feed", "nodes": [
                {"label": "up", "profile": "Uplink", "default_profile": "Sports", "profile_by": "value"},
            ],
        },
    ]  # fmt: skip
    await applied(api, *documents)
    exported = (await api.get("catalogue")).json()["documents"]
    assert [d for d in exported if d["kind"] != "platform"] == documents
    assert set((await applied(api, *exported)).values()) == {"unchanged"}
    instances = {i["name"]: i["id"] for i in (await api.get("profile-instances")).json()["items"]}
    resolved = (await api.get(f"profile-instances/{instances['Sports']}/resolved")).json()
    assert resolved["values"]["key"] == {"value": "env:KEY", "source": "Base"}
    assert resolved["states"]["PAUSE"]["frequency"] == {"value": 14010.1, "source": "Base"}
    assert (await api.get("profile-instances/00000000-0000-7000-8000-000000000000/resolved")).status_code == 404
