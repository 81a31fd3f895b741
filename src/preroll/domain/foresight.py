# SPDX-License-Identifier: Apache-2.0
"""Which events of a booking would fail with a platform's settings, seen before it happens (SPEC 4).

Mapping, transitions and scripts are read at the event, so a change of settings reaches bookings that are confirmed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from preroll.domain.booking import ON_AIR, PREPARING, WRAPPING, State
from preroll.domain.boundaries import EVENTS, STANDARD, Kind
from preroll.domain.service import ServiceStates, action_for


class Standing(NamedTuple):
    """Where bookings stand; those that stand alike have the same future."""

    definition: int
    """Key of the service definition's version; 0: a free list of resources."""
    state: State
    service_state: str
    entering: bool
    """An event is under way: it was decided already."""


class Ahead(NamedTuple):
    """An event that would fail."""

    event: str
    what: str


def fails(standing: Standing, states: ServiceStates, actions: Mapping[str, str]) -> Ahead | None:
    """The first event ahead that would fail; None: each can be carried out.

    Args:
        actions: of the definition; one without actions has nothing that could fail.
    """
    service = standing.service_state
    for n, kind in enumerate(_ahead(standing.state)):
        stage = EVENTS[kind].stage
        target = states.mapping.state(stage) if stage else None
        if target is None or not actions:
            continue
        if not (n == 0 and standing.entering):
            if not states.allows(service, target):
                return Ahead(EVENTS[kind].name, f"{service} -> {target} is not allowed")
            if action_for(actions, target) is None:
                return Ahead(EVENTS[kind].name, f"the definition has no action for {target}")
        service = target
    return None


def _ahead(state: State) -> Iterator[Kind]:
    """The standard events that a booking in a state has before it."""
    done = next((n for n, states in enumerate((PREPARING, ON_AIR, WRAPPING), 1) if state in states), 0)
    yield from list(STANDARD)[done:]
