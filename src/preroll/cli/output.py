# SPDX-License-Identifier: Apache-2.0
"""What commands print: JSON for programs, tables for people. Rich is imported for a terminal only."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import datetime

import msgspec

Row = Sequence[object]


def as_json(value: object) -> None:
    """Print a value as JSON, indented."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(text.decode() + "\n")


def line_of_json(value: object) -> None:
    """Print a value as one line of JSON, at once."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def table(head: Sequence[str], rows: Sequence[Row], *, title: str = "", empty: str = "nothing") -> None:
    """Print rows under a head: drawn on a terminal, aligned elsewhere."""
    cells = [[cell(value) for value in row] for row in rows]
    if not cells:
        sys.stdout.write(f"{f'{title}: ' if title else ''}{empty}\n")
    elif sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        _drawn(head, cells, title)
    else:
        _aligned(head, cells, title)


def fields(pairs: Sequence[tuple[str, object]]) -> None:
    """Print names and values, one pair a line; what is empty is left out."""
    shown = [(name, cell(value)) for name, value in pairs if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        sys.stdout.write(f"{name:<{width}}  {value}\n")


def cell(value: object) -> str:
    """A value in the words of a person; nothing that could move the cursor is let through."""
    match value:
        case None:
            text = ""
        case bool():
            text = "yes" if value else "no"
        case datetime():
            text = f"{value:%Y-%m-%d %H:%M:%S}{f'.{value.microsecond // 1000:03}' if value.microsecond else ''}Z"
        case dict():
            text = ", ".join(f"{k}={cell(v)}" for k, v in value.items())
        case list() | tuple():
            text = ", ".join(cell(v) for v in value)
        case _:
            text = str(value)
    return "".join(c if c.isprintable() else " " for c in text)


def _drawn(head: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*head, title=title or None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        drawn.add_row(*(Text(text, style=_style(text)) for text in row))
    Console().print(drawn)


def _style(text: str) -> str:
    if text.startswith("Failed") or text in ("failed", "error", "wrong", "Down"):
        return "red"
    return "green" if text in ("Service Active", "ok", "Up") else ""


def _aligned(head: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    lines = [list(head), *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    if title:
        sys.stdout.write(f"{title}\n")
    for line in lines:
        words = (f"{text:<{width}}" for text, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(words).rstrip() + "\n")


def line(row: Row) -> None:
    """Print a row at once."""
    sys.stdout.write("  ".join(cell(value) for value in row if value not in (None, "")) + "\n")
    sys.stdout.flush()
