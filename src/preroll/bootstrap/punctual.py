# SPDX-License-Identifier: Apache-2.0
"""A loop whose timers come on time: epoll counts in milliseconds, and asyncio rounds up."""

from __future__ import annotations

import asyncio
import select
import selectors

_HIGHEST = 1023
"""``select`` takes no descriptor above it."""


def punctual_loop() -> asyncio.AbstractEventLoop:
    """The engine's loop; where there is no epoll, asyncio's own."""
    if not hasattr(selectors, "EpollSelector"):
        return asyncio.new_event_loop()
    return asyncio.SelectorEventLoop(_Punctual())


class _Punctual(selectors.EpollSelector):
    """Waits with ``select``, which counts in microseconds, until its epoll has something or the time is over."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout > 0 and self.fileno() <= _HIGHEST:
            select.select([self.fileno()], [], [], timeout)
            timeout = 0
        return super().select(timeout)
