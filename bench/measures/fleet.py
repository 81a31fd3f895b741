# SPDX-License-Identifier: Apache-2.0
"""200 bookings of 10 simulated resources each start together; all scripts run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench import jobs
from bench.databases import KINDS, databases
from bench.figures import Figure, middle

BOOKINGS, RESOURCES, LIMIT_S = 200, 10, 0.5


def measure(*, quick: bool) -> Iterator[Figure]:
    """From due to the last durable settlement, for each database."""
    rounds = 1 if quick else 5
    with databases() as places:
        for kind in KINDS:
            samples, alone = [], []
            for _ in range(rounds):
                samples.append(_burst(places.fresh(kind), "bench-configure"))
                alone.append(_burst(places.fresh(kind), "bench-journal"))
            took, journal = middle(s["took"] for s in samples), middle(s["took"] for s in alone)
            failed = sum(s["failures"] for s in (*samples, *alone))
            note = f"{BOOKINGS} x {RESOURCES} resources, median of {rounds}" + (f", {failed} failed" if failed else "")
            held = took <= LIMIT_S and not failed
            beside = "the same steps without devices"
            yield Figure(f"fleet.{kind}", took, "s", f"<= {LIMIT_S:g} s", held, journal, beside, note)


def _burst(url: str, script: str) -> dict[str, Any]:
    found: dict[str, Any] = jobs.run(
        "burst", url=url, count=BOOKINGS, script=script, resources=RESOURCES, bound=BOOKINGS
    )
    return found
