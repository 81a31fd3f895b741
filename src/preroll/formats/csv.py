# SPDX-License-Identifier: Apache-2.0
"""A spreadsheet of resources: one a line, one field a column. Pure: text in, documents out.

A column that is there is what the resource has: an empty cell takes the field back to its default. What no column
tells stays as it is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from preroll.domain.errors import Invalid, Mistake
from preroll.domain.near import told
from preroll.formats.bundle import plain

MOST_TEXT = 8_000_000
"""Characters of a file."""
MOST_LINES = 20_000
MOST_COLUMNS = 500
MOST_TOLD = 200
"""Mistakes; who gets so many does not read on."""
_RANGE = re.compile(r"\s*([^.\s]\S*?)?\s*\.\.\s*([^.\s]\S*)?\s*")


def _listed(cell: str) -> list[str]:
    return [word for part in cell.split(";") if (word := part.strip())]


def _capability(cell: str) -> dict[str, object]:
    """``AVC; HEVC`` are choices, ``1..50`` is a range, ``= text`` a text; ``*`` what overlapping bookings agree on."""
    if cell == "*":
        return {"time_dependent": True}
    if cell.startswith("="):
        return {"text": cell[1:].strip()}
    ends = _RANGE.fullmatch(cell)
    if ends and (ends[1] or ends[2]):
        return {name: plain(end) for name, end in (("minimum", ends[1]), ("maximum", ends[2])) if end}
    return {"choices": _listed(cell)}


# fmt: off
COLUMNS: Mapping[str, Callable[[str], object]] = {
    # column         how a cell is read
    "name":          str,
    "function":      str,
    "driver":        str,
    "device":        str,
    "mode":          str,
    "pools":         _listed,
    "concurrency":   plain,
    "priority":      plain,
    "hands_off":     plain,
}
SECTIONS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    # column         field           how a cell is read
    "address":       ("address",      plain),
    "capacity":      ("capacities",   plain),
    "capability":    ("capabilities", _capability),
    "property":      ("properties",   plain),
    "label":         ("labels",       str),
}
# fmt: on
KNOWN = (*COLUMNS, *(f"{section}.NAME" for section in SECTIONS))


@dataclass(frozen=True, slots=True)
class Line:
    """One resource of the file."""

    number: int
    """Of the line on which it begins, counted from 1."""
    cells: Mapping[str, str]
    """Column -> what stands there, without white space around it."""

    @property
    def name(self) -> str:
        """The resource's."""
        return self.cells["name"]

    def over(self, stored: Mapping[str, Any] | None) -> dict[str, Any]:
        """The document that the line makes of what is stored under its name."""
        made = {"kind": "resource", **(stored or {}), "name": self.name}
        for column, cell in self.cells.items():
            section, _, key = column.partition(".")
            if not key:
                made.pop(column, None)
                made |= {column: COLUMNS[column](cell)} if cell else {}
                continue
            field, read = SECTIONS[section]
            values = {name: value for name, value in made.get(field, {}).items() if name != key}
            made[field] = values | ({key: read(cell)} if cell else {})
        return made | {"name": self.name}

    def place(self, field: str) -> str:
        """Where a field of the document stands in the file."""
        columns = [column for column in self.cells if f"{field}.".startswith(f"{_field_of(column)}.")]
        best = max(columns, key=len, default="")
        return f"line {self.number}, column {best}" if best else f"line {self.number}"


def _field_of(column: str) -> str:
    section, _, key = column.partition(".")
    return f"{SECTIONS[section][0]}.{key}" if key else column


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file as far as it could be read."""

    lines: Sequence[Line]
    """Those that are whole."""
    mistakes: Sequence[tuple[int, Mistake]]
    """Of the others and of the columns, each with the number of its line."""

    def refusal(self, found: Sequence[Mistake]) -> list[Mistake]:
        """Every mistake of the file in the order of its lines: its own, and these of ``<index>.<field>``."""
        every = [*self.mistakes, *(self._placed(mistake) for mistake in found)]
        return [mistake for _, mistake in sorted(every, key=itemgetter(0))][:MOST_TOLD]

    def _placed(self, mistake: Mistake) -> tuple[int, Mistake]:
        index, _, field = mistake.where.partition(".")
        if not index.isdigit() or int(index) >= len(self.lines):
            return 0, mistake
        line = self.lines[int(index)]
        return line.number, Mistake(line.place(field), mistake.what, mistake.expected)


def read(text: str) -> Sheet:
    """What a file says whose first line names the columns; separated by commas, semicolons or tabs.

    Raises:
        Invalid: nothing of it can be read.
    """
    if len(text) > MOST_TEXT:
        raise Invalid([Mistake("file", "is too large", f"at most {MOST_TEXT} characters")])
    rows = _rows(text.removeprefix("\ufeff"))
    found: list[Line] = []
    try:
        number, head = next(rows, (1, []))
        columns = [cell.strip() for cell in head]
        wrong = [(number, mistake) for mistake in _head_mistakes(number, columns)]
        if len(columns) > MOST_COLUMNS or "name" not in columns:
            return Sheet((), wrong)
        for number, row in rows:
            cells = zip(columns, (cell.strip() for cell in row), strict=False)
            line = Line(number, {column: cell for column, cell in cells if _is_column(column)})
            mistakes = _row_mistakes(line, columns, row)
            wrong += [(number, mistake) for mistake in mistakes]
            found += [] if mistakes else [line]
            if len(found) > MOST_LINES:
                told = Mistake(f"line {number}", "is one too many", f"at most {MOST_LINES} resources")
                raise Invalid([told])
            if len(wrong) >= MOST_TOLD:
                break
    except csv.Error as error:
        raise Invalid([Mistake("file", f"is no CSV: {error}", "quotes doubled, in quoted cells")]) from None
    return Sheet(found, wrong)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """(number of the line on which it begins, cells) of each row that is not empty."""
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    before = 0
    for row in reader:
        if any(cell.strip() for cell in row):
            yield before + 1, row
        before = reader.line_num


def _is_column(column: str) -> bool:
    section, dot, key = column.partition(".")
    return column in COLUMNS if not dot else section in SECTIONS and bool(key.strip())


def _head_mistakes(number: int, columns: Sequence[str]) -> Iterator[Mistake]:
    if len(columns) > MOST_COLUMNS:
        yield Mistake(f"line {number}", f"has {len(columns)} columns", f"at most {MOST_COLUMNS}")
        return
    for index, column in enumerate(columns):
        if not _is_column(column):
            yield Mistake(f"line {number}, column {column or index + 1}", "is no column", told(column, KNOWN))
        elif column in columns[:index]:
            yield Mistake(f"line {number}, column {column}", "stands twice", "each column once")
    if "name" not in columns:
        yield Mistake(f"line {number}", "has no column name", "a column name")


def _row_mistakes(line: Line, columns: Sequence[str], row: Sequence[str]) -> list[Mistake]:
    if len(row) != len(columns):
        return [Mistake(f"line {line.number}", f"has {len(row)} cells", f"{len(columns)}, as the first line has")]
    return [] if line.name else [Mistake(f"line {line.number}, column name", "is empty", "the name of a resource")]
