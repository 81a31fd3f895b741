# SPDX-License-Identifier: Apache-2.0
"""Check a resource, book three, book eighteen: among 10,000 resources, with few bookings and with very many.

Beside a bare connection that writes the same rows durably; they take turns on databases of the same contents.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, closing

from bench.alternating import Call, Times, alternating, forget_file, medians, ratio
from bench.databases import KINDS, databases
from bench.figures import Figure, middle
from bench.filled import MINUTE, NODES, SLOT, WIDE, Fill, Filled, names
from bench.rig import opened
from bench.rows import bare
from preroll.app import build
from preroll.app.bookings import NewBooking
from preroll.app.views import BookingDetails
from preroll.domain import usage
from preroll.domain.booking import NodeChoice, Timing
from preroll.domain.capacity import Wish
from preroll.domain.permission import LOCAL
from preroll.domain.window import Window
from preroll.ports.store import Tx
from preroll.store import SqlStore

DURABLE, GROWTH = 2.0, 1.2
KIND = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


class Desk:
    """The product on one filled database."""

    def __init__(self, filled: Filled) -> None:
        self.filled = filled
        self.store: SqlStore = opened(filled.url)
        self.app = build(self.store, None)

    async def check(self, number: int) -> int:
        """Is one resource free in a slot of two hours? Returns what is in the way."""
        start, block = self.filled.gap(number)
        (name,) = names(block, 1)
        window = Window(start, start + 120 * MINUTE)

        def query(tx: Tx) -> int:
            platform = tx.platforms.get("default")
            (resource,) = tx.catalogue.resources(platform.key, names=[name])
            held = tx.reservations.usages([resource], window).get(resource.key, ())
            return len(usage.clashes(resource, (Wish(),), window, held))

        return await self.store.read(query)

    async def create(self, number: int) -> BookingDetails:
        """Book three resources where they are free."""
        start, block = self.filled.gap(number)
        chosen = dict(zip(NODES, map(NodeChoice, names(block)), strict=True))
        timing = Timing(start, start + 5 * MINUTE)
        return await self.app.bookings.create(
            LOCAL, NewBooking(f"new {number}", timing, definition="feed", nodes=chosen)
        )

    async def single(self, number: int) -> object:
        """Book one resource where it is free."""
        start, block = self.filled.gap(number)
        (name,) = names(block, 1)
        timing = Timing(start, start + 5 * MINUTE)
        return await self.app.bookings.create(
            LOCAL, NewBooking(f"one {number}", timing, nodes={"node": NodeChoice(name)})
        )

    async def wide(self, number: int) -> object:
        """Book eighteen resources."""
        start = self.filled.now_us + (2_000 + number) * SLOT
        chosen = {f"node {n}": NodeChoice(name) for n, name in enumerate(names(number, WIDE))}
        timing = Timing(start, start + 60 * MINUTE)
        return await self.app.bookings.create(
            LOCAL, NewBooking(f"wide {number}", timing, definition="wide", nodes=chosen)
        )

    def close(self) -> None:
        """Close the database."""
        self.store.close()


def measure(*, quick: bool) -> Iterator[Figure]:
    """Wall-clock, medians; growth is the median over the rounds of the ratio within a round."""
    sizes = (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000)
    with databases() as places:
        fill = Fill(places)
        for kind in KINDS:
            filled = {size: fill.make(kind, size) for size in sizes}
            twin = fill.make(kind, sizes[1])
            yield from asyncio.run(_taken(kind, filled, twin, rounds=5 if quick else 7))


async def _taken(kind: str, filled: dict[int, Filled], twin: Filled, rounds: int) -> list[Figure]:
    found = [await _cold(kind, one) for one in filled.values()] if kind == "sqlite" else []
    with ExitStack() as stack:
        desks = {size: stack.enter_context(closing(Desk(one))) for size, one in filled.items()}
        reference = stack.enter_context(closing(bare(twin.url)))

        async def durable(number: int) -> None:
            start, block = twin.gap(number)
            reference.write(f"bare {number}", start, block)

        checks = await alternating({str(size): desk.check for size, desk in desks.items()}, 40 * rounds)
        found += [_plain(kind, "check", size, checks[str(size)], "one resource, two hours") for size in desks]
        calls: dict[str, Call] = {str(size): desk.create for size, desk in desks.items()}
        grown = await medians(calls, rounds, 40)
        found += [_plain(kind, "create", size, grown[str(size)], "three resources") for size in desks]
        found.append(_growth(kind, grown, min(desks), max(desks)))
        middling = desks[twin.bookings]
        offset = rounds * 45
        pairs = await alternating({"create": lambda n: middling.create(offset + n), "durable": durable}, 40 * rounds)
        found.append(_beside_durable(kind, pairs, twin.bookings))
        wide = await alternating({"wide": middling.wide}, 8 * rounds)
        found.append(_plain(kind, "wide", twin.bookings, wide["wide"], f"{WIDE} resources by the whole framework"))
    return found


async def _cold(kind: str, filled: Filled) -> Figure:
    """The first booking after a start, when nothing of the file is in memory."""
    seconds = []
    for number in range(3):
        forget_file(filled.url.removeprefix("sqlite:///"))
        with closing(Desk(filled)) as desk:
            seconds += (await alternating({"create": lambda _, n=number: desk.create(890 + n)}, 1, warm=0))["create"]
    return _plain(kind, "create.cold", filled.bookings, seconds, "the first after a start, the file on disk alone")


def _plain(kind: str, name: str, size: int, seconds: list[float], note: str) -> Figure:
    return Figure(f"booking.{kind}.{name}.{size}", middle(seconds) * 1e3, "ms", note=f"{note}; {size:,} bookings")


def _growth(kind: str, times: Times, few: int, many: int) -> Figure:
    grown = ratio(times, str(many), str(few))
    value, reference = middle(times[str(many)]) * 1e3, middle(times[str(few)]) * 1e3
    return Figure(
        f"booking.{kind}.create.growth", value, "ms", f"<= {GROWTH:g}x", grown <= GROWTH, reference,
        f"with {few:,} bookings", f"{many:,} bookings; median ratio of {len(times[str(few)])} rounds {grown:.2f}",
    )  # fmt: skip


def _beside_durable(kind: str, times: Times, size: int) -> Figure:
    value, reference = middle(times["create"]) * 1e3, middle(times["durable"]) * 1e3
    asked = kind == "sqlite"
    return Figure(
        f"booking.{kind}.create", value, "ms", f"<= {DURABLE:g}x" if asked else "",
        value <= DURABLE * reference if asked else None, reference,
        "a durable transaction with the same rows", f"three resources; {size:,} bookings, {len(times['create'])} turns",
    )  # fmt: skip
