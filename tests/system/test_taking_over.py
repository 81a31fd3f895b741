# SPDX-License-Identifier: Apache-2.0
"""Services that stand on devices already: seen first, then taken over as they are, without a word to any device."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.domain.audit import Configuration
from preroll.domain.definition import Node
from preroll.domain.errors import ActionNotPossible, Conflict, Invalid, NotPermitted
from preroll.domain.order import OrderItem, OrderKind, OrderState
from preroll.domain.parameter import Parameter, ValueType
from preroll.domain.permission import LOCAL, Actor
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.domain.service_instance import Provisioned
from preroll.domain.window import HOUR, SECOND
from preroll.drivers.sim import FaultKind
from preroll.ports.orders import ServiceFilter
from tests.system.test_orders import LINE, OFF, Office, provision

K, S = OrderKind, OrderState
THERE = {"video.bitrate": 12, "video.input": "SDI 5"}


class Found(Office):
    """An office that finds services on devices."""

    async def checked(self, **changes: object) -> tuple[str, str]:
        """A checked provision: its id, and the hash of its plan."""
        await self.stage.rig.until(self.stage.now + SECOND)
        ident = await self.make(provision(**changes))
        await self.orders.check(LOCAL, ident, None)
        seen = await self.end(ident)
        assert seen.plan is not None, seen.order.why
        return ident, seen.plan.hash

    async def take(self, ident: str, plan: str, by: Actor = LOCAL):
        taken = await self.stage.app.taking_over.take_over(by, ident, None, plan, "it was there before us")
        await self.stage.rig.quiet()
        return taken


@pytest.fixture
async def office(stage) -> Found:
    await stage.app.catalogue.apply(LOCAL, "default", [LINE])
    for name in ("enc-1", "enc-2"):
        stage.rig.devices.introduce(name, dict(THERE))
    return Found(stage)


async def test_what_stands_there_is_shown_and_taken_as_it_is(office, stage):
    ident, plan = await office.checked()
    seen = await office.orders.get(LOCAL, ident)
    changes = {(path, old, new) for device in seen.plan.devices for path, old, new in device.changes}
    assert changes == {("video.bitrate", 12, 8), ("video.input", "SDI 5", "SDI 1")}
    for name in ("enc-1", "enc-2"):
        stage.rig.devices.fault(name, FaultKind.REFUSES, on="apply")
    taken = await office.take(ident, plan)
    assert (taken.order.state, taken.order.why) == (S.COMPLETED, "taken over: it was there before us")
    assert office.device("enc-1") == office.device("enc-2") == THERE
    service = taken.order.items[0].service
    found = await office.see(service)
    assert (found.service.state, found.service.deployed, found.service.runs) == (Provisioned.DEPLOYED, 1, "START")
    assert found.known.configuration is Configuration.IN_SYNC
    assert [c.kind for c in await office.services.history(LOCAL, service)][:1] == ["service.taken_over"]
    with pytest.raises(Conflict) as refused:
        await stage.book("News")
    assert [clash.rival_name for clash in refused.value.clashes] == ["Line to B"]
    for name in ("enc-1", "enc-2"):
        stage.rig.devices.clear(name)
    changed = await office.change(K.MODIFY, service, nodes={"B": {"values": {"input": "SDI 6"}}})
    assert changed.order.state is S.COMPLETED, changed.order.why
    assert (office.device("enc-1"), office.device("enc-2")) == (THERE, {**THERE, "video.input": "SDI 6"})
    gone = await office.change(K.DECOMMISSION, service)
    assert (gone.order.state, office.device("enc-1")) == (S.COMPLETED, OFF)


async def test_nodes_that_share_a_device_take_what_each_would_have_set(office, stage):
    """One card has picture and sound; two nodes set the same."""
    sound = ProfileDefinition("Sound", (Parameter("level", ValueType.NUMBER, path="audio.level", default=1),))
    card = Resource("card", address={"device": "card", "timeout": 2.0}, concurrency=3)
    nodes = (
        Node("picture", profile="Encoding", default_profile="HD", order=1),
        Node("sound", profile="Sound", default_profile="Loud", order=2),
        Node("again", profile="Sound", default_profile="Loud", order=3, optional=True),
    )
    shelf = [sound, ProfileInstance("Loud", "Sound", {"level": 4}), card]
    await stage.app.catalogue.apply(LOCAL, "default", [*shelf, replace(LINE, name="Both", nodes=nodes)])
    stage.rig.devices.introduce("card", {**THERE, "audio.level": 9})
    on = {label: {"resource": "card"} for label in ("picture", "sound", "again")}
    ident, plan = await office.checked(definition="Both", nodes=on)
    taken = await office.take(ident, plan)
    assert (taken.order.state, office.device("card")) == (S.COMPLETED, {**THERE, "audio.level": 9})
    found = await office.see(taken.order.items[0].service)
    assert found.known.configuration is Configuration.IN_SYNC
    values = {label: dict(choice.values) for label, choice in found.carrier.nodes.items()}
    assert values["sound"] == values["again"] == {"level": 9}
    assert "level" not in values["picture"]
    stage.rig.devices.tamper("card", {"audio.level": 2})
    redone = await office.change(K.REDEPLOY, found.service.id)
    assert (redone.order.state, office.device("card")) == (S.COMPLETED, {**THERE, "audio.level": 9})


async def test_only_a_plan_that_was_seen_lately_is_taken(office, stage):
    ident = await office.make(provision())
    with pytest.raises(ActionNotPossible, match="were not read"):
        await office.take(ident, "any")
    ident, plan = await office.checked()
    with pytest.raises(ActionNotPossible, match="its plan is"):
        await office.take(ident, "other")
    with pytest.raises(NotPermitted):
        await office.take(ident, plan, Actor("eve", frozenset({"operator"})))
    await stage.rig.until(stage.now + HOUR)
    with pytest.raises(ActionNotPossible, match="were not read"):
        await office.take(ident, plan)
    assert (await office.services.page(LOCAL, ServiceFilter())).items == ()


async def test_what_cannot_be_taken_is_told_and_nothing_changes(office, stage):
    stage.rig.devices.tamper("enc-2", {"video.bitrate": -3})
    ident, plan = await office.checked()
    with pytest.raises(Invalid) as refused:
        await office.take(ident, plan)
    assert [m.where for m in refused.value.mistakes] == ["items.line.differences.B.video.bitrate"]
    assert (await office.orders.get(LOCAL, ident)).order.state is S.REQUESTED


async def test_what_somebody_holds_is_not_taken_from_him(office, stage):
    await stage.book("News")
    ident, plan = await office.checked()
    with pytest.raises(Conflict) as refused:
        await office.take(ident, plan)
    assert {clash.rival_name for clash in refused.value.clashes} == {"News"}
    assert (await office.services.page(LOCAL, ServiceFilter())).items == ()


async def test_an_order_that_does_more_than_provision_takes_nothing_over(office):
    ident, plan = await office.checked()
    service = (await office.take(ident, plan)).order.items[0].service
    other = await office.make(OrderItem("it", K.REDEPLOY, service))
    with pytest.raises(ActionNotPossible, match="more than provision"):
        await office.take(other, "any")
