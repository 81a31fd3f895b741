# SPDX-License-Identifier: Apache-2.0
"""What the engine and a script host say to each other: MessagePack structs behind a length, over one socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from preroll.domain.boundaries import Reason
from preroll.ports.rows import Severity, StepState, Verdict
from preroll.ports.scripts import BrokenScript, InstalledScript, Order

MAX_FRAME = 16 * 1024 * 1024
"""Bytes. Nothing that is meant is longer (a run's output is capped far below)."""
MAX_OUTPUT = 1_000_000
"""Bytes that one run may hand over: returned data, properties and step results; and as many of log lines."""
MAX_DIFF = 64_000
"""Bytes of one step's diff."""
EXIT_STALLED = 70
EXIT_MEMORY = 71
EXITS = {EXIT_STALLED: "its loop was stuck", EXIT_MEMORY: "it ran out of memory"}
"""Exit codes of a host that ends itself."""
_LENGTH = 4


class FrameError(Exception):
    """The other side sent something that is no frame."""


class Hello(msgspec.Struct, tag=1, array_like=True, frozen=True):
    """Engine to host, first of all: how this host is to work. Times in seconds, memory in bytes."""

    folder: str = ""
    """The administrator's folder of scripts; empty: entry points only."""
    drivers: dict[str, str] = {}
    """Driver name -> ``module:attribute`` of its factory; others come from the entry points ``preroll.drivers``."""
    checks: dict[str, str] = {}
    """Kind of check -> ``module:attribute`` of its class."""
    broken: dict[str, str] = {}
    """Sources that killed or hung a host at import, and how: not tried again."""
    alone: bool = False
    """This host runs one script at a time, so a stuck loop harms nobody."""
    pulse: float = 0.25
    stall: float = 1.0
    idle: float = 60.0
    """A driver that was not used for so long is closed."""
    address_space: int = 0
    """Bytes that the process may map on top of what it has at its start; 0: no limit."""
    fresh: float = 2.5
    """For so long the answer to a step's begin holds: who stood still for longer may have lost the run to another."""
    secrets: str = ""
    """Folder of the secrets that addresses name by ``file:``; empty: none."""


class Start(msgspec.Struct, tag=2, array_like=True, frozen=True):
    """Engine to host: run this."""

    order: Order
    attempts: Mapping[str, int] = {}
    """Step -> the last attempt that the journal has of it, when a host died with this run in it."""


class Begun(msgspec.Struct, tag=3, array_like=True, frozen=True):
    """Engine to host: the begin of a step is durable, or refused; None: the store does not answer, ask again."""

    run: str
    name: str
    verdict: Verdict | None


class Ended(msgspec.Struct, tag=4, array_like=True, frozen=True):
    """Engine to host: the end of a step is durable, or refused."""

    run: str
    name: str
    verdict: Verdict


class Cancel(msgspec.Struct, tag=5, array_like=True, frozen=True):
    """Engine to host: stop this run."""

    run: str


class Stop(msgspec.Struct, tag=6, array_like=True, frozen=True):
    """Engine to host: no more runs will come; leave when the last one is over."""


class Loading(msgspec.Struct, tag=7, array_like=True, frozen=True):
    """Host to engine: this source is being imported."""

    source: str


class Ready(msgspec.Struct, tag=8, array_like=True, frozen=True):
    """Host to engine: this is what can be run here."""

    installed: tuple[InstalledScript, ...]
    broken: tuple[BrokenScript, ...]


class StepBegin(msgspec.Struct, tag=9, array_like=True, frozen=True):
    """Host to engine: a step is about to touch a device; it waits for Begun."""

    run: str
    name: str
    resource: str
    attempt: int


class StepEnd(msgspec.Struct, tag=10, array_like=True, frozen=True):
    """Host to engine: a step has ended; it waits for Ended."""

    run: str
    name: str
    state: StepState
    result: Any = None
    diff: tuple[tuple[str, Any, Any], ...] = ()
    error: str = ""


class Log(msgspec.Struct, tag=11, array_like=True, frozen=True):
    """Host to engine: a line of the action log."""

    run: str
    severity: Severity
    text: str
    data: Mapping[str, Any]


class Finish(msgspec.Struct, tag=12, array_like=True, frozen=True):
    """Host to engine: the run is over."""

    run: str
    ok: bool
    reason: Reason | None = None
    message: str = ""
    version: str = ""
    returned: Mapping[str, Any] = {}
    properties: Mapping[str, Any] = {}
    left: Mapping[str, str] = {}


class Pulse(msgspec.Struct, tag=13, array_like=True, frozen=True):
    """Host to engine: the host's loop turns."""


class Stalled(msgspec.Struct, tag=14, array_like=True, frozen=True):
    """Host to engine, its last words: the loop is stuck in this run (empty: in a run that cannot be told)."""

    run: str


ToHost = Hello | Start | Begun | Ended | Cancel | Stop
ToEngine = Loading | Ready | StepBegin | StepEnd | Log | Finish | Pulse | Stalled

at_host: msgspec.msgpack.Decoder[ToHost] = msgspec.msgpack.Decoder(ToHost)
at_engine: msgspec.msgpack.Decoder[ToEngine] = msgspec.msgpack.Decoder(ToEngine)
_encoder = msgspec.msgpack.Encoder()


def pack(frame: ToHost | ToEngine) -> bytes:
    """A frame with its length in front.

    Raises:
        TypeError, OverflowError: it holds a value that MessagePack has no word for.
    """
    body = _encoder.encode(frame)
    return len(body).to_bytes(_LENGTH, "big") + body


class Splitter:
    """Cuts what a socket delivers into frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[memoryview]:
        """The bodies of all frames that are complete now.

        Raises:
            FrameError: a frame is longer than any that is meant.
        """
        data = self._rest + data if self._rest else data
        view, at = memoryview(data), 0
        while at + _LENGTH <= len(data):
            size = int.from_bytes(view[at : at + _LENGTH], "big")
            if size > MAX_FRAME:
                raise FrameError(f"a frame of {size} bytes")
            if at + _LENGTH + size > len(data):
                break
            at += _LENGTH + size
            yield view[at - size : at]
        self._rest = data[at:]


class Outbox:
    """Gathers the frames of one turn of the loop into one write."""

    def __init__(self, soon: Callable[[Callable[[], None]], object], write: Callable[[bytes], None]) -> None:
        self._soon, self._write = soon, write
        self._waiting: list[bytes] = []

    def put(self, frame: ToHost | ToEngine) -> None:
        """Send with the others of this turn. Raises what ``pack`` raises."""
        packed = pack(frame)
        if not self._waiting:
            self._soon(self.flush)
        self._waiting.append(packed)

    def flush(self) -> None:
        """Write now."""
        if self._waiting:
            self._write(self.take())

    def take(self) -> bytes:
        """What waits to be written; it waits no more."""
        data = b"".join(self._waiting)
        self._waiting.clear()
        return data
