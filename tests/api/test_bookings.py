# SPDX-License-Identifier: Apache-2.0
"""Bookings over the API: what they answer, what guards them, what they refuse."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx
import pytest

from preroll.domain.actions import ACTIONS
from tests.api.conftest import Connect, StandingClock, asked

pytestmark = pytest.mark.usefixtures("catalogue")


async def made(api: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await api.post("bookings", json=asked(**changes))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_booking_is_made_and_has_an_address(api: httpx.AsyncClient):
    answer = await api.post("bookings", json=asked(pre_roll=300, post_roll="PT1M30S", definition="Contribution"))
    shown = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/bookings/{shown['id']}"
    assert answer.headers["etag"] == '"1"'
    assert (shown["state"], shown["phase"], shown["service_state"]) == ("Partial", "waiting", "STOP")
    assert (shown["start"], shown["end"]) == ("2026-03-01T13:00:00Z", "2026-03-01T14:00:00Z")
    assert (shown["pre_roll"], shown["post_roll"]) == (300, 90)
    assert shown["definition"] == {"name": "Contribution", "version": 1}
    assert shown["zone"] == "Europe/Brussels"
    possible = {a["name"] for a in shown["actions"] if a["possible"]}
    assert {"edit", "confirm", "hold", "cancel"} <= possible
    assert "finish" not in possible
    assert (await api.get(f"http://localhost{answer.headers['location']}")).json() == shown


async def test_a_client_brings_its_own_id(api: httpx.AsyncClient):
    ident = str(uuid.uuid4())
    assert (await made(api, id=ident))["id"] == ident
    again = await api.post("bookings", json=asked(id=ident))
    assert again.status_code == 409
    assert again.json()["detail"] == f"a booking with the id {ident} exists", (
        "and not that its resources are held by it"
    )


async def test_times_of_any_zone_are_shown_in_utc(api: httpx.AsyncClient):
    shown = await made(api, start="2026-03-01T14:00:00+01:00", end="2026-03-01t09:30-05:00")
    assert (shown["start"], shown["end"]) == ("2026-03-01T13:00:00Z", "2026-03-01T14:30:00Z")


async def test_without_an_end_it_is_permanent(api: httpx.AsyncClient):
    assert (await made(api, end=...))["end"] is None
    assert (await made(api, end=None, nodes={}))["end"] is None


async def test_a_node_shows_id_and_name_of_its_resource(api: httpx.AsyncClient):
    node = (await made(api))["nodes"]["encoder"]
    assert node["name"] == "ENC 1"
    assert (await api.get(f"resources/{node['resource']}")).json()["name"] == "ENC 1"


async def test_an_action_refuses_what_it_does_not_know(api: httpx.AsyncClient):
    ident = (await made(api))["id"]
    for action in ("confirm", "hold", "cancel"):
        answer = await api.post(f"bookings/{ident}/{action}", json={"force": True})
        assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, "force")
    assert (await api.post(f"bookings/{ident}/confirm", json={})).status_code == 200


async def test_confirmed_it_has_its_four_events(api: httpx.AsyncClient):
    ident = (await made(api, pre_roll=60))["id"]
    shown = (await api.post(f"bookings/{ident}/confirm")).json()
    assert shown["state"] == "Confirmed"
    assert [(e["event"], e["planned"], e["began"]) for e in shown["events"]] == [
        ("START_BOOKING_WITH_PREROLL", "2026-03-01T12:59:00Z", None),
        ("START", "2026-03-01T13:00:00Z", None),
        ("STOP", "2026-03-01T14:00:00Z", None),
        ("STOP_BOOKING_WITH_POSTROLL", "2026-03-01T14:00:00Z", None),
    ]


async def test_what_is_missing_is_told_at_once(api: httpx.AsyncClient):
    ident = (await made(api, definition="Contribution", nodes={}, auto_select=False))["id"]
    answer = await api.post(f"bookings/{ident}/confirm")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "not_ready")
    assert [e["where"] for e in problem["errors"]] == ["nodes.encoder.resource"]
    assert problem["hint"]


async def test_a_conflict_names_the_holder(api: httpx.AsyncClient):
    first = await made(api)
    answer = await api.post("bookings", json=asked(name="Sports", start="2026-03-01T13:30:00Z"))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "conflict")
    (clash,) = problem["clashes"]
    assert (clash["rival"], clash["rival_name"]) == (first["id"], "News")
    assert (clash["start"], clash["end"]) == ("2026-03-01T13:30:00Z", first["end"])
    assert (clash["limit"], clash["asked"], clash["left"]) == (1, 1, 0)


async def test_bookings_that_touch_do_not_clash(api: httpx.AsyncClient):
    await made(api)
    await made(api, start="2026-03-01T14:00:00Z", end="2026-03-01T15:00:00Z")


async def test_an_edit_changes_what_is_given_and_keeps_the_rest(api: httpx.AsyncClient):
    before = await made(api, properties={"a": 1, "b": 2})
    answer = await api.patch(
        f"bookings/{before['id']}", json={"end": "2026-03-01T15:00:00Z", "properties": {"a": None, "c": [3]}}
    )
    after = answer.json()
    assert answer.headers["etag"] == '"2"'
    assert (after["start"], after["end"]) == (before["start"], "2026-03-01T15:00:00Z")
    assert after["properties"] == {"b": 2, "c": [3]}
    assert after["nodes"] == before["nodes"]


async def test_an_edit_of_a_node_is_merged_into_what_is_chosen_for_it(api: httpx.AsyncClient):
    chosen = {"resource": "ENC 1", "profile": "HD", "profile_by": "value"}
    made_ = await made(api, definition="Contribution", nodes={"encoder": chosen})
    before = made_["nodes"]["encoder"]

    async def patched(**node: object) -> dict[str, object]:
        answer = await api.patch(f"bookings/{made_['id']}", json={"nodes": {"encoder": node}})
        assert answer.status_code == 200, answer.text
        return answer.json()["nodes"]["encoder"]

    assert before["kept"] is not None
    assert await patched(values={"rate": 30}) == before | {"values": {"rate": 30}}
    assert await patched(resource=None) == before | {"values": {"rate": 30}, "resource": None, "name": ""}
    assert await patched(resource="ENC 1", values={"rate": None}) == before


async def test_an_edit_makes_permanent_and_takes_a_node_away(api: httpx.AsyncClient):
    ident = (await made(api))["id"]
    after = (await api.patch(f"bookings/{ident}", json={"end": None, "nodes": {"encoder": None}})).json()
    assert (after["end"], after["nodes"]) == (None, {})


async def test_only_the_revision_that_was_seen_is_changed(api: httpx.AsyncClient):
    ident = (await made(api))["id"]
    first = await api.patch(f"bookings/{ident}", json={"name": "A"}, headers={"If-Match": '"1"'})
    assert first.status_code == 200
    second = await api.patch(f"bookings/{ident}", json={"name": "B"}, headers={"If-Match": '"1"'})
    problem = second.json()
    assert (second.status_code, problem["code"], problem["seen"], problem["revision"]) == (412, "stale", 1, 2)
    assert (await api.get(f"bookings/{ident}")).json()["name"] == "A"
    third = await api.post(f"bookings/{ident}/hold", headers={"If-Match": "*"})
    assert third.json()["state"] == "On-Hold"


@pytest.mark.parametrize("header", ["1", 'W/"1"', '"1", "2"', '"x"', ""])
async def test_an_entity_tag_of_another_kind_is_refused(api: httpx.AsyncClient, header: str):
    ident = (await made(api))["id"]
    answer = await api.post(f"bookings/{ident}/cancel", headers={"If-Match": header})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert (await api.get(f"bookings/{ident}")).json()["state"] == "Partial"


async def test_a_server_may_insist_on_the_revision(connect: Connect):
    strict = connect(if_match_needed=True)
    ident = (await made(strict))["id"]
    answer = await strict.patch(f"bookings/{ident}", json={"name": "A"})
    assert (answer.status_code, answer.json()["code"]) == (428, "revision_needed")
    assert (await strict.patch(f"bookings/{ident}", json={"name": "A"}, headers={"If-Match": '"1"'})).is_success


async def test_what_did_not_change_is_not_sent_again(api: httpx.AsyncClient):
    ident = (await made(api))["id"]
    assert (await api.get(f"bookings/{ident}", headers={"If-None-Match": '"1"'})).status_code == 304
    assert (await api.get(f"bookings/{ident}", headers={"If-None-Match": '"0"'})).status_code == 200


async def test_actions_follow_the_life_cycle(api: httpx.AsyncClient):
    ident = (await made(api))["id"]
    held = (await api.post(f"bookings/{ident}/hold")).json()
    assert held["state"] == "On-Hold"
    again = await api.post(f"bookings/{ident}/hold")
    assert (again.status_code, again.json()["code"]) == (409, "transition_not_allowed")
    can = [action["name"] for action in held["actions"] if action["possible"]]
    assert set(can) <= set(again.json()["possible"]) < set(ACTIONS), "what people can do, not what the engine does"
    assert "confirm" in can
    canceled = await api.post(f"bookings/{ident}/cancel", json={"why": "the match is off"})
    assert canceled.json()["state"] == "Canceled"
    assert [a["name"] for a in canceled.json()["actions"] if a["possible"]] == ["properties", "duplicate", "delete"]
    late = await api.post(f"bookings/{ident}/confirm")
    assert (late.status_code, late.json()["code"]) == (409, "action_not_possible")
    history = (await api.get(f"bookings/{ident}/changes")).json()
    assert [c["state"] for c in history] == ["Partial", "On-Hold", "Canceled"]
    assert (history[-1]["why"], history[-1]["actor"]) == ("the match is off", "local")


async def test_a_booking_without_runs_has_empty_lists(api: httpx.AsyncClient):
    ident = (await made(api))["id"]
    assert (await api.get(f"bookings/{ident}/runs")).json() == []
    assert (await api.get(f"bookings/{ident}/log")).json() == []


async def test_lateness_is_shown(api: httpx.AsyncClient, clock: StandingClock):
    ident = (await made(api))["id"]
    await api.post(f"bookings/{ident}/confirm")
    clock.at_us += 3_602_500_000
    shown = (await api.get(f"bookings/{ident}")).json()
    assert shown["late"] == 2.5
    assert shown["waiting"][0]["event"] == "START_BOOKING_WITH_PREROLL"


def encoder(**node: object) -> dict[str, object]:
    return {"nodes": {"encoder": node}}


def rate(value: object) -> dict[str, object]:
    return {"definition": "Contribution", **encoder(profile="HD", values={"rate": value})}


# fmt: off
BAD = {
    # what is wrong                   the input                                   where
    "unknown definition":            ({"definition": "Nothing"},                 None),
    "end before start":              ({"end": "2026-03-01T12:30:00Z"},           "end"),
    "end at start":                  ({"end": "2026-03-01T13:00:00Z"},           "end"),
    "pre-roll over 7 days":          ({"pre_roll": 604_801},                     "pre_roll"),
    "post-roll over 7 days":         ({"post_roll": "P8D"},                      "post_roll"),
    "negative roll":                 ({"pre_roll": -1},                          "pre_roll"),
    "roll with a fraction":          ({"pre_roll": 1.5},                         "pre_roll"),
    "roll as words":                 ({"pre_roll": "five minutes"},              "pre_roll"),
    "roll of a month":               ({"pre_roll": "P1M"},                       "pre_roll"),
    "post-roll of a permanent one":  ({"end": None, "post_roll": 60},            "post_roll"),
    "naive time":                    ({"start": "2026-03-01T13:00:00"},          "start"),
    "finer than a second":           ({"start": "2026-03-01T13:00:00.5Z"},       "start"),
    "finer than a microsecond":      ({"start": "2026-03-01T13:00:00.0000001Z"}, "start"),
    "a time as a number":            ({"start": 1772370000},                     "start"),
    "a date":                        ({"start": "2026-03-01"},                   "start"),
    "no day of the calendar":        ({"start": "2026-02-30T13:00:00Z"},         "start"),
    "a time far away":               ({"end": "9999-12-31T23:59:59Z"},           "end"),
    "unknown field":                 ({"colour": "red"},                         "colour"),
    "unknown field in a node":       (encoder(source="x"),                       "nodes.encoder.source"),
    "no name":                       ({"name": ...},                             "name"),
    "blank name":                    ({"name": "  "},                            "name"),
    "long name":                     ({"name": "x" * 201},                       "name"),
    "name with a control character": ({"name": "a\x00b"},                        "name"),
    "name as a number":              ({"name": 5},                               "name"),
    "unknown resource":              (encoder(resource="ENC 9"),                 "nodes.encoder.resource"),
    "unknown node":                  ({"definition": "Hall"},                    "nodes.encoder"),
    "unknown profile":               (encoder(profile="UHD"),                    "nodes.encoder.profile"),
    "value out of range":            (rate(99),                                  "nodes.encoder.values.rate"),
    "value of another type":         (rate("fast"),                              "nodes.encoder.values.rate"),
    "number beyond 2^53":            ({"properties": {"a": 2**53 + 1}},          "properties"),
    "id that is no UUID":            ({"id": "my-booking"},                      "id"),
    "priority as text":              ({"priority": "5"},                         "priority"),
    "unknown zone":                  ({"zone": "Europe/Atlantis"},               "zone"),
    "zone outside of its folder":    ({"zone": "../../etc/passwd"},              "zone"),
    "nodes as a list":               ({"nodes": ["ENC 1"]},                      "nodes"),
    "unknown platform":              ({"platform": "elsewhere"},                 None),
}
# fmt: on


@pytest.mark.parametrize("name", BAD)
async def test_bad_input_is_told_clearly_and_nothing_is_written(api: httpx.AsyncClient, name: str):
    changes, where = BAD[name]
    before = (await api.get("changes")).json()
    answer = await api.post("bookings", json=asked(**changes))
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    if where is None:
        assert (answer.status_code, problem["code"]) == (404, "not_found")
        assert str(next(iter(changes.values()))) in problem["detail"]
    else:
        assert (answer.status_code, problem["code"]) == (422, "invalid"), problem
        assert where in [e["where"] for e in problem["errors"]]
        assert all(e["detail"] for e in problem["errors"])
    assert (await api.get("bookings")).json()["items"] == []
    assert (await api.get("changes")).json() == before


async def test_half_a_surrogate_is_no_text(api: httpx.AsyncClient):
    body = json.dumps(asked(name="\ud800", properties={"\udfff": 1}))
    answer = await api.post("bookings", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "name" in [e["where"] for e in answer.json()["errors"]]


async def test_a_name_is_used_once_at_a_time(api: httpx.AsyncClient):
    await made(api, definition="Hall", nodes={})
    answer = await api.post("bookings", json=asked(name="NEWS", definition="Hall", nodes={}))
    assert (answer.status_code, answer.json()["code"]) == (409, "name_in_use")


async def test_every_mistake_is_told_at_once(api: httpx.AsyncClient):
    answer = await api.post("bookings", json={"name": "", "start": "soon", "extra": 1})
    assert {e["where"] for e in answer.json()["errors"]} == {"name", "start", "extra"}


async def test_a_bad_edit_changes_nothing(api: httpx.AsyncClient):
    before = await made(api)
    for change in ({"end": "2026-03-01T12:00:00Z"}, {"name": " "}, {"state": "Confirmed"}, {"pre_roll": 700_000}):
        assert (await api.patch(f"bookings/{before['id']}", json=change)).status_code == 422
    assert (await api.get(f"bookings/{before['id']}")).json() == before


async def test_acknowledge_needs_a_reason_and_a_failure(api: httpx.AsyncClient):
    ident = (await made(api))["id"]
    answer = await api.post(f"bookings/{ident}/acknowledge", json={"why": "by hand"})
    assert answer.status_code == 409


@pytest.mark.parametrize("path", ["", "/runs", "/log", "/changes"])
async def test_an_unknown_booking_is_not_found(api: httpx.AsyncClient, path: str):
    answer = await api.get(f"bookings/{uuid.uuid4()}{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_id_that_is_no_uuid_is_told(api: httpx.AsyncClient):
    answer = await api.get("bookings/news")
    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, "path.ident")


async def test_a_free_list_says_whether_it_is_loaded(api: httpx.AsyncClient):
    loaded = await made(api, orchestrated=True, nodes={"a": {"resource": "ENC 1", "profile": "HD"}})
    assert (loaded["orchestrated"], loaded["definition"]) == (True, None)
    path = f"bookings/{loaded['id']}"
    assert (await api.post(f"{path}/confirm")).json()["state"] == "Confirmed"
    held = (await api.patch(path, json={"orchestrated": False})).json()
    assert (held["orchestrated"], held["state"]) == (False, "Confirmed")
    refused = await api.post("bookings", json=asked(name="Both", definition="Hall", nodes={}, orchestrated=True))
    assert refused.status_code == 422
    assert [e["where"] for e in refused.json()["errors"]] == ["orchestrated"]
