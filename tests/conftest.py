# SPDX-License-Identifier: Apache-2.0
"""For every room: properties are judged by what they find, not by how fast a busy machine finds it; one PostgreSQL.

What is the same for thousands of tests is done once: the schema of a database in memory, the collector's look at them.
"""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from contextlib import closing

import pytest
from hypothesis import settings

from preroll.store import opening, sqlite
from tests.limits import pytest_runtest_call, pytest_runtest_setup, pytest_runtest_teardown, pytest_timeout_set_timer
from tests.nursery import opened as open_nursery
from tests.postgres import Postgres, running

__all__ = ["pytest_runtest_call", "pytest_runtest_setup", "pytest_runtest_teardown", "pytest_timeout_set_timer"]

settings.register_profile("house", deadline=None, print_blob=True)
settings.register_profile("fuzz", settings.get_profile("house"), max_examples=1_000, stateful_step_count=80)
settings.load_profile("house")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """The tests stay until the end: no collection of garbage looks for any among them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def copied_schema() -> Iterator[None]:
    """A database in memory is a copy of the first one; its schema as SQL takes seven times as long."""
    bring_to_head = opening.bring_to_head

    def copied(db: sqlite.SqliteConnection, url: str) -> None:
        if url.endswith(":memory:"):
            first._connection.backup(db._connection)
        else:
            bring_to_head(db, url)

    with closing(sqlite.connect(":memory:")) as first, pytest.MonkeyPatch.context() as patch:
        bring_to_head(first, "")
        patch.setattr(opening, "bring_to_head", copied)
        yield


@pytest.fixture(scope="session")
def nursery() -> None:
    """Have the nursery work before a test's time begins to count: it imports for seconds."""
    open_nursery()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of our own, for all rooms."""
    with running() as server:
        yield Postgres(server)
