# SPDX-License-Identifier: Apache-2.0
"""What a due boundary asks for: event -> mapped state -> allowed? -> the action for it -> script (SPEC 5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from preroll.domain.booking import Booking
from preroll.domain.boundaries import Boundary, Decision, Direction, Nothing, Reason, Refusal, Run
from preroll.domain.config import PlatformConfig
from preroll.domain.definition import ServiceDefinition
from preroll.domain.free_list import actions_of, is_down, states_of
from preroll.domain.service import FAILED, action_for


def decide(
    boundary: Boundary,
    booking: Booking,
    definition: ServiceDefinition | None,
    config: PlatformConfig,
    now_us: int,
    *,
    scripts: Collection[str] | None = None,
    inactive: Sequence[str] = (),
    name_taken_by: str = "",
) -> Decision:
    """What a due boundary asks for: event -> mapped state -> allowed? -> the definition's action -> LSO script.

    Args:
        scripts: names of the LSO scripts that are installed; None: not checked here.
        inactive: names of the booking's resources that may not be used now; looked at by the first event.
        name_taken_by: id of another running booking with the same name; looked at by the first event.
    """
    event = boundary.event
    if event.direction is Direction.ASIDE:
        return Run(config.start_failure_script, FAILED, booking.service_state)
    if late := _late(boundary, booking, config, now_us):
        return late
    if inactive and boundary.is_first:
        return Refusal(Reason.RESOURCE_NOT_ACTIVE, f"not available: {', '.join(inactive)}")
    if name_taken_by and boundary.is_first:
        return Refusal(Reason.SERVICE_NAME_IN_USE, f"booking {name_taken_by} runs a service with this name")
    assert event.stage is not None  # noqa: S101 - every standard event has one
    target = states_of(booking, config).mapping.state(event.stage)
    if target is None or not actions_of(booking, definition) or is_down(booking, event.stage):
        return Nothing(target)
    return brought_to(target, booking, definition, config, scripts)


def brought_to(
    target: str,
    booking: Booking,
    definition: ServiceDefinition | None,
    config: PlatformConfig,
    scripts: Collection[str] | None,
) -> Decision:
    """The action that brings a booking's service to a state, if the table allows it and its script is there."""
    states, actions, before = states_of(booking, config), actions_of(booking, definition), booking.service_state
    if target in states.known and not states.allows(before, target):
        what = f"the platform's table does not allow {before} -> {target}"
        return Refusal(Reason.TRANSITION_NOT_ALLOWED, what)
    script = action_for(actions, target)
    if script is None:
        who = f"{definition.name} version {definition.version}" if definition else "a free list"
        return Refusal(Reason.SCRIPT_MISSING, f"{who} has no action for {target} (it has {', '.join(actions)})")
    if definition is not None and scripts is not None and script not in scripts:
        return Refusal(Reason.SCRIPT_MISSING, f"the LSO script {script} is not installed", script)
    return Run(script, target, before)


def _late(boundary: Boundary, booking: Booking, config: PlatformConfig, now_us: int) -> Refusal | None:
    """SPEC 5, *Late*: an up event never begins at or after the on-air end; a down event always runs."""
    if boundary.event.direction is not Direction.UP:
        return None
    if booking.timing.end is not None and now_us >= booking.timing.end:
        return Refusal(Reason.MISSED, "the on-air end has passed")
    limit, late = config.limits.late_us, now_us - boundary.due_us
    if limit is not None and late > limit and boundary.is_first:
        return Refusal(Reason.MISSED, f"{late / 1e6:.0f} s late, the platform's limit is {limit / 1e6:.0f} s")
    return None
