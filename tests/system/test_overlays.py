# SPDX-License-Identifier: Apache-2.0
"""Overlay bookings: more of a service for a while, and its own values again; whatever happens in between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.bookings import Copy, NewBooking
from preroll.app.orders import Time
from preroll.domain.audit import Configuration
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.errors import ActionNotPossible, Conflict, Invalid, NotReady
from preroll.domain.order import OrderItem, OrderKind, OrderState
from preroll.domain.parameter import Parameter, ParameterKind, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.domain.service_instance import Provisioned
from preroll.domain.window import HOUR, MINUTE
from preroll.drivers.sim import FaultKind
from tests.builders import NOON
from tests.system.test_orders import HOST, JOURNAL, LINE, Office, office

__all__ = ["office"]

S, K = OrderState, OrderKind
KINDS = (ParameterKind.CONFIGURATION, ParameterKind.CAPACITY)
TRUNK = ProfileDefinition(
    "Trunk",
    (
        Parameter("rate", ValueType.NUMBER, path="video.bitrate", minimum=0, default=0, kinds=KINDS),
        Parameter("input", ValueType.TEXT, path="video.input", default="none"),
        Parameter("note", ValueType.TEXT, path="video.note"),
    ),
)
TEN = ProfileInstance("Ten", "Trunk", {"rate": 10, "input": "A"})
MORE = {"A": NodeChoice(values={"rate": 60}), "B": NodeChoice(values={"rate": 60})}


@pytest.fixture
async def service(office, stage) -> str:
    """A trunk of 10 between two ends of 100 each."""
    ends = [
        Resource(name, address={"device": name, "timeout": 2.0}, concurrency=9, capacities={"rate": 100})
        for name in ("enc-1", "enc-2", "enc-3")
    ]
    nodes = tuple(replace(node, profile="Trunk", default_profile="Ten") for node in LINE.nodes)
    await stage.app.catalogue.apply(LOCAL, "default", [*ends, TRUNK, TEN, replace(LINE, name="Line", nodes=nodes)])
    return await office.line()


def more(service: str = "Line to B", **changes: object) -> NewBooking:
    timing = Timing(NOON, NOON + HOUR)
    return replace(NewBooking("Cup final", timing, nodes=MORE, overlays=service), **changes)


async def overlay(office: Office, service: str = "Line to B", *, confirm: bool = True, **changes: object) -> str:
    made = await office.stage.app.bookings.create(LOCAL, more(service, **changes))
    if confirm:
        await office.stage.confirm(made.booking.id)
    return made.booking.id


def rates(office: Office) -> tuple[object, object]:
    return office.device("enc-1")["video.bitrate"], office.device("enc-2")["video.bitrate"]


async def refused(office: Office, **changes: object) -> str:
    with pytest.raises(Invalid) as wrong:
        await office.stage.app.bookings.create(LOCAL, more(**changes))
    return "; ".join(map(str, wrong.value.mistakes))


async def test_it_raises_the_values_at_its_start_and_gives_the_service_its_own_back(office, stage, service):
    ident = await overlay(office)
    assert [one.id for one in (await office.see(service)).overlays] == [ident]
    await stage.to(-1)
    assert rates(office) == (10, 10)
    await stage.to(1)
    assert (rates(office), office.device("enc-1")["video.input"]) == ((60, 60), "A")
    assert await stage.state(ident) is State.ACTIVE
    await stage.to(3601)
    assert (rates(office), await stage.state(ident)) == ((10, 10), State.COMPLETED)
    seen = await office.see(service)
    assert (seen.service.state, seen.service.deployed, seen.overlays) == (Provisioned.DEPLOYED, 1, ())


async def test_it_holds_the_difference_over_its_window_alone(office, stage, service):
    await overlay(office)
    asked = {"A": NodeChoice("enc-1", "Ten", {"rate": 40})}
    rest = NewBooking("Rest", Timing(NOON, NOON + HOUR), nodes=asked)
    await stage.app.bookings.create(LOCAL, rest)
    with pytest.raises(Conflict) as conflict:
        await stage.app.bookings.create(
            LOCAL, replace(rest, name="One more", nodes={"A": NodeChoice("enc-1", "Ten", {"rate": 1})})
        )
    told = {(c.rival_name, c.dimension, c.left) for c in conflict.value.clashes}
    assert ("Cup final", "rate", 0) in told
    later = NewBooking(
        "Later", Timing(NOON + HOUR, NOON + 2 * HOUR), nodes={"A": NodeChoice("enc-1", "Ten", {"rate": 90})}
    )
    await stage.app.bookings.create(LOCAL, later)


async def test_what_cannot_be_had_is_refused_with_who_has_it_and_forced_somebody_yields(office, stage, service):
    rival = await stage.app.bookings.create(
        LOCAL, NewBooking("Rival", Timing(NOON, NOON + HOUR), nodes={"A": NodeChoice("enc-1", "Ten", {"rate": 50})})
    )
    with pytest.raises(Conflict) as conflict:
        await overlay(office)
    assert {c.rival_name for c in conflict.value.clashes} >= {"Rival"}
    ident = await overlay(office, confirm=False, force=True, priority=5)
    assert await stage.state(ident) is State.PARTIAL
    assert (await stage.see(rival.booking.id)).booking.state is State.QUARANTINED


async def test_what_is_mistaken_is_told_with_its_place(office, service):
    assert "'Nothing' is no service" in await refused(office, overlays="Nothing")
    assert "end: is missing" in await refused(office, timing=Timing(NOON, None))
    assert "nodes: are none" in await refused(office, nodes={})
    assert "nodes.X: is no node of Line to B" in await refused(office, nodes={"X": NodeChoice(values={"rate": 1})})
    assert "nodes.A.resource" in await refused(office, nodes={"A": NodeChoice("enc-3")})
    assert "nodes.A.whole" in await refused(office, nodes={"A": NodeChoice(whole=True)})
    assert "nodes.A.values.rate" in await refused(office, nodes={"A": NodeChoice(values={"rate": -1})})
    assert "definition" in await refused(office, definition="Plain")
    note = await refused(office, nodes={"A": NodeChoice(values={"note": "x"})})
    assert note.startswith("nodes.A.values.note: the service has none of its own")


async def test_a_value_that_stays_after_deployment_stays_in_an_overlay_too(office, stage, service):
    fixed = tuple(replace(p, editable_after_deploy=p.name != "rate") for p in TRUNK.parameters)
    await stage.app.catalogue.apply(LOCAL, "default", [replace(TRUNK, parameters=fixed)])
    assert "nodes.A.values.rate: cannot be changed after deployment" in await refused(office)


async def test_a_modify_while_it_runs_keeps_the_raised_values_and_then_the_new_ones_stand(office, stage, service):
    await overlay(office)
    await stage.to(60)
    done = await office.change(K.MODIFY, service, nodes={"A": {"values": {"rate": 20, "input": "B"}}})
    assert done.order.state is S.COMPLETED, done.order.why
    assert (rates(office), office.device("enc-1")["video.input"]) == ((60, 60), "B")
    assert (await office.see(service)).known.configuration is Configuration.IN_SYNC
    await stage.to(3601)
    assert (rates(office), office.device("enc-1")["video.input"]) == ((20, 10), "B")


async def test_a_modify_before_it_leaves_it_the_difference_to_what_the_service_has_then(office, stage, service):
    ident = await overlay(office)
    await office.change(K.MODIFY, service, nodes={"A": {"values": {"rate": 30}}, "B": {"resource": "enc-3"}})
    seen = (await stage.see(ident)).booking
    (third,) = await stage.rig.store.read(lambda tx: tx.catalogue.resources(1, names=["enc-3"]))
    assert (seen.nodes["B"].resource, seen.state) == (third.id, State.CONFIRMED)
    await stage.app.bookings.create(
        LOCAL, NewBooking("Rest", Timing(NOON, NOON + HOUR), nodes={"A": NodeChoice("enc-1", "Ten", {"rate": 40})})
    )
    await stage.to(1)
    assert (office.device("enc-1")["video.bitrate"], office.device("enc-3")["video.bitrate"]) == (60, 60)
    await stage.to(3601)
    assert (office.device("enc-1")["video.bitrate"], office.device("enc-3")["video.bitrate"]) == (30, 10)


async def test_what_a_service_is_accepted_to_have_is_not_held_twice(office, stage, service):
    await overlay(office)
    stage.rig.devices.tamper("enc-1", {"video.bitrate": 30})
    await office.services.audit(LOCAL, service)
    await stage.rig.quiet()
    drift = (await office.see(service)).drift
    await stage.app.service_audits.accept(LOCAL, service, None, drift.hash, "they asked for it")
    await stage.app.bookings.create(
        LOCAL, NewBooking("Rest", Timing(NOON, NOON + HOUR), nodes={"A": NodeChoice("enc-1", "Ten", {"rate": 40})})
    )
    await stage.to(1)
    assert rates(office) == (60, 60)
    await stage.to(3601)
    assert rates(office) == (30, 10)


async def test_an_overlay_that_cannot_follow_its_service_is_quarantined_with_why(office, stage, service):
    ident = await overlay(office)
    await stage.app.bookings.create(
        LOCAL, NewBooking("Rival", Timing(NOON, NOON + HOUR), nodes={"A": NodeChoice("enc-3", "Ten", {"rate": 80})})
    )
    done = await office.change(K.MODIFY, service, nodes={"B": {"resource": "enc-3"}})
    assert done.order.state is S.COMPLETED, done.order.why
    seen = await stage.see(ident)
    assert seen.booking.state is State.QUARANTINED
    await stage.to(1)
    assert office.device("enc-3")["video.bitrate"] == 10


async def test_a_decommission_is_refused_while_it_is_coming_and_by_force_cancels_it(office, stage, service):
    ident = await overlay(office)
    order = await office.make(OrderItem("end", K.DECOMMISSION, service))
    with pytest.raises(Conflict) as conflict:
        await office.orders.schedule(LOCAL, order, None)
    assert [(c.rival, c.why) for c in conflict.value.clashes] == [(ident, "overlay Cup final changes it then")]
    assert await stage.state(ident) is State.CONFIRMED
    await office.orders.schedule(LOCAL, order, None, Time(force=True))
    assert (await office.end(order)).order.state is S.COMPLETED
    assert await stage.state(ident) is State.CANCELED
    assert any("is decommissioned by order" in change.why for change in await stage.history(ident))


async def test_a_decommission_after_it_is_no_matter_but_it_cannot_be_extended_into_that(office, stage, service):
    ident = await overlay(office)
    order = await office.make(OrderItem("end", K.DECOMMISSION, service))
    await office.orders.schedule(LOCAL, order, None, Time(NOON + HOUR))
    with pytest.raises(Conflict, match="decommissions it at"):
        await overlay(office, name="Late", timing=Timing(NOON + HOUR, NOON + 2 * HOUR))
    await stage.to(60)
    with pytest.raises(Conflict, match="decommissions it at"):
        await stage.app.bookings.extend(LOCAL, ident, None, by_us=HOUR)
    await stage.to(3700)
    assert (await office.end(order)).order.state is S.COMPLETED
    assert (await stage.state(ident), rates(office)) == (State.COMPLETED, (0, 0))


async def test_beneath_one_that_runs_a_service_is_not_taken_away_even_by_force(office, stage, service):
    ident = await overlay(office)
    await stage.to(60)
    order = await office.make(OrderItem("end", K.DECOMMISSION, service))
    with pytest.raises(Conflict):
        await office.orders.schedule(LOCAL, order, None, Time(force=True))
    await stage.finish(ident)
    await stage.rig.quiet()
    await office.orders.schedule(LOCAL, order, None)
    assert (await office.end(order)).order.state is S.COMPLETED


async def test_two_overlays_never_overlap_and_may_follow_each_other(office, stage, service):
    await overlay(office)
    with pytest.raises(Conflict, match="overlay Cup final changes it then"):
        await overlay(office, name="Two", timing=Timing(NOON + 30 * MINUTE, NOON + 2 * HOUR))
    values = {"A": NodeChoice(values={"rate": 30})}
    await overlay(office, name="Two", timing=Timing(NOON + HOUR, NOON + 2 * HOUR), nodes=values)
    await stage.to(3601)
    assert rates(office) == (30, 10)
    await stage.to(7201)
    assert rates(office) == (10, 10)


async def test_a_service_that_does_not_serve_is_left_as_it_is(office, stage, service):
    ident = await overlay(office)
    assert (await office.change(K.DEACTIVATE, service, state="STANDBY")).order.state is S.COMPLETED
    await stage.to(1)
    assert (rates(office), await stage.state(ident)) == ((10, 10), State.ACTIVE)
    assert (await office.change(K.ACTIVATE, service)).order.state is S.COMPLETED
    assert rates(office) == (60, 60)
    await stage.to(3601)
    assert rates(office) == (10, 10)


async def test_only_a_deployed_service_is_overlaid_and_a_failed_one_not_abandoned_beneath_it(office, stage, service):
    ident = await overlay(office, confirm=False)
    stage.rig.devices.fault("enc-2", FaultKind.VANISHES)
    await office.change(K.MODIFY, service, nodes={"B": {"values": {"rate": 20}}})
    assert "Line to B is Fail Deploy" in await refused(office, name="Two")
    with pytest.raises(NotReady):
        await stage.confirm(ident)
    with pytest.raises(ActionNotPossible, match="its overlay Cup final is not over"):
        await office.services.abandon(LOCAL, service, None, "Line to B")


async def test_resources_are_those_of_its_service_and_nothing_is_put_on_or_off(office, stage, service):
    ident = await overlay(office)
    actions = {action.name: action for action in (await stage.see(ident)).actions}
    assert all("order a modify" in actions[name].why for name in ("add", "swap", "remove", "apply-now", "force-state"))
    later = await stage.app.bookings.duplicate(LOCAL, ident, Copy(start=NOON + 2 * HOUR))
    assert (later.booking.overlays, later.booking.nodes) == (service, (await stage.see(ident)).booking.nodes)


async def test_a_device_that_is_down_at_its_end_is_brought_back_by_retry(office, stage, service):
    ident = await overlay(office, timing=Timing(NOON, NOON + HOUR, 0, 5 * MINUTE))
    await stage.to(60)
    stage.rig.devices.fault("enc-2", FaultKind.VANISHES)
    await stage.to(3601 + 120)
    assert await stage.state(ident) is State.FAILED_POST_ROLL
    assert office.device("enc-1")["video.bitrate"] == 10
    stage.rig.devices.clear("enc-2")
    await stage.to(3600 + 301)
    assert (await stage.state(ident), rates(office)) == (State.COMPLETED, (10, 10))


@pytest.mark.parametrize("point", [*JOURNAL, *HOST])
@pytest.mark.parametrize("at", [0, 3600], ids=["at its start", "at its end"])
async def test_killed_at_any_point_the_service_has_the_values_of_the_hour(office, stage, service, point, at):
    ident = await overlay(office)
    await stage.to(at - 1)
    stage.rig.crash_at(point, 2 if point.startswith(("host.begun", "host.applied", "end.")) else 1)
    await stage.to(at + 1)
    if stage.rig.engine is None:
        await stage.rig.start()
    await stage.to(at + 60)
    stage.rig.crash_at("nowhere")
    assert rates(office) == ((60, 60) if at == 0 else (10, 10)), point
    assert await stage.state(ident) is (State.ACTIVE if at == 0 else State.COMPLETED)
