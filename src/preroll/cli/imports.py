# SPDX-License-Identifier: Apache-2.0
"""``preroll resource import``: resources from a spreadsheet, in one transaction or not at all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from preroll.cli.parser import Parser

if TYPE_CHECKING:
    from preroll.client.imports import Imported

MOST_BYTES = 30_000_000


def define_in(group: Parser) -> None:
    """Add the command to a group."""
    command = group.command("import", import_)
    command.add_argument("file", metavar="FILE.csv|-", help="the first line names the columns; -: standard input")
    command.add_argument("--dry-run", action="store_true", help="only tell what would change; exit code 11: something")
    command.add_argument("--force", action="store_true", help="bookings that then have too little are quarantined")
    command.of_platform()
    command.asks_server()


def import_(file: str, platform: str, server: str, *, dry_run: bool, force: bool, as_json: bool) -> None:
    """Add and change resources from a spreadsheet (CSV), all or nothing; mistakes are told with line and column."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.cli.exits import OK, TO_DO
    from preroll.client import calls

    text = _text(file)
    what = f"{text.count(chr(10)):,} lines are {'compared' if dry_run else 'compared and stored'}"
    with connected(server) as client, _told_with_file(file), _working(what):
        done = client.send(calls.import_resources(text, platform=platform, dry_run=dry_run, force=force))
    if as_json:
        output.as_json(done)
    else:
        _show(done)
    sys.stdout.flush()
    sys.exit(TO_DO if dry_run and any(line.change != "unchanged" for line in done.lines) else OK)


def _text(file: str) -> str:
    """What stands in the file.

    Raises:
        Failure: it cannot be read.
    """
    from preroll.cli.exits import USAGE, Failure

    try:
        if file != "-" and Path(file).stat().st_size > MOST_BYTES:
            raise Failure(USAGE, f"{file} is too large", f"at most {MOST_BYTES:,} bytes")
        raw = sys.stdin.buffer.read(MOST_BYTES + 1) if file == "-" else Path(file).read_bytes()
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Failure(USAGE, f"{file} is not UTF-8 at byte {error.start}", "save it as CSV UTF-8") from None
    except OSError as error:
        raise Failure(USAGE, f"{file}: {error.strerror}") from None


@contextmanager
def _told_with_file(file: str) -> Iterator[None]:
    """Mistakes of lines are told with the file."""
    from preroll.cli.exits import Failure, exit_of
    from preroll.client import Problem

    try:
        yield
    except Problem as problem:
        if problem.status != 422 or not problem.errors:
            raise
        lines = [f"  {file}: {error}".replace("body.", "") for error in problem.errors]
        raise Failure(exit_of(problem.status), "\n".join([problem.title, *lines]), "nothing was stored") from None


@contextmanager
def _working(what: str) -> Iterator[None]:
    """On a terminal: something moves until it is done."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


def _show(done: Imported) -> None:
    from preroll.cli.bundles import SIGNS, shown_difference
    from preroll.cli.output import cell

    for line in done.lines:
        if line.change in SIGNS:
            sys.stdout.write(f"{SIGNS[line.change]} line {line.line}: {cell(line.name)}\n")
            sys.stdout.writelines(f"    {cell(shown_difference(field))}\n" for field in line.fields)
    counts = ", ".join(
        f"{sum(line.change == change for line in done.lines)} {change}" for change in ("added", "changed", "unchanged")
    )
    sys.stdout.write(f"{done.platform}: {counts}{'' if done.stored else '; nothing was stored'}\n")
