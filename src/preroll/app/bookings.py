# SPDX-License-Identifier: Apache-2.0
"""What people and programs do with bookings: every action, each one unit of the module that says what it is about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from functools import partial

from preroll.app import edits, life_cycle, running, sight
from preroll.app.asking import Ask, command
from preroll.app.choosing import Overtaken
from preroll.app.edits import Edit, NewBooking
from preroll.app.views import BookingDetails, details
from preroll.domain.booking import Booking
from preroll.domain.errors import Conflict
from preroll.domain.permission import Actor, permit
from preroll.ports.store import BookingFilter, Page, Store, Tx, Unit

__all__ = ["Bookings", "Edit", "Installed", "NewBooking", "WaysOut"]

Installed = Callable[[], Collection[str] | None]
WaysOut = Callable[[Actor, Booking, Conflict], Awaitable[Conflict]]
"""Adds to a refusal what would solve it."""


class Bookings:
    """Book, edit, confirm, leave quarantine, hold, cancel, finish, retry, acknowledge.

    Every method raises NotFound for an unknown id, Stale when ``seen`` is not the booking's revision any more (None
    skips that guard), NotPermitted, and what its rule refuses. A refusal changes nothing.
    """

    def __init__(self, store: Store, installed: Installed, ways_out: WaysOut) -> None:
        self._store, self._installed, self._ways_out = store, installed, ways_out

    async def create(self, by: Actor, new: NewBooking, ask: Ask[BookingDetails] | None = None) -> BookingDetails:
        """Book: the state is Partial, the resources are held, nothing is orchestrated.

        Raises:
            Invalid: every mistake in the input. Conflict: a resource is held. NameInUse.
        """
        tried: list[Booking] = []
        return await self._chosen(
            by, tried, lambda tx, *, locked: edits.create(tx, by, new, tried, locked=locked), ask, locked=new.force
        )

    async def edit(
        self, by: Actor, ident: str, seen: int | None, change: Edit, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Change what is given. The boundaries that have not begun move in the same transaction.

        A confirmed booking that loses something mandatory becomes Partial again.

        Raises:
            Invalid: every mistake. Conflict. NameInUse. ActionNotPossible: it has ended.
        """
        tried: list[Booking] = []
        return await self._chosen(
            by,
            tried,
            lambda tx, *, locked: edits.edit(tx, by, ident, seen, change, self._installed(), tried, locked=locked),
            ask,
            locked=change.force,
        )

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
        tried: list[Booking] = []
        return await self._held(
            by,
            tried,
            lambda tx: life_cycle.leave_quarantine(tx, by, ident, seen, change or Edit(), self._installed(), tried),
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

    async def finish(
        self, by: Actor, ident: str, seen: int | None, why: str = "", ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """End a running booking now. In pre-roll that is an abort: only the end event runs, START and STOP never do.

        On the air the end becomes now and post-roll follows; in post-roll what is left of it is cut.
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
            return details(tx, sight.booking(tx, by, ident))

        return await self._store.read(query)

    async def page(
        self, by: Actor, where: BookingFilter, after: tuple[int, str] | None = None, limit: int = 100
    ) -> Page:
        """Bookings sorted by (start, id), after a sort key."""

        def query(tx: Tx) -> Page:
            permit(by, "view", where.platform)
            return tx.bookings.page(replace(where, sight=by.sight), after, limit)

        return await self._store.read(query)

    async def _done(self, by: Actor, unit: Unit[BookingDetails], ask: Ask[BookingDetails] | None) -> BookingDetails:
        return await command(self._store, by, unit, ask)

    async def _chosen(
        self,
        by: Actor,
        tried: list[Booking],
        unit: Callable[..., BookingDetails],
        ask: Ask[BookingDetails] | None,
        *,
        locked: bool,
    ) -> BookingDetails:
        """Carry out a unit in which nodes may take resources by themselves; whoever is overtaken locks them first."""
        try:
            return await self._held(by, tried, partial(unit, locked=locked), ask)
        except Overtaken:
            return await self._held(by, tried, partial(unit, locked=True), ask)

    async def _held(
        self, by: Actor, tried: list[Booking], unit: Unit[BookingDetails], ask: Ask[BookingDetails] | None
    ) -> BookingDetails:
        """Carry out a unit that takes resources; a conflict is answered with what would solve it.

        Args:
            tried: the unit puts here what it tried to save.
        """
        try:
            return await command(self._store, by, unit, ask)
        except Conflict as conflict:
            raise await self._ways_out(by, tried[-1], conflict) from None
