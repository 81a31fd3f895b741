# SPDX-License-Identifier: Apache-2.0
"""Scripts: how an author declares one, and what it is given.

An asynchronous script (``async def``) gets a Context and awaits; a plain ``def`` gets a BlockingContext with the same
calls, which return when they are done. Both kinds end by returning (success) or by raising (failure). A call that was
never awaited makes the run fail. What a context tells is read only to its depth: to change it raises ``TypeError``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar, overload

from preroll.sdk.audit import Audit, Check, WhenDown
from preroll.sdk.change import Turns, Values
from preroll.sdk.driver import Driver, Plan

R = TypeVar("R")
Probe = Callable[[], Awaitable[bool]] | Callable[[], bool]
"""Tells after a crash whether a step has taken effect."""


@dataclass(frozen=True, slots=True)
class Booking:
    """The booking that a script works for."""

    id: str
    name: str
    platform: str
    start: datetime
    end: datetime | None
    """None: permanent."""
    pre_roll: float
    """Seconds."""
    post_roll: float
    """Seconds."""
    state: str
    """Life cycle state when the run began."""
    definition: str
    properties: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of the booking, under its node's label."""

    label: str
    id: str
    name: str
    driver: str
    address: Mapping[str, object]
    function: str
    profile: str
    values: Mapping[str, object]
    """Values by parameter name, of the chosen profile instance, with the booking's own on top."""
    states: Mapping[str, Mapping[str, object]]
    """Service state -> the values that apply in it."""
    defaults: Mapping[str, object]
    properties: Mapping[str, object]
    hands_off: bool = False
    """Nothing is sent to it; applies, changes and steps on it are left out, recorded and told in the action log."""


class Logger(Protocol):
    """The booking's action log, in four severities. Extra keywords are kept as data."""

    def debug(self, text: str, **data: object) -> None: ...
    def info(self, text: str, **data: object) -> None: ...
    def warning(self, text: str, **data: object) -> None: ...
    def error(self, text: str, **data: object) -> None: ...


class _Known(Protocol):
    """What both kinds of script know."""

    event: str
    """START_BOOKING_WITH_PREROLL, START, STOP, STOP_BOOKING_WITH_POSTROLL; EXTERNAL: a state was forced; CHANGE:
    resources were put in or taken out; or START_FAILURE."""
    target: str
    """The service state to bring about."""
    previous: str
    """The service state before; FAILED when the event before failed."""
    booking: Booking
    resources: Mapping[str, Resource]
    """By node label, in node order."""
    deadline: datetime | None
    """When the next stage begins; None when there is none."""
    dry_run: bool
    """Plan only: nothing is sent to a device."""
    log: Logger
    reason: str
    """For a start failure script: why the booking failed (LsoFailed, Missed ...)."""
    detail: str

    def give(self, key: str, value: object) -> None:
        """Return data: kept with the run. Values are JSON."""
        ...

    def set_property(self, name: str, value: object) -> None:
        """Set a property of the booking when the run ends well."""
        ...


class Context(_Known, Protocol):
    """What an ``async def`` script gets.

    Every ``apply`` is a step: recorded before it starts and when it ends, retried with back-off, and after a crash
    probed before it is repeated. A step's name is unique in a run; it is made from the call unless ``step`` is given.
    """

    async def apply_profile(self, label: str, *, check: bool = True, step: str = "") -> Mapping[str, object]:
        """Apply the profile that was chosen at booking time. Returns what the profile-load script gave."""
        ...

    async def apply_state_profile(
        self, label: str, state: str = "", *, check: bool = True, step: str = ""
    ) -> Mapping[str, object]:
        """Apply only the values that belong to a service state (the target if none is named)."""
        ...

    async def apply_combined(
        self, label: str, state: str = "", *, check: bool = True, step: str = ""
    ) -> Mapping[str, object]:
        """Apply the state's values, completed by the profile's."""
        ...

    async def apply_defaults(self, label: str, *, check: bool = True, step: str = "") -> Mapping[str, object]:
        """Go back to the parameters' defaults."""
        ...

    @overload
    async def step(
        self,
        name: str,
        do: Callable[[str], Awaitable[R]],
        *,
        probe: Probe | None = None,
        repeatable: bool = False,
        resource: str = "",
    ) -> R: ...
    @overload
    async def step(
        self,
        name: str,
        do: Callable[[str], R],
        *,
        probe: Probe | None = None,
        repeatable: bool = False,
        resource: str = "",
    ) -> R: ...
    async def step(
        self,
        name: str,
        do: Callable[[str], object],
        *,
        probe: Probe | None = None,
        repeatable: bool = False,
        resource: str = "",
    ) -> object:
        """A step of your own. ``do`` gets an idempotency key; what it returns (JSON) is journalled and returned.

        Args:
            probe: tells after a crash whether the step has taken effect.
            repeatable: doing it twice does no harm, so no probe is needed.

        Raises:
            StepUnknown: it was under way in a crash, has no probe and is not repeatable.
        """
        ...

    async def audit(
        self, check: Check, *, within: float = 5.0, down: WhenDown | str = WhenDown.FAIL, step: str = ""
    ) -> Audit:
        """Look whether the service is really up: a step whose evidence stays in the journal and the action log.

        Args:
            check: what to look at; see ``preroll.audits``.
            within: seconds for which it is looked at again before it counts as Down. Keep it below the step's time-out.
            down: ``report`` hands over an audit that is not Up, and the script decides.

        Raises:
            AuditFailed: it is Down, or the check could not be made.
        """
        ...

    async def change(
        self,
        *labels: str,
        values: Values | str | Mapping[str, Mapping[str, object]] = Values.COMBINED,
        audit: Check | Sequence[Check] = (),
        within: float = 5.0,
        window: float = 120.0,
        turns: Turns | str = Turns.TOGETHER,
        name: str = "",
    ) -> Mapping[str, Plan]:
        """Bring several devices to their values as one: all have the new ones, or all have the old ones.

        All are planned and nothing is written; then each is written, read back, and the service is looked at. If all
        that is well it is decided, durably, and from then on it only goes forward; whatever fails before takes
        everything back, in reverse. The same holds when the script host or the engine dies at any instant: before
        the script is resumed the change is brought to its end, or back.

        Args:
            labels: the devices, by node label; none: all of the booking.
            values: which values, or node label -> parameter -> value.
            audit: what must be up before it is decided.
            within: seconds for which each audit is looked at again before it counts as Down.
            window: seconds in which it must be decided; a device that can (``confirmed-commit``) takes back by
                itself what is not confirmed by then.
            turns: all at once, or one by one.
            name: tells two changes of one run apart; the target state unless given.

        Returns:
            Node label -> what was changed there.

        Raises:
            GiveUp: it cannot be done so; nothing was written.
            ChangeFailed: its ``stand`` tells whether all is old, or what is left where.
        """
        ...


class BlockingContext(_Known, Protocol):
    """What a plain ``def`` script gets: the calls of Context, which return when they are done."""

    def apply_profile(self, label: str, *, check: bool = True, step: str = "") -> Mapping[str, object]: ...
    def apply_state_profile(
        self, label: str, state: str = "", *, check: bool = True, step: str = ""
    ) -> Mapping[str, object]: ...
    def apply_combined(
        self, label: str, state: str = "", *, check: bool = True, step: str = ""
    ) -> Mapping[str, object]: ...
    def apply_defaults(self, label: str, *, check: bool = True, step: str = "") -> Mapping[str, object]: ...
    def step(
        self,
        name: str,
        do: Callable[[str], R],
        *,
        probe: Callable[[], bool] | None = None,
        repeatable: bool = False,
        resource: str = "",
    ) -> R: ...
    def audit(
        self, check: Check, *, within: float = 5.0, down: WhenDown | str = WhenDown.FAIL, step: str = ""
    ) -> Audit: ...
    def change(
        self,
        *labels: str,
        values: Values | str | Mapping[str, Mapping[str, object]] = Values.COMBINED,
        audit: Check | Sequence[Check] = (),
        within: float = 5.0,
        window: float = 120.0,
        turns: Turns | str = Turns.TOGETHER,
        name: str = "",
    ) -> Mapping[str, Plan]: ...


class _KnownToLoad(Protocol):
    event: str
    """As in an LSO script; APPLY: outside of any booking, ``booking`` is then what is kept of the application."""
    target: str
    booking: Booking
    resource: Resource
    values: Mapping[str, object]
    """Parameter name -> value to set now."""
    desired: Mapping[str, object]
    """The same by the driver's paths."""
    check: bool
    """Read back and compare after the set."""
    dry_run: bool
    key: str
    """Idempotency key of this step."""
    log: Logger

    def give(self, key: str, value: object) -> None:
        """Hand a value back to the LSO script."""
        ...


class LoadContext(_KnownToLoad, Protocol):
    """What an ``async def`` profile-load script gets."""

    driver: Driver

    async def load(self) -> None:
        """Plan, apply, read back and compare: all that most profile-load scripts need."""
        ...


class BlockingLoadContext(_KnownToLoad, Protocol):
    """What a plain ``def`` profile-load script gets."""

    def load(self) -> None: ...


class _KnownWhenCreated(Protocol):
    node: str
    """Label of the node whose action this is."""
    parameters: Mapping[str, str]
    """As the service definition says; ``[RESERVATIONID]`` is the booking's id."""
    booking: Booking
    resources: Mapping[str, Resource]
    """By node label, in node order: those that are chosen already."""
    log: Logger

    def assign(self, label: str, resource: str) -> None:
        """Choose a resource (id or name) for a node; held when the booking is Confirmed, if it is free."""
        ...

    def set_value(self, label: str, parameter: str, value: object) -> None:
        """Set a parameter of a node's profile. Values are JSON."""
        ...

    def set_property(self, name: str, value: object) -> None:
        """Set a property of the booking. Values are JSON."""
        ...


class CreatedContext(_KnownWhenCreated, Protocol):
    """What an ``async def`` created booking action gets; to refuse, it raises Rejected(message)."""

    async def step(
        self,
        name: str,
        do: Callable[[str], Awaitable[R]],
        *,
        probe: Probe | None = None,
        repeatable: bool = False,
    ) -> R:
        """A step, as in an LSO script: done once, whatever crashes."""
        ...


class BlockingCreatedContext(_KnownWhenCreated, Protocol):
    """What a plain ``def`` created booking action gets."""

    def step(
        self, name: str, do: Callable[[str], R], *, probe: Callable[[], bool] | None = None, repeatable: bool = False
    ) -> R: ...
