# SPDX-License-Identifier: Apache-2.0
"""Bundles over the API: a plan says what an apply does; what is in use stays; an export is what was applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from preroll.app import build
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.ports.scripts import BrokenScript, InstalledScript, ScriptKind
from preroll.store import SqlStore
from tests.api.conftest import Connect, asked

Document = dict[str, Any]

NAME = {"kind": "bundle", "name": "hall"}
VIDEO = {
    "kind": "profile_definition",
    "name": "Video",
    "parameters": [{"name": "rate", "type": "number", "maximum": 50}, {"name": "codec", "unit": "x"}],
}
HD = {"kind": "profile_instance", "name": "HD", "definition": "Video", "values": {"rate": 20}}
ENCODER = {"kind": "resource", "name": "ENC 1", "function": "encoding", "address": {"password": "env:ENC"}}
HALL = {
    "kind": "service_definition",
    "name": "Hall",
    "nodes": [{"label": "camera", "profile": "Video", "default_profile": "HD"}],
}
ALL: list[Document] = [NAME, VIDEO, HD, ENCODER, HALL]


async def planned(api: httpx.AsyncClient, documents: Sequence[Document], **more: Any) -> dict[str, Any]:
    answer = await api.post("catalogue/plan", json={"documents": documents, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def applied(api: httpx.AsyncClient, documents: Sequence[Document], **more: Any) -> dict[str, str]:
    answer = await api.post("catalogue", json={"documents": documents, **more})
    assert answer.status_code == 200, answer.text
    return {item["name"]: item["change"] for item in answer.json()["items"]}


async def exported(api: httpx.AsyncClient, **asks: Any) -> list[Document]:
    answer = await api.get("catalogue", params=asks)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["documents"])


def changes(plan: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["change"] for step in plan["steps"]}


# ---------------------------------------------------------------------- plan


async def test_a_plan_writes_nothing_and_says_what_is_new(api: httpx.AsyncClient):
    before = await exported(api)
    plan = await planned(api, ALL)
    assert changes(plan) == {"Video": "added", "HD": "added", "ENC 1": "added", "Hall": "added"}
    assert (plan["platform"], plan["bundle"], plan["unchanged"], plan["scripts"]) == ("default", "hall", 0, None)
    assert await exported(api) == before
    assert (await planned(api, ALL))["version"] == plan["version"]


async def test_a_plan_tells_every_field_that_changes_with_its_value_before_and_after(api: httpx.AsyncClient):
    await applied(api, ALL)
    video = {**VIDEO, "parameters": [{"name": "rate", "type": "number", "maximum": 60}, {"name": "size"}]}
    encoder = {**ENCODER, "concurrency": 2, "address": {"host": "enc-1"}, "properties": {"tested": True}}
    platform = {"kind": "platform", "name": "default", "zone": "Europe/Brussels", "limits": {"late": "PT5M"}}
    plan = await planned(api, [NAME, video, HD, encoder, HALL, platform])
    told = {step["name"]: {f["field"]: (f["before"], f["after"]) for f in step["fields"]} for step in plan["steps"]}
    assert plan["unchanged"] == 2
    assert told["default"] == {"limits.late": (None, 300)}
    assert told["ENC 1"] == {
        "concurrency": (1, 2),
        "address.host": (None, "enc-1"),
        "address.password": ("env:ENC", None),
        "properties.tested": (None, True),
    }
    assert told["Video"]["parameters.rate.maximum"] == (50, 60)
    assert told["Video"]["parameters.codec"][1] is None
    assert told["Video"]["parameters.size"][0] is None


@pytest.mark.parametrize(("before", "after"), [(1, True), (False, 0), ([1], [True]), ({"a": 0}, {"a": False})])
async def test_a_truth_value_is_no_number(api: httpx.AsyncClient, before: object, after: object):
    await applied(api, [{**ENCODER, "address": {"x": before}}])
    (step,) = (await planned(api, [{**ENCODER, "address": {"x": after}}]))["steps"]
    assert step["change"] == "changed"
    assert len(step["fields"]) == 1
    await applied(api, [{**ENCODER, "address": {"x": after}}])
    (stored,) = await exported(api, kind="resource")
    assert repr(stored["address"]["x"]) == repr(after)


class Folder:
    """A runner that only knows what is installed."""

    def installed(self) -> Sequence[InstalledScript]:
        kinds = {"go": ScriptKind.LSO, "load": ScriptKind.PROFILE_LOAD, "alarm": ScriptKind.START_FAILURE}
        return [InstalledScript(name, kind, "1", "here") for name, kind in kinds.items()]

    def broken(self) -> Sequence[BrokenScript]:
        return ()


async def test_scripts_that_are_missing_or_of_another_kind_are_told(store: SqlStore, connect: Connect):
    app = build(store, Folder())  # type: ignore[arg-type]
    await app.platforms.put(LOCAL, Platform("default"))
    documents = [
        {"kind": "platform", "name": "default", "start_failure_script": "go"},
        {"kind": "profile_definition", "name": "V", "loads": {"http": "load", "sim": "alarm"}},
        {"kind": "service_definition", "name": "H", "actions": {"START": "go", "STOP": "gone"}},
    ]
    told = (await planned(connect(app=app), documents))["scripts"]
    assert [(gap["name"], gap["field"], gap["script"], gap["problem"]) for gap in told] == [
        ("default", "start_failure_script", "go", "is an LSO script, not a start failure script"),
        ("V", "loads.sim", "alarm", "is a start failure script, not a profile-load script"),
        ("H", "actions.STOP", "gone", "is not installed"),
    ]


# ---------------------------------------------------------------------- apply


async def test_what_was_shown_is_applied_or_nothing(api: httpx.AsyncClient):
    plan = await planned(api, ALL)
    await applied(api, [{"kind": "resource", "name": "in between"}])
    answer = await api.post("catalogue", json={"documents": ALL, "version": plan["version"]})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["seen"]) == (412, "stale", plan["version"])
    assert "new plan" in problem["hint"]
    assert [d["name"] for d in await exported(api, kind="resource")] == ["in between"]
    again = await planned(api, ALL)
    assert "added" in (await applied(api, ALL, version=again["version"])).values()


async def test_an_answer_that_got_lost_can_be_asked_for_again(api: httpx.AsyncClient):
    version = (await planned(api, ALL))["version"]
    await applied(api, ALL, version=version)
    assert set((await applied(api, ALL, version=version)).values()) == {"unchanged"}


async def test_a_change_of_the_settings_makes_a_plan_old(api: httpx.AsyncClient):
    plan = await planned(api, ALL)
    await api.put("platforms/default", json={"zone": "Europe/Zurich"})
    answer = await api.post("catalogue", json={"documents": ALL, "version": plan["version"]})
    assert answer.status_code == 412


async def test_a_platform_that_came_in_between_makes_a_plan_old(api: httpx.AsyncClient):
    lab = [{"kind": "platform", "name": "lab"}, ENCODER]
    plan = await planned(api, lab, platform="lab")
    assert plan["version"] == 0
    await applied(api, [{"kind": "platform", "name": "lab", "zone": "Europe/Paris"}], platform="lab")
    answer = await api.post("catalogue", json={"documents": lab, "platform": "lab", "version": 0})
    assert answer.status_code == 412


async def test_every_change_is_told_once(api: httpx.AsyncClient):
    await applied(api, ALL)
    await applied(api, [NAME, {**ENCODER, "concurrency": 2}], prune=True)
    await applied(api, [NAME, {**ENCODER, "concurrency": 2}], prune=True)
    told = [(c["kind"], c["before"], c["after"]) for c in (await api.get("changes")).json()["items"]]
    assert told[-4:] == [
        ("resource.changed", "", "ENC 1"),
        ("service_definition.removed", "Hall", ""),
        ("profile_instance.removed", "HD", ""),
        ("profile_definition.removed", "Video", ""),
    ]


# fmt: off
MISTAKES = [
    # documents                                        more               where            what
    ([ENCODER, ENCODER],                                {},                "documents.1.name", "stands twice"),
    ([NAME, {**NAME, "name": "other"}],                 {},                "documents.1.kind", "has one name"),
    ([ENCODER],                                         {"prune": True},   "prune",            "has no name"),
    ([{"kind": "bundle"}],                              {},                "documents.0.name", "is missing"),
]
# fmt: on


@pytest.mark.parametrize("path", ["catalogue", "catalogue/plan"])
@pytest.mark.parametrize(("documents", "more", "where", "what"), MISTAKES)
async def test_mistakes_of_a_bundle(
    api: httpx.AsyncClient, path: str, documents: list[Document], more: dict[str, Any], where: str, what: str
):
    answer = await api.post(path, json={"documents": documents, **more})
    assert answer.status_code == 422
    assert [where] == [e["where"] for e in answer.json()["errors"] if what in e["detail"]]


# ---------------------------------------------------------------------- prune


async def test_only_what_the_same_bundle_created_is_removed_and_only_when_asked(api: httpx.AsyncClient):
    await applied(api, [{**ENCODER, "name": "by hand"}, {**ENCODER, "name": "taken over"}])
    await applied(api, [{"kind": "bundle", "name": "other"}, {**ENCODER, "name": "another's"}])
    await applied(api, [*ALL, {**ENCODER, "name": "taken over", "concurrency": 2}])
    rest: list[Document] = [NAME, VIDEO]
    assert changes(await planned(api, rest)) == {}
    plan = await planned(api, rest, prune=True)
    assert changes(plan) == {"Hall": "removed", "ENC 1": "removed", "HD": "removed"}
    assert await applied(api, rest, prune=True) == {"Video": "unchanged", **changes(plan)}
    assert [d["name"] for d in await exported(api)] == ["default", "Video", "another's", "by hand", "taken over"]
    assert changes(await planned(api, rest, prune=True)) == {}


async def test_what_comes_back_has_its_old_id_and_a_definition_goes_on_counting(api: httpx.AsyncClient):
    await applied(api, ALL)
    (before,) = (await api.get("resources")).json()["items"]
    await applied(api, [NAME], prune=True)
    assert [d["kind"] for d in await exported(api)] == ["platform"]
    assert (await api.get("resources")).json()["items"] == []
    await applied(api, [*ALL[:3], {**ENCODER, "priority": 3}, HALL])
    (after,) = (await api.get("resources")).json()["items"]
    assert (after["id"], after["priority"], after["revision"]) == (before["id"], 3, before["revision"] + 1)
    (definition,) = (await api.get("service-definitions")).json()["items"]
    assert definition["revision"] == 2
    assert changes(await planned(api, [NAME], prune=True)).keys() == {"Video", "HD", "ENC 1", "Hall"}


async def booked(api: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await api.post("bookings", json=asked(**more))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


@pytest.mark.parametrize(
    ("booking", "kept", "removed"),
    [
        ({"definition": "Hall", "nodes": {}}, [VIDEO, HD, ENCODER], "service definition Hall"),
        ({"nodes": {"x": {"resource": "ENC 1", "profile": "HD"}}}, [VIDEO, ENCODER], "profile instance HD"),
    ],
)
async def test_what_a_booking_needs_is_not_removed(
    api: httpx.AsyncClient, booking: dict[str, Any], kept: list[Document], removed: str
):
    await applied(api, ALL)
    made = await booked(api, **booking)
    user = f"booking News ({made['id']})"
    plan = await planned(api, [NAME, *kept], prune=True)
    assert user in [u for step in plan["steps"] for u in step["users"]]
    answer = await api.post("catalogue", json={"documents": [NAME, *kept], "prune": True})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "in_use")
    assert (removed, f"is used by {user}") in [(e["where"], e["detail"]) for e in problem["errors"]]
    assert len(await exported(api)) == 5
    assert (await api.post(f"bookings/{made['id']}/cancel")).status_code == 200
    assert "removed" in (await applied(api, [NAME, *kept], prune=True)).values()
    assert (await api.get(f"bookings/{made['id']}")).status_code == 200


async def test_a_resource_that_a_booking_has_is_removed_by_force(api: httpx.AsyncClient):
    await applied(api, ALL)
    made = await booked(api, nodes={"x": {"resource": "ENC 1"}})
    kept = [NAME, VIDEO, HD, HALL]
    (listed,) = (await planned(api, kept, prune=True))["losing"]
    assert (listed["booking"], listed["resource"], listed["reason"]) == (made["id"], "ENC 1", "ResourceDeleted")
    answer = await api.post("catalogue", json={"documents": kept, "prune": True})
    assert (answer.status_code, answer.json()["code"], answer.json()["losing"]) == (409, "conflict", [listed])
    assert len(await exported(api)) == 5
    await applied(api, kept, prune=True, force=True)
    shown = (await api.get(f"bookings/{made['id']}")).json()
    assert (shown["state"], shown["nodes"]["x"]["resource"]) == ("Quarantined", None)


async def test_a_version_that_a_booking_is_pinned_to_keeps_its_profiles(api: httpx.AsyncClient):
    await applied(api, ALL)
    await booked(api, definition="Hall", nodes={})
    bare = {**HALL, "nodes": [{"label": "camera"}]}
    answer = await api.post("catalogue", json={"documents": [NAME, ENCODER, bare], "prune": True})
    assert [e["where"] for e in answer.json()["errors"]] == ["profile instance HD", "profile definition Video"]


async def test_what_another_document_needs_is_not_removed(api: httpx.AsyncClient):
    await applied(api, ALL)
    await applied(api, [{**HD, "name": "SD"}, {**HALL, "name": "Studio"}])
    answer = await api.post("catalogue", json={"documents": [NAME, ENCODER], "prune": True})
    told = {e["where"]: e["detail"] for e in answer.json()["errors"]}
    assert told == {
        "profile instance HD": "is used by service definition Studio, node camera",
        "profile definition Video": "is used by profile instance SD, service definition Studio, node camera",
    }


# ---------------------------------------------------------------------- export


async def test_an_export_is_what_was_applied(api: httpx.AsyncClient):
    await applied(api, ALL)
    assert await exported(api, bundle="hall") == ALL[1:]
    everything = await exported(api)
    assert everything == [{"kind": "platform", "name": "default", "zone": "Europe/Brussels"}, *ALL[1:]]
    assert changes(await planned(api, everything)) == {}


async def test_an_export_may_be_of_kinds_and_names(api: httpx.AsyncClient):
    await applied(api, ALL)
    assert await exported(api, kind=["resource", "profile_instance"]) == [HD, ENCODER]
    assert await exported(api, name="Video") == [VIDEO]
    assert await exported(api, bundle="other") == []
    assert (await api.get("catalogue", params={"kind": "thing"})).status_code == 422
    assert (await api.get("catalogue", params={"platform": "elsewhere"})).status_code == 404


# ---------------------------------------------------------------------- every mistake in one answer


BROKEN: list[Document] = [
    {"kind": "profile_definition", "name": "Video", "parameters": [{"name": "rate", "type": "nummer"}]},
    {"kind": "profile_instance", "name": "HD", "definition": "Vidoe", "parent": "Bsae", "values": {"x": 1}},
    {"kind": "profile_instance", "name": "SD", "definition": "Video", "values": {"whatever": 1}},
    {"kind": "resource", "name": "ENC 1", "function": "encoding", "concurrency": "two"},
    {"kind": "functoin", "name": "muxing"},
    {
        "kind": "service_definition",
        "name": "Hall",
        "nodes": [
            {"label": "a", "function": "encodnig", "profile": "Video", "default_profile": "SD"},
            {"label": "b", "function": "encoding", "profile": "video", "default_profile": "hd"},
            {"label": "c", "function": "muxing", "default_profile": "SD"},
        ],
        "connections": [{"source": "c", "output": "out", "target": "d"}],
    },
    {"kind": "profile_instance", "name": "Base", "definition": "Video"},
    {"name": "who knows"},
    5,  # type: ignore[list-item]
]


@pytest.mark.parametrize("path", ["catalogue", "catalogue/plan"])
async def test_mistakes_of_shape_and_of_references_are_told_in_one_answer(api: httpx.AsyncClient, path: str):
    answer = await api.post(path, json={"documents": BROKEN})
    assert answer.status_code == 422
    kinds = "bundle, function, platform, pool, profile_definition, profile_instance, resource, service_definition"
    others = kinds.replace("function, ", "")
    assert [(e["where"], e["detail"], e.get("expected", "")) for e in answer.json()["errors"]] == [
        ("documents.0.parameters.0.type", "is 'nummer'", "'number', 'text', 'discrete' or 'flag'"),
        (
            "documents.1.definition",
            "there is no profile definition Vidoe",
            "one of Video, or a document kind: profile_definition",
        ),
        ("documents.1.parent", "there is no profile instance Bsae", "a profile instance: Base"),
        ("documents.3.concurrency", "is 'two'", "a whole number"),
        ("documents.4.kind", "is 'functoin'", f"function, or another of: {others}"),
        (
            "documents.5.nodes.0.function",
            "there is no function encodnig",
            "one of encoding, or a document kind: function",
        ),
        (
            "documents.5.nodes.1.profile",
            "there is no profile definition video",
            "one of Video, or a document kind: profile_definition",
        ),
        ("documents.5.nodes.1.default_profile", "there is no profile instance hd", "a profile instance: HD"),
        ("documents.5.connections.0.target", "there is no node d", "one of a, b, c"),
        ("documents.7.kind", "is missing", f"one of: {kinds}"),
        ("documents.8", "is not an object", "a JSON object"),
    ]
    assert [d["kind"] for d in await exported(api)] == ["platform"]


async def test_a_document_that_cannot_be_read_makes_no_mistake_of_those_that_need_it(api: httpx.AsyncClient):
    await applied(api, [{"kind": "bundle", "name": "hall"}, HD | {"definition": "Audio"}, {**VIDEO, "name": "Audio"}])
    documents: list[Document] = [
        {"kind": "bundle", "name": "hall", "colour": "red"},
        {"kind": "platform", "name": "default", "zone": 5},
        {"kind": "function", "name": "encoding", "profile": 1},
        {"kind": "profile_definition", "name": "Video", "parameters": {}},
        {"kind": "profile_instance", "name": "HD", "definition": "Video", "values": []},
        {"kind": "profile_instance", "name": "SD", "definition": "Video", "parent": "HD", "values": {"rate": "much"}},
        {"kind": "resource", "name": "E", "pools": ["hall"], "function": "muxing", "mode": "?"},
        {
            "kind": "service_definition", "name": "Hall",
            "nodes": [
                {"label": "a", "function": "encoding", "default_profile": "SD"},
                {"label": "b", "function": "muxing", "pool": "hall", "profile": "Video", "default_profile": "HD"},
                {"label": "c", "function": "encoding"},
            ],
            "connections": [{"source": "a", "output": "out", "target": "c", "input": ""}],
        },
        {"kind": "resource", "name": "E"},
    ]  # fmt: skip
    answer = await api.post("catalogue", json={"documents": documents, "prune": True})
    assert [e["where"] for e in answer.json()["errors"]] == [
        "documents.0.colour", "documents.1.zone", "documents.2.profile", "documents.3.parameters",
        "documents.4.values", "documents.6.mode", "documents.8.name",
    ]  # fmt: skip


async def test_a_default_profile_that_is_none_of_its_node_is_named_with_those_that_there_are(api: httpx.AsyncClient):
    nodes = [
        {"label": "a", "profile": "Video", "default_profile": "Stereo"},
        {"label": "b", "profile": "Video", "default_profile": "HDD"},
        {"label": "c", "default_profile": "HD"},
    ]
    sound = [
        {"kind": "profile_definition", "name": "Sound"},
        {**HD, "name": "Stereo", "definition": "Sound", "values": {}},
    ]
    answer = await api.post("catalogue", json={"documents": [VIDEO, HD, *sound, {**HALL, "nodes": nodes}]})
    assert [(e["detail"], e["expected"]) for e in answer.json()["errors"]] == [
        ("Stereo is no instance of Video but of Sound", "an instance of Video: HD"),
        ("there is no profile instance HDD", "an instance of Video: HD"),
        ("is HD, but the node takes no profile", "profile: Video beside it, or no default_profile"),
    ]
