# SPDX-License-Identifier: Apache-2.0
"""Tables for a terminal and for a pipe, and what must not get through."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import pytest

from preroll.cli import output

HEAD, ROWS = ("name", "state"), [("[bold]News[/bold]", "Failed Service Active"), ("\x1b[2Jx", None)]


def test_a_pipe_gets_aligned_lines(capsys: pytest.CaptureFixture[str]):
    output.table(HEAD, ROWS, title="bookings")
    assert capsys.readouterr().out.splitlines() == [
        "bookings",
        "name               state",
        "[bold]News[/bold]  Failed Service Active",
        " [2Jx",
    ]


def test_a_terminal_gets_a_drawn_table_that_says_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    output.table(HEAD, ROWS)
    drawn = capsys.readouterr().out
    assert "[bold]News[/bold]" in drawn
    assert "\x1b[2J" not in drawn
    assert "─" in drawn


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]):
    output.table(HEAD, [], empty="no bookings")
    assert capsys.readouterr().out == "no bookings\n"


def test_values_in_words():
    at = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
    assert [output.cell(v) for v in (None, True, at, {"a": [1, None]}, 1.5)] == [
        "", "yes", "2026-03-01 12:00:00.500Z", "a=1, ", "1.5",
    ]  # fmt: skip
