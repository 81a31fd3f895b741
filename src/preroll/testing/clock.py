# SPDX-License-Identifier: Apache-2.0
"""A clock that goes only when it is told to."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass, field


@dataclass(slots=True)
class ManualClock:
    """A Clock with its own sleep: time passes by ``advance``, and by nothing else."""

    us: int = 1_700_000_000_000_000
    """Now, in microseconds of UTC."""
    _sleepers: list[tuple[int, int, asyncio.Future[None]]] = field(default_factory=list, repr=False)
    _count: int = 0

    def now_us(self) -> int:
        """Now, in microseconds of UTC."""
        return self.us

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been advanced so far."""
        if seconds <= 0:
            return
        self._count += 1
        awake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.us + round(seconds * 1e6), self._count, awake))
        await awake

    async def advance(self, seconds: float) -> None:
        """Let time pass; who sleeps wakes at the instant that was asked for, one after the other."""
        goal = self.us + round(seconds * 1e6)
        while self._sleepers and self._sleepers[0][0] <= goal:
            due, _, awake = heapq.heappop(self._sleepers)
            self.us = max(self.us, due)
            if not awake.done():
                awake.set_result(None)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        self.us = goal

    @property
    def sleeping(self) -> int:
        """How many wait."""
        return sum(not awake.done() for _, _, awake in self._sleepers)
