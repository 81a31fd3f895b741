# SPDX-License-Identifier: Apache-2.0
"""The settings of a platform (SPEC 9): what its team decides. The process has its own, ``settings``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, fields, is_dataclass, replace
from enum import StrEnum
from typing import Any

from preroll.domain.audit_schedule import AuditSchedule
from preroll.domain.booking import MAX_ROLL, Booking, Timing
from preroll.domain.colors import LifecycleColors
from preroll.domain.errors import Mistake
from preroll.domain.service import ServiceStates
from preroll.domain.values import dataclass
from preroll.domain.window import DAY, MINUTE, SECOND

LONGEST = 366 * DAY
"""Of a default duration."""
LONGEST_SPAN = 7 * DAY
"""Of a time-out, a pause or a delay."""
LONGEST_DELAY = 3_600 * SECOND
"""Of what an operator asks for now."""
LONGEST_KEPT = 36_525 * DAY
"""A hundred years."""
ATTEMPTS_MAX = 100
SIMULTANEOUS_MAX = 200
"""The vendor's own upper limit of LSO scripts at once (release note 43595)."""


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
    operator_us: int | None = 15 * MINUTE
    """How long an order waits for an operator when nothing tells what a device has; None: it fails at once."""

    def mistakes(self, where: str) -> list[Mistake]:
        """Everything wrong with them."""
        found = []
        for name, most in (("attempts", ATTEMPTS_MAX), ("simultaneous_lso", SIMULTANEOUS_MAX)):
            value: int = getattr(self, name)
            if not 1 <= value <= most:
                found.append(Mistake(f"{where}.{name}", f"is {value}", f"1 to {most}"))
        for one in fields(self):
            if one.name.endswith("_us"):
                found += _span_mistakes(f"{where}.{one.name.removesuffix('_us')}", getattr(self, one.name))
        return found


def _span_mistakes(where: str, span_us: int | None) -> list[Mistake]:
    sound = span_us is None or 0 <= span_us <= LONGEST_SPAN
    return [] if sound else [Mistake(where, f"is {(span_us or 0) / SECOND:g} s", "0 s to 604800 s (7 days)")]


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
        found = _span_mistakes(f"{where}.start_delay", self.start_delay_us)
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
    approve_orders: bool = False
    """A service order is deployed only when somebody other than who ordered it has approved it."""
    strict_plans: bool = False
    """A service order whose plan is not the one that was checked waits until somebody approves the new one."""
    shrink_post_roll: bool = False
    """A booking ends once what it does in post-roll has succeeded; one that somebody finished always does."""
    rescheduling_delay_us: int = 0
    """Between an operator's word and what is to happen at once: start now, finish, the rest of a past window."""
    retention_us: int | None = None
    """How long a booking that has ended is kept, with its runs, its log and its changes; None: for ever."""
    service_audits: AuditSchedule = field(default_factory=AuditSchedule)
    """When services are audited by themselves, unless their definition says otherwise."""
    version: int = 1

    @property
    def asks_approval(self) -> bool:
        """May a service order have to be approved: always, or when its plan has changed since it was checked?"""
        return self.approve_orders or self.strict_plans

    def shrinks(self, booking: Booking) -> bool:
        """Does its post-roll end with what is done in it? Always, once somebody has finished it (vendor note 26738)."""
        return booking.finished or self.shrink_post_roll

    def mistakes(self) -> list[Mistake]:
        """Everything wrong with it that no force can make right."""
        found = [
            *self.service_states.mistakes("service_states"), *self.limits.mistakes("limits"),
            *self.lifecycle_colors.mistakes("lifecycle_colors"), *self.defaults.mistakes("defaults"),
            *_span_mistakes("guard", self.guard_us), *self.service_audits.mistakes("service_audits"),
        ]  # fmt: skip
        if not 0 <= self.rescheduling_delay_us <= LONGEST_DELAY or self.rescheduling_delay_us % SECOND:
            is_now = f"is {self.rescheduling_delay_us / SECOND:g} s"
            found.append(Mistake("rescheduling_delay", is_now, "whole seconds, 0 to 3600"))
        if self.retention_us is not None and not DAY <= self.retention_us <= LONGEST_KEPT:
            is_now = f"is {self.retention_us / SECOND:g} s"
            found.append(Mistake("retention", is_now, "86400 s (a day) to 100 years, or null: for ever"))
        return found


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


def setting(platform: Platform, key: str) -> Any:
    """A setting by its key in dotted words, times in microseconds: ``limits.lso`` is ``config.limits.lso_us``."""
    value: Any = platform if key == "zone" else platform.config
    for name in key.split("."):
        value = getattr(value, _attribute(value, name))
    return value


def with_setting(platform: Platform, key: str, value: object) -> Platform:
    """The same with another value of a setting."""
    if key == "zone":
        return replace(platform, zone=str(value))
    return replace(platform, config=_put(platform.config, key, value))


def _put(thing: Any, key: str, value: object) -> Any:
    name, _, rest = key.partition(".")
    attribute = _attribute(thing, name)
    return replace(thing, **{attribute: _put(getattr(thing, attribute), rest, value) if rest else value})


def _attribute(thing: object, name: str) -> str:
    return name if hasattr(thing, name) else f"{name}_us"


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
