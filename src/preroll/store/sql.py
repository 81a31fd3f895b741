# SPDX-License-Identifier: Apache-2.0
"""One text of SQL for both databases: what differs is written as a mark and translated once.

The marks::

    ?                                   a value
    in ?ints   in ?texts                a list of values
    each(?ints) u                       a list of values as a table, with the column u.value
    given(key bigint, state text) g     a list of rows, as a table; the only parameter of its statement
    for no key update [of x] [skip locked] [by x.key]   row locks, taken in an order; SQLite has one writer, needs none
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, Protocol

Row = tuple[Any, ...]
Later = Callable[[], list[Row]]
"""An answer that is read when it is wanted."""

OF_PLATFORM = "platform = ?"
UNINDEXED = f"+{OF_PLATFORM}"
"""The same where most rows are of the platform, and another index finds few or has them in order: SQLite, which keeps
no statistics, would read them all."""

_MARK = re.compile(
    r"given\((?P<rows>[^)]*)\)|in \?(?P<among>ints|texts)|each\(\?(?P<each>ints|texts)\) (?P<alias>\w+)"
    r"|\?|(?P<lock>for no key update(?: of \w+)?(?: skip locked)?)(?: by (?P<order>[\w.]+(?:, [\w.]+)*))?"
)
_KINDS = {"ints": "bigint", "texts": "text"}


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
    def end(self) -> None:
        """End a transaction that only read, however it went."""
        ...

    def rollback(self, savepoint: str = "") -> None:
        """Undo the transaction, if there is one; or what came after a savepoint."""
        ...

    def lost(self, error: BaseException) -> bool:
        """Did this error end the transaction, so that nothing of it can be saved?"""
        ...

    def close(self) -> None: ...


Columns = list[tuple[str, str]]
"""(name, type) of the columns of a list of rows."""


class _Marks(NamedTuple):
    """What a database calls the marks."""

    given: Callable[[Columns], str]
    among: str
    each: str
    value: str
    locks: bool


def _translated(sql: str, marks: _Marks) -> Text:
    lists: list[bool] = []
    width = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal width
        if match["rows"] is not None:
            columns = [(name, kind) for name, kind in (c.split() for c in match["rows"].split(","))]
            width = len(columns)
            return marks.given(columns)
        if lock := match["lock"]:
            in_order = f"order by {match['order']} {lock}" if match["order"] else lock
            return in_order if marks.locks else ""
        kind = match["among"] or match["each"]
        lists.append(kind is not None)
        if kind is None:
            return marks.value
        return (marks.among if match["among"] else marks.each).format(kind=_KINDS[kind], alias=match["alias"])

    text = _MARK.sub(replace, sql)
    return Text(text, tuple(lists), width, not width and not any(lists))


@cache
def for_sqlite(sql: str, rows: int = 1) -> Text:
    """The statement for SQLite: lists travel as JSON, rows as so many VALUES."""

    def given(columns: Columns) -> str:
        named = ", ".join(f"column{place} as {name}" for place, (name, _) in enumerate(columns, 1))
        row = f"({', '.join('?' * len(columns))})"
        return f"(select {named} from (values {', '.join([row] * rows)}))"

    marks = _Marks(given, "in (select value from json_each(?))", "json_each(?) {alias}", "?", locks=False)
    return _translated(sql, marks)


@cache
def for_postgres(sql: str) -> Text:
    """The statement for psycopg: lists travel as arrays, rows as one array a column."""

    def given(columns: Columns) -> str:
        arrays = ", ".join(f"%s::{kind}[]" for _, kind in columns)
        names = ", ".join(name for name, _ in columns)
        return f"(select * from unnest({arrays}) as u({names}))"

    marks = _Marks(given, "= any(%s::{kind}[])", "unnest(%s::{kind}[]) {alias}(value)", "%s", locks=True)
    return _translated(sql.replace("%", "%%"), marks)
