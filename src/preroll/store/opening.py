# SPDX-License-Identifier: Apache-2.0
"""From a URL to a store."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from preroll.domain.errors import BadSettings
from preroll.domain.subscription import is_reference
from preroll.ports.clock import Clock
from preroll.ports.scripts import Reach, nowhere
from preroll.ports.workers import Unreached, Worker
from preroll.store import sqlite
from preroll.store.engine import Spawn
from preroll.store.platforms import Platforms
from preroll.store.revisions import HEAD
from preroll.store.schema import bring_to_head, expect_head, version_of
from preroll.store.sql import Sql
from preroll.store.store import Inline, SqliteThreads, SqlStore
from preroll.store.subscriptions import Subscriptions
from preroll.store.tx import SqlTx
from preroll.store.work import Memory, RandomBits, Work
from preroll.store.workers import Workers

POSTGRES = ("postgresql://", "postgres://")


def fresh_bits() -> RandomBits:
    """Bits for ids: different in every process, and quick. Ids are no secrets."""
    return random.Random(secrets.randbits(256)).getrandbits  # noqa: S311


def _work(db: Sql, clock: Clock, memory: Memory, random_bits: RandomBits, *, pin_clock: bool = False) -> Work:
    work = Work(db, clock, memory, random_bits, pin_clock=pin_clock)
    work.tx = SqlTx(work)
    return work


def open_store(
    url: str,
    *,
    clock: Clock,
    spawn: Spawn,
    reach: Reach = nowhere,
    readers: int = 2,
    writers: int = 3,
    pin_clock: bool = False,
    upgrade: bool = True,
) -> SqlStore:
    """Open a database, bringing it to this program's schema first.

    Args:
        url: ``sqlite:///file`` or ``postgresql://user@host/name``.
        spawn: ``spawn(name, function)`` runs a function in a thread of its own, until the store is closed.
        reach: called at the named points of claim, begin, end and settle.
        readers: how many queries may run at once.
        writers: how many units may run at once on PostgreSQL; SQLite has one writer.
        pin_clock: PostgreSQL too takes its time from ``clock``.
        upgrade: bring the schema to this program's; False: on PostgreSQL refuse one that is not.

    Raises:
        BadSettings: the URL names no database that can be used.
        StoreUnavailable: the server cannot be reached.
    """
    if url.startswith(POSTGRES):
        (migrate if upgrade else require_head)(url)
        return _open_postgres(url, clock, spawn, reach, readers=readers, writers=writers, pin_clock=pin_clock)
    path = str(sqlite.path_of(url))
    memory, bits = Memory(), fresh_bits()
    writer = sqlite.connect(path)
    bring_to_head(writer, url)
    looking = [_work(sqlite.connect(path, read_only=True), clock, memory, bits) for _ in range(readers)]
    watch = sqlite.connect(path, read_only=True)
    writing = _work(writer, clock, memory, bits)
    writing.ticks = time.monotonic
    return SqlStore(SqliteThreads(writing, looking, watch, spawn, reach))


def open_inline_store(
    clock: Clock, path: str | Path | None = None, *, reach: Reach = nowhere, random_bits: RandomBits | None = None
) -> SqlStore:
    """Open SQLite in memory (or in a file) without threads: every call runs at once in the caller.

    Args:
        random_bits: ``random_bits(n)`` gives n bits for ids; a seeded one makes a simulation repeatable.
    """
    name = ":memory:" if path is None else str(path)
    db = sqlite.connect(name)
    bring_to_head(db, f"{sqlite.PREFIX}{name}")
    return SqlStore(Inline(_work(db, clock, Memory(), random_bits or fresh_bits()), reach))


def migrate(url: str) -> None:
    """Bring an empty or older database to this program's schema.

    Raises:
        BadSettings: the database is newer than this program, or the URL names none.
    """
    with closing(_connected(url)) as db:
        bring_to_head(db, url)


def require_head(url: str) -> None:
    """See that a database has this program's schema, and change nothing.

    Raises:
        BadSettings: it has an older or a newer one, or none.
    """
    with closing(_connected(url)) as db:
        expect_head(db)


def greet(url: str) -> tuple[int, str]:
    """Sign in to a PostgreSQL server and ask who it is; it is only looked at.

    Returns:
        Its version as ``server_version_num`` has it (150004 is 15.4), and itself in words.

    Raises:
        BadSettings, StoreUnavailable: it cannot be looked at.
    """
    with closing(_connected(url)) as db:
        row = db.one(
            "select current_setting('server_version_num')::int, current_setting('server_version'),"
            " current_database()::text, current_user::text"
        )
        assert row is not None  # noqa: S101 - it is one row
        return row[0], f"PostgreSQL {row[1].split()[0]}, database {row[2]}, as {row[3]}"


def survey(url: str) -> tuple[list[Worker], list[Unreached]] | None:
    """The workers of a database, and the resources that none of them reaches.

    Returns:
        None: it has another schema.
    """
    with closing(_connected(url)) as db:
        if version_of(db) != HEAD:
            return None
        db.begin(write=False)
        workers = Workers(Work(db, _NoClock(), Memory(), fresh_bits()))
        return workers.known(), workers.unreached()


def paused_platforms(url: str) -> list[str]:
    """The platforms of a database that are paused; it is only looked at. None of one that has another schema.

    Raises:
        BadSettings, StoreUnavailable: it cannot be looked at.
    """
    return _looked_at(url, lambda work: [one.name for one in Platforms(work).all() if one.config.paused])


def readable_secrets(url: str) -> list[str]:
    """The webhooks of a database whose signing secret stands in it; it is only looked at, as ``paused_platforms``."""

    def query(work: Work) -> list[str]:
        return [one.name for one in Subscriptions(work).all() if one.secret and not is_reference(one.secret)]

    return _looked_at(url, query)


def _looked_at(url: str, query: Callable[[Work], list[str]]) -> list[str]:
    with closing(_connected(url) if url.startswith(POSTGRES) else sqlite.look_at(sqlite.path_of(url))) as db:
        if version_of(db) != HEAD:
            return []
        db.begin(write=False)
        return query(Work(db, _NoClock(), Memory(), fresh_bits()))


class _NoClock:
    """A server has its own."""

    def now_us(self) -> int:
        raise NotImplementedError


def _connected(url: str) -> Sql:
    if not url.startswith(POSTGRES):
        return sqlite.connect(str(sqlite.path_of(url)))
    try:
        from preroll.store.postgres import connect
    except ImportError as error:
        raise BadSettings("PostgreSQL needs its driver", hint="pip install 'preroll[postgresql]'") from error
    return connect(url)


def _open_postgres(
    url: str, clock: Clock, spawn: Spawn, reach: Reach, *, readers: int, writers: int, pin_clock: bool
) -> SqlStore:
    from preroll.store import postgres
    from preroll.store.postgres_threads import PostgresThreads

    memory, bits, voice = Memory(), fresh_bits(), secrets.token_hex(8)

    def make(pause_ms: int) -> Work:
        work = _work(postgres.connect(url, pause_ms, whole=True), clock, memory, bits, pin_clock=pin_clock)
        work.voice, work.ticks = voice, time.monotonic
        return work

    return SqlStore(PostgresThreads(url, make, spawn, reach, writers=writers, readers=readers))
