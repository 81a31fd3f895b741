# SPDX-License-Identifier: Apache-2.0
"""What bookings lost, as the middle asks the store for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from preroll.domain.booking import State
from preroll.domain.quarantine import Loss


class Losses(Protocol):
    """What bookings lost in conflicts; it is closed when they leave quarantine, and kept."""

    def add(self, booking: int, losses: Sequence[Loss]) -> None:
        """Take from the booking what it lost (unless it runs and keeps it), and write down when, to whom and why."""
        ...

    def add_all(self, losses: Sequence[tuple[int, Sequence[Loss]]]) -> None:
        """The same for many bookings, in few statements."""
        ...

    def of(self, booking: int) -> list[Loss]:
        """What a booking has lost and not got back, oldest first."""
        ...

    def open_of(self, bookings: Collection[int]) -> set[int]:
        """Those of these bookings that have lost something and not got it back."""
        ...

    def was(self, booking: int) -> State | None:
        """What a booking was before it lost anything; None: it never did."""
        ...

    def close(self, bookings: Sequence[int]) -> None:
        """They have all that they need again, or need it no more."""
        ...
