# SPDX-License-Identifier: Apache-2.0
"""Service orders and services: every row, every refusal, and a search through both tables together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations_with_replacement, product
from typing import NamedTuple

import pytest

from preroll.domain.errors import ActionNotPossible, TransitionNotAllowed
from preroll.domain.machine import Outcome
from preroll.domain.order import (
    DECIDED,
    EDITABLE,
    HOLDING,
    LATEST_START,
    ORDER,
    PHASE,
    UNTOUCHED,
    HoldReason,
    OrderItem,
    OrderKind,
    OrderPhase,
    OrderState,
    OrderTrigger,
    PhaseTrigger,
    due,
    in_turn,
    item_mistakes,
)
from preroll.domain.order_actions import (
    ORDER_ACTIONS,
    possible_order_actions,
    require_order_action,
    why_not_order,
)
from preroll.domain.service_instance import (
    EXISTS,
    PROVISIONED,
    Provisioned,
    ServiceTrigger,
    admits,
    after_order,
    possible_orders,
    triggered,
)

S, T, P = OrderState, OrderTrigger, Provisioned
FINAL = frozenset({S.COMPLETED, S.CANCELED})


def test_the_states_are_the_seeds_and_canceled() -> None:
    assert [state.value for state in ORDER.states] == [
        "Requested", "Scheduled", "In Progress", "Completed", "Invalid", "Failed Deploy", "Canceled",
    ]  # fmt: skip
    assert ORDER.initial is S.REQUESTED
    assert ORDER.terminal == FINAL
    assert {S.SCHEDULED, S.IN_PROGRESS} == HOLDING
    assert {S.REQUESTED, S.INVALID} == EDITABLE


@pytest.mark.parametrize(("state", "trigger"), list(product(S, T)))
def test_what_the_table_does_not_list_is_refused_with_what_is_possible(state: S, trigger: T) -> None:
    if ORDER.may(state, trigger):
        assert ORDER.fire(state, trigger) in S
        return
    with pytest.raises(TransitionNotAllowed) as refused:
        ORDER.fire(state, trigger)
    assert refused.value.possible == ORDER.possible(state)


def test_invalid_is_only_reached_before_a_device_was_touched() -> None:
    into = {edge.trigger for edge in ORDER if S.INVALID in (edge.ok, edge.failed)}
    assert into == {T.CHECK, T.STALE, T.REJECT}
    again = [edge for edge in PHASE if {edge.ok, edge.failed} & UNTOUCHED]
    assert again == [], "what was written to is never looked at as untouched again"


@pytest.mark.parametrize("state", list(S))
def test_actions_agree_with_the_machine(state: S) -> None:
    for name, action in ORDER_ACTIONS.items():
        listed = action.trigger is not None and ORDER.may(state, action.trigger)
        phase = OrderPhase.AWAITING_OPERATOR if name == "answer" else None
        assert (why_not_order(state, name, phase) == "") is (listed or state in action.also)
    people = {a.trigger for a in ORDER_ACTIONS.values() if a.trigger}
    assert people <= set(T)


@pytest.mark.parametrize(("state", "action"), list(product(S, ORDER_ACTIONS)))
def test_an_action_is_carried_out_or_refused_with_what_is_possible(state: S, action: str) -> None:
    if action in possible_order_actions(state):
        require_order_action(state, action)
        return
    with pytest.raises(ActionNotPossible) as refused:
        require_order_action(state, action)
    assert state.value in str(refused.value)
    assert f"possible now: {', '.join(possible_order_actions(state))}" in refused.value.hint


def test_beyond_the_point_of_no_return_nothing_is_canceled() -> None:
    require_order_action(S.IN_PROGRESS, "cancel", OrderPhase.APPLYING)
    with pytest.raises(ActionNotPossible, match="point of no return"):
        require_order_action(S.IN_PROGRESS, "cancel", OrderPhase.CONFIRMING)
    assert not any(PHASE.may(phase, PhaseTrigger.CANCEL) for phase in DECIDED | UNTOUCHED)


def test_what_was_lost_goes_forward_when_it_was_decided_else_back() -> None:
    assert all(PHASE.may(p, PhaseTrigger.LOSE) for p in set(OrderPhase) - {P_INTERRUPTED, P_AWAITING})
    assert PHASE.fire(P_INTERRUPTED, PhaseTrigger.RESUME) is OrderPhase.CONFIRMING
    assert PHASE.fire(P_INTERRUPTED, PhaseTrigger.RESUME, Outcome.FAILED) is OrderPhase.ROLLING_BACK


P_INTERRUPTED, P_AWAITING = OrderPhase.INTERRUPTED, OrderPhase.AWAITING_OPERATOR


def test_what_a_service_admits() -> None:
    kinds = OrderKind
    assert possible_orders(P.NONE) == (kinds.PROVISION,)
    assert possible_orders(P.DEPLOYED) == tuple(k for k in kinds if k is not kinds.PROVISION)
    assert possible_orders(P.FAIL_DEPLOY) == (kinds.DECOMMISSION, kinds.REDEPLOY, kinds.VALIDATE)
    assert possible_orders(P.DECOMMISSIONED) == ()
    assert PROVISIONED.terminal == {P.DECOMMISSIONED}
    assert {P.DEPLOYED, P.FAIL_DEPLOY} == EXISTS


@pytest.mark.parametrize(
    ("before", "kind", "ended", "after"),
    [
        (P.NONE, OrderKind.PROVISION, S.COMPLETED, P.DEPLOYED),
        (P.NONE, OrderKind.PROVISION, S.FAILED_DEPLOY, P.NONE),
        (P.NONE, OrderKind.PROVISION, S.INVALID, P.NONE),
        (P.DEPLOYED, OrderKind.MODIFY, S.COMPLETED, P.DEPLOYED),
        (P.DEPLOYED, OrderKind.MODIFY, S.FAILED_DEPLOY, P.FAIL_DEPLOY),
        (P.DEPLOYED, OrderKind.MODIFY, S.INVALID, P.DEPLOYED),
        (P.DEPLOYED, OrderKind.MODIFY, S.CANCELED, P.DEPLOYED),
        (P.FAIL_DEPLOY, OrderKind.MODIFY, S.COMPLETED, P.DEPLOYED),
        (P.FAIL_DEPLOY, OrderKind.REDEPLOY, S.COMPLETED, P.DEPLOYED),
        (P.FAIL_DEPLOY, OrderKind.REDEPLOY, S.FAILED_DEPLOY, P.FAIL_DEPLOY),
        (P.DEPLOYED, OrderKind.REDEPLOY, S.FAILED_DEPLOY, P.FAIL_DEPLOY),
        (P.FAIL_DEPLOY, OrderKind.DECOMMISSION, S.COMPLETED, P.DECOMMISSIONED),
        (P.DEPLOYED, OrderKind.DECOMMISSION, S.FAILED_DEPLOY, P.FAIL_DEPLOY),
        (P.DEPLOYED, OrderKind.DEACTIVATE, S.FAILED_DEPLOY, P.FAIL_DEPLOY),
        (P.FAIL_DEPLOY, OrderKind.VALIDATE, S.COMPLETED, P.FAIL_DEPLOY),
    ],
)
def test_what_the_end_of_an_order_does_to_its_service(before: P, kind: OrderKind, ended: S, after: P) -> None:
    assert after_order(before, kind, ended) is after


def test_an_order_that_a_service_does_not_admit_never_moves_it() -> None:
    with pytest.raises(TransitionNotAllowed):
        after_order(P.FAIL_DEPLOY, OrderKind.ACTIVATE, S.COMPLETED)
    assert triggered(OrderKind.MODIFY, P.FAIL_DEPLOY) is ServiceTrigger.RETRY
    assert triggered(OrderKind.MODIFY, P.DECOMMISSIONED) is None
    assert triggered(OrderKind.VALIDATE, P.DEPLOYED) is None


def test_a_due_order_begins_waits_or_is_over() -> None:
    assert due(0, LATEST_START, (), stale=False).trigger is T.BEGIN
    assert due(LATEST_START, LATEST_START, (), stale=False).trigger is T.BEGIN
    assert due(LATEST_START + 1, LATEST_START, {HoldReason.APPROVAL}, stale=True).trigger is T.MISS
    assert due(0, LATEST_START, (), stale=True).trigger is T.STALE
    held = due(0, LATEST_START, {HoldReason.CAPACITY, HoldReason.APPROVAL}, stale=False)
    assert (held.trigger, held.hold) == (T.HOLD, HoldReason.APPROVAL)
    locked = due(0, LATEST_START, {HoldReason.LOCK}, stale=True)
    assert locked.hold is HoldReason.LOCK, "who works on the service now may yet put it back as it was"


def test_items_are_applied_after_what_they_depend_on() -> None:
    first, second = OrderItem("a", OrderKind.MODIFY, "s1", after=("b",)), OrderItem("b", OrderKind.PROVISION, "s2")
    assert [item.name for item in in_turn([first, second])] == ["b", "a"]
    assert item_mistakes([first, second]) == []
    circle = item_mistakes([first, replace(second, after=("a",))])
    assert [m.where for m in circle] == ["items"]
    assert "wait for each other" in circle[0].what
    unknown = item_mistakes([replace(first, after=("c",))])
    assert [(m.where, m.what) for m in unknown] == [("items.0.after", "there is no item c")]
    twice = item_mistakes([second, second])
    assert {m.where for m in twice} == {"items.0.name", "items.1.name", "items.0.service", "items.1.service"}
    assert item_mistakes([])[0].what == "are none"


class Order(NamedTuple):
    """One order of the search."""

    kind: OrderKind
    state: S = S.REQUESTED
    phase: OrderPhase | None = None
    base: int = 0


class World(NamedTuple):
    """Two orders on one service."""

    service: P
    revision: int
    failed_by: int
    """Which order put it into Fail Deploy; -1: none."""
    orders: tuple[Order, ...]


def _with(world: World, index: int, order: Order) -> World:
    return world._replace(orders=(*world.orders[:index], order, *world.orders[index + 1 :]))


def _ended(world: World, index: int, trigger: T, outcome: Outcome = Outcome.OK) -> World:
    """The order has ended: its service follows in the same step, and cannot refuse to."""
    order = world.orders[index]
    state = ORDER.fire(order.state, trigger, outcome)
    service = after_order(world.service, order.kind, state)
    failed = state is S.FAILED_DEPLOY and service is P.FAIL_DEPLOY
    moved = state is S.COMPLETED and order.kind is not OrderKind.VALIDATE
    after = _with(world, index, order._replace(state=state, phase=None))
    return after._replace(
        service=service, revision=min(world.revision + moved, 1), failed_by=index if failed else world.failed_by
    )


def _current(world: World, order: Order, index: int) -> bool:
    own_failure = world.failed_by == index and triggered(order.kind, world.service) is not None
    return order.base == world.revision and (admits(world.service, order.kind) or own_failure)


def _steps(world: World) -> Iterator[World]:
    for index, order in enumerate(world.orders):
        yield from _asked(world, index, order)
        if order.state is S.SCHEDULED:
            yield from _at_its_time(world, index, order)
        if order.state is S.IN_PROGRESS:
            yield from _running(world, index, order)


def _asked(world: World, index: int, order: Order) -> Iterator[World]:
    for trigger in (T.EDIT, T.SCHEDULE, T.RESCHEDULE, T.UNSCHEDULE, T.CANCEL):
        if ORDER.may(order.state, trigger):
            base = world.revision if trigger is T.EDIT else order.base
            yield _with(world, index, order._replace(state=ORDER.fire(order.state, trigger), base=base))
    if ORDER.may(order.state, T.CHECK):
        yield _with(world, index, order._replace(state=ORDER.fire(order.state, T.CHECK, Outcome.FAILED)))
    if ORDER.may(order.state, T.RETRY) and _current(world, order, index):
        yield _with(world, index, order._replace(state=ORDER.fire(order.state, T.RETRY)))


def _at_its_time(world: World, index: int, order: Order) -> Iterator[World]:
    locked = {HoldReason.LOCK} if any(o.state is S.IN_PROGRESS for o in world.orders) else set[HoldReason]()
    for now, blocked in product((0, LATEST_START + 1), (locked, locked | {HoldReason.APPROVAL})):
        found = due(now, LATEST_START, blocked, stale=not _current(world, order, index))
        state = ORDER.fire(order.state, found.trigger)
        phase = PHASE.initial if found.trigger is T.BEGIN else None
        yield _with(world, index, order._replace(state=state, phase=phase))


def _running(world: World, index: int, order: Order) -> Iterator[World]:
    phase = order.phase
    assert phase is not None
    for trigger in PHASE.possible(phase):
        edge = PHASE.edges[phase, trigger]
        for after in filter(None, (edge.ok, edge.failed)):
            yield _with(world, index, order._replace(phase=after))
    if phase in UNTOUCHED:
        yield _ended(world, index, T.REJECT)
        yield _ended(world, index, T.END, Outcome.FAILED)
        yield _ended(world, index, T.END)
    if phase in DECIDED:
        yield _ended(world, index, T.END)
    if phase is OrderPhase.ROLLING_BACK:
        yield _ended(world, index, T.END, Outcome.FAILED)
        yield _ended(world, index, T.STOPPED)
    if phase is OrderPhase.AWAITING_OPERATOR:
        yield _ended(world, index, T.GIVE_UP)


def _explored(first: World) -> dict[World, set[World]]:
    ways: dict[World, set[World]] = {}
    todo = [first]
    while todo:
        world = todo.pop()
        if world not in ways:
            ways[world] = set(_steps(world))
            todo += ways[world]
    return ways


KINDS = (OrderKind.PROVISION, OrderKind.MODIFY, OrderKind.DECOMMISSION, OrderKind.REDEPLOY, OrderKind.VALIDATE)


@pytest.mark.parametrize(("first", "second"), list(combinations_with_replacement(KINDS, 2)))
def test_two_orders_on_one_service_never_get_stuck(first: OrderKind, second: OrderKind) -> None:
    """Whatever order things happen in, with a worker lost in any phase: no dead end, and the invariants hold."""
    for service in (P.NONE, P.DEPLOYED, P.FAIL_DEPLOY):
        ways = _explored(World(service, 0, -1, (Order(first), Order(second))))
        for world, following in ways.items():
            running = [o for o in world.orders if o.state is S.IN_PROGRESS]
            assert len(running) <= 1, f"two runs on one service: {world}"
            for after in following:
                for was, now in zip(world.orders, after.orders, strict=True):
                    assert was.state not in FINAL or now.state is was.state, f"a final order moved: {world} -> {after}"
            both = first is second is OrderKind.VALIDATE
            assert world.service is service or not both, "an audit never moves a service"
        ends = {world for world in ways if all(o.state in FINAL for o in world.orders)}
        assert ends, "no order can reach a final state"
        assert _able_to_reach(ends, ways) == ways.keys(), "a dead end"


def _able_to_reach(ends: set[World], ways: dict[World, set[World]]) -> set[World]:
    back: dict[World, set[World]] = {}
    for world, following in ways.items():
        for after in following:
            back.setdefault(after, set()).add(world)
    found, todo = set(ends), list(ends)
    while todo:
        for before in back.get(todo.pop(), set()) - found:
            found.add(before)
            todo.append(before)
    return found
