# SPDX-License-Identifier: Apache-2.0
"""Lists of bookings: which of them, in which order, and how one goes on in either direction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from preroll.domain.attention import Attention
from preroll.domain.booking import Booking, State
from preroll.domain.permission import Sight
from preroll.domain.window import FOREVER


@dataclass(frozen=True, slots=True)
class BookingFilter:
    """Which bookings a list shows."""

    platform: int | None = None
    states: frozenset[State] = frozenset()
    text: str = ""
    """Part of the name, case-folded."""
    overlaps: tuple[int, int] | None = None
    """Only those whose held window overlaps [from, to)."""
    attention: frozenset[Attention] = frozenset()
    """Only those that need one of these kinds."""
    sight: Sight | None = None
    """Only what somebody sees; None: everything."""
    lately_us: int | None = None
    """Only those that start later than so long before now."""
    over_us: int | None = None
    """Only those that are not over for so long."""


class SortBy(StrEnum):
    """By what a list of bookings is sorted."""

    START = "start"
    END = "end"
    NAME = "name"
    STATE = "state"
    PRIORITY = "priority"
    CREATED = "created"
    CHANGED = "changed"


Place = tuple[int | str, str]
"""Where a booking stands in a list: what it is sorted by, then its id."""


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list; those that are alike are sorted by id."""

    by: SortBy = SortBy.START
    down: bool = False

    @property
    def turned(self) -> Order:
        """The same from its other end."""
        return Order(self.by, not self.down)

    def place(self, booking: Booking) -> Place:
        """Where a booking stands."""
        return _PLACES[self.by](booking), booking.id

    @property
    def kind(self) -> type[int] | type[str]:
        """Of what is sorted by."""
        return str if self.by in (SortBy.NAME, SortBy.STATE) else int


_PLACES: Mapping[SortBy, Callable[[Booking], int | str]] = {
    SortBy.START: lambda b: b.timing.start,
    SortBy.END: lambda b: FOREVER if b.timing.end is None else b.timing.end,
    SortBy.NAME: lambda b: b.name.casefold(),
    SortBy.STATE: lambda b: b.state.value,
    SortBy.PRIORITY: lambda b: b.priority,
    SortBy.CREATED: lambda b: b.created_us,
    SortBy.CHANGED: lambda b: b.changed_us,
}
BY_START = Order()


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    items: tuple[Booking, ...]
    next: Place | None = None
    """Place of the last item when there is more."""
    now_us: int = 0
    """The instant at which it was read."""
    before: Place | None = None
    """Place of the first item when there is more before it."""
