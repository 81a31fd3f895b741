# SPDX-License-Identifier: Apache-2.0
"""The contract of carriers: wherever runs run, they may be delivered twice and are played once, whatever dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from preroll.app.bookings import Edit
from preroll.cli.exits import LEFT, OK
from preroll.domain.booking import State
from preroll.domain.boundaries import Boundary, BoundaryState, Kind
from preroll.domain.permission import LOCAL
from preroll.domain.window import SECOND
from preroll.ports.rows import StepState
from preroll.ports.store import Tx
from preroll.ports.workers import Role
from tests.crash.processes import state_of, until
from tests.crash.temporal import TemporalServer, needed
from tests.crash.workers import WorkerProcess, operator, start
from tests.crash.world import LABELS, World
from tests.ports import reserved_port
from tests.postgres import Postgres

pytestmark = pytest.mark.timeout(400)
"""Seconds; generous, because a loaded machine starts processes slowly."""

BOOKINGS = 5
Starts = Callable[..., Awaitable[WorkerProcess]]


@pytest.fixture
def url(postgres: Postgres) -> str:
    """A database without rows."""
    return postgres.current()


@pytest.fixture(params=["here", "temporal"])
def carrier(request: pytest.FixtureRequest) -> str:
    """Where runs run."""
    return str(request.param)


@pytest.fixture
async def temporal(folder: Path, carrier: str) -> AsyncIterator[TemporalServer]:
    """A server that answers, if it is the carrier."""
    if carrier == "temporal":
        needed()
    with reserved_port() as port:
        server = TemporalServer(folder, port)
        try:
            if carrier == "temporal":
                await server.start()
            yield server
        finally:
            await server.lose()


@pytest.fixture
async def fleet(world: World, carrier: str, temporal: TemporalServer) -> AsyncIterator[Starts]:
    """Starts workers with this carrier, and an operator; at the end whoever is left is killed."""
    made: list[WorkerProcess] = []
    operators: list[str] = []
    async with contextlib.AsyncExitStack() as stack:

        async def one(name: str, *options: str, finishes: bool = True, lease: float = 1.5) -> WorkerProcess:
            if finishes and not operators:
                operators.append(name)
                await stack.enter_async_context(operator(world.app))
            asked = ("--carrier", carrier, "--temporal", temporal.address, *options)
            made.append(await start(world, name, *asked, lease=lease))
            return made[-1]

        try:
            yield one
        finally:
            for worker in made:
                worker.process.kill()
                await worker.ended()


async def busy(world: World) -> list[str]:
    """Names of the workers that run something."""
    workers = await world.store.read(lambda tx: tx.workers.known())
    return [w.name for w in workers if w.running and w.role is not Role.SENDER]


async def one_busy(world: World, pair: Sequence[WorkerProcess]) -> WorkerProcess:
    """Wait until one of them has runs under way."""
    found: list[str] = []

    async def some() -> bool:
        found[:] = await busy(world)
        return bool(found) and len(world.diary()) > 1

    await until(some, "somebody is busy")
    return next(worker for worker in pair if worker.name == found[0])


async def boundary_of(world: World, state: BoundaryState) -> Boundary:
    """The first boundary of the first booking that is in a state."""

    def query(tx: Tx) -> list[Boundary]:
        return [b for b in tx.boundaries.of(tx.bookings.get(world.booked[0]).key) if b.state is state]

    async def there() -> bool:
        return bool(await world.store.read(query))

    await until(there, f"a boundary is {state}")
    return (await world.store.read(query))[0]


# ---------------------------------------------------------------------- every carrier


async def test_a_life_is_played_once(world: World, fleet: Starts):
    pair = await asyncio.gather(fleet("A"), fleet("B"))
    await world.book(BOOKINGS)
    await until(world.all_completed, "all bookings are completed")
    assert await world.violations() == []
    assert all(worker.process.poll() is None for worker in pair)


async def test_a_run_that_is_delivered_twice_is_run_once(world: World, fleet: Starts):
    await fleet("A", lease=300.0)  # it is not taken for dead, however long it stands still
    await world.book(1, work_s=1.0)
    journal = world.store.journal
    other = await journal.enlist("other", "here", 1, "1.0", 3600 * SECOND, role=Role.RUNNER)
    seen = set()
    while not await world.all_completed():
        for key, (state, _, _) in (await world.record()).boundaries.items():
            owner = await world.store.read(lambda tx, k=key: tx.boundaries.of(tx.boundaries.booking_of(k)))
            held = next(b.worker for b in owner if b.key == key)
            if state is BoundaryState.RUNNING and held in await runners(world):
                assert (await journal.adopt(other, key, 1)).claimed is None
                seen.add(key)
    assert seen
    assert await world.violations() == []


async def runners(world: World) -> set[int]:
    """Keys of the workers that run scripts."""
    workers = await world.store.read(lambda tx: tx.workers.known())
    return {w.key for w in workers if w.role is not Role.SENDER}


async def test_a_killed_worker_is_replaced(world: World, fleet: Starts):
    pair = await asyncio.gather(fleet("A"), fleet("B"))
    await world.book(BOOKINGS, work_s=1.0)
    victim = await one_busy(world, pair)
    victim.process.kill()
    await victim.ended()
    await world.died()
    await until(world.all_completed, "the other has completed all bookings")
    assert await world.violations() == []


async def test_who_stood_still_for_longer_than_the_lease_is_fenced(world: World, fleet: Starts):
    pair = await asyncio.gather(fleet("A"), fleet("B"))
    await world.book(BOOKINGS, work_s=1.0)
    zombie = await one_busy(world, pair)
    zombie.process.send_signal(signal.SIGSTOP)
    await until(lambda: state_of(zombie.process.pid) == "T", "it stands still")
    await until(world.all_completed, "the other has completed all bookings")
    before = await world.record()
    zombie.process.send_signal(signal.SIGCONT)

    async def awake() -> bool:
        workers = await world.store.read(lambda tx: tx.workers.known())
        mine = [w for w in workers if w.name == zombie.name]
        return bool(mine) and all(w.alive and not w.running for w in mine)

    await until(awake, "it is a worker again")
    assert await world.record() == before
    assert await world.violations() == []


async def test_a_worker_that_is_stopped_hands_on_what_it_has(world: World, fleet: Starts):
    pair = await asyncio.gather(fleet("A", "--drain", "0"), fleet("B", "--drain", "0"))
    await world.book(BOOKINGS, work_s=1.0)
    first = await one_busy(world, pair)
    first.process.terminate()
    assert await first.ended() in (OK, LEFT)
    assert first.name not in await alive(world), "it gave its lease back"
    await until(world.all_completed, "the other has completed all bookings")
    assert await world.violations() == []


async def alive(world: World) -> set[str]:
    """Names of the workers with a good lease."""
    return {w.name for w in await world.store.read(lambda tx: tx.workers.known()) if w.alive}


async def test_an_edit_while_a_run_is_under_way_moves_what_is_to_come(world: World, fleet: Starts):
    await fleet("A", finishes=False)
    await world.book(1, work_s=2.0)
    begun = await boundary_of(world, BoundaryState.RUNNING)
    booking = (await world.app.bookings.get(LOCAL, world.booked[0])).booking
    later = (booking.timing.end or 0) + 60 * SECOND
    await world.app.bookings.edit(LOCAL, booking.id, None, Edit(timing=replace(booking.timing, end=later)))
    moved = {b.kind: b for b in await world.store.read(lambda tx: tx.boundaries.of(booking.key))}
    assert (moved[begun.kind].generation, moved[Kind.START_OF_POST_ROLL].generation) == (1, 2)
    assert moved[Kind.START_OF_POST_ROLL].due_us == later

    async def on_air() -> bool:
        return (await world.record()).states[booking.id] is State.ACTIVE

    await until(on_air, "it is on the air")
    await world.app.bookings.finish(LOCAL, booking.id, None)
    await until(world.all_completed, "the booking is completed")
    assert await world.violations() == []


async def test_a_down_event_stops_a_run_wherever_it_is(world: World, fleet: Starts):
    faults = world.folder / "devices/faults.json"
    faults.parent.mkdir(exist_ok=True)
    faults.write_text(json.dumps({"Encoder-0": [{"kind": "hangs"}]}))
    await fleet("A", finishes=False)
    await world.book(1)

    async def hangs() -> bool:
        return any(state is StepState.BEGUN for state, _, _ in (await world.record()).steps.values())

    await until(hangs, "its first event hangs")
    faults.unlink()
    await world.app.bookings.finish(LOCAL, world.booked[0], None)
    await until(world.all_completed, "it was stopped, and brought down")
    outcomes = [run.outcome for run in await world.store.read(lambda tx: tx.records.runs(1))]
    assert outcomes == ["cancelled", "ok"]


# ---------------------------------------------------------------------- Temporal


@pytest.mark.parametrize("carrier", ["temporal"], indirect=True)
@pytest.mark.parametrize("memory", [False, True], ids=["comes back", "has forgotten everything"])
async def test_a_lost_server_delays_and_loses_nothing(
    world: World, fleet: Starts, temporal: TemporalServer, memory: bool
):
    await fleet("A")
    await world.book(BOOKINGS, work_s=1.0)
    await until(lambda: len(world.diary()) > 1, "the first runs are under way")
    await temporal.lose(memory=memory)
    await world.book(2)
    await temporal.start()
    await until(world.all_completed, "all bookings are completed")
    assert await world.violations() == []


@pytest.mark.parametrize("carrier", ["temporal"], indirect=True)
async def test_two_workflows_of_one_run_play_it_once(world: World, fleet: Starts, temporal: TemporalServer):
    """Worse than Temporal ever is: the same run from two workflows at once, and again when it is over."""
    await fleet("A")
    await world.book(1, work_s=2.0)
    boundary = await boundary_of(world, BoundaryState.RUNNING)
    from temporalio.client import Client

    from preroll.clock.carriers.temporal import CarriedRun, Parcel

    client = await Client.connect(temporal.address)
    parcel = Parcel(boundary.key, boundary.generation, "preroll", 1.5)
    doubles = [
        await client.start_workflow(CarriedRun.run, parcel, id=f"double-{n}", task_queue="preroll") for n in range(2)
    ]
    await until(world.all_completed, "the booking is completed")
    late = await client.start_workflow(CarriedRun.run, parcel, id=parcel.ident, task_queue="preroll")
    assert {await double.result() for double in (*doubles, late)} == {"over"}
    assert await world.violations() == []


@pytest.mark.parametrize("carrier", ["temporal"], indirect=True)
async def test_temporal_brings_a_run_where_its_devices_are_reached(world: World, fleet: Starts):
    await asyncio.gather(*(fleet(site, "--label", f"site={site}") for site in ("north", "south")))
    await world.book(2)
    for number, site in enumerate(("north", "south")):
        names = [f"{label}-{number}" for label in LABELS]
        found = await world.store.read(lambda tx, n=names: tx.catalogue.resources(1, names=n))
        await world.app.catalogue.apply(LOCAL, "default", [replace(r, labels={"site": site}) for r in found])
    await until(world.all_completed, "all bookings are completed")
    last = {
        ident: (await world.store.read(lambda tx, i=ident: tx.records.runs(tx.bookings.get(i).key)))[-1].worker
        for ident in world.booked
    }
    assert list(last.values()) == ["north", "south"]
    assert await world.violations() == []


@pytest.mark.parametrize("carrier", ["temporal"], indirect=True)
async def test_moving_from_here_to_a_fleet_and_back(world: World, fleet: Starts, temporal: TemporalServer):
    """Workers of both kinds on one database: who claims first has it."""
    await fleet("A")
    first = await start(world, "B")
    try:
        await world.book(BOOKINGS)
        await until(world.all_completed, "all bookings are completed")
    finally:
        first.process.kill()
        await first.ended()
    assert await world.violations() == []
