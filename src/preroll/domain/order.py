# SPDX-License-Identifier: Apache-2.0
"""The service order and its states. Read the tables: what they do not list cannot happen.

Seed: "Service Order States and Service States Overview"; SPEC 7; transitions, guards and effects: facts, orders 4.2.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter

from preroll.domain.errors import Mistake
from preroll.domain.machine import Machine
from preroll.domain.window import MINUTE

LATEST_START = 15 * MINUTE
"""An order that has not begun so long after its time is Canceled: a missed window (SPEC 7)."""


class OrderState(StrEnum):
    """Where a service order is; the words are the seed's, but for the last."""

    REQUESTED = "Requested"
    """Created; nobody has tried to deploy or schedule it."""
    SCHEDULED = "Scheduled"
    """It has a time at which it is deployed."""
    IN_PROGRESS = "In Progress"
    """It is being deployed."""
    COMPLETED = "Completed"
    """It was deployed."""
    INVALID = "Invalid"
    """What it says is wrong; no device was touched."""
    FAILED_DEPLOY = "Failed Deploy"
    """A device is down, or did not take the configuration."""
    CANCELED = "Canceled"
    """It will never be deployed, or it was stopped and undone."""


class OrderTrigger(StrEnum):
    """What can happen to a service order."""

    EDIT = "edit"
    CHECK = "check"
    SCHEDULE = "schedule"
    RESCHEDULE = "reschedule"
    HOLD = "due, but blocked"
    UNSCHEDULE = "unschedule"
    MISS = "latest start passed"
    CANCEL = "cancel"
    BEGIN = "due and claimed"
    STALE = "due, but stale"
    REJECT = "content rejected"
    END = "deployment ended"
    STOPPED = "stopped and undone"
    GIVE_UP = "given up"
    RETRY = "retry"
    TAKE_OVER = "take over"


_S, _T = OrderState, OrderTrigger
# fmt: off
ORDER: Machine[OrderState, OrderTrigger] = Machine("service order", _S.REQUESTED, (
    # from                                                               trigger         ok               failed              guard; effect
    ({_S.REQUESTED, _S.INVALID},                                         _T.EDIT,        _S.REQUESTED,    None,               "as it was seen; plan, report and approvals are dropped"),
    ({_S.REQUESTED},                                                     _T.CHECK,       _S.REQUESTED,    _S.INVALID,         "nothing is written; the plan is stored with its hash, another hash drops approvals; failed: the fault is in the order"),
    ({_S.REQUESTED},                                                     _T.SCHEDULE,    _S.SCHEDULED,    None,               "capacity is free from its time on; it is held, approval is asked for"),
    ({_S.REQUESTED},                                                     _T.TAKE_OVER,   _S.COMPLETED,    None,               "a provision with a fresh plan: its services exist as the devices have them, nothing is written; capacity is free"),
    ({_S.SCHEDULED},                                                     _T.RESCHEDULE,  _S.SCHEDULED,    None,               "not begun, and capacity is free from the new time on; what it holds moves with it"),
    ({_S.SCHEDULED},                                                     _T.HOLD,        _S.SCHEDULED,    None,               "its latest start has not passed; its hold reason is shown, it is looked at again"),
    ({_S.SCHEDULED},                                                     _T.UNSCHEDULE,  _S.REQUESTED,    None,               "not begun; what it holds is released"),
    ({_S.SCHEDULED},                                                     _T.MISS,        _S.CANCELED,     None,               "not begun by its latest start; released, an alarm tells of the missed window"),
    ({_S.REQUESTED, _S.SCHEDULED, _S.INVALID, _S.FAILED_DEPLOY},         _T.CANCEL,      _S.CANCELED,     None,               "not begun; what it holds is released"),
    ({_S.SCHEDULED},                                                     _T.BEGIN,       _S.IN_PROGRESS,  None,               "nothing blocks it, its service is as it was when it was made; a run begins"),
    ({_S.SCHEDULED},                                                     _T.STALE,       _S.INVALID,      None,               "its service has changed or gone since; released, no device was touched"),
    ({_S.IN_PROGRESS},                                                   _T.REJECT,      _S.INVALID,      None,               "no step was applied; released, the service is untouched"),
    ({_S.IN_PROGRESS},                                                   _T.END,         _S.COMPLETED,    _S.FAILED_DEPLOY,   "all applied and verified: its service gets what it held; failed: undone in reverse, what could not be is listed"),
    ({_S.IN_PROGRESS},                                                   _T.STOPPED,     _S.CANCELED,     None,               "a cancel came before the point of no return, and all is undone; released"),
    ({_S.IN_PROGRESS},                                                   _T.GIVE_UP,     _S.FAILED_DEPLOY, None,              "nothing tells what a step has done, and the policy or an operator gives up; the devices are unknown"),
    ({_S.FAILED_DEPLOY},                                                 _T.RETRY,       _S.SCHEDULED,    None,               "its service is as it was when it was made, or this order failed on it; capacity is held again, next attempt"),
), states=OrderState)
# fmt: on
HOLDING = frozenset({_S.SCHEDULED, _S.IN_PROGRESS})
"""Which orders hold resources?"""
EDITABLE = frozenset({_S.REQUESTED, _S.INVALID})
"""Which orders can be edited?"""


class OrderPhase(StrEnum):
    """How far an order In Progress is."""

    PRECHECKING = "prechecking"
    """The plan is made again; nothing has been written."""
    APPLYING = "applying"
    VERIFYING = "verifying"
    CONFIRMING = "confirming"
    """The point of no return has passed: there is only a way forward."""
    ROLLING_BACK = "rolling back"
    INTERRUPTED = "interrupted"
    """Its worker was lost; the next one takes it over."""
    AWAITING_OPERATOR = "awaiting operator"
    """Nothing tells what a step has done."""


class PhaseTrigger(StrEnum):
    """What moves an order In Progress from phase to phase."""

    WRITE = "write"
    WRITTEN = "written"
    DECIDE = "decide"
    CANCEL = "cancel"
    LOSE = "worker lost"
    RESUME = "resume"
    ASK = "probe impossible"
    UNDO = "operator has it undone"
    GO_ON = "operator has it finished"


_P, _PT = OrderPhase, PhaseTrigger
# fmt: off
PHASE: Machine[OrderPhase, PhaseTrigger] = Machine("order phase", _P.PRECHECKING, (
    # from                                                                 trigger       ok                      failed              why
    ({_P.PRECHECKING},                                                     _PT.WRITE,    _P.APPLYING,            None,               "the plan is accepted"),
    ({_P.APPLYING},                                                        _PT.WRITTEN,  _P.VERIFYING,           _P.ROLLING_BACK,    "every device has it; failed: retries are used up"),
    ({_P.VERIFYING},                                                       _PT.DECIDE,   _P.CONFIRMING,          _P.ROLLING_BACK,    "all is read back and audited; the row decided:commit is durable"),
    ({_P.APPLYING, _P.VERIFYING},                                          _PT.CANCEL,   _P.ROLLING_BACK,        None,               "before the point of no return; the step under way ends first"),
    ({_P.PRECHECKING, _P.APPLYING, _P.VERIFYING, _P.CONFIRMING, _P.ROLLING_BACK}, _PT.LOSE, _P.INTERRUPTED,      None,               "its lease has expired"),
    ({_P.INTERRUPTED},                                                     _PT.RESUME,   _P.CONFIRMING,          _P.ROLLING_BACK,    "forward when it was decided, else back"),
    ({_P.INTERRUPTED, _P.ROLLING_BACK, _P.CONFIRMING},                     _PT.ASK,      _P.AWAITING_OPERATOR,   None,               "nothing tells whether a device has the old or the new, and the policy is to ask"),
    ({_P.AWAITING_OPERATOR},                                               _PT.UNDO,     _P.ROLLING_BACK,        None,               "the operator has looked; it was not decided"),
    ({_P.AWAITING_OPERATOR},                                               _PT.GO_ON,    _P.CONFIRMING,          None,               "the operator has looked; it was decided"),
), states=OrderPhase)
# fmt: on
UNTOUCHED = frozenset({_P.PRECHECKING})
"""In which phases has no device been written to?"""
DECIDED = frozenset({_P.CONFIRMING})
"""In which phases is there only a way forward?"""


class OrderKind(StrEnum):
    """What an item of an order does to its service."""

    PROVISION = "provision"
    MODIFY = "modify"
    DECOMMISSION = "decommission"
    REDEPLOY = "redeploy"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    VALIDATE = "validate"
    """Audits it; completed when the audit was made, whatever it found."""


class HoldReason(StrEnum):
    """Why a Scheduled order that is due does not begin."""

    LOCK = "lock"
    """Another order works on its service."""
    APPROVAL = "approval"
    BLACKOUT = "blackout"
    CAPACITY = "capacity"
    """It lost what it held to somebody stronger."""
    DEPENDENCY = "dependency"
    """A service that it depends on is not deployed."""
    PLAN = "plan"
    """Its plan is another one than that which was seen."""


class Together(StrEnum):
    """What becomes of the other items when one fails."""

    ATOMIC = "atomic"
    """All are undone."""
    BEST_EFFORT = "best effort"
    """Each ends on its own."""


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One thing that an order does to one service."""

    name: str
    """Unique in its order."""
    kind: OrderKind
    service: str
    """Its id; of a provision, the one that it will have."""
    base: int | None = None
    """The revision that was deployed when the order was made; None: there was none."""
    after: tuple[str, ...] = ()
    """Names of the items that come first."""
    values: Mapping[str, object] = field(default_factory=dict)
    needs: tuple[str, ...] | None = None
    """Ids of the services that must be Deployed first; None: those that its service needs already."""


def in_turn(items: Sequence[OrderItem]) -> tuple[OrderItem, ...]:
    """The items in the order in which they are applied; undone they are in the reverse. Only without mistakes."""
    known = {item.name: item for item in items}
    return tuple(known[name] for name in TopologicalSorter({i.name: i.after for i in items}).static_order())


def item_mistakes(items: Sequence[OrderItem]) -> list[Mistake]:
    """Everything wrong with the items as a whole."""
    found, names = [], [item.name for item in items]
    if not items:
        found.append(Mistake("items", "are none", "at least one"))
    services = [item.service for item in items]
    for index, item in enumerate(items):
        where = f"items.{index}"
        if names.count(item.name) > 1:
            found.append(Mistake(f"{where}.name", f"{item.name} stands twice", "a unique name"))
        if services.count(item.service) > 1:
            found.append(Mistake(f"{where}.service", f"{item.service} stands twice", "one item a service"))
        found += [
            Mistake(f"{where}.after", f"there is no item {name}", f"one of {', '.join(names)}")
            for name in item.after
            if name not in names
        ]
    return found or _circles(items)


def _circles(items: Sequence[OrderItem]) -> list[Mistake]:
    try:
        in_turn(items)
    except CycleError as circle:
        return [Mistake("items", f"wait for each other: {' -> '.join(circle.args[1])}", "no circle")]
    return []


@dataclass(frozen=True, slots=True)
class Due:
    """What comes of a Scheduled order at its time."""

    trigger: OrderTrigger
    hold: HoldReason | None = None


def due(now_us: int, latest_start_us: int, blocked: Collection[HoldReason], *, stale: bool) -> Due:
    """What comes of a Scheduled order that is due; never a start after its latest one.

    Args:
        blocked: what keeps it from beginning now; the first in the order of ``HoldReason`` is told.
        stale: its service is not as it was when the order was made.
    """
    if now_us > latest_start_us:
        return Due(OrderTrigger.MISS)
    if HoldReason.LOCK not in blocked and stale:
        return Due(OrderTrigger.STALE)
    reason = next((reason for reason in HoldReason if reason in blocked), None)
    return Due(OrderTrigger.BEGIN if reason is None else OrderTrigger.HOLD, reason)
