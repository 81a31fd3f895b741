# SPDX-License-Identifier: Apache-2.0
"""What is asked of the store about things whose time is over."""

from __future__ import annotations

from typing import Protocol


class Retention(Protocol):
    """What is past, in a transaction."""

    def purge(self, platform: int, before_us: int, limit: int) -> int:
        """Forget bookings that have ended, with their runs, steps, log, reservations and changes; returns how many.

        Only those whose first event was planned, and to which something last happened, before that instant; never one
        that is not reset, or for which something still has to run. At most ``limit`` in one transaction.
        """
        ...
