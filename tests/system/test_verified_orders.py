# SPDX-License-Identifier: Apache-2.0
"""Deployments whose service is looked at before they are decided: not up, all of it goes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.domain.audit import AuditSpec, OnUnknown
from preroll.domain.order import OrderKind, OrderState, Together
from preroll.domain.permission import LOCAL
from preroll.drivers.sim import FaultKind
from preroll.ports.orders import ServiceFilter
from tests.system.test_orders import LINE, OFF, ON, Office, provision

K, S = OrderKind, OrderState
DEVICES = AuditSpec("devices", "config", {"node": "B", "values": {"video.light": "green"}}, ("VERIFY", "START"))


@pytest.fixture
async def office(stage) -> Office:
    await checked(stage, DEVICES)
    for name in ("enc-1", "enc-2", "enc-3"):
        stage.rig.devices.introduce(name, dict(OFF) | {"video.light": "green"})
    return Office(stage)


async def checked(stage, *audits: AuditSpec) -> None:
    await stage.app.catalogue.apply(LOCAL, "default", [replace(LINE, audits=audits)])


async def steps(office, ident: str):
    (*_, last) = await office.orders.runs(LOCAL, ident)
    return {step.name.removeprefix("change:deploy:"): step for step in last.steps}


async def test_a_service_that_is_up_is_decided_after_its_checks(office):
    done = await office.deploy(provision())
    assert done.order.state is S.COMPLETED, done.order.why
    made = await steps(office, done.order.id)
    assert made["audit"].result["state"] == "Up"
    assert made["decided:commit"].began_us >= made["audit"].ended_us >= made["verify:line/B"].ended_us


async def test_a_service_that_is_not_up_goes_back_in_reverse_and_the_evidence_stays(office, stage):
    stage.rig.devices.tamper("enc-2", {"video.light": "red"})
    failed = await office.deploy(provision())
    assert (failed.order.state, failed.residue) == (S.FAILED_DEPLOY, {})
    assert "video.light" in failed.order.why
    assert (office.device("enc-1"), office.device("enc-2")["video.input"]) == (OFF | {"video.light": "green"}, "none")
    made = await steps(office, failed.order.id)
    (difference,) = made["audit"].result["evidence"]["differences"]
    assert (difference["expected"], difference["found"]) == ("green", "red")
    assert "decided:commit" not in made
    assert {name for name in made if name.startswith("undo:")} == {"undo:line/A", "undo:line/B"}
    assert (await office.services.page(LOCAL, ServiceFilter())).items == ()
    stage.rig.devices.tamper("enc-2", {"video.light": "green"})
    await office.orders.retry(LOCAL, failed.order.id, None)
    assert (await office.end(failed.order.id)).order.state is S.COMPLETED


async def test_a_modify_that_breaks_the_service_leaves_the_old_one(office, stage):
    service = await office.line()
    stage.rig.devices.tamper("enc-2", {"video.light": "red"})
    failed = await office.change(K.MODIFY, service, nodes={"A": {"values": {"input": "SDI 9"}}})
    assert failed.order.state is S.FAILED_DEPLOY
    assert office.device("enc-1")["video.input"] == ON["video.input"]
    down = await office.change(K.DECOMMISSION, service)
    assert down.order.state is S.COMPLETED, "what goes is not looked at"


async def test_what_cannot_be_looked_at_fails_or_is_left_open_as_the_check_says(office, stage):
    blind = AuditSpec("blind", "config", {"node": "C"}, ("VERIFY",), unknown=OnUnknown.DOWN)
    await checked(stage, blind)
    assert (await office.deploy(provision())).order.state is S.FAILED_DEPLOY
    await checked(stage, replace(blind, unknown=OnUnknown.PENDING))
    assert (await office.deploy(provision())).order.state is S.COMPLETED


async def test_best_effort_items_are_looked_at_on_their_own(office, stage):
    stage.rig.devices.introduce("card-a", dict(OFF) | {"video.light": "red"})
    second = provision("Line 2", "second", nodes={"A": {"resource": "enc-3"}, "B": {"resource": "card-a"}})
    ended = await office.deploy(provision("Line 1", "first"), second, together=Together.BEST_EFFORT)
    assert {name: end.state for name, end in ended.items.items()} == {
        "first": S.COMPLETED, "second": S.FAILED_DEPLOY,
    }  # fmt: skip


@pytest.mark.parametrize("point", ["begin.committed", "end.committed", "host.applied"])
async def test_killed_while_it_is_verified_it_goes_back_and_is_made_again(office, stage, point):
    ident = await office.make(provision())
    await office.orders.schedule(LOCAL, ident, None)
    stage.rig.crash_at(point, 6)
    await stage.rig.quiet()
    if stage.rig.engine is None:
        await stage.rig.start()
    stage.rig.crash_at("nowhere")
    ended = await office.end(ident)
    assert (ended.order.state, office.device("enc-1")["video.input"]) == (S.COMPLETED, ON["video.input"])


async def test_devices_that_are_written_in_turn_are_undone_in_the_reverse_turn(office, stage):
    """Invariant 11, with devices that take their time."""
    for name in ("card-a", "card-b"):
        stage.rig.devices.introduce(name, dict(OFF) | {"video.light": "green"})
        stage.rig.devices.fault(name, FaultKind.SLOW, on=("apply", "rollback"), seconds=1)
    stage.rig.devices.fault("enc-1", FaultKind.SLOW, on=("apply", "rollback"), seconds=1)
    stage.rig.devices.tamper("enc-3", {"video.light": "red"})
    first = provision("Line 1", "first", nodes={"A": {"resource": "enc-1"}, "B": {"resource": "enc-2"}})
    second = provision("Line 2", "second", nodes={"A": {"resource": "card-a"}, "B": {"resource": "enc-3"}})
    failed = await office.deploy(first, replace(second, after=("first",)))
    assert failed.order.state is S.FAILED_DEPLOY
    made = await steps(office, failed.order.id)
    labels = ["first/A", "first/B", "second/A", "second/B"]
    applied = sorted(labels, key=lambda label: made[f"apply:{label}"].began_us)
    undone = sorted(labels, key=lambda label: made[f"undo:{label}"].began_us)
    assert applied[0] == "first/A"
    assert applied.index("first/A") < applied.index("second/A")
    assert undone.index("second/A") < undone.index("first/A")
