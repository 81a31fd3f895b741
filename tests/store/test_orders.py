# SPDX-License-Identifier: Apache-2.0
"""Service orders, their plans, and the services that they make; on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app import sight
from preroll.domain.booking import NodeChoice
from preroll.domain.changes import Change
from preroll.domain.errors import NameInUse, NotFound, Refused, Stale
from preroll.domain.order import HoldReason, OrderItem, OrderKind, OrderPhase, OrderState, Together
from preroll.domain.ordered import Approval, Order, Plan, PlannedDevice, Service, ServiceRevision
from preroll.domain.permission import LOCAL, Actor, Sight
from preroll.domain.service_instance import Provisioned
from preroll.ports.orders import OF_ORDERS, OF_SERVICES, OrderFilter, ServiceFilter, SortBy, Sorting

ITEMS = (
    OrderItem("line", OrderKind.PROVISION, "s1", None, (), {"rate": 5, "to": {"site": "B"}}),
    OrderItem("test", OrderKind.VALIDATE, "s2", 3, ("line",), needs=("s3", "s4")),
)
ORDER = Order(
    "Line to B", 1, ITEMS, OrderState.IN_PROGRESS, OrderPhase.APPLYING, HoldReason.CAPACITY, Together.BEST_EFFORT,
    5_000_000, 60, 7, "PO-17", "abc", (Approval("bert", 9, "abc"),), 2, "asked for", 77, "a slip", "o0",
    scopes=("sport",), created_by="anna",
)  # fmt: skip
PLAN = Plan("abc", (PlannedDevice("r1", (("/if/mtu", 1500, None), ("/if/name", None, {"a": [1]}))),))
SERVICE = Service(
    "Line", 1, 4, runs="START", deployed=1, last_good=1, id="s1", created_by="anna", scopes=("sport",), needs=("s7",)
)
FIRST = ServiceRevision(1, {"in": NodeChoice("r1", values={"rate": 5})}, {"club": "B"}, "o1", needs=("s7",))


@pytest.fixture
async def order(world) -> Order:
    return await world.store.write(lambda tx: tx.orders.add(ORDER))


@pytest.fixture
async def service(world) -> Service:
    return await world.store.write(lambda tx: tx.services.add(SERVICE, FIRST))


def listed(world, before: int | None = None, limit: int = 10, **where):
    return world.store.read(lambda tx: tx.orders.page(OrderFilter(**where), before, limit))


async def test_an_order_is_read_as_it_was_stored(world, order):
    now = world.clock.us
    assert order == replace(ORDER, id=order.id, key=order.key, created_us=now, changed_us=now)
    assert await world.store.read(lambda tx: tx.orders.get(order.id)) == order
    with pytest.raises(NotFound):
        await world.store.read(lambda tx: tx.orders.get("none"))


async def test_items_that_were_taken_back_are_not_taken_for_stored(world, order):
    changed = replace(order, items=ITEMS[:1])

    def taken_back(tx):
        tx.orders.put(changed)
        raise Refused("not so")

    with pytest.raises(Refused, match="not so"):
        await world.store.write(taken_back)
    await world.store.write(lambda tx: tx.orders.put(changed))
    assert (await world.store.read(lambda tx: tx.orders.get(order.id))).items == ITEMS[:1]


async def test_a_changed_order_has_other_items_and_needs_its_revision(world, order):
    world.clock.us += 5
    changed = replace(order, items=ITEMS[:1], state=OrderState.FAILED_DEPLOY, phase=None, hold=None, due_us=None)
    after = await world.store.write(lambda tx: tx.orders.put(changed))
    assert after == replace(changed, revision=2, changed_us=world.clock.us)
    assert await world.store.read(lambda tx: tx.orders.get(order.id)) == after
    with pytest.raises(Stale):
        await world.store.write(lambda tx: tx.orders.put(replace(order, items=())))
    assert await world.store.read(lambda tx: tx.orders.get(order.id)) == after


async def test_a_deleted_order_is_found_only_by_who_asks_for_it(world, order):
    await world.store.write(lambda tx: tx.orders.put(replace(order, hidden=True)))
    with pytest.raises(NotFound, match=order.id):
        await world.store.read(lambda tx: tx.orders.get(order.id))
    assert (await world.store.read(lambda tx: tx.orders.get(order.id, hidden=True))).hidden
    assert (await listed(world)).items == ()


async def test_orders_are_listed_newest_first_page_by_page(world):
    made = await world.store.write(lambda tx: [tx.orders.add(replace(ORDER, name=f"N{n}")) for n in range(5)])
    names, before = [], None
    while True:
        page = await listed(world, before, 2)
        names.append([one.name for one in page.items])
        if page.next is None:
            break
        before = page.next
    assert names == [["N4", "N3"], ["N2", "N1"], ["N0"]]
    assert (await listed(world)).items == tuple(reversed(made))


async def test_all_orders_of_a_filter_are_read_however_many_there_are(world, monkeypatch):
    monkeypatch.setattr("preroll.store.orders.AT_ONCE", 2)
    made = await world.store.write(lambda tx: [tx.orders.add(replace(ORDER, name=f"N{n}")) for n in range(5)])
    await world.store.write(lambda tx: tx.orders.add(replace(ORDER, items=())))
    assert await world.store.read(lambda tx: tx.orders.every(OrderFilter(service="s2"))) == list(reversed(made))
    assert await world.store.read(lambda tx: tx.orders.every(OrderFilter(service="s3"))) == []


async def test_orders_are_filtered(world, order):
    other = replace(ORDER, platform=2, state=OrderState.REQUESTED, items=(), external="", scopes=())
    await world.store.write(lambda tx: tx.orders.add(other))
    fitting = (
        {"platform": 1},
        {"states": frozenset({OrderState.IN_PROGRESS})},
        {"service": "s2"},
        {"external": "PO-17"},
        {"kinds": frozenset({OrderKind.VALIDATE, OrderKind.MODIFY})},
        {"text": "po-1"},
        {"sight": Sight(frozenset({1}), frozenset(), frozenset({"sport"}))},
    )
    for where in fitting:
        assert (await listed(world, **where)).items == (order,), where
    assert (await listed(world, sight=Sight(frozenset({1}), frozenset(), frozenset({"news"})))).items == ()
    assert (await listed(world, service="s3")).items == ()


async def test_orders_and_services_are_sorted_and_go_on_where_they_ended(world):
    def unit(tx):
        for n, name in enumerate(("Beta", "alpha", "Gamma_%")):
            tx.orders.add(replace(ORDER, name=name, due_us=None if n == 1 else 50 - n, state=OrderState.REQUESTED))
            tx.services.add(replace(SERVICE, id=f"s{n}", name=name, runs="START" if n else "STOP"), FIRST)

    await world.store.write(unit)

    async def names(shelf: str, where, by: SortBy, *, down: bool) -> list[str]:
        found, after = [], None
        while not found or after is not None:
            ask, place = Sorting(by, down), after
            page = await world.store.read(lambda tx: getattr(tx, shelf).sorted(where, ask, place, 2))  # noqa: B023
            found += [one.name for one in page.items]
            after = page.last
        return found

    orders, services = OrderFilter(), ServiceFilter()
    assert await names("orders", orders, SortBy.NAME, down=False) == ["alpha", "Beta", "Gamma_%"]
    assert await names("orders", orders, SortBy.DUE, down=False) == ["Gamma_%", "Beta", "alpha"]
    assert await names("orders", orders, SortBy.STATE, down=True) == ["Gamma_%", "alpha", "Beta"]
    assert await names("services", services, SortBy.NAME, down=True) == ["Gamma_%", "Beta", "alpha"]
    assert await names("services", services, SortBy.RUNS, down=True) == ["Beta", "Gamma_%", "alpha"]
    assert await names("services", ServiceFilter(text="ALP"), SortBy.CREATED, down=True) == ["alpha"]
    assert await names("orders", OrderFilter(text="_%"), SortBy.CREATED, down=True) == ["Gamma_%"]
    for shelf, kinds, where in (("orders", OF_ORDERS, orders), ("services", OF_SERVICES, services)):
        for by in kinds:
            assert len(await names(shelf, where, by, down=False)) == 3


async def test_counted_pages_tell_how_many_there_are(world, order, service):
    second = await world.store.write(lambda tx: tx.orders.add(replace(ORDER, state=OrderState.REQUESTED)))

    nobody = Sight(frozenset(), frozenset(), frozenset())
    started = OrderFilter(states=frozenset({OrderState.IN_PROGRESS}))
    asked = [(OrderFilter(), 0, 1), (OrderFilter(), 1, 9), (started, 1, 9), (OrderFilter(sight=nobody), 0, 9)]
    orders = await world.store.read(lambda tx: [tx.orders.listing(*one) for one in asked])
    assert orders == [(2, (second,)), (2, (order,)), (1, ()), (0, ())]
    running, idle = ServiceFilter(runs="START"), ServiceFilter(idle="START")
    services = await world.store.read(lambda tx: [tx.services.listing(where, 0, 9) for where in (running, idle)])
    assert services == [(1, (service,)), (0, ())]


async def test_an_order_has_one_plan(world, order):
    assert await world.store.read(lambda tx: tx.orders.plan(order.key)) is None
    await world.store.write(lambda tx: tx.orders.keep_plan(order.key, Plan("old")))
    await world.store.write(lambda tx: tx.orders.keep_plan(order.key, PLAN))
    found = await world.store.read(lambda tx: tx.orders.plan(order.key))
    assert found == replace(PLAN, at_us=world.clock.us)
    assert not found.empty
    assert Plan("x", (PlannedDevice("r1"),)).empty
    await world.store.write(lambda tx: tx.orders.keep_plan(order.key, None))
    assert await world.store.read(lambda tx: tx.orders.plan(order.key)) is None


async def test_a_service_is_read_as_it_was_stored(world, service):
    now = world.clock.us
    assert service == replace(SERVICE, key=service.key, created_us=now, changed_us=now)
    found = await world.store.read(lambda tx: (tx.services.get("s1"), tx.services.revisions(service.key)))
    assert found == (service, [replace(FIRST, at_us=now)])
    with pytest.raises(NotFound):
        await world.store.read(lambda tx: tx.services.get("none"))


async def test_a_changed_service_needs_its_revision(world, service):
    after = await world.store.write(lambda tx: tx.services.put(replace(service, deployed=None, desired=2)))
    assert await world.store.read(lambda tx: tx.services.get("s1")) == after == replace(
        service, deployed=None, desired=2, revision=2
    )  # fmt: skip
    with pytest.raises(Stale):
        await world.store.write(lambda tx: tx.services.put(service))


async def test_a_name_is_free_when_its_service_is_no_more(world, service):
    namesake = replace(SERVICE, id="s2", name="LINE")
    with pytest.raises(NameInUse, match="s1"):
        await world.store.write(lambda tx: tx.services.add(namesake, FIRST))
    await world.store.write(lambda tx: tx.services.add(replace(namesake, id="s3", platform=2), FIRST))
    gone = await world.store.write(lambda tx: tx.services.put(replace(service, state=Provisioned.DECOMMISSIONED)))
    await world.store.write(lambda tx: tx.services.add(namesake, FIRST))
    with pytest.raises(NameInUse):
        await world.store.write(lambda tx: tx.services.put(replace(gone, state=Provisioned.DEPLOYED)))


async def test_an_id_and_a_revision_number_are_given_once(world, service):
    with pytest.raises(Refused, match="s1"):
        await world.store.write(lambda tx: tx.services.add(replace(SERVICE, name="Other"), FIRST))
    with pytest.raises(Refused, match="revision 1"):
        await world.store.write(lambda tx: tx.services.revise(service.key, FIRST))
    made = (await world.store.write(lambda tx: tx.orders.add(ORDER))).id
    await world.store.write(lambda tx: tx.services.revise(service.key, ServiceRevision(2, order=made)))
    found = await world.store.read(lambda tx: tx.services.revisions(service.key))
    assert [(one.number, one.order, one.nodes) for one in found] == [(1, "o1", FIRST.nodes), (2, made, {})]
    assert [one.item for one in found] == ["", "line"], "the item of its order that is about this service"


async def test_several_services_are_stored_at_once_but_for_those_whose_name_or_id_is_taken(world, service):
    asked = [
        (replace(SERVICE, id="s2", name="Second"), FIRST),
        (replace(SERVICE, id="s3", name="LINE"), FIRST),
        (replace(SERVICE, id="s4", name="second"), FIRST),
        (replace(SERVICE, id="s1", name="Fourth"), FIRST),
        (replace(SERVICE, id="s5", name="Second", platform=2), ServiceRevision(1, order="o2")),
    ]
    added = await world.store.write(lambda tx: tx.services.add_all(asked))
    assert [one and (one.id, one.name, one.platform) for one in added] == [
        ("s2", "Second", 1), None, None, None, ("s5", "Second", 2)
    ]  # fmt: skip
    stored = await world.store.read(lambda tx: tx.services.several(["s2", "s3", "s4", "s5"]))
    assert stored == {one.id: one for one in added if one}
    of = await world.store.read(lambda tx: tx.services.revisions_of([one.key for one in added if one]))
    assert {key: [r.order for r in made] for key, made in of.items()} == {added[0].key: ["o1"], added[4].key: ["o2"]}
    assert await world.store.write(lambda tx: tx.services.add_all([])) == []


async def test_services_are_listed_by_state_and_to_who_sees_them(world, service):
    failed = replace(SERVICE, id="s2", name="Other", state=Provisioned.FAIL_DEPLOY, scopes=(), platform=2)
    failed = await world.store.write(lambda tx: tx.services.add(failed, FIRST))

    async def page(before: int | None = None, limit: int = 10, **where):
        return await world.store.read(lambda tx: tx.services.page(ServiceFilter(**where), before, limit))

    first = await page(limit=1)
    assert first.items == (failed,)
    assert (await page(first.next)).items == (service,)
    assert (await page(platform=1)).items == (service,)
    assert (await page(states=frozenset({Provisioned.FAIL_DEPLOY}))).items == (failed,)
    assert (await page(sight=Sight(frozenset({1, 2}), frozenset(), frozenset()))).items == (failed,)


async def test_changes_of_what_carries_scopes_are_told_only_to_who_has_one(world, order, service):
    subjects = [order.id, service.id, "public"]
    told = [
        Change(kind, subject, 1, "ann")
        for kind, subject in zip(("order.state", "service.state", "x"), subjects, strict=True)
    ]
    hers, his = (Actor("ann", frozenset({"viewer"}), scopes=frozenset({scope})) for scope in ("sport", "news"))
    assert await world.store.read(lambda tx: tx.services.scopes([service.id, "x"])) == {service.id: ("sport",)}
    for actor, knows in ((hers, subjects), (his, ["public"]), (LOCAL, subjects)):
        found = await world.store.read(lambda tx, actor=actor: sight.changes(tx, actor, told))
        assert [change.subject for change in found] == knows
    await world.store.write(lambda tx: tx.orders.put(replace(order, hidden=True)))
    assert await world.store.read(lambda tx: sight.changes(tx, his, told[:1])) == []


async def test_who_needs_a_service_is_found_while_it_exists(world, order, service):
    assert (await listed(world, needs="s4")).items == (order,)
    assert (await listed(world, needs="s")).items == ()
    needing = await world.store.read(lambda tx: tx.services.needing("s7"))
    assert [one.id for one in needing] == [service.id]
    assert await world.store.read(lambda tx: tx.services.several({"s1", "s2"})) == {"s1": service}
    await world.store.write(lambda tx: tx.services.put(replace(service, state=Provisioned.DECOMMISSIONED)))
    assert await world.store.read(lambda tx: tx.services.needing("s7")) == []
