# SPDX-License-Identifier: Apache-2.0
"""Service orders before they are deployed: what people can do with them, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.order_questions import Answer, OrderQuestions
from preroll.app.orders import NewOrder, OrderEdit, Time
from preroll.app.taking_over import TakingOver
from preroll.domain.booking import State
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.errors import ActionNotPossible, Conflict, Invalid, NameInUse, NotFound, NotPermitted, Stale
from preroll.domain.order import HoldReason, OrderItem, OrderKind, OrderState
from preroll.domain.order_actions import ORDER_ACTIONS
from preroll.domain.ordered import Plan
from preroll.domain.permission import LOCAL, Actor
from preroll.domain.resource import Resource
from preroll.domain.window import DAY, HOUR, SECOND
from preroll.ports.lists import BookingFilter
from preroll.ports.orders import OrderFilter
from tests.builders import NOON

S = OrderState
EVE = Actor("eve", frozenset({"operator"}))
PIA = Actor("pia", frozenset({"provisioner"}))


def line(resource: str | None = "enc-1", name: str = "Line to B", item: str = "line") -> OrderItem:
    nodes = {"Encoder": {"resource": resource, "values": {"bitrate": 5}}} if resource else {}
    return OrderItem(item, OrderKind.PROVISION, "", values={"definition": "Contribution", "name": name, "nodes": nodes})


def new(*items: OrderItem, **changes: object) -> NewOrder:
    return replace(NewOrder("default", "Order", items or (line(),)), **changes)


@pytest.fixture
def orders(stage):
    return stage.app.orders


async def test_an_order_is_requested_edited_cloned_and_canceled(stage, orders):
    made = (await orders.create(LOCAL, new())).order
    assert (made.state, bool(made.items[0].service), made.items[0].base) == (S.REQUESTED, True, None)
    edited = (await orders.edit(LOCAL, made.id, made.revision, OrderEdit(priority=3))).order
    assert (edited.priority, edited.items, edited.revision) == (3, made.items, 2)
    again = (await orders.clone(LOCAL, made.id)).order
    assert (again.clone_of, again.items[0].service == made.items[0].service) == (made.id, False)
    ended = (await orders.cancel(LOCAL, made.id, 2, "not wanted")).order
    assert ended.state is S.CANCELED
    assert (await orders.page(LOCAL, OrderFilter(), None, 10)).items == (again, ended)
    told = await orders.history(LOCAL, made.id)
    assert [(c.kind, c.before, c.after) for c in told] == [
        ("order.created", "", "Requested"), ("order.edited", "Requested", "Requested"),
        ("order.state", "Requested", "Canceled"),
    ]  # fmt: skip
    await orders.delete(LOCAL, made.id, None)
    with pytest.raises(NotFound):
        await orders.get(LOCAL, made.id)


async def test_open_nodes_take_the_best_resource_and_names_become_ids(stage, orders):
    able = Resource("enc-7", function="encoding", address={"device": "enc-7"})
    chosen = ServiceDefinition("Chosen", nodes=(Node("Encoder", function="encoding"),))
    await stage.app.catalogue.apply(LOCAL, "default", [able, chosen])
    open_node = OrderItem("line", OrderKind.PROVISION, "", values={"definition": "Chosen"})
    made = (await orders.create(LOCAL, new(open_node))).order
    (chosen,) = [r for r in await encoders(stage) if r.id == made.items[0].values["nodes"]["Encoder"]["resource"]]
    assert (chosen.name, made.items[0].values["name"]) == ("enc-7", "Order")
    named = (await orders.create(LOCAL, new(line("enc-2")))).order
    (chosen,) = [r for r in await encoders(stage) if r.id == named.items[0].values["nodes"]["Encoder"]["resource"]]
    assert chosen.name == "enc-2"


async def encoders(stage):
    return await stage.rig.store.read(lambda tx: tx.catalogue.resources(1))


WRONG = {
    "no name": (new(name=" "), "name"),
    "no items": (NewOrder("default", "A", ()), "items"),
    "no definition": (new(OrderItem("x", OrderKind.PROVISION, "", values={})), "items.0.values.definition"),
    "unknown definition": (
        new(OrderItem("x", OrderKind.PROVISION, "", values={"definition": "Nope"})), "items.0.values.definition",
    ),
    "unknown node": (
        new(replace(line(), values={"definition": "Contribution", "nodes": {"Muxer": {}}})),
        "items.0.values.nodes.Muxer",
    ),
    "no resource": (new(line(None)), "items.0.values.nodes.Encoder.resource"),
    "unknown resource": (new(line("enc-9")), "items.0.values.nodes.Encoder.resource"),
    "a value out of range": (
        new(replace(line(), values={"definition": "Contribution", "nodes": {"Encoder": {"values": {"bitrate": -1}}}})),
        "items.0.values.nodes.Encoder.values.bitrate",
    ),
    "no service": (new(OrderItem("x", OrderKind.MODIFY, "none")), "items.0.service"),
    "unknown value": (new(OrderItem("x", OrderKind.DECOMMISSION, "none", values={"a": 1})), "items.0.values.a"),
    "not a mapping": (
        new(OrderItem("x", OrderKind.PROVISION, "", values={"definition": "Contribution", "nodes": 3})),
        "items.0.values.nodes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_wrong_is_told_with_its_place_and_nothing_is_stored(orders, what):
    given, where = WRONG[what]
    with pytest.raises(Invalid) as refused:
        await orders.create(LOCAL, given)
    assert where in [mistake.where for mistake in refused.value.mistakes]
    assert (await orders.page(LOCAL, OrderFilter())).items == ()


async def test_who_may_not_is_refused_and_a_lost_race_too(orders):
    with pytest.raises(NotPermitted):
        await orders.create(EVE, new())
    made = (await orders.create(LOCAL, new())).order
    with pytest.raises(Stale):
        await orders.edit(LOCAL, made.id, 9, OrderEdit(name="B"))
    hidden = (await orders.create(LOCAL, new(scopes=("sport",)))).order
    with pytest.raises(NotFound):
        await orders.get(EVE, hidden.id)
    assert (await orders.page(EVE, OrderFilter())).items == (made,)


async def test_a_scheduled_order_holds_its_resource_from_its_time_on(stage, orders):
    await stage.book("Before", start=NOON, minutes=60)
    made = (await orders.create(LOCAL, new())).order
    with pytest.raises(Conflict) as refused:
        await orders.schedule(LOCAL, made.id, None, Time(NOON))
    assert {clash.rival_name for clash in refused.value.clashes} == {"Before"}
    held = await orders.schedule(LOCAL, made.id, None, Time(NOON + 2 * HOUR))
    assert (held.order.state, held.order.due_us) == (S.SCHEDULED, NOON + 2 * HOUR)
    with pytest.raises(Conflict) as refused:
        await stage.book("After", start=NOON + 3 * HOUR)
    assert [clash.rival for clash in refused.value.clashes] == [made.id]
    listed = await stage.app.bookings.page(LOCAL, BookingFilter())
    assert [booking.name for booking in listed.items] == ["Before"]
    moved = await orders.reschedule(LOCAL, made.id, None, Time(NOON + DAY))
    assert moved.order.due_us == NOON + DAY
    await stage.book("After", start=NOON + 3 * HOUR)
    free = (await orders.unschedule(LOCAL, made.id, None)).order
    assert (free.state, free.due_us) == (S.REQUESTED, None)
    await stage.book("Later", start=NOON + 2 * DAY)


async def test_two_orders_cannot_make_services_of_one_name_at_once(stage, orders):
    booked = await stage.book("Line to B", start=NOON, encoder="enc-2")
    await stage.edit(booked, scopes=("sport",))
    made = (await orders.create(LOCAL, new())).order
    with pytest.raises(NameInUse) as refused:
        await orders.schedule(LOCAL, made.id, None, Time(NOON))
    (clash,) = refused.value.clashes
    assert (clash.rival, clash.rival_name, clash.why) == (booked, "Line to B", "is in use on enc-2")
    with pytest.raises(NameInUse, match="a booking that you may not see") as refused:
        await orders.schedule(PIA, made.id, None, Time(NOON))
    assert booked not in f"{refused.value} {refused.value.clashes}"


async def test_an_order_that_loses_its_resource_is_held_and_the_winner_has_it(stage, orders):
    made = (await orders.create(LOCAL, new())).order
    await orders.schedule(LOCAL, made.id, None, Time(NOON))
    booked = await stage.book("Final", start=NOON + HOUR, priority=5, force=True, confirm=False)
    held = (await orders.get(LOCAL, made.id)).order
    assert (held.state, held.hold) == (S.SCHEDULED, HoldReason.CAPACITY)
    assert (await stage.app.bookings.get(LOCAL, booked)).booking.state is State.PARTIAL
    assert [c.kind for c in await orders.history(LOCAL, made.id)][-1] == "order.held"


@pytest.mark.parametrize(
    ("time", "where"),
    [(Time(NOON - 2 * DAY), "at"), (Time(NOON + 1), "at"), (Time(NOON, latest_start_us=SECOND - 1), "latest_start")],
)
async def test_a_time_that_cannot_be_is_refused(orders, time, where):
    made = (await orders.create(LOCAL, new())).order
    with pytest.raises(Invalid) as refused:
        await orders.schedule(LOCAL, made.id, None, time)
    assert [mistake.where for mistake in refused.value.mistakes] == [where]
    assert (await orders.get(LOCAL, made.id)).order == made


async def test_nobody_approves_where_the_platform_asks_for_no_approval(orders):
    made = await orders.create(LOCAL, new())
    assert "approve" not in made.possible
    with pytest.raises(ActionNotPossible, match="the platform asks for no approval"):
        await orders.approve(EVE, made.order.id, None)


async def test_nobody_approves_an_order_of_his_own(stage, orders):
    await stage.configure(approve_orders=True)
    made = (await orders.create(LOCAL, new())).order
    with pytest.raises(ActionNotPossible, match="whoever ordered it"):
        await orders.approve(LOCAL, made.id, None)
    approved = (await orders.approve(EVE, made.id, None)).order
    assert [one.by for one in approved.approvals] == ["eve"]
    with pytest.raises(ActionNotPossible, match="already"):
        await orders.approve(EVE, made.id, None)
    edited = (await orders.edit(LOCAL, made.id, None, OrderEdit(name="B"))).order
    assert edited.approvals == ()


async def taken_over(orders, ident: str):
    await orders._store.write(lambda tx: tx.orders.keep_plan(tx.orders.get(ident).key, Plan("p")))
    return await TakingOver(orders._store).take_over(LOCAL, ident, None, "p", "it stands there already")


def call(orders, action: str, ident: str):
    extra = {"edit": (OrderEdit(),), "reschedule": (Time(NOON + HOUR),)}.get(action, ())
    by = EVE if action == "approve" else LOCAL
    if action == "clone":
        return orders.clone(by, ident)
    if action == "take-over":
        return taken_over(orders, ident)
    if action == "answer":
        return OrderQuestions(orders._store).answer(by, ident, None, Answer(give_up=True))
    return getattr(orders, action)(by, ident, None, *extra)


@pytest.mark.parametrize("action", ORDER_ACTIONS)
@pytest.mark.parametrize("state", [s for s in S if s is not S.IN_PROGRESS])
async def test_every_pair_of_state_and_action_is_as_the_table_says(stage, orders, state, action):
    await stage.configure(approve_orders=True)
    made = (await orders.create(LOCAL, new())).order
    await orders.schedule(LOCAL, made.id, None, Time(NOON))
    if state is not S.SCHEDULED:
        made = await orders_in(stage, made.id, state)
    possible = {one.name for one in (await orders.get(LOCAL, made.id)).actions if one.possible}
    assert possible == {name for name, row in ORDER_ACTIONS.items() if state in row.states}
    if state in ORDER_ACTIONS[action].states:
        if action == "take-over":
            await orders.approve(EVE, made.id, None)
        await call(orders, action, made.id)
        return
    with pytest.raises(ActionNotPossible) as refused:
        await call(orders, action, made.id)
    assert "possible now: " in refused.value.hint
    named = set(refused.value.hint.rpartition("possible now: ")[2].split(", "))
    if action == "approve":
        assert named <= {*possible, "nothing"}, "who approves may do less"
    else:
        assert named == possible - {"approve"}, "whoever ordered it cannot approve it"
    assert (await orders.get(LOCAL, made.id)).order.state is state


async def orders_in(stage, ident: str, state: OrderState):
    """The order in a state to which the engine would have brought it."""

    def unit(tx):
        order = tx.orders.get(ident)
        return tx.orders.put(replace(order, state=state, due_us=None))

    await stage.app.orders.unschedule(LOCAL, ident, None)
    return await stage.rig.store.write(unit)
