# SPDX-License-Identifier: Apache-2.0
"""How fast the outbox goes: what is due on devices comes before what others are told of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

REST = 1.0
"""Seconds of rest for each second of work."""
LOOK_S = 0.001
"""How often it looks whether what is due has begun."""
PATIENCE_S = 0.05
"""For so long at a time it lets by what is due."""
SHARE = 0.5
"""Of all time it lets by what is due for this part at most: messages are late then, and not stuck."""


def never() -> bool:
    """Nothing is about to begin."""
    return False


class Pace:
    """Gives the processor back for as long as it was used, whoever of one event loop used it.

    Engine and outbox share an interpreter, so an outbox that has thousands of messages would else have half of it, and
    every event would begin so much later. What is about to begin it lets by. Belongs to one thread.

    Args:
        rest: see REST; 0: none.
        hurry: is something about to begin on a device?
        worked: seconds of processor time that the thread has used.
        now: seconds on a clock that only goes on.
        pause: waits for so many seconds.
    """

    def __init__(
        self,
        rest: float = REST,
        hurry: Callable[[], bool] = never,
        worked: Callable[[], float] = time.thread_time,
        now: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rest, self._hurry, self._worked, self._now, self._pause = rest, hurry, worked, now, pause
        self._counted: float | None = None
        self._until = 0.0
        self._patience, self._seen = PATIENCE_S, now()

    async def rest(self) -> None:
        """Call it between two messages: it returns when what was worked until now has been rested for."""
        worked, now = self._worked(), self._now()
        since, self._counted = worked - (worked if self._counted is None else self._counted), worked
        self._until = max(self._until, now) + since * self._rest
        await self._pause(self._until - now)
        await self._let_by()

    async def _let_by(self) -> None:
        """Wait while something is about to begin, as long as there is patience left; it comes back with time."""
        while True:
            now = self._now()
            self._patience = min(PATIENCE_S, self._patience + (now - self._seen) * SHARE)
            self._seen = now
            if self._patience < LOOK_S or not self._hurry():
                return
            await self._pause(LOOK_S)
            self._patience -= self._now() - now
