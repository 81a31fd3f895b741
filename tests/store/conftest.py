# SPDX-License-Identifier: Apache-2.0
"""One contract, two databases: every test that takes ``world`` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from preroll.store import open_inline_store, open_store
from tests.store.world import StoppedClock, World

Opens = Callable[..., World]


@pytest.fixture
def spawn() -> Iterator[Callable[[str, Callable[[], None]], None]]:
    """Starts threads; a test that leaves one behind fails."""
    made: list[threading.Thread] = []

    def start(name: str, function: Callable[[], None]) -> None:
        made.append(threading.Thread(target=function, name=name, daemon=True))
        made[-1].start()

    yield start
    for thread in made:
        thread.join(timeout=60)
    assert [thread.name for thread in made if thread.is_alive()] == []


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with the current schema and nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'preroll.db'}"
    return request.getfixturevalue("postgres").current()


@pytest.fixture
def opened(url: str, spawn: Callable[[str, Callable[[], None]], None]) -> Iterator[Opens]:
    """Opens the database, as often as a test wants: each is a process of its own to the others."""
    clock = StoppedClock()
    worlds: list[World] = []

    def open_one(**options: object) -> World:
        store = open_store(url, clock=clock, spawn=spawn, pin_clock=True, readers=1, writers=2, **options)  # type: ignore[arg-type]
        worlds.append(World(store, clock, url))
        return worlds[-1]

    yield open_one
    for world in worlds:
        world.store.close()


@pytest.fixture
async def world(opened: Opens) -> World:
    """A store with a platform, a definition and five resources."""
    made = opened()
    await made.furnish()
    return made


@pytest.fixture
async def inline() -> AsyncIterator[World]:
    """The same without threads, in memory."""
    clock = StoppedClock()
    made = World(open_inline_store(clock), clock, "")
    await made.furnish()
    yield made
    made.store.close()
