# SPDX-License-Identifier: Apache-2.0
"""Lists that go on where they ended, however they are sorted: by a column, then by key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from preroll.ports.orders import ListPage, Place, Sorting
from preroll.store.bookings import pattern
from preroll.store.sql import Row
from preroll.store.work import Work

T = TypeVar("T")
Narrowed = tuple[list[str], list[object]]
"""What rows must fulfil, and the values of these terms."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """The lists of one table; ``columns`` begin with its key."""

    table: str
    columns: str
    whole: Callable[[Sequence[Row]], tuple[T, ...]]
    """Makes things of rows."""

    def newest(self, work: Work, narrowed: Narrowed, before: int | None, limit: int) -> ListPage[T]:
        """A page of those before a key, the newest first."""
        terms, values = narrowed
        if before is not None:
            terms.append("key < ?")
            values.append(before)
        rows = work.db.all(f"select {self.columns} {self._where(terms)} order by key desc limit ?", *values, limit + 1)
        return ListPage(self.whole(rows[:limit]), rows[limit - 1][0] if len(rows) > limit else None)

    def sorted(
        self, work: Work, narrowed: Narrowed, column: str, sorting: Sorting, after: Place | None, limit: int
    ) -> ListPage[T]:
        """A page of those after a place, sorted by a column."""
        terms, values = narrowed
        order = _sorted_from(column, sorting, after, terms, values)
        said = f"select {self.columns}, {column} {self._where(terms)} {order} limit ?"
        rows = work.db.all(said, *values, limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        return ListPage(self.whole([row[:-1] for row in rows[:limit]]), last=(last[-1], str(last[0])) if last else None)

    def at(self, work: Work, narrowed: Narrowed, offset: int, limit: int) -> tuple[int, tuple[T, ...]]:
        """How many there are, and those from an offset on, the newest first."""
        terms, values = narrowed
        ((total,),) = work.db.all(f"select count(*) {self._where(terms)}", *values)
        said = f"select {self.columns} {self._where(terms)} order by key desc limit ? offset ?"
        return total, self.whole(work.db.all(said, *values, limit, offset))

    def _where(self, terms: Sequence[str]) -> str:
        return f"from {self.table} where {' and '.join(terms)}"


def _sorted_from(column: str, sorting: Sorting, after: Place | None, terms: list[str], values: list[object]) -> str:
    """How a list is sorted; of its rows, only those after a place.

    Args:
        column: by which it is sorted.
        terms: what its rows must fulfil; the place is put among them.
        values: of the terms.
    """
    way, than = ("desc", "<") if sorting.down else ("asc", ">")
    if after is not None:
        terms.append(f"({column}, key) {than} (?, ?)")
        values += [after[0], int(after[1])]
    return f"order by {column} {way}, key {way}"


def containing(text: str, columns: Collection[str], terms: list[str], values: list[object]) -> None:
    """Only rows with this text in one of some columns; SQLite finds capitals by small letters in ASCII alone."""
    found = f"%{pattern(text)}%"
    said = [f"{part} like ? escape '\\'" for column in columns for part in (f"lower({column})", column)]
    terms.append(f"({' or '.join(said)})")
    values += [found.lower(), found] * len(columns)
