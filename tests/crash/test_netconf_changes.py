# SPDX-License-Identifier: Apache-2.0
"""kill -9 in a change of two NETCONF devices whose confirmed commits take themselves back when their clock says so."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from preroll.sdk import Turns
from preroll.testing import ManualClock
from preroll.testing.netconf_device import NetconfDevice
from tests.crash.circuits import ENDS, Circuits, Scenario
from tests.crash.points import arm, armed
from tests.crash.processes import start, until
from tests.crash.told import LATER
from tests.crash.world import World

pytestmark = pytest.mark.timeout(400)
"""Seconds; generous, because a loaded machine starts processes slowly."""

SPACE = "urn:demo:circuit"
PARAMETERS = {"rate": {"leaf": "/circuits/circuit[name='c1']/rate-kbit", "type": "number"}}


def config(rate: int) -> str:
    return f'<circuits xmlns="{SPACE}"><circuit><name>c1</name><rate-kbit>{rate}</rate-kbit></circuit></circuits>'


class Bench:
    """Two devices, and the bookings that change them."""

    def __init__(self, circuits: Circuits) -> None:
        self.circuits, self.clock = circuits, ManualClock()
        self.devices = {
            end: NetconfDevice(config(4), keys={"circuit": ("name",)}, sleep=self.clock.sleep) for end in ENDS
        }

    async def book(self, scenario: Scenario, turns: Turns) -> object:
        """A booking on both, which have their old values again."""
        for device in self.devices.values():
            await device.put(config(4))
            device.stores.log.clear()
        addresses = {
            end: {**device.address, "password": "env:CRASH", "namespace": SPACE, "parameters": PARAMETERS}
            for end, device in self.devices.items()
        }
        return await self.circuits.book_on("netconf", addresses, Path(), scenario, turns)

    def rates(self) -> list[int]:
        """What is in force."""
        found = [device.stores.running.find(f".//{{{SPACE}}}rate-kbit") for device in self.devices.values()]
        return [int(leaf.text) for leaf in found]


@pytest.fixture
def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'preroll.db'}"


@pytest.fixture
async def bench(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setenv("PREROLL_SECRET_CRASH", "preroll")
    circuits = Circuits(world)
    await circuits.prepare()
    made = Bench(circuits)
    async with AsyncExitStack() as stack:
        for device in made.devices.values():
            await stack.enter_async_context(device)
        yield made


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
async def test_a_host_dies_and_another_session_confirms_or_cancels(bench: Bench, up: bool) -> None:
    circuits, world = bench.circuits, bench.circuits.world
    engine = await start(world.setting(finishes=False, drivers=("netconf",)))
    await engine.ready()
    for passage in (2, 7, 8):
        arm(world.traps(), "host.applied", passage)
        circuit = await bench.book(Scenario(able=True, up=up, late=False), Turns.TOGETHER)
        await until(lambda c=circuit: circuits.is_over(c), f"it is over after a host died at {passage}")
        assert not armed(world.traps(), "host.applied"), passage
        assert await circuits.untold(circuit) == [], passage
        await bench.clock.advance(LATER / 1e6)
        assert bench.rates() == ([8, 8] if up else [4, 4]), passage
    await engine.stop()


@pytest.mark.parametrize(("passage", "decided"), [(5, False), (7, True)])
async def test_the_engine_dies_and_comes_back_when_every_window_is_over(
    bench: Bench, passage: int, decided: bool
) -> None:
    """All ends of steps that came before it are durable; the seventh is that of the decision."""
    circuits, world = bench.circuits, bench.circuits.world
    engine = await start(world.setting(finishes=False, drivers=("netconf",)))
    await engine.ready()
    arm(world.traps(), "end.committed", passage)
    circuit = await bench.book(Scenario(able=True, up=True, late=False), Turns.ONE_BY_ONE)
    assert await engine.dead() == -signal.SIGKILL
    _, steps, _ = await circuits.told(circuit)
    assert any(step.name.endswith("decided:commit") for step in steps) == decided
    assert bench.rates() == [8, 8]
    await bench.clock.advance(LATER / 1e6)
    assert bench.rates() == [4, 4], "they have taken it back by themselves"
    engine = await start(world.setting(finishes=False, drivers=("netconf",)))
    await until(lambda: circuits.is_over(circuit), "the run is over")
    await engine.stop()
    assert await circuits.untold(circuit) == []
    await bench.clock.advance(LATER / 1e6)
    assert bench.rates() == [8, 8]
