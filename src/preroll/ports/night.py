# SPDX-License-Identifier: Apache-2.0
"""What the home page asks of the store: a few bounded questions, whatever the number of bookings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from preroll.domain.audit import Round
from preroll.domain.booking import Booking, State
from preroll.domain.boundaries import Boundary
from preroll.domain.permission import Sight
from preroll.domain.quarantine import Loss


@dataclass(frozen=True, slots=True)
class Span:
    """Bookings of a platform in some states whose first event is planned within [since, until)."""

    platform: int
    states: Collection[State]
    since: int | None = None
    until: int | None = None
    newest: bool = False
    """The last to start first."""
    not_reset: bool = False
    """Only those that left their devices as they were."""
    sight: Sight | None = None
    """Only what somebody sees; None: everything."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What a platform has already."""

    resources: bool
    definitions: bool
    """A service that can be booked."""
    bookings: bool


class Nights(Protocol):
    """Questions about many bookings at once."""

    def within(self, span: Span, limit: int) -> list[Booking]:
        """The first of a span, by the instant of their first event."""
        ...

    def boundaries(self, bookings: Iterable[int]) -> Mapping[int, list[Boundary]]:
        """The timetables of these bookings, each in ordinal order."""
        ...

    def owners(self, boundaries: Iterable[int]) -> Mapping[int, Booking]:
        """Key of a boundary -> its booking."""
        ...

    def rounds(self, bookings: Iterable[int]) -> Mapping[int, list[Round]]:
        """What the rounds of checks of these bookings found that have ended, newest first."""
        ...

    def losses(self, bookings: Iterable[int]) -> Mapping[int, list[Loss]]:
        """What these bookings have lost and not got back, oldest first."""
        ...

    def filled(self, platform: int) -> Filled:
        """What there is to work with."""
        ...
