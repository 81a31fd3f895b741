# SPDX-License-Identifier: Apache-2.0
"""Several ``preroll worker`` on one PostgreSQL: drain, labels, one device, a server that restarts.

What becomes of killed ones and of zombies is in ``test_carriers``.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from preroll.cli.exits import LEFT
from preroll.domain.booking import State
from preroll.domain.errors import StoreUnavailable
from preroll.domain.permission import LOCAL
from preroll.domain.resource import Resource
from preroll.ports.store import RunRow, StepRow, Tx
from tests.crash.processes import until
from tests.crash.workers import known, runs_of, start, workers
from tests.crash.world import LABELS, World
from tests.postgres import Postgres, running

pytestmark = pytest.mark.timeout(400)
"""Seconds; generous, because a loaded machine starts processes slowly."""

BOOKINGS = 10


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A PostgreSQL of this module's own, which may be stopped."""
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def postgres(server: Any) -> Postgres:
    return Postgres(server)


@pytest.fixture
def url(postgres: Postgres) -> str:
    """A database without rows."""
    return postgres.current()


async def runs(world: World) -> list[RunRow]:
    """All runs of all bookings."""
    return [
        run
        for ident in world.booked
        for run in await world.store.read(lambda tx, i=ident: tx.records.runs(tx.bookings.get(i).key))
    ]


async def test_a_worker_that_is_told_to_stop_ends_what_it_runs(world: World):
    await world.book(3, work_s=0.5)
    async with workers(world, drain=60.0) as made:
        first = await start(world, "A", "--drain", "60", lease=30.0, cold=True)
        made.append(first)

        async def busy() -> bool:
            return await runs_of(world, "A") > 0

        await until(busy, "A has runs under way")
        first.process.terminate()
        assert await first.ended() == 0
        record = await world.record()
        assert record.running == 0, "it has ended what it ran"
        assert {epoch for _, epoch, _ in record.boundaries.values()} <= {0, 1}, "and claimed nothing more"
        assert await known(world) == {}, "it gave its lease back"


async def test_what_a_stopping_worker_leaves_is_resumed_at_once(world: World):
    """The lease is longer than this test may take: the other does not wait for its end."""
    await world.book(BOOKINGS, work_s=1e7)  # up to that: no run ends while the test looks
    async with workers(world) as made:
        first = await start(world, "A", "--drain", "0", lease=300.0)
        made.append(first)

        async def busy() -> bool:
            return len(world.diary()) == BOOKINGS

        await until(busy, "A has runs under way")
        first.process.terminate()
        assert await first.ended() == LEFT
        assert first.said("runs are left to whoever comes next")
        made.append(await start(world, "B", lease=300.0))

        async def resumed() -> bool:
            return await runs_of(world, "B") == BOOKINGS

        await until(resumed, "B has the runs")


async def test_a_restart_of_the_server_is_survived(world: World, server: Any):
    await world.book(BOOKINGS, work_s=0.5)
    async with workers(world, "A", "B"):
        await until(lambda: len(world.diary()) > BOOKINGS, "the bookings are under way")
        os.kill(server.get_pid(), signal.SIGQUIT)
        await until(lambda: not (Path(server.pgdata) / "postmaster.pid").exists(), "the server is gone")
        server.ensure_postgres_running()

        async def completed() -> bool:
            with contextlib.suppress(StoreUnavailable):
                return await world.all_completed()
            return False

        await until(completed, "all bookings are completed")
    assert await world.violations() == []


async def test_a_run_goes_where_its_devices_are_reached(world: World):
    await world.book(4)
    names = {label: [f"{label}-{number}" for number in range(4)] for label in LABELS}

    async def label(site: str, number: int) -> None:
        platform = (await world.app.platforms.get(LOCAL, "default")).key
        wanted = [names[label][number] for label in LABELS]
        found = await world.store.read(lambda tx: tx.catalogue.resources(platform, names=wanted))
        await world.app.catalogue.apply(LOCAL, "default", [replace(r, labels={"site": site}) for r in found])

    for number, site in enumerate(("north", "north", "south", "moon")):
        await label(site, number)
    async with workers(world) as made:
        for site in ("north", "south"):
            made.append(await start(world, site, "--label", f"site={site}"))

        async def three() -> bool:
            return sum(state is State.COMPLETED for state in (await world.record()).states.values()) == 3

        await until(three, "what can be reached is completed")
        assert {(run.booking, run.worker) for run in await runs(world)} == {
            (world.booked[0], "north"),
            (world.booked[1], "north"),
            (world.booked[2], "south"),
        }
        (waiting,) = (await world.app.bookings.get(LOCAL, world.booked[3])).waiting
        assert "site=moon" in waiting.what
        assert "which reaches Decoder-3: none is there" in waiting.what
        fleet = await world.app.workers.all(LOCAL)
        assert [(one.labels, one.count) for one in fleet.unreached] == [(frozenset({"site=moon"}), 2)]
        made.append(await start(world, "moon", "--label", "site=moon"))
        await until(world.all_completed, "with a worker there it is completed as well")
    assert await world.violations() == []


async def share(world: World, count: int) -> None:
    """Bookings on one device, each on a card of its own in it."""
    where = str(world.folder / "devices")
    cards = [
        Resource(f"{label}-{n}", address={"device": f"{label}-{n}", "world": where}, device="chassis")
        for n in range(count)
        for label in LABELS
    ]
    await world.app.catalogue.apply(LOCAL, "default", cards)


def steps_of(runs: Sequence[str], tx: Tx) -> list[StepRow]:
    """When devices were touched: a run counts from before it waits for its turn."""
    return tx.records.steps(runs)


async def test_two_bookings_on_one_device_never_interleave(world: World):
    await world.book(4, work_s=0.1)
    await share(world, 4)
    async with workers(world, "A", "B"):
        await until(world.all_completed, "all bookings are completed")
    assert await world.violations() == []
    taken: dict[str, list[tuple[int, int]]] = {}
    for step in await world.store.read(partial(steps_of, [run.id for run in await runs(world)])):
        taken.setdefault(step.run, []).append((step.began_us, step.ended_us or 0))
    played = sorted((min(began for began, _ in one), max(ended for _, ended in one)) for one in taken.values())
    assert len(played) == len(await runs(world)) > 4
    assert all(ended <= began for (_, ended), (began, _) in pairwise(played)), played


async def test_a_stuck_device_delays_no_other_booking(world: World):
    await world.book(1)
    stuck = world.booked[0]
    (world.folder / "devices").mkdir(exist_ok=True)
    (world.folder / "devices/faults.json").write_text(json.dumps({"Encoder-0": [{"kind": "hangs"}]}))
    async with workers(world, "A", "B"):

        async def hangs() -> bool:
            return (await world.record()).running == 1

        await until(hangs, "the first booking hangs")
        await world.book(5)

        async def others() -> bool:
            states = (await world.record()).states
            return all(state is State.COMPLETED for ident, state in states.items() if ident != stuck)

        await until(others, "the others are completed")
        assert (await world.record()).running == 1
