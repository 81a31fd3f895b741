# SPDX-License-Identifier: Apache-2.0
"""Honest defaults: one booking, one definition, one platform, each changed by what a test says about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from preroll.domain.booking import Booking, State, Timing
from preroll.domain.boundaries import EVENTS, Boundary, BoundaryState, Kind, derive
from preroll.domain.config import Limits, PlatformConfig
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.service import ServiceStates
from preroll.domain.window import MINUTE

NOON = 1_790_000_000 * 1_000_000 // (60 * MINUTE) * (60 * MINUTE)
"""A full hour; the on-air start of every built booking."""

ACTIONS = {"STANDBY": "warm-up", "START": "on-air", "PAUSE": "wind-down", "STOP": "reset"}


def timing(**changes: Any) -> Timing:
    """An hour on air, five minutes before and after."""
    whole = Timing(NOON, NOON + 60 * MINUTE, pre_roll=5 * MINUTE, post_roll=5 * MINUTE)
    return replace(whole, **changes)


def booking(state: State = State.CONFIRMED, **changes: Any) -> Booking:
    """A confirmed booking whose service stands in STOP."""
    whole = Booking(1, "b-1", 1, "Evening news", state, timing(), definition=1, service_state="STOP")
    return replace(whole, **changes)


def definition(**changes: Any) -> ServiceDefinition:
    """A definition with one node and an action for every mapped state."""
    whole = ServiceDefinition("Contribution", nodes=(Node("Encoder"),), actions=ACTIONS, key=1, platform=1)
    return replace(whole, **changes)


def config(*, limits: Limits | None = None, states: ServiceStates | None = None, **changes: Any) -> PlatformConfig:
    """The settings that are shipped."""
    return replace(PlatformConfig(states or ServiceStates(), limits or Limits()), **changes)


def boundary(kind: Kind = Kind.START_OF_PRE_ROLL, **changes: Any) -> Boundary:
    """A claimed boundary of ``booking()``, due as its timing says."""
    due = dict(derive(timing())).get(kind, NOON)
    whole = Boundary(1, 1, kind, due, BoundaryState.RUNNING, trigger=EVENTS[kind].trigger, planned_us=due, epoch=1)
    return replace(whole, **changes)
