# SPDX-License-Identifier: Apache-2.0
"""What screens and programs read of an order: facts put together, never stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from preroll.app.order_holding import carrier_of, is_canceling
from preroll.app.views import Offered, WithActions
from preroll.domain.booking import Booking
from preroll.domain.boundaries import OPEN, Boundary, BoundaryState, Kind
from preroll.domain.deployment import JournalStep, part_end, parts_in, phase_of, wheres
from preroll.domain.errors import ActionNotPossible, NotFound, require_seen
from preroll.domain.order import OrderPhase, OrderState
from preroll.domain.order_actions import (
    ORDER_ACTIONS,
    require_order_action,
    why_not_here,
    why_not_order,
    why_not_yours,
)
from preroll.domain.ordered import Order, Plan
from preroll.domain.permission import Actor, allows, permit
from preroll.ports.rows import StepState
from preroll.ports.store import RunRow, StepRow, Tx


@dataclass(frozen=True, slots=True)
class ItemEnd:
    """Where one item of an order is."""

    state: OrderState
    message: str = ""
    """Why it failed."""


@dataclass(frozen=True, slots=True)
class Question:
    """A device of which nothing tells whether it has the old or the new."""

    node: str
    """``item/label``."""
    device: str
    """Name of the resource."""
    about: str
    """What could not be done there."""


@dataclass(frozen=True, slots=True)
class OrderDetails(WithActions):
    """An order with all that a screen shows of it."""

    order: Order
    platform: str
    """Name."""
    actions: tuple[Offered, ...]
    """Every action, in the order of the table, and why it is not possible now."""
    plan: Plan | None = None
    """Of its last good check; None: there was none since it was edited."""
    phase: OrderPhase | None = None
    """How far one In Progress is."""
    checking: bool = False
    """Its plan is being made."""
    canceling: bool = False
    """It was canceled while In Progress, and what it has written is being undone."""
    items: Mapping[str, ItemEnd] = field(default_factory=dict)
    """Name of each item -> where it is."""
    residue: Mapping[str, str] = field(default_factory=dict)
    """Node -> what is left on its device; empty: nothing."""
    run: str = ""
    """Id of its newest deployment; empty: it was never begun."""
    unapproved: bool = False
    """Somebody other than who ordered it must approve it before it is deployed."""
    questions: tuple[Question, ...] = ()
    """What it asks an operator before it goes on."""
    answer_by_us: int | None = None
    """Then it fails, if nobody has answered."""


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """An order with how far it is: what a list says of it."""

    order: Order
    phase: OrderPhase | None = None
    canceling: bool = False
    items: Mapping[str, ItemEnd] = field(default_factory=dict)


def visible(tx: Tx, by: Actor, ident: str, action: str = "view", *, hidden: bool = False) -> Order:
    """An order by id.

    Raises:
        NotFound: it is unknown, or out of sight. NotPermitted.
    """
    found = tx.orders.get(ident, hidden=hidden)
    if not by.sees(found.platform, found.scopes):
        raise NotFound("order", ident)
    permit(by, action, found.platform)
    return found


def order_details(tx: Tx, order: Order) -> OrderDetails:
    """Put an order's details together."""
    home, carrier = tx.platforms.by_key(order.platform), carrier_of(tx, order)
    approves = home.config.asks_approval
    boundaries = tx.boundaries.of(carrier.key) if carrier else []
    run = newest(tx, carrier) if carrier else None
    waits = _waiting(order) is not None
    moving = carrier is not None and order.state is OrderState.IN_PROGRESS and not waits
    phase = order.phase if waits else None
    if carrier and moving:
        phase = _phases(tx, [carrier], {order.id: run} if run else {})[order.id]
    said = run.returned if run else {}
    return OrderDetails(
        order, home.name,
        tuple(
            Offered(name, why_not_order(order.state, name, phase) or why_not_here(order, name, approves=approves)[0])
            for name in ORDER_ACTIONS
        ),
        tx.orders.plan(order.key), phase,
        checking=any(b.kind is Kind.CHECK and b.state in OPEN for b in boundaries),
        canceling=order.state is OrderState.IN_PROGRESS and carrier is not None and is_canceling(carrier),
        items=_items(order, said),
        residue=_residue(tx, order, carrier, said) if carrier else {},
        run=run.id if run else "",
        unapproved=home.config.approve_orders and not approved(order),
        questions=questions_of(tx, order, carrier) if carrier else (),
        answer_by_us=answer_by(carrier) if carrier and waits else None,
    )  # fmt: skip


def acted_on(tx: Tx, by: Actor, ident: str, seen: int | None, action: str) -> Order:
    """An order with which somebody does something now.

    Raises:
        NotFound, NotPermitted, ActionNotPossible. Stale: ``seen`` is not its revision any more; None skips that guard.
    """
    order = visible(tx, by, ident, f"order.{action}")
    require_seen(f"order {ident}", seen, order.revision)
    _require_possible(tx, by, order, action)
    return order


def _require_possible(tx: Tx, by: Actor, order: Order, action: str) -> None:
    """Refuse what the tables, its items or its platform do not admit now.

    Raises:
        ActionNotPossible: with the reason, and what this actor could do instead.
    """

    def possible() -> list[str]:
        return [
            name
            for name in order_details(tx, order).possible
            if allows(by, "order.create" if name == "clone" else f"order.{name}", order.platform)
            and not why_not_yours(order, name, by.name)[0]
        ]

    require_order_action(order.state, action, order.phase, possible)
    reason, instead = why_not_here(order, action, approves=tx.platforms.by_key(order.platform).config.asks_approval)
    if reason:
        raise ActionNotPossible(f"{action} is not possible: {reason}", hint=instead)


def answer_by(carrier: Booking) -> int | None:
    """When an operator is asked no longer."""
    until = carrier.properties.get(UNTIL)
    return until if isinstance(until, int) else None


def progress_of(tx: Tx, orders: Sequence[Order]) -> list[OrderProgress]:
    """How far each of these is, in a number of queries that does not grow with theirs."""
    moving = [order for order in orders if order.state in (OrderState.IN_PROGRESS, OrderState.FAILED_DEPLOY)]
    carriers = {one.id: one for one in tx.bookings.several({order.id for order in moving})} if moving else {}
    keys = [one.key for one in carriers.values()]
    runs = tx.records.newest(keys, Kind.ORDER) if keys else {}
    under_way = [carriers[o.id] for o in moving if o.state is OrderState.IN_PROGRESS and o.id in carriers]
    phases = _phases(tx, under_way, runs)
    return [
        OrderProgress(
            order, _waiting(order) or phases.get(order.id), order.id in phases and is_canceling(carriers[order.id]),
            _items(order, runs[order.id].returned if order.id in runs else {}),
        )
        for order in orders
    ]  # fmt: skip


def _waiting(order: Order) -> OrderPhase | None:
    return order.phase if order.phase is OrderPhase.AWAITING_OPERATOR else None


def _phases(tx: Tx, carriers: Sequence[Booking], runs: Mapping[str, RunRow]) -> dict[str, OrderPhase]:
    """Id of each order In Progress -> how far it is."""
    if not carriers:
        return {}
    boundaries = tx.boundaries.of_all([one.key for one in carriers])
    steps: dict[str, list[JournalStep]] = {}
    for one in tx.records.steps([runs[carrier.id].id for carrier in carriers if carrier.id in runs]):
        steps.setdefault(one.run, []).append(as_journalled(one))
    workers = {b.worker for found in boundaries.values() for b in found if _is_running(b)}
    gone = {worker for worker in workers if tx.workers.gone(worker)}
    return {
        carrier.id: phase_of(
            steps.get(runs[carrier.id].id, ()) if carrier.id in runs else (),
            lost=any(_is_running(b) and b.worker in gone for b in boundaries.get(carrier.key, ())),
        )
        for carrier in carriers
    }


def approved(order: Order) -> bool:
    """Has somebody else approved it with the plan that it has?"""
    return any(one.by != order.created_by and one.plan == order.plan for one in order.approvals)


def newest(tx: Tx, carrier: Booking, kind: Kind = Kind.ORDER) -> RunRow | None:
    """The newest run of an order: of its deployment, or of its check."""
    return next((run for run in reversed(tx.records.runs(carrier.key)) if run.kind is kind), None)


def steps_of(tx: Tx, carrier: Booking) -> list[JournalStep]:
    """The steps of an order's newest deployment."""
    run = newest(tx, carrier)
    return journalled(tx, run.id) if run else []


def newest_with_steps(tx: Tx, carrier: Booking) -> RunRow | None:
    """The newest deployment of an order that has written something down."""
    runs = [run for run in tx.records.runs(carrier.key) if run.kind is Kind.ORDER]
    having = {step.run for step in tx.records.steps([run.id for run in runs])}
    return next((run for run in reversed(runs) if run.id in having), None)


def journalled(tx: Tx, run: str) -> list[JournalStep]:
    """The steps of a run, with those of the same run before an operator had it go on; each as it was last."""
    return [as_journalled(step) for step in tx.records.lives([run])().get(run, ())]


def questions_of(tx: Tx, order: Order, carrier: Booking) -> tuple[Question, ...]:
    """What an order asks an operator."""
    run = newest_with_steps(tx, carrier) if order.phase is OrderPhase.AWAITING_OPERATOR else None
    if run is None:
        return ()
    steps = journalled(tx, run.id)
    names = wheres(steps)
    ends = [part_end(steps, part) for part in parts_in(steps)]
    return tuple(
        Question(label, names.get(label, ""), end.residue[label]) for end in ends for label in end.unknown
    )  # fmt: skip


def as_journalled(step: StepRow) -> JournalStep:
    """A step as far as what tells how a deployment stands looks at it."""
    return JournalStep(step.name, step.state is StepState.DONE, step.result, step.error)


def _is_running(boundary: Boundary) -> bool:
    return boundary.kind is Kind.ORDER and boundary.state is BoundaryState.RUNNING


UNTIL = "answer_by"
"""Where the booking that carries an order keeps when an operator is asked no longer."""


def _residue(tx: Tx, order: Order, carrier: Booking, said: Mapping[str, object]) -> Mapping[str, str]:
    """As its newest run has listed it; where it was given up without a run, as the journal has it."""
    listed = said.get("residue")
    if isinstance(listed, Mapping):
        return dict(listed)
    run = newest_with_steps(tx, carrier) if order.state is OrderState.FAILED_DEPLOY else None
    steps = journalled(tx, run.id) if run else []
    return {label: why for part in parts_in(steps) for label, why in part_end(steps, part).residue.items()}


def _items(order: Order, said: Mapping[str, object]) -> dict[str, ItemEnd]:
    """Each on its own, where they ended on their own; else as the order is."""
    ends = said.get("items")
    ends = ends if isinstance(ends, Mapping) and order.state is OrderState.FAILED_DEPLOY else {}
    found = {}
    for item in order.items:
        end = ends.get(item.name)
        if isinstance(end, Mapping):
            found[item.name] = ItemEnd(OrderState(str(end["state"])), str(end["message"]))
        else:
            found[item.name] = ItemEnd(order.state)
    return found
