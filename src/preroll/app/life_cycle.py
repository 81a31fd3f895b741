# SPDX-License-Identifier: Apache-2.0
"""What people decide of a booking that waits, or is over: confirm, hold, cancel, take it out of quarantine, delete."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from preroll.app import confirming, holding, overlaying, quarantine
from preroll.app.choosing import Attempt
from preroll.app.edits import Edit, differences, initial, open_booking, prepared
from preroll.app.recording import fire, store, tell
from preroll.app.views import BookingDetails, details
from preroll.domain.booking import State, Trigger
from preroll.domain.boundaries import BOUNDARY, Boundary, BoundaryState, BoundaryTrigger, orchestrates, retime
from preroll.domain.created import actions_of
from preroll.domain.errors import NotReady
from preroll.domain.permission import Actor
from preroll.ports.store import Tx

_BACK = {State.ON_HOLD: Trigger.LEAVE_QUARANTINE_HELD, State.CONFIRMED: Trigger.CONFIRM}
"""What takes a booking out of quarantine, by what it was; others become Partial."""


def confirm(tx: Tx, by: Actor, ident: str, seen: int | None, installed: Collection[str] | None) -> BookingDetails:
    """Schedule it to be orchestrated: its boundaries are armed.

    One with created booking actions is *entering Confirmed* until these have ended.

    Raises:
        NotReady: everything that is missing, at once.
    """
    before = open_booking(tx, by, ident, seen, "confirm")
    definition = tx.catalogue.definition_by_key(before.definition) if before.definition else None
    acting = bool(actions_of(definition, before))
    lost = holding.missing(tx, before, definition, installed, nodes=not acting)
    if lost := [*lost, *(overlaying.not_deployed(tx, before) if before.overlays else ())]:
        raise NotReady(lost)
    if acting:
        return details(tx, confirming.begun(tx, by, before))
    after = fire(tx, by, before, initial(tx, before), Trigger.CONFIRM)
    if tx.losses.of(after.key):
        quarantine.regain(tx, after, holding.needs_of(tx, after))
    tx.boundaries.upsert(retime(tx.boundaries.of(after.key), after.key, after.timing, armed=True))
    return details(tx, after)


def leave_quarantine(
    tx: Tx,
    by: Actor,
    ident: str,
    seen: int | None,
    change: Edit,
    installed: Collection[str] | None,
    attempt: Attempt,
) -> BookingDetails:
    """Leave quarantine with all that it needs, as it was or with another resource, time or profile.

    It is what it was before: Partial, On-Hold, or Confirmed once it can be confirmed.

    Raises:
        Invalid: every mistake of the change. Conflict: it still cannot have all. NameInUse.
        NotReady: it was Confirmed, and this is missing.
    """
    before = open_booking(tx, by, ident, seen, "leave-quarantine")
    after, definition, boundaries = prepared(tx, before, change)
    attempt.tried = after
    needs = quarantine.require_whole(tx, by, before, after)
    trigger = _BACK.get(tx.losses.was(before.key) or State.PARTIAL, Trigger.LEAVE_QUARANTINE)
    acting = trigger is Trigger.CONFIRM and bool(actions_of(definition, after))
    if trigger is Trigger.CONFIRM:
        if lost := holding.missing(tx, after, definition, installed, nodes=not acting):
            raise NotReady(lost)
        after = initial(tx, after)
    if acting:
        trigger = Trigger.LEAVE_QUARANTINE
    changed = ", ".join(differences(before, after))
    after = fire(tx, by, before, after, trigger, changed, Trigger.LEAVE_QUARANTINE)
    quarantine.regain(tx, after, needs)
    if acting:
        after = confirming.begun(tx, by, after)
    if boundaries or orchestrates(after.state):
        tx.boundaries.upsert(retime(boundaries, after.key, after.timing, armed=orchestrates(after.state)))
    return details(tx, after)


def hold(tx: Tx, by: Actor, ident: str, seen: int | None) -> BookingDetails:
    """Put it on hold: it will not be executed, its resources stay reserved."""
    before = open_booking(tx, by, ident, seen, "hold")
    after = fire(tx, by, before, before, Trigger.HOLD)
    tx.boundaries.upsert(retime(tx.boundaries.of(after.key), after.key, after.timing, armed=False))
    return details(tx, after)


def cancel(tx: Tx, by: Actor, ident: str, seen: int | None, why: str) -> BookingDetails:
    """Cancel a booking that does not run yet: it is never executed and releases its resources."""
    before = open_booking(tx, by, ident, seen, "cancel")
    after = fire(tx, by, before, replace(before, entering=""), Trigger.CANCEL, why)
    tx.reservations.release(after.key)
    tx.losses.close([after.key])
    tx.boundaries.upsert(_dropped(tx.boundaries.of(after.key)))
    return details(tx, after)


def delete(tx: Tx, by: Actor, ident: str, seen: int | None, why: str) -> BookingDetails:
    """Hide a booking that has ended: it is in no list any more; its journal and its changes stay (SPEC 11)."""
    before = open_booking(tx, by, ident, seen, "delete")
    after = store(tx, before, replace(before, hidden=True))
    tell(tx, by, "booking.deleted", after, after.state, "", why, "delete")
    return details(tx, after)


def own(tx: Tx, by: Actor, ident: str, seen: int | None, action: str) -> BookingDetails:
    """Take, release or force-take a booking; only its owner may change it where the platform locks bookings."""
    before = open_booking(tx, by, ident, seen, action)
    owner = "" if action == "release" else by.name
    if owner == before.owner:
        return details(tx, before)
    after = store(tx, before, replace(before, owner=owner))
    tell(tx, by, "booking.owner", after, before.owner, owner, cause=action)
    return details(tx, after)


def _dropped(boundaries: Sequence[Boundary]) -> list[Boundary]:
    return [replace(b, state=BoundaryState.DROPPED) for b in boundaries if BOUNDARY.may(b.state, BoundaryTrigger.DROP)]
