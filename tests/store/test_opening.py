# SPDX-License-Identifier: Apache-2.0
"""From a URL to a store: where a database may lie, who may have it, and which schema it has."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from preroll.domain.errors import BadSettings, EngineRunning, StoreUnavailable
from preroll.store import lock_engine, migrate, migrations, open_inline_store, open_store
from preroll.store.postgres import connect as connect_postgres
from preroll.store.revisions import FOLDER, HEAD, schema, schema_file, written
from preroll.store.sql import for_postgres, for_sqlite
from preroll.store.sqlite import connect, network_file_system
from preroll.store.tables import statements
from tests.store.world import StoppedClock

REVISIONS = sorted({file.name.split(".")[0] for file in FOLDER.glob("*.sql")})


# ---------------------------------------------------------------------- places


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite:///:memory:", "sqlite://preroll.db", "mysql://host/name", ""])
def test_a_url_names_a_database(url, spawn):
    with pytest.raises(BadSettings):
        open_store(url, clock=StoppedClock(), spawn=spawn)


def test_the_folder_must_be_there(tmp_path, spawn):
    with pytest.raises(BadSettings, match="does not exist"):
        open_store(f"sqlite:///{tmp_path}/nowhere/preroll.db", clock=StoppedClock(), spawn=spawn)


MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/export /mnt/shared nfs4 rw 0 0
//host/x /mnt/with\\040space cifs rw 0 0
tmpfs /mnt/shared/fast tmpfs rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib", ""),
        ("/mnt/shared", "nfs4"),
        ("/mnt/shared/deep/er", "nfs4"),
        ("/mnt/sharedbutnot", ""),
        ("/mnt/with space/x", "cifs"),
        ("/mnt/shared/fast", ""),
    ],
)
def test_network_file_systems_are_told(folder, kind):
    assert network_file_system(Path(folder), MOUNTS) == kind


def test_network_file_systems_are_refused(tmp_path, spawn, monkeypatch):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/x {tmp_path} nfs rw 0 0\n")
    monkeypatch.setattr("preroll.store.sqlite.MOUNTS", mounts)
    with pytest.raises(BadSettings, match="nfs"):
        open_store(f"sqlite:///{tmp_path}/preroll.db", clock=StoppedClock(), spawn=spawn)


def test_a_server_that_is_not_there_is_unavailable(spawn, tmp_path):
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        open_store(f"postgresql://nobody@/none?host={tmp_path}", clock=StoppedClock(), spawn=spawn)


def test_a_file_survives_a_power_cut(tmp_path):
    db = connect(str(tmp_path / "x.db"))
    pragmas = [db.one(f"pragma {name}") for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")]
    db.close()
    assert pragmas == [("wal",), (2,), (1,), (5000,)]


# ---------------------------------------------------------------------- one engine a file


def test_a_second_engine_is_refused_with_host_and_pid(tmp_path):
    file = tmp_path / "preroll.db"
    with lock_engine(file), pytest.raises(EngineRunning, match=rf"{socket.gethostname()}, pid {os.getpid()}"):
        lock_engine(f"sqlite:///{file}")
    with lock_engine(file) as again:
        again.release()
        again.release()


def test_the_lock_of_an_engine_that_was_killed_is_free(tmp_path):
    file = tmp_path / "preroll.db"
    code = f"import os\nfrom preroll.store import lock_engine\nlock = lock_engine({str(file)!r})\nos._exit(9)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    with lock_engine(file):
        assert (tmp_path / "preroll.db.engine").read_text() == f"host {socket.gethostname()}, pid {os.getpid()}\n"


# ---------------------------------------------------------------------- schema


def opened_raw(url):
    return connect_postgres(url) if url.startswith("postgresql") else connect(url.removeprefix("sqlite:///"))


def shape(url: str) -> list[tuple[object, ...]]:
    """Everything that a database's catalogue says about its tables and indexes."""
    db = opened_raw(url)
    try:
        if db.postgres:
            return db.all(
                "select table_name::text, column_name::text, data_type::text, is_nullable::text, column_default::text"
                " from information_schema.columns where table_schema = 'public' union all"
                " select tablename::text, indexname::text, indexdef::text, '', '' from pg_indexes"
                " where schemaname = 'public' union all select conrelid::regclass::text, conname::text,"
                " pg_get_constraintdef(oid), '', '' from pg_constraint where connamespace = 'public'::regnamespace"
                " and contype <> 'n' order by 1, 2, 3"
            )
        return [
            (name, "".join((sql or "").lower().split()))
            for name, sql in db.all("select name, sql from sqlite_master where name <> 'sqlite_sequence' order by name")
        ]
    finally:
        db.close()


def test_there_is_a_migration_and_a_schema_for_each_revision():
    versions = sorted(f.stem[1:5] for f in (Path(migrations.__file__).parent / "versions").glob("v*.py"))
    assert versions == REVISIONS
    assert versions[-1] == HEAD
    for revision in REVISIONS:
        assert schema(revision, postgres=True) != schema(revision, postgres=False)


@pytest.mark.parametrize("postgres", [False, True], ids=["sqlite", "postgresql"])
def test_the_newest_schema_is_that_of_the_tables(postgres):
    stored = schema_file(HEAD, postgres=postgres).read_text(encoding="utf-8")
    assert stored == written(statements(postgres=postgres)), "python -m preroll.store.tables"


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_older_database_becomes_a_current_one(blank, revision, newest):
    """Each schema that there ever was, upgraded, is the schema that a new database gets."""
    db = opened_raw(blank)
    for statement in schema(revision, postgres=db.postgres):
        db.run(statement)
    db.run("create table alembic_version (version_num varchar(32) not null,"
           " constraint alembic_version_pkc primary key (version_num))")  # fmt: skip
    db.run("insert into alembic_version (version_num) values (?)", revision)
    db.close()
    migrate(blank)
    assert shape(blank) == shape(newest)


def test_the_migrations_from_nothing_come_to_the_same(blank, newest):
    migrations.upgrade(blank)
    assert shape(blank) == shape(newest)
    migrate(blank)


@pytest.fixture(params=["sqlite", "postgresql"])
def places(request, tmp_path):
    """Gives quite empty databases."""
    if request.param == "sqlite":
        return lambda name: f"sqlite:///{tmp_path / name}.db"
    return request.getfixturevalue("postgres").bare


@pytest.fixture
def blank(places):
    return places("empty_one")


@pytest.fixture
def fresh(places):
    return places("empty_two")


@pytest.fixture
def newest(request, places):
    """A database that was made with the current schema."""
    if "postgresql" in request.node.name:
        return request.getfixturevalue("postgres").current()
    made = places("newest")
    migrate(made)
    return made


def test_a_newer_database_is_refused(fresh, spawn):
    migrate(fresh)
    db = opened_raw(fresh)
    db.run("update alembic_version set version_num = '9999'")
    db.close()
    for call in (lambda: migrate(fresh), lambda: open_store(fresh, clock=StoppedClock(), spawn=spawn)):
        with pytest.raises(BadSettings, match="9999"):
            call()


def test_a_current_database_needs_no_migration_tools(tmp_path):
    """What starts often starts without Alembic and SQLAlchemy."""
    code = (
        "import sys, threading\nfrom preroll.store import open_store\n"
        "class Clock:\n    def now_us(self): return 0\n"
        "spawn = lambda name, f: threading.Thread(target=f).start()\n"
        f"for _ in range(2): open_store('sqlite:///{tmp_path}/x.db', clock=Clock(), spawn=spawn).close()\n"
        "print([m for m in ('alembic', 'sqlalchemy', 'psycopg') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_creation_that_fails_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("preroll.store.schema.schema", lambda *_, **__: ["create table a (b int)", "nonsense"])
    with pytest.raises(sqlite3.OperationalError):
        open_inline_store(StoppedClock(), tmp_path / "x.db")
    monkeypatch.undo()
    open_inline_store(StoppedClock(), tmp_path / "x.db").close()


# ---------------------------------------------------------------------- one text for both


def test_marks_are_translated():
    text = "select a from b where c in ?ints and d = ? and e like '%x' for no key update of b"
    lite, server = for_sqlite(text), for_postgres(text)
    assert lite.sql == "select a from b where c in (select value from json_each(?)) and d = ? and e like '%x' "
    assert (
        server.sql == "select a from b where c = any(%s::bigint[]) and d = %s and e like '%%x' for no key update of b"
    )
    assert lite.lists == server.lists == (True, False)


def test_an_order_of_locks_is_none_where_there_are_no_locks():
    text = "select a from b where c = ? for no key update of b by b.c, b.d"
    assert for_sqlite(text).sql == "select a from b where c = ? "
    assert for_postgres(text).sql == "select a from b where c = %s order by b.c, b.d for no key update of b"


def test_rows_are_a_table_for_both():
    text = "insert into a select k, t from given(k bigint, t text) g"
    assert for_sqlite(text, 2).sql == (
        "insert into a select k, t from (select column1 as k, column2 as t from (values (?, ?), (?, ?))) g"
    )
    assert for_postgres(text).sql == (
        "insert into a select k, t from (select * from unnest(%s::bigint[], %s::text[]) as u(k, t)) g"
    )


@pytest.mark.parametrize("count", [0, 1, 3, 15, 16, 77, 128, 300])
def test_any_number_of_rows_goes_in(fresh, count):
    migrate(fresh)
    db = opened_raw(fresh)
    rows = [(f"d{i}", i, None if i % 2 else -(2**62)) for i in range(count)]
    db.run("create table t (a text, b bigint, c bigint)")
    assert db.run("insert into t select a, b, c from given(a text, b bigint, c bigint) g", rows) == count
    assert db.all("select a, b, c from t order by b") == rows
    assert db.all("select b from t where a in ?texts order by b", ["d0", "d2", "x"]) == [
        (i,) for i in (0, 2) if i < count
    ]
    assert db.one("select b from t where b in ?ints", [4711]) is None
    db.close()
