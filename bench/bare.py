# SPDX-License-Identifier: Apache-2.0
"""References without an engine: a bare durable commit, and a bare group-commit loop that writes the engine's rows."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import psycopg

PENDING = 100
"""Runs at once, as the engine's bound."""
GATHERED = 256
"""Writes that share a commit at most."""
STEPS = ("receiver", "modulator", "router")

Row = tuple[Any, ...]

TABLES = """
create table boundary(key bigint primary key, booking bigint not null, due_us bigint not null, state text not null,
  epoch bigint not null, worker bigint, began_us bigint, ended_us bigint);
create table booking(key bigint primary key, state text not null, service_state text not null, entering text not null,
  began smallint not null, state_version bigint not null, changed_us bigint not null);
create table run(boundary bigint primary key, id text not null unique, script text not null, version text not null,
  epoch bigint not null, began_us bigint not null, ended_us bigint, outcome text not null, message text not null);
create table step(boundary bigint not null, name text not null, state text not null, epoch bigint not null,
  began_us bigint not null, ended_us bigint, result text, primary key(boundary, name));
create table change_log(at_us bigint not null, kind text not null, subject text not null, was text not null,
  became text not null, cause text not null);
create table mark(at_us bigint not null)
"""
"""The engine's tables without what the loop leaves alone."""

# fmt: off
CLAIM_BOUNDARY = "update boundary set state = 'running', epoch = 1, worker = 1, began_us = ? where key = ?"
CLAIM_BOOKING = "update booking set began = 1, entering = 'Pre-roll' where key = ?"
CLAIM_RUN = "insert into run values (?, ?, 'script', '', 1, ?, null, 'running', '')"
BEGIN_STEP = "insert into step values (?, ?, 'begun', 1, ?, null, null)"
END_STEP = "update step set state = 'done', ended_us = ?, result = 'true' where boundary = ? and name = ?"
SETTLE_BOUNDARY = "update boundary set state = 'done', ended_us = ? where key = ? and epoch = 1"
SETTLE_BOOKING = ("update booking set state = 'Pre-roll', service_state = 'STANDBY', entering = '', "
                  "state_version = state_version + 1, changed_us = ? where key = ?")
SETTLE_RUN = "update run set ended_us = ?, outcome = 'ok', version = 'hash' where boundary = ?"
SETTLE_CHANGE = "insert into change_log values (?, 'booking.state', ?, 'Confirmed', 'Pre-roll', 'START')"
# fmt: on


class Connection(Protocol):
    """What the loop needs of a database."""

    def many(self, sql: str, rows: Sequence[Row]) -> None: ...
    def begin(self) -> None: ...
    def commit(self) -> None: ...
    def close(self) -> None: ...


class Sqlite:
    """WAL and synchronous=FULL, as the engine has it."""

    def __init__(self, url: str) -> None:
        self._connection = sqlite3.connect(
            url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False, timeout=30
        )
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = full")

    def many(self, sql: str, rows: Sequence[Row]) -> None:
        self._connection.executemany(sql, rows)

    def begin(self) -> None:
        self._connection.execute("begin immediate")

    def commit(self) -> None:
        self._connection.execute("commit")

    def close(self) -> None:
        self._connection.close()


class Postgres:
    """Default durability; statements of a transaction travel in one pipeline (``executemany``)."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._cursor = self._connection.cursor()

    def many(self, sql: str, rows: Sequence[Row]) -> None:
        self._cursor.executemany(sql.replace("?", "%s"), rows)

    def begin(self) -> None:
        self._cursor.execute("begin")

    def commit(self) -> None:
        self._cursor.execute("commit")

    def close(self) -> None:
        self._connection.close()


def connect(url: str) -> Connection:
    """A connection to an empty database, or to one that ``make`` has been called on."""
    return Sqlite(url) if url.startswith("sqlite") else Postgres(url)


def make(connection: Connection) -> None:
    """Make the tables."""
    for statement in TABLES.split(";"):
        connection.many(statement, [()])


def commits(url: str, instants: Iterable[int]) -> list[float]:
    """At each instant one row and a durable commit; how long after the instant it was done, in milliseconds."""
    connection, late = connect(url), []
    make(connection)
    for due in instants:
        while (left := due / 1e6 - time.time()) > 0:
            time.sleep(left)
        connection.begin()
        connection.many("insert into mark values (?)", [(due,)])
        connection.commit()
        late.append((time.time_ns() / 1e3 - due) / 1e3)
    connection.close()
    return late


class GroupCommit:
    """One writer thread; what waits shares a commit, and equal statements one call."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: queue.SimpleQueue[tuple[list[tuple[str, Row]], Callable[[], None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def write(self, *statements: tuple[str, Row]) -> asyncio.Future[None]:
        """Done when it is durable."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.put((list(statements), lambda: future.set_result(None)))
        self._loop = loop
        return future

    def close(self) -> None:
        """Write what waits, then stop."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            batch = [item]
            while len(batch) < GATHERED and not self._waiting.empty():
                if (item := self._waiting.get()) is None:
                    self._waiting.put(None)
                    break
                batch.append(item)
            rows: dict[str, list[Row]] = {}
            for statements, _ in batch:
                for sql, row in statements:
                    rows.setdefault(sql, []).append(row)
            self._connection.begin()
            for sql, values in rows.items():
                self._connection.many(sql, values)
            self._connection.commit()
            done = [tell for _, tell in batch]
            self._loop.call_soon_threadsafe(lambda done=done: [tell() for tell in done])


def burst(url: str, count: int, steps: int) -> float:
    """So many runs of so many durable steps, ``PENDING`` at once, in the engine's rows; runs a second."""
    connection = connect(url)
    make(connection)
    connection.begin()
    connection.many(
        "insert into boundary values (?, ?, 0, 'armed', 0, null, null, null)", [(i, i) for i in range(count)]
    )
    connection.many("insert into booking values (?, 'Confirmed', 'STOP', '', 0, 1, 0)", [(i,) for i in range(count)])
    connection.commit()
    writer = GroupCommit(connection)
    began = time.perf_counter()
    asyncio.run(_runs(writer, count, STEPS[:steps]))
    took = time.perf_counter() - began
    writer.close()
    connection.close()
    return count / took


async def _runs(writer: GroupCommit, count: int, steps: Sequence[str]) -> None:
    keys = iter(range(count))

    async def work() -> None:
        for key in keys:
            now = time.time_ns() // 1000
            ident = f"{key:032x}"
            await writer.write((CLAIM_BOUNDARY, (now, key)), (CLAIM_BOOKING, (key,)), (CLAIM_RUN, (key, ident, now)))
            for name in steps:
                await writer.write((BEGIN_STEP, (key, name, now)))
                await writer.write((END_STEP, (now, key, name)))
            await writer.write(
                (SETTLE_BOUNDARY, (now, key)), (SETTLE_BOOKING, (now, key)),
                (SETTLE_RUN, (now, key)), (SETTLE_CHANGE, (now, ident)),
            )  # fmt: skip

    await asyncio.gather(*(work() for _ in range(PENDING)))
