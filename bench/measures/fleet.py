# SPDX-License-Identifier: Apache-2.0
"""200 bookings of 10 simulated resources each start together; all scripts run."""

from __future__ import annotations

from collections.abc import Iterator

from bench import jobs
from bench.databases import KINDS, databases
from bench.figures import Figure, middle

BOOKINGS, RESOURCES, LIMIT_S = 200, 10, 0.5


def measure(*, quick: bool) -> Iterator[Figure]:
    """From due to the last durable settlement, for each database."""
    rounds = 1 if quick else 5
    with databases() as places:
        for kind in KINDS:
            samples = [
                jobs.run(
                    "burst", url=places.fresh(kind), count=BOOKINGS, script="bench-configure", resources=RESOURCES,
                    bound=BOOKINGS,
                )
                for _ in range(rounds)
            ]  # fmt: skip
            took = middle(s["took"] for s in samples)
            failed = sum(s["failures"] for s in samples)
            note = f"{BOOKINGS} x {RESOURCES} resources, median of {rounds}" + (f", {failed} failed" if failed else "")
            yield Figure(f"fleet.{kind}", took, "s", f"<= {LIMIT_S:g} s", took <= LIMIT_S and not failed, note=note)
