# SPDX-License-Identifier: Apache-2.0
"""Differences of services over HTTP: shown, accepted, approved, refused; and the schedules of settings and bundles."""

from __future__ import annotations

import pytest

from preroll.app.order_holding import carry_services
from preroll.app.ordering import Target
from preroll.domain.booking import NodeChoice
from preroll.domain.differences import Alarm, AlarmKind, Difference, Gap, Known
from preroll.domain.order import OrderItem, OrderKind
from preroll.domain.ordered import Service, ServiceRevision
from preroll.ports.store import Tx
from preroll.store import SqlStore

DOCUMENTS = [
    {"kind": "resource", "name": "R"},
    {"kind": "profile_definition", "name": "P", "parameters": [{"name": "rate", "type": "number", "maximum": 9}]},
    {"kind": "profile_instance", "name": "I", "definition": "P", "values": {"rate": 5}},
    {
        "kind": "service_definition", "name": "D", "audits": [{"name": "devices", "kind": "config"}],
        "nodes": [{"label": "A", "profile": "P", "default_profile": "I"}], "service_audits": {"every": 900},
    },
]  # fmt: skip


def drifted(tx: Tx) -> str:
    """A service whose audit has found a device with another rate."""
    made_of, (resource,) = tx.catalogue.definition(1, "D"), tx.catalogue.resources(1, names=["R"])
    nodes = {"A": NodeChoice(resource.id, "I")}
    service = tx.services.add(Service("Line", 1, made_of.key, runs="START", deployed=1), ServiceRevision(1, nodes))
    item = OrderItem("line", OrderKind.PROVISION, service.id)
    carry_services(tx, [(service, Target(item, made_of, None, "Line", "START", nodes))])
    tx.service_audits.keep_differences(service.key, [Known(Difference("A", "rate", Gap.CHANGED, 5, 7), tx.now)])
    tx.service_audits.keep_alarms(service.key, [Alarm(AlarmKind.DRIFT, "rate is 7", tx.now)])
    return service.id


@pytest.fixture
async def line(api, store: SqlStore) -> str:
    answer = await api.post("catalogue", json={"documents": DOCUMENTS})
    assert answer.status_code == 200, answer.text
    return f"services/{await store.write(drifted)}"


async def test_a_difference_is_shown_and_accepted_by_its_hash(api, line):
    shown = (await api.get(line)).json()
    (one,) = shown["differences"]
    assert (one["node"], one["path"], one["gap"], one["expected"], one["found"], one["until"]) == (
        "A", "rate", "changed", 5, 7, None,
    )  # fmt: skip
    assert [a["kind"] for a in shown["alarms"]] == ["drift"]
    (alarmed,) = (await api.get("night")).json()["services"]
    assert (alarmed["name"], alarmed["kind"], "accept" in alarmed["to_do"]) == ("Line", "drift", True)
    refused = await api.post(f"{line}/accept", json={"drift": "other", "reason": "as agreed"})
    assert (refused.status_code, shown["drift"] in refused.json()["detail"]) == (409, True)
    stale = await api.post(f"{line}/accept", json={"drift": shown["drift"], "reason": "x"}, headers={"If-Match": '"7"'})
    assert stale.status_code == 412
    done = (await api.post(f"{line}/accept", json={"drift": shown["drift"], "reason": "as agreed"})).json()
    assert (done["deployed"], done["nodes"]["A"]["values"], done["differences"], done["alarms"]) == (
        2, {"rate": 7}, [], [],
    )  # fmt: skip
    again = await api.post(f"{line}/accept", json={"drift": shown["drift"], "reason": "as agreed"})
    assert (again.status_code, again.json()["code"]) == (409, "action_not_possible")
    assert (await api.get("night")).json()["services"] == []
    kinds = [c["kind"] for c in (await api.get(f"{line}/changes")).json()]
    assert kinds == ["service.alarm_cleared", "service.accepted"]


async def test_a_difference_is_approved_until_a_time_and_disapproved(api, line):
    drift = (await api.get(line)).json()["drift"]
    body = {"drift": drift, "reason": "agreed", "until": "2026-03-09T12:00:00Z"}
    for wrong, where in (
        ({**body, "until": "2020-01-01T00:00:00Z"}, "until"),
        ({**body, "reason": " "}, "reason"),
        ({**body, "only": [{"node": "B", "path": "rate"}]}, "only"),
        ({**body, "until": "soon"}, "until"),
    ):
        refused = await api.post(f"{line}/approve", json=wrong)
        assert refused.status_code in (400, 422)
        assert where in [error["where"].removeprefix("body.") for error in refused.json()["errors"]]
    approved = (await api.post(f"{line}/approve", json=body)).json()
    (one,) = approved["differences"]
    assert (one["approved_by"], one["reason"], one["until"]) == ("local", "agreed", "2026-03-09T12:00:00Z")
    back = (await api.post(f"{line}/disapprove", json={})).json()
    assert back["differences"][0]["until"] is None
    assert (await api.post(f"{line}/disapprove", json={})).status_code == 409


async def test_what_cannot_be_accepted_is_told(api, line, store: SqlStore):
    def worse(tx: Tx) -> None:
        service = tx.services.get(line.removeprefix("services/"))
        found = [Difference("A", "rate", Gap.CHANGED, 5, 70), Difference("B", "x", Gap.EXTRA, None, 1)]
        tx.service_audits.keep_differences(service.key, [Known(one, tx.now) for one in found])

    await store.write(worse)
    drift = (await api.get(line)).json()["drift"]
    refused = await api.post(f"{line}/accept", json={"drift": drift, "reason": "as agreed"})
    assert refused.status_code == 422
    assert [error["where"] for error in refused.json()["errors"]] == ["differences.A.rate", "differences.B"]


async def test_schedules_are_settings_and_documents(api, line):
    exported = (await api.get("catalogue")).text
    assert "service_audits" in exported
    same = (await api.post("catalogue/plan", json={"documents": DOCUMENTS})).json()
    assert same["steps"] == []
    changed = await api.patch("platforms/default", json={"set": {"service_audits.weekly": "mon 03:00"}})
    assert changed.json()["service_audits"] == {"every": None, "weekly": "mon 03:00"}
    refused = await api.patch("platforms/default", json={"set": {"service_audits.weekly": "now and then"}})
    assert "service_audits.weekly" in refused.text
    wrong = {**DOCUMENTS[-1], "service_audits": {"every": 5}}
    assert "a minute to 366 days" in (await api.post("catalogue", json={"documents": [wrong]})).text
