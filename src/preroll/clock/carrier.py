# SPDX-License-Identifier: Apache-2.0
"""Carriers: where runs run. What they carry, and when, is the timetable's; that it counts once, the journal's."""

from __future__ import annotations

import asyncio
from typing import Protocol

from preroll.ports.rows import Claimed, Fence


class Carrier(Protocol):
    """Takes a claimed run to where it runs. It may deliver twice, late, or after it was told to stop: whoever gets the
    run adopts it from the journal, and the fence turns everybody else away.

    ``here``, the dispatcher itself, runs it in this process; ``temporal`` hands it to a fleet of runners.
    """

    async def submit(self, claimed: Claimed, instant: float = 0.0) -> None:
        """Have it run; returns when it is settled, or when somebody else is answerable for it.

        Args:
            claimed: the run.
            instant: its script begins then and not before, in seconds of the loop's clock; what it needs may be put
                together until then.
        """
        ...

    def cancel(self, fence: Fence) -> None:
        """Stop the run of a boundary, if it still runs; soon, and as often as it is asked."""
        ...


async def reached(instant: float) -> None:
    """Wait for a time of the loop's clock; one that is over is not waited for."""
    left = instant - asyncio.get_running_loop().time()
    if left > 0:
        await asyncio.sleep(left)
