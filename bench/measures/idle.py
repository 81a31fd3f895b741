# SPDX-License-Identifier: Apache-2.0
"""How late is the first line of a script when nothing else is due? Beside a bare durable commit at a due instant.

The engine's instants and the reference's alternate, in two processes on two databases of the same kind.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench import jobs
from bench.databases import KINDS, databases
from bench.figures import Figure, percentile

EVERY_US = 100_000
LEAD_US = 20_000_000
ALLOWED_MS = {50: 2.0, 99: 5.0}
"""Percentile -> by how much it may be later than the bare commit."""


def measure(*, quick: bool) -> Iterator[Figure]:
    """Figures for each database, with the machine idle and with a script that burns a core."""
    count = 40 if quick else 200
    with databases() as places:
        for kind in KINDS:
            for burning in (False, True):
                first = jobs.now_us() + LEAD_US
                bare = jobs.start(
                    "bare commits",
                    url=places.fresh(kind),
                    first_us=first + EVERY_US // 2,
                    every_us=EVERY_US,
                    count=count,
                )
                engine = jobs.start(
                    "lateness", url=places.fresh(kind), first_us=first, every_us=EVERY_US, count=count, burning=burning
                )
                late, commits = engine(), bare()
                for percent, allowed in ALLOWED_MS.items():
                    value, reference = percentile(late, percent), percentile(commits, percent)
                    yield Figure(
                        f"idle.{kind}{'.burning' if burning else ''}.p{percent}", value, "ms",
                        f"<= bare + {allowed:g} ms", value <= reference + allowed, reference, "a bare durable commit",
                        f"n = {count}",
                    )  # fmt: skip
