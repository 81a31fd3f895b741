# SPDX-License-Identifier: Apache-2.0
"""What the engine asks of the script hosts, and what they ask of the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from typing import Protocol

from preroll.domain.audit import AuditSpec
from preroll.domain.boundaries import Reason
from preroll.domain.created import NodeAction
from preroll.domain.machine import Outcome
from preroll.domain.values import dataclass
from preroll.ports.rows import LogLine, RecordedStep, StepBegin, StepEnd, Verdict


class ScriptKind(StrEnum):
    """What a script is for."""

    LSO = "lso"
    PROFILE_LOAD = "profile_load"
    START_FAILURE = "start_failure"
    CREATED = "created_action"
    """Runs before a booking is Confirmed."""
    ORDER = "order"
    """No script of an author: the deployment of a service order."""
    AUDIT = "audit"
    """No script of an author: the checks of the service definition."""
    FREE_LIST = "free_list"
    """No script of an author: each resource is brought to the values of its profile, by its profile-load script."""


ScriptKinds = Callable[[], Mapping[str, ScriptKind] | None]
"""Name -> kind of each script that is installed; None: this process does not know."""

# fmt: off
KIND_WORDS: Mapping[ScriptKind, str] = {
    ScriptKind.LSO:           "an LSO script",
    ScriptKind.PROFILE_LOAD:  "a profile-load script",
    ScriptKind.START_FAILURE: "a start failure script",
    ScriptKind.CREATED:       "a created booking action",
    ScriptKind.ORDER:         "a deployment",
    ScriptKind.AUDIT:         "an audit",
    ScriptKind.FREE_LIST:     "the load of a free list",
}
# fmt: on
"""What a person calls them."""


def misfit(found: ScriptKind | None, needed: ScriptKind) -> str:
    """What is wrong with a script that has to be of a kind; empty: nothing. None: it is not installed."""
    if found is None:
        return "is not installed"
    return "" if found is needed else f"is {KIND_WORDS[found]}, not {KIND_WORDS[needed]}"


@dataclass(frozen=True, slots=True)
class InstalledScript:
    """A script that can be run."""

    name: str
    kind: ScriptKind
    version: str
    """Content hash: first 12 hex digits of the SHA-256 of its source."""
    source: str
    """Where it was found: a path, or ``entry point <name> of <distribution>``."""
    summary: str = ""
    """First line of its docstring."""


@dataclass(frozen=True, slots=True)
class BrokenScript:
    """A file or entry point that cannot be used, and why."""

    source: str
    error: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Equipment:
    """One resource of a booking, with all that a script needs to configure it."""

    label: str
    """The node's label."""
    id: str
    name: str
    driver: str
    address: Mapping[str, object]
    function: str = ""
    profile: str = ""
    """Name of the profile instance; empty: none was chosen."""
    values: Mapping[str, object] = field(default_factory=dict)
    """Parameter name -> value: the instance's, with the booking's own on top."""
    states: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Service state -> values that apply in it."""
    defaults: Mapping[str, object] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    """Parameter name -> the driver's path."""
    secrets: tuple[str, ...] = ()
    """Names of the parameters whose values are references to secrets."""
    load: str = ""
    """Name of the profile-load script; empty: the shipped one (plan, apply, verify)."""
    properties: Mapping[str, object] = field(default_factory=dict)
    applied: Mapping[str, object] = field(default_factory=dict)
    """What earlier runs of the booking applied last, by the driver's paths; for audits."""
    device: str = ""
    """The box behind it, which others may share; empty: it is a device of its own."""
    hands_off: bool = False
    """Nothing may be sent to it; it may be read."""


@dataclass(frozen=True, slots=True)
class BookingView:
    """The booking as a script sees it; times in microseconds of UTC."""

    id: str
    name: str
    platform: str
    start_us: int
    end_us: int | None
    pre_roll_us: int
    post_roll_us: int
    state: str
    definition: str = ""
    definition_version: int = 0
    properties: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PartCheck:
    """A check of a service that a deployment makes before it is decided."""

    item: str
    """Name of the order's item: its nodes are labelled ``item/label``."""
    spec: AuditSpec
    booking: BookingView
    """The service."""


@dataclass(frozen=True, slots=True)
class DeploymentPart:
    """A part of a service order that is made as one: all new or all old."""

    name: str
    labels: tuple[str, ...]
    """Of the equipment that it changes, in order; none: there is nothing to send."""
    after: tuple[str, ...] = ()
    """Names of the parts that must have come about first."""
    one_by_one: bool = False
    """Each device only after the one before; else at once."""
    checks: tuple[PartCheck, ...] = ()
    """Made when its devices have been read back; one that is not Up takes all of it back."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a host is to run."""

    run: str
    key_prefix: str
    """``boundary:generation:try``."""
    kind: ScriptKind
    script: str
    version: str
    """The version that must run; empty: the one that is installed now."""
    event: str
    target: str
    previous: str
    booking: BookingView
    equipment: tuple[Equipment, ...] = ()
    steps: tuple[RecordedStep, ...] = ()
    timeout_us: int = 600_000_000
    step_timeout_us: int = 60_000_000
    attempts: int = 3
    backoff_us: int = 1_000_000
    grace_us: int = 5_000_000
    deadline_us: int | None = None
    """Wall-clock instant by which the stage should stand: the next boundary's due time."""
    dry_run: bool = False
    reason: str = ""
    """For a start failure script: why the booking failed."""
    detail: str = ""
    leaving: tuple[Equipment, ...] = ()
    """Resources that were taken out of the booking: brought to their values when the script has ended."""
    checks: tuple[AuditSpec, ...] = ()
    """For an audit: what to look at, in this order."""
    created: tuple[NodeAction, ...] = ()
    """For created booking actions: what to run, in this order."""
    parts: tuple[DeploymentPart, ...] = ()
    """For a service order: what to make, in this order."""
    stopping: bool = False
    """For a service order: it was canceled; what it has written is undone, and nothing else is done."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """For a service order: node label -> ``old`` or ``new``, what its device has by an operator's word."""


@dataclass(frozen=True, slots=True)
class Report:
    """How a run ended."""

    outcome: Outcome
    reason: Reason | None = None
    message: str = ""
    version: str = ""
    returned: Mapping[str, object] = field(default_factory=dict)
    properties: Mapping[str, object] = field(default_factory=dict)
    unknown_steps: tuple[str, ...] = ()
    fenced: bool = False
    """The journal refused a write: another worker owns the run. Nothing is to be settled."""
    cancelled: bool = False
    left: Mapping[str, str] = field(default_factory=dict)
    """Node label of each resource that was to leave -> what keeps it from its ended state; empty: it is there."""


class Ledger(Protocol):
    """The engine's side of a run: the hosts ask it before and after every step."""

    def begin(self, step: StepBegin) -> Awaitable[Verdict]:
        """Record that a step is about to touch a device; returns when that is durable."""
        ...

    def end(self, step: StepEnd) -> Awaitable[Verdict]:
        """Record how a step ended; returns when that is durable."""
        ...

    def log(self, line: LogLine) -> None:
        """Take a line of the action log; it is written soon."""
        ...


class ScriptRunner(Protocol):
    """Runs scripts somewhere that is not the engine."""

    def installed(self) -> Sequence[InstalledScript]:
        """All scripts that can be run now."""
        ...

    def broken(self) -> Sequence[BrokenScript]:
        """What was found and cannot be used."""
        ...

    def run(self, order: Order, ledger: Ledger, *, booking: int, fence_of: tuple[int, int]) -> Awaitable[Report]:
        """Run one script to its end. Never raises for what the script does: the report tells."""
        ...

    def cancel(self, run: str) -> None:
        """Stop a run: cancel it, and kill its host when it does not end within its grace."""
        ...


Reach = Callable[[str], None]
"""Called at named points of claim, begin, end and settle; the crash tests stop the process there."""


def nowhere(point: str) -> None:
    """The Reach that does nothing."""
