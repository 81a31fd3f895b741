# SPDX-License-Identifier: Apache-2.0
"""kill -9 at each phase of a change of two devices, of script host and of engine: both are old or both are new."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.crash.circuits import Circuits, Scenario, alone
from tests.crash.points import arm, armed
from tests.crash.processes import start, until
from tests.crash.world import World

pytestmark = pytest.mark.timeout(400)
"""Seconds; generous, because a loaded machine starts processes slowly."""

DRIVERS = ("told",)
STEPS = 10
"""Of a change that goes well, and of one whose audit is Down: as many."""
TURNS = 7
"""In which the engine takes their begins, and their ends: those of two devices may come together."""
SCENARIOS = [
    Scenario(able=True, up=True, late=False),
    Scenario(able=True, up=True, late=True),
    Scenario(able=True, up=False, late=False),
    Scenario(able=True, up=False, late=True),
    Scenario(able=False, up=True, late=False),
    Scenario(able=False, up=False, late=False),
]
HOST = ("host.begun", "host.applied", "host.ended")
ENGINE = ("begin.committed", "end.before", "end.committed")


@pytest.fixture
def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'preroll.db'}"


@pytest.fixture
async def circuits(world: World) -> Circuits:
    made = Circuits(world)
    await made.prepare()
    return made


async def test_a_host_dies_at_every_phase(folder: Path) -> None:
    """The engines live on, and another host brings each change to its end, or back."""
    lives = [*enumerate(SCENARIOS), (2, SCENARIOS[1])]
    async with asyncio.TaskGroup() as group:
        for lane, (number, scenario) in enumerate(lives):
            group.create_task(_kill_hosts(folder / f"lane{lane}", number, scenario))


async def _kill_hosts(folder: Path, number: int, scenario: Scenario) -> None:
    async with alone(folder) as circuits:
        world = circuits.world
        engine = await start(world.setting(finishes=False, drivers=DRIVERS))
        await engine.ready()
        for passage in range(1, STEPS + 1):
            last_of_a_failure = passage == STEPS and not scenario.up  # its audit, which failed, was not applied
            point = HOST[-1 if last_of_a_failure else (passage + number) % len(HOST)]
            arm(world.traps(), point, passage)
            circuit = await circuits.book(scenario)
            await until(lambda c=circuit: circuits.is_over(c), f"it is over after a host died at {point} {passage}")
            assert not armed(world.traps(), point), (scenario, passage)
            assert await circuits.violations(circuit) == [], (scenario, passage)
        await engine.stop()


async def test_the_engine_dies_at_every_phase(folder: Path) -> None:
    """Each engine brings to its end, or back, what the one before left; then it dies in a change of its own."""
    async with asyncio.TaskGroup() as group:
        for lane, point in enumerate(ENGINE):
            group.create_task(_kill_engines(folder / f"lane{lane}", point, lane))


async def _kill_engines(folder: Path, point: str, first: int) -> None:
    async with alone(folder) as circuits:
        world = circuits.world
        for passage in range(1, TURNS + 1):
            engine = await start(world.setting(finishes=False, drivers=DRIVERS))
            await engine.ready()
            await _settled(circuits)
            arm(world.traps(), point, passage)
            await circuits.book(SCENARIOS[(first + passage) % len(SCENARIOS)])
            assert await engine.dead() == -signal.SIGKILL, (point, passage)
        engine = await start(world.setting(finishes=False, drivers=DRIVERS))
        await _settled(circuits)
        await engine.stop()


async def test_an_engine_that_forgets_what_was_decided_is_found_out(circuits: Circuits) -> None:
    """The control: without the row the same checks find that a change was taken back that had been confirmed."""
    world = circuits.world
    for mutant in ("", "forgets decisions"):
        engine = await start(world.setting(finishes=False, drivers=DRIVERS))
        await engine.ready()
        arm(world.traps(), "settle.before", passage=2)
        circuit = await circuits.book(Scenario(able=True, up=True, late=False))
        assert await engine.dead() == -signal.SIGKILL
        engine = await start(world.setting(finishes=False, drivers=DRIVERS, mutant=mutant))
        await until(lambda c=circuit: circuits.is_over(c), "the run is over")
        await engine.stop()
        found = await circuits.violations(circuit)
        assert found == (["PE1 was confirmed, and taken back", "PE2 was confirmed, and taken back"] if mutant else [])


async def _settled(circuits: Circuits) -> None:
    """Wait until the last change is over, and look at how it stands."""
    for circuit in circuits.booked[-1:]:
        await until(lambda c=circuit: circuits.is_over(c), "what a dead engine left is over")
        assert await circuits.violations(circuit) == [], circuit.scenario
