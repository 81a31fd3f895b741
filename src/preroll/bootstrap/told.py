# SPDX-License-Identifier: Apache-2.0
"""Being told to stop: SIGINT and SIGTERM, waited for without a lock."""

from __future__ import annotations

import os
import select
import signal


class Told:
    """Waits for SIGINT and SIGTERM from its making on; made in the main thread, which runs no loop of asyncio.

    The interpreter writes to a pipe at the very signal (``signal.set_wakeup_fd``). A handler of Python's would not do:
    it runs between two instructions of the main thread, so it waits for ever for the lock of an event that this thread
    holds just then, and is not run at all when the signal comes between its last look and the call that waits.
    """

    def __init__(self) -> None:
        self._told, tell = os.pipe()
        os.set_blocking(tell, False)
        signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)

    def wait(self, seconds: float | None = None, *ends: int) -> bool:
        """Wait until a signal has come, or one of these descriptors can be read; false: not within these seconds."""
        return bool(select.select([self._told, *ends], [], [], seconds)[0])
