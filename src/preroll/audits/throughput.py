# SPDX-License-Identifier: Apache-2.0
"""How much gets through? A sender, a receiver, and what arrives in a second; plain sockets, nothing to be installed.

The far end answers: ``python -m preroll.audits.throughput HOST PORT`` is a receiver that tells what it got. Where both
ends are on this machine (a loopback, a relay), ``arrives`` names the port at which this process listens itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, ClassVar

import msgspec

from preroll.audits.parameters import Host, Parameters, Port, Share
from preroll.audits.tcp import OURS, told
from preroll.sdk import Audit, AuditState, Scene

CHUNK = 16_384
"""Bytes of one write."""
TICK = 0.01
"""Seconds between two bursts of the sender."""
PUSH = 2.0
"""The sender offers so many times what is expected, so that the path is what limits it."""
WARM_UP = 0.3
"""Part of the time that is not counted: a token bucket lets its first burst through at any speed."""
PATIENCE = 3.0
_END = b"\n"


class Meter:
    """What arrived when: the rate after the warm-up."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._seconds = now, seconds
        self._began: float | None = None
        self._counted: float | None = None
        """When counting began: with the first that arrived after the warm-up."""
        self._last = 0.0
        self.total = 0
        self._size = 0

    def add(self, size: int) -> None:
        """So many bytes arrived now."""
        now = self._now()
        self._began = now if self._began is None else self._began
        self.total += size
        if now < self._began + self._seconds * WARM_UP:
            return
        if self._counted is None:
            self._counted = now
        else:
            self._size += size
        self._last = now

    @property
    def kbit(self) -> float:
        """kbit/s after the warm-up; 0 when too little arrived to tell."""
        if self._counted is None or self._last <= self._counted:
            return 0.0
        return self._size * 8 / 1000 / (self._last - self._counted)


@dataclass(frozen=True)
class Throughput(Parameters):
    """Sends over TCP for ``seconds`` and compares the rate at which it arrives with ``kbit``.

    Up when it is within ``tolerance`` of it (limiters with a bucket are off by up to a fifth); Down when less arrives,
    or more (the limit is not in force) unless ``more`` allows that; Down when nothing gets through. Unknown when the
    name cannot be resolved, ``arrives`` is in use, or the far end is no receiver.
    """

    kind: ClassVar = "throughput"
    host: Host
    port: Port
    kbit: Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]
    """Expected, kbit/s; up to 1 Gbit/s."""
    tolerance: Share = 0.2
    more: bool = False
    """A higher rate is fine too."""
    seconds: Annotated[float, msgspec.Meta(ge=0.2, le=60)] = 2.0
    arrives: Port | None = None
    """The port of this machine at which it comes out; None: the far end is a receiver of its own."""
    listen: Host = "127.0.0.1"
    """The address of this machine at which it comes out."""

    @property
    def what(self) -> str:
        return f"throughput to {self.host}:{self.port}"

    @property
    def expected(self) -> str:
        """In words."""
        return f"{self.kbit:g} kbit/s {'or more, less' if self.more else 'within'} {self.tolerance:.0%}"

    async def look(self, scene: Scene | None = None, /) -> Audit:  # noqa: ARG002 - the protocol's
        """Send and measure once."""
        try:
            kbit, total = await (self._through_here() if self.arrives else self._to_far_end())
        except TimeoutError:
            return self._audit(AuditState.DOWN, "nothing gets through")
        except socket.gaierror as error:
            return self._audit(AuditState.UNKNOWN, f"{self.host} cannot be resolved: {error.strerror}")
        except ValueError:
            return self._audit(AuditState.UNKNOWN, "the far end is no receiver of Preroll")
        except OSError as error:
            ours = error.errno in OURS or isinstance(error, _CannotListen)
            return self._audit(
                AuditState.UNKNOWN if ours else AuditState.DOWN,
                str(error.strerror) if isinstance(error, _CannotListen) else told(error),
            )
        low, high = self.kbit * (1 - self.tolerance), self.kbit * (1 + self.tolerance)
        good = kbit >= low and (self.more or kbit <= high)
        return self._audit(AuditState.UP if good else AuditState.DOWN, f"{kbit:.0f} kbit/s", round(kbit), total)

    async def _through_here(self) -> tuple[float, int]:
        meter, arrived = Meter(self.seconds, asyncio.get_running_loop().time), asyncio.Event()
        async with (
            receiving(self.listen, self.arrives or 0, meter, arrived),
            _connected(self.host, self.port) as (_, to),
        ):
            await self._send(to)
            async with asyncio.timeout(PATIENCE):
                await arrived.wait()
            return meter.kbit, meter.total

    async def _to_far_end(self) -> tuple[float, int]:
        async with _connected(self.host, self.port) as (reader, to):
            to.write(json.dumps({"seconds": self.seconds}).encode() + _END)
            await self._send(to)
            async with asyncio.timeout(PATIENCE):
                told = json.loads(await reader.readline())
        try:
            return float(told["kbit"]), int(told["bytes"])
        except (KeyError, TypeError) as error:
            raise ValueError from error

    async def _send(self, to: asyncio.StreamWriter) -> None:
        """Offer more than is expected to pass, for so many seconds; a slow path holds up, and that is fine."""
        loop, chunk, sent = asyncio.get_running_loop(), bytes(CHUNK), 0
        began, rate = loop.time(), self.kbit * 1000 / 8 * PUSH
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.seconds):
                while True:
                    due = rate * (loop.time() - began + TICK)
                    while sent < due:
                        piece = min(CHUNK, max(1, int(due - sent)))
                        to.write(chunk[:piece])
                        sent += piece
                        await to.drain()
                    await asyncio.sleep(TICK)

    def _audit(self, state: AuditState, found: str, kbit: int | None = None, total: int = 0) -> Audit:
        evidence = {"to": f"{self.host}:{self.port}", "kbit": kbit, "bytes": total}
        message = "" if state is AuditState.UP else f"expected {self.expected}, found {found}"
        return Audit(state, evidence, message, self.what, self.expected, found)


class _CannotListen(OSError):
    """The port at which it comes out cannot be had."""


@asynccontextmanager
async def receiving(host: str, port: int, meter: Meter, arrived: asyncio.Event) -> AsyncIterator[None]:
    """Takes what comes to this port, whatever it is; ``arrived`` is set when something has."""
    ends: set[asyncio.StreamWriter] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.add(writer)
        try:
            while data := await reader.read(CHUNK):
                meter.add(len(data))
                arrived.set()
        except ConnectionError:
            return
        finally:
            writer.close()

    try:
        server = await asyncio.start_server(take, host, port)
    except OSError as error:
        raise _CannotListen(error.errno, f"port {port} of {host} cannot be had: {error.strerror}") from error
    try:
        yield
    finally:
        server.close()
        for end in ends:
            end.close()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The far end: takes what one sender sends, and tells it what arrived in the seconds that it asked for."""
    try:
        asked = json.loads(await reader.readline())
        meter = Meter(float(asked["seconds"]), asyncio.get_running_loop().time)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as timer:
                while data := await reader.read(CHUNK):
                    if not meter.total:
                        timer.reschedule(asyncio.get_running_loop().time() + float(asked["seconds"]))
                    meter.add(len(data))
        writer.write(json.dumps({"kbit": meter.kbit, "bytes": meter.total}).encode() + _END)
        await writer.drain()
        while await reader.read(CHUNK):  # to leave now would take the answer back
            pass
    except (OSError, ValueError, KeyError, TypeError):
        return
    finally:
        writer.close()


@asynccontextmanager
async def _connected(host: str, port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection with little room for what is not on its way yet; at the end that is thrown away."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(host, port)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * CHUNK)
    writer.transport.set_write_buffer_limits(high=CHUNK)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def serve(host: str, port: int) -> None:
    """Be the far end until it is stopped."""
    async with await asyncio.start_server(answer, host, port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
