# SPDX-License-Identifier: Apache-2.0
"""Bookings whose start changes two devices as one, and how those devices must stand at the end."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from preroll.app import build
from preroll.app.bookings import NewBooking
from preroll.bootstrap.engine import spawn_thread
from preroll.domain.booking import NodeChoice, Timing
from preroll.domain.config import Platform
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.machine import Outcome
from preroll.domain.parameter import Parameter, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.domain.window import SECOND
from preroll.drivers.sim.files import FileWorld
from preroll.ports.rows import LogLine
from preroll.ports.store import RunRow, StepRow, Tx
from preroll.sdk import Turns
from preroll.store import open_store
from tests.crash.engine import Wall
from tests.crash.told import LATER
from tests.crash.world import World

ENDS = ("PE1", "PE2")
OLD, NEW = {"rate": 4}, {"rate": 8}


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a booking's devices can do, how its audit goes, and whether help comes when every window is over."""

    able: bool
    up: bool
    late: bool

    def __str__(self) -> str:
        return (
            f"{'windows' if self.able else 'no windows'}, {'up' if self.up else 'down'}"
            f"{', help comes late' if self.late else ''}"
        )


@dataclass(frozen=True, slots=True)
class Circuit:
    """One booking."""

    ident: str
    folder: Path
    scenario: Scenario

    def values(self) -> list[dict[str, object]]:
        """What the devices have when every window is over."""
        world = FileWorld(self.folder, now_us=lambda: time.time_ns() // 1000 + 2 * LATER)
        return [world.values(end) for end in ENDS]

    def was_taken_back(self, end: str) -> bool:
        """Was a change undone that had been confirmed? What is decided only goes forward."""
        said = [entry.what for entry in FileWorld(self.folder).log(end)]
        return "confirmed" in said and "rolled back" in said[said.index("confirmed") :]


@asynccontextmanager
async def alone(folder: Path) -> AsyncIterator[Circuits]:
    """A world on a SQLite database of its own: several can be played at once, so that none waits for another."""
    folder.mkdir()
    url = f"sqlite:///{folder / 'preroll.db'}"
    store = open_store(url, clock=Wall(), spawn=spawn_thread)
    try:
        circuits = Circuits(World(url, folder, store, build(store, None)))
        await circuits.prepare()
        yield circuits
    finally:
        store.close()


class Circuits:
    """The bookings of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.booked: list[Circuit] = []

    async def prepare(self) -> None:
        """The catalogue."""
        app = self.world.app
        await app.platforms.put(LOCAL, Platform("default"))
        nodes = tuple(Node(end, profile="rate", default_profile="rate", order=i) for i, end in enumerate(ENDS))
        actions = {"STANDBY": "nothing", "START": "circuit", "PAUSE": "nothing", "STOP": "nothing"}
        await app.catalogue.apply(LOCAL, "default", [
            ProfileDefinition("rate", (Parameter("rate", ValueType.NUMBER),)),
            ProfileInstance("rate", "rate", NEW),
            ServiceDefinition("circuit", nodes=nodes, actions=actions),
        ])  # fmt: skip

    async def book(self, scenario: Scenario, *, turns: Turns = Turns.TOGETHER) -> Circuit:
        """A booking whose start is due now, on simulated devices of its own."""
        folder = self.world.folder / f"circuit-{len(self.booked)}"
        caps = ["candidate", "confirmed-commit"] if scenario.able else []
        address = {"world": str(folder), "caps": caps, "initial": OLD, "late": scenario.late}
        devices = {end: {**address, "device": end} for end in ENDS}
        return await self.book_on("told", devices, folder, scenario, turns)

    async def book_on(
        self, driver: str, devices: Mapping[str, Mapping[str, object]], folder: Path, scenario: Scenario, turns: Turns
    ) -> Circuit:
        """A booking whose start is due now, on devices with these addresses."""
        number = len(self.booked)
        await self.world.app.catalogue.apply(LOCAL, "default", [
            Resource(f"{end}-{number}", driver=driver, address=devices[end]) for end in ENDS
        ])  # fmt: skip
        start = (time.time_ns() // 1000 - 10 * SECOND) // SECOND * SECOND
        made = await self.world.app.bookings.create(LOCAL, NewBooking(
            f"circuit {number}", Timing(start, start + 3_600 * SECOND), definition="circuit",
            nodes={end: NodeChoice(f"{end}-{number}") for end in ENDS},
            properties={"audit": "Up" if scenario.up else "Down", "turns": turns.value},
        ))  # fmt: skip
        await self.world.app.bookings.confirm(LOCAL, made.booking.id, None)
        self.booked.append(Circuit(made.booking.id, folder, scenario))
        return self.booked[-1]

    async def told(self, circuit: Circuit) -> tuple[RunRow | None, list[StepRow], list[LogLine]]:
        """The run of a circuit's start, its steps, and what the action log says."""

        def query(tx: Tx) -> tuple[RunRow | None, list[StepRow], list[LogLine]]:
            key = tx.bookings.get(circuit.ident).key
            runs = [run for run in tx.records.runs(key) if run.script == "circuit"]
            steps = list(tx.records.steps([run.id for run in runs]))
            return (runs[0] if runs else None), steps, tx.records.log(key)

        return await self.world.store.read(query)

    async def is_over(self, circuit: Circuit) -> bool:
        """Has the run of its start ended?"""
        run, _, _ = await self.told(circuit)
        return run is not None and run.outcome != "running"

    async def violations(self, circuit: Circuit) -> list[str]:
        """What is not as it must be on simulated devices and in the records, when the run is over."""
        wanted = NEW if circuit.scenario.up else OLD
        found = [f"{end} has {value}" for end, value in zip(ENDS, circuit.values(), strict=True) if value != wanted]
        found += [f"{end} was confirmed, and taken back" for end in ENDS if circuit.was_taken_back(end)]
        return found + await self.untold(circuit)

    async def untold(self, circuit: Circuit) -> list[str]:
        """What is not as it must be in the records, when the run is over."""
        run, steps, log = await self.told(circuit)
        assert run is not None
        stand = "new" if circuit.scenario.up else "old"
        found = []
        if (run.outcome == Outcome.OK.value) != circuit.scenario.up:
            found.append(f"the run is {run.outcome}: {run.message}")
        if not circuit.scenario.up and "both old: PE1" not in run.message:
            found.append(f"the message is {run.message}")
        said = [line.text for line in log if f"both {stand}: PE1" in line.text]
        rows = [step.name for step in steps if step.name.endswith(f":{stand}") and step.state.value == "done"]
        if not said or not rows:
            found.append(f"neither log nor journal says {stand}: {[line.text for line in log]}")
        found += [f"{step.name} is {step.state}" for step in steps if step.state.value in ("begun", "unknown")]
        return found
