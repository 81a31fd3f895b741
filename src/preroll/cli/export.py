# SPDX-License-Identifier: Apache-2.0
"""``preroll export``: the catalogue back into the files of a bundle; applied again, they change nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from preroll.cli.parser import Parser

KINDS = (
    "platform", "pool", "profile_definition", "function", "profile_instance", "resource", "service_definition",
)  # fmt: skip
HEAD = "# Written by preroll export; it may replace or remove this file.\n"
PER_FILE = 1_000
"""Documents of one file."""


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, export)
    told = "folder, one file a kind; default: standard output, also -"
    parser.add_argument("target", metavar="DIR|-", nargs="?", default="-", help=told)
    parser.add_argument("--platform", metavar="NAME", default="default", help="whose; default: default")
    told = "only documents of this kind; may be given several times"
    parser.add_argument("--kind", dest="kinds", metavar="KIND", choices=KINDS, action="append", default=[], help=told)
    told = "only documents of this name; may be given several times"
    parser.add_argument("--name", dest="names", metavar="NAME", action="append", default=[], help=told)
    parser.add_argument("--bundle", metavar="NAME", default="", help="only what this bundle created, under its name")
    parser.asks_server()
    return parser


def export(
    target: str, platform: str, kinds: list[str], names: list[str], bundle: str, server: str, *, as_json: bool
) -> None:
    """Write the catalogue as YAML files that can be applied; of a service definition the newest version."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls
    from preroll.formats import writing

    with connected(server) as client:
        call = calls.export(platform=platform, kinds=kinds, names=names, bundle=bundle)
        documents = client.send(call).documents
    if bundle:
        documents.insert(0, {"kind": "bundle", "name": bundle})
    if as_json:
        output.as_json(documents)
    elif target == "-":
        sys.stdout.write(writing.write(documents))
    else:
        texts = {name: HEAD + writing.write(part) for name, part in _files(documents)}
        for name in _put(Path(target), texts):
            sys.stdout.write(f"{name}\n")


def _files(documents: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    for kind, group in groupby(documents, key=lambda document: str(document["kind"])):
        found = list(group)
        for start in range(0, len(found), PER_FILE):
            number = f"-{start // PER_FILE + 1:03}" if len(found) > PER_FILE else ""
            yield f"{kind.replace('_', '-')}{number}.yaml", found[start : start + PER_FILE]


def _put(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write files; those of an earlier export go.

    Raises:
        Failure: the folder has YAML files that are somebody's own, or it cannot be written.
    """
    from preroll.cli.exits import UNEXPECTED, USAGE, Failure

    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = sorted(p for p in folder.rglob("*") if p.suffix in (".yaml", ".yml") and p.is_file())
        foreign = [p for p in there if not p.read_bytes().startswith(HEAD.encode())]
        if foreign:
            lines = [f"{folder} has YAML files that no export has written:", *(f"  {path}" for path in foreign)]
            raise Failure(USAGE, "\n".join(lines), "nothing was written; name another folder")
        for path in there:
            path.unlink()
        for name, text in texts.items():
            (folder / name).write_text(text, "utf-8")
    except OSError as error:
        raise Failure(UNEXPECTED, f"{error.filename}: {error.strerror}") from None
    return [folder / name for name in texts]
