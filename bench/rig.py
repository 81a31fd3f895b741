# SPDX-License-Identifier: Apache-2.0
"""An engine for the bench: wired as ``preroll serve`` wires it, without the doors, and it counts what is settled."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import Any

from preroll.bootstrap.engine import Engine, Identity, spawn_thread
from preroll.bootstrap.wall import WallClock
from preroll.clock.dispatcher import Pace
from preroll.drivers import SHIPPED
from preroll.ports.rows import Claims, Settled, Settlement
from preroll.ports.store import Decide
from preroll.scripts.pool import PoolOptions
from preroll.store import SqlStore, open_store
from preroll.telemetry import configure

SCRIPTS = Path(__file__).parent / "scripts"
MEGABYTE = 1_000_000


class Count:
    """How many boundaries have been settled durably, and when the last was."""

    def __init__(self, journal: Any) -> None:
        self.settled, self.last_us, self.failures = 0, 0, 0
        self.shut = False
        """While it is, nothing is claimed, however much is due."""
        self._wanted, self._reached = 0, threading.Event()
        self._claim, self._settle = journal.claim, journal.settle
        journal.claim, journal.settle = self.claim, self.settle

    def _add(self, number: int) -> None:
        if number:
            self.settled += number
            self.last_us = WallClock().now_us()
            if self.settled >= self._wanted:
                self._reached.set()

    async def claim(self, worker: int, lease_us: int, decide: Decide, limit: int, ahead_us: int = 0) -> Claims:
        if self.shut:
            return Claims()
        claims: Claims = await self._claim(worker, lease_us, decide, limit, ahead_us)
        self._add(claims.settled)
        return claims

    async def settle(self, settlement: Settlement) -> Settled:
        settled: Settled = await self._settle(settlement)
        self.failures += settlement.outcome.value != "ok"
        self._add(1)
        return settled

    async def reach(self, number: int) -> None:
        """Wait until so many are settled."""
        self._wanted = number
        self._reached.clear()
        if self.settled < number:
            await asyncio.to_thread(self._reached.wait)


def opened(url: str) -> SqlStore:
    """The store as ``preroll serve`` opens it."""
    return open_store(url, clock=WallClock(), spawn=spawn_thread)


class Rig:
    """Store and engine. ``async with Rig(url) as rig``; it claims once it is entered."""

    def __init__(self, url: str) -> None:
        configure(json=True)
        self.store = opened(url)
        self.count = Count(self.store.journal)
        self._engine = Engine(
            self.store, PoolOptions(folder=str(SCRIPTS), drivers=SHIPPED), Identity("bench", only=True), Pace()
        )

    async def __aenter__(self) -> Rig:
        await asyncio.to_thread(self._engine.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._engine.stop)
        self.store.close()

    def hurries(self) -> bool:
        """Is an event about to begin?"""
        return self._engine.hurries()

    def cpu(self) -> list[float]:
        """Seconds of processor time that the engine has used, and each script host."""
        return [processor(os.getpid()), *(processor(pid) for pid in self._engine.pool.pids())]

    def memory(self) -> tuple[float, list[float]]:
        """Resident megabytes of the engine, and of each script host."""
        return resident(os.getpid()), [resident(pid) for pid in self._engine.pool.pids()]


def resident(pid: int) -> float:
    """Resident memory of a process, in megabytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def processor(pid: int) -> float:
    """Processor time of a process, in seconds, to the microsecond: its clock is that of clock_getcpuclockid(3)."""
    return time.clock_gettime(~pid << 3 | 2)
