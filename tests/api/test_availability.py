# SPDX-License-Identifier: Apache-2.0
"""What is free, over the API: the answer of the query is what a booking then meets, and refusals show ways out."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.conftest import asked

DOCUMENTS: list[dict[str, Any]] = [
    {
        "kind": "profile_definition",
        "name": "Carrier",
        "parameters": [
            {"name": "rate", "type": "number", "unit": "Mbit/s", "kinds": ["configuration", "capacity"]},
            {"name": "band", "type": "text", "kinds": ["capability"]},
            {"name": "polarisation", "type": "text", "kinds": ["capability"]},
        ],
    },
    {"kind": "profile_instance", "name": "Small", "definition": "Carrier", "values": {"rate": 4}},
    {
        "kind": "service_definition",
        "name": "Uplink",
        "nodes": [
            {"label": "mux", "function": "mux", "pool": "north", "profile": "Carrier", "default_profile": "Small"}
        ],
    },
    *(
        {
            "kind": "resource",
            "name": name,
            "function": "mux",
            "pools": ["north"],
            "concurrency": 9,
            "capacities": {"rate": rate},
            "capabilities": {"band": {"choices": ["C", "Ku"]}, "polarisation": {"time_dependent": True}},
            "priority": priority,
        }
        for name, rate, priority in (("MUX 1", 10, 2), ("MUX 2", 6.5, 1), ("MUX 3", 3, 0))
    ),
]
WHEN = {"start": "2026-03-01T13:00:00Z", "end": "2026-03-01T14:00:00Z"}


@pytest.fixture(autouse=True)
async def muxes(api: httpx.AsyncClient) -> None:
    answer = await api.post("catalogue", json={"documents": DOCUMENTS})
    assert answer.status_code == 200, answer.text


async def ask(api: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await api.post("availability", json={**WHEN, "definition": "Uplink", **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["nodes"]["mux"]


async def book(api: httpx.AsyncClient, name: str, resource: str, **values: Any) -> httpx.Response:
    nodes = {"mux": {"resource": resource, "values": values}}
    return await api.post("bookings", json=asked(name=name, definition="Uplink", nodes=nodes))


async def test_those_that_fit_are_offered_best_first_with_what_is_left(api: httpx.AsyncClient):
    node = await ask(api)
    assert [(o["name"], o["concurrency_left"], o["capacities_left"]) for o in node["eligible"]] == [
        ("MUX 2", 9, {"rate": 6.5}), ("MUX 1", 9, {"rate": 10}),
    ]  # fmt: skip
    assert (node["candidates"], node["next_start"], node["refused"]) == (3, "2026-03-01T13:00:00Z", {})
    assert [o["name"] for o in (await ask(api, order="left"))["eligible"]] == ["MUX 1", "MUX 2"]
    assert [o["name"] for o in (await ask(api, order="name", limit=1))["eligible"]] == ["MUX 1"]


async def test_what_is_eligible_can_be_booked_and_what_is_not_cannot(api: httpx.AsyncClient):
    assert (await book(api, "first", "MUX 1", rate=7.5)).status_code == 201
    node = await ask(api, explain=True)
    assert [o["name"] for o in node["eligible"]] == ["MUX 2"]
    (rule,) = node["refused"]["MUX 1"]
    assert (rule["dimension"], rule["limit"], rule["asked"], rule["left"], rule["rival_name"]) == (
        "rate", 10, 4, 2.5, "first",
    )  # fmt: skip
    for name in ("MUX 1", "MUX 3"):
        assert (await book(api, f"on {name}", name)).status_code == 409
    assert (await book(api, "on MUX 2", "MUX 2")).status_code == 201


async def test_a_refusal_says_why_and_what_would_solve_it(api: httpx.AsyncClient):
    first = (await book(api, "first", "MUX 1", rate=7.5)).json()
    problem = (await book(api, "second", "MUX 1")).json()
    assert problem["code"] == "conflict"
    assert problem["detail"] == f"MUX 1 (rate) is held by first ({first['id']}): 2.5 of 10 left, 4 asked"
    ways = [(w["text"], w["node"], w["resource"], w["start"], w["rival"]) for w in problem["ways"]]
    assert ways == [
        ("take MUX 2 for mux", "mux", "MUX 2", None, ""),
        ("start 1h later", "", "", "2026-03-01T14:00:00Z", ""),
        ("move or cancel first, Partial", "", "", None, first["id"]),
    ]
    taken = await api.post(
        "bookings",
        json=asked(name="second", definition="Uplink", nodes={"mux": {"resource": problem["ways"][0]["resource"]}}),
    )
    assert taken.status_code == 201


async def test_an_edit_that_needs_more_is_refused_with_ways_out(api: httpx.AsyncClient):
    await book(api, "first", "MUX 1", rate=4)
    second = (await book(api, "second", "MUX 1", rate=4)).json()
    change = {"nodes": {"mux": {"resource": "MUX 1", "values": {"rate": 6.5}}}}
    problem = (await api.patch(f"bookings/{second['id']}", json=change)).json()
    assert [w["resource"] for w in problem["ways"] if w["resource"]] == ["MUX 2"]
    assert (await api.get(f"bookings/{second['id']}")).json()["revision"] == second["revision"]


async def test_mistakes_of_every_kind_are_told_at_once(api: httpx.AsyncClient):
    def told(answer: httpx.Response) -> list[str]:
        assert answer.status_code == 422, answer.text
        return [error["where"] for error in answer.json()["errors"]]

    wrong = {
        "start": WHEN["end"], "end": WHEN["start"], "definition": "Uplink",
        "nodes": {"mux": {"values": {"rate": "much"}}, "tape": {}},
    }  # fmt: skip
    assert told(await api.post("availability", json=wrong)) == ["end", "nodes.tape", "nodes.mux.values.rate"]
    wrong["nodes"]["mux"]["resource"] = "MUX 9"
    everything = ["end", "nodes.mux.values.rate", "nodes.tape", "nodes.mux.resource"]
    assert told(await api.post("bookings", json={"name": "new", **wrong})) == everything
    there = (await book(api, "there", "MUX 1")).json()
    del wrong["definition"]
    assert told(await api.patch(f"bookings/{there['id']}", json=wrong)) == everything


async def test_what_is_there_already_is_no_way_out_of_a_swap(api: httpx.AsyncClient):
    await book(api, "first", "MUX 1", rate=7.5)
    second = (await book(api, "second", "MUX 2")).json()

    async def suggested(path: str, **said: Any) -> list[str]:
        answer = await api.request("PATCH" if not path else "POST", f"bookings/{second['id']}{path}", json=said)
        assert answer.status_code == 409, answer.text
        return [way["resource"] for way in answer.json()["ways"] if way["resource"]]

    assert await suggested("/swap", node="mux", resource="MUX 1") == []
    assert await suggested("/swap", node="mux", resource="MUX 1", values={"rate": 6.5}) == ["MUX 2"], (
        "with other values"
    )
    later = {"start": "2026-03-01T13:10:00Z", "nodes": {"mux": {"resource": "MUX 1"}}}
    assert await suggested("", **later) == ["MUX 2"], "at another time"


async def test_what_a_resource_can_never_do_is_no_matter_of_time(api: httpx.AsyncClient):
    node = await ask(api, nodes={"mux": {"values": {"band": "Ka"}}}, explain=True)
    assert (node["eligible"], node["next_start"]) == ([], None)
    assert [rule["why"] for rule in node["refused"]["MUX 1"]] == ["band is one of C, Ku, Ka asked"]
    problem = (await book(api, "Ka", "MUX 1", band="Ka")).json()
    assert (problem["clashes"][0]["why"], problem.get("ways", [])) == ("band is one of C, Ku, Ka asked", [])


async def test_bookings_that_overlap_agree_on_what_depends_on_time(api: httpx.AsyncClient):
    assert (await book(api, "first", "MUX 1", rate=1, polarisation="H")).status_code == 201
    assert (await book(api, "second", "MUX 1", rate=1, polarisation="H")).status_code == 201
    problem = (await book(api, "third", "MUX 1", rate=1, polarisation="V")).json()
    assert "polarisation is H for first" in problem["detail"]


async def test_the_next_slot_the_guard_and_the_swap(api: httpx.AsyncClient):
    made = [(await book(api, name, name, rate=6)).json() for name in ("MUX 1", "MUX 2")]
    node = await ask(api, nodes={"mux": {"values": {"rate": 5}}})
    assert (node["eligible"], node["next_start"]) == ([], "2026-03-01T14:00:00Z")
    later = await ask(api, start="2026-03-01T14:00:00Z", end="2026-03-01T15:00:00Z", guard=600)
    offers = [(o["name"], o["guarded"]) for o in later["eligible"]]
    assert offers == [("MUX 1", True), ("MUX 2", False)], "2 is not free ten minutes before: the last choice"
    node = await ask(api, nodes={"mux": {"values": {"rate": 5}}}, ignore=made[1]["id"])
    assert [o["name"] for o in node["eligible"]] == ["MUX 2"]


async def test_without_a_definition_a_function_and_a_pool_are_asked_for(api: httpx.AsyncClient):
    assert (await api.post("catalogue", json={"documents": [{"kind": "pool", "name": "south"}]})).status_code == 200
    answer = await api.post("availability", json={**WHEN, "nodes": {"a": {"function": "mux"}, "b": {"pool": "south"}}})
    nodes = answer.json()["nodes"]
    assert [o["name"] for o in nodes["a"]["eligible"]] == ["MUX 3", "MUX 2", "MUX 1"]
    assert (nodes["b"]["candidates"], nodes["b"]["next_start"]) == (0, None)


async def test_a_question_with_several_mistakes_is_told_all_of_them(api: httpx.AsyncClient):
    nodes = {"muxx": {}, "mux": {"profile": "Huge"}, "demux": {"values": {"rate": 1}}}
    answer = await api.post("availability", json={**WHEN, "definition": "Uplink", "nodes": nodes})
    told = [(error["where"], error["detail"]) for error in answer.json()["errors"]]
    assert told == [
        ("nodes.muxx", "is no node of Uplink"), ("nodes.demux", "is no node of Uplink"),
        ("nodes.mux.profile", "there is no profile instance Huge"),
    ]  # fmt: skip
    free = {"a": {"profile": "Huge"}, "b": {"values": {"rate": 1}}, "c": {"profile": "Small", "values": {"rate": -1}}}
    answer = await api.post("availability", json={**WHEN, "nodes": free})
    assert [error["where"] for error in answer.json()["errors"]] == [
        "nodes.a.profile", "nodes.b.values", "nodes.c.values.rate",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"end": "2026-03-01T12:00:00Z"}, "end"),
        ({"nodes": {"muxx": {}}}, "nodes.muxx"),
        ({"nodes": {"mux": {"profile": "Huge"}}}, "nodes.mux.profile"),
        ({"nodes": {"mux": {"values": {"rate": -1}}}}, "nodes.mux.values.rate"),
        ({"nodes": {"mux": {"values": {"rate": 0.0000001}}}}, "nodes.mux.values.rate"),
        ({"order": "best"}, "order"),
    ],
)
async def test_a_question_that_is_wrong_is_told_where(api: httpx.AsyncClient, more: dict[str, Any], where: str):
    answer = await api.post("availability", json={**WHEN, "definition": "Uplink", **more})
    assert answer.status_code == 422
    assert [error["where"] for error in answer.json()["errors"]] == [where]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"capacities": {"rate": 1e-9}}, "capacities.rate"),
        ({"capabilities": {"band": {}}}, "capabilities.band"),
        ({"capabilities": {"band": {"choices": ["C"], "text": "C"}}}, "capabilities.band"),
        ({"capabilities": {"band": {"minimum": 3, "maximum": 2}}}, "capabilities.band.maximum"),
        ({"capacities": {"band": 1}, "capabilities": {"band": {"text": "C"}}}, "capabilities.band"),
    ],
)
async def test_a_resource_that_offers_nonsense_is_refused(api: httpx.AsyncClient, change: dict[str, Any], where: str):
    answer = await api.post("catalogue", json={"documents": [{"kind": "resource", "name": "MUX 1", **change}]})
    assert answer.status_code == 422
    assert [error["where"] for error in answer.json()["errors"]] == [f"documents.0.{where}"]


OFFICE = {"weekly": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"}], "days_ahead": 10}


async def test_a_resource_that_closes_says_so_in_its_document_in_a_refusal_and_in_the_query(api: httpx.AsyncClient):
    blackout = {"from": "2026-03-02T10:00:00+01:00", "until": "2026-03-02T12:00:00Z", "reason": "new antenna"}
    given = {"kind": "resource", "name": "MUX 4", "function": "tx", "availability": {**OFFICE, "blackouts": [blackout]}}
    assert (await api.post("catalogue", json={"documents": [given]})).status_code == 200
    (listed,) = [r for r in (await api.get("resources")).json()["items"] if r["name"] == "MUX 4"]
    assert listed["availability"] == {
        "windows": [], "weekly": OFFICE["weekly"], "zone": None, "days_ahead": 10,
        "blackouts": [{"from": "2026-03-02T09:00:00Z", "until": "2026-03-02T12:00:00Z", "reason": "new antenna"}],
    }  # fmt: skip
    (exported,) = (await api.get("catalogue", params={"name": "MUX 4"})).json()["documents"]
    assert exported["availability"] == {
        "weekly": OFFICE["weekly"], "days_ahead": 10, "blackouts": listed["availability"]["blackouts"],
    }  # fmt: skip
    when = {"start": "2026-03-02T11:00:00Z", "end": "2026-03-02T13:00:00Z"}
    answer = await api.post("availability", json={**when, "nodes": {"a": {"function": "tx"}}, "explain": True})
    node = answer.json()["nodes"]["a"]
    assert (node["eligible"], node["next_start"]) == ([], "2026-03-02T12:00:00Z")
    (rule,) = node["refused"]["MUX 4"]
    assert rule["why"] == "closed from 2026-03-02 09:00:00Z until 2026-03-02 12:00:00Z (blackout, new antenna)"
    assert (rule["start"], rule["end"], rule["opens"]) == (
        "2026-03-02T09:00:00Z", "2026-03-02T12:00:00Z", "2026-03-02T12:00:00Z",
    )  # fmt: skip
    problem = (await api.post("bookings", json={"name": "x", **when, "nodes": {"a": {"resource": "MUX 4"}}})).json()
    assert problem["clashes"][0]["why"] == rule["why"]
    assert [way["start"] for way in problem["ways"]] == ["2026-03-02T12:00:00Z"]


async def test_the_course_of_resources_is_one_question(api: httpx.AsyncClient):
    given = {"kind": "resource", "name": "MUX 1", "function": "mux", "concurrency": 2, "capacities": {"rate": 10}}
    closes = {"blackouts": [{"from": "2026-03-01T15:00:00Z", "reason": "sold"}]}
    await api.post("catalogue", json={"documents": [{**given, "availability": closes}]})
    made = (await book(api, "first", "MUX 2", rate=4.5)).json()
    period = {"from": "2026-03-01T12:00:00Z", "to": "2026-03-01T18:00:00Z"}
    answer = await api.get("availability/free-busy", params={**period, "resource": ["MUX 1", "MUX 2"]})
    one, two = answer.json()["resources"]
    assert [(s["start"][11:16], s["end"][11:16], s["state"], s["closed"]) for s in one["spans"]] == [
        ("12:00", "15:00", "free", []), ("15:00", "18:00", "closed", ["blackout, sold"]),
    ]  # fmt: skip
    assert [(s["start"][11:16], s["end"][11:16], s["state"]) for s in two["spans"]] == [
        ("12:00", "13:00", "free"), ("13:00", "14:00", "busy"), ("14:00", "18:00", "free"),
    ]  # fmt: skip
    busy = two["spans"][1]
    (holder,) = busy["holders"]
    assert (holder["booking"], holder["name"], holder["concurrency"]) == (made["id"], "first", 1)
    assert (holder["capacities"], busy["capacities_left"]) == ({"rate": 4.5}, {"rate": 2})
    assert (await api.post("catalogue", json={"documents": [{"kind": "pool", "name": "south"}]})).status_code == 200
    pool = (await api.get("availability/free-busy", params={**period, "pool": "south"})).json()
    assert pool == {"resources": []}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"to": "2026-03-01T12:00:00Z"}, "query.to"),
        ({"to": "2028-03-01T12:00:00Z"}, "to"),
        ({"resource": ["nobody"]}, "resource"),
        ({"pool": "nowhere"}, "pool"),
        ({"resource": ["MUX 1"], "function": "nothing"}, "function"),
        ({"from": "2026-03-01"}, "query.from"),
        ({"resources": "MUX 1"}, "query.resources"),
    ],
)
async def test_a_course_that_cannot_be_told_says_why(api: httpx.AsyncClient, change: dict[str, Any], where: str):
    asked = {"from": "2026-03-01T12:00:00Z", "to": "2026-03-02T12:00:00Z", **change}
    answer = await api.get("availability/free-busy", params=asked)
    assert answer.status_code == 422
    assert [error["where"] for error in answer.json()["errors"]] == [where]


@pytest.mark.parametrize(
    ("availability", "where"),
    [
        ({"windows": [{}]}, "windows.0"),
        ({"windows": [{"from": "2026-03-02T00:00:00Z", "until": "2026-03-02T00:00:00Z"}]}, "windows.0.until"),
        ({"windows": [{"from": "2026-03-02"}]}, "windows.0.from"),
        ({"weekly": [{"days": ["monday"], "from": "08:00", "to": "18:00"}]}, "weekly.0.days.0"),
        ({"weekly": [{"days": [], "from": "08:00", "to": "18:00"}]}, "weekly.0.days"),
        ({"weekly": [{"days": ["mon"], "from": "8:00", "to": "18:00"}]}, "weekly.0.from"),
        ({"weekly": [{"days": ["mon"], "from": "08:00", "to": "24:01"}]}, "weekly.0.to"),
        ({"weekly": [{"days": ["mon"], "from": "08:00", "to": "08:00"}]}, "weekly.0.to"),
        ({"weekly": [{"days": ["mon"], "from": 8, "to": "18:00"}]}, "weekly.0.from"),
        ({"blackouts": [{"from": "2026-03-02T00:00:00Z"}]}, "blackouts.0.reason"),
        ({"blackouts": [{"reason": "x"}]}, "blackouts.0.from"),
        ({"zone": "Europe/Brussels"}, "zone"),
        ({**OFFICE, "zone": "Europe/Nowhere"}, "zone"),
        ({"days_ahead": 0}, "days_ahead"),
        ({"weeky": []}, "weeky"),
    ],
)
async def test_opening_hours_that_are_none_are_told_where(api: httpx.AsyncClient, availability: Any, where: str):
    given = {"kind": "resource", "name": "MUX 1", "availability": availability}
    answer = await api.post("catalogue", json={"documents": [given]})
    assert answer.status_code == 422
    assert [error["where"] for error in answer.json()["errors"]] == [f"documents.0.availability.{where}"]


async def test_a_pool_or_a_function_that_is_not_there_is_a_mistake_and_not_an_empty_answer(api: httpx.AsyncClient):
    described = [{"kind": "pool", "name": "south"}, {"kind": "function", "name": "modem"}]
    assert (await api.post("catalogue", json={"documents": described})).status_code == 200
    wanted = {"one": {"pool": "nroth", "function": "mux"}, "other": {"function": "mix"}}
    answer = await api.post("availability", json={**WHEN, "nodes": wanted})
    assert answer.status_code == 422
    told = {m["where"]: (m["detail"], m["expected"]) for m in answer.json()["errors"]}
    assert told == {
        "nodes.one.pool": ("there is no pool nroth", "one of those that preroll pool list shows: north, south"),
        "nodes.other.function": ("there is no function mix", "one of those that preroll function list shows: mux"),
    }
    answer = await api.post("availability", json={**WHEN, "nodes": {"one": {"pool": "south", "function": "modem"}}})
    assert answer.json()["nodes"]["one"]["candidates"] == 0, "it is described, and nothing bears it yet"


async def test_a_question_that_asks_for_nothing_is_told_so(api: httpx.AsyncClient):
    answer = await api.post("availability", json={**WHEN, "end": WHEN["start"]})
    assert [(e["where"], e["detail"]) for e in answer.json()["errors"]] == [
        ("end", "is not after start"), ("nodes", "ask for nothing"),
    ]  # fmt: skip


async def test_a_refusal_names_the_nodes_that_ask_for_what_is_not_free(api: httpx.AsyncClient):
    assert (await book(api, "first", "MUX 3", rate=2)).status_code == 201
    nodes = {label: {"resource": "MUX 3", "profile": "Small", "values": {"rate": 1}} for label in ("east", "west")}
    nodes["spare"] = {"resource": "MUX 1", "profile": "Small"}
    refused = await api.post("bookings", json=asked(name="second", nodes=nodes))
    assert refused.status_code == 409
    assert [(c["resource"], c["dimension"], c["nodes"]) for c in refused.json()["clashes"]] == [
        ("MUX 3", "rate", ["east", "west"])
    ]
