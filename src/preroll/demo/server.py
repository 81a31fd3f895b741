# SPDX-License-Identifier: Apache-2.0
"""``preroll serve`` as a process of the demo: started, killed as a power cut would, started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from pathlib import Path
from secrets import token_urlsafe

import httpx

from preroll.client import AsyncClient, ClientError, accounts, calls
from preroll.demo.world import Unavailable

ADMIN = "admin"
"""The account that a first start makes."""
PATIENCE = 60.0
"""Seconds until it has to be ready; two are enough unless the machine is very busy."""
PARTING = 12.0
"""Seconds that it may take to stop."""
LOOK = 0.05
"""Seconds between two looks whether it is ready."""


class Server:
    """One server on one SQLite file, at one address, over several lives.

    Args:
        root: the database is written to ``server``, what it says to ``logs``.
        scripts: folder of the scripts.
        environment: what else it is to know.
    """

    def __init__(self, root: Path, scripts: Path, environment: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._data, self._scripts, self._log = root / "server", scripts, root / "logs" / "server.log"
        self._more = environment or {}
        self.password = token_urlsafe(18)
        self._token = ""
        self._process: Process | None = None
        self._lives: list[int] = []

    @property
    def pid(self) -> int:
        """Of the life that it lives, or of the last one."""
        return self._lives[-1]

    async def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            Unavailable: it ends, or is not ready in time; with the last words of its log.
        """
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "preroll", "serve",
                stdin=DEVNULL, stdout=log, stderr=log, env=self._environment(), start_new_session=True,
            )  # fmt: skip
        self._lives.append(self._process.pid)
        try:
            async with asyncio.timeout(PATIENCE), connect(self.url, patience=0) as client:
                while not await self._is_ready(client):
                    await asyncio.sleep(LOOK)
                if not self._token:
                    self._token = await self._own_token(client)
        except TimeoutError:
            raise Unavailable(f"the server is not ready after {PATIENCE:g} s: {self._last_words()}") from None

    def connect(self, *, patience: float) -> AsyncClient:
        """A client that acts as the demo's admin."""
        return connect(self.url, patience=patience, token=self._token)

    async def _own_token(self, client: AsyncClient) -> str:
        """What the demo's programs sign in with."""
        await client.sign_in(ADMIN, self.password)
        made = await client.send(accounts.create_token("the demo"))
        await client.send(accounts.sign_out())
        return made.secret

    async def kill(self) -> None:
        """End its process without a warning, as ``kill -9`` does. Its script hosts find that out by themselves."""
        assert self._process is not None  # noqa: S101 - it was started
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """Stop it, and whatever is left of any of its lives."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PARTING):
                    await self._process.wait()
        for pid in self._lives:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        if self._process is not None:
            await self._process.wait()

    async def _is_ready(self, client: AsyncClient) -> bool:
        if self._process is None or self._process.returncode is not None:
            raise Unavailable(f"the server has ended: {self._last_words()}")
        try:
            return (await client.send(calls.ready())).ready
        except ClientError:
            return False

    def _environment(self) -> Mapping[str, str]:
        """The user's, without the settings of the user's own server."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREROLL_")}
        ours = {
            "DATA": self._data, "SCRIPTS": self._scripts, "PORT": self.port, "WORKER": "demo", "SIGN_IN": "needed",
            "ADMIN_PASSWORD": self.password,
        }  # fmt: skip
        return {**kept, **{f"PREROLL_{name}": str(value) for name, value in ours.items()}, **self._more}

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace").strip()[-800:] or "it says nothing"


def connect(url: str, *, patience: float, token: str = "") -> AsyncClient:
    """A client of a server on this machine; the environment's proxies are not for it."""
    return AsyncClient(url, patience=patience, transport=httpx.AsyncHTTPTransport(), token=token)


def free_port() -> int:
    """A TCP port of this machine that nobody uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
