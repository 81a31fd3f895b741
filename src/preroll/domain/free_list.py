# SPDX-License-Identifier: Apache-2.0
"""Free lists: bookings of resources without a service definition, and what their events load.

SPEC 3, *Kinds*: "a free list of resources (scheduling only, or with profile-load at the events START and STOP, in node
order)". A list has no service of its own: it is up (START) or down (STOP), whatever the platform maps its stages to.
"""

from __future__ import annotations

from collections.abc import Mapping

from preroll.domain.booking import Booking
from preroll.domain.config import PlatformConfig
from preroll.domain.definition import ServiceDefinition
from preroll.domain.service import FAILED, START, STOP, ServiceStates, Stage, StageMapping

FREE_LIST = "free list"
"""Stands in the place of a script's name where each resource is brought to its profile, one by one."""
ACTIONS: Mapping[str, str] = {START: FREE_LIST, STOP: FREE_LIST}
"""Service state -> what a list runs to get there."""
STATES = ServiceStates(
    StageMapping(initial=STOP, preroll=None, service_active=START, postroll=STOP, ended=STOP),
    ((STOP, START), (START, STOP), (FAILED, START), (FAILED, STOP)),
)
"""Pre-roll and post-roll are there to be held: nothing is loaded at their outer ends, unless STOP has failed."""

Values = Mapping[str, object]


def actions_of(booking: Booking, definition: ServiceDefinition | None) -> Mapping[str, str]:
    """Service state -> script of a booking; empty: nothing of it is orchestrated."""
    if definition is not None:
        return definition.actions
    return ACTIONS if booking.orchestrated else {}


def states_of(booking: Booking, config: PlatformConfig) -> ServiceStates:
    """The stages and transitions that apply to a booking: the platform's, or those of every list."""
    return STATES if booking.orchestrated else config.service_states


def is_down(booking: Booking, stage: Stage | None) -> bool:
    """Has a list nothing to do at its end: it is down, and all that was taken out of it is reset?"""
    return booking.orchestrated and stage is Stage.ENDED and booking.service_state == STOP and not booking.leaving


def first_stage(booking: Booking) -> Stage:
    """The stage that puts a booking's devices in order, however they were left before."""
    return Stage.SERVICE_ACTIVE if booking.orchestrated else Stage.PRE_ROLL


def values_in(state: str, values: Values, states: Mapping[str, Values], defaults: Values) -> dict[str, object]:
    """What a resource of a list gets in a service state: down its defaults, else its profile; the state's on top."""
    folded = state.casefold()
    own = next((found for name, found in states.items() if name.casefold() == folded), {})
    return {**(defaults if state == STOP else values), **own}
