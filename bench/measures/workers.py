# SPDX-License-Identifier: Apache-2.0
"""Several workers on one PostgreSQL: the rate of 1, 2 and 4 of them, how soon one replaces another, and Temporal.

On a machine with fewer cores than workers the rate cannot rise; what is asked is that it does not fall.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.databases import databases
from bench.figures import Figure, middle
from bench.workers import rate, takeover, temporal

COUNTS = (1, 2, 4)
LEASE_S, GRACE_S = 2.0, 1.0
HOLDS = 0.8
"""Of one worker's rate: what several must reach at least."""
CARRIED = 200
"""Runs that Temporal's development server is given."""


def measure(*, quick: bool) -> Iterator[Figure]:
    """On PostgreSQL only: an SQLite database has one engine."""
    jobs, rounds = (1_000, 1) if quick else (4_000, 3)
    with databases() as places:
        found: dict[int, float] = {}
        samples: dict[int, list[float]] = {count: [] for count in COUNTS}
        for _ in range(rounds):
            for count in COUNTS:
                samples[count].append(rate(places.fresh("postgresql"), count, jobs=jobs, script="bench-three-steps"))
        for count in COUNTS:
            found[count] = middle(samples[count])
            yield Figure(
                f"workers.{count}", found[count], "/s", "" if count == 1 else f">= {HOLDS:g}x of one",
                None if count == 1 else found[count] >= HOLDS * found[1], None if count == 1 else found[1],
                "" if count == 1 else "one worker's rate", f"{jobs} runs of three steps, median of {rounds}",
            )  # fmt: skip
        took = [takeover(places.fresh("postgresql"), 50, LEASE_S) for _ in range(rounds)]
        limit = LEASE_S + GRACE_S
        yield Figure(
            "workers.takeover", max(took), "s", f"<= {limit:g} s", max(took) <= limit,
            note=f"kill -9 of the owner of up to 50 runs, lease {LEASE_S:g} s, worst of {rounds}",
        )  # fmt: skip
        yield from _carried(places.fresh("postgresql"), places.fresh("postgresql"))


def _carried(here: str, there: str) -> Iterator[Figure]:
    """The same work, carried by Temporal and not."""
    plain = rate(here, 2, jobs=CARRIED, script="bench-three-steps")
    with temporal() as address:
        options = ("--carrier", "temporal", "--temporal", address)
        carried = rate(there, 2, *options, jobs=CARRIED, script="bench-three-steps")
    yield Figure(
        "workers.temporal", carried, "/s", reference=plain, beside="two workers without it",
        note=f"{CARRIED} runs; bound by the development server, which keeps everything in SQLite",
    )  # fmt: skip
