# SPDX-License-Identifier: Apache-2.0
"""``preroll apply``: a bundle of YAML files into the catalogue, in one transaction or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from preroll.cli.parser import Parser

if TYPE_CHECKING:
    from preroll.client import Problem
    from preroll.formats.bundle import Document


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, apply)
    parser.add_argument("source", metavar="DIR|FILE", type=Path, help="a YAML file, or a folder of them")
    parser.add_argument("--platform", metavar="NAME", help="default: the bundle's, or default")
    parser.asks_server()
    return parser


def apply(source: Path, platform: str | None, server: str, *, as_json: bool) -> None:
    """Store every document of the bundle, all or none; a mistake is told with file, line and column."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.cli.exits import Failure, exit_of
    from preroll.client import Problem, calls

    documents = read(source)
    named = (str(d.content.get("name")) for d in documents if d.content["kind"] == "platform")
    home = platform or next(named, "default")
    with connected(server) as client:
        try:
            applied = client.send(calls.apply([d.content for d in documents], platform=home)).items
        except Problem as problem:
            if not problem.errors:
                raise
            raise Failure(exit_of(problem.status), _told(problem, documents), "nothing was stored") from None
    if as_json:
        output.as_json(applied)
    else:
        output.table(("kind", "name", "change"), [(a.kind, a.name, a.change) for a in applied])


def read(source: Path) -> list[Document]:
    """The documents of a file, or of all YAML files below a folder, in the order of their names.

    Raises:
        Failure: there is none, or one of them cannot be read.
    """
    from preroll.cli.exits import USAGE, Failure
    from preroll.domain.errors import Invalid
    from preroll.formats import bundle

    files = sorted(p for p in source.rglob("*") if p.suffix in (".yaml", ".yml")) if source.is_dir() else [source]
    documents, wrong = [], []
    for file in files:
        try:
            documents += bundle.read(file.read_text("utf-8"), str(file))
        except Invalid as error:
            wrong += [str(mistake) for mistake in error.mistakes]
        except (OSError, UnicodeDecodeError) as error:
            wrong.append(f"{file}: {error.strerror if isinstance(error, OSError) else 'is not UTF-8'}")
    if wrong:
        raise Failure(USAGE, "\n".join(["the bundle has mistakes", *(f"  {line}" for line in wrong)]))
    if not documents:
        raise Failure(USAGE, f"{source}: there is no document", "expected YAML files with kind: resource ...")
    return documents


def _told(problem: Problem, documents: Sequence[Document]) -> str:
    from preroll.domain.errors import Mistake
    from preroll.formats import bundle

    mistakes = [Mistake(e.where.removeprefix("documents."), e.detail, e.expected) for e in problem.errors]
    return "\n".join([problem.title, *(f"  {m}" for m in bundle.placed(mistakes, documents))])
