# SPDX-License-Identifier: Apache-2.0
"""Bundles at the command line: read from files, planned by the server, shown to a person."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from preroll.cli.parser import Parser
    from preroll.client import Client
    from preroll.client.problems import Losing
    from preroll.client.things import Difference, Plan, PlanStep
    from preroll.formats.bundle import Document

MOST_BYTES = 40_000_000
"""Of all files of a folder together."""
SIGNS = {"added": "+", "changed": "~", "removed": "-"}
LONGEST = 60


@dataclass(frozen=True, slots=True)
class Sources:
    """The documents of files, and the platform that they are for."""

    documents: Sequence[Document]
    platform: str

    @property
    def contents(self) -> list[Any]:
        """The documents as they are sent."""
        return [document.content for document in self.documents]


def takes_sources(parser: Parser) -> None:
    """It takes files and folders, ``--platform`` and ``--prune``."""
    told = "YAML files, or folders of them"
    parser.add_argument("sources", metavar="DIR|FILE", type=Path, nargs="+", help=told)
    parser.add_argument("--platform", metavar="NAME", help="default: the bundle's, or default")
    told = "remove what the same bundle (kind: bundle) created and does not have any more"
    parser.add_argument("--prune", action="store_true", help=told)


def gathered(sources: Sequence[Path], platform: str | None) -> Sources:
    """The documents of files, and of all YAML files below folders, in the order of their names.

    Raises:
        Failure: there is none, or one of them cannot be read; every mistake is told.
    """
    from preroll.cli.exits import USAGE, Failure
    from preroll.domain.errors import Invalid
    from preroll.formats import bundle

    documents, wrong, budget = [], [], bundle.Budget()
    with _uncollected():
        for file in _files(sources):
            try:
                documents += bundle.parsed(file.read_text("utf-8"), str(file), budget)
            except Invalid as error:
                wrong += [str(mistake) for mistake in error.mistakes]
            except (OSError, UnicodeDecodeError) as error:
                wrong.append(f"{file}: {error.strerror if isinstance(error, OSError) else 'is not UTF-8'}")
    if wrong:
        raise Failure(USAGE, "\n".join(["the bundle has mistakes", *(f"  {line}" for line in wrong)]))
    if not documents:
        told = ", ".join(map(str, sources))
        raise Failure(USAGE, f"{told}: there is no document", "expected YAML files with kind: resource ...")
    named = (str(d.content.get("name")) for d in documents if d.content.get("kind") == "platform")
    return Sources(documents, platform or next(named, "default"))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector: documents have no circles, and looking for them takes a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _files(sources: Sequence[Path]) -> list[Path]:
    from preroll.cli.exits import USAGE, Failure
    from preroll.formats import bundle

    found: dict[Path, None] = {}
    for source in sources:
        below = sorted(p for p in source.rglob("*") if p.suffix in (".yaml", ".yml")) if source.is_dir() else [source]
        found |= dict.fromkeys(file for file in below if file.is_file() or file == source)
    size = sum(file.stat().st_size for file in found if file.is_file())
    if len(found) > bundle.MOST_FILES or size > MOST_BYTES:
        what = f"{len(found)} files of {size:,} bytes are too much for one bundle"
        raise Failure(USAGE, what, f"at most {bundle.MOST_FILES} files, {MOST_BYTES:,} bytes in all")
    return list(found)


@contextmanager
def told_with_places(sources: Sources) -> Iterator[None]:
    """Mistakes that the server finds are told with file, line and column."""
    from preroll.cli.exits import Failure, exit_of
    from preroll.client import Problem
    from preroll.domain.errors import Mistake
    from preroll.formats import bundle

    try:
        yield
    except Problem as problem:
        if not problem.errors or problem.status != 422:
            raise
        mistakes = [Mistake(e.where.removeprefix("documents."), e.detail, e.expected) for e in problem.errors]
        lines = [f"  {m}" for m in bundle.placed(mistakes, sources.documents)]
        raise Failure(exit_of(problem.status), "\n".join([problem.title, *lines]), "nothing was stored") from None


def planned(client: Client, sources: Sources, *, prune: bool) -> Plan:
    """What the server would do."""
    from preroll.client import calls

    with told_with_places(sources):
        return client.send(calls.plan(sources.contents, platform=sources.platform, prune=prune))


def show(plan: Plan) -> None:
    """Print a plan: what would be done, document by document, what cannot be, and how many stay."""
    for step in plan.steps:
        _line(f"{SIGNS[step.change]} {step.kind} {step.name}")
        for field in step.fields:
            _line(f"    {shown_difference(field)}")
        for user in step.users:
            _line(f"    in use: {user}")
    for gap in plan.scripts or ():
        _line(f"! {gap.kind} {gap.name}, {gap.field}: script {gap.script} {gap.problem}")
    for line in dict.fromkeys(map(_losing, plan.losing)):
        _line(line)
    _line(f"{plan.platform}: {counted(plan.steps)}, {plan.unchanged} unchanged")


def _losing(one: Losing) -> str:
    until = f"{one.end:%Y-%m-%d %H:%M:%S}Z" if one.end else "further notice"
    what = f"{'would be in conflict on' if one.runs else 'would lose'} {one.what} ({one.reason})"
    return f"! booking {one.name} ({one.state}), {one.start:%Y-%m-%d %H:%M:%S}Z to {until}: {what}"


def shown_difference(field: Difference) -> str:
    """One field that changes, in a line."""
    return f"{field.field}: {_short(field.before)} -> {_short(field.after)}"


def counted(steps: Sequence[PlanStep]) -> str:
    """How many documents are added, changed and removed."""
    return ", ".join(f"{sum(step.change == change for step in steps)} {change}" for change in SIGNS)


def _line(text: str) -> None:
    from preroll.cli.output import cell

    indent = len(text) - len(text.lstrip())
    sys.stdout.write(f"{' ' * indent}{cell(text.lstrip())}\n")


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
