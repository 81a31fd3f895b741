# SPDX-License-Identifier: Apache-2.0
"""SQLite: the connection, where its file may lie, and the lock that keeps a second engine away."""

from __future__ import annotations

import fcntl
import os
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

import msgspec

from preroll.domain.errors import BadSettings, EngineRunning
from preroll.store.sql import Later, Row, Text, for_sqlite

PREFIX = "sqlite:///"
BUSY_MS = 5_000
NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.glusterfs"}
)
"""File systems on which SQLite's locks or its shared memory cannot be relied on."""
MOUNTS = Path("/proc/self/mounts")

CHUNKS = (128, 64, 32, 16, 8, 4, 2, 1)
"""Numbers of rows for which a statement is prepared: few texts, few steps, and no statement of a size of its own."""
OUT_OF_ORDER = frozenset(
    {
        sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY,
    }
)  # fmt: skip
"""Errors of the file or the disk, not of a statement."""

_json = msgspec.json.Encoder().encode


class SqliteConnection:
    """A connection that one thread uses at a time."""

    postgres = False

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute

    def all(self, sql: str, *values: object) -> list[Row]:
        text = for_sqlite(sql)
        if text.width:
            return [row for cursor in self._in_chunks(sql, values) for row in cursor.fetchall()]
        return self._carried_out(text, values).fetchall()

    def one(self, sql: str, *values: object) -> Row | None:
        text = for_sqlite(sql)
        if text.width:
            return next((row for cursor in self._in_chunks(sql, values) for row in cursor.fetchmany(1)), None)
        row: Row | None = self._carried_out(text, values).fetchone()
        return row

    def run(self, sql: str, *values: object) -> int:
        text = for_sqlite(sql)
        if text.width:
            return sum(cursor.rowcount for cursor in self._in_chunks(sql, values))
        return self._carried_out(text, values).rowcount

    def send(self, sql: str, *values: object) -> None:
        self.run(sql, *values)

    def later(self, sql: str, *values: object) -> Later:
        rows = self.all(sql, *values)
        return lambda: rows

    def _carried_out(self, text: Text, values: tuple[object, ...]) -> sqlite3.Cursor:
        if text.plain:
            return self._execute(text.sql, values)
        handed = [_json(v).decode() if many else v for v, many in zip(values, text.lists, strict=True)]
        return self._execute(text.sql, handed)

    def _in_chunks(self, sql: str, values: tuple[object, ...]) -> Iterator[sqlite3.Cursor]:
        rows = cast(Sequence[Row], values[0])
        start = 0
        for size in CHUNKS:
            while start + size <= len(rows):
                yield self._execute(for_sqlite(sql, size).sql, tuple(chain.from_iterable(rows[start : start + size])))
                start += size

    def begin(self, *, write: bool) -> None:
        self._execute("begin immediate" if write else "begin")

    def commit(self) -> None:
        self._execute("commit")

    def end(self) -> None:
        self.rollback()

    def rollback(self, savepoint: str = "") -> None:
        if savepoint:
            self._execute(f"rollback to savepoint {savepoint}")
        elif self._connection.in_transaction:
            self._execute("rollback")

    def lost(self, error: BaseException) -> bool:
        code = getattr(error, "sqlite_errorcode", None) if isinstance(error, sqlite3.Error) else None
        return not self._connection.in_transaction or (code is not None and code & 0xFF in OUT_OF_ORDER)

    def close(self) -> None:
        self._connection.close()


def connect(path: str, *, read_only: bool = False) -> SqliteConnection:
    """Open a database file (``:memory:`` for none) in WAL mode; a commit that returned survives a power cut."""
    connection = sqlite3.connect(
        path, isolation_level=None, timeout=BUSY_MS / 1000, check_same_thread=False, cached_statements=512
    )
    connection.execute(f"pragma busy_timeout = {BUSY_MS}")
    connection.execute("pragma foreign_keys = on")
    if path != ":memory:":
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
    if read_only:
        connection.execute("pragma query_only = on")
    return SqliteConnection(connection)


def look_at(path: Path) -> SqliteConnection:
    """Open a database file that is there, in whatever mode it is, and leave it so."""
    uri = f"{path.as_uri()}?mode=ro"
    return SqliteConnection(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_MS / 1000))


def path_of(url: str) -> Path:
    """The file that a ``sqlite:///`` URL names.

    Raises:
        BadSettings: it names none, or one where SQLite cannot be relied on.
    """
    name = url.removeprefix(PREFIX)
    if not url.startswith(PREFIX) or not name or name == ":memory:":
        raise BadSettings(
            f"{url!r} names no database file", hint="sqlite:///preroll.db or sqlite:////var/lib/preroll.db"
        )
    path = Path(name).absolute()
    if not path.parent.is_dir():
        raise BadSettings(f"the folder {path.parent} does not exist", hint="create it, or choose another place")
    if kind := network_file_system(path.parent.resolve(), MOUNTS.read_text() if MOUNTS.exists() else ""):
        raise BadSettings(
            f"{path} lies on a network file system ({kind}), where SQLite can lose data",
            hint="use a local disk, or PostgreSQL",
        )
    return path


def network_file_system(folder: Path, mounts: str) -> str:
    """The kind of network file system that a folder lies on, by the text of a mount table; empty when it is local."""
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = fields[1].encode().decode("unicode_escape")
        if folder.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind if kind in NETWORK else ""


class EngineLock:
    """Proof that this process is the only engine on a database file; held until ``release``."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def release(self) -> None:
        """Let another engine start. May be called twice."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock_engine(path: str | Path) -> EngineLock:
    """Take the engine's lock of a database file (or of its ``sqlite:///`` URL): a lock on ``<file>.engine``.

    Raises:
        EngineRunning: another engine has it; names its host and pid.
    """
    database = path_of(path) if isinstance(path, str) and path.startswith(PREFIX) else Path(path)
    beside = database.with_name(database.name + ".engine")
    file = beside.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read().strip() or "an unknown process"
        file.close()
        raise EngineRunning(
            f"another engine works on {database}: {holder}", hint="stop it first, or use PostgreSQL for several engines"
        ) from error
    file.seek(0)
    file.truncate()
    file.write(f"host {socket.gethostname()}, pid {os.getpid()}\n")
    file.flush()
    return EngineLock(file)
