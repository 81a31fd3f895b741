# SPDX-License-Identifier: Apache-2.0
"""Are events late when 1,000 changes a second are told by webhook? Beside the same changes that nobody is told of."""

from __future__ import annotations

from collections.abc import Iterator

from bench import jobs
from bench.databases import KINDS, databases
from bench.figures import Figure, percentile
from bench.stream import receiving

RATE = 1_000
EVERY_US, LEAD_US = 100_000, 20_000_000
ALLOWED_MS = {50: 2.0, 99: 5.0}
"""Percentile -> by how much an event may be later."""


def measure(*, quick: bool) -> Iterator[Figure]:
    """Figures for each database: how late events are, and how many messages were taken meanwhile."""
    count = 60 if quick else 300
    with databases() as places:
        for kind in KINDS:
            plain = _late(places.fresh(kind), count, 0)
            with receiving() as receiver:
                late = _late(places.fresh(kind), count, receiver.port)
            for percent, allowed in ALLOWED_MS.items():
                value, reference = percentile(late, percent), percentile(plain, percent)
                yield Figure(
                    f"webhooks.{kind}.p{percent}", value, "ms", f"<= untold + {allowed:g} ms",
                    value <= reference + allowed, reference, "the same changes, told to nobody",
                    f"{RATE:,} changes a second, n = {count}",
                )  # fmt: skip
            yield Figure(f"webhooks.{kind}.taken", receiver.got, "", note="messages, by one receiver, meanwhile")


def _late(url: str, count: int, port: int) -> list[float]:
    first = jobs.now_us() + LEAD_US
    found: list[float] = jobs.run(
        "told lateness", url=url, first_us=first, every_us=EVERY_US, count=count, rate=RATE, port=port
    )
    return found
