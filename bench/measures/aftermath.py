# SPDX-License-Identifier: Apache-2.0
"""For how long does a change of one resource hold the writer, when thousands of bookings have that resource?"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from bench.figures import Figure
from bench.rig import opened
from preroll.app import App, build
from preroll.bootstrap.engine import calm_the_collector
from preroll.bootstrap.wall import WallClock
from preroll.domain.availability import WEEKDAYS, Availability, Hours
from preroll.domain.booking import Booking, NodeChoice, State, Timing
from preroll.domain.capacity import Wish, millionths
from preroll.domain.config import Platform
from preroll.domain.parameter import Parameter, ParameterKind, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Mode, Resource
from preroll.domain.usage import Need
from preroll.domain.window import DAY, MINUTE
from preroll.ports.store import Tx
from preroll.store import SqlStore

R = TypeVar("R")
WRITER_MS = 250.0
TOGETHER = 4
"""So many bookings have the resource at once."""
RATE = Parameter("rate", ValueType.NUMBER, kinds=(ParameterKind.CAPACITY,), default=8)
TUNED = Parameter("frequency", ValueType.NUMBER, default=1)
HD = ProfileInstance("HD", "Stream", {"rate": 8, "frequency": 1})
"""Of all bookings, by reference."""
DAY_LONG = Availability(weekly=(Hours(WEEKDAYS, 0, 24 * 60),))
"""Hours in the platform's zone: another zone moves them, and no booking is shut out."""
LINK = Resource("Link", concurrency=TOGETHER + 1, capacities={"rate": 100}, availability=DAY_LONG)
Change = Callable[[App], Awaitable[object]]


def _put(document: Resource | ProfileInstance) -> Change:
    return lambda app: app.catalogue.apply(LOCAL, "default", [document], force=True)


def _in_paris(app: App) -> Awaitable[object]:
    return app.platforms.put(LOCAL, Platform("default", zone="Europe/Paris"), force=True)


CHANGES: Mapping[str, Change] = {
    "none": _put(replace(LINK, concurrency=TOGETHER)),
    "some": _put(replace(LINK, concurrency=TOGETHER - 1)),
    "all": _put(replace(LINK, mode=Mode.MAINTENANCE)),
    "zone": _in_paris,
    "tuned": _put(replace(HD, values={"rate": 8, "frequency": 2})),
    "more": _put(replace(HD, values={"rate": 9, "frequency": 1})),
    "much": _put(replace(HD, values={"rate": 30, "frequency": 1})),
}
"""Who loses -> the change; zone: nobody does, in another zone of the platform. The last three change the profile:
nobody needs anything else of the resource, all need more of it, all need more than there is for a quarter of them."""


def measure(*, quick: bool) -> Iterator[Figure]:
    """Wall-clock time of the longest unit of a change by force, on SQLite, with the heap as a server has it."""
    calm_the_collector()
    for name, change in CHANGES.items():
        count = 1_000 if quick else 10_000 if name == "zone" else 4_000
        with tempfile.TemporaryDirectory(prefix="preroll-bench-") as folder:
            store = opened(f"sqlite:///{folder}/preroll.db")
            try:
                held, lost = asyncio.run(_changed(store, count, change))
            finally:
                store.close()
        note = f"one resource of {count:,} bookings that wait, changed by force; {lost:,} are quarantined"
        yield Figure(f"aftermath.writer.{name}", held, "ms", f"<= {WRITER_MS:g} ms", held <= WRITER_MS, note=note)


async def _changed(store: SqlStore, count: int, change: Change) -> tuple[float, int]:
    app = build(store, None)
    await app.platforms.put(LOCAL, Platform("default"))
    await app.catalogue.apply(LOCAL, "default", [ProfileDefinition("Stream", (RATE, TUNED)), HD, LINK])
    (stored,) = await app.catalogue.resources(LOCAL, "default")
    await store.write(lambda tx: _book(tx, stored, count))
    held: list[float] = []
    store.write = _timed(store.write, held)  # type: ignore[method-assign]
    await change(app)
    (row,) = await store.read(lambda tx: tx._work.db.all("select count(*) from booking where state = 'Quarantined'"))  # type: ignore[attr-defined]
    return max(held) * 1e3, row[0]


def _book(tx: Tx, link: Resource, count: int) -> None:
    """Bookings from tomorrow on, so many at once."""
    start = (WallClock().now_us() // DAY + 1) * DAY
    for number in range(count):
        begin = start + number // TOGETHER * 30 * MINUTE
        booking = Booking(
            0, tx.new_id(), link.platform, f"Booking {number}", State.PARTIAL, Timing(begin, begin + 30 * MINUTE),
            nodes={"link": NodeChoice(link.id, HD.name)},
        )  # fmt: skip
        tx.reservations.hold(tx.bookings.add(booking), [Need(link, (Wish("link", {"rate": millionths(8)}),))])


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
