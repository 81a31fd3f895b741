# SPDX-License-Identifier: Apache-2.0
"""Carriers: where runs run. What they carry, and when, is the timetable's; that it counts once, the journal's."""

from __future__ import annotations

from typing import Protocol

from preroll.ports.rows import Claimed, Fence


class Carrier(Protocol):
    """Takes a claimed run to where it runs. It may deliver twice, late, or after it was told to stop: whoever gets the
    run adopts it from the journal, and the fence turns everybody else away.

    ``here``, the dispatcher itself, runs it in this process; ``temporal`` hands it to a fleet of runners.
    """

    async def submit(self, claimed: Claimed) -> None:
        """Have it run; returns when it is settled, or when somebody else is answerable for it."""
        ...

    def cancel(self, fence: Fence) -> None:
        """Stop the run of a boundary, if it still runs; soon, and as often as it is asked."""
        ...
