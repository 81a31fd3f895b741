# SPDX-License-Identifier: Apache-2.0
"""What people can do with a service order, and in which state: one table, made of the rows of the state machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from preroll.domain.errors import ActionNotPossible
from preroll.domain.order import DECIDED, ORDER, OrderKind, OrderPhase, OrderState, OrderTrigger
from preroll.domain.ordered import Order


@dataclass(frozen=True, slots=True)
class OrderAction:
    """One row of ORDER_ACTIONS."""

    name: str
    trigger: OrderTrigger | None
    """The state machine must have a row for it."""
    about: str
    also: Set[OrderState] = frozenset()
    """States that admit it without a row."""
    instead: Mapping[OrderState, str] = field(default_factory=dict)
    """What to do where it is not possible."""

    @property
    def states(self) -> Set[OrderState]:
        """The states that admit it."""
        return self.also | {s for s in OrderState if self.trigger is not None and ORDER.may(s, self.trigger)}


_S, _T = OrderState, OrderTrigger
_WAIT = "wait until it has ended, or cancel it"
# fmt: off
ORDER_ACTIONS: Mapping[str, OrderAction] = {action.name: action for action in (
    # action                 the machine's trigger   what it does
    OrderAction("edit",        _T.EDIT,        "change what it says; its plan and its approvals are dropped", instead={_S.SCHEDULED: "unschedule it first", _S.FAILED_DEPLOY: "retry it, or clone it and edit the clone", _S.COMPLETED: "clone it and edit the clone", _S.CANCELED: "clone it and edit the clone", _S.IN_PROGRESS: _WAIT}),
    OrderAction("check",       _T.CHECK,       "make its plan, device by device, without writing to any", instead={_S.SCHEDULED: "unschedule it first", _S.INVALID: "edit it first", _S.IN_PROGRESS: _WAIT}),
    OrderAction("schedule",    _T.SCHEDULE,    "deploy it now or at a time; from then on it holds its resources", instead={_S.SCHEDULED: "reschedule it", _S.INVALID: "edit it first", _S.FAILED_DEPLOY: "retry it", _S.IN_PROGRESS: _WAIT}),
    OrderAction("reschedule",  _T.RESCHEDULE,  "deploy it at another time", instead={_S.REQUESTED: "schedule it", _S.FAILED_DEPLOY: "retry it"}),
    OrderAction("unschedule",  _T.UNSCHEDULE,  "take its time away; what it holds is released", instead={_S.IN_PROGRESS: "cancel it"}),
    OrderAction("cancel",      _T.CANCEL,      "never deploy it; one In Progress is stopped and undone until the point of no return", also={_S.IN_PROGRESS}),
    OrderAction("answer",      None,           "say what a device has of which nothing tells, and go on; or give up", also={_S.IN_PROGRESS}),
    OrderAction("retry",       _T.RETRY,       "deploy it once more, now or at a time", instead={_S.INVALID: "edit it, then schedule it", _S.CANCELED: "clone it"}),
    OrderAction("approve",     None,           "let it be deployed, where the platform asks for a second person", also={_S.REQUESTED, _S.SCHEDULED}),
    OrderAction("take-over",   _T.TAKE_OVER,   "have what it provisions exist as the devices have it already; none is written to", instead={_S.SCHEDULED: "unschedule it first", _S.INVALID: "edit it first"}),
    OrderAction("clone",       None,           "order the same once more", also=frozenset(OrderState)),
    OrderAction("delete",      None,           "hide it; its history stays", also={_S.REQUESTED, _S.INVALID, _S.FAILED_DEPLOY, _S.CANCELED}, instead={_S.SCHEDULED: "cancel it first", _S.IN_PROGRESS: _WAIT}),
)}
# fmt: on
"""Every action on an order that exists; ``create`` needs none."""


def why_not_order(state: OrderState, action: str, phase: OrderPhase | None = None) -> str:
    """The reason why an order does not admit an action now; empty: it does, as far as the tables say.

    Args:
        phase: how far one In Progress is.
    """
    row = ORDER_ACTIONS[action]
    waits = phase is OrderPhase.AWAITING_OPERATOR
    if action == "cancel" and phase in DECIDED:
        return "the point of no return has passed: its devices keep what they were given"
    if action == "cancel" and waits:
        return "nothing tells what its devices have: answer what it asks, or give up"
    if action == "answer" and state in row.states and not waits:
        return f"the order is {state.value} and asks nothing"
    if state in row.states:
        return ""
    wanted = [s.value for s in OrderState if s in row.states]
    return f"the order is {state.value}; it is for one that is {' or '.join(wanted)}"


def why_not_yours(order: Order, action: str, name: str) -> tuple[str, str]:
    """Why this person cannot do it to this order, and what to do instead; empty: nothing speaks against it."""
    if action != "approve":
        return "", ""
    if name == order.created_by:
        return "whoever ordered it cannot approve it", "ask somebody else to"
    if any(one.by == name and one.plan == order.plan for one in order.approvals):
        return f"{name} has approved it already", "there is nothing to do"
    return "", ""


def why_not_here(order: Order, action: str, *, approves: bool) -> tuple[str, str]:
    """Why what it is to do, or its platform, keeps an action from anybody, and what to do instead; empty: nothing.

    Args:
        approves: may the platform ask a second person?
    """
    if action == "approve" and not approves:
        return "the platform asks for no approval", "schedule it"
    if action == "take-over" and any(item.kind is not OrderKind.PROVISION for item in order.items):
        return "it does more than provision", "order the provision alone"
    return "", ""


def possible_order_actions(state: OrderState, phase: OrderPhase | None = None) -> tuple[str, ...]:
    """What the tables admit now."""
    return tuple(name for name in ORDER_ACTIONS if not why_not_order(state, name, phase))


def require_order_action(
    state: OrderState,
    action: str,
    phase: OrderPhase | None = None,
    possible: Callable[[], Sequence[str]] | None = None,
) -> None:
    """Refuse an action that the tables do not admit.

    Args:
        phase: how far one In Progress is.
        possible: what would be accepted instead; None: what the tables admit.

    Raises:
        ActionNotPossible: with the reason, and what to do instead.
    """
    if reason := why_not_order(state, action, phase):
        now = possible_order_actions(state, phase) if possible is None else possible()
        told = f"possible now: {', '.join(now) or 'nothing'}"
        instead = ORDER_ACTIONS[action].instead.get(state)
        hint = f"{instead}; {told}" if instead else told
        raise ActionNotPossible(f"{action} is not possible: {reason}", hint=hint)
