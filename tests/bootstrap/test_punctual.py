# SPDX-License-Identifier: Apache-2.0
"""The engine's loop does what every loop does."""

from __future__ import annotations

import asyncio
import os
import select
import socket

import pytest

from preroll.bootstrap import punctual
from preroll.bootstrap.punctual import punctual_loop

epoll = pytest.mark.skipif(not hasattr(select, "epoll"), reason="there is no epoll here")


async def echoed() -> bytes:
    """What comes back over a socket while a timer is far off."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        reader, writer = await asyncio.open_connection(sock=ours)
        far = asyncio.get_running_loop().call_later(3600, pytest.fail)
        theirs.sendall(b"word")
        word = await reader.read(4)
        far.cancel()
        writer.close()
        await writer.wait_closed()
        return word


def test_what_arrives_is_heard_before_the_next_timer():
    with asyncio.Runner(loop_factory=punctual_loop) as runner:
        assert runner.run(echoed()) == b"word"


def test_another_thread_wakes_it():
    async def woken() -> str:
        return await asyncio.to_thread(lambda: "awake")

    with asyncio.Runner(loop_factory=punctual_loop) as runner:
        assert runner.run(woken()) == "awake"


@epoll
def test_a_timer_never_comes_early():
    async def waited() -> float:
        loop = asyncio.get_running_loop()
        due = loop.time() + 0.0123
        called: asyncio.Future[float] = loop.create_future()
        loop.call_at(due, lambda: called.set_result(loop.time()))
        return await called - due

    with asyncio.Runner(loop_factory=punctual_loop) as runner:
        assert runner.run(waited()) >= -1e-6


@epoll
def test_a_high_descriptor_is_left_to_epoll(monkeypatch):
    monkeypatch.setattr(punctual, "_HIGHEST", -1)
    monkeypatch.setattr(select, "select", lambda *_: os.abort())
    with asyncio.Runner(loop_factory=punctual_loop) as runner:
        assert runner.run(echoed()) == b"word"
