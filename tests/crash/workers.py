# SPDX-License-Identifier: Apache-2.0
"""``preroll worker`` in processes of its own, as an operator starts it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from preroll.app import App
from preroll.ports.workers import Worker
from tests import nursery
from tests.crash.engine import SCRIPTS, _operate
from tests.crash.processes import ended, until
from tests.crash.world import World


@dataclass(slots=True)
class WorkerProcess:
    """A worker that was started."""

    name: str
    process: nursery.Started
    log: Path

    def said(self, words: str) -> bool:
        """Does its log say so?"""
        return words in self.log.read_text()

    async def ended(self) -> int:
        """Wait for its end; its exit code, or minus the signal."""
        return await ended(self.process)


async def start(
    world: World, name: str, *options: str, lease: float = 1.0, hosts: int = 1, cold: bool = False, **more: str
) -> WorkerProcess:
    """Start a worker; returns when it has its lease. A cold one imports for itself, and so do its hosts."""
    command = [
        sys.executable, "-m", "preroll", "worker", "--database", world.url, "--name", name,
        "--data", str(world.folder / name), "--scripts", str(SCRIPTS), *options,
    ]  # fmt: skip
    environment = {
        **os.environ, "PREROLL_LEASE": str(lease), "PREROLL_SCRIPT_HOSTS": str(hosts), "PREROLL_LOG_FORMAT": "json",
        **more,
    }  # fmt: skip
    log = world.folder / f"{name}.log"
    with log.open("ab") as out:
        process = nursery.start(command, env=environment, out=out.fileno(), cold=cold)
    made = WorkerProcess(name, process, log)
    await until(lambda: made.said("preroll works") or process.poll() is not None, f"worker {name} works")
    assert process.poll() is None, log.read_text()
    return made


async def known(world: World) -> dict[str, Worker]:
    """Who lives, or has left something behind, by name."""
    return {worker.name: worker for worker in await world.store.read(lambda tx: tx.workers.known())}


async def runs_of(world: World, name: str) -> int:
    """How many runs a worker has under way."""
    found = await known(world)
    return found[name].running if name in found else 0


@asynccontextmanager
async def operator(app: App) -> AsyncIterator[None]:
    """Somebody who finishes what is on the air."""
    task = asyncio.create_task(_operate(app))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def workers(world: World, *names: str, **options: float) -> AsyncIterator[list[WorkerProcess]]:
    """Some workers, and an operator; at the end whoever is left is killed."""
    made: list[WorkerProcess] = []
    async with operator(world.app):
        try:
            made += await asyncio.gather(*(start(world, name, **options) for name in names))  # type: ignore[arg-type]
            yield made
        finally:
            for worker in made:
                worker.process.kill()
                await worker.ended()
