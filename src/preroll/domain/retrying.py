# SPDX-License-Identifier: Apache-2.0
"""What a retry runs again, and what keeps a booking from one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from preroll.domain.booking import FAILED_EVENT, Booking, Trigger
from preroll.domain.boundaries import BOUNDARY, STANDARD, Boundary, BoundaryState, BoundaryTrigger, Direction
from preroll.domain.external import unquiet


def failed_of(boundaries: Sequence[Boundary]) -> list[Boundary]:
    """The standard events that failed, in their order."""
    return [b for b in boundaries if b.kind in STANDARD and b.state is BoundaryState.FAILED]


def why_not_retried(booking: Booking, boundaries: Sequence[Boundary], now_us: int) -> tuple[str, str]:
    """Why no event can be run again now, and what to do instead; empty: one can."""
    if (told := unquiet(boundaries))[0]:
        return told
    failed = failed_of(boundaries)
    if not failed or booking.state not in FAILED_EVENT:
        return "there is no failed event", "look at the booking's runs"
    if _over(booking, now_us) and failed[-1].event.direction is Direction.UP:
        why = f"{failed[-1].event.name} would begin after the on-air end"
        return why, "wait for the down events, or acknowledge after a repair by hand"
    return "", ""


def retried(booking: Booking, boundaries: Sequence[Boundary], now_us: int) -> list[Boundary]:
    """Arm the failed event, and before it the earlier ones that failed; up events only before the on-air end."""
    failed, over = failed_of(boundaries), _over(booking, now_us)
    return [
        replace(
            b, state=BOUNDARY.fire(b.state, BoundaryTrigger.RETRY), try_=b.try_ + 1, due_us=now_us, worker=None,
            trigger=Trigger.RETRY if b is failed[-1] else None, reason=None, message="", ended_us=None,
        )
        for b in failed if not (over and b.event.direction is Direction.UP)
    ]  # fmt: skip


def _over(booking: Booking, now_us: int) -> bool:
    return booking.timing.end is not None and now_us >= booking.timing.end
