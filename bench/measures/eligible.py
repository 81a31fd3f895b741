# SPDX-License-Identifier: Apache-2.0
"""What is free among 10,000 resources: 300 candidates for a node, and the next time at which 20 of them are free.

Beside a scan of the pool: reading five columns of each resource, and nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

from bench.alternating import Call, Times, alternating, medians, ratio
from bench.databases import KINDS, databases
from bench.figures import Figure, middle
from bench.filled import FUNCTIONS, MINUTE, SLOT, Fill, Filled
from bench.measures.booking import Desk
from bench.rows import bare
from preroll.app.availability import Question, Wanted
from preroll.domain.booking import Timing
from preroll.domain.permission import LOCAL

SHARE = {"sqlite": 0.25, "postgresql": 0.5}
"""Of a scan, for 300 candidates."""
CLOCK = {"sqlite": time.process_time, "postgresql": time.perf_counter}
NEXT, GROWTH = 1.0, 1.2
MANY = 20


def measure(*, quick: bool) -> Iterator[Figure]:
    """Medians in turns: of processor time on SQLite, of wall-clock time on PostgreSQL.

    Growth is with the live bookings held fixed, so that only history is added: bookings that never were live at once,
    for what is over makes room in the indexes for what comes.
    """
    few, middling, many = 10_000, 100_000, 100_000 if quick else 1_000_000
    with databases() as places:
        fill = Fill(places)
        for kind in KINDS:
            for size in sorted({middling, many}):
                yield from asyncio.run(_free(kind, fill.make(kind, size)))
            small, large = fill.make(kind, few), fill.make(kind, many, few // 10)
            yield asyncio.run(_grown(kind, small, large))


class Asking(Desk):
    """The product, asked what is free."""

    async def eligible(self, number: int) -> int:
        """The candidates that are free for two hours."""
        question = self._question(number, self.filled.now_us + SLOT + number * MINUTE, 120)
        answers = await self.app.availability.eligible(LOCAL, question)
        return answers["node"].candidates

    async def next_slot(self, number: int) -> int | None:
        """When 20 of 300 are free for four hours."""
        question = self._question(number, self.filled.now_us + SLOT + number * MINUTE, 240, count=MANY)
        answers = await self.app.availability.eligible(LOCAL, question)
        return answers["node"].next_start

    def _question(self, number: int, start: int, minutes: int, count: int = 1) -> Question:
        wanted = Wanted(function=f"function {number % FUNCTIONS}", profile="HD")
        return Question(Timing(start, start + minutes * MINUTE), nodes={"node": wanted}, count=count, limit=20)


async def _free(kind: str, filled: Filled) -> list[Figure]:
    with ExitStack() as stack:
        desk = stack.enter_context(closing(Asking(filled)))
        reference = stack.enter_context(closing(bare(filled.url)))

        async def scan(_: int) -> int:
            return reference.scan()

        calls: dict[str, Call] = {"eligible": desk.eligible, "next": desk.next_slot, "scan": scan}
        assert await desk.eligible(1) > 300
        times = await alternating(calls, 60, clock=CLOCK[kind])
    return [
        _beside_scan(kind, "eligible", times, SHARE[kind], filled.bookings, "300 candidates"),
        _beside_scan(kind, "next", times, NEXT, filled.bookings, f"{MANY} of 300 free for four hours"),
    ]


def _beside_scan(kind: str, name: str, times: Times, share: float, size: int, note: str) -> Figure:
    value, reference = middle(times[name]) * 1e3, middle(times["scan"]) * 1e3
    return Figure(
        f"eligible.{kind}.{name}.{size}", value, "ms", f"<= {share:g}x", value <= share * reference, reference,
        "a scan of the pool", f"{note}; {size:,} bookings, a tenth of them live",
    )  # fmt: skip


async def _grown(kind: str, small: Filled, large: Filled) -> Figure:
    with closing(Asking(small)) as few, closing(Asking(large)) as many:
        times = await medians({"few": few.eligible, "many": many.eligible}, 7, 20, clock=CLOCK[kind])
    grown = ratio(times, "many", "few")
    return Figure(
        f"eligible.{kind}.growth", middle(times["many"]) * 1e3, "ms", f"<= {GROWTH:g}x", grown <= GROWTH,
        middle(times["few"]) * 1e3, f"with {small.bookings:,} bookings",
        f"{large.bookings:,} bookings, as many live; median ratio of 7 rounds {grown:.2f}",
    )  # fmt: skip
