# SPDX-License-Identifier: Apache-2.0
"""The API on a real store in memory, at a time that stands still until a test moves it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from preroll.api import create_app
from preroll.app import App, build
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.domain.window import SECOND
from preroll.store import SqlStore, open_inline_store
from tests.api.people import People, passwords

NOON = 1_772_366_400 * SECOND
"""2026-03-01T12:00:00Z."""


@dataclass
class StandingClock:
    """Time that a test moves."""

    at_us: int = NOON

    def now_us(self) -> int:
        return self.at_us


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def store(clock: StandingClock) -> Iterator[SqlStore]:
    opened = open_inline_store(clock)
    yield opened
    opened.close()


@pytest.fixture
async def app(store: SqlStore) -> App:
    app = build(store, None)
    await app.platforms.put(LOCAL, Platform("default", zone="Europe/Brussels"))
    return app


Connect = Callable[..., httpx.AsyncClient]


@pytest.fixture
async def connect(app: App) -> AsyncIterator[Connect]:
    """Makes a client of an API that is built with the given arguments."""
    made: list[httpx.AsyncClient] = []

    def connected(**options: Any) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(create_app(options.pop("app", app), **options), raise_app_exceptions=False)
        made.append(httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1/"))
        return made[-1]

    yield connected
    for client in made:
        await client.aclose()


@pytest.fixture
def api(connect: Connect) -> httpx.AsyncClient:
    return connect()


@pytest.fixture
async def people(store: SqlStore) -> AsyncIterator[People]:
    """An API at which people sign in, with the platforms default and other."""
    app = build(store, None, passwords())
    for name in ("default", "other"):
        await app.platforms.put(LOCAL, Platform(name))
    async with AsyncExitStack() as stack:
        yield People(app, stack)


@pytest.fixture
async def catalogue(api: httpx.AsyncClient) -> None:
    """Two encoders, a profile and two services, one of which is orchestrated."""
    documents = [
        {"kind": "resource", "name": "ENC 1", "function": "encoding"},
        {"kind": "resource", "name": "ENC 2", "function": "encoding"},
        {
            "kind": "profile_definition",
            "name": "Video",
            "parameters": [{"name": "rate", "type": "number", "minimum": 1, "maximum": 50, "mandatory": True}],
        },
        {"kind": "profile_instance", "name": "HD", "definition": "Video", "values": {"rate": 20}},
        {"kind": "service_definition", "name": "Hall", "nodes": [{"label": "camera"}]},
        {
            "kind": "service_definition",
            "name": "Contribution",
            "nodes": [{"label": "encoder", "function": "encoding", "profile": "Video"}],
            "actions": {"STANDBY": "warm-up", "START": "go", "PAUSE": "wind-down", "STOP": "reset"},
        },
    ]
    answer = await api.post("catalogue", json={"documents": documents})
    assert answer.status_code == 200, answer.text


def asked(**changes: Any) -> dict[str, Any]:
    """A booking of an hour, an hour from now, with one encoder."""
    whole = {
        "name": "News",
        "start": "2026-03-01T13:00:00Z",
        "end": "2026-03-01T14:00:00Z",
        "nodes": {"encoder": {"resource": "ENC 1"}},
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not ...}
