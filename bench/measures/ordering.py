# SPDX-License-Identifier: Apache-2.0
"""Service orders: a thousand due at once, beside the same steps without orders; and lists of them at both doors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from bench import jobs
from bench.alternating import medians, ratio
from bench.databases import KINDS, Databases, databases
from bench.figures import Figure, middle
from bench.measures.post import sent
from bench.orders import requested
from bench.rig import opened
from preroll.api import create_app
from preroll.app import build
from preroll.bootstrap.wall import WallClock
from preroll.tmf import create_tmf

ALLOWED = 1.5
FEW, MANY = 100, 10_000
NATIVE, FORUM = "/api/v1/orders", "/tmf-api/serviceOrdering/v4/serviceOrder"


def measure(*, quick: bool) -> Iterator[Figure]:
    """Processor time, as what others do on the machine does not count then."""
    with databases() as places:
        for kind in KINDS:
            yield _burst(places, kind, 200 if quick else 1_000, 1 if quick else 3)
        yield from asyncio.run(_listed(places, 5 if quick else 15, 10 if quick else 20))


def _burst(places: Databases, kind: str, count: int, rounds: int) -> Figure:
    """Engine and script hosts, from due to the last order Completed, in turns with bookings that change as much."""
    orders, plain = [], []
    failed = 0
    for _ in range(rounds):
        for job, found in (("order burst", orders), ("change burst", plain)):
            sample: dict[str, Any] = jobs.run(job, url=places.fresh(kind), count=count)
            found.append(sum(sample["cpu_us"]) / 1e3)
            failed += sample["failures"]
    value, reference = middle(orders), middle(plain)
    return Figure(
        f"orders.{kind}.burst", value, "ms", f"<= {ALLOWED:g}x", value <= ALLOWED * reference and not failed,
        reference, "a booking that changes one device in the same steps",
        f"processor time of each of {count:,} orders due at once" + (f", {failed} failed" if failed else ""),
    )  # fmt: skip


async def _listed(places: Databases, rounds: int, times: int) -> list[Figure]:
    """A page of 100, at both doors in one process, with few orders and with many."""
    calls: dict[str, Any] = {}
    doors = []
    for count in (FEW, MANY):
        store = opened(places.fresh("sqlite"))
        doors.append(store)
        await requested(store, count)
        app = build(store, None)
        for name, path, door in (
            ("native", NATIVE, create_app(app, stopping=lambda: True)),
            ("forum", FORUM, create_tmf(app, WallClock())),
        ):
            calls[f"{name} {count}"] = lambda _, door=door, path=path: sent(door, path, None, "GET")
    try:
        taken = await medians(calls, rounds, times, clock=time.process_time)
    finally:
        for store in doors:
            with closing(store):
                pass
    found = {name: middle(values) * 1e3 for name, values in taken.items()}
    beside = ratio(taken, f"forum {MANY}", f"native {MANY}")
    grown = ratio(taken, f"forum {MANY}", f"forum {FEW}")
    note = f"processor time of a page of 100, {MANY:,} orders"
    return [
        Figure("orders.list", found[f"forum {MANY}"], "ms", f"<= {ALLOWED:g}x", beside <= ALLOWED,
               found[f"native {MANY}"], "the native list", note),
        Figure("orders.list.growth", found[f"forum {MANY}"], "ms", f"<= {ALLOWED:g}x", grown <= ALLOWED,
               found[f"forum {FEW}"], f"the same of {FEW}", note),
    ]  # fmt: skip
