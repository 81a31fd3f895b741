# SPDX-License-Identifier: Apache-2.0
"""The throughput audit: what is counted, and real bytes through a relay with a token bucket."""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from preroll.audits import Throughput
from preroll.audits.throughput import Meter, answer
from preroll.bootstrap.virtual import VirtualLoop, run_virtual
from preroll.sdk import AuditState
from tests.audits.far_ends import serving
from tests.ports import reserved_port


class Wall:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_first_burst_is_not_counted() -> None:
    wall = Wall()
    meter = Meter(1.0, wall)
    meter.add(1_000_000)  # what the bucket had in it
    for _ in range(20):
        wall.now += 0.05
        meter.add(6_250)  # 1,000 kbit/s
    assert meter.kbit == pytest.approx(1000)
    assert meter.total == 1_125_000


def test_too_little_is_nothing() -> None:
    wall = Wall()
    meter = Meter(1.0, wall)
    assert meter.kbit == 0
    meter.add(10)
    wall.now += 0.5
    meter.add(10)
    assert meter.kbit == 0


class Patient(selectors.DefaultSelector):
    """Real bytes have a moment to arrive before virtual time goes on."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(0.002 if timeout == 0 else timeout)


def in_virtual_time(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test of rates: real sockets, and a clock that does not go on while the machine stands still."""

    def timed() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(selectors, "DefaultSelector", Patient)
            loop = VirtualLoop(0)
        run_virtual(test(), loop=loop)

    timed.__name__ = test.__name__
    return timed


@asynccontextmanager
async def relay(to: int, kbit: float) -> AsyncIterator[int]:
    """Hands on what it gets, so many kbit/s; returns its port."""
    loop = asyncio.get_running_loop()

    async def hand_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(2048):
                writer.write(data)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, far = await asyncio.open_connection("127.0.0.1", to)
        returning = asyncio.create_task(hand_back(back, writer))
        began, passed = loop.time(), 0
        try:
            while data := await reader.read(2048):
                passed += len(data)
                await asyncio.sleep(max(0.0, began + passed * 8 / (kbit * 1000) - loop.time()))
                far.write(data)
                await far.drain()
        except ConnectionError:
            return
        finally:
            returning.cancel()
            far.close()

    async with serving(carry) as port:
        yield port


@in_virtual_time
async def test_a_limited_path_has_its_rate() -> None:
    with reserved_port() as arrives:
        async with relay(arrives, 2000) as port:
            fits = await Throughput("127.0.0.1", port, 2000, tolerance=0.6, seconds=0.6, arrives=arrives).look()
            less = await Throughput("127.0.0.1", port, 40_000, seconds=0.6, arrives=arrives).look()
    assert fits.state is AuditState.UP, fits
    assert less.state is AuditState.DOWN
    assert less.message.startswith("expected 40000 kbit/s within 20%, found ")


@in_virtual_time
async def test_a_slow_path_is_measured_and_not_taken_for_dead() -> None:
    with reserved_port() as arrives:
        async with relay(arrives, 150) as port:
            slow = await Throughput("127.0.0.1", port, 150, tolerance=0.7, seconds=1.0, arrives=arrives).look()
            far = await Throughput("127.0.0.1", port, 8000, seconds=0.5, arrives=arrives).look()
    assert slow.state is AuditState.UP, slow
    assert far.state is AuditState.DOWN
    assert "found nothing" not in far.message


@in_virtual_time
async def test_a_path_without_its_limit_is_down_unless_more_is_fine() -> None:
    with reserved_port() as arrives:
        async with relay(arrives, 1_000_000) as port:
            limit = Throughput("127.0.0.1", port, 1000, tolerance=0.3, seconds=0.4, arrives=arrives)
            assert (await limit.look()).state is AuditState.DOWN
            enough = Throughput("127.0.0.1", port, 1000, tolerance=0.3, seconds=0.4, arrives=arrives, more=True)
            assert (await enough.look()).state is AuditState.UP


@in_virtual_time
async def test_a_far_end_tells_what_it_got() -> None:
    async with serving(answer) as port:
        audit = await Throughput("127.0.0.1", port, 1000, more=True, tolerance=0.5, seconds=0.4).look()
    assert audit.state is AuditState.UP, audit
    assert int(str(audit.evidence["bytes"])) > 0


@in_virtual_time
async def test_a_far_end_behind_a_slow_path_tells_in_time() -> None:
    async with serving(answer) as far, relay(far, 1000) as port:
        audit = await Throughput("127.0.0.1", port, 50_000, seconds=0.5).look()
    assert audit.state is AuditState.DOWN, audit
    assert audit.message.startswith("expected 50000 kbit/s within 20%, found ")


@in_virtual_time
async def test_nothing_gets_through_is_down_and_a_taken_port_is_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        audit = await Throughput("127.0.0.1", port, 100, seconds=0.2, arrives=port).look()
        assert audit.state is AuditState.UNKNOWN, audit
        assert "cannot be had" in audit.message
    with reserved_port() as arrives:
        audit = await Throughput("127.0.0.1", port, 100, seconds=0.2, arrives=arrives).look()
    assert audit.state is AuditState.DOWN, audit


@in_virtual_time
async def test_who_is_no_receiver_is_unknown() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"hello\n")
        with contextlib.suppress(ConnectionError):
            await reader.read()

    async with serving(speak) as port:
        audit = await Throughput("127.0.0.1", port, 100, seconds=0.2).look()
    assert (audit.state, audit.message.rpartition("found ")[2]) == (
        AuditState.UNKNOWN, "the far end is no receiver of Preroll",
    )  # fmt: skip
