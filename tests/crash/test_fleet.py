# SPDX-License-Identifier: Apache-2.0
"""A fleet: runs that Temporal carries are still run once, whatever dies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.crash.conftest import empty
from tests.crash.processes import until
from tests.crash.temporal import TemporalServer, free_port, needed
from tests.crash.workers import WorkerProcess, operator, start
from tests.crash.world import World

pytestmark = pytest.mark.timeout(400)
"""Seconds; generous, because a loaded machine starts processes slowly."""

BOOKINGS = 5
Starts = Callable[..., Awaitable[WorkerProcess]]


@pytest.fixture
def url(postgresql: str) -> str:
    """An empty database."""
    return empty(postgresql)


@pytest.fixture
async def temporal(folder: Path) -> AsyncIterator[TemporalServer]:
    """A server that answers."""
    needed()
    server = TemporalServer(folder, free_port())
    try:
        await server.start()
        yield server
    finally:
        await server.lose()


@pytest.fixture
async def fleet(world: World, temporal: TemporalServer) -> AsyncIterator[Starts]:
    """Starts workers of a fleet; an operator is there, and at the end whoever is left is killed."""
    made: list[WorkerProcess] = []

    async def one(name: str, *options: str, lease: float = 1.5) -> WorkerProcess:
        asked = ("--carrier", "temporal", "--temporal", temporal.address, *options)
        made.append(await start(world, name, *asked, lease=lease))
        return made[-1]

    async with operator(world.app):
        try:
            yield one
        finally:
            for worker in made:
                if worker.process.returncode is None:
                    worker.process.kill()
                await worker.process.wait()


async def running(world: World) -> dict[str, int]:
    """How many runs each worker has, senders aside."""
    workers = await world.store.read(lambda tx: tx.workers.known())
    return {worker.name: worker.running for worker in workers if worker.role.value == "runner"}


async def test_a_life_is_carried_and_played_once(world: World, fleet: Starts):
    await fleet("A")
    await fleet("B")
    await world.book(BOOKINGS)
    await until(world.all_completed, "all bookings are completed")
    assert await world.violations() == []
