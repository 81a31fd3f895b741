# SPDX-License-Identifier: Apache-2.0
"""Profiles by value and whole resources in orders, agreements that a modify changes, and why orders are on hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.bookings import NewBooking
from preroll.app.orders import Time
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.capacity import Capability
from preroll.domain.errors import Conflict, Invalid
from preroll.domain.order import HoldReason, OrderItem, OrderKind, OrderState
from preroll.domain.parameter import Parameter, ParameterKind, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileBy, ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.domain.window import HOUR, MINUTE
from tests.builders import NOON
from tests.system.stage import HD
from tests.system.test_orders import LINE, Office, office, provision, rate

__all__ = ["office"]

S, K = OrderState, OrderKind
MUX = ProfileDefinition(
    "Mux",
    (
        Parameter("rate", ValueType.NUMBER, minimum=0, default=0, kinds=(ParameterKind.CAPACITY,)),
        Parameter("mode", ValueType.TEXT, default="none", kinds=(ParameterKind.CAPABILITY,)),
    ),
)
SD = ProfileInstance("SD", "Mux", {"rate": 1, "mode": "x"})


@pytest.fixture
async def shared(office, stage) -> Office:
    """Ends with places for many, a capacity of 10, and a mode that all who overlap agree on."""
    ends = [
        Resource(
            name, address={"device": name, "timeout": 2.0}, concurrency=5, capacities={"rate": 10},
            capabilities={"mode": Capability(time_dependent=True)},
        )
        for name in ("enc-1", "enc-2", "enc-3")
    ]  # fmt: skip
    nodes = tuple(replace(node, profile="Mux", default_profile="SD") for node in LINE.nodes)
    await stage.app.catalogue.apply(LOCAL, "default", [*ends, MUX, SD, replace(LINE, nodes=nodes)])
    return office


async def hold(stage, mode: str, name: str = "Other") -> None:
    """Book an end in a mode."""
    nodes = {"A": NodeChoice("enc-1", "SD", {"mode": mode})}
    await stage.app.bookings.create(LOCAL, NewBooking(name, Timing(NOON, NOON + HOUR), nodes=nodes))


async def test_a_modify_replaces_what_its_own_service_has_agreed_on(shared, stage):
    service = await shared.line()
    other = {label: {"values": {"mode": "y"}} for label in "AB"}
    ident = await shared.make(OrderItem("it", K.MODIFY, service, values={"nodes": other}))
    await shared.orders.schedule(LOCAL, ident, None, Time(NOON + 2 * HOUR))
    await hold(stage, "x")
    await stage.to(2 * 3600 + 1)
    assert (await shared.end(ident)).order.state is S.COMPLETED
    assert (await shared.see(service)).carrier.nodes["A"].values == {"mode": "y"}


async def test_it_still_clashes_with_what_others_have_agreed_on(shared, stage):
    service = await shared.line()
    await hold(stage, "x")
    other = {label: {"values": {"mode": "y"}} for label in "AB"}
    ident = await shared.make(OrderItem("it", K.MODIFY, service, values={"nodes": other}))
    with pytest.raises(Conflict) as conflict:
        await shared.orders.schedule(LOCAL, ident, None, Time(NOON))
    assert {clash.rival_name for clash in conflict.value.clashes} == {"Other"}


async def test_a_resource_is_ordered_whole_and_let_go_by_a_modify(shared, stage):
    ends = {"A": {"resource": "enc-1", "whole": True}, "B": {"resource": "enc-2"}}
    service = (await shared.deploy(provision(nodes=ends))).order.items[0].service
    assert (await shared.see(service)).carrier.nodes["A"].whole
    with pytest.raises(Conflict) as conflict:
        await hold(stage, "x")
    assert {clash.rival_name for clash in conflict.value.clashes} == {"Line to B"}
    assert (await shared.change(K.MODIFY, service, nodes={"A": {"values": {"rate": 2}}})).order.state is S.COMPLETED
    assert (await shared.see(service)).carrier.nodes["A"].whole
    done = await shared.change(K.MODIFY, service, nodes={"A": {"whole": False}})
    assert done.order.state is S.COMPLETED, done.order.why
    await hold(stage, "x")


async def test_to_take_a_resource_whole_a_modify_needs_all_that_is_left(shared, stage):
    service = await shared.line()
    await hold(stage, "x")
    ident = await shared.make(OrderItem("it", K.MODIFY, service, values={"nodes": {"A": {"whole": True}}}))
    with pytest.raises(Conflict):
        await shared.orders.schedule(LOCAL, ident, None, Time(NOON))
    await shared.orders.schedule(LOCAL, ident, None, Time(NOON + HOUR))
    await stage.to(3601)
    assert (await shared.end(ident)).order.state is S.COMPLETED


async def test_a_profile_by_value_stays_as_it_was_ordered(office, stage):
    ends = {"A": {"resource": "enc-1", "profile_by": "value"}, "B": {"resource": "enc-2"}}
    ident = await office.make(provision(nodes=ends))
    later = replace(HD, values={**HD.values, "input": "SDI 9"})
    await stage.app.catalogue.apply(LOCAL, "default", [later])
    await office.orders.schedule(LOCAL, ident, None)
    done = await office.end(ident)
    assert done.order.state is S.COMPLETED, done.order.why
    inputs = [office.device(name)["video.input"] for name in ("enc-1", "enc-2")]
    assert inputs == ["SDI 1", "SDI 9"]
    service = done.order.items[0].service
    assert (await office.change(K.MODIFY, service, nodes=rate(4, "A"))).order.state is S.COMPLETED
    assert office.device("enc-1")["video.input"] == "SDI 1"
    by = await office.change(K.MODIFY, service, nodes={"A": {"profile_by": "reference"}})
    assert (by.order.state, office.device("enc-1")["video.input"]) == (S.COMPLETED, "SDI 9")
    again = await office.change(K.MODIFY, service, nodes={"A": {"profile_by": "value"}})
    assert (again.order.state, (await office.see(service)).carrier.nodes["A"].kept.values["input"]) == (
        S.COMPLETED, "SDI 9",
    )  # fmt: skip


async def test_a_definition_that_copies_profiles_is_followed(office, stage):
    nodes = tuple(replace(node, profile_by=ProfileBy.VALUE) for node in LINE.nodes)
    await stage.app.catalogue.apply(LOCAL, "default", [replace(LINE, nodes=nodes)])
    service = await office.line()
    await stage.app.catalogue.apply(LOCAL, "default", [replace(HD, values={**HD.values, "input": "SDI 9"})])
    assert (await office.change(K.REDEPLOY, service)).order.state is S.COMPLETED
    assert office.device("enc-1")["video.input"] == "SDI 1"


@pytest.mark.parametrize(
    ("node", "where"), [({"profile_by": "guess"}, "profile_by"), ({"whole": "yes"}, "whole"), ({"wole": 1}, "wole")]
)
async def test_what_a_node_says_wrong_is_told(office, node, where):
    with pytest.raises(Invalid) as refused:
        await office.make(provision(nodes={"A": {"resource": "enc-1", **node}, "B": {"resource": "enc-2"}}))
    assert f"items.0.values.nodes.A.{where}" in [mistake.where for mistake in refused.value.mistakes]


async def test_a_copy_that_somebody_says_is_not_taken(office):
    lie = {"definition": "Encoding", "instance": "HD", "values": {"input": "lie"}, "states": {}, "defaults": {}}
    ends = {"A": {"resource": "enc-1", "profile_by": "value", "kept": lie}, "B": {"resource": "enc-2", "kept": lie}}
    assert (await office.deploy(provision(nodes=ends))).order.state is S.COMPLETED
    assert {office.device(name)["video.input"] for name in ("enc-1", "enc-2")} == {"SDI 1"}


async def test_an_order_waits_while_another_works_on_its_service(office, stage):
    service = await office.line()
    first = await office.make(OrderItem("it", K.REDEPLOY, service))
    other = await office.make(OrderItem("it", K.MODIFY, service, values={"properties": {"club": "B"}}))
    await works_on_it(office, first, S.IN_PROGRESS)
    await office.orders.schedule(LOCAL, other, None, Time(NOON, HOUR))
    await stage.to(1)
    held = (await office.orders.get(LOCAL, other)).order
    assert (held.state, held.hold) == (S.SCHEDULED, HoldReason.LOCK)
    await works_on_it(office, first, S.CANCELED)
    await stage.to(31)
    done = (await office.end(other)).order
    assert (done.state, done.hold) == (S.COMPLETED, None)


async def works_on_it(office: Office, ident: str, state: OrderState) -> None:
    """An order is there whose run is somewhere else, such as on a worker that is cut off."""
    await office.stage.rig.store.write(lambda tx: tx.orders.put(replace(tx.orders.get(ident), state=state)))


async def test_a_forced_extension_puts_an_order_on_hold_and_it_comes_back(office, stage):
    news = await stage.book("News", start=NOON - HOUR, minutes=60, pre=0, post=0)
    ident = await office.make(provision())
    await office.orders.schedule(LOCAL, ident, None, Time(NOON, HOUR))
    await stage.to(-600)
    assert await stage.state(news) is State.ACTIVE
    with pytest.raises(Conflict) as conflict:
        await stage.app.bookings.extend(LOCAL, news, None, by_us=20 * MINUTE)
    assert {one.name for one in conflict.value.losing} == {"Order"}
    await stage.app.bookings.extend(LOCAL, news, None, by_us=20 * MINUTE, force=True)
    held = (await office.orders.get(LOCAL, ident)).order
    assert (held.state, held.hold) == (S.SCHEDULED, HoldReason.CAPACITY)
    await stage.to(60)
    waiting = (await office.orders.get(LOCAL, ident)).order
    assert (waiting.hold, "enc-1" in waiting.why, "News" in waiting.why) == (HoldReason.CAPACITY, True, True)
    await stage.to(20 * 60 + 31)
    assert (await office.end(ident)).order.state is S.COMPLETED
