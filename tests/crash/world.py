# SPDX-License-Identifier: Apache-2.0
"""The bookings of a crash test, the devices behind them, and what must be true of both at the end."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from preroll.app import App
from preroll.app.bookings import NewBooking
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.boundaries import BoundaryState
from preroll.domain.config import Limits, Platform, PlatformConfig
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.parameter import Parameter, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.domain.window import SECOND
from preroll.drivers.sim.files import FileWorld
from preroll.ports.lists import BookingFilter
from preroll.ports.rows import StepState
from preroll.ports.store import Store, Tx
from tests.crash.engine import Setting

LABELS = ("Encoder", "Decoder")
STATES = ("STANDBY", "START", "PAUSE", "STOP")
STEPS = 3


@dataclass(frozen=True, slots=True)
class Record:
    """All that the journal says, to compare and to check."""

    states: dict[str, State]
    boundaries: dict[int, tuple[BoundaryState, int, str]]
    """Key -> state, epoch, booking."""
    runs: dict[str, tuple[int, str, str]]
    """Id -> boundary, outcome, message."""
    steps: dict[str, tuple[StepState, int, object]]
    """``boundary:generation:try:step`` -> state, epoch, result."""
    changes: int

    @property
    def done(self) -> frozenset[str]:
        """Steps that are recorded as done."""
        return frozenset(key for key, (state, _, _) in self.steps.items() if state is StepState.DONE)

    @property
    def running(self) -> int:
        """Boundaries that somebody has claimed and not settled."""
        return sum(state is BoundaryState.RUNNING for state, _, _ in self.boundaries.values())


@dataclass(frozen=True, slots=True)
class Execution:
    """One line of the diary."""

    key: str
    at_us: int
    host: int
    engine: int


@dataclass(slots=True)
class World:
    """One database, one folder of devices, one diary."""

    url: str
    folder: Path
    store: Store
    app: App
    booked: list[str] = field(default_factory=list)
    deaths: list[tuple[frozenset[str], int]] = field(default_factory=list)
    """At each death: what was recorded as done, and how long the diary was."""

    @property
    def devices(self) -> FileWorld:
        """The devices."""
        return FileWorld(self.folder / "devices")

    def setting(self, name: str = "A", **changes: object) -> Setting:
        """How an engine of this world works; alone on SQLite, one of several on PostgreSQL."""
        whole = Setting(
            self.url, traps=str(self.traps(name)), name=name, only=self.url.startswith("sqlite"), lease_us=SECOND // 2
        )
        return replace(whole, **changes)  # type: ignore[arg-type]

    def traps(self, name: str = "A") -> Path:
        """Where an engine's points are armed."""
        return self.folder / f"traps-{name}"

    async def prepare(self, *, bound: int = 100) -> None:
        """The catalogue."""
        config = PlatformConfig(limits=Limits(simultaneous_lso=bound, grace_us=SECOND))
        await self.app.platforms.put(LOCAL, Platform("default", config=config))
        levels = {state: {"level": number} for number, state in enumerate(STATES, 1)}
        nodes = tuple(Node(label, profile="level", default_profile="level", order=i) for i, label in enumerate(LABELS))
        await self.app.catalogue.apply(
            LOCAL, "default",
            [
                ProfileDefinition("level", (Parameter("level", ValueType.NUMBER),)),
                ProfileInstance("level", "level", {"level": 0}, levels),
                ServiceDefinition("three steps", nodes=nodes, actions=dict.fromkeys(STATES, "three-steps")),
            ],
        )  # fmt: skip

    async def book(self, count: int, *, work_s: float = 0.01) -> None:
        """Confirmed bookings, on the air since ten seconds ago, each with devices of its own."""
        first = len(self.booked)
        names = [f"{label}-{number}" for number in range(first, first + count) for label in LABELS]
        where = str(self.folder / "devices")
        await self.app.catalogue.apply(
            LOCAL, "default", [Resource(name, address={"device": name, "world": where}) for name in names]
        )
        start = (time.time_ns() // 1000 - 10 * SECOND) // SECOND * SECOND
        for number in range(first, first + count):
            new = NewBooking(
                f"booking {number}", Timing(start, start + 3_600 * SECOND), definition="three steps",
                nodes={label: NodeChoice(f"{label}-{number}") for label in LABELS},
                properties={"diary": str(self.folder / "diary"), "work_s": work_s},
            )  # fmt: skip
            made = await self.app.bookings.create(LOCAL, new)
            await self.app.bookings.confirm(LOCAL, made.booking.id, None)
            self.booked.append(made.booking.id)

    async def record(self) -> Record:
        """What the journal says now."""

        def query(tx: Tx) -> Record:
            bookings = [tx.bookings.get(ident) for ident in self.booked]
            boundaries = [(b, booking.id) for booking in bookings for b in tx.boundaries.of(booking.key)]
            runs = {run.id: run for booking in bookings for run in tx.records.runs(booking.key)}
            prefix = {ident: f"{run.boundary}:{run.generation}:{run.try_}" for ident, run in runs.items()}
            return Record(
                {b.id: b.state for b in bookings},
                {b.key: (b.state, b.epoch, ident) for b, ident in boundaries},
                {ident: (run.boundary, run.outcome, run.message) for ident, run in runs.items()},
                {f"{prefix[s.run]}:{s.name}": (s.state, s.epoch, s.result) for s in tx.records.steps(list(runs))},
                sum(len(tx.changes.of(b.id)) for b in bookings),
            )

        return await self.store.read(query)

    async def all_completed(self) -> bool:
        """Have all bookings gone through their life?"""
        page = await self.app.bookings.page(LOCAL, BookingFilter(states=frozenset({State.COMPLETED})), limit=1000)
        return len(page.items) == len(self.booked)

    def diary(self) -> list[Execution]:
        """What was really executed, in order."""
        try:
            lines = (self.folder / "diary").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [Execution(key, int(at), int(host), int(engine)) for key, at, host, engine in map(str.split, lines)]

    async def died(self) -> Record:
        """Remember what is recorded at a death: none of it may be executed again."""
        record = await self.record()
        self.deaths.append((record.done, len(self.diary())))
        return record

    async def violations(self) -> list[str]:
        """Everything that is not as it must be when all is over; empty when all held."""
        record, diary = await self.record(), self.diary()
        found = [f"{ident} is {state}" for ident, state in record.states.items() if state is not State.COMPLETED]
        found += self._journal_violations(record)
        found += self._diary_violations(record, diary)
        for number in range(len(self.booked)):
            for label in LABELS:
                found += self._device_violations(f"{label}-{number}")
        return found

    def _journal_violations(self, record: Record) -> list[str]:
        found = [
            f"boundary {key} of {ident} is {state}"
            for key, (state, _, ident) in record.boundaries.items()
            if state is not BoundaryState.DONE
        ]
        found += [f"run {i} is {outcome}: {why}" for i, (_, outcome, why) in record.runs.items() if outcome != "ok"]
        found += [
            f"step {key} is {state}" for key, (state, _, _) in record.steps.items() if state is not StepState.DONE
        ]
        events = len(self.booked) * len(STATES)
        counts = (len(record.boundaries), len(record.runs), len(record.steps))
        if counts != (events, events, events * STEPS):
            found.append(f"boundaries, runs and steps are {counts}, not {(events, events, events * STEPS)}")
        shared = [key for key, n in Counter(boundary for boundary, _, _ in record.runs.values()).items() if n > 1]
        return found + [f"boundary {key} has several runs" for key in shared]

    def _diary_violations(self, record: Record, diary: list[Execution]) -> list[str]:
        """What is recorded is what the last execution gave: nothing was executed after it was recorded."""
        last = {line.key: line.at_us for line in diary}
        recorded = {key: result for key, (_, _, result) in record.steps.items() if key.endswith(":diary")}
        found = [f"step {key} was executed without a record" for key in last.keys() - recorded.keys()]
        found += [
            f"step {key} was executed at {last.get(key)}, the record says {result}"
            for key, result in recorded.items()
            if result != last.get(key)
        ]
        for done, length in self.deaths:
            again = {line.key for line in diary[length:]} & done
            found += [f"step {key} was recorded as done, and executed again" for key in sorted(again)]
        return found

    def _device_violations(self, device: str) -> list[str]:
        applied = self.devices.applied(device)
        levels = [new for entry in applied for path, _, new in entry.changes if path == "level"]
        if levels != [1, 2, 3, 4] or len({entry.key for entry in applied}) != len(STATES):
            return [f"{device} was set to {levels} with keys {[entry.key for entry in applied]}"]
        return []
