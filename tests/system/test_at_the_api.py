# SPDX-License-Identifier: Apache-2.0
"""Swap, add and apply at the API while bookings run: what is answered at once, and what the engine makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.domain.permission import LOCAL
from preroll.domain.window import MINUTE
from tests.builders import NOON
from tests.system.stage import HD
from tests.system.test_action_table import api

__all__ = ["api"]

ON_AIR, RESET = (8, "SDI 1"), (0, "none")
HOUR = 3_600


def shown(stage, device: str) -> tuple[object, object]:
    held = stage.device(device)
    return held.get("video.bitrate"), held.get("video.input")


@pytest.fixture
async def news(stage) -> str:
    ident = await stage.book()
    await stage.to(60)
    return f"bookings/{ident}"


async def posted(api, path: str, body: dict[str, object], status: int = 200) -> dict[str, object]:
    answer = await api.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def change_of(api, path: str) -> dict[str, object]:
    events = (await api.get(f"/api/v1/{path}")).json()["events"]
    (change,) = [event for event in events if event["event"] == "CHANGE"]
    return change


async def test_a_swap_needs_apply_now_and_says_so(stage, api, news):
    refused = await posted(api, f"{news}/swap", {"node": "Encoder", "resource": "enc-2"}, 409)
    assert refused["code"] == "action_not_possible"
    assert "apply now" in refused["hint"]
    assert shown(stage, "enc-1") == ON_AIR


async def test_a_swap_is_answered_with_the_new_one_and_the_engine_does_it(stage, api, news):
    body = {"node": "Encoder", "resource": "enc-2", "apply_now": True}
    answered = await posted(api, f"{news}/swap", body)
    assert answered["nodes"]["Encoder"]["name"] == "enc-2"
    assert (await change_of(api, news))["state"] in ("armed", "running")
    again = await posted(api, f"{news}/swap", body, 409)
    assert "CHANGE is" in again["detail"]
    await stage.rig.quiet()
    assert (await change_of(api, news))["state"] == "done"
    assert (shown(stage, "enc-2"), shown(stage, "enc-1")) == (ON_AIR, RESET)
    runs = (await api.get(f"/api/v1/{news}/runs")).json()
    assert [step["name"] for step in runs[-1]["steps"]] == ["apply_combined:Encoder", "leave:Encoder"]


async def test_without_a_resource_the_best_spare_is_taken(stage, api, news):
    answered = await posted(api, f"{news}/swap", {"node": "Encoder", "apply_now": True})
    spare = answered["nodes"]["Encoder"]["name"]
    await stage.rig.quiet()
    assert (spare != "enc-1", shown(stage, spare), shown(stage, "enc-1")) == (True, ON_AIR, RESET)


async def test_a_resource_is_added_and_removed_on_the_air(stage, api, news):
    await posted(api, f"{news}/add", {"node": "Decoder", "resource": "enc-3", "apply_now": True})
    await stage.rig.quiet()
    assert shown(stage, "enc-3") == ON_AIR
    await posted(api, f"{news}/remove", {"node": "Decoder", "apply_now": True})
    await stage.rig.quiet()
    assert shown(stage, "enc-3") == RESET
    mandatory = await posted(api, f"{news}/remove", {"node": "Encoder", "apply_now": True}, 422)
    assert "Encoder is mandatory" in mandatory["detail"]


async def test_a_swap_that_the_device_refuses_is_told_on_the_booking(stage, api, news):
    stage.rig.devices.fault("enc-2", "refuses")
    await posted(api, f"{news}/swap", {"node": "Encoder", "resource": "enc-2", "apply_now": True})
    await stage.rig.quiet()
    after = (await api.get(f"/api/v1/{news}")).json()
    assert (after["state"], after["service_state"]) == ("Service Active", "FAILED")
    assert any(warning.startswith("CHANGE failed: ") for warning in after["warnings"])


async def test_a_changed_profile_is_brought_with_apply_now(stage, api, news):
    nothing = await posted(api, f"{news}/apply-now", {}, 409)
    assert "no profile of it has changed" in nothing["detail"]
    await stage.app.catalogue.apply(LOCAL, "default", [replace(HD, states={"START": {"bitrate": 9}})])
    await posted(api, f"{news}/apply-now", {"why": "sharper"})
    await stage.rig.quiet()
    assert shown(stage, "enc-1") == (9, "SDI 1")


async def test_a_free_list_is_swapped_and_added_to_in_the_same_way(stage, api):
    times = {"start": f"{_at(0)}", "end": f"{_at(60)}", "orchestrated": True}
    nodes = {"a": {"resource": "enc-1", "profile": "HD"}}
    made = await posted(api, "bookings", {"name": "List", "nodes": nodes, **times}, 201)
    path = f"bookings/{made['id']}"
    await posted(api, f"{path}/confirm", {})
    await stage.to(60)
    assert shown(stage, "enc-1") == ON_AIR
    await posted(api, f"{path}/swap", {"node": "a", "resource": "enc-2"}, 409)
    await posted(api, f"{path}/swap", {"node": "a", "resource": "enc-2", "apply_now": True})
    await stage.rig.quiet()
    await posted(api, f"{path}/add", {"node": "b", "resource": "enc-1", "profile": "HD", "apply_now": True})
    await stage.rig.quiet()
    assert (shown(stage, "enc-1"), shown(stage, "enc-2")) == (ON_AIR, ON_AIR)
    await stage.to(2 * HOUR)
    assert (shown(stage, "enc-1"), shown(stage, "enc-2")) == (RESET, RESET)
    assert (await api.get(f"/api/v1/{path}")).json()["state"] == "Completed"


async def test_a_profile_is_applied_to_a_resource_outside_of_any_booking(stage, api):
    path = await _resource(api, "enc-1")
    answer = await api.post(f"{path}/apply", json={"profile": "HD", "state": "STANDBY", "why": "a line test"})
    asked = answer.json()
    assert (answer.status_code, asked["outcome"], asked["run"]) == (202, "armed", None)
    await stage.rig.quiet()
    found = (await api.get(answer.headers["location"])).json()
    assert (found["outcome"], found["name"], found["profile"], found["state"]) == ("done", "enc-1", "HD", "STANDBY")
    assert found["run"]["steps"][0]["diff"] == [["video.bitrate", None, 1], ["video.input", None, "SDI 1"]]
    assert shown(stage, "enc-1") == (1, "SDI 1")


async def test_in_two_steps_where_a_booking_has_the_resource(stage, api, news):
    path = await _resource(api, "enc-1")
    refused = await api.post(f"{path}/apply", json={"profile": "HD", "part": "defaults"})
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "in_use")
    assert "held by News" in problem["errors"][0]["detail"]
    forced = await api.post(f"{path}/apply", json={"profile": "HD", "part": "defaults", "force": True})
    assert forced.status_code == 202
    await stage.rig.quiet()
    assert shown(stage, "enc-1") == RESET


async def test_a_repeated_request_applies_it_once(stage, api):
    path, key = await _resource(api, "enc-1"), {"Idempotency-Key": "one"}
    first = await api.post(f"{path}/apply", json={"profile": "HD"}, headers=key)
    await stage.rig.quiet()
    second = await api.post(f"{path}/apply", json={"profile": "HD"}, headers=key)
    assert (second.json()["id"], second.headers["Idempotency-Replayed"]) == (first.json()["id"], "true")
    assert (second.status_code, second.json()["outcome"]) == (202, "done")
    other = await api.post(f"{path}/apply", json={"profile": "HD", "why": "x"}, headers=key)
    assert other.status_code == 422


def _at(minutes: int) -> str:
    from preroll.api.fields import when

    return when(NOON + minutes * MINUTE).isoformat()


async def _resource(api, name: str) -> str:
    items = (await api.get("/api/v1/resources", params={"text": name})).json()["items"]
    return f"/api/v1/resources/{items[0]['id']}"
