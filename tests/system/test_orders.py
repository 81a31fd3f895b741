# SPDX-License-Identifier: Apache-2.0
"""Service orders through to their end on simulated devices: what becomes of the order, the service and the devices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.orders import NewOrder, OrderDetails, OrderEdit, Time
from preroll.app.services import ServiceDetails
from preroll.domain.audit import AuditSpec, Configuration, OnUnknown
from preroll.domain.booking import State
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.errors import Conflict, Invalid
from preroll.domain.order import HoldReason, OrderItem, OrderKind, OrderState, Together
from preroll.domain.permission import LOCAL, Actor
from preroll.domain.service_instance import Provisioned
from preroll.domain.window import HOUR, MINUTE, SECOND
from preroll.drivers.sim import FaultKind
from preroll.ports.orders import ServiceFilter
from tests.builders import NOON

S, K = OrderState, OrderKind
EVE = Actor("eve", frozenset({"operator", "provisioner"}))
LINE = ServiceDefinition(
    "Line",
    nodes=(
        Node("A", profile="Encoding", default_profile="HD", order=1),
        Node("B", profile="Encoding", default_profile="HD", order=2),
        Node("C", profile="Encoding", default_profile="HD", order=3, optional=True),
    ),
    audits=(AuditSpec("config", "config", unknown=OnUnknown.PENDING),),
)
ENDS = {"A": {"resource": "enc-1"}, "B": {"resource": "enc-2"}}
ON = {"video.bitrate": 8, "video.input": "SDI 1"}
OFF = {"video.bitrate": 0, "video.input": "none"}


class Office:
    """Orders, and plays them."""

    def __init__(self, stage) -> None:
        self.stage, self.orders, self.services = stage, stage.app.orders, stage.app.services

    async def make(self, *items: OrderItem, together: Together = Together.ATOMIC) -> str:
        made = await self.orders.create(LOCAL, NewOrder("default", "Order", items, together))
        return made.order.id

    async def deploy(self, *items: OrderItem, together: Together = Together.ATOMIC) -> OrderDetails:
        """Order, deploy now, and play to the end."""
        await self.stage.rig.until(self.stage.now + SECOND)
        ident = await self.make(*items, together=together)
        await self.orders.schedule(LOCAL, ident, None)
        return await self.end(ident)

    async def end(self, ident: str) -> OrderDetails:
        await self.stage.rig.quiet()
        return await self.orders.get(LOCAL, ident)

    async def line(self) -> str:
        """A line that is deployed; its id."""
        done = await self.deploy(provision())
        assert done.order.state is S.COMPLETED, done.order.why
        return done.order.items[0].service

    async def change(self, kind: OrderKind, service: str, **values: object) -> OrderDetails:
        return await self.deploy(OrderItem("it", kind, service, values=values))

    async def see(self, service: str) -> ServiceDetails:
        return await self.services.get(LOCAL, service)

    def device(self, name: str) -> dict[str, object]:
        return dict(self.stage.device(name))


@pytest.fixture
async def office(stage) -> Office:
    await stage.app.catalogue.apply(LOCAL, "default", [LINE])
    for name in ("enc-1", "enc-2", "enc-3"):
        stage.rig.devices.introduce(name, dict(OFF))
    return Office(stage)


def provision(name: str = "Line to B", item: str = "line", **changes: object) -> OrderItem:
    values = {"definition": "Line", "name": name, "nodes": ENDS, **changes}
    return OrderItem(item, K.PROVISION, "", values=values)


def rate(bitrate: int, *labels: str) -> dict[str, object]:
    return {label: {"values": {"bitrate": bitrate}} for label in labels or ("A", "B")}


async def test_a_service_exists_from_its_completed_provision_on(office, stage):
    done = await office.deploy(provision())
    (item,) = done.order.items
    assert (done.order.state, done.residue, done.items["line"].state) == (S.COMPLETED, {}, S.COMPLETED)
    seen = await office.see(item.service)
    assert (seen.service.state, seen.service.runs, seen.service.deployed) == (Provisioned.DEPLOYED, "START", 1)
    assert seen.revisions[0].order == done.order.id
    assert office.device("enc-1") == office.device("enc-2") == ON
    with pytest.raises(Conflict) as refused:
        await stage.book("News")
    assert [clash.rival_name for clash in refused.value.clashes] == ["Line to B"]
    kinds = [change.kind for change in await office.services.history(LOCAL, item.service)]
    assert kinds[0] == "service.created"
    moves = [(c.before, c.after) for c in await office.orders.history(LOCAL, done.order.id) if c.kind == "order.state"]
    assert moves == [("Requested", "Scheduled"), ("Scheduled", "In Progress"), ("In Progress", "Completed")]
    assert seen.known is not None
    assert seen.known.configuration is Configuration.IN_SYNC


async def test_the_service_of_an_item_is_named_by_id_or_by_name(office, stage):
    service = await office.line()
    done = await office.change(K.MODIFY, "LINE TO B", nodes=rate(5))
    assert (done.order.state, done.order.items[0].service) == (S.COMPLETED, service)
    await office.change(K.DECOMMISSION, "Line to B")
    with pytest.raises(Invalid, match="'Line to B' is no service"):
        await office.make(OrderItem("it", K.VALIDATE, "Line to B"))
    new = NewOrder("default", "Scoped", (provision("Line to C"),), scopes=("news",))
    await office.orders.schedule(LOCAL, (await office.orders.create(LOCAL, new)).order.id, None)
    await stage.rig.quiet()
    asked = NewOrder("default", "Order", (OrderItem("it", K.VALIDATE, "Line to C"),))
    await office.orders.create(LOCAL, asked)
    with pytest.raises(Invalid, match="'Line to C' is no service"):
        await office.orders.create(EVE, asked)


async def test_an_order_waits_for_its_time(office, stage):
    ident = await office.make(provision())
    await office.orders.schedule(LOCAL, ident, None, Time(NOON))
    await stage.to(-1)
    assert (await office.orders.get(LOCAL, ident)).order.state is S.SCHEDULED
    assert office.device("enc-1") == OFF
    await stage.to(0)
    assert (await office.end(ident)).order.state is S.COMPLETED


async def test_a_device_that_is_down_fails_the_order_and_no_service_exists(office, stage):
    stage.rig.devices.fault("enc-2", FaultKind.VANISHES)
    failed = await office.deploy(provision())
    assert (failed.order.state, failed.residue) == (S.FAILED_DEPLOY, {})
    assert "enc-2" in failed.order.why
    assert office.device("enc-1") == OFF
    assert (await office.services.page(LOCAL, ServiceFilter())).items == ()
    await stage.cancel(await stage.book("News"))
    stage.rig.devices.clear("enc-2")
    await office.orders.retry(LOCAL, failed.order.id, None)
    done = await office.end(failed.order.id)
    assert (done.order.state, done.order.attempt) == (S.COMPLETED, 2)
    assert office.device("enc-2") == ON


async def limit(stage, name: str, most: int) -> None:
    """From now on the device takes no more than this."""
    (device,) = await stage.rig.store.read(lambda tx: tx.catalogue.resources(1, names=[name]))
    limits = {"video.bitrate": {"maximum": most}}
    address = {**device.address, "caps": ["validate"], "limits": limits}
    await stage.app.catalogue.apply(LOCAL, "default", [replace(device, address=address)])


async def test_a_push_that_fails_half_way_is_undone_in_reverse(office, stage):
    stage.rig.devices.fault("enc-2", FaultKind.REFUSES, on="apply")
    failed = await office.deploy(provision())
    assert failed.order.state is S.FAILED_DEPLOY
    assert office.device("enc-1") == office.device("enc-2") == OFF


async def test_what_the_order_says_wrong_is_found_before_a_device_is_written(office, stage):
    await limit(stage, "enc-2", 5)
    failed = await office.deploy(provision())
    assert failed.order.state is S.INVALID
    assert office.device("enc-1") == OFF
    edited = await office.orders.edit(LOCAL, failed.order.id, None, OrderEdit(name="Order 2"))
    assert edited.order.state is S.REQUESTED


async def test_a_modify_makes_a_revision_and_holds_the_difference_alone(office, stage):
    service = await office.line()
    done = await office.change(K.MODIFY, service, nodes=rate(12))
    assert done.order.state is S.COMPLETED, done.order.why
    seen = await office.see(service)
    assert (seen.service.desired, seen.service.deployed, seen.service.last_good) == (2, 2, 2)
    assert office.device("enc-1") == {**ON, "video.bitrate": 8}
    assert seen.carrier.nodes["A"].values == {"bitrate": 12}


async def test_a_failed_modify_leaves_the_old_service_and_is_retried_or_taken_back(office, stage):
    service = await office.line()
    stage.rig.devices.fault("enc-2", FaultKind.VANISHES)
    failed = await office.change(K.MODIFY, service, nodes={"A": {"values": {"input": "SDI 2"}}, "B": {}})
    assert failed.order.state is S.FAILED_DEPLOY
    seen = await office.see(service)
    assert (seen.service.state, seen.service.desired, seen.service.deployed) == (Provisioned.FAIL_DEPLOY, 2, 1)
    assert office.device("enc-1") == ON
    with pytest.raises(Invalid, match="redeploy"):
        await office.make(OrderItem("it", K.MODIFY, service))
    stage.rig.devices.clear("enc-2")
    await office.orders.retry(LOCAL, failed.order.id, None)
    assert (await office.end(failed.order.id)).order.state is S.COMPLETED
    seen = await office.see(service)
    assert (seen.service.state, seen.service.deployed, len(seen.revisions)) == (Provisioned.DEPLOYED, 2, 2)
    assert office.device("enc-1")["video.input"] == "SDI 2"
    back = await office.change(K.REDEPLOY, service, revision=1)
    assert back.order.state is S.COMPLETED
    assert office.device("enc-1") == ON
    assert (await office.see(service)).service.deployed == 1


async def test_redeploy_brings_desired_or_last_good(office, stage):
    service = await office.line()
    stage.rig.devices.fault("enc-2", FaultKind.VANISHES)
    await office.change(K.MODIFY, service, nodes={"A": {"values": {"input": "SDI 2"}}})
    again = await office.change(K.REDEPLOY, service)
    assert again.order.state is S.FAILED_DEPLOY
    stage.rig.devices.clear("enc-2")
    done = await office.change(K.REDEPLOY, service, revision="last good")
    assert done.order.state is S.COMPLETED
    seen = (await office.see(service)).service
    assert (seen.state, seen.desired, seen.deployed) == (Provisioned.DEPLOYED, 1, 1)
    done = await office.change(K.REDEPLOY, service, revision=2)
    assert (done.order.state, office.device("enc-1")["video.input"]) == (S.COMPLETED, "SDI 2")


async def test_a_swap_resets_what_leaves_and_an_optional_node_comes_and_goes(office, stage):
    service = await office.line()
    done = await office.change(K.MODIFY, service, nodes={"B": {"resource": "enc-3"}})
    assert done.order.state is S.COMPLETED, done.order.why
    assert (office.device("enc-2"), office.device("enc-3")) == (OFF, ON)
    await stage.book("News", encoder="enc-2")
    with pytest.raises(Conflict):
        await stage.book("Other", encoder="enc-3")


async def test_activate_and_deactivate_move_the_run_state_by_the_table(office):
    service = await office.line()
    done = await office.change(K.DEACTIVATE, service, state="standby")
    assert done.order.state is S.COMPLETED, done.order.why
    assert ((await office.see(service)).service.runs, office.device("enc-1")["video.bitrate"]) == ("STANDBY", 1)
    done = await office.change(K.ACTIVATE, service)
    assert ((await office.see(service)).service.runs, office.device("enc-1")) == ("START", ON)
    await office.change(K.DEACTIVATE, service, state="STOP")
    with pytest.raises(Invalid) as refused:
        await office.make(OrderItem("it", K.ACTIVATE, service, values={"state": "FAILED"}))
    assert "items.0" in refused.value.mistakes[0].where


async def test_a_decommissioned_service_is_gone_and_its_resources_and_name_are_free(office, stage):
    service = await office.line()
    done = await office.change(K.DECOMMISSION, service)
    assert done.order.state is S.COMPLETED, done.order.why
    seen = await office.see(service)
    assert (seen.service.state, seen.orders) == (Provisioned.DECOMMISSIONED, ())
    assert office.device("enc-1") == OFF
    await office.line()


async def test_what_cannot_be_undone_is_listed_and_can_be_abandoned(office, stage):
    service = await office.line()
    stage.rig.devices.fault("enc-2", FaultKind.REFUSES, on="apply", times=3)
    stage.rig.devices.fault("enc-1", FaultKind.REFUSES, on="rollback", times=9)
    both = {label: {"values": {"input": "SDI 2"}} for label in "AB"}
    failed = await office.change(K.MODIFY, service, nodes=both)
    assert failed.order.state is S.FAILED_DEPLOY
    assert set(failed.residue) == {"it/A"}
    assert (await office.see(service)).service.deployed is None
    with pytest.raises(Invalid):
        await office.services.abandon(LOCAL, service, None, "wrong")
    gone = await office.services.abandon(LOCAL, service, None, "Line to B", "scrapped")
    assert gone.service.state is Provisioned.DECOMMISSIONED
    ident = await stage.book("News", confirm=False)
    assert any("Line to B" in warning for warning in (await stage.see(ident)).warnings)


async def test_a_window_that_was_missed_cancels_the_order(office, stage):
    ident = await office.make(provision())
    await office.orders.schedule(LOCAL, ident, None, Time(NOON, latest_start_us=5 * MINUTE))
    stage.rig.crash()
    await stage.to(5 * 60 + 1)
    await stage.rig.start()
    missed = await office.end(ident)
    assert (missed.order.state, "latest start" in missed.order.why) == (S.CANCELED, True)
    assert office.device("enc-1") == OFF
    await stage.book("News", start=NOON + HOUR)


async def test_an_order_waits_for_a_second_person(office, stage):
    await stage.configure(approve_orders=True)
    ident = await office.make(provision())
    await office.orders.schedule(LOCAL, ident, None, Time(NOON))
    await stage.to(1)
    held = await office.end(ident)
    assert (held.order.state, held.order.hold, held.unapproved) == (S.SCHEDULED, HoldReason.APPROVAL, True)
    revision = held.order.revision
    await stage.to(40)
    assert (await office.end(ident)).order.revision == revision
    await office.orders.approve(EVE, ident, None)
    assert (await office.end(ident)).order.state is S.COMPLETED


async def test_hands_off_holds_an_order_until_the_hands_are_on_again(office, stage):
    ident = await office.make(provision())
    await office.orders.schedule(LOCAL, ident, None, Time(NOON))
    (enc,) = await stage.rig.store.read(lambda tx: tx.catalogue.resources(1, names=["enc-1"]))
    await stage.app.catalogue.apply(LOCAL, "default", [replace(enc, hands_off=True)])
    await stage.to(1)
    assert (await office.end(ident)).order.hold is HoldReason.BLACKOUT
    await stage.app.catalogue.apply(LOCAL, "default", [enc])
    await stage.to(31)
    assert (await office.end(ident)).order.state is S.COMPLETED


async def test_an_order_that_lost_its_resource_begins_when_it_is_free_again(office, stage):
    ident = await office.make(provision())
    await office.orders.schedule(LOCAL, ident, None, Time(NOON))
    rival = await stage.book("Final", start=NOON, priority=5, force=True, confirm=False)
    await stage.to(1)
    assert (await office.end(ident)).order.hold is HoldReason.CAPACITY
    await stage.cancel(rival)
    await stage.to(31)
    assert (await office.end(ident)).order.state is S.COMPLETED


async def test_force_is_offered_to_an_order_only_where_it_helps(office, stage):
    line = await office.line()
    rival = await office.make(provision("Line to C"))
    for force in (False, True):
        with pytest.raises(Conflict) as refused:
            await office.orders.schedule(LOCAL, rival, None, Time(force=force))
        assert (refused.value.losing, "force" in refused.value.hint) == ((), False)
        assert refused.value.clashes
    await office.change(K.DECOMMISSION, line)
    news = await stage.book("News", start=NOON)
    ident = await office.make(provision("Line to C"))
    await office.orders.edit(LOCAL, ident, None, OrderEdit(priority=9))
    with pytest.raises(Conflict, match="News") as refused:
        await office.orders.schedule(LOCAL, ident, None, Time(NOON))
    assert ({one.booking for one in refused.value.losing}, "with force" in refused.value.hint) == ({news}, True)
    await office.orders.schedule(LOCAL, ident, None, Time(NOON, force=True))
    assert await stage.state(news) is State.QUARANTINED


async def test_a_second_order_on_a_service_is_invalid_once_the_first_has_changed_it(office, stage):
    service = await office.line()
    first = await office.make(OrderItem("it", K.MODIFY, service, values={"nodes": rate(4)}))
    second = await office.make(OrderItem("it", K.MODIFY, service, values={"nodes": rate(5)}))
    for ident in (first, second):
        await office.orders.schedule(LOCAL, ident, None, Time(NOON))
    await stage.to(0)
    states = {(await office.end(ident)).order.state for ident in (first, second)}
    assert states == {S.COMPLETED, S.INVALID}
    assert (await office.see(service)).service.deployed == 2


async def test_a_check_tells_each_change_and_writes_nothing(office, stage):
    ident = await office.make(provision())
    asked = await office.orders.check(LOCAL, ident, None)
    assert asked.checking
    checked = await office.end(ident)
    assert (checked.order.state, checked.checking) == (S.REQUESTED, False)
    assert checked.plan is not None
    assert checked.order.plan == checked.plan.hash
    assert sorted(change for device in checked.plan.devices for change in device.changes) == [
        ("video.bitrate", 0, 8), ("video.bitrate", 0, 8), ("video.input", "none", "SDI 1"),
        ("video.input", "none", "SDI 1"),
    ]  # fmt: skip
    assert office.device("enc-1") == OFF
    stage.rig.devices.fault("enc-2", FaultKind.VANISHES)
    await office.orders.check(LOCAL, ident, None)
    again = await office.end(ident)
    assert (again.order.state, "enc-2" in again.order.why) == (S.REQUESTED, True)
    stage.rig.devices.clear("enc-2")
    await limit(stage, "enc-2", 5)
    await office.orders.check(LOCAL, ident, None)
    assert (await office.end(ident)).order.state is S.INVALID


async def test_a_plan_that_has_changed_since_it_was_checked_asks_again_where_that_is_strict(office, stage):
    await stage.configure(strict_plans=True)
    ident = await office.make(provision())
    await office.orders.check(LOCAL, ident, None)
    await office.end(ident)
    stage.rig.devices.tamper("enc-1", {"video.bitrate": 3})
    await office.orders.schedule(LOCAL, ident, None)
    held = await office.end(ident)
    assert (held.order.state, held.order.hold) == (S.SCHEDULED, HoldReason.PLAN)
    assert ("video.bitrate", 3, 8) in held.plan.devices[0].changes + held.plan.devices[1].changes
    assert office.device("enc-1")["video.bitrate"] == 3
    await office.orders.approve(EVE, ident, None)
    assert (await office.end(ident)).order.state is S.COMPLETED


async def test_an_empty_plan_completes_as_nothing_to_do(office, stage):
    service = await office.line()
    written = len(stage.rig.devices.applied("enc-1"))
    done = await office.change(K.REDEPLOY, service)
    assert done.order.state is S.COMPLETED
    assert len(stage.rig.devices.applied("enc-1")) == written


async def test_items_are_made_in_their_order_all_or_none(office, stage):
    second = provision("Line 2", "second", nodes={"A": {"resource": "enc-3"}, "B": {"resource": "card-a"}})
    first = provision("Line 1", "first")
    stage.rig.devices.introduce("card-a", dict(OFF))
    stage.rig.devices.fault("card-a", FaultKind.VANISHES)
    failed = await office.deploy(replace(second, after=("first",)), first)
    assert failed.order.state is S.FAILED_DEPLOY
    assert office.device("enc-1") == OFF
    assert {name: end.state for name, end in failed.items.items()} == dict.fromkeys(
        ("first", "second"), S.FAILED_DEPLOY
    )
    stage.rig.devices.clear("card-a")
    await office.orders.retry(LOCAL, failed.order.id, None)
    assert (await office.end(failed.order.id)).order.state is S.COMPLETED
    assert len((await office.services.page(LOCAL, ServiceFilter())).items) == 2


async def test_best_effort_items_end_on_their_own_and_their_followers_are_not_begun(office, stage):
    first = provision("Line 1", "first")
    second = provision("Line 2", "second", nodes={"A": {"resource": "enc-3"}, "B": {"resource": "card-a"}})
    stage.rig.devices.introduce("card-a", dict(OFF))
    stage.rig.devices.fault("enc-2", FaultKind.VANISHES)
    ended = await office.deploy(first, second, together=Together.BEST_EFFORT)
    assert ended.order.state is S.FAILED_DEPLOY
    assert {name: end.state for name, end in ended.items.items()} == {
        "first": S.FAILED_DEPLOY, "second": S.COMPLETED,
    }  # fmt: skip
    assert [one.name for one in (await office.services.page(LOCAL, ServiceFilter())).items] == ["Line 2"]


async def test_an_order_in_progress_is_stopped_and_undone_by_cancel(office, stage):
    stage.rig.devices.fault("enc-2", FaultKind.SLOW, on="apply", seconds=30)
    ident = await office.make(provision())
    await office.orders.schedule(LOCAL, ident, None, Time(NOON))
    await stage.to(5)
    running = await office.orders.get(LOCAL, ident)
    assert (running.order.state, running.phase) == (S.IN_PROGRESS, "applying")
    stopping = await office.orders.cancel(LOCAL, ident, None, "not wanted")
    assert stopping.canceling
    ended = await office.end(ident)
    assert (ended.order.state, ended.residue) == (S.CANCELED, {})
    assert office.device("enc-1") == office.device("enc-2") == OFF
    await stage.book("News", start=NOON + HOUR)


async def test_an_audit_order_is_completed_when_the_audit_was_made_whatever_it_found(office, stage):
    service = await office.line()
    assert (await office.see(service)).known.configuration is Configuration.IN_SYNC
    stage.rig.devices.tamper("enc-1", {"video.bitrate": 3})
    done = await office.change(K.VALIDATE, service)
    assert done.order.state is S.COMPLETED
    assert (await office.see(service)).known.configuration is Configuration.OUT_OF_SYNC
    await office.change(K.REDEPLOY, service)
    assert office.device("enc-1") == ON
    assert (await office.see(service)).known.configuration is Configuration.IN_SYNC


async def test_a_booking_that_wins_by_force_never_takes_from_a_service(office, stage):
    await office.line()
    ident = await stage.book("Final", priority=99, force=True, confirm=False)
    assert await stage.state(ident) is State.QUARANTINED


JOURNAL = [
    f"{call}.{when}" for call in ("claim", "begin", "end", "settle") for when in ("before", "written", "committed")
]
HOST = ["host.started", "host.begun", "host.applied", "host.ended", "host.finishing"]
STEPS = range(1, 9)
"""Plan, two applies, two verifies, the decision, two confirms: the phases of a deployment."""


@pytest.mark.parametrize("point", [*JOURNAL, *HOST])
@pytest.mark.parametrize("down", [False, True])
async def test_killed_at_any_point_the_devices_are_all_old_or_all_new_and_the_order_says_which(
    office, stage, point, down
):
    passes = STEPS if point.startswith(("begin", "end", "host.begun", "host.applied", "host.ended")) else (1,)
    for number in passes:
        ident = await office.make(provision(f"Line {point} {number}"))
        if down:
            stage.rig.devices.fault("enc-2", FaultKind.REFUSES, on="apply")
        await office.orders.schedule(LOCAL, ident, None)
        stage.rig.crash_at(point, number)
        await stage.rig.quiet()
        if stage.rig.engine is None:
            await stage.rig.start()
        await stage.rig.quiet()
        stage.rig.crash_at("nowhere")
        ended = await office.orders.get(LOCAL, ident)
        held = {label: office.device(name) for label, name in (("A", "enc-1"), ("B", "enc-2"))}
        expected = (S.FAILED_DEPLOY, OFF) if down else (S.COMPLETED, ON)
        assert (ended.order.state, held, ended.residue) == (expected[0], dict.fromkeys("AB", expected[1]), {}), number
        stage.rig.devices.clear("enc-2")
        if not down:
            await office.change(K.DECOMMISSION, ended.order.items[0].service)
        runs = await stage.rig.store.read(lambda tx, ident=ident: tx.bookings.get(ident, hidden=True))
        assert (runs.began, runs.entering) == (False, "")


@pytest.mark.parametrize("number", STEPS)
async def test_killed_while_it_is_canceled_it_goes_back_all_the_same(office, stage, number):
    ident = await office.make(provision())
    stage.rig.devices.fault("enc-2", FaultKind.SLOW, on="apply", seconds=30)
    await office.orders.schedule(LOCAL, ident, None, Time(NOON))
    await stage.to(5)
    await office.orders.cancel(LOCAL, ident, None, "not wanted")
    stage.rig.devices.clear("enc-2")
    stage.rig.crash_at("begin.committed", number)
    await stage.rig.quiet()
    if stage.rig.engine is None:
        await stage.rig.start()
    ended = await office.end(ident)
    assert (ended.order.state, office.device("enc-1"), office.device("enc-2")) == (S.CANCELED, OFF, OFF)
