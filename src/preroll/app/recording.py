# SPDX-License-Identifier: Apache-2.0
"""How a changed booking is stored: the next revision of what was read, and a fact in the change log."""

from __future__ import annotations

from dataclasses import replace

from preroll.domain.booking import LIFE_CYCLE, Booking, State, Trigger
from preroll.domain.changes import Change
from preroll.domain.permission import Actor
from preroll.ports.store import Tx


def store(tx: Tx, before: Booking, after: Booking) -> Booking:
    """Store the booking if it is still as it was read.

    Raises:
        Stale: somebody else changed it.
    """
    return _stored(tx, before, following(tx, before, after))


def following(tx: Tx, before: Booking, after: Booking, state: State | None = None) -> Booking:
    """The booking as the next revision of what was read, and in another state if one is given."""
    return replace(
        after, state=state or after.state, revision=before.revision + 1, state_version=before.state_version + 1,
        changed_us=tx.now,
    )  # fmt: skip


def fire(
    tx: Tx, by: Actor, before: Booking, after: Booking, trigger: Trigger, why: str = "", cause: str = ""
) -> Booking:
    """Store the booking in the state to which the trigger takes it, and tell of it."""
    after = _stored(tx, before, following(tx, before, after, LIFE_CYCLE.fire(before.state, trigger)))
    tell(tx, by, "booking.state", after, before.state, after.state, why, cause or trigger)
    return after


def tell(
    tx: Tx, by: Actor, kind: str, booking: Booking, before: str = "", after: str = "", why: str = "", cause: str = ""
) -> None:
    """Write a fact about a booking down."""
    tx.changes.add(fact(by, kind, booking, before, after, why, cause))


def _stored(tx: Tx, before: Booking, after: Booking) -> Booking:
    tx.bookings.put(after, seen=before)
    return after


def fact(
    by: Actor, kind: str, booking: Booking, before: str = "", after: str = "", why: str = "", cause: str = ""
) -> Change:
    """A fact about a booking, or about what it carries."""
    if booking.carries:
        kind = kind.replace("booking.", f"{booking.carries}.", 1)
    return Change(
        kind, booking.id, booking.platform, by.name, str(before), str(after), why, str(cause), booking.revision
    )
