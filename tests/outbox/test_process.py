# SPDX-License-Identifier: Apache-2.0
"""A real server that is killed in the middle of its deliveries: nothing is lost, and a repeat has the same id."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from preroll.client import AsyncClient, calls, subscriptions
from tests import nursery
from tests.outbox.receiver import Receiver, receiving
from tests.ports import reserved_port

PASSWORD = "correct horse battery"
PATIENCE_S = 60
BOOKINGS = 40


@dataclass
class Server:
    """``preroll serve`` on a database of its own."""

    folder: Path
    database: str
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[nursery.Started]:
        own = {
            "PREROLL_DATA": str(self.folder), "PREROLL_DATABASE": self.database, "PREROLL_PORT": str(self.port),
            "PREROLL_ADMIN_PASSWORD": PASSWORD, "PREROLL_OUTBOX_NETWORKS": "127.0.0.1", "PREROLL_LEASE": "0.5",
            "PREROLL_SCRIPT_HOSTS": "1",
        }  # fmt: skip
        with (self.folder / "server.log").open("ab") as log:
            running = nursery.start(
                [sys.executable, "-m", "preroll", "serve"], env=os.environ | own, out=log.fileno(), session=True
            )
        try:
            yield running
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
            running.wait(PATIENCE_S)

    async def signed_in(self) -> AsyncClient:
        await until(self._ready, self)
        client = AsyncClient(self.url)
        await client.sign_in("admin", PASSWORD)
        return client

    def _ready(self) -> bool:
        with socket.socket() as knock:
            return knock.connect_ex(("127.0.0.1", self.port)) == 0


class Slow(Receiver):
    """Takes its time, so that there is a middle."""

    async def answer(self, request: web.Request) -> web.Response:
        await asyncio.sleep(0.005)
        return await super().answer(request)


async def until(condition: Callable[[], bool], server: Server) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail((server.folder / "server.log").read_text()[-4000:])


@pytest.fixture
def server(url: str, tmp_path: Path, nursery: None) -> Iterator[Server]:
    with reserved_port() as port:
        yield Server(tmp_path, url, port)


async def test_a_server_that_is_killed_while_it_delivers_loses_nothing(server: Server):
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    async with receiving(Slow()) as receiver:
        async with server.serving() as first, await server.signed_in() as client:
            new = subscriptions.create_subscription(
                "NOC", "webhook", receiver.url, wanted=subscriptions.wanted(kinds=["booking.created"])
            )
            made = await client.send(new)
            for number in range(BOOKINGS):
                await client.send(calls.create_booking(f"b{number}", start, start + timedelta(hours=1)))
                if len(receiver.got) >= BOOKINGS // 4:
                    break
            booked = number + 1
            os.killpg(first.pid, signal.SIGKILL)
        async with server.serving(), await server.signed_in() as client:
            for number in range(booked, BOOKINGS):
                await client.send(calls.create_booking(f"b{number}", start, start + timedelta(hours=1)))
            assert (await client.send(calls.ready())).parts["outbox"] == "ok"
            orders = await client._http.get("/tmf-api/serviceOrdering/v4/serviceOrder")
            assert (orders.json(), orders.headers["x-total-count"]) == ([], "0")
            subjects = [
                change.id
                for change in (await client.send(calls.list_changes(limit=500))).items
                if change.kind == "booking.created"
            ]
            await until(lambda: len({json.loads(body)["data"]["id"] for _, body in receiver.got}) == BOOKINGS, server)
    bodies: dict[str, bytes] = {}
    for headers, body in receiver.got:
        Webhook(made.secret).verify(body, headers)
        assert bodies.setdefault(headers["webhook-id"], body) == body
    assert [json.loads(body)["data"]["id"] for body in bodies.values()] == subjects
    assert len(subjects) == BOOKINGS
