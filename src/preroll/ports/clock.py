# SPDX-License-Identifier: Apache-2.0
"""Time, handed in. Wall time comes through a Clock alone; monotonic time for deadlines is free."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """The wall."""

    def now_us(self) -> int:
        """Microseconds of UTC since 1970."""
        ...
