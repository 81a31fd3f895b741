# SPDX-License-Identifier: Apache-2.0
"""An event loop whose time is virtual: nothing waits, every sleep and time-out happens at its exact instant.

The dispatcher, the retries and the scripts run unchanged on it. It serves simulations and tests: no thread, no socket.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

R = TypeVar("R")
_SAME_INSTANT = 0.5e-6
"""Seconds: the clock counts microseconds, what is nearer than half of one is now."""


class _NoWait(selectors.BaseSelector):
    """Hands the time that the loop would have waited to the loop's own clock."""

    def __init__(self, loop_time: list[float], calm: Callable[[], bool]) -> None:
        self._real, self._time, self._calm = selectors.DefaultSelector(), loop_time, calm

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if (timeout is None or timeout > _SAME_INSTANT) and self._calm():
            return ready
        if timeout is None:
            raise RuntimeError("nothing will ever happen again: every task waits for another")
        self._time[0] += timeout
        return ready

    def close(self) -> None:
        self._real.close()

    def get_map(self) -> Any:
        return self._real.get_map()


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop on virtual time; ``epoch_us`` is the wall clock's instant at loop time 0."""

    def __init__(self, epoch_us: int) -> None:
        self._elapsed = [0.0]
        self._waiting: list[asyncio.Future[None]] = []
        self.epoch_us = epoch_us
        super().__init__(_NoWait(self._elapsed, self._calm))

    def time(self) -> float:
        return self._elapsed[0]

    def run_in_executor(self, _: Any, func: Callable[..., R], *args: Any) -> asyncio.Future[R]:  # type: ignore[override]
        """Do it here and at once: while the loop waits for a thread, time would go on."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it belongs to who waits
            done.set_exception(error)
        return done

    async def idle(self) -> None:
        """Return when all that can happen at this instant has happened; time stands still meanwhile."""
        waiter = self.create_future()
        self._waiting.append(waiter)
        await waiter

    def _calm(self) -> bool:
        waiting = [waiter for waiter in self._waiting if not waiter.done()]
        self._waiting.clear()
        for waiter in waiting:
            waiter.set_result(None)
        return bool(waiting)


class VirtualClock:
    """The wall clock of a VirtualLoop."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now_us(self) -> int:
        """Microseconds of UTC."""
        return self._loop.epoch_us + round(self._loop.time() * 1e6)


def run_virtual(main: Coroutine[Any, Any, R], *, loop: VirtualLoop) -> R:
    """Run to the end in virtual time; the loop is closed afterwards."""
    try:
        asyncio.set_event_loop(None)
        return loop.run_until_complete(main)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
