# SPDX-License-Identifier: Apache-2.0
"""Resource automation: a profile is applied to one resource now, outside of any booking.

It is kept as a hidden booking that is over: it holds nothing, stands in no list, and its one boundary is claimed,
given the device, journalled and taken over as those of every booking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum

from preroll.domain.booking import Booking, Carries, NodeChoice, State, Timing
from preroll.domain.boundaries import Boundary, Decision, Kind, Run
from preroll.domain.definition import ServiceDefinition
from preroll.domain.errors import Mistake
from preroll.domain.free_list import FREE_LIST
from preroll.domain.function import Function
from preroll.domain.inheritance import Filled
from preroll.domain.profile import ProfileCopy, ProfileInstance
from preroll.domain.resource import Resource
from preroll.domain.values import dataclass
from preroll.domain.window import SECOND


class Part(StrEnum):
    """Which values are applied."""

    WHOLE = "whole"
    """The profile's; those of the state, when one is named, on top."""
    STATE = "state"
    """Only those of the state."""
    DEFAULTS = "defaults"
    """The parameters' defaults; those of the state, when one is named, on top."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be applied."""

    profile: str
    """Name of a profile instance."""
    state: str = ""
    """A service state for which the profile has values of its own; empty: in general."""
    part: Part = Part.WHOLE
    values: Mapping[str, object] = field(default_factory=dict)
    """Own values, on top of all others."""
    why: str = ""


def fitting(
    resource: Resource,
    functions: Iterable[Function],
    services: Iterable[ServiceDefinition],
    instances: Sequence[ProfileInstance],
) -> list[ProfileInstance]:
    """The profile instances that are proposed for a resource: all but those that only other functions take.

    A function takes the profile that it names, and those that the nodes of services ask of it. What no function takes,
    and what a node takes of any resource, is proposed for all; and all is for a resource without a function.
    """
    takers = [(function.profile, function.name) for function in functions]
    takers += [(node.profile, node.function) for service in services for node in service.nodes]
    own = {profile for profile, function in takers if function in ("", resource.function)}
    others = {profile for profile, _ in takers} - own
    return [one for one in instances if not resource.function or one.definition not in others]


def mistakes_of(wanted: Wanted, found: Filled) -> list[Mistake]:
    """Everything wrong with it.

    Args:
        found: what the instance says; without a profile there is no such instance.
    """
    if found.profile is None:
        return [
            Mistake("profile", f"there is no profile instance {wanted.profile}", "one that preroll profile list shows")
        ]
    mistakes = found.profile.mistakes("values", wanted.values)
    if wanted.part is Part.STATE and not wanted.state:
        mistakes.append(Mistake("state", "is missing", "the service state whose values alone are applied"))
    if wanted.state and _of_state(wanted, found) is None:
        known = ", ".join(found.states) or "none: it has values for no state"
        mistakes.append(Mistake("state", f"{wanted.profile} has no values for {wanted.state}", f"one of {known}"))
    if not mistakes and not found.profile.configured(values_of(wanted, found)):
        mistakes.append(Mistake("profile", f"{wanted.profile} sets nothing on a device", "one with values"))
    return mistakes


def values_of(wanted: Wanted, found: Filled) -> dict[str, object]:
    """What the resource is to get."""
    base: Mapping[str, object] = {}
    if wanted.part is Part.WHOLE:
        base = found.values
    elif wanted.part is Part.DEFAULTS and found.profile is not None:
        base = found.profile.defaults()
    return {**base, **(_of_state(wanted, found) or {}), **wanted.values}


def application(
    wanted: Wanted, found: Filled, resource: Resource, *, ident: str, by: str, now_us: int, zone: str
) -> Booking:
    """What is kept of it: the values as they are now, whatever becomes of the profile meanwhile."""
    assert found.profile is not None  # noqa: S101 - mistakes_of refuses one without
    start = now_us - now_us % SECOND
    kept = ProfileCopy(found.profile.name, wanted.profile, values_of(wanted, found))
    return Booking(
        key=0, id=ident, platform=resource.platform, name=f"{wanted.profile} on {resource.name}",
        state=State.COMPLETED, timing=Timing(start, start + SECOND),
        nodes={resource.name: NodeChoice(resource.id, wanted.profile, kept=kept)},
        properties={"state": wanted.state, "part": wanted.part.value, "why": wanted.why}, began=True, zone=zone,
        created_us=now_us, created_by=by, changed_us=now_us, hidden=True, orchestrated=True,
        carries=Carries.PROFILE,
    )  # fmt: skip


def due_now(booking: int, now_us: int) -> Boundary:
    """The boundary that has it done."""
    return Boundary(0, booking, Kind.APPLY, now_us, planned_us=now_us)


def decide_apply(booking: Booking) -> Decision:
    """What it asks for; whether the resource may be touched was decided when it was asked for."""
    return Run(FREE_LIST, str(booking.properties.get("state", "")), booking.service_state)


def _of_state(wanted: Wanted, found: Filled) -> Mapping[str, object] | None:
    folded = wanted.state.casefold()
    return next((values for name, values in found.states.items() if name.casefold() == folded), None)
