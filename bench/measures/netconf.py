# SPDX-License-Identifier: Apache-2.0
"""100 NETCONF sessions opened and changed at once: planned, committed and read back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from bench.figures import Figure, middle
from bench.sessions import bare, changed, devices

SESSIONS = 100


def measure(*, quick: bool) -> Iterator[Figure]:
    """Beside as many bare SSH connections to the same devices, alternating."""
    rounds = 1 if quick else 3
    connections: list[float] = []
    opened: list[float] = []
    changes: list[float] = []
    for _ in range(rounds):
        with devices(SESSIONS) as addresses:
            connections.append(asyncio.run(bare(addresses)))
            took = asyncio.run(changed(addresses))
            opened.append(took["open"])
            changes.append(took["change"])
    note, beside = f"{SESSIONS} sessions at once, median of {rounds}", "as many bare SSH connections"
    yield Figure("netconf.open", middle(opened), "s", reference=middle(connections), beside=beside, note=note)
    yield Figure("netconf.change", middle(changes), "s", reference=middle(connections), beside=beside, note=note)
