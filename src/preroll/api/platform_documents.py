# SPDX-License-Identifier: Apache-2.0
"""The settings of a platform as documents: what is given, and how it is shown."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from preroll.api.checks import AuditScheduleGiven, AuditScheduleShown, audit_schedule_shown
from preroll.api.documents_shown import DocumentShown
from preroll.api.fields import Given, Length, Name, Shown, Span, Word
from preroll.domain.booking import State
from preroll.domain.colors import SHIPPED, LifecycleColors, Theme, text_on
from preroll.domain.config import Defaults, Limits, Ordering, Platform, PlatformConfig
from preroll.domain.service import DEFAULT_TRANSITIONS, PAUSE, STANDBY, START, STOP, ServiceStates, StageMapping

SECOND = 1_000_000
Pair = Annotated[list[Name], Field(min_length=2, max_length=2)]


class MappingGiven(Given):
    """Which service state each stage of a booking maps to; null disables the stage."""

    initial: Name | None = STOP
    preroll: Name | None = STANDBY
    service_active: Name | None = START
    postroll: Name | None = PAUSE
    ended: Name | None = STOP


class ServiceStatesGiven(Given):
    """Stage mapping and transition table; what the table does not list is not allowed."""

    mapping: MappingGiven = MappingGiven()
    transitions: list[Pair] = Field(default=[list(pair) for pair in DEFAULT_TRANSITIONS], max_length=1000)
    states: list[Name] = Field(default=[], max_length=100, description="the platform's own, beside the shipped ones")

    def thing(self) -> ServiceStates:
        """As the domain has it."""
        mapping = StageMapping(**self.mapping.model_dump())
        rows = tuple((before, after) for before, after in self.transitions)
        return ServiceStates(mapping, rows, tuple(self.states)).spelled()


class LimitsGiven(Given):
    """Time-outs and bounds; times in seconds, or with units: `90s`, `1h30m`, `PT5M`."""

    lso: Span = Field(default=600, validate_default=True)
    step: Span = Field(default=60, validate_default=True)
    start_failure: Span = Field(default=300, validate_default=True)
    created: Span = Field(default=60, validate_default=True, description="the created booking action of one node")
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    backoff: Span = Field(default=1, validate_default=True)
    grace: Span = Field(default=5, validate_default=True)
    simultaneous_lso: Annotated[int, Field(ge=-1, le=1_000_000)] = 100
    late: Span | None = Field(default=None, description="a first event that is later makes the booking Failed (Missed)")
    near_air: Span | None = Field(
        default=900, validate_default=True,
        description="a booking that is not confirmed so long before its first event raises an alarm; null: none does",
    )  # fmt: skip
    operator: Span | None = Field(
        default=900, validate_default=True,
        description="an order waits so long for an operator when nothing tells what a device has; null: it fails",
    )  # fmt: skip

    def thing(self) -> Limits:
        """As the domain has it."""
        return Limits(
            lso_us=self.lso, step_us=self.step, start_failure_us=self.start_failure, created_us=self.created,
            attempts=self.attempts,
            backoff_us=self.backoff, grace_us=self.grace, simultaneous_lso=self.simultaneous_lso, late_us=self.late,
            near_air_us=self.near_air, operator_us=self.operator,
        )  # fmt: skip


class ColorsGiven(Given):
    """The colours of life cycle states that differ from the shipped ones, as ``#rrggbb``, by theme."""

    light: dict[Annotated[State, Field(strict=False)], Word] = Field(default={}, max_length=14)
    dark: dict[Annotated[State, Field(strict=False)], Word] = Field(default={}, max_length=14)

    def thing(self) -> LifecycleColors:
        """As the domain has it."""
        light, dark = ({s.value: c.lower() for s, c in chosen.items()} for chosen in (self.light, self.dark))
        return LifecycleColors(light, dark)


class DefaultsGiven(Given):
    """What a booking gets that does not say otherwise; times in seconds, or with units: `90s`, `1h30m`, `PT5M`."""

    start_delay: Span = Field(default=0, validate_default=True, description="from now to the first event")
    duration: Length | None = Field(default=None, description="on the air; null: without end")
    pre_roll: Length = Field(default=0, validate_default=True)
    post_roll: Length = Field(default=0, validate_default=True)
    definition: Word = Field(default="", description="the service definition that screens propose")

    def thing(self) -> Defaults:
        """As the domain has it."""
        return Defaults(self.start_delay, self.duration, self.pre_roll, self.post_roll, self.definition)


class SettingsGiven(Given):
    """What a team decides for its platform."""

    zone: Annotated[str, Field(max_length=100)] = "UTC"
    service_states: ServiceStatesGiven = ServiceStatesGiven()
    limits: LimitsGiven = Field(default_factory=LimitsGiven)
    start_failure_script: Word = ""
    start_failure_on_failed_events: bool = True
    lifecycle_colors: ColorsGiven = ColorsGiven()
    defaults: DefaultsGiven = Field(default_factory=DefaultsGiven)
    guard: Span = Field(
        default=0, validate_default=True, description="resources free for so long before and after come first"
    )
    ordering: Annotated[Ordering, Field(strict=False)] = Ordering.PRIORITY
    lock_bookings: Annotated[bool, Field(description="only its owner may change a booking")] = False
    paused: Annotated[bool, Field(description="nothing begins: what is due waits until it is false again")] = False
    approve_orders: Annotated[bool, Field(description="orders are deployed when a second person has approved")] = False
    strict_plans: Annotated[bool, Field(description="an order with another plan than the checked one waits")] = False
    shrink_post_roll: Annotated[
        bool, Field(description="a booking ends once what it does in post-roll has succeeded; a finished one always")
    ] = False
    rescheduling_delay: Span = Field(
        default=0, validate_default=True,
        description="between an operator's word (start now, finish) and what it brings about; whole seconds",
    )  # fmt: skip
    retention: Length | None = Field(
        default=None, description="how long an ended booking is kept with all that is written of it; null: for ever"
    )

    service_audits: AuditScheduleGiven = Field(
        default_factory=AuditScheduleGiven, description="when services are audited by themselves"
    )

    def platform(self, name: str) -> Platform:
        """The platform of that name with these settings."""
        config = PlatformConfig(
            self.service_states.thing(), self.limits.thing(), self.start_failure_script,
            self.start_failure_on_failed_events, self.lifecycle_colors.thing(), self.defaults.thing(), self.guard,
            self.ordering, self.lock_bookings, self.paused, self.approve_orders, self.strict_plans,
            self.shrink_post_roll, self.rescheduling_delay, self.retention, self.service_audits.thing(),
        )  # fmt: skip
        return Platform(name, self.zone, config)


class PlatformGiven(SettingsGiven):
    """The domain that a team works in, with its settings."""

    kind: Literal["platform"] = "platform"
    name: Name

    def thing(self) -> Platform:
        """As the domain has it."""
        return self.platform(self.name)


class LimitsShown(Shown):
    """Time-outs and bounds; times in seconds."""

    lso: float
    step: float
    start_failure: float
    created: float
    attempts: int
    backoff: float
    grace: float
    simultaneous_lso: int
    late: float | None
    near_air: float | None
    operator: float | None


class ServiceStatesShown(Shown):
    """Stage mapping and transition table."""

    mapping: dict[str, str | None]
    transitions: list[tuple[str, str]]
    states: list[str]


class DefaultsShown(Shown):
    """What a booking gets that does not say otherwise; times in seconds."""

    start_delay: float
    duration: float | None
    pre_roll: float
    post_roll: float
    definition: str


class PlatformShown(DocumentShown):
    """A platform with its settings; ``revision`` is the version of the settings."""

    zone: str
    service_states: ServiceStatesShown
    limits: LimitsShown
    start_failure_script: str
    start_failure_on_failed_events: bool
    lifecycle_colors: dict[str, dict[str, str]]
    defaults: DefaultsShown
    guard: float
    ordering: Ordering
    lock_bookings: bool
    paused: bool
    approve_orders: bool
    strict_plans: bool
    shrink_post_roll: bool
    rescheduling_delay: float
    retention: float | None
    service_audits: AuditScheduleShown


def platform_shown(p: Platform) -> PlatformShown:
    """A platform with its settings."""
    c, limits = p.config, p.config.limits
    return PlatformShown(
        kind="platform", id=p.id, name=p.name, revision=c.version, zone=p.zone,
        service_states=ServiceStatesShown(
            mapping={stage.value: state for stage, state in c.service_states.mapping.items()},
            transitions=list(c.service_states.transitions), states=list(c.service_states.states),
        ),
        limits=LimitsShown(
            lso=limits.lso_us / SECOND, step=limits.step_us / SECOND, start_failure=limits.start_failure_us / SECOND,
            created=limits.created_us / SECOND,
            attempts=limits.attempts, backoff=limits.backoff_us / SECOND, grace=limits.grace_us / SECOND,
            simultaneous_lso=limits.simultaneous_lso,
            late=None if limits.late_us is None else limits.late_us / SECOND,
            near_air=None if limits.near_air_us is None else limits.near_air_us / SECOND,
            operator=None if limits.operator_us is None else limits.operator_us / SECOND,
        ),
        start_failure_script=c.start_failure_script, start_failure_on_failed_events=c.start_failure_on_failed_events,
        lifecycle_colors={theme.value: dict(c.lifecycle_colors.own(theme)) for theme in Theme},
        defaults=_defaults_shown(c.defaults), guard=c.guard_us / SECOND, ordering=c.ordering,
        lock_bookings=c.lock_bookings, paused=c.paused, approve_orders=c.approve_orders, strict_plans=c.strict_plans,
        shrink_post_roll=c.shrink_post_roll, rescheduling_delay=c.rescheduling_delay_us / SECOND,
        retention=None if c.retention_us is None else c.retention_us / SECOND,
        service_audits=audit_schedule_shown(c.service_audits),
    )  # fmt: skip


def _defaults_shown(d: Defaults) -> DefaultsShown:
    return DefaultsShown(
        start_delay=d.start_delay_us / SECOND, duration=None if d.duration_us is None else d.duration_us / SECOND,
        pre_roll=d.pre_roll_us / SECOND, post_roll=d.post_roll_us / SECOND, definition=d.definition,
    )  # fmt: skip


class ColorShown(Shown):
    """How a life cycle state is drawn in one theme."""

    fill: str
    text: str = Field(description="black or white, whichever can be read better on the fill")
    own: bool = Field(description="chosen by the platform, not the shipped one")


class LookShown(Shown):
    """How a life cycle state is drawn: never by its colour alone."""

    glyph: str
    pattern: str
    light: ColorShown
    dark: ColorShown


def looks_shown(colors: LifecycleColors) -> dict[str, LookShown]:
    """Every life cycle state with its look."""

    def color(state: State, theme: Theme) -> ColorShown:
        fill = colors.fill(state, theme)
        return ColorShown(fill=fill, text=text_on(fill), own=state.value in colors.own(theme))

    return {
        state.value: LookShown(
            glyph=look.glyph, pattern=look.pattern, light=color(state, Theme.LIGHT), dark=color(state, Theme.DARK)
        )
        for state, look in SHIPPED.items()
    }
