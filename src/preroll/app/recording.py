# SPDX-License-Identifier: Apache-2.0
"""How a changed booking is stored: the next revision of what was read, and a fact in the change log."""

from __future__ import annotations

from dataclasses import replace

from preroll.domain.booking import LIFE_CYCLE, Booking, Trigger
from preroll.domain.changes import Change
from preroll.domain.permission import Actor
from preroll.ports.store import Tx


def store(tx: Tx, before: Booking, after: Booking) -> Booking:
    """Store the booking if it is still as it was read.

    Raises:
        Stale: somebody else changed it.
    """
    after = replace(after, revision=before.revision + 1, state_version=before.state_version + 1, changed_us=tx.now)
    tx.bookings.put(after, seen=before)
    return after


def fire(
    tx: Tx, by: Actor, before: Booking, after: Booking, trigger: Trigger, why: str = "", cause: str = ""
) -> Booking:
    """Store the booking in the state to which the trigger takes it, and tell of it."""
    after = store(tx, before, replace(after, state=LIFE_CYCLE.fire(before.state, trigger)))
    tell(tx, by, "booking.state", after, before.state, after.state, why, cause or trigger)
    return after


def tell(
    tx: Tx, by: Actor, kind: str, booking: Booking, before: str = "", after: str = "", why: str = "", cause: str = ""
) -> None:
    """Write a fact about a booking down."""
    tx.changes.add(
        Change(kind, booking.id, booking.platform, by.name, str(before), str(after), why, str(cause), booking.revision)
    )
