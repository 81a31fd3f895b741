# SPDX-License-Identifier: Apache-2.0
"""Settings of a platform over the API: one by one, reset, rows of the transition table, history and undo."""

from __future__ import annotations

import httpx
import pytest

PATH = "platforms/default"


async def patched(api: httpx.AsyncClient, **body) -> httpx.Response:
    return await api.patch(PATH, json=body)


async def test_one_setting_changes_and_the_others_stay(api: httpx.AsyncClient):
    before = (await api.get(PATH)).json()
    answer = await patched(api, set={"limits.lso": 300, "zone": "UTC", "service_states.mapping.postroll": None},
                           transitions={"add": [["start", "Stop"]]}, why="short scripts")  # fmt: skip
    after = answer.json()
    assert answer.status_code == 200, after
    assert answer.headers["ETag"] == '"2"'
    assert after["limits"] == before["limits"] | {"lso": 300}
    assert after["zone"] == "UTC"
    assert after["service_states"]["mapping"]["postroll"] is None
    assert after["service_states"]["transitions"] == before["service_states"]["transitions"]


async def test_rows_are_added_removed_and_reset(api: httpx.AsyncClient):
    shipped = (await api.get(PATH)).json()["service_states"]["transitions"]
    rows = {"add": [["PAUSE", "START"]], "remove": [["STOP", "START"], ["START", "STANDBY"]]}
    found = (await patched(api, transitions=rows)).json()["service_states"]["transitions"]
    assert ["PAUSE", "START"] in found
    assert ["STOP", "START"] not in found
    assert len(found) == len(shipped) - 1
    assert (await patched(api, reset=["service_states.transitions"])).json()["service_states"]["transitions"] == shipped
    refused = await patched(api, transitions={"remove": [["PAUSE", "START"]]})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["detail"] == "there is no row PAUSE -> START"


async def test_colours_are_chosen_and_reset_state_by_state(api: httpx.AsyncClient):
    key = "lifecycle_colors.light.Service Active"
    assert (await patched(api, set={key: "#00FF00"})).status_code == 200
    looks = (await api.get(f"{PATH}/looks")).json()
    assert looks["Service Active"]["light"] == {"fill": "#00ff00", "text": "#000000", "own": True}
    assert looks["Service Active"]["dark"]["own"] is False
    assert len(looks) == 14
    assert (await patched(api, reset=[key])).json()["lifecycle_colors"] == {"light": {}, "dark": {}}


WRONG = [
    ({"set": {"limits.lsoo": 1}}, "limits.lsoo", "is no setting"),
    ({"set": {"nothing.at.all": 1}}, "nothing.at.all", "is no setting"),
    ({"set": {"name": "other"}}, "name", "is no setting"),
    ({"set": {"limits": 3}}, "limits", "is 3"),
    ({"set": {"limits.lso": "long"}}, "limits.lso", "is no length of time"),
    ({"set": {"limits.simultaneous_lso": 201}}, "limits.simultaneous_lso", "is 201"),
    ({"set": {"zone": "Nowhere/Land"}}, "zone", "is 'Nowhere/Land'"),
    ({"set": {"ordering": "random"}}, "ordering", "is 'random'"),
    ({"set": {"defaults.definition": "Nope"}}, "defaults.definition", "there is no service definition Nope"),
    ({"set": {"defaults.pre_roll": 604801}}, "defaults.pre_roll", "is 604801 s"),
    ({"set": {"lifecycle_colors.light.Confirmed": "blue"}}, "lifecycle_colors.light.Confirmed", "is 'blue'"),
    ({"set": {"lifecycle_colors.light.Ready": "#000000"}}, "lifecycle_colors.light.Ready", "is"),
    ({"set": {"service_states.mapping.ended": "NIGHT"}}, "service_states.mapping.ended", "NIGHT is no state"),
    ({"reset": ["limits.lsoo"]}, "limits.lsoo", "is no setting"),
    ({"transitions": {"add": [["STOP", "NIGHT"]]}}, "service_states.transitions.15", "NIGHT is no state"),
    ({"transitions": {"remove": [["STANDBY", "STOP"]]}}, "service_states.transitions", "STANDBY -> STOP is needed"),
    ({"colour": "red"}, "colour", "is not a known field"),
]


@pytest.mark.parametrize(("body", "where", "what"), WRONG, ids=[str(case[0])[:60] for case in WRONG])
async def test_a_mistake_says_where_and_changes_nothing(api: httpx.AsyncClient, body, where: str, what: str):
    answer = await patched(api, **body)
    told = answer.json()
    assert answer.status_code == 422, told
    assert any(e["where"].startswith(where) and e["detail"].startswith(what) for e in told["errors"]), told["errors"]
    assert (await api.get(PATH)).json()["revision"] == 1


async def test_mistakes_of_shape_and_of_content_are_told_at_once(api: httpx.AsyncClient):
    answer = await patched(
        api,
        set={
            "limits.lso": "long", "limits.simultaneous_lso": 201, "zone": "Nowhere/Land", "ordering": "random",
            "defaults.definition": "Nope", "lifecycle_colors.light.Ready": "#000000", "limits.lsoo": 3,
            "service_states.transitions": [["STOP"]], "guard": 300,
        },
        reset=["nowhere"],
    )  # fmt: skip
    told = answer.json()
    assert answer.status_code == 422, told
    assert {e["where"] for e in told["errors"]} >= {
        "limits.lso", "limits.simultaneous_lso", "zone", "ordering", "defaults.definition",
        "lifecycle_colors.light.Ready", "limits.lsoo", "nowhere",
    }  # fmt: skip
    assert any(e["where"].startswith("service_states.transitions") for e in told["errors"])
    assert (await api.get(PATH)).json()["revision"] == 1


async def test_the_history_is_paged_and_undone(api: httpx.AsyncClient):
    for seconds in (1, 2, 3):
        await patched(api, set={"limits.step": seconds}, why=f"try {seconds}")
    page = (await api.get(f"{PATH}/history", params={"limit": 2})).json()
    rest = (await api.get(f"{PATH}/history", params={"before": page["next"]})).json()
    editions = page["items"] + rest["items"]
    assert [e["version"] for e in editions] == [4, 3, 2, 1]
    assert rest["next"] is None
    assert editions[0]["changed"] == [{"setting": "limits.step", "before": "2", "after": "3"}]
    assert (editions[0]["why"], editions[0]["actor"]) == ("try 3", "local")
    assert (await api.post(f"{PATH}/undo", json={})).json()["limits"]["step"] == 2
    assert (await api.post(f"{PATH}/undo", json={"to": 1})).json()["limits"]["step"] == 60
    assert (await api.post(f"{PATH}/undo", json={"to": 9})).status_code == 404


async def test_a_lost_race_is_told(api: httpx.AsyncClient):
    first = await api.patch(PATH, json={"set": {"zone": "UTC"}}, headers={"If-Match": '"1"'})
    late = await api.patch(PATH, json={"set": {"zone": "Europe/Paris"}}, headers={"If-Match": '"1"'})
    assert (first.status_code, late.status_code) == (200, 412)
    assert (await api.get(PATH)).json()["zone"] == "UTC"


async def test_every_setting_of_an_export_can_be_sent_back(api: httpx.AsyncClient):
    await patched(api, set={
        "guard": 60, "ordering": "left", "defaults.duration": 3600, "defaults.pre_roll": 300,
        "lifecycle_colors.dark.Failed": "#112233", "service_states.states": ["Night"],
    })  # fmt: skip
    (document,) = (await api.get("catalogue", params={"kind": "platform"})).json()["documents"]
    assert document["guard"] == 60
    answer = await api.post("catalogue", json={"documents": [document]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["items"][0]["change"] == "unchanged"


async def test_a_booking_that_says_nothing_of_its_time_follows_the_defaults(api: httpx.AsyncClient):
    await patched(api, set={"defaults.duration": 1800, "defaults.pre_roll": 60, "defaults.start_delay": 120})
    made = (await api.post("bookings", json={"name": "News"})).json()
    assert (made["start"], made["end"]) == ("2026-03-01T12:03:00Z", "2026-03-01T12:33:00Z")
    assert (made["pre_roll"], made["post_roll"]) == (60, 0)
    endless = (await api.post("bookings", json={"name": "Line", "end": None, "pre_roll": 0})).json()
    assert (endless["start"], endless["end"]) == ("2026-03-01T12:02:00Z", None)


async def test_the_platforms_order_and_guard_are_those_of_the_availability(api: httpx.AsyncClient):
    resources = [{"kind": "resource", "name": n, "function": "f", "priority": p} for n, p in (("A", 2), ("B", 1))]
    assert (await api.post("catalogue", json={"documents": resources})).status_code == 200
    asked = {"start": "2026-03-01T14:00:00Z", "end": "2026-03-01T15:00:00Z", "nodes": {"x": {"function": "f"}}}

    async def offered(**more) -> list[tuple[str, bool]]:
        answer = (await api.post("availability", json=asked | more)).json()
        return [(o["name"], o["guarded"]) for o in answer["nodes"]["x"]["eligible"]]

    assert await offered() == [("B", True), ("A", True)]
    await patched(api, set={"ordering": "name", "guard": 600})
    assert await offered() == [("A", True), ("B", True)]
    await api.post("bookings", json={"name": "Early", "start": "2026-03-01T13:00:00Z", "end": "2026-03-01T13:55:00Z",
                                     "nodes": {"n": {"resource": "A"}}})  # fmt: skip
    assert await offered() == [("B", True), ("A", False)]
    assert await offered(guard=0) == [("A", True), ("B", True)]
    assert await offered(guard=0, order="priority") == [("B", True), ("A", True)]
