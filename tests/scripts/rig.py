# SPDX-License-Identifier: Apache-2.0
"""Hosts as real processes, a journal in memory, devices in files."""

from __future__ import annotations

import asyncio
import os
import subprocess
import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from preroll.ports.rows import LogLine, StepBegin, StepEnd, StepState, Verdict
from preroll.ports.scripts import BookingView, Equipment, Order, Report, ScriptKind
from preroll.scripts.host import Process, Spawn
from preroll.scripts.pool import Pool, PoolOptions
from tests import nursery
from tests.scripts.devices import FileDevice

ROOT = Path(__file__).parents[2]
PATIENCE = 100.0
"""Seconds after which a test that waits for something has failed."""


def leap(seconds: float) -> None:
    """Let the running loop's time pass at once: a time-out runs out when it is known that what it waits for is not."""
    loop = asyncio.get_running_loop()
    real = loop.time
    loop.time = lambda: real() + seconds  # type: ignore[method-assign]


class MemoryLedger:
    """A journal that remembers and is as strict as the real one: a step that was begun takes only a further attempt.

    ``verdicts`` says what it answers to a begin instead.
    """

    def __init__(self) -> None:
        self.begun: list[StepBegin] = []
        self.ended: list[StepEnd] = []
        self.lines: list[LogLine] = []
        self.verdicts: dict[str, Verdict] = {}
        self.fault: Exception | None = None
        self._change = asyncio.Event()

    async def begin(self, step: StepBegin) -> Verdict:
        await asyncio.sleep(0)
        if self.fault:
            raise self.fault
        used = any((s.run, s.name) == (step.run, step.name) and s.attempt >= step.attempt for s in self.begun)
        self.begun.append(step)
        self._tell()
        return Verdict.DUPLICATE if used else self.verdicts.get(step.name, Verdict.OK)

    async def end(self, step: StepEnd) -> Verdict:
        await asyncio.sleep(0)
        self.ended.append(step)
        self._tell()
        return Verdict.OK

    def log(self, line: LogLine) -> None:
        self.lines.append(line)
        self._tell()

    def _tell(self) -> None:
        self._change.set()
        self._change = asyncio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await self._change.wait()

    async def until_begun(self, *names: str) -> None:
        await self.until(lambda: set(names) <= {s.name for s in self.begun})

    async def until_said(self, text: str) -> None:
        await self.until(lambda: any(line.text == text for line in self.lines))

    def done(self) -> Counter[tuple[str, str]]:
        """(run, step) -> how often it was recorded as done."""
        return Counter((s.run, s.name) for s in self.ended if s.state is StepState.DONE)

    def step(self, name: str) -> StepEnd:
        return next(s for s in self.ended if s.name == name)


def spawn(command: Sequence[str], fd: int) -> Process:
    """Warm, if that can be; what is warm ends with this process whatever it does, so not where that is to be seen."""
    return nursery.start(command, inherited=[fd]) if command[1] == "-m" else spawn_cold(command, fd)


def spawn_cold(command: Sequence[str], fd: int) -> Process:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(command, pass_fds=(fd,), stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path})


@dataclass
class Room:
    """A folder of scripts, devices, and pools on them."""

    folder: Path
    device_files: Path
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    pools: list[Pool] = field(default_factory=list)
    count: int = 0
    spawn: Spawn = spawn

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text("from preroll.sdk import *\n" + textwrap.dedent(text))
        return path

    async def pool(self, **options: Any) -> Pool:
        defaults: dict[str, Any] = {
            "folder": str(self.folder),
            "drivers": {"file": "tests.scripts.devices:FileDevice"},
            "hosts": 1,
            "fresh": 60.0,
            "silence": 60.0,
            "start": 60.0,
        }
        pool = Pool(self.spawn, PoolOptions(**{**defaults, **options}))
        self.pools.append(pool)
        await pool.start()
        return pool

    def device(self, name: str) -> FileDevice:
        return FileDevice(name, {"file": str(self.device_files / name)})

    def applies(self, name: str) -> int:
        return sum(line["what"] == "apply" for line in self.device(name).lines())

    def equipment(self, label: str, *, load: str = "", **faults: object) -> Equipment:
        address = {"file": str(self.device_files / label), **faults}
        return Equipment(
            label, f"id-{label}", f"{label}-1", "file", address, profile="hd", values={"size": "1280x720"},
            states={"START": {"on": True}, "STANDBY": {"on": False}}, defaults={"size": "0x0"},
            paths={"size": "profile.size"}, load=load,
        )  # fmt: skip

    def order(
        self, script: str, *equipment: Equipment, properties: Mapping[str, object] | None = None, **changes: Any
    ) -> Order:
        self.count += 1
        view = BookingView(
            "b-1", "Cup final", "default", 0, 3_600_000_000, 60_000_000, 0, "Confirmed", properties=properties or {}
        )
        order = Order(
            f"run-{self.count}", f"{self.count}:1:0", ScriptKind.LSO, script, "", "START", "START", "STANDBY", view,
            equipment, backoff_us=1000, grace_us=round(PATIENCE * 1e6),
        )  # fmt: skip
        return replace(order, **changes)

    def run(self, pool: Pool, order: Order) -> asyncio.Future[Report]:
        return pool.run(order, self.ledger, booking=1, fence_of=(7, 1))

    async def report(self, pool: Pool, order: Order) -> Report:
        async with asyncio.timeout(PATIENCE):
            return await self.run(pool, order)
