# SPDX-License-Identifier: Apache-2.0
"""Engine processes: started, watched, stopped, and found again by their mark."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.crash.engine import ROOT, Setting

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


@dataclass(slots=True)
class EngineProcess:
    """An engine that was started."""

    setting: Setting
    process: asyncio.subprocess.Process
    lines: list[str]
    reading: asyncio.Task[None]

    @property
    def pid(self) -> int:
        """Of the engine itself."""
        return self.process.pid

    @property
    def hosts(self) -> list[int]:
        """Its script hosts."""
        return [pid for pid in marked(self.setting.traps) if pid != self.pid]

    async def ready(self) -> None:
        """Wait until it claims, or is dead."""
        await until(lambda: "ready" in self.lines or self.process.returncode is not None, "the engine is ready")

    async def dead(self) -> int:
        """Wait for its end and for that of its hosts; returns how it ended (negative: the signal)."""
        code = await self.process.wait()
        await self.reading
        await until(lambda: not marked(self.setting.traps), "the hosts of a dead engine have left")
        return code

    async def stop(self) -> None:
        """End it in order."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert await self.dead() == 0

    def send(self, sent: signal.Signals) -> None:
        """Send a signal to the engine alone."""
        self.process.send_signal(sent)


async def start(setting: Setting) -> EngineProcess:
    """Start an engine; it is not ready yet."""
    process = await asyncio.create_subprocess_exec(
        *setting.command(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    lines: list[str] = []

    async def read() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            lines.append(line.decode().strip())

    return EngineProcess(setting, process, lines, asyncio.create_task(read()))


def end(pid: int) -> None:
    """Kill one process, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
