# SPDX-License-Identifier: Apache-2.0
"""What keeps somebody from calling it a day: one table, the most urgent first, each with what to do about it.

The home page, ``GET /api/v1/night`` and ``preroll night`` list bookings by these rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from preroll.domain.attention import TO_DO, WHEN_LAPSED
from preroll.domain.booking import FAILED_EVENT, RUNNING, Booking, State
from preroll.domain.boundaries import EXTERNAL, STANDARD, Boundary, BoundaryState
from preroll.domain.service import FAILED
from preroll.domain.values import dataclass
from preroll.domain.window import SECOND

PROMPT = 2 * SECOND
"""What is due for less is not late."""


class Concern(StrEnum):
    """Why a booking needs somebody."""

    FAILED = "failed"
    ACTION_FAILED = "action_failed"
    IN_CONFLICT = "in_conflict"
    DOWN = "down"
    LATE = "late"
    WAITING = "waiting"
    NOT_STARTED = "not_started"
    NEAR_AIR = "near_air"
    NOT_RESET = "not_reset"
    QUARANTINED = "quarantined"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Remedy:
    """One row of a table of what is the matter."""

    title: str
    """For a person: what is the matter."""
    to_do: str
    """Empty: it depends on the state, or on the reason."""
    actions: tuple[str, ...]
    """Actions, or the kinds of orders, that put it right; the first choice first."""


C = Concern
# fmt: off
CONCERNS: Mapping[Concern, Remedy] = {
    # concern               what is the matter          what to do about it, and by which actions
    C.FAILED:        Remedy("Failed while it runs",     "read in its log why; retry the event, or acknowledge it once it is repaired by hand",  ("retry", "acknowledge", "finish")),
    C.ACTION_FAILED: Remedy("Failed on request",       "read in its log why; ask for it again, or force a service state that puts it right",    ("force-state", "swap", "finish")),
    C.IN_CONFLICT:   Remedy("In conflict",              "give it another resource, or finish one of the two",                                   ("swap", "finish")),
    C.DOWN:          Remedy("Service down",             "see what the checks found, mend it, and audit it again",                               ("audit", "swap")),
    C.LATE:          Remedy("Late",                     "see who runs what is due, and start what is missing",                                  ()),
    C.WAITING:       Remedy("Waiting",                  "finish the booking that it waits for, or give one of the two another resource",        ("swap",)),
    C.NOT_STARTED:   Remedy("Could not be started",     "mend what kept it from starting, then duplicate it for the rest of its time",          ("duplicate",)),
    C.NEAR_AIR:      Remedy("Near air, not confirmed",  "",                                                                                     ("confirm", "leave-quarantine", "adjust", "cancel")),
    C.NOT_RESET:     Remedy("Not reset",                "retry its last event, or acknowledge it once the devices are reset by hand",           ("retry", "acknowledge")),
    C.QUARANTINED:   Remedy("Quarantined",              TO_DO[State.QUARANTINED],                                                               ("leave-quarantine", "swap", "adjust", "cancel")),
    C.LAPSED:        Remedy("Lapsed",                   WHEN_LAPSED,                                                                            ("adjust", "cancel")),
}
# fmt: on


def to_do(concern: Concern, booking: Booking) -> str:
    """What to do about a concern of a booking."""
    return CONCERNS[concern].to_do or TO_DO[booking.state]


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed of a booking."""

    what: str
    """The event, and what it said."""
    at_us: int


def failure(booking: Booking, events: Sequence[Boundary]) -> Failure:
    """What failed last of a booking that is in a failed state, or whose service is."""
    ended_badly = failed(booking) is not Concern.ACTION_FAILED
    kinds = STANDARD if ended_badly else EXTERNAL
    found = [one for one in events if one.kind in kinds and one.state is BoundaryState.FAILED]
    if not found:
        standing = f"it is {booking.state.value}" if ended_badly else f"its service state is {FAILED}"
        return Failure(standing, booking.timing.start)
    last = max(found, key=lambda one: one.ended_us or 0)
    return Failure(f"{last.event.name}: {last.message or 'it failed'}", last.ended_us or last.due_us)


def failed(booking: Booking) -> Concern | None:
    """The concern of a booking that is in a failed state, or whose service is; None: neither, or it was put right."""
    if booking.state is State.FAILED:
        return Concern.NOT_STARTED
    if booking.state is State.FAILED_COMPLETED:
        return Concern.NOT_RESET if booking.not_reset else None
    if booking.state in FAILED_EVENT:
        return Concern.FAILED
    return Concern.ACTION_FAILED if booking.state in RUNNING and booking.service_state == FAILED else None
