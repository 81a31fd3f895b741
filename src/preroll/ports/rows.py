# SPDX-License-Identifier: Apache-2.0
"""What goes into the journal and what comes out: rows in, verdicts out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum

from preroll.domain.booking import Booking, State
from preroll.domain.boundaries import Boundary, Decision, Reason
from preroll.domain.config import Platform
from preroll.domain.definition import ServiceDefinition
from preroll.domain.machine import Outcome
from preroll.domain.reach import Labels
from preroll.domain.values import dataclass


class Verdict(StrEnum):
    """What the journal says to a write."""

    OK = "ok"
    FENCED = "fenced"
    """Another worker owns the boundary now, or it is over: stop, and touch nothing."""
    DUPLICATE = "duplicate"
    """A step of this name is already recorded in this run (step names are unique in a run)."""


class StepState(StrEnum):
    """Where a step is."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It was under way when its host or engine died, and nothing can tell whether it took effect."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A due boundary with all that the rule needs to decide about it."""

    boundary: Boundary
    booking: Booking
    definition: ServiceDefinition | None
    platform: Platform
    inactive: tuple[str, ...] = ()
    name_taken_by: str = ""


Decide = Callable[[Judged, int], Decision]
"""(what is known, now in microseconds) -> decision; pure, so that a unit can be run again."""


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """A step as the journal has it; a resumed run starts from these."""

    name: str
    state: StepState
    result: object = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A boundary that this worker owns now, with the run that it asks for."""

    judged: Judged
    decision: Decision
    """Always a Run: what needs no script is settled in the claim itself."""
    epoch: int
    run: str
    """Id of the run (UUIDv7); a resumed run keeps its id."""
    version: str = ""
    """Version of the script that a resumed run began with; empty for a new run."""
    steps: tuple[RecordedStep, ...] = ()
    """What earlier epochs and tries of this boundary recorded, the latest of each name."""
    began_us: int = 0
    resumed: bool = False
    needs: Labels = frozenset()
    """What a worker must reach to run it."""
    left_by: str = ""
    """Name of the worker that had it and is gone; empty: nobody had."""

    @property
    def fence(self) -> Fence:
        """What every later write about this run carries."""
        return Fence(self.judged.boundary.key, self.epoch)

    @property
    def key_prefix(self) -> str:
        """``boundary:generation:try``: with the step's name, the idempotency key at the device."""
        b = self.judged.boundary
        return f"{b.key}:{b.generation}:{b.try_}"


@dataclass(frozen=True, slots=True)
class Fence:
    """Proof of ownership: writes with an older epoch are refused."""

    boundary: int
    epoch: int
    generation: int = field(default=0, compare=False)
    """No part of the proof: with it a carrier names the run; 0: it was not asked for."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A boundary that failed in its claim: there is no run to find it in."""

    booking: str
    """Id of the booking."""
    name: str
    """Of the booking."""
    event: str
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a claim found."""

    runs: tuple[Claimed, ...] = ()
    settled: int = 0
    """How many boundaries needed no script and are over already."""
    cancel: tuple[Fence, ...] = ()
    """Runs of this worker, and of runners, that must stop now: a down event of their booking is due."""
    next_due_us: int | None = None
    """The next instant at which there may be something to claim."""
    now_us: int = 0
    read_at: float = 0.0
    """When ``now_us`` was read, in seconds of the monotonic clock; 0: when the claim was answered."""
    more: bool = False
    """There was more than one claim may take: claim again at once."""
    failed: tuple[Failure, ...] = ()
    """What of the settled did not end well."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """What became of a run that a carrier brought."""

    claimed: Claimed | None = None
    """It is this worker's now; None: it is over, or somebody else's."""
    busy: bool = False
    """It is not over, and not for this worker now: another one runs it and lives, or has the script. Ask again."""
    now_us: int = 0
    """The store's clock."""


@dataclass(frozen=True, slots=True)
class StepBegin:
    """A step is about to touch a device. Durable before it does."""

    fence: Fence
    run: str
    name: str
    resource: str = ""
    attempt: int = 1
    version: str = ""
    """Version of the script that is running: with it a resumed run begins again."""


@dataclass(frozen=True, slots=True)
class StepEnd:
    """A step has ended."""

    fence: Fence
    run: str
    name: str
    state: StepState
    result: object = None
    """JSON; what ``ctx.step`` returned, returned again when the run is resumed."""
    diff: tuple[tuple[str, object, object], ...] = ()
    """(path, before, after) of each changed value; secrets as digests."""
    error: str = ""


class Severity(StrEnum):
    """Of a line of a booking's action log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a booking's action log."""

    booking: int
    run: str
    severity: Severity
    text: str
    at_us: int = 0
    """0: the store's clock."""
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settlement:
    """A run has ended, this is how."""

    fence: Fence
    run: str
    outcome: Outcome
    decision: Decision
    reason: Reason | None = None
    message: str = ""
    """What, where, expected and found: for the operator."""
    version: str = ""
    """Content hash of the script that ran."""
    returned: Mapping[str, object] = field(default_factory=dict)
    properties: Mapping[str, object] = field(default_factory=dict)
    """Properties that the script set on the booking."""
    unknown_steps: tuple[str, ...] = ()
    """Steps that were under way when the run was stopped."""
    left: Mapping[str, str] = field(default_factory=dict)
    """Node label of each resource that was taken out -> what keeps it from its ended state; empty: it is there."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a settlement."""

    verdict: Verdict
    state: State | None = None
