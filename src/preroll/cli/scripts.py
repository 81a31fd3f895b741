# SPDX-License-Identifier: Apache-2.0
"""``preroll scripts``: what is in the administrator's folder and in installed packages, what not, and a new one."""

from __future__ import annotations

from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING

from preroll.cli.parser import Parser

if TYPE_CHECKING:
    from preroll.scripts.catalogue import Listing

TEMPLATES = ("lso", "profile-load", "start-failure", "created-action")
"""Files of ``preroll.scripts.templates``, with an underscore for each hyphen."""
PLACEHOLDER = "script_name"
"""Stands in a template where the script's name goes."""
LISTING_S = 30.0
"""How long all scripts together may take to be imported: as long as a script host has for it."""


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, about="The scripts of the administrator's folder and of installed packages.")
    for word, does in (("list", list_), ("check", check)):
        command = parser.command(word, does)
        command.reads_settings("data", "scripts")
        command.prints_json()
    command = parser.command("new", new)
    command.add_argument("name", metavar="NAME", help="of the script, and of its file: letters, digits, underscores")
    command.add_argument(
        "--template", choices=TEMPLATES, metavar="KIND", default=TEMPLATES[0], help=", ".join(TEMPLATES)
    )
    command.reads_settings("data", "scripts")
    return parser


def list_(data: Path | None, scripts: Path | None, config: Path | None, *, as_json: bool) -> None:
    """What can be run, with its version."""
    from preroll.cli import output
    from preroll.cli.local import settings_of

    with settings_of(config, data=data, scripts=scripts) as settings:
        found = listing(str(settings.scripts_folder))
    if as_json:
        output.as_json(found)
        return
    rows = [(s.name, s.kind, s.version, s.summary, s.source) for s in found.installed]
    output.table(
        ("script", "kind", "version", "summary", "source"), rows, empty=f"no scripts in {settings.scripts_folder}"
    )
    if found.broken:
        _print_broken(found)


def check(data: Path | None, scripts: Path | None, config: Path | None, *, as_json: bool) -> None:
    """Import every script, each mistake with its file and line; ends with 9 when one cannot be used."""
    from preroll.cli import output
    from preroll.cli.exits import NOT_WELL, Failure
    from preroll.cli.local import settings_of

    with settings_of(config, data=data, scripts=scripts) as settings:
        folder = settings.scripts_folder
    if not folder.is_dir():
        raise Failure(NOT_WELL, f"there is no folder {folder}", "name another one: --scripts; preroll serve makes it")
    found = listing(str(folder))
    if as_json:
        output.as_json(found)
    else:
        _print_broken(found)
    if found.broken:
        raise Failure(NOT_WELL, f"{len(found.broken)} cannot be used", "correct it; the other scripts are not affected")


def new(name: str, template: str, data: Path | None, scripts: Path | None, config: Path | None) -> None:
    """Write a script to begin with into the folder of scripts; a file that is there is left alone."""
    from preroll.cli import output
    from preroll.cli.exits import REFUSED, USAGE, Failure
    from preroll.cli.local import settings_of

    if not name.isidentifier() or iskeyword(name) or name.startswith("_"):
        raise Failure(USAGE, f"{name!r} cannot be the name of a script", "letters, digits and underscores: studio_up")
    with settings_of(config, data=data, scripts=scripts) as settings:
        folder = settings.scripts_folder
    file = folder / f"{name}.py"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as made:
            made.write(written(template, name))
    except FileExistsError:
        raise Failure(REFUSED, f"{file} is there already, and was left alone", "choose another name") from None
    except OSError as error:
        raise Failure(USAGE, f"{file} cannot be written: {error.strerror}", "name another folder: --scripts") from None
    output.line((f"{file} was written: correct it, then preroll scripts check",))


def written(template: str, name: str) -> str:
    """The text of a template as a script of that name."""
    from importlib.resources import files

    shipped = files("preroll.scripts") / "templates" / f"{template.replace('-', '_')}.py"
    _, text = shipped.read_text(encoding="utf-8").split("\n", 1)
    return text.replace(PLACEHOLDER, name)


def listing(folder: str) -> Listing:
    """Import all scripts in a process of their own; a source that ends it, or holds it up, is listed as broken.

    Raises:
        Failure: no such process can be had.
    """
    from preroll.cli.exits import NOT_WELL, Failure
    from preroll.scripts.catalogue import list_command, read_listing

    without: dict[str, str] = {}
    while True:
        output, how = _said(list_command(folder if Path(folder).exists() else "", without))
        found = read_listing(output)
        if not isinstance(found, str):
            return found
        if not found or found in without:
            raise Failure(NOT_WELL, f"the scripts in {folder} cannot be imported: {how}")
        without[found] = f"importing it ended the process ({how})"


def _said(command: list[str]) -> tuple[bytes, str]:
    """What a process printed, and how it ended."""
    import subprocess

    from preroll.scripts.host import describe_exit

    try:
        done = subprocess.run(command, capture_output=True, timeout=LISTING_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as late:
        return late.stdout or b"", f"not over after {LISTING_S:.0f} s"
    last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    return done.stdout, describe_exit(done.returncode) + (f": {last}" if last else "")


def _print_broken(found: Listing) -> None:
    from preroll.cli import output

    rows = [(f"{b.source}:{b.line}" if b.line else b.source, b.error) for b in found.broken]
    output.table(("cannot be used", "why"), rows, empty=f"all {len(found.installed)} can be used")
