# SPDX-License-Identifier: Apache-2.0
"""Runs that people ask for while a booking runs: a service state by force, and resources that are changed now.

Both are boundaries of their own kinds, claimed, held and journalled like the standard events. They move the service
state, never the life cycle; a down event that is due stops them (SPEC 3.2, 4).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from preroll.domain.booking import ON_AIR, PREPARING, WRAPPING, Booking
from preroll.domain.boundaries import (
    EVENTS,
    EXTERNAL,
    STANDARD,
    Boundary,
    BoundaryState,
    Decision,
    Direction,
    Kind,
    Nothing,
    Reason,
    Refusal,
)
from preroll.domain.config import PlatformConfig
from preroll.domain.decisions import brought_to
from preroll.domain.definition import ServiceDefinition
from preroll.domain.errors import ActionNotPossible, Mistake
from preroll.domain.free_list import actions_of, states_of
from preroll.domain.service import FAILED, STOP, ServiceStates, Stage, action_for

_STAGES = ((PREPARING, Stage.PRE_ROLL), (ON_AIR, Stage.SERVICE_ACTIVE), (WRAPPING, Stage.POST_ROLL))
_NEXT = {Stage.PRE_ROLL: Stage.SERVICE_ACTIVE, Stage.SERVICE_ACTIVE: Stage.POST_ROLL, Stage.POST_ROLL: Stage.ENDED}


def stage_of(booking: Booking) -> Stage | None:
    """The stage that a running booking is in; None: its first event is under way, or it does not run."""
    return next((stage for states, stage in _STAGES if booking.state in states), None)


def state_now(booking: Booking, states: ServiceStates) -> str:
    """The service state to which a resource that is put in now is brought: the stage's, when the service has failed."""
    if booking.service_state != FAILED:
        return booking.service_state
    stage = stage_of(booking)
    return (states.mapping.state(stage) if stage else None) or STOP


def decide_external(
    boundary: Boundary,
    booking: Booking,
    definition: ServiceDefinition | None,
    config: PlatformConfig,
    now_us: int,
    scripts: Collection[str] | None,
) -> Decision:
    """What a forced state, or a change of resources, asks for: the definition's action for the state."""
    end = booking.timing.held.end if booking.state in WRAPPING else booking.timing.end
    if end is not None and now_us >= end:
        return Refusal(Reason.MISSED, "the booking's down event is due")
    if not actions_of(booking, definition):
        return Nothing()
    target = boundary.message if boundary.kind is Kind.FORCED else state_now(booking, states_of(booking, config))
    return brought_to(target, booking, definition, config, scripts)


def ask_again(existing: Sequence[Boundary], booking: int, kind: Kind, now_us: int, target: str) -> Boundary:
    """The boundary that has it done now: a new one, or the one of last time in its next generation."""
    last = next((b for b in existing if b.kind is kind), None)
    if last is None:
        return Boundary(0, booking, kind, now_us, planned_us=now_us, message=target)
    return replace(
        last, state=BoundaryState.ARMED, generation=last.generation + 1, worker=None, due_us=now_us, planned_us=now_us,
        began_us=None, ended_us=None, reason=None, message=target,
    )  # fmt: skip


def require_quiet(boundaries: Sequence[Boundary], now_us: int | None = None) -> None:
    """Refuse when a run of the booking is under way or waits: a booking has one at a time.

    Args:
        now_us: refuse as well when a standard event is due.

    Raises:
        ActionNotPossible: says which, and to wait for it.
    """
    why, instead = unquiet(boundaries, now_us)
    if why:
        raise ActionNotPossible(why, hint=instead)


def unquiet(boundaries: Sequence[Boundary], now_us: int | None = None) -> tuple[str, str]:
    """Which run of the booking is under way or waits, and what to do; empty: none.

    Args:
        now_us: a standard event that is due counts as well.
    """
    for b in boundaries:
        if b.event.direction is Direction.ASIDE:
            continue
        if b.state is BoundaryState.RUNNING:
            return f"{b.event.name} is running", "wait until its script has ended"
        if b.state is not BoundaryState.ARMED:
            continue
        if b.kind in EXTERNAL or b.try_ > 0:
            what = "a retry of " if b.try_ else ""
            return f"{what}{b.event.name} is waiting", "wait until it has run"
        if now_us is not None and b.kind in STANDARD and b.due_us <= now_us:
            return f"{b.event.name} is due", "wait until its script has ended"
    return "", ""


def needs_run(booking: Booking, definition: ServiceDefinition | None) -> bool:
    """Are the devices of a running booking configured, so that what is put in or taken out needs a run?"""
    if not actions_of(booking, definition):
        return False
    return not booking.orchestrated or stage_of(booking) in (Stage.SERVICE_ACTIVE, Stage.POST_ROLL)


def forcing_mistakes(actions: Mapping[str, str], state: str) -> list[Mistake]:
    """What keeps a state from ever being forced on a booking with these actions."""
    able = ", ".join(name for name in actions if name.casefold() != FAILED.casefold()) or "a definition with actions"
    if state.casefold() == FAILED.casefold():
        return [Mistake("state", "is set by the engine alone", able)]
    if action_for(actions, state) is None:
        return [Mistake("state", f"{state}: the booking's definition has no action for it", able)]
    return []


def strands(booking: Booking, states: ServiceStates, target: str) -> str:
    """The next event that would be forbidden once the service is in this state; empty: none is."""
    stage = stage_of(booking)
    after = _NEXT.get(stage) if stage else None
    wanted = states.mapping.state(after) if after else None
    if wanted is None or target not in states.known or states.allows(target, wanted):
        return ""
    name = next(event.name for event in EVENTS.values() if event.stage is after)
    return f"{name} would be refused: the platform's table does not allow {target} -> {wanted}"
