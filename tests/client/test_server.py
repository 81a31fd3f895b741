# SPDX-License-Identifier: Apache-2.0
"""Client and API over a real socket: a stream ends with its server, and goes on with the next one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import uvicorn

from preroll.api import changes, create_app
from preroll.app import build
from preroll.client import Client, calls, transport
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.store import open_inline_store
from tests.api.conftest import StandingClock

START = datetime(2026, 3, 1, 13, tzinfo=UTC)


@contextmanager
def serving(app: Any, port: int) -> Iterator[None]:
    """A server that is up, and down again at the end."""
    server = uvicorn.Server(uvicorn.Config(app="", port=port, lifespan="off", log_config=None))
    server.config.app = create_app(app, stopping=lambda: server.should_exit)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            thread.join(0.01)
        assert server.started
        yield
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive(), "the server does not end"


async def test_a_follower_outlives_its_server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(changes, "LOOK_S", 0.05)
    monkeypatch.setattr(transport, "PAUSE_S", 0.0)
    with closing(open_inline_store(StandingClock())) as store:
        app = build(store, None)
        await app.platforms.put(LOCAL, Platform("default"))
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            port = free.getsockname()[1]
        with Client(f"http://127.0.0.1:{port}") as client, closing(client.follow("")) as following:
            with serving(app, port):
                assert next(following).kind == "platform.created"
                first = client.send(calls.create_booking("News", START))
                assert next(following).id == first.id
            with serving(app, port):
                second = client.send(calls.create_booking("Sports", START))
                assert next(following).id == second.id
