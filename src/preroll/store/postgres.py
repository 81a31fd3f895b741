# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL: the connection, and listening to what other processes committed."""

from __future__ import annotations

import re
import select
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import cast

import msgspec
import psycopg
from psycopg import errors, generators
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8Dumper

from preroll.domain.errors import BadSettings, StoreUnavailable
from preroll.store.sql import Later, Row, for_postgres

CHANNEL = "preroll"
AGAIN = (
    errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation,
    errors.IdleInTransactionSessionTimeout, errors.TransactionTimeout,
)  # fmt: skip
"""Another transaction was first: the same unit can be run again, and will see what that one did."""
GONE = (psycopg.OperationalError, psycopg.InterfaceError)

OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "jit=off", "plan_cache_mode=force_generic_plan", "enable_seqscan=off", "enable_hashjoin=off",
        "enable_mergejoin=off",
    )
)  # fmt: skip
"""Every statement here wants an index and a nested loop, also before the first ANALYZE of a young table."""


class PostgresConnection:
    """A connection that one thread uses at a time.

    Statements wait until an answer is wanted; all that wait then go to the server in one round trip. It carries them
    out one after the other, each on a snapshot of its own.

    The pipeline is never left: psycopg ends one with a flush that PostgreSQL takes for the next statement, and a
    transaction that stands still there would keep its locks for ever.
    """

    postgres = True

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection, self._open = connection, ExitStack()
        self._pipeline = self._open.enter_context(connection.pipeline())
        self._waiting: list[tuple[psycopg.Cursor[Row], str, Sequence[object], bool | None]] = []

    def all(self, sql: str, *values: object) -> list[Row]:
        return self._answer(sql, values).fetchall()

    def one(self, sql: str, *values: object) -> Row | None:
        return self._answer(sql, values).fetchone()

    def run(self, sql: str, *values: object) -> int:
        return self._answer(sql, values).rowcount

    def send(self, sql: str, *values: object) -> None:
        self._put(sql, values)

    def later(self, sql: str, *values: object) -> Later:
        cursor = self._put(sql, values)

        def rows() -> list[Row]:
            if any(cursor is waiting for waiting, *_ in self._waiting):
                self._exchange()
            return cursor.fetchall()

        return rows

    def begin(self, *, write: bool) -> None:
        self._say("begin" if write else "begin isolation level repeatable read read only")

    def commit(self) -> None:
        if self._spoken_to():
            raise errors.IdleInTransactionSessionTimeout("the server ended the transaction while it stood still")
        self._say("commit")
        self._exchange()

    def end(self) -> None:
        """What was prepared stays so after a commit; psycopg drops it all after a roll-back."""
        if self._connection.pgconn.transaction_status != TransactionStatus.INTRANS:
            self.rollback()
            return
        self._waiting.clear()
        self._say("commit")
        self._exchange()

    def rollback(self, savepoint: str = "") -> None:
        if savepoint:
            with suppress(psycopg.Error):
                self._exchange()
            self._undo(f"rollback to savepoint {savepoint}")
            return
        self._waiting.clear()
        if self._connection.pgconn.transaction_status != TransactionStatus.IDLE:
            self._undo("rollback")

    def _undo(self, command: str) -> None:
        """psycopg drops all prepared statements after a roll-back, behind the next statement: one of no consequence."""
        for words in (command, "select 1"):
            self._say(words)
            self._exchange()

    def _spoken_to(self) -> bool:
        """Has the server said something that it was not asked? Then the commit must not be sent into the dark."""
        ear = select.poll()  # unlike select.select, for any number of open files
        ear.register(self._connection.fileno(), select.POLLIN)
        return bool(ear.poll(0))

    def _say(self, command: str) -> None:
        self._waiting.append((self._connection.cursor(), command, (), False))

    def _put(self, sql: str, values: tuple[object, ...]) -> psycopg.Cursor[Row]:
        text = for_postgres(sql)
        if text.width:
            rows = cast(Sequence[Row], values[0])
            values = tuple(map(_array, zip(*rows, strict=True))) or ("{}",) * text.width
        elif not text.plain:
            pairs = zip(values, text.lists, strict=True)
            values = tuple(_array(cast(Sequence[object], v)) if many else v for v, many in pairs)
        cursor = self._connection.cursor()
        self._waiting.append((cursor, text.sql, values, None))
        return cursor

    def _answer(self, sql: str, values: tuple[object, ...]) -> psycopg.Cursor[Row]:
        cursor = self._put(sql, values)
        self._exchange()
        return cursor

    def _exchange(self) -> None:
        """Send all that waits and read its answers."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            for cursor, sql, values, prepare in waiting:
                cursor.execute(sql, values, prepare=prepare)
        except Exception:
            with suppress(psycopg.Error):
                self._sync()
            raise
        self._sync()

    def _sync(self) -> None:
        """Before it waits for answers psycopg may keep a part of what is sent, if the server is slow to take it."""
        self._connection.wait(generators.send(self._connection.pgconn))
        self._pipeline.sync()

    def lost(self, error: BaseException) -> bool:
        return isinstance(error, (*AGAIN, *GONE)) or self._connection.closed or self._connection.broken

    def close(self) -> None:
        """Hang up, and wait for nobody: to leave the pipeline first would wait for the server's answer."""
        self._connection.close()
        with suppress(psycopg.Error):
            self._open.close()


_json = msgspec.json.Encoder().encode
_ONLY_JSON = re.compile(r'\\[^"\\]')


def _array(values: Sequence[object]) -> object:
    """Values as PostgreSQL writes an array: like JSON, but for the brackets and the escapes of control characters.

    psycopg's own arrays cost 2 us a value, and a claim has thousands; it gets those that JSON cannot write.
    """
    text = _json(values).decode()
    return list(values) if _ONLY_JSON.search(text) else f"{{{text[1:-1]}}}"


PAUSE_MS = 10_000
"""How long a transaction may wait for its next statement. Then its process stands still, and others want its locks."""
JOURNAL_PAUSE_MS = 2_000
"""The same for the journal: every other worker's claims wait behind one that is under way."""
PAUSES_IN_ALL = 6
"""A transaction lasts for so many pauses at most: 60 s, in the journal 12 s."""
WHOLE_SINCE = 170_000
"""The first version that limits a transaction as a whole (``transaction_timeout``, release notes of PostgreSQL 17)."""


def connect(url: str, pause_ms: int = PAUSE_MS, *, whole: bool = False) -> PostgresConnection:
    """Open a connection.

    A process that is stopped in the middle of what it sends has said half of it: for the server that is no pause, and
    before version 17 it waits for the rest for as long as the process lives.

    Args:
        url: of the database.
        pause_ms: after which the server ends a transaction that says nothing.
        whole: limit the transaction as a whole too.

    Raises:
        StoreUnavailable: the server cannot be reached.
    """
    opened = _open(url)
    opened.execute(f"set idle_in_transaction_session_timeout = {pause_ms}")
    if whole and opened.info.server_version >= WHOLE_SINCE:
        opened.execute(f"set transaction_timeout = {pause_ms * PAUSES_IN_ALL}")
    return PostgresConnection(opened)


DEFAULTS = {
    "application_name": "preroll",
    "connect_timeout": "10",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""What a URL may say otherwise: a server that went away without a word is noticed within seconds."""


def _open(url: str) -> psycopg.Connection[Row]:
    try:
        said = psycopg.conninfo.conninfo_to_dict(url)
        options = f"{OPTIONS} {said.get('options') or ''}"
        address = psycopg.conninfo.make_conninfo("", **{**DEFAULTS, **said, "options": options})
        connection = psycopg.connect(address, autocommit=True)
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"PostgreSQL cannot be reached: {' '.join(str(error).split())}") from error
    except psycopg.ProgrammingError as error:
        raise BadSettings(f"the address of the database cannot be read: {error}") from error
    connection.prepare_threshold = 0
    connection.prepared_max = 1000
    connection.adapters.register_dumper(int, Int8Dumper)
    return connection


class Listener:
    """Waits for what other processes say after their commits."""

    def __init__(self, url: str) -> None:
        self._connection = _open(url)
        self._connection.execute(f"listen {CHANNEL}")

    def listen(self, hear: Callable[[str], bool], seconds: float) -> None:
        """Hand every message of the next ``seconds`` to ``hear``, each as it comes, until that answers False."""
        for message in self._connection.notifies(timeout=seconds):
            if not hear(message.payload):
                return

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
