# SPDX-License-Identifier: Apache-2.0
"""Boundaries: the instants at which a booking must do something, what each asks for, and what comes of it.

Boundaries are derived from the timing, never appended by anyone; one that has begun never moves and never runs again
(SPEC 3.1, 5). Seed: "The booking life cycle state changes during: start of pre-roll, end of pre-roll, start of
post-roll, end of post-roll".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from enum import StrEnum

from preroll.domain.booking import ENDED, LIFE_CYCLE, ORCHESTRATED, Booking, State, Timing, Trigger
from preroll.domain.config import PlatformConfig
from preroll.domain.machine import Machine, Outcome
from preroll.domain.service import FAILED, Stage
from preroll.domain.values import dataclass


class Kind(StrEnum):
    """What a boundary is."""

    START_OF_PRE_ROLL = "start_of_pre_roll"
    END_OF_PRE_ROLL = "end_of_pre_roll"
    START_OF_POST_ROLL = "start_of_post_roll"
    END_OF_POST_ROLL = "end_of_post_roll"
    START_FAILURE = "start_failure"
    """Runs the platform's start failure script; moves nothing."""
    FORCED = "forced"
    """A service state that somebody forces; moves the service state alone."""
    CHANGE = "change"
    """Resources are put in or taken out while the booking runs; moves the service state alone."""
    APPLY = "apply"
    """A profile is applied to one resource, outside of any booking."""
    AUDIT = "audit"
    """Runs the checks of the service definition; moves nothing."""
    ORDER = "order"
    """Deploys a service order, whose states are its own; the booking that carries it stays as it is."""
    CHECK = "check"
    """Plans a service order without writing to any device; moves nothing."""
    CREATED = "created"
    """Runs the created booking actions, before the booking is Confirmed; what comes of it is a unit of its own."""


class Direction(StrEnum):
    """Does an event bring the service up or down? Down events go first."""

    DOWN = "down"
    UP = "up"
    ASIDE = "aside"
    """Neither: it never holds up a standard event."""


@dataclass(frozen=True, slots=True)
class Event:
    """One row of EVENTS."""

    ordinal: int
    name: str
    """The event's name as a script sees it (vendor's words)."""
    stage: Stage | None
    trigger: Trigger | None
    direction: Direction


# fmt: off
EVENTS: dict[Kind, Event] = {
    # boundary                    ord  event                                stage                 trigger                     direction
    Kind.START_OF_PRE_ROLL:  Event(1, "START_BOOKING_WITH_PREROLL",         Stage.PRE_ROLL,       Trigger.START_OF_PRE_ROLL,  Direction.UP),
    Kind.END_OF_PRE_ROLL:    Event(2, "START",                              Stage.SERVICE_ACTIVE, Trigger.END_OF_PRE_ROLL,    Direction.UP),
    Kind.START_OF_POST_ROLL: Event(3, "STOP",                               Stage.POST_ROLL,      Trigger.START_OF_POST_ROLL, Direction.DOWN),
    Kind.END_OF_POST_ROLL:   Event(4, "STOP_BOOKING_WITH_POSTROLL",         Stage.ENDED,          Trigger.END_OF_POST_ROLL,   Direction.DOWN),
    Kind.FORCED:             Event(0, "EXTERNAL",                           None,                 None,                       Direction.UP),
    Kind.CHANGE:             Event(0, "CHANGE",                             None,                 None,                       Direction.UP),
    Kind.APPLY:              Event(0, "APPLY",                              None,                 None,                       Direction.UP),
    Kind.ORDER:              Event(0, "ORDER",                              None,                 None,                       Direction.UP),
    Kind.CHECK:              Event(6, "CHECK",                              None,                 None,                       Direction.ASIDE),
    Kind.CREATED:            Event(7, "CREATED_BOOKING_ACTION",             None,                 None,                       Direction.ASIDE),
    Kind.AUDIT:              Event(8, "AUDIT",                              None,                 None,                       Direction.ASIDE),
    Kind.START_FAILURE:      Event(9, "START_FAILURE",                      None,                 None,                       Direction.ASIDE),
}
# fmt: on
STANDARD = tuple(kind for kind, event in EVENTS.items() if event.trigger is not None)
"""The four events of every booking, in order."""
EXTERNAL = frozenset({Kind.FORCED, Kind.CHANGE, Kind.APPLY})
"""Which kinds do people ask for beside the standard events? They move the service state, never the life cycle."""


class BoundaryState(StrEnum):
    """Where a boundary is."""

    ARMED = "armed"
    """Will be claimed when it is due."""
    DISARMED = "disarmed"
    """The booking is not to be orchestrated now, or its timing has no such instant (it is permanent)."""
    RUNNING = "running"
    """Claimed by a worker; never moves any more."""
    DONE = "done"
    FAILED = "failed"
    DROPPED = "dropped"
    """Will never run: the booking was aborted, canceled, or could not be initiated."""


class BoundaryTrigger(StrEnum):
    """What can happen to a boundary."""

    ARM = "arm"
    DISARM = "disarm"
    CLAIM = "claim"
    SETTLE = "settle"
    RETRY = "retry"
    ACKNOWLEDGE = "acknowledge"
    DROP = "drop"
    AGAIN = "again"


_B, _BT = BoundaryState, BoundaryTrigger
# fmt: off
BOUNDARY: Machine[BoundaryState, BoundaryTrigger] = Machine("boundary", _B.ARMED, (
    # from                     trigger      ok            failed      why
    ({_B.DISARMED},            _BT.ARM,     _B.ARMED,     None,       "confirmed again"),
    ({_B.ARMED},               _BT.DISARM,  _B.DISARMED,  None,       "on hold, demoted or quarantined; or permanent now"),
    ({_B.ARMED},               _BT.CLAIM,   _B.RUNNING,   None,       "due, its turn, and its devices are free"),
    ({_B.RUNNING},             _BT.CLAIM,   _B.RUNNING,   None,       "taken over: the worker's lease has expired"),
    ({_B.RUNNING},             _BT.SETTLE,  _B.DONE,      _B.FAILED,  "the run has ended"),
    ({_B.FAILED},              _BT.RETRY,   _B.ARMED,     None,       "the operator's retry: next try, same generation"),
    ({_B.FAILED},              _BT.ACKNOWLEDGE, _B.DONE,  None,       "repaired by hand; its undone steps stay listed"),
    ({_B.DONE, _B.FAILED},     _BT.AGAIN,   _B.ARMED,     None,       "an audit is asked for again: next generation"),
    ({_B.ARMED, _B.DISARMED},  _BT.DROP,    _B.DROPPED,   None,       "canceled, aborted, or could not be initiated"),
), states=BoundaryState)
# fmt: on
_SETTLED = {
    ok: BOUNDARY.fire(_B.RUNNING, _BT.SETTLE, Outcome.OK if ok else Outcome.FAILED) for ok in (True, False)
}  # fmt: skip
OPEN = frozenset({BoundaryState.ARMED, BoundaryState.RUNNING})
"""Which boundaries still have something to do?"""
BEGUN = frozenset({BoundaryState.RUNNING, BoundaryState.DONE, BoundaryState.FAILED})
"""Which boundaries never move any more?"""


def derive(timing: Timing) -> list[tuple[Kind, int]]:
    """The standard boundaries of a timing with their due instants, in order.

    With a zero-length roll two share an instant and go back to back; a permanent booking has no down events until it
    is finished.
    """
    instants = [timing.start - timing.pre_roll, timing.start]
    if timing.end is not None:
        instants += [timing.end, timing.end + timing.post_roll]
    return list(zip(STANDARD, instants, strict=False))


class Reason(StrEnum):
    """Why an event failed; the start failure script gets it (SPEC 5)."""

    RESOURCE_NOT_ACTIVE = "ResourceNotActive"
    BOOKING_NOT_FOUND = "BookingNotFound"
    SERVICE_NAME_IN_USE = "ServiceNameInUse"
    LSO_FAILED = "LsoFailed"
    SCRIPT_MISSING = "ScriptMissing"
    TRANSITION_NOT_ALLOWED = "TransitionNotAllowed"
    MISSED = "Missed"
    UNEXPECTED = "Unexpected"


@dataclass(frozen=True, slots=True)
class Boundary:
    """One row of the timetable."""

    key: int
    booking: int
    kind: Kind
    due_us: int
    state: BoundaryState = BoundaryState.ARMED
    generation: int = 1
    """Rises with each edit that moves it."""
    try_: int = 0
    """Rises with each operator's retry; stays over a crash."""
    epoch: int = 0
    """Rises with each claim: the fence."""
    worker: int | None = None
    trigger: Trigger | None = None
    """The row of the life cycle that it fires; FINISH for an abort in pre-roll, RETRY for a retry."""
    planned_us: int = 0
    """The instant that was planned when it was armed; ``due_us`` of a retry is the instant of the retry."""
    began_us: int | None = None
    ended_us: int | None = None
    reason: Reason | None = None
    message: str = ""
    waits_for: int | None = None
    """Key of the boundary that holds a device that this one needs."""

    @property
    def event(self) -> Event:
        """Its row of EVENTS."""
        return EVENTS[self.kind]

    @property
    def is_first(self) -> bool:
        """Is it the event with which a booking begins to run?"""
        return self.try_ == 0 and self.kind is Kind.START_OF_PRE_ROLL


@dataclass(frozen=True, slots=True)
class Run:
    """Decision: run this script to bring the service from one state to another."""

    script: str
    target: str
    previous: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """Decision: there is nothing to run; the life cycle moves on. ``target`` None keeps the service state."""

    target: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Decision: it fails without a script having run."""

    reason: Reason
    message: str
    script: str = ""
    """The script that is not installed here; another worker may have it."""


Decision = Run | Nothing | Refusal


@dataclass(frozen=True, slots=True)
class Advance:
    """What a boundary's end does to its booking."""

    state: State
    service_state: str
    trigger: Trigger | None
    boundary: BoundaryState
    ended: bool
    """The booking holds no resources any more."""
    drops: bool = False
    """All its other boundaries will never run."""
    not_reset: bool = False
    start_failure: bool = False
    """The platform's start failure script is to run."""
    abandons_retry: bool = False
    """An earlier failed event failed again: the retry that waits behind it is over, the booking stays as it was."""
    shrinks: bool = False
    """All that was to be done in post-roll is done, and nothing of it is to be waited for."""


def advance(
    boundary: Boundary,
    booking: Booking,
    config: PlatformConfig,
    decision: Decision,
    outcome: Outcome,
    *,
    known_states: Collection[str] | None = None,
) -> Advance:
    """The booking after a boundary: the table picks the column, this picks the row.

    A refusal of the very first event means that the booking could not be initiated: Failed. An event that is retried
    on the way to a later failed one ("undone steps of earlier failed events first") moves the booking nowhere.
    """
    refused = isinstance(decision, Refusal)
    ok = outcome is Outcome.OK and not refused
    settled = _SETTLED[ok]
    if boundary.kind in EXTERNAL:
        known = config.service_states.known
        service = booking.service_state if refused else _service_state(booking, decision, ok=ok, known_states=known)
        return Advance(booking.state, service, None, settled, ended=False)
    if boundary.trigger is None:
        mend = boundary.kind in STANDARD
        return Advance(booking.state, booking.service_state, None, settled, ended=False, abandons_retry=mend and not ok)
    if refused and boundary.is_first:
        return Advance(
            LIFE_CYCLE.fire(booking.state, Trigger.CANNOT_INITIATE), FAILED, Trigger.CANNOT_INITIATE, settled,
            ended=True, drops=True, start_failure=bool(config.start_failure_script),
        )  # fmt: skip
    after = LIFE_CYCLE.fire(booking.state, boundary.trigger, Outcome.OK if ok else Outcome.FAILED)
    service = _service_state(booking, decision, ok=ok, known_states=known_states)
    return Advance(
        after, service, boundary.trigger, settled,
        ended=after in ENDED,
        not_reset=after is State.FAILED_COMPLETED,
        start_failure=not ok and config.start_failure_on_failed_events and bool(config.start_failure_script),
        shrinks=after is State.POST_ROLL and config.shrinks(booking),
    )  # fmt: skip


def _service_state(booking: Booking, decision: Decision, *, ok: bool, known_states: Collection[str] | None) -> str:
    if not ok:
        return FAILED
    target = decision.target if not isinstance(decision, Refusal) else None
    if target is None or (known_states is not None and target not in known_states):
        return booking.service_state
    return target


def begun_kinds(boundaries: Sequence[Boundary]) -> set[Kind]:
    """The standard kinds that have begun or are over: an event that ran never moves."""
    return {b.kind for b in boundaries if b.kind in STANDARD and (b.state in BEGUN or b.try_)}


def retime(existing: Sequence[Boundary], booking: int, timing: Timing, *, armed: bool) -> list[Boundary]:
    """The boundaries that an edit of the timing writes: those that have not begun move, each to a new generation.

    What the timing has no more is disarmed, what was dropped never comes back, and an abort stands.

    Args:
        existing: all boundaries of the booking.
        armed: the booking is to be orchestrated; otherwise they are kept disarmed.
    """
    if any(b.trigger is Trigger.FINISH for b in existing):
        return []
    begun, stored = begun_kinds(existing), {b.kind: b for b in existing}
    planned = dict(derive(timing))
    state = BoundaryState.ARMED if armed else BoundaryState.DISARMED
    written = []
    for kind, due in planned.items():
        old = stored.get(kind)
        if kind in begun or (old is not None and old.state is BoundaryState.DROPPED):
            continue
        if old is None:
            written.append(Boundary(0, booking, kind, due, state, trigger=EVENTS[kind].trigger, planned_us=due))
        elif (old.due_us, old.state) != (due, state):
            moved = old.generation + (old.due_us != due)
            written.append(
                replace(old, due_us=due, planned_us=due, state=state, generation=moved, trigger=EVENTS[kind].trigger)
            )
    written += [
        replace(b, state=BoundaryState.DISARMED)
        for kind, b in stored.items()
        if kind in STANDARD and kind not in planned and kind not in begun and b.state is BoundaryState.ARMED
    ]
    return written


def orchestrates(state: State) -> bool:
    """Do boundaries of a booking in this state fire?"""
    return state in ORCHESTRATED
