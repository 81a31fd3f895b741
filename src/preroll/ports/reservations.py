# SPDX-License-Identifier: Apache-2.0
"""What bookings hold, as the middle asks the store for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from preroll.domain.booking import Booking
from preroll.domain.errors import Clash
from preroll.domain.resource import Resource
from preroll.domain.usage import Held, Need, Usage
from preroll.domain.values import dataclass
from preroll.domain.window import Window


@dataclass(frozen=True, slots=True)
class Look:
    """What a booking finds where it wants to be, under the lock of the resources."""

    needs: Sequence[Need]
    """As they were asked for, of the resources as they are now."""
    clashes: Sequence[Clash]
    namesake: Booking | None
    """A live one with a service that has its name then."""
    not_reset: Sequence[Booking]
    """Those that ended without having reset one of the resources."""
    outdated: bool = False
    """The catalogue has changed since the needs were worked out: they are to be worked out again, under the lock."""


class Reservations(Protocol):
    """What bookings hold."""

    def hold(self, booking: Booking, needs: Sequence[Need]) -> None:
        """Replace what the booking holds by what it needs now, over its held window."""
        ...

    def take(self, booking: Booking, needs: Sequence[Need]) -> None:
        """The same of a booking that holds nothing yet."""
        ...

    def hold_all(self, several: Sequence[tuple[Booking, Sequence[Need]]]) -> None:
        """The same for many bookings, in few statements."""
        ...

    def amend(self, parts: Sequence[Held]) -> None:
        """Bookings hold another amount of what they hold."""
        ...

    def release(self, booking: int) -> None: ...

    def lock(self, resources: Sequence[Resource]) -> None:
        """Nobody books these until the transaction ends."""
        ...

    def lock_all(self, platform: int) -> None:
        """Nobody books any resource of the platform until the transaction ends."""
        ...

    def clashes(self, booking: Booking, needs: Sequence[Need]) -> list[Clash]:
        """What would exceed a limit, or cannot be done, if the booking got what it needs over its held window.

        Locks the resource rows in id order first and reads the overlaps in the next statement.
        """
        ...

    def look(self, booking: Booking, needs: Sequence[Need]) -> Look:
        """The same, and whatever else decides whether the booking can be saved, in one question."""
        ...

    def usages(
        self, resources: Sequence[Resource], window: Window, *, but: int = 0, named: bool = True
    ) -> Mapping[int, Sequence[Usage]]:
        """What bookings hold of these resources within a window, by key of the resource.

        Args:
            but: key of a booking that is left out.
            named: with the id and the name of each booking; they are empty otherwise, which is quicker.
        """
        ...

    def holders(self, resources: Collection[int], window: Window) -> Mapping[int, tuple[int, int]]:
        """Key -> (revision, state version) of each booking that holds one of these resources within a window.

        In a write the bookings stay as they are until it ends.
        """
        ...

    def runs_on(self, booking: Booking) -> list[Booking]: ...

    def not_reset_on(self, resources: Sequence[Resource]) -> list[Booking]:
        """Bookings that ended without having reset one of these resources."""
        ...
