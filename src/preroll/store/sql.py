# SPDX-License-Identifier: Apache-2.0
"""One text of SQL for both databases: what differs is written as a mark and translated once.

The marks::

    ?                                   a value
    in ?ints   in ?texts                a list of values
    given(key bigint, state text) g     a list of rows, as a table
    for no key update [of x]            row locks; SQLite has one writer and needs none
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

Row = tuple[Any, ...]

_MARK = re.compile(r"given\(([^)]*)\)|in \?(ints|texts)|\?|for no key update(?: of \w+)?")


class Text(NamedTuple):
    """A translated statement: its text, and for each parameter how it is handed over."""

    sql: str
    shapes: tuple[int, ...]
    """-1: as it is; 0: a list; n: a list of rows of n columns."""
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

    def begin(self, *, write: bool) -> None: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def lost(self, error: BaseException) -> bool:
        """Did this error end the transaction, so that nothing of it can be saved?"""
        ...

    def close(self) -> None: ...


def _translated(sql: str, given: Callable[[list[tuple[str, str]]], str], among: str, value: str, lock: str) -> Text:
    shapes: list[int] = []

    def replace(match: re.Match[str]) -> str:
        found = match.group(0)
        if match.group(1) is not None:
            columns = [(name, kind) for name, kind in (c.split() for c in match.group(1).split(","))]
            shapes.append(len(columns))
            return given(columns)
        if match.group(2) is not None:
            shapes.append(0)
            return among.format("bigint" if match.group(2) == "ints" else "text")
        if found == "?":
            shapes.append(-1)
            return value
        return found if lock else ""

    text = _MARK.sub(replace, sql)
    return Text(text, tuple(shapes), all(shape == -1 for shape in shapes))


@cache
def for_sqlite(sql: str) -> Text:
    """The statement for SQLite: lists and rows travel as JSON, in one step of the virtual machine's outer loop."""

    def given(columns: list[tuple[str, str]]) -> str:
        picked = ", ".join(f"json_extract(value, '$[{i}]') as {name}" for i, (name, _) in enumerate(columns))
        return f"(select {picked} from json_each(?))"

    return _translated(sql, given, "in (select value from json_each(?))", "?", "")


@cache
def for_postgres(sql: str) -> Text:
    """The statement for psycopg: lists and rows travel as arrays."""

    def given(columns: list[tuple[str, str]]) -> str:
        arrays = ", ".join(f"%s::{kind}[]" for _, kind in columns)
        names = ", ".join(name for name, _ in columns)
        return f"(select * from unnest({arrays}) as u({names}))"

    return _translated(sql.replace("%", "%%"), given, "= any(%s::{}[])", "%s", "for")


def columns_of(rows: Sequence[Row], count: int) -> list[list[object]]:
    """Rows turned on their side."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(count)]
