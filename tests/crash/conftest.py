# SPDX-License-Identifier: Apache-2.0
"""A world on each database."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from preroll.app import build
from preroll.store import open_store
from tests.crash.engine import Wall
from tests.crash.processes import end, marked
from tests.crash.world import World

SERVER_SEES = (
    "select pid, state, wait_event, pg_blocking_pids(pid), now() - xact_start, left(query, 90) from pg_stat_activity"
    " where datname = current_database() and pid <> pg_backend_pid()"
)
TAIL = 40
"""Lines of each log."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """What fails in a world of processes is told with what their logs and the server say."""
    report = yield
    world = getattr(item, "funcargs", {}).get("world")
    if call.when == "call" and call.excinfo is not None and isinstance(world, World):
        for log in sorted(world.folder.glob("*.log")):
            report.sections.append((log.name, "\n".join(log.read_text(errors="replace").splitlines()[-TAIL:])))
        if world.url.startswith("postgresql"):
            with suppress(psycopg.Error), psycopg.connect(world.url) as connection:
                said = "\n".join(map(str, connection.execute(SERVER_SEES)))
                report.sections.append(("what the server sees", said))
    return report


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, folder: Path) -> str:
    """A database without rows."""
    if request.param == "sqlite":
        return f"sqlite:///{folder / 'preroll.db'}"
    return request.getfixturevalue("postgres").current()


@pytest.fixture
def folder(nursery: None) -> Iterator[Path]:
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
        thread.join(60)
    assert [thread.name for thread in made if thread.is_alive()] == []


@pytest.fixture
async def world(url: str, folder: Path) -> AsyncIterator[World]:
    """A prepared world without bookings."""
    with _threads() as spawn:
        store = open_store(url, clock=Wall(), spawn=spawn)
        made = World(url, folder, store, build(store, None))
        await made.prepare()
        yield made
        store.close()
