# SPDX-License-Identifier: Apache-2.0
"""What bookings that come next still lack to start as planned. Functions of a transaction; nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from preroll.app import holding
from preroll.domain.booking import Booking, State
from preroll.domain.config import Platform
from preroll.domain.definition import ServiceDefinition
from preroll.domain.errors import Mistake
from preroll.domain.foresight import Standing, fails
from preroll.domain.quarantine import Loss
from preroll.domain.resource import Mode, Resource
from preroll.ports.store import Tx


class Lacks:
    """What a few bookings lack; what they have in common is read once."""

    def __init__(
        self,
        tx: Tx,
        home: Platform,
        bookings: Sequence[Booking],
        losses: Mapping[int, Sequence[Loss]],
        installed: Collection[str] | None,
    ) -> None:
        self._tx, self._home, self._losses, self._installed = tx, home, losses, installed
        ids = sorted({ident for booking in bookings for ident in booking.resources})
        found = tx.catalogue.resources(home.key, ids=ids) if ids else []
        self._resources = {resource.id: resource for resource in found}
        self._not_reset: dict[str, Booking] = {}
        for other in tx.reservations.not_reset_on(found) if found else ():
            self._not_reset |= dict.fromkeys(other.resources, other)

    def of(self, booking: Booking) -> Iterator[Mistake]:
        """All that keeps a booking from starting as planned."""
        if booking.state is not State.CONFIRMED:
            yield Mistake("state", f"is {booking.state.value}", "Confirmed")
        definition = self._tx.catalogue.definition_by_key(booking.definition) if booking.definition else None
        missing = holding.lacking(self._tx, booking, definition, self._installed)
        yield from missing
        yield from self._forbidden(booking, definition)
        for loss in dict.fromkeys(map(str, self._losses.get(booking.key, ()))):
            yield Mistake("resources", f"lost {loss}", "another resource, or another time")
        for ident in booking.resources:
            resource = self._resources.get(ident)
            if resource is None:
                yield Mistake("resources", "one of them is no longer there", "another resource")
            else:
                yield from self._hindered(resource)
        if self._home.config.paused:
            yield Mistake("platform", "is paused: nothing begins on it", "that it goes on")

    def _forbidden(self, booking: Booking, definition: ServiceDefinition | None) -> Iterator[Mistake]:
        """An event that the platform's settings would make fail; an action that is missing is told of already."""
        if booking.state is not State.CONFIRMED or definition is None:
            return
        states = self._home.config.service_states
        actions = {state: state for _, state in states.mapping.items() if state} if definition.actions else {}
        standing = Standing(definition.key, booking.state, booking.service_state, bool(booking.entering))
        if ahead := fails(standing, states, actions):
            yield Mistake(ahead.event, f"would fail: {ahead.what}", "a row in the table of transitions")

    def _hindered(self, resource: Resource) -> Iterator[Mistake]:
        where = f"resource {resource.name}"
        if resource.hands_off:
            yield Mistake(where, "is hands off: nothing is sent to it", "that it is given back before the start")
        elif resource.mode is not Mode.AVAILABLE:
            yield Mistake(where, f"is in mode {resource.mode.value}", "mode available, or another resource")
        if left := self._not_reset.get(resource.id):
            yield Mistake(where, f"was not reset by {left.name}", "that its last event is retried or acknowledged")
