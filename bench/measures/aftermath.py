# SPDX-License-Identifier: Apache-2.0
"""For how long does a change of one resource hold the writer, when thousands of bookings have that resource?"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from bench.figures import Figure
from bench.rig import opened
from preroll.app import App, build
from preroll.bootstrap.server import WallClock
from preroll.domain.booking import Booking, NodeChoice, State, Timing
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.domain.resource import Mode, Resource
from preroll.domain.usage import Need
from preroll.domain.window import DAY, MINUTE
from preroll.ports.store import Tx
from preroll.store import SqlStore

R = TypeVar("R")
WRITER_MS = 250.0
TOGETHER = 4
"""So many bookings have the resource at once."""
STEPS = {"none": 0, "some": 1, "all": TOGETHER}
"""Who loses -> by how many fewer at once; all: it is in maintenance."""


def measure(*, quick: bool) -> Iterator[Figure]:
    """Wall-clock time of the longest unit of an apply by force, on SQLite."""
    count = 1_000 if quick else 4_000
    for name, fewer in STEPS.items():
        with tempfile.TemporaryDirectory(prefix="preroll-bench-") as folder:
            store = opened(f"sqlite:///{folder}/preroll.db")
            try:
                held, lost = asyncio.run(_changed(store, count, fewer))
            finally:
                store.close()
        note = f"one resource of {count:,} bookings that wait, changed by force; {lost:,} are quarantined"
        yield Figure(f"aftermath.writer.{name}", held, "ms", f"<= {WRITER_MS:g} ms", held <= WRITER_MS, note=note)


async def _changed(store: SqlStore, count: int, fewer: int) -> tuple[float, int]:
    app = build(store, None)
    await app.platforms.put(LOCAL, Platform("default"))
    link = Resource("Link", concurrency=TOGETHER + 1, capacities={"rate": 100})
    await app.catalogue.apply(LOCAL, "default", [link])
    (stored,) = await app.catalogue.resources(LOCAL, "default")
    await store.write(lambda tx: _book(tx, stored, count))
    held: list[float] = []
    store.write = _timed(store.write, held)  # type: ignore[method-assign]
    await _apply(app, link, fewer)
    (row,) = await store.read(lambda tx: tx._work.db.all("select count(*) from booking where state = 'Quarantined'"))  # type: ignore[attr-defined]
    return max(held) * 1e3, row[0]


async def _apply(app: App, link: Resource, fewer: int) -> None:
    now = replace(link, concurrency=TOGETHER - fewer) if fewer < TOGETHER else replace(link, mode=Mode.MAINTENANCE)
    await app.catalogue.apply(LOCAL, "default", [now], force=True)


def _book(tx: Tx, link: Resource, count: int) -> None:
    """Bookings from tomorrow on, so many at once."""
    start = (WallClock().now_us() // DAY + 1) * DAY
    for number in range(count):
        begin = start + number // TOGETHER * 30 * MINUTE
        booking = Booking(
            0, tx.new_id(), link.platform, f"Booking {number}", State.PARTIAL, Timing(begin, begin + 30 * MINUTE),
            nodes={"link": NodeChoice(link.id)},
        )  # fmt: skip
        tx.reservations.hold(tx.bookings.add(booking), [Need(link)])


def _timed(write: Callable[..., Any], held: list[float]) -> Callable[..., Any]:
    """The same, with the time that each unit takes."""

    async def timed(unit: Callable[[Any], R]) -> R:
        def measured(tx: Any) -> R:
            began = time.perf_counter()
            try:
                return unit(tx)
            finally:
                held.append(time.perf_counter() - began)

        found: R = await write(measured)
        return found

    return timed
