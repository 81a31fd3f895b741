# SPDX-License-Identifier: Apache-2.0
"""Columns of lists, and how a list is sorted by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
S = TypeVar("S", bound=StrEnum)


class Kind(StrEnum):
    """How a cell is shown."""

    LINK = "link"
    STATE = "state"
    TIME = "time"
    WHEN = "when"
    """A time that there need not be."""
    TEXT = "text"


class Sorted(Protocol):
    """How a list is sorted."""

    @property
    def by(self) -> StrEnum: ...
    @property
    def down(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Column(Generic[T, S]):
    """A row of a table of columns."""

    key: str
    label: str
    of: Callable[[T, Mapping[int, str]], object]
    """The cell of one; the names are those of service definitions by key."""
    kind: Kind = Kind.TEXT
    sort: S | None = None
    """None: the list cannot be sorted by it."""


def sort_word(column: Column[Any, Any], order: Sorted) -> str:
    """What the address says once the head of a column was clicked."""
    if column.sort is None:
        return ""
    turn = order.by is column.sort and not order.down
    return f"-{column.sort.value}" if turn else str(column.sort.value)


def aria_sort(column: Column[Any, Any], order: Sorted) -> str:
    """How the list is sorted by a column, in the words of ARIA."""
    if column.sort is not order.by:
        return "none"
    return "descending" if order.down else "ascending"
