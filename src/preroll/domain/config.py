# SPDX-License-Identifier: Apache-2.0
"""The settings of a platform (SPEC 9): what its team decides. The process has its own, ``settings``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum

from preroll.domain.booking import MAX_ROLL, Timing
from preroll.domain.colors import LifecycleColors
from preroll.domain.errors import Mistake
from preroll.domain.service import ServiceStates
from preroll.domain.window import DAY, MINUTE, SECOND

LONGEST = 366 * DAY
"""Of a default duration."""


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
    created_us: int = 60 * SECOND
    """For the created booking action of one node."""
    near_air_us: int | None = 15 * MINUTE
    """A booking that is not confirmed so long before its first event raises an alarm; None: none does."""


class Ordering(StrEnum):
    """How eligible resources are sorted."""

    PRIORITY = "priority"
    """Lower priority first, then name."""
    NAME = "name"
    LEFT = "left"
    """Most of a capacity left first: the capacity that is asked for, else how many at once."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a booking gets that does not say otherwise; times in microseconds."""

    start_delay_us: int = 0
    """From now to the start of the first event, where no start is given."""
    duration_us: int | None = None
    """On the air, where no end is given; None: without end."""
    pre_roll_us: int = 0
    post_roll_us: int = 0
    definition: str = ""
    """What screens propose to book."""

    def mistakes(self, where: str) -> list[Mistake]:
        """Everything wrong with them."""
        found = []
        if self.duration_us is not None and not 0 < self.duration_us <= LONGEST:
            found.append(Mistake(f"{where}.duration", f"is {self.duration_us // SECOND} s", "1 s to 366 days, or null"))
        for name, length in (("pre_roll", self.pre_roll_us), ("post_roll", self.post_roll_us)):
            if not 0 <= length <= MAX_ROLL:
                found.append(Mistake(f"{where}.{name}", f"is {length // SECOND} s", "0 s to 604800 s (7 days)"))
        return found


@dataclass(frozen=True, slots=True)
class AskedTiming:
    """When, as far as somebody says; the rest is the platform's default. None: not said."""

    start: int | None = None
    end: int | None = None
    permanent: bool = False
    """It has no end, whatever the default duration."""
    pre_roll: int | None = None
    post_roll: int | None = None

    def timing(self, defaults: Defaults, now_us: int) -> Timing:
        """All of it. Without a start the first event is the default delay from now, at the next whole second."""
        pre_roll = defaults.pre_roll_us if self.pre_roll is None else self.pre_roll
        start = self.start
        if start is None:
            start = -(-(now_us + defaults.start_delay_us) // SECOND) * SECOND + pre_roll
        end = self.end
        if end is None and not self.permanent and defaults.duration_us is not None:
            end = start + defaults.duration_us
        post_roll = self.post_roll
        if post_roll is None:
            post_roll = 0 if end is None else defaults.post_roll_us
        return Timing(start, end, pre_roll, post_roll)


@dataclass(frozen=True, slots=True)
class PlatformConfig:
    """Everything that is set per platform."""

    service_states: ServiceStates = field(default_factory=ServiceStates)
    limits: Limits = field(default_factory=Limits)
    start_failure_script: str = ""
    start_failure_on_failed_events: bool = True
    """Run it on Failed Service X and Failed Completed too, not on Failed alone."""
    lifecycle_colors: LifecycleColors = field(default_factory=LifecycleColors)
    defaults: Defaults = field(default_factory=Defaults)
    guard_us: int = 0
    """Resources that are free for so long before and after as well are proposed first."""
    ordering: Ordering = Ordering.PRIORITY
    lock_bookings: bool = False
    """Whoever makes a booking owns it, and only its owner may change it."""
    paused: bool = False
    """Nothing begins, neither events nor retries nor audits: what is due waits. What runs goes on to its end."""
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


@dataclass(frozen=True, slots=True)
class Differing:
    """One setting that differs between two versions."""

    key: str
    """In dotted words, times without their unit: ``limits.lso``."""
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.key}: {self.before or 'nothing'} -> {self.after or 'nothing'}"


def differing(before: Platform, after: Platform) -> list[Differing]:
    """What differs between two versions of a platform's settings; times in seconds, rows of tables one by one."""
    one, other = dict(_flat(before)), dict(_flat(after))
    return [
        Differing(key, one.get(key, ""), other.get(key, ""))
        for key in dict.fromkeys([*one, *other])
        if one.get(key, "") != other.get(key, "")
    ]


def _flat(platform: Platform) -> Iterator[tuple[str, str]]:
    yield "zone", platform.zone
    yield from _settings("", platform.config)


def _settings(where: str, value: object) -> Iterator[tuple[str, str]]:
    if is_dataclass(value):
        for one in fields(value):
            if one.name != "version":
                yield from _settings(f"{where}.{one.name}".lstrip("."), getattr(value, one.name))
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _settings(f"{where}.{name}", inner)
    elif isinstance(value, tuple):
        for row in value:
            yield f"{where}.{' -> '.join(row) if isinstance(row, tuple) else row}", "yes"
    elif where.endswith("_us"):
        yield where.removesuffix("_us"), "null" if value is None else f"{value / SECOND:g}"  # type: ignore[operator]
    else:
        yield where, "null" if value is None else str(value)
