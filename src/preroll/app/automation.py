# SPDX-License-Identifier: Apache-2.0
"""Resource automation: a profile is applied to one resource now, in two steps where bookings have it.

Refused with who has the resource, or will have it soon; forced, it goes on beneath them. The engine runs it as every
script: with the device in its hands, in the journal, on a worker that reaches the device.
"""

from __future__ import annotations

from dataclasses import dataclass

from preroll.app import quarantine, sight
from preroll.app.asking import Ask, command
from preroll.app.views import RunDetails, waits
from preroll.app.workers import out_of_reach
from preroll.domain.automation import Part, Wanted, application, due_now, fitting, mistakes_of
from preroll.domain.booking import Booking, Carries, NodeChoice, Phase
from preroll.domain.boundaries import Boundary, BoundaryState
from preroll.domain.changes import Change
from preroll.domain.errors import ActionNotPossible, InUse, Invalid, Mistake, NotFound
from preroll.domain.permission import Actor, permit
from preroll.domain.profile import ProfileInstance
from preroll.domain.resource import Resource
from preroll.domain.usage import Need
from preroll.domain.window import Window, written
from preroll.ports.store import Store, Tx


@dataclass(frozen=True, slots=True)
class Applying:
    """A profile that is applied to a resource, or was."""

    booking: Booking
    """What is kept of it."""
    resource: str
    """Id."""
    name: str
    """Of the resource."""
    boundary: Boundary
    waiting: str = ""
    """Why it has not begun; empty: it has."""
    run: RunDetails | None = None

    @property
    def part(self) -> Part:
        """Which values are applied."""
        return Part(str(self.booking.properties["part"]))


class Automation:
    """Apply a profile to a resource, and look what became of it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def apply(
        self, by: Actor, ident: str, wanted: Wanted, *, force: bool = False, ask: Ask[Applying] | None = None
    ) -> Applying:
        """Have a profile applied to a resource now; ``get`` tells how it went.

        Args:
            force: although bookings have the resource, or will have it soon.

        Raises:
            NotFound. NotPermitted. Invalid: every mistake. InUse: with each booking that has the resource.
            ActionNotPossible: it is hands off.
        """
        return await command(self._store, by, lambda tx: _apply(tx, by, ident, wanted, force=force), ask)

    async def proposed(self, by: Actor, ident: str) -> list[ProfileInstance]:
        """The profile instances that a resource of its function takes, by name; ``apply`` takes any.

        Raises:
            NotFound: no such resource.
        """

        def query(tx: Tx) -> list[ProfileInstance]:
            resource, known = sight.resource(tx, by, ident), tx.catalogue
            home = resource.platform
            return fitting(resource, known.functions(home), known.definitions(home), known.profile_instances(home))

        return await self._store.read(query)

    async def get(self, by: Actor, ident: str) -> Applying:
        """What became of it."""

        def query(tx: Tx) -> Applying:
            try:
                booking = sight.booking(tx, by, ident, hidden=True)
            except NotFound:
                raise NotFound("application", ident) from None
            if booking.carries is not Carries.PROFILE:
                raise NotFound("application", ident)
            (boundary,) = tx.boundaries.of(booking.key)
            return _shown(tx, by, booking, tx.catalogue.resource(booking.resources[0]), boundary)

        return await self._store.read(query)


def _apply(tx: Tx, by: Actor, ident: str, wanted: Wanted, *, force: bool) -> Applying:
    resource = sight.resource(tx, by, ident, "resource.apply")
    if resource.hands_off:
        raise ActionNotPossible(
            f"{resource.name} is hands off: nothing is sent to it", hint="preroll resource hands-off NAME no"
        )
    found = tx.catalogue.profiles(resource.platform).filled(None, NodeChoice(resource.id, wanted.profile))
    if mistakes := mistakes_of(wanted, found):
        raise Invalid(mistakes)
    home = tx.platforms.by_key(resource.platform)
    made = application(wanted, found, resource, ident=tx.new_id(), by=by.name, now_us=tx.now, zone=home.zone)
    rivals = _rivals(tx, resource, made)
    if rivals and not force:
        told = [_held(one, seen=by.sees(one.platform, one.scopes)) for one in rivals]
        raise InUse(
            f"{resource.name} is not free: it is {'; '.join(told)}", [Mistake(resource.name, what) for what in told],
            hint="wait for them, or do it with force: what they have on it is overwritten",
        )  # fmt: skip
    if rivals:
        permit(by, "booking.force", resource.platform)
    booking = tx.bookings.add(made)
    tx.reservations.hold(booking, [Need(resource)])
    tx.reservations.release(booking.key)
    tx.boundaries.upsert([due_now(booking.key, tx.now)])
    what = f"{wanted.profile}{f' for {wanted.state}' if wanted.state else ''} ({wanted.part})"
    over = [_held(one, seen=not one.scopes) for one in rivals]
    why = "; ".join(filter(None, [wanted.why, f"by force: {'; '.join(over)}" if over else ""]))
    tx.changes.add(
        Change("resource.apply", resource.id, resource.platform, by.name, after=what, why=why, cause=booking.id)
    )
    (boundary,) = tx.boundaries.of(booking.key)
    return _shown(tx, by, booking, resource, boundary)


def _rivals(tx: Tx, resource: Resource, made: Booking) -> list[Booking]:
    """Who has the resource now, be it beyond its time, or within the time in which the platform warns of an event."""
    soon = tx.platforms.by_key(resource.platform).config.limits.near_air_us or 1
    held = quarantine.holders(tx, [resource], Window(tx.now, tx.now + soon))
    rivals = {b.key: b for b in [*(one.booking for one in held), *tx.reservations.runs_on(made)]}
    return sorted(rivals.values(), key=lambda b: (b.timing.held.start, b.id))


def _held(booking: Booking, *, seen: bool) -> str:
    """How a booking has a resource, in words; of one that may not be seen, only when."""
    end, held = booking.timing.held.end, booking.timing.held
    until = "until further notice" if end is None else f"until {written(end)}"
    since = f"from {written(held.start)} " if booking.phase is Phase.WAITING else ""
    who = f"{booking.name} ({booking.id}), {booking.state}," if seen else sight.SOMEBODY
    return f"held by {who} {since}{until}"


def _shown(tx: Tx, by: Actor, booking: Booking, resource: Resource, boundary: Boundary) -> Applying:
    runs, waiting = tx.records.runs(booking.key), ""
    if boundary.state is BoundaryState.ARMED:
        home, rival = tx.platforms.by_key(booking.platform), None
        if boundary.waits_for is not None:
            rival = tx.bookings.by_key(tx.boundaries.booking_of(boundary.waits_for))
        rival = rival if rival is not None and by.sees(rival.platform, rival.scopes) else None
        waiting = waits(home, boundary, rival, out_of_reach(tx, [resource])).what
    run = RunDetails(runs[-1], tuple(tx.records.steps([runs[-1].id]))) if runs else None
    return Applying(booking, resource.id, resource.name, boundary, waiting, run)
