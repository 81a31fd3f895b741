# SPDX-License-Identifier: Apache-2.0
"""References: a durable transaction that writes the rows of one booking, and a scan of the whole pool."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, Protocol

import psycopg

from bench.filled import MINUTE

Row = tuple[Any, ...]

_BODY = '{"v":1,"data":{"nodes":{"camera":{"resource":"%s"},"encoder":{},"link":{}},"properties":{}}}' % ("0" * 36)
_BOOKING = (
    "insert into booking (id, platform, name, folded, state, live, start_us, end_us, pre_roll_us, post_roll_us,"
    " held_start_us, held_end_us, definition, body, priority, service_state, began, entering, not_reset, zone,"
    " revision, state_version, created_us, created_by, changed_us) values"
    " (?, 1, ?, ?, 'Partial', 1, ?, ?, 0, 0, ?, ?, 1, ?, 0, 'STOP', 0, '', 0, 'UTC', 1, 1, ?, 'bench', ?) returning key"
)
_RESERVATION = (
    "insert into reservation (booking, resource, dimension, start_us, end_us, amount, live, tier, unreset, agreed)"
    " values (?, ?, ?, ?, ?, ?, 1, 0, 0, '')"
)
_CHANGE = (
    "insert into change_log (at_us, kind, subject, platform, actor, was, became, why, cause, revision)"
    " values (?, 'booking.created', ?, 1, 'bench', '', 'Partial', '', '', 1)"
)
_SCAN = "select key, name, concurrency, mode, revision from resource"


class Bare(Protocol):
    """A bare connection that writes durably."""

    def write(self, ident: str, start_us: int, block: int) -> None:
        """One booking of three resources, committed."""
        ...

    def scan(self) -> int:
        """Read all resources; returns how many."""
        ...

    def close(self) -> None: ...


def bare(url: str) -> Bare:
    """Connect as the product does: a commit that returned survives a power cut."""
    return BareSqlite(url) if url.startswith("sqlite") else BarePostgresql(url)


def _rows(key: int, start_us: int, block: int) -> Iterable[Row]:
    for place, dimension, amount in ((1, 0, 1), (2, 0, 1), (2, 1, 8_000_000), (3, 0, 1)):
        yield key, 3 * block + place, dimension, start_us, start_us + 5 * MINUTE, amount


def _booking(ident: str, start_us: int) -> Row:
    end_us = start_us + 5 * MINUTE
    return ident, ident, ident, start_us, end_us, start_us, end_us, _BODY, start_us, start_us


class BareSqlite:
    """WAL and synchronous=FULL."""

    def __init__(self, url: str) -> None:
        self._connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = full")

    def write(self, ident: str, start_us: int, block: int) -> None:
        execute = self._connection.execute
        execute("begin immediate")
        ((key,),) = execute(_BOOKING, _booking(ident, start_us)).fetchall()
        self._connection.executemany(_RESERVATION, _rows(key, start_us, block))
        execute(_CHANGE, (start_us, ident))
        execute("commit")

    def scan(self) -> int:
        return len(self._connection.execute(_SCAN).fetchall())

    def close(self) -> None:
        self._connection.close()


class BarePostgresql:
    """The server's own durability."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.prepare_threshold = 0

    def write(self, ident: str, start_us: int, block: int) -> None:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(_BOOKING.replace("?", "%s"), _booking(ident, start_us))  # type: ignore[arg-type]
            ((key,),) = cursor.fetchall()
            cursor.executemany(_RESERVATION.replace("?", "%s"), list(_rows(key, start_us, block)))  # type: ignore[arg-type]
            cursor.execute(_CHANGE.replace("?", "%s"), (start_us, ident))  # type: ignore[arg-type]

    def scan(self) -> int:
        return len(self._connection.execute(_SCAN).fetchall())

    def close(self) -> None:
        self._connection.close()
