# SPDX-License-Identifier: Apache-2.0
"""What people and programs do with bookings: every action, each one unit of the module that says what it is about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace

from preroll.app import edits, life_cycle, refitting, running, sight
from preroll.app.asking import Ask, command
from preroll.app.choosing import Attempt, Overtaken
from preroll.app.edits import Copy, Edit, NewBooking, Retime, Rule
from preroll.app.refitting import Refit, Spare
from preroll.app.timeline import Move
from preroll.app.veil import veiled
from preroll.app.views import BookingDetails, details
from preroll.domain.booking import Booking, Timing
from preroll.domain.boundaries import begun_kinds
from preroll.domain.edits import extended, started_now
from preroll.domain.errors import Conflict
from preroll.domain.permission import Actor, permit
from preroll.ports.lists import BookingFilter, Page, Place
from preroll.ports.store import Store, Tx, Unit

__all__ = ["Bookings", "Copy", "Edit", "Installed", "NewBooking", "Refit", "WaysOut"]

Installed = Callable[[], Collection[str] | None]
WaysOut = Callable[[Actor, Booking, Conflict], Awaitable[Conflict]]
"""Adds to a refusal what would solve it."""


class Bookings:
    """Every action of ``preroll.domain.actions``, and reading.

    Every method raises NotFound for an unknown id, Stale when ``seen`` is not the booking's revision any more (None
    skips that guard), NotPermitted, and what its rule refuses. A refusal changes nothing.
    """

    def __init__(self, store: Store, installed: Installed, ways_out: WaysOut, spare: Spare) -> None:
        self._store, self._installed, self._ways_out, self._spare = store, installed, ways_out, spare

    async def create(self, by: Actor, new: NewBooking, ask: Ask[BookingDetails] | None = None) -> BookingDetails:
        """Book: the state is Partial, the resources are held, nothing is orchestrated.

        Raises:
            Invalid: every mistake in the input. Conflict: a resource is held. NameInUse.
        """
        attempt = Attempt()
        return await self._held(by, attempt, lambda tx: edits.create(tx, by, new, attempt), ask)

    async def edit(
        self, by: Actor, ident: str, seen: int | None, change: Edit, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Change what is given. The boundaries that have not begun move in the same transaction.

        A confirmed booking that loses something mandatory becomes Partial again.

        Raises:
            Invalid: every mistake. Conflict. NameInUse. ActionNotPossible: it has ended.
        """
        return await self._changed(by, "edit", ident, seen, change, ask)

    async def move(
        self, by: Actor, ident: str, seen: int | None, move: Move, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Edit it as it was dragged: to other times, to another resource, or both at once.

        Raises:
            Invalid: every mistake, what is frozen included. Conflict. NameInUse. ActionNotPossible: it has ended.
        """
        return await self._changed(by, "edit", ident, seen, move.edit, ask)

    async def start_now(
        self,
        by: Actor,
        ident: str,
        seen: int | None,
        *,
        pre_roll: int | None = None,
        force: bool = False,
        ask: Ask[BookingDetails] | None = None,
    ) -> BookingDetails:
        """Begin a confirmed booking's pre-roll now, or when the platform's rescheduling delay is over; the end stays.

        Args:
            pre_roll: another length for it, in microseconds.

        Raises:
            Invalid: pre-roll would last beyond the end. Conflict: a resource is held now.
        """

        def rule(tx: Tx, booking: Booking) -> Edit:
            delay = tx.platforms.by_key(booking.platform).config.rescheduling_delay_us
            return Edit(timing=started_now(booking.timing, tx.now, pre_roll, delay), force=force)

        return await self._changed(by, "start-now", ident, seen, rule, ask)

    async def extend(
        self,
        by: Actor,
        ident: str,
        seen: int | None,
        *,
        by_us: int | None = None,
        until_us: int | None = None,
        force: bool = False,
        ask: Ask[BookingDetails] | None = None,
    ) -> BookingDetails:
        """Have a running booking end later: by so much, or at that instant. In post-roll, post-roll is prolonged.

        Raises:
            Invalid: it has no end, or post-roll would be too long. Conflict: a resource is held then.
        """

        def rule(tx: Tx, booking: Booking) -> Edit:
            begun = begun_kinds(tx.boundaries.of(booking.key))
            return Edit(timing=extended(booking.timing, begun, by_us, until_us), force=force)

        return await self._changed(by, "extend", ident, seen, rule, ask)

    async def adjust(
        self,
        by: Actor,
        ident: str,
        seen: int | None,
        timing: Timing | Retime,
        *,
        force: bool = False,
        ask: Ask[BookingDetails] | None = None,
    ) -> BookingDetails:
        """Change its times: all of them while it waits; while it runs the end, and in post-roll its length.

        Raises:
            Invalid: every mistake, what is frozen included. Conflict.
        """
        return await self._changed(by, "adjust", ident, seen, Edit(timing=timing, force=force), ask)

    async def add(
        self, by: Actor, ident: str, seen: int | None, change: Refit, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Put a resource on a node that has none: the named one, or the best that is free.

        While the booking runs only with ``apply_now``: the engine configures it at once.

        Raises:
            Invalid: every mistake. Conflict. ActionNotPossible.
        """
        return await self._refitted(by, "add", ident, seen, change, ask)

    async def swap(
        self, by: Actor, ident: str, seen: int | None, change: Refit, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Put another resource on a node: the named one, or the best that is free (switch to spare).

        While the booking runs only with ``apply_now``: what is new is configured to the service state as it is, then
        what was taken out is brought to its ended state and released.

        Raises:
            Invalid: every mistake. Conflict. ActionNotPossible: also when no spare is free.
        """
        return await self._refitted(by, "swap", ident, seen, change, ask)

    async def remove(
        self, by: Actor, ident: str, seen: int | None, change: Refit, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Take a node's resource away; while the booking runs, it is brought to its ended state before it is free.

        Raises:
            Invalid: the node is mandatory and the booking runs. ActionNotPossible.
        """
        return await self._refitted(by, "remove", ident, seen, change, ask)

    async def force_state(
        self,
        by: Actor,
        ident: str,
        seen: int | None,
        state: str,
        *,
        why: str = "",
        anyway: bool = False,
        ask: Ask[BookingDetails] | None = None,
    ) -> BookingDetails:
        """Have the definition's action for a service state run now; the life cycle stays.

        Args:
            anyway: also when the next event would be forbidden after it.

        Raises:
            Invalid: there is no such action. ActionNotPossible: a run is under way, or the platform's table forbids it.
        """
        return await self._done(
            by, lambda tx: refitting.force_state(tx, by, ident, seen, state, why, anyway=anyway), ask
        )

    async def apply_now(
        self, by: Actor, ident: str, seen: int | None, why: str = "", ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Bring changed profiles to a running booking, which kept them as they were when it began.

        Raises:
            Conflict: it would need more than there is. ActionNotPossible: nothing has changed, or a run is under way.
        """
        attempt = Attempt()
        return await self._held(by, attempt, lambda tx: refitting.apply_now(tx, by, ident, seen, why, attempt), ask)

    async def rename(
        self, by: Actor, ident: str, seen: int | None, name: str, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Give it another name. Raises NameInUse when another booking has it at that time."""
        return await self._changed(by, "rename", ident, seen, Edit(name=name), ask)

    async def set_properties(
        self,
        by: Actor,
        ident: str,
        seen: int | None,
        properties: Mapping[str, object],
        ask: Ask[BookingDetails] | None = None,
    ) -> BookingDetails:
        """Change the properties that are given, leave the others; None takes one away. At any time of its life."""
        return await self._done(by, lambda tx: edits.set_properties(tx, by, ident, seen, properties), ask)

    async def duplicate(
        self, by: Actor, ident: str, copy: Copy | None = None, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Book the same once more; returns the new booking, which is Partial.

        Raises:
            Invalid: its time has passed and no other is given. Conflict. NameInUse.
        """
        attempt = Attempt()
        return await self._held(by, attempt, lambda tx: edits.duplicate(tx, by, ident, copy or Copy(), attempt), ask)

    async def confirm(
        self, by: Actor, ident: str, seen: int | None, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Schedule it to be orchestrated: its boundaries are armed.

        Raises:
            NotReady: everything that is missing, at once.
        """
        return await self._done(by, lambda tx: life_cycle.confirm(tx, by, ident, seen, self._installed()), ask)

    async def leave_quarantine(
        self,
        by: Actor,
        ident: str,
        seen: int | None,
        change: Edit | None = None,
        ask: Ask[BookingDetails] | None = None,
    ) -> BookingDetails:
        """Leave quarantine with all that it needs, as it was or with another resource, time or profile.

        It is what it was before: Partial, On-Hold, or Confirmed once it can be confirmed.

        Raises:
            Invalid: every mistake of the change. Conflict: it still cannot have all. NameInUse.
            NotReady: it was Confirmed, and this is missing.
        """
        attempt = Attempt()
        return await self._held(
            by,
            attempt,
            lambda tx: life_cycle.leave_quarantine(tx, by, ident, seen, change or Edit(), self._installed(), attempt),
            ask,
        )

    async def hold(
        self, by: Actor, ident: str, seen: int | None, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Put it on hold: it will not be executed, its resources stay reserved."""
        return await self._done(by, lambda tx: life_cycle.hold(tx, by, ident, seen), ask)

    async def cancel(
        self, by: Actor, ident: str, seen: int | None, why: str = "", ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Cancel a booking that does not run yet: it is never executed and releases its resources."""
        return await self._done(by, lambda tx: life_cycle.cancel(tx, by, ident, seen, why), ask)

    async def delete(
        self, by: Actor, ident: str, seen: int | None, why: str = "", ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Hide a booking that has ended and is reset; its journal and its changes stay."""
        return await self._done(by, lambda tx: life_cycle.delete(tx, by, ident, seen, why), ask)

    async def take(
        self, by: Actor, ident: str, seen: int | None, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Own a booking that nobody has, on a platform that locks bookings: only its owner may change it."""
        return await self._done(by, lambda tx: life_cycle.own(tx, by, ident, seen, "take"), ask)

    async def release(
        self, by: Actor, ident: str, seen: int | None, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Own it no more: anybody may take it."""
        return await self._done(by, lambda tx: life_cycle.own(tx, by, ident, seen, "release"), ask)

    async def force_take(
        self, by: Actor, ident: str, seen: int | None, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Take it from its owner."""
        return await self._done(by, lambda tx: life_cycle.own(tx, by, ident, seen, "force-take"), ask)

    async def finish(
        self, by: Actor, ident: str, seen: int | None, why: str = "", ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """End a running booking now, or when the platform's rescheduling delay is over.

        In pre-roll that is an abort: only the end event runs, START and STOP never do. On the air the end becomes now,
        and post-roll follows until what it does has succeeded; in post-roll what is left of it is cut.
        """
        return await self._done(by, lambda tx: running.finish(tx, by, ident, seen, why), ask)

    async def retry(
        self, by: Actor, ident: str, seen: int | None, why: str = "", ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Run a failed event again from its first step that is not done; undone steps of earlier failed events first.

        Raises:
            ActionNotPossible: a run is under way, or START would begin after the on-air end.
            InUse: the booking has ended and somebody else runs on its resources.
        """
        return await self._done(by, lambda tx: running.retry(tx, by, ident, seen, why), ask)

    async def acknowledge(
        self, by: Actor, ident: str, seen: int | None, why: str, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Take a failed event as repaired by hand; a reason is needed. Its undone steps stay listed.

        Raises:
            Invalid: no reason was given. ActionNotPossible: a run is under way.
        """
        return await self._done(by, lambda tx: running.acknowledge(tx, by, ident, seen, why), ask)

    async def get(self, by: Actor, ident: str) -> BookingDetails:
        """One booking with all that a screen shows of it."""

        def query(tx: Tx) -> BookingDetails:
            return veiled(tx, by, details(tx, sight.booking(tx, by, ident)))

        return await self._store.read(query)

    async def page(self, by: Actor, where: BookingFilter, after: Place | None = None, limit: int = 100) -> Page:
        """Bookings sorted by (start, id), after a sort key."""

        def query(tx: Tx) -> Page:
            permit(by, "view", where.platform)
            return tx.bookings.page(replace(where, sight=by.sight), after, limit)

        return await self._store.read(query)

    async def _changed(
        self,
        by: Actor,
        action: str,
        ident: str,
        seen: int | None,
        change: Edit | Rule,
        ask: Ask[BookingDetails] | None,
    ) -> BookingDetails:
        attempt = Attempt()
        return await self._held(
            by, attempt, lambda tx: edits.edit(tx, by, ident, seen, change, self._installed(), attempt, action), ask
        )

    async def _refitted(
        self, by: Actor, action: str, ident: str, seen: int | None, change: Refit, ask: Ask[BookingDetails] | None
    ) -> BookingDetails:
        attempt = Attempt()

        def unit(tx: Tx) -> BookingDetails:
            return refitting.refit(tx, by, ident, seen, action, change, self._installed(), self._spare, attempt)

        return await self._held(by, attempt, unit, ask)

    async def _done(self, by: Actor, unit: Unit[BookingDetails], ask: Ask[BookingDetails] | None) -> BookingDetails:
        return await command(self._store, by, lambda tx: veiled(tx, by, unit(tx)), ask)

    async def _held(
        self, by: Actor, attempt: Attempt, unit: Unit[BookingDetails], ask: Ask[BookingDetails] | None
    ) -> BookingDetails:
        """Carry out a unit that takes resources; a conflict is answered with what would solve it.

        Whoever is overtaken with what was chosen for it tries again, and locks first.
        """
        try:
            return await self._done(by, unit, ask)
        except Overtaken:
            attempt.locked = True
            return await self._held(by, attempt, unit, ask)
        except Conflict as conflict:
            if attempt.tried is None:  # what is in the way of an overlay is no matter of what is left
                raise
            raise await self._ways_out(by, attempt.tried, conflict) from None
