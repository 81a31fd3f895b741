# SPDX-License-Identifier: Apache-2.0
"""One text of SQL for both databases: what differs is written as a mark and translated once.

The marks::

    ?                                   a value
    in ?ints   in ?texts                a list of values
    given(key bigint, state text) g     a list of rows, as a table; the only parameter of its statement
    for no key update [of x]            row locks; SQLite has one writer and needs none
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, Protocol

Row = tuple[Any, ...]
Later = Callable[[], list[Row]]
"""An answer that is read when it is wanted."""

_MARK = re.compile(r"given\(([^)]*)\)|in \?(ints|texts)|\?|for no key update(?: of \w+)?")


class Text(NamedTuple):
    """A translated statement: its text, and how its parameters are handed over."""

    sql: str
    lists: tuple[bool, ...]
    """For each parameter: is it a list?"""
    width: int
    """Columns of the rows that are its only parameter; 0: it takes none."""
    plain: bool
    """All parameters go as they are."""


class Sql(Protocol):
    """A connection. Every statement is prepared once."""

    postgres: bool

    def all(self, sql: str, *values: object) -> list[Row]:
        """The rows of a query."""
        ...

    def one(self, sql: str, *values: object) -> Row | None:
        """The first row of a query."""
        ...

    def run(self, sql: str, *values: object) -> int:
        """Carry out a statement; returns how many rows it touched."""
        ...

    def send(self, sql: str, *values: object) -> None:
        """Carry out a statement before whatever comes after it; an error shows at the next answer at the latest."""
        ...

    def later(self, sql: str, *values: object) -> Later:
        """The rows of a query, when they are wanted: what is sent before an answer is wanted is one round trip."""
        ...

    def begin(self, *, write: bool) -> None: ...
    def commit(self) -> None: ...
    def rollback(self, savepoint: str = "") -> None:
        """Undo the transaction, if there is one; or what came after a savepoint."""
        ...

    def lost(self, error: BaseException) -> bool:
        """Did this error end the transaction, so that nothing of it can be saved?"""
        ...

    def close(self) -> None: ...


Columns = list[tuple[str, str]]
"""(name, type) of the columns of a list of rows."""


def _translated(sql: str, given: Callable[[Columns], str], among: str, value: str, *, locks: bool) -> Text:
    lists: list[bool] = []
    width = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal width
        found = match.group(0)
        if match.group(1) is not None:
            columns = [(name, kind) for name, kind in (c.split() for c in match.group(1).split(","))]
            width = len(columns)
            return given(columns)
        if found.startswith("for "):
            return found if locks else ""
        lists.append(match.group(2) is not None)
        return among.format("bigint" if match.group(2) == "ints" else "text") if lists[-1] else value

    text = _MARK.sub(replace, sql)
    return Text(text, tuple(lists), width, not width and not any(lists))


@cache
def for_sqlite(sql: str, rows: int = 1) -> Text:
    """The statement for SQLite: lists travel as JSON, rows as so many VALUES."""

    def given(columns: Columns) -> str:
        named = ", ".join(f"column{place} as {name}" for place, (name, _) in enumerate(columns, 1))
        row = f"({', '.join('?' * len(columns))})"
        return f"(select {named} from (values {', '.join([row] * rows)}))"

    return _translated(sql, given, "in (select value from json_each(?))", "?", locks=False)


@cache
def for_postgres(sql: str) -> Text:
    """The statement for psycopg: lists travel as arrays, rows as one array a column."""

    def given(columns: Columns) -> str:
        arrays = ", ".join(f"%s::{kind}[]" for _, kind in columns)
        names = ", ".join(name for name, _ in columns)
        return f"(select * from unnest({arrays}) as u({names}))"

    return _translated(sql.replace("%", "%%"), given, "= any(%s::{}[])", "%s", locks=True)
