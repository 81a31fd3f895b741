# SPDX-License-Identifier: Apache-2.0
"""A device with a small command line behind a real SSH server, to test against. It can be broken in many ways.

It needs the package ``asyncssh``, so it is not imported with the rest of ``preroll.testing``.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self

import asyncssh

__all__ = ["FAULTS", "SshDevice"]

# fmt: off
FAULTS: dict[str, str] = {
    "refuse":  "says no to every setting and commit",
    "busy":    "somebody else is configuring it",
    "auth":    "lets nobody in, and nobody who is in configure",
    "lie":     "accepts every setting, and does nothing",
    "late":    "does what it is told, and hangs up at the end of configuring, or at the commit",
    "hang":    "takes the command and never answers",
    "garbage": "answers with noise",
    "drop":    "hangs up without an answer",
}
# fmt: on
USER, PASSWORD = "preroll", "let me in"


class Refused(Exception):
    """The device says no: its words."""


class SshDevice:
    """A device on a port of this machine. Use it as an asynchronous context manager, or call ``start`` and ``close``.

    Its commands are ``show configuration``, ``configure terminal`` and there ``set PATH VALUE``, ``no PATH``, ``end``;
    with a candidate, ``commit``, ``commit confirmed SECONDS`` and ``discard`` as well.

    Args:
        initial: path -> value at first; a value is what ``set`` was told.
        limits: path -> {minimum, maximum}.
        candidate: what is set comes in force by ``commit`` only.
        name: its prompt.
        now_us: its clock, microseconds.
    """

    def __init__(
        self,
        initial: Mapping[str, object],
        *,
        limits: Mapping[str, Mapping[str, float]] | None = None,
        candidate: bool = False,
        name: str = "router-1",
        now_us: Callable[[], int] = lambda: time.monotonic_ns() // 1000,
    ) -> None:
        self.name, self.limits, self.candidate = name, limits or {}, candidate
        self._now_us = now_us
        self._values = {path: str(value) for path, value in initial.items()}
        self._reverts: tuple[int, dict[str, str]] | None = None
        self.lines: list[str] = []
        """Every command that it was sent, oldest first."""
        self.changes = 0
        """How many settings took effect."""
        self.broken = "none"
        self.authorized = ""
        """A public key whose owner is let in."""
        self.port = 0
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._open: set[asyncssh.SSHServerConnection] = set()
        self._server: asyncssh.SSHAcceptor | None = None

    @property
    def values(self) -> dict[str, str]:
        """What is in force."""
        if self._reverts is not None and self._now_us() >= self._reverts[0]:
            (_, self._values), self._reverts = self._reverts, None
        return self._values

    def keep(self, values: Mapping[str, str], seconds: int | None = None) -> None:
        """Put values in force; with seconds, take them back then, unless something is put in force before."""
        before = self.values if self._reverts is None else self._reverts[1]
        self.changes += values != self.values
        self._reverts = None if seconds is None else (self._now_us() + seconds * 1_000_000, before)
        self._values = dict(values)

    @property
    def host_key(self) -> str:
        """Its public key, as an address tells it."""
        return self._key.export_public_key().decode().strip()

    async def start(self) -> Self:
        """Serve; the same device may be started again, on the same port."""
        self._server = await asyncssh.listen(
            "127.0.0.1", self.port, server_factory=partial(_Doorman, self), server_host_keys=[self._key],
            process_factory=self._serve, login_timeout=0,
        )  # fmt: skip
        self.port = self._server.get_port()
        return self

    async def close(self) -> None:
        """Stop serving; open sessions are cut."""
        server, self._server = self._server, None
        if server:
            server.close()
            self.cut()
            await server.wait_closed()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    @property
    def serving(self) -> bool:
        """Does it listen?"""
        return self._server is not None

    @property
    def sessions(self) -> int:
        """How many are connected."""
        return len(self._open)

    def cut(self) -> None:
        """Cut every connection."""
        for connection in list(self._open):
            connection.abort()

    def fault(self, kind: str) -> None:
        """Break it: one of ``FAULTS``, until it is mended with ``none``. Raises ValueError for others."""
        if kind != "none" and kind not in FAULTS:
            raise ValueError(f"{kind!r} is not one of none, {', '.join(FAULTS)}")
        self.broken = kind

    def joined(self, connection: asyncssh.SSHServerConnection, *, gone: bool = False) -> None:
        """A connection was made, or is gone."""
        (self._open.discard if gone else self._open.add)(connection)

    async def _serve(self, process: asyncssh.SSHServerProcess[str]) -> None:
        session = _Session(self)
        try:
            process.stdout.write(f"{self.name} (for tests)\n{session.prompt}")
            async for line in process.stdin:
                self.lines.append(command := line.strip())
                if command == "exit":
                    break
                answer = await self._answer(session, command)
                if session.lost:
                    self.cut()
                else:
                    process.stdout.write(answer + session.prompt)
            process.exit(0)
        except asyncssh.Error:
            process.exit(1)

    async def _answer(self, session: _Session, command: str) -> str:
        match self.broken:
            case "hang":
                await asyncio.get_running_loop().create_future()
            case "drop":
                self.cut()
            case "garbage":
                return "\x00<<%$#\x7f 4711\n"
        try:
            said = session.run(command.split(" ", 2))
        except Refused as refused:
            said = f"% {refused}"
        return f"{said}\n" if said else ""

    def require_value(self, path: str, value: str) -> None:
        """Raise Refused for a value that the device cannot take."""
        limit = self.limits.get(path)
        if limit is None:
            return
        try:
            number = float(value)
        except ValueError:
            raise Refused(f"Invalid input: {value} is no number") from None
        if not limit.get("minimum", number) <= number <= limit.get("maximum", number):
            raise Refused(f"Invalid input: {value} is out of range")

    def address(self, paths: Sequence[str] = (), **more: object) -> dict[str, Any]:
        """What a resource says of it, without the password: where it is, and the commands for these paths or all."""
        dialect: object = "cisco"
        if self.candidate:
            dialect = {
                "like": "cisco", "commit": "commit", "commit_within": "commit confirmed {seconds}", "confirm": "commit",
                "discard": "discard",
            }  # fmt: skip
        return {
            "host": "127.0.0.1", "port": self.port, "username": USER, "host_key": self.host_key, "dialect": dialect,
            "parameters": {path: self._commands(path) for path in paths or self.values}, **more,
        }  # fmt: skip

    def _commands(self, path: str) -> dict[str, object]:
        value = self.values.get(path, "")
        kind = "integer" if value.isdecimal() else "text"
        values = {"values": {"True": True, "False": False}} if value in ("True", "False") else {}
        return {
            "read": "show configuration", "match": rf"^{re.escape(path)} (.*)$", "type": kind,
            "set": [f"set {path} {{value}}"], "unset": [f"no {path}"], **values,
        }  # fmt: skip


class _Session:
    """What one person does at the command line."""

    def __init__(self, device: SshDevice) -> None:
        self._device, self._wanted = device, dict(device.values)
        self._configuring = self.lost = False
        self.asked = ""
        """What it waits for instead of a command."""

    @property
    def prompt(self) -> str:
        return self.asked or f"{self._device.name}{'(config)' if self._configuring else ''}# "

    def run(self, words: list[str]) -> str:
        """Do a command. Raises Refused."""
        device = self._device
        if self.asked:
            self.asked = ""
            return ""
        match words:
            case [""] | ["terminal", *_]:
                return ""
            case ["enable"]:
                self.asked = "Password: "
                return ""
            case ["show", "configuration"]:
                return "\n".join(f"{path} {value}" for path, value in sorted(device.values.items()))
            case ["configure", "terminal"]:
                return self._begin()
        if self._configuring:
            return self._configure(words)
        raise Refused(f"Unknown command: {' '.join(words)}")

    def _configure(self, words: list[str]) -> str:
        device = self._device
        match words:
            case ["set" | "no" as verb, path, *value]:
                return self._change(verb, path, " ".join(value))
            case ["commit"] if device.candidate:
                return self._commit(None)
            case ["commit", "confirmed", seconds] if device.candidate and seconds.isdecimal():
                return self._commit(int(seconds))
            case ["discard"] if device.candidate:
                self._wanted = dict(device.values)
                return ""
            case ["end"]:
                self._configuring = False
                self.lost = device.broken == "late"
                return ""
        raise Refused(f"Unknown command: {' '.join(words)}")

    def _begin(self) -> str:
        match self._device.broken:
            case "busy":
                raise Refused("Configuration mode is locked by operator console")
            case "auth":
                raise Refused("Authorization failed")
        self._configuring, self._wanted = True, dict(self._device.values)
        return "Enter configuration commands, one per line."

    def _change(self, verb: str, path: str, value: str) -> str:
        device = self._device
        self._require_ready()
        if verb == "set":
            device.require_value(path, value)
        if device.broken != "lie":
            self._wanted.pop(path, None)
            if verb == "set":
                self._wanted[path] = value
        if not device.candidate:
            device.keep(self._wanted)
        return ""

    def _require_ready(self) -> None:
        if self._device.broken == "refuse":
            raise Refused("Command rejected: the line card is not ready")

    def _commit(self, seconds: int | None) -> str:
        self._require_ready()
        self.lost = self._device.broken == "late"
        self._device.keep(self._wanted, seconds)
        return ""


class _Doorman(asyncssh.SSHServer):
    """Who may enter."""

    def __init__(self, device: SshDevice) -> None:
        self._device = device

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._device.joined(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncssh's
        self._device.joined(self._connection, gone=True)

    def public_key_auth_supported(self) -> bool:
        return bool(self._device.authorized)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == USER and key == asyncssh.import_public_key(self._device.authorized)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD) and self._device.broken != "auth"
