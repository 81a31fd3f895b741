# SPDX-License-Identifier: Apache-2.0
"""When a booking is audited: after its events and whenever somebody asks. An audit is an aside and moves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from preroll.domain.audit import AuditSpec, Round, Verdict, standing
from preroll.domain.booking import LIFE_CYCLE, Booking, Phase
from preroll.domain.boundaries import (
    BOUNDARY,
    EVENTS,
    OPEN,
    STANDARD,
    Boundary,
    BoundaryState,
    BoundaryTrigger,
    Decision,
    Kind,
    Nothing,
    Run,
)
from preroll.domain.definition import ServiceDefinition

AUDITS = "audits"
"""Stands in the place of a script's name where a run is a round of checks."""
ORDINAL = EVENTS[Kind.AUDIT].ordinal
PLANNED = "planned: "
"""What an audit carries as its reason that a schedule asks for; the schedule stands after it."""
_EVENT_NAMES = {EVENTS[kind].name for kind in STANDARD}


def event_of(boundary: Boundary) -> str:
    """The event after which an audit is made; empty: somebody asked for it."""
    return boundary.message if boundary.message in _EVENT_NAMES else ""


def asked_by(name: str) -> str:
    """What an audit that somebody asked for carries as its reason."""
    return f"asked by {name}"


def is_planned(boundary: Boundary, now_us: int) -> bool:
    """Is it an audit that a schedule asks for, and that is still to come?"""
    ahead = boundary.state is BoundaryState.ARMED and boundary.due_us > now_us
    return boundary.kind is Kind.AUDIT and ahead and boundary.message.startswith(PLANNED)


def is_audited_soon(existing: Sequence[Boundary], now_us: int) -> bool:
    """Is an audit due, or under way?"""
    return any(b.kind is Kind.AUDIT and b.state in OPEN and not is_planned(b, now_us) for b in existing)


def checks_of(booking: Booking, definition: ServiceDefinition | None) -> tuple[AuditSpec, ...]:
    """All checks that can be made of a booking, or of the service that it carries."""
    if definition is None:
        return ()
    return definition.checks_of_services if booking.carries else definition.audits


def decide_audit(boundary: Boundary, booking: Booking, definition: ServiceDefinition | None) -> Decision:
    """What a due audit asks for; nothing when the booking has ended, or gone beyond the event that asked for it."""
    after = next((e.trigger for e in EVENTS.values() if e.name == event_of(boundary)), None)
    reached = {edge.ok for edge in LIFE_CYCLE if edge.trigger is after}
    gone = after is not None and (booking.state not in reached or bool(booking.entering))
    if gone or booking.phase is not Phase.RUNNING or not checks_of(booking, definition):
        return Nothing()
    return Run(AUDITS, booking.service_state, booking.service_state)


def audit_again(existing: Sequence[Boundary], booking: int, now_us: int, why: str) -> list[Boundary]:
    """The boundary that has a booking audited: the one that waits already, or one that is over, once more.

    A booking has one audit at a time, as two would want the same ports: while one runs, the next is kept disarmed.

    Args:
        existing: all boundaries of the booking.
        why: the name of the event after which it is made, or who asks.

    Returns:
        What is to be written; nothing when an audit that will do waits already.
    """
    audits = [b for b in existing if b.kind is Kind.AUDIT]
    waiting = next((b for b in audits if b.state in (BoundaryState.ARMED, BoundaryState.DISARMED)), None)
    if waiting is not None and is_planned(waiting, now_us):
        return [replace(waiting, due_us=now_us, planned_us=now_us, message=why)]
    if waiting is not None:
        return [replace(waiting, message=why)] if event_of(waiting) and waiting.message != why else []
    busy = any(b.state is BoundaryState.RUNNING for b in audits)
    state = BoundaryState.DISARMED if busy else BoundaryState.ARMED
    return [_armed(audits, booking, now_us, state, why)]


def audit_planned(existing: Sequence[Boundary], booking: int, due_us: int | None, said: str) -> list[Boundary]:
    """The boundary that has a service audited by its schedule; what waits or runs already comes first.

    Args:
        due_us: None: no schedule asks for any more, and what one has asked for is dropped.
        said: the schedule in words.

    Returns:
        What is to be written; nothing when it is as it should be.
    """
    audits = [b for b in existing if b.kind is Kind.AUDIT]
    open_ = [b for b in audits if b.state in (BoundaryState.ARMED, BoundaryState.DISARMED, BoundaryState.RUNNING)]
    planned = next((b for b in open_ if b.state is BoundaryState.ARMED and b.message.startswith(PLANNED)), None)
    if planned is None:
        return [] if open_ or due_us is None else [_armed(audits, booking, due_us, BoundaryState.ARMED, said)]
    if due_us is None:
        return [replace(planned, state=BOUNDARY.fire(planned.state, BoundaryTrigger.DROP))]
    return [] if planned.message == said else [replace(planned, due_us=due_us, planned_us=due_us, message=said)]


def _armed(audits: Sequence[Boundary], booking: int, due_us: int, state: BoundaryState, why: str) -> Boundary:
    """An audit that is over, once more; a new one when there is none."""
    over = next((b for b in audits if BOUNDARY.may(b.state, BoundaryTrigger.AGAIN)), None)
    if over is None:
        return Boundary(0, booking, Kind.AUDIT, due_us, state, planned_us=due_us, message=why)
    return replace(
        over, state=state, generation=over.generation + 1, worker=None, due_us=due_us, planned_us=due_us,
        began_us=None, ended_us=None, reason=None, message=why,
    )  # fmt: skip


def next_audits(existing: Sequence[Boundary], now_us: int) -> list[Boundary]:
    """The audits that waited for the one that has ended now."""
    return [
        replace(b, state=BOUNDARY.fire(b.state, BoundaryTrigger.ARM), due_us=now_us)
        for b in existing
        if b.kind is Kind.AUDIT and b.state is BoundaryState.DISARMED
    ]


def stands(booking: Booking, boundaries: Sequence[Boundary], rounds: Sequence[Round]) -> Verdict | None:
    """What is known of a booking's service now; None: it has none, as the booking does not run.

    Args:
        rounds: its rounds of checks that have ended, newest first.
    """
    if booking.phase is not Phase.RUNNING:
        return None
    events = [b for b in boundaries if b.kind in STANDARD]
    if booking.carries:
        return standing(rounds, booking.service_state, booking.changed_us)
    changed = max((at for b in events for at in (b.began_us, b.ended_us) if at is not None), default=0)
    return standing(rounds, booking.service_state, changed)
