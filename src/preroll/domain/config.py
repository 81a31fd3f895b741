# SPDX-License-Identifier: Apache-2.0
"""The settings of a platform (SPEC 9): what its team decides. The process has its own, ``settings``."""

from __future__ import annotations

from dataclasses import dataclass, field

from preroll.domain.choosing import Order
from preroll.domain.service import ServiceStates
from preroll.domain.window import MINUTE, SECOND


@dataclass(frozen=True, slots=True)
class Limits:
    """Time-outs and bounds of SPEC 11; times in microseconds."""

    lso_us: int = 10 * MINUTE
    step_us: int = 60 * SECOND
    start_failure_us: int = 5 * MINUTE
    attempts: int = 3
    """How often a step is tried; the pause doubles from one second."""
    backoff_us: int = SECOND
    grace_us: int = 5 * SECOND
    """How long a cancelled script may tidy up before its host is killed."""
    simultaneous_lso: int = 100
    late_us: int | None = None
    """A booking whose first event is later than this becomes Failed (Missed); None: no limit."""
    near_air_us: int | None = 15 * MINUTE
    """A booking that is not confirmed so long before its first event raises an alarm; None: none does."""


@dataclass(frozen=True, slots=True)
class PlatformConfig:
    """Everything that is set per platform."""

    service_states: ServiceStates = field(default_factory=ServiceStates)
    limits: Limits = field(default_factory=Limits)
    start_failure_script: str = ""
    start_failure_on_failed_events: bool = True
    """Run it on Failed Service X and Failed Completed too, not on Failed alone."""
    ordering: Order = Order.PRIORITY
    """How eligible resources are sorted, and which of them a node takes by itself."""
    version: int = 1


@dataclass(frozen=True, slots=True)
class Platform:
    """The domain that a team works in."""

    name: str
    zone: str = "UTC"
    config: PlatformConfig = field(default_factory=PlatformConfig)
    id: str = ""
    key: int = 0
    catalogue_version: int = 1
    """Rises with every change of the platform's catalogue; caches are keyed by it."""
