# SPDX-License-Identifier: Apache-2.0
"""Engine processes: started, watched, stopped, and found again by their mark."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests import nursery
from tests.crash.engine import Setting

LIMIT = 200.0
"""Seconds after which a condition is taken to be never met."""


async def until(condition: Callable[[], Awaitable[bool]] | Callable[[], bool], what: str) -> None:
    """Wait for a condition; what is dear to look at is looked at less often.

    Raises:
        TimeoutError: it was not met in a long time; says which.
    """
    try:
        async with asyncio.timeout(LIMIT):
            while True:
                began = time.perf_counter()
                met = condition()
                if met if isinstance(met, bool) else await met:
                    return
                await asyncio.sleep(min(0.1, max(0.01, 9 * (time.perf_counter() - began))))
    except TimeoutError:
        raise TimeoutError(f"never happened: {what}") from None


def state_of(pid: int) -> str:
    """One letter: R, S, T (stopped), Z; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def marked(mark: str) -> list[int]:
    """Processes that carry a mark in their command."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if mark.encode() in command and state_of(int(entry.name)) not in ("", "Z"):
                found.append(int(entry.name))
    return found


async def ended(process: nursery.Started) -> int:
    """Wait for a process; its exit code, or minus the signal."""
    await until(lambda: process.poll() is not None, "the process ends")
    return process.wait()


@dataclass(slots=True)
class EngineProcess:
    """An engine that was started."""

    setting: Setting
    process: nursery.Started
    stdin: int
    """It stops in order when this is closed."""
    output: Path

    @property
    def pid(self) -> int:
        """Of the engine itself."""
        return self.process.pid

    @property
    def lines(self) -> list[str]:
        """What it has said."""
        return self.output.read_text().splitlines()

    @property
    def hosts(self) -> list[int]:
        """Its script hosts."""
        return [pid for pid in marked(self.setting.traps) if pid != self.pid]

    async def ready(self) -> None:
        """Wait until it claims, or is dead."""
        await until(lambda: "ready" in self.lines or self.process.poll() is not None, "the engine is ready")

    async def dead(self) -> int:
        """Wait for its end and for that of its hosts; returns how it ended (negative: the signal)."""
        code = await ended(self.process)
        await until(lambda: not marked(self.setting.traps), "the hosts of a dead engine have left")
        self._close()
        return code

    async def stop(self) -> None:
        """End it in order."""
        self._close()
        assert await self.dead() == 0

    def _close(self) -> None:
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def send(self, sent: signal.Signals) -> None:
        """Send a signal to the engine alone."""
        self.process.send_signal(sent)


async def start(setting: Setting, *, cold: bool = False) -> EngineProcess:
    """Start an engine; it is not ready yet. A cold one imports for itself, and so do its hosts."""
    reading, stdin = os.pipe()
    handle, output = tempfile.mkstemp(prefix="engine-", suffix=".log", dir=Path(setting.traps).parent)
    try:
        process = nursery.start(setting.command(), stdin=reading, out=handle, cold=cold)
    finally:
        os.close(reading)
        os.close(handle)
    return EngineProcess(setting, process, stdin, Path(output))


def end(pid: int) -> None:
    """Kill one process, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
