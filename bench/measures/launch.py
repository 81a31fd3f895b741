# SPDX-License-Identifier: Apache-2.0
"""How long does a start take with 100,000 boundaries in the future, beside one with an empty database?"""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench import jobs
from bench.databases import KINDS, databases
from bench.figures import Figure, middle

ALLOWED = 1.1


def measure(*, quick: bool) -> Iterator[Figure]:
    """From the beginning of the process to the end of its first claim, alternating."""
    count, rounds = (10_000, 3) if quick else (100_000, 9)
    with databases() as places:
        for kind in KINDS:
            full, empty = places.fresh(kind), places.fresh(kind)
            jobs.run("future", url=full, count=count)
            jobs.run("future", url=empty, count=0)
            pairs = [
                (jobs.run("launch", url=full, began=time.time()), jobs.run("launch", url=empty, began=time.time()))
                for _ in range(rounds)
            ]
            value, reference = middle(a for a, _ in pairs), middle(b for _, b in pairs)
            yield Figure(
                f"launch.{kind}", value, "s", f"<= {ALLOWED:g}x", value <= ALLOWED * reference, reference,
                "a start with an empty database", f"{count:,} boundaries, median of {rounds}",
            )  # fmt: skip
