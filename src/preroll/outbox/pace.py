# SPDX-License-Identifier: Apache-2.0
"""How fast the outbox goes: what is due on devices comes before what others are told of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class Pace:
    """Gives the processor back for as long as it was used, whoever of one event loop used it.

    Engine and outbox share an interpreter, so an outbox that has thousands of messages would else have half of it, and
    every event would begin so much later. Belongs to one thread.

    Args:
        rest: seconds of rest for each second of work; 0: none.
        worked: seconds of processor time that the thread has used.
        now: seconds on a clock that only goes on.
        pause: waits for so many seconds.
    """

    def __init__(
        self,
        rest: float,
        worked: Callable[[], float] = time.thread_time,
        now: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rest, self._worked, self._now, self._pause = rest, worked, now, pause
        self._counted: float | None = None
        self._until = 0.0

    async def rest(self) -> None:
        """Call it between two messages: it returns when what was worked until now has been rested for."""
        worked, now = self._worked(), self._now()
        since, self._counted = worked - (worked if self._counted is None else self._counted), worked
        self._until = max(self._until, now) + since * self._rest
        await self._pause(self._until - now)
