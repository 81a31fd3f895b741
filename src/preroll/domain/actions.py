# SPDX-License-Identifier: Apache-2.0
"""What people can do with a booking, and when: one table. What it does not list is not possible (SPEC 3.2).

Buttons, ``GET /bookings/{id}``, the refusals and the page of actions all come from the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import field
from functools import lru_cache
from typing import NamedTuple

from preroll.domain.booking import LIFE_CYCLE, Booking, Phase, State, Trigger
from preroll.domain.errors import ActionNotPossible, TransitionNotAllowed
from preroll.domain.values import dataclass

_W, _R, _E = Phase.WAITING, Phase.RUNNING, Phase.ENDED
ANY = frozenset(Phase)


@dataclass(frozen=True, slots=True)
class Action:
    """One row of ACTIONS."""

    name: str
    phases: Set[Phase]
    trigger: Trigger | None
    """The life cycle must have a row for it."""
    about: str
    states: Set[State] = frozenset()
    """Only in these; none: in every state of its phases."""
    instead: Mapping[Phase, str] = field(default_factory=dict)
    """What to do where its phase does not admit it."""

    @property
    def only_in(self) -> Set[State]:
        """The states that admit it, in phases that do."""
        if self.trigger is not None:
            return {state for state in State if LIFE_CYCLE.may(state, self.trigger)}
        return self.states or frozenset(State)


# fmt: off
ACTIONS: Mapping[str, Action] = {action.name: action for action in (
    # action                     phases      the life cycle must have    what it does
    Action("edit",               {_W, _R},   None,                       "change what is given; while it runs, only what the rows below can change"),
    Action("confirm",            {_W},       Trigger.CONFIRM,            "schedule it to be orchestrated"),
    Action("leave-quarantine",   {_W},       Trigger.LEAVE_QUARANTINE,   "hold all that it needs again, and be what it was before"),
    Action("hold",               {_W},       Trigger.HOLD,               "do not execute it; what is held stays held"),
    Action("cancel",             {_W},       Trigger.CANCEL,             "never execute it; its resources are released", instead={_R: "finish it instead"}),
    Action("start-now",          {_W},       None,                       "begin pre-roll now; the end stays", states={State.CONFIRMED}),
    Action("finish",             {_R},       None,                       "end it now; in pre-roll, only the end event runs", instead={_W: "cancel it instead"}),
    Action("extend",             {_R},       None,                       "end it later; in post-roll, post-roll is prolonged"),
    Action("adjust",             {_W, _R},   None,                       "change its times; while it runs, the end; in post-roll, its length"),
    Action("add",                {_W, _R},   None,                       "put a resource on a node that has none; while it runs, with apply now"),
    Action("swap",               {_W, _R},   None,                       "put another resource, or a spare, on a node; while it runs, with apply now"),
    Action("remove",             {_W, _R},   None,                       "take a node's resource away; while it runs, with apply now"),
    Action("apply-now",          {_R},       None,                       "bring changed profiles to it, which it kept as they were when it began"),
    Action("force-state",        {_R},       None,                       "run the definition's action for a service state; the life cycle stays"),
    Action("rename",             {_W, _R},   None,                       "give it another name"),
    Action("properties",         ANY,        None,                       "change the properties that are given, leave the others"),
    Action("duplicate",          ANY,        None,                       "book the same once more, for the same time or another one"),
    Action("retry",              {_R, _E},   Trigger.RETRY,              "run the failed event again, from its first step that is not done"),
    Action("acknowledge",        {_R, _E},   Trigger.ACKNOWLEDGE,        "take the failed event as repaired by hand"),
    Action("audit",              {_R},       None,                       "look now whether the service is up"),
    Action("take",               ANY,        None,                       "own it, where nobody does: only its owner may change it"),
    Action("release",            ANY,        None,                       "own it no more: anybody may take it"),
    Action("force-take",         ANY,        None,                       "take it from its owner"),
    Action("delete",             {_E},       None,                       "hide it, once it is reset; its journal and its changes stay"),
)}
# fmt: on
"""Every action on a booking that exists; ``create`` needs none."""


NOT_FOR_OVERLAYS = frozenset({"add", "swap", "remove", "apply-now", "force-state"})
"""What is never possible with a booking that only changes a service for a while."""
WHILE_CONFIRMING = frozenset({"cancel", "properties", "duplicate", "take", "release", "force-take"})
"""What is possible while the created booking actions run."""


class Standing(NamedTuple):
    """All of a booking that the tables ask for."""

    state: State
    phase: Phase
    entering: str
    overlay: bool
    not_reset: bool
    hidden: bool


def standing(b: Booking) -> Standing:
    """How a booking stands: many stand in few different ways, and what that admits is worked out once."""
    return Standing(b.state, b.phase, b.entering, bool(b.overlays), b.not_reset, b.hidden)


def refusals(booking: Booking) -> Mapping[str, str]:
    """For every action the reason why a booking does not admit it now; empty: it does, as far as the tables say."""
    return refusals_of(standing(booking))


def why_not(booking: Booking, action: str) -> str:
    """The same of one action."""
    return refusals(booking)[action]


@lru_cache(maxsize=1024)
def refusals_of(now: Standing) -> Mapping[str, str]:
    """The same of all bookings that stand alike."""
    return {name: _why_not(now, row) for name, row in ACTIONS.items()}


def _why_not(now: Standing, row: Action) -> str:
    if now.hidden:
        return "it is deleted: what was written of it can be read, and that is all"
    if now.overlay and row.name in NOT_FOR_OVERLAYS:
        return "it is an overlay, which has the resources of its service: order a modify of that"
    if now.phase is Phase.WAITING and now.entering and row.name not in WHILE_CONFIRMING:
        return "it is being confirmed: wait until its created booking actions have ended, or cancel it"
    if now.phase not in row.phases:
        entering = f", entering {now.entering}" if now.entering else ""
        found = f"{now.phase.value} ({now.state.value}{entering})"
        return _only_for(found, [phase for phase in Phase if phase in row.phases])
    if now.state not in row.only_in:
        return _only_for(now.state.value, [state for state in State if state in row.only_in])
    if row.name == "delete" and now.not_reset:
        return "it is not reset: retry or acknowledge its last event first"
    return ""


def _only_for(found: str, wanted: Sequence[Phase | State]) -> str:
    return f"the booking is {found}; it is for one that is {' or '.join(one.value for one in wanted)}"


OWNERSHIP = frozenset({"take", "release", "force-take"})
"""Actions for platforms that lock bookings."""
FREE = OWNERSHIP | {"duplicate", "audit"}
"""Actions for which nobody needs to own the booking."""


def why_not_owned(owner: str, action: str, *, locks: bool) -> str:
    """The reason why whose it is keeps an action from anybody at all; empty: it does not."""
    if action not in OWNERSHIP:
        return ""
    if not locks:
        return "the platform does not lock bookings"
    if action == "take":
        return f"{owner} has it: release or force-take it first" if owner else ""
    return "" if owner else "nobody has it"


def why_not_yours(booking: Booking, action: str, name: str, *, locks: bool) -> tuple[str, str]:
    """The reason why whose it is keeps an action from somebody, and what to do; empty: it does not."""
    if reason := why_not_owned(booking.owner, action, locks=locks):
        return reason, "preroll booking show tells who has it"
    if not locks or booking.owner == name:
        return "", ""
    if not booking.owner and action not in FREE:
        return "nobody has it, and only its owner may change it", "take it first"
    if action == "release" or (booking.owner and action not in FREE):
        return f"{booking.owner} has it", f"ask {booking.owner}, or force-take it"
    return "", ""


def require_owner(booking: Booking, action: str, name: str, *, locks: bool) -> None:
    """Refuse an action of somebody who would have to own the booking.

    Raises:
        ActionNotPossible: with who has it, and what to do.
    """
    reason, hint = why_not_yours(booking, action, name, locks=locks)
    if reason:
        raise ActionNotPossible(f"{action} is not possible: {reason}", hint=hint)


def possible_actions(booking: Booking) -> tuple[str, ...]:
    """What the tables admit now."""
    return tuple(name for name, reason in refusals(booking).items() if not reason)


def require_action(booking: Booking, action: str, possible: Callable[[], Sequence[str]] | None = None) -> None:
    """Refuse an action that the tables do not admit.

    Args:
        possible: what would be accepted instead; None: what the tables admit.

    Raises:
        ActionNotPossible: with the reason, and what to do instead.
        TransitionNotAllowed: the life cycle has no row for what it triggers.
    """
    row, reason = ACTIONS[action], why_not(booking, action)
    if not reason:
        return
    now = possible_actions(booking) if possible is None else possible()
    if booking.phase in row.phases and row.trigger is not None and not LIFE_CYCLE.may(booking.state, row.trigger):
        raise TransitionNotAllowed("booking", booking.state, action, now)
    raise ActionNotPossible(
        f"{action} is not possible: {reason}",
        hint=row.instead.get(booking.phase) or f"possible now: {', '.join(now) or 'nothing'}",
    )
