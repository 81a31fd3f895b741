# SPDX-License-Identifier: Apache-2.0
"""The engine's end of one script host: its socket, its process and its health."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, cast

import msgspec

from preroll.scripts import frames

_PAGE = os.sysconf("SC_PAGE_SIZE")
_UNREAD = 64 * 1024 * 1024
"""Bytes that may wait for a host that does not read."""
_REAP = 0.005


class Process(Protocol):
    """A started process; ``subprocess.Popen`` is one."""

    pid: int

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        ...

    def kill(self) -> None:
        """End it by force; killing a dead one is no error."""
        ...


Spawn = Callable[[Sequence[str], int], Process]
"""(command, number of the socket that the process inherits) -> the process."""


class Owner(Protocol):
    """Who hears of a host."""

    def heard(self, host: Host, frame: frames.ToEngine) -> None:
        """It said something."""
        ...

    def gone(self, host: Host, how: str) -> None:
        """Its process is dead."""
        ...


class Host(asyncio.Protocol):
    """One host process. Nothing here blocks: what cannot be sent waits, who does not answer is killed."""

    def __init__(
        self, owner: Owner, spawn: Spawn, command: Sequence[str], hello: frames.Hello, generation: int
    ) -> None:
        self._owner, self.generation, self.alone = owner, generation, hello.alone
        self._loop = asyncio.get_running_loop()
        self._splitter = frames.Splitter()
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self._outbox = frames.Outbox(self._loop.call_soon, self._write)
        self.runs: set[str] = set()
        self.ready = self.stopping = self._ended = False
        self.loading = ""
        self.suspect = ""
        """The run that its loop was stuck in."""
        self.killed = ""
        """Why the engine killed it."""
        self.heard_at = self._loop.time()
        self._base = 0
        ours, theirs = socket.socketpair()
        try:
            self._process = spawn([*command, str(theirs.fileno())], theirs.fileno())
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.settimeout(0)
        self._connecting = self._loop.create_task(self._connect(ours))
        self.send(hello)

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    async def _connect(self, ours: socket.socket) -> None:
        await self._loop.create_connection(lambda: self, sock=ours)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"".join(self._early))

    def _write(self, data: bytes) -> None:
        if self._transport is None:
            self._early.append(data)
        else:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Frames from the host."""
        self.heard_at = self._loop.time()
        try:
            for body in self._splitter.feed(data):
                self._take(frames.at_engine.decode(body))
        except (frames.FrameError, msgspec.MsgspecError) as error:
            self.kill(f"it sent nonsense: {error}")

    def _take(self, frame: frames.ToEngine) -> None:
        match frame:
            case frames.Pulse():
                return
            case frames.Loading(source):
                self.loading = source
                return
            case frames.Stalled(run):
                self.suspect = run
                return
            case frames.Ready():
                self.ready, self.loading = True, ""
                self._base = self._resident()
        self._owner.heard(self, frame)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's
        """The host is gone, or as good as gone."""
        self._process.kill()
        self._reap()

    def _reap(self) -> None:
        code = self._process.poll()
        if code is None:
            self._loop.call_later(_REAP, self._reap)
        elif not self._ended:
            self._ended = True
            self._owner.gone(self, self.killed or describe_exit(code))

    def send(self, frame: frames.ToHost) -> None:
        """Send with the others of this turn. Raises what ``frames.pack`` raises."""
        if not self._ended:
            self._outbox.put(frame)

    def stop(self) -> None:
        """Ask it to leave when its last run is over."""
        if not self.stopping:
            self.stopping = True
            self.send(frames.Stop())

    def kill(self, why: str) -> None:
        """End the process by force. Its end is told to the owner when it has happened."""
        self.killed = self.killed or why
        self._process.kill()

    def examine(self, silence: float, start: float, memory: int) -> None:
        """Kill it when it is silent, does not get ready, does not read, or grew too large (seconds and bytes)."""
        quiet = self._loop.time() - self.heard_at
        if self._process.poll() is not None:
            if quiet > silence and self._transport is not None:
                self._transport.abort()
        elif not self.ready:
            if quiet > start:
                self.kill(f"it was not ready after {start:g} s")
        elif not self.alone and quiet > silence:
            self.kill(f"it was silent for {silence:g} s")
        elif self._transport is not None and self._transport.get_write_buffer_size() > _UNREAD:
            self.kill("it does not read")
        elif memory and self._resident() - self._base > memory:
            self.kill(f"it used more than {memory / 1e6:.0f} MB")

    def _resident(self) -> int:
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE
        except (OSError, IndexError, ValueError):
            return 0


def describe_exit(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        known = -code in set(signal.Signals)
        return f"signal {signal.Signals(-code).name if known else -code}"
    return frames.EXITS.get(code, f"exit code {code}")
