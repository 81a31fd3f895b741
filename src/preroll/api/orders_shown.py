# SPDX-License-Identifier: Apache-2.0
"""Service orders as the API takes and shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from preroll.api.fields import Given, Instant, JsonObject, Length, Name, Queried, Shown, Word, maybe_when, when
from preroll.api.schemas import ActionShown, Force, Priority, Scopes
from preroll.app.order_questions import Answer
from preroll.app.orders import NewOrder, OrderDetails, OrderEdit, Time
from preroll.domain.deployment import Has
from preroll.domain.order import HoldReason, OrderItem, OrderKind, OrderPhase, OrderState, Together
from preroll.domain.ordered import Order, Plan
from preroll.domain.window import MINUTE, SECOND
from preroll.gate.paging import DEFAULT, MOST

Limit = Annotated[int, Field(ge=1, le=MOST)]
Cursor = Annotated[str | None, Field(max_length=200, description="`next` of the page before")]
LatestStart = Annotated[Length, Field(description="not begun so long after its time, it is Canceled")]
ItemName = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\w .-]+$", examples=["line"])]


class ItemGiven(Given):
    """One thing that an order does to one service."""

    name: ItemName
    kind: Annotated[OrderKind, Field(strict=False)]
    service: Word = Field(default="", description="id or name of the service; of a provision your own UUID, or empty")
    after: Annotated[list[ItemName], Field(max_length=100)] = Field(default=[], description="items that come first")
    values: JsonObject = Field(
        default={},
        description="provision: definition, version, name, nodes, properties; modify: nodes, properties; redeploy: "
        "revision (desired, last good, or a number); activate and deactivate: state",
        examples=[{"definition": "Contribution", "name": "Line to B", "nodes": {"Encoder": {"resource": "ENC 1"}}}],
    )

    needs: Annotated[list[Word], Field(max_length=100)] | None = Field(
        default=None,
        description="services that must be Deployed first, by id or name, or items of this order that make them; a "
        "provision's and a modify's become what the service needs; left out: what it needs already",
    )

    def item(self) -> OrderItem:
        """As the domain has it."""
        needs = None if self.needs is None else tuple(self.needs)
        return OrderItem(self.name, self.kind, self.service, None, tuple(self.after), self.values, needs)


Items = Annotated[list[ItemGiven], Field(min_length=1, max_length=100)]


class TimeGiven(Given):
    """When it is to be deployed."""

    at: Instant | None = Field(default=None, description="left out: now")
    latest_start: LatestStart | None = None
    force: Force = False

    def time(self) -> Time:
        """As the use case takes it."""
        return Time(self.at, self.latest_start, self.force)


class OrderGiven(Given):
    """A service order to be made."""

    name: Name = Field(examples=["Line to the stadium"])
    platform: Name = "default"
    items: Items
    together: Annotated[Together, Field(strict=False)] = Together.ATOMIC
    priority: Priority = 0
    latest_start: LatestStart = Field(default=15 * MINUTE, validate_default=False)
    external: Word = Field(default="", description="what you call it")
    scopes: Scopes = Field(default=[])
    deploy: TimeGiven | None = Field(
        default=None, description="it is Scheduled at once, or not kept; left out: it is Requested, and has no time yet"
    )

    def order(self) -> NewOrder:
        """As the use case takes it."""
        return NewOrder(
            self.platform, self.name, tuple(item.item() for item in self.items), self.together, self.priority,
            self.latest_start, self.external, tuple(self.scopes),
        )  # fmt: skip


class OrderEditGiven(Given):
    """What is to change; what is left out stays. Items are replaced as a whole."""

    name: Name | None = None
    items: Items | None = None
    together: Annotated[Together, Field(strict=False)] | None = None
    priority: Priority | None = None
    latest_start: LatestStart | None = None
    external: Word | None = None

    def edit(self) -> OrderEdit:
        """As the use case takes it."""
        items = None if self.items is None else tuple(item.item() for item in self.items)
        return OrderEdit(self.name, items, self.together, self.priority, self.latest_start, self.external)


class AnswerGiven(Given):
    """What an operator has found on the devices that an order asks about, or that nobody can tell."""

    has: dict[Word, Annotated[Has, Field(strict=False)]] = Field(
        default={}, max_length=1000, description="node, as the question names it -> `old` or `new`"
    )
    every: Annotated[Has, Field(strict=False)] | None = Field(default=None, description="of every device asked about")
    give_up: bool = Field(default=False, description="nobody can tell: the order has failed, the rest is listed")

    def answer(self) -> Answer:
        """As the use case takes it."""
        return Answer(self.has, self.every, self.give_up)


class TakeOverGiven(Given):
    """That what the devices have is what the order's services are to be."""

    plan: Word = Field(description="hash of the plan as it was seen")
    reason: Word = Field(description="kept in the change log")


class CloneGiven(Given):
    """How the clone differs."""

    name: Name | None = Field(default=None, description="default: the original's")


class OrdersQueried(Queried):
    """Which orders a list shows."""

    platform: Name | None = None
    state: Annotated[list[OrderState], Field(max_length=7)] = Field(default=[], description="repeat it for several")
    service: Word = Field(default="", description="only those with an item on this service, by its id")
    external: Word = ""
    cursor: Cursor = None
    limit: Limit = DEFAULT


class ItemShown(Shown):
    """One item of an order, and where it is."""

    name: str
    kind: OrderKind
    service: str
    base: int | None = Field(description="the revision that it begins from; null: the service did not exist")
    after: list[str]
    values: dict[str, Any]
    needs: list[str] | None = Field(description="ids of the services that must be Deployed first; null: not said")
    state: OrderState
    message: str = Field(description="why it failed")


class PlannedShown(Shown):
    """What a plan would change on one device."""

    resource: str = Field(description="id")
    changes: list[tuple[str, Any, Any]] = Field(description="path, before, after; secrets as digests")


class PlanShown(Shown):
    """What an order would do, as its last good check saw it."""

    hash: str
    empty: bool = Field(description="there is nothing to do")
    at: datetime
    devices: list[PlannedShown]


class ApprovalShown(Shown):
    """Somebody has let it be deployed."""

    by: str
    at: datetime
    plan: str = Field(description="hash of the plan that was looked at; empty: there was none")


class OrderSummary(Shown):
    """A service order in a list."""

    id: str
    name: str
    platform: str
    state: OrderState
    hold: HoldReason | None = Field(description="why one that is due does not begin")
    due: datetime | None
    latest_start: int = Field(description="seconds after its time")
    together: Together
    priority: int
    external: str
    why: str
    revision: int
    created: datetime
    created_by: str
    changed: datetime


class OrderPageShown(Shown):
    """Orders, newest first."""

    items: list[OrderSummary]
    next: str | None


class QuestionShown(Shown):
    """A device of which nothing tells whether it has the old or the new."""

    node: str = Field(description="`item/label`: what the answer names", examples=["line/Encoder"])
    device: str = Field(description="name of the resource")
    about: str = Field(description="what could not be done there")


class OrderShown(OrderSummary):
    """A service order with all that is known of it."""

    items: list[ItemShown]
    phase: OrderPhase | None = Field(description="how far one In Progress is")
    checking: bool = Field(description="its plan is being made")
    canceling: bool = Field(description="it was canceled, and what it has written is being undone")
    plan: PlanShown | None
    approvals: list[ApprovalShown]
    unapproved: bool = Field(description="a second person must approve it before it is deployed")
    attempt: int
    residue: dict[str, str] = Field(description="node -> what is left on its device")
    run: str = Field(description="id of its newest deployment; empty: it was never begun")
    questions: list[QuestionShown] = Field(description="what it asks an operator before it goes on")
    answer_by: datetime | None = Field(description="then it fails, if nobody has answered")
    clone_of: str
    scopes: list[str]
    actions: list[ActionShown]


def order_summary(o: Order, platform: str) -> OrderSummary:
    """An order for a list."""
    return OrderSummary(**_order_fields(o, platform))


def order_shown(found: OrderDetails) -> OrderShown:
    """An order with all that is known of it."""
    o = found.order
    return OrderShown(
        **_order_fields(o, found.platform),
        items=[
            ItemShown(
                name=i.name, kind=i.kind, service=i.service, base=i.base, after=list(i.after), values=dict(i.values),
                needs=None if i.needs is None else list(i.needs), state=found.items[i.name].state,
                message=found.items[i.name].message,
            )
            for i in o.items
        ],
        phase=found.phase, checking=found.checking, canceling=found.canceling, plan=_plan(found.plan),
        approvals=[ApprovalShown(by=a.by, at=when(a.at_us), plan=a.plan) for a in o.approvals],
        unapproved=found.unapproved, attempt=o.attempt, residue=dict(found.residue), run=found.run,
        questions=[QuestionShown(node=q.node, device=q.device, about=q.about) for q in found.questions],
        answer_by=maybe_when(found.answer_by_us), clone_of=o.clone_of, scopes=list(o.scopes),
        actions=[ActionShown(name=a.name, possible=a.possible, why=a.why) for a in found.actions],
    )  # fmt: skip


def _order_fields(o: Order, platform: str) -> dict[str, Any]:
    return {
        "id": o.id, "name": o.name, "platform": platform, "state": o.state, "hold": o.hold,
        "due": maybe_when(o.due_us), "latest_start": o.latest_start_us // SECOND, "together": o.together,
        "priority": o.priority, "external": o.external, "why": o.why, "revision": o.revision,
        "created": when(o.created_us), "created_by": o.created_by, "changed": when(o.changed_us),
    }  # fmt: skip


def _plan(plan: Plan | None) -> PlanShown | None:
    if plan is None:
        return None
    devices = [PlannedShown(resource=d.resource, changes=list(d.changes)) for d in plan.devices]
    return PlanShown(hash=plan.hash, empty=plan.empty, at=when(plan.at_us), devices=devices)
