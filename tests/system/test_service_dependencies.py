# SPDX-License-Identifier: Apache-2.0
"""Services that need each other: orders wait for what they need, and nobody takes away what is needed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.orders import NewOrder, Time
from preroll.domain.errors import ActionNotPossible, Invalid
from preroll.domain.order import HoldReason, OrderItem, OrderKind, OrderState
from preroll.domain.permission import LOCAL
from preroll.domain.service_instance import Provisioned
from preroll.domain.window import HOUR, SECOND
from preroll.drivers.sim import FaultKind
from tests.builders import NOON
from tests.system.test_orders import OFF, Office, office, provision

__all__ = ["office"]

S, K = OrderState, OrderKind
SECOND_LINE = {"A": {"resource": "enc-3"}, "B": {"resource": "card-a"}}


@pytest.fixture(autouse=True)
def more(office) -> None:
    office.stage.rig.devices.introduce("card-a", dict(OFF))


def second(*needs: str, item: str = "second") -> OrderItem:
    return replace(provision("Line 2", item, nodes=SECOND_LINE), needs=needs)


async def why_not(office: Office, *items: OrderItem) -> str:
    with pytest.raises(Invalid) as refused:
        await office.make(*items)
    return "; ".join(map(str, refused.value.mistakes))


async def test_both_sides_know_of_it(office):
    first = await office.line()
    done = await office.deploy(second("Line to B"))
    assert done.order.state is S.COMPLETED, done.order.why
    (item,) = done.order.items
    assert item.needs == (first,)
    needing, needed = await office.see(item.service), await office.see(first)
    assert [s.id for s in needing.needs] == [first]
    assert [s.name for s in needed.needed_by] == ["Line 2"]
    assert (needed.needs, needing.needed_by, needing.revisions[0].needs) == ((), (), (first,))


async def test_an_order_waits_until_what_it_needs_is_deployed(office, stage):
    coming = await office.make(provision())
    first = (await office.orders.get(LOCAL, coming)).order.items[0].service
    waiting = await office.make(second(first))
    await office.orders.schedule(LOCAL, waiting, None, Time(NOON, HOUR))
    await stage.to(1)
    held = await office.end(waiting)
    assert (held.order.state, held.order.hold) == (S.SCHEDULED, HoldReason.DEPENDENCY)
    assert held.order.why == f"needs {first}, which does not exist"
    stage.rig.devices.fault("enc-2", FaultKind.VANISHES)
    await office.orders.schedule(LOCAL, coming, None)
    assert (await office.end(coming)).order.state is S.FAILED_DEPLOY
    await stage.to(70)
    assert (await office.end(waiting)).order.hold is HoldReason.DEPENDENCY
    stage.rig.devices.clear("enc-2")
    began = stage.now
    await office.orders.retry(LOCAL, coming, None)
    done = await office.end(waiting)
    assert (done.order.state, done.order.hold, done.order.why) == (S.COMPLETED, None, "")
    assert stage.now - began < SECOND, "it began when what it needs was there, not when it was looked at again"


async def test_what_is_never_deployed_cancels_who_waits_for_it(office, stage):
    coming = await office.make(provision())
    first = (await office.orders.get(LOCAL, coming)).order.items[0].service
    waiting = await office.make(second(first))
    await office.orders.schedule(LOCAL, waiting, None, Time(NOON))
    await stage.to(16 * 60)
    assert (await office.end(waiting)).order.state is S.CANCELED


async def test_a_service_that_failed_to_deploy_holds_the_change_of_what_needs_it(office, stage):
    first = await office.line()
    later = (await office.deploy(second(first))).order.items[0].service
    stage.rig.devices.fault("enc-2", FaultKind.VANISHES)
    failed = await office.change(K.MODIFY, first, nodes={"A": {"values": {"input": "SDI 2"}}})
    assert failed.order.state is S.FAILED_DEPLOY
    ident = await office.make(OrderItem("it", K.REDEPLOY, later))
    await office.orders.schedule(LOCAL, ident, None)
    await stage.rig.until(stage.now + SECOND)
    held = (await office.orders.get(LOCAL, ident)).order
    assert (held.hold, held.why) == (HoldReason.DEPENDENCY, "needs Line to B, which is Fail Deploy")
    stage.rig.devices.clear("enc-2")
    mended = await office.change(K.REDEPLOY, first)
    assert mended.order.state is S.COMPLETED, mended.order.why
    assert (await office.orders.get(LOCAL, ident)).order.state is S.COMPLETED, "at once, not after half a minute"


async def test_what_is_needed_stays_unless_its_needers_go_with_it(office):
    first = await office.line()
    later = (await office.deploy(second(first))).order.items[0].service
    assert "Line 2 needs it" in await why_not(office, OrderItem("end", K.DECOMMISSION, first))
    both = OrderItem("first", K.DECOMMISSION, first), OrderItem("later", K.DECOMMISSION, later)
    done = await office.deploy(*both)
    assert done.order.state is S.COMPLETED, done.order.why
    assert {item.name: item.after for item in done.order.items} == {"first": ("later",), "later": ()}
    states = {(await office.see(ident)).service.state for ident in (first, later)}
    assert states == {Provisioned.DECOMMISSIONED}


async def test_a_service_lets_go_of_what_it_needed_and_then_that_may_end(office):
    first = await office.line()
    later = (await office.deploy(second(first))).order.items[0].service
    done = await office.deploy(OrderItem("end", K.DECOMMISSION, first), OrderItem("free", K.MODIFY, later, needs=()))
    assert done.order.state is S.COMPLETED, done.order.why
    assert (await office.see(later)).service.needs == ()


async def test_who_comes_to_need_it_meanwhile_holds_its_end(office, stage):
    first = await office.line()
    ending = await office.make(OrderItem("end", K.DECOMMISSION, first))
    await office.orders.schedule(LOCAL, ending, None, Time(NOON, HOUR))
    later = (await office.deploy(second(first))).order.items[0].service
    await stage.to(1)
    held = (await office.end(ending)).order
    assert (held.hold, held.why) == (HoldReason.DEPENDENCY, "Line 2 needs it")
    with pytest.raises(ActionNotPossible, match="Line 2 needs it"):
        await office.orders.reschedule(LOCAL, ending, None, Time(NOON + HOUR))
    assert (await office.change(K.DECOMMISSION, later)).order.state is S.COMPLETED
    assert stage.now < NOON + 10 * SECOND
    assert (await office.orders.get(LOCAL, ending)).order.state is S.COMPLETED, "at once, not after half a minute"


async def test_items_of_one_order_need_each_other_by_name(office):
    done = await office.deploy(second("line"), provision())
    assert done.order.state is S.COMPLETED, done.order.why
    items = {item.name: item for item in done.order.items}
    assert items["second"].needs == (items["line"].service,)
    assert items["second"].after == ("line",)


async def test_nobody_needs_itself_by_any_way_round(office):
    first = await office.line()
    later = (await office.deploy(second(first))).order.items[0].service
    ring = await why_not(office, OrderItem("it", K.MODIFY, first, needs=(later,)))
    assert "would need itself: Line to B -> Line 2 -> Line to B" in ring
    assert "is the service itself" in await why_not(office, OrderItem("it", K.MODIFY, first, needs=(first,)))
    assert "'Nothing' is no service" in await why_not(office, second("Nothing"))
    one, two = replace(provision(), needs=("second",)), second("line")
    assert "would need itself" in await why_not(office, one, two)


async def test_a_ring_that_two_orders_make_is_noticed_when_the_second_is_due(office, stage):
    first = await office.line()
    later = (await office.deploy(second())).order.items[0].service
    one = await office.make(OrderItem("it", K.MODIFY, first, needs=(later,)))
    two = await office.make(OrderItem("it", K.MODIFY, later, needs=(first,)))
    for ident in (one, two):
        await office.orders.schedule(LOCAL, ident, None, Time(NOON))
    await stage.to(90)
    ends = [(await office.end(ident)).order for ident in (one, two)]
    assert {order.state for order in ends} == {S.COMPLETED, S.INVALID}
    assert any("would need itself" in order.why for order in ends)


async def test_what_others_need_is_not_abandoned(office, stage):
    first = await office.line()
    await office.deploy(second(first))
    stage.rig.devices.fault("enc-2", FaultKind.VANISHES)
    await office.change(K.MODIFY, first, nodes={"A": {"values": {"input": "SDI 2"}}})
    with pytest.raises(ActionNotPossible, match="Line 2 needs it"):
        await office.services.abandon(LOCAL, first, None, "Line to B")


async def test_an_older_revision_needs_what_it_needed(office):
    first = await office.line()
    later = (await office.deploy(second(first))).order.items[0].service
    assert (await office.deploy(OrderItem("it", K.MODIFY, later, needs=()))).order.state is S.COMPLETED
    assert (await office.see(later)).service.needs == ()
    assert (await office.change(K.REDEPLOY, later, revision=1)).order.state is S.COMPLETED
    assert (await office.see(later)).service.needs == (first,)


async def test_a_hold_is_told_and_forgotten_when_it_is_unscheduled(office, stage):
    coming = (await office.orders.create(LOCAL, NewOrder("default", "First", (provision(),)))).order
    waiting = await office.make(second(coming.items[0].service))
    await office.orders.schedule(LOCAL, waiting, None, Time(NOON))
    await stage.to(1)
    told = [c.why for c in await office.orders.history(LOCAL, waiting) if c.kind == "order.held"]
    assert told == [f"dependency: needs {coming.items[0].service}, which does not exist"]
    free = await office.orders.unschedule(LOCAL, waiting, None)
    assert (free.order.hold, free.order.why) == (None, "")
