# SPDX-License-Identifier: Apache-2.0
"""An SSH server whose shell is a program of this machine, on a terminal of its own: vtysh, bash."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

import asyncssh

from preroll.sdk import Secret

USER, PASSWORD = "preroll", "let me in"


class Front:
    """The server. Use it as an asynchronous context manager; ``close`` and ``start`` play a device that was away."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        self._command, self._env = command, {"PATH": os.environ["PATH"], "HOME": "/", "TERM": "dumb", **(env or {})}
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._server: asyncssh.SSHAcceptor | None = None
        self._open: set[asyncssh.SSHServerConnection] = set()
        self._programs: set[asyncio.subprocess.Process] = set()
        self.port = 0
        self.losing = b""
        """A line whose answer gets lost: the connection is cut when the program has answered it."""

    async def start(self) -> Self:
        self._server = await asyncssh.listen(
            "127.0.0.1", self.port, server_factory=partial(_Doorman, self._open), server_host_keys=[self._key],
            process_factory=self._serve, encoding=None, line_editor=False, login_timeout=0,
        )  # fmt: skip
        self.port = self._server.get_port()
        return self

    async def close(self) -> None:
        server, self._server = self._server, None
        for program in self._programs:
            with contextlib.suppress(ProcessLookupError):
                program.kill()
        if server:
            server.close()
            for connection in list(self._open):
                connection.abort()
            await server.wait_closed()
        for program in list(self._programs):
            await program.wait()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    @property
    def serving(self) -> bool:
        return self._server is not None

    def address(self, **more: object) -> dict[str, Any]:
        return {
            "host": "127.0.0.1", "port": self.port, "username": USER, "password": Secret(PASSWORD),
            "host_key": self._key.export_public_key().decode().strip(), **more,
        }  # fmt: skip

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        ours, theirs = pty.openpty()
        try:
            program = await asyncio.create_subprocess_exec(
                "setsid", "--ctty", "--wait", *self._command, stdin=theirs, stdout=theirs, stderr=theirs,
                env=dict(self._env), start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(theirs)
        self._programs.add(program)
        relay = _Relay(self, ours, process)
        try:
            await process.wait_closed()
        finally:
            relay.close()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, 9)
            await program.wait()
            self._programs.discard(program)


class _Relay:
    """Between a terminal and a channel, both ways."""

    def __init__(self, front: Front, terminal: int, process: asyncssh.SSHServerProcess[bytes]) -> None:
        self._front, self._lost = front, False
        self._terminal, self._process, self._loop = terminal, process, asyncio.get_running_loop()
        os.set_blocking(terminal, False)
        self._loop.add_reader(terminal, self._shown)
        self._typing = self._loop.create_task(self._typed())

    def _shown(self) -> None:
        try:
            data = os.read(self._terminal, 65_536)
        except OSError:
            data = b""
        if data and self._lost:
            if data.endswith(b"# "):
                self._process.channel.get_connection().abort()
        elif data:
            self._process.stdout.write(data)
        else:
            self._loop.remove_reader(self._terminal)
            self._process.exit(0)

    async def _typed(self) -> None:
        with contextlib.suppress(asyncssh.Error, OSError):
            while data := await self._process.stdin.read(65_536):
                self._lost = bool(self._front.losing) and data.strip() == self._front.losing
                os.write(self._terminal, data)

    def close(self) -> None:
        self._typing.cancel()
        self._loop.remove_reader(self._terminal)
        os.close(self._terminal)


class _Doorman(asyncssh.SSHServer):
    def __init__(self, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self._connection)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)
