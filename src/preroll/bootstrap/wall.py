# SPDX-License-Identifier: Apache-2.0
"""Wall time, as processes have it."""

from __future__ import annotations

import time


class WallClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Microseconds of UTC."""
        return time.time_ns() // 1_000
