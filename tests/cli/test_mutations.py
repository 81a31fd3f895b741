# SPDX-License-Identifier: Apache-2.0
"""Two hundred ways to get a bundle wrong: each is told with its line, nothing is written, nothing breaks."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template

import pytest
import yaml

from tests.cli.conftest import Preroll

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "src/preroll/demo/bundle").glob("*.yaml")), ROOT / "examples/first-booking/catalogue.yaml"]
FILLED = defaultdict(
    lambda: "1025", reach="tcp", where="{host: 127.0.0.1, port: 80}", gateway="10.0.0.1", remote="10.0.0.2",
    next_hop="10.0.0.3", device="pe-1", username="admin", n="1",
)  # fmt: skip
FREE = ("address", "properties")
"""Below these anything goes."""
NAMES_OF_ITS_OWN = ("actions", "loads", "states")


@dataclass(frozen=True)
class Scalar:
    """A key or a value of a file, and where it stands."""

    path: tuple[str, ...]
    key: bool
    text: str
    start: int
    end: int
    line: int
    owner: int
    """The line of the key that it belongs to."""


def scalars(text: str) -> Iterator[Scalar]:
    """Every key and value of all documents."""
    for node in yaml.compose_all(text, Loader=yaml.SafeLoader):
        yield from _below(node, ("",), node.start_mark.line + 1)


def _below(node: yaml.Node, path: tuple[str, ...], owner: int) -> Iterator[Scalar]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, key.value)
            line = key.start_mark.line + 1
            yield Scalar(here, True, key.value, key.start_mark.index, key.end_mark.index, line, line)
            yield from _below(value, here, line)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _below(item, (*path, str(index)), item.start_mark.line + 1)
    else:
        yield Scalar(
            path, False, node.value, node.start_mark.index, node.end_mark.index, node.start_mark.line + 1, owner
        )


def replaced(text: str, scalar: Scalar, by: str) -> str:
    return text[: scalar.start] + by + text[scalar.end :]


Wrong = tuple[str, int]
"""The text of a file, and the line that has to be told."""


def misspelt(text: str, s: Scalar) -> Wrong | None:
    known = s.key and s.path[-2] not in NAMES_OF_ITS_OWN and s.path[-1] != "kind"
    return (replaced(text, s, f"{s.text}x"), s.line) if known else None


def of_another_type(text: str, s: Scalar) -> Wrong | None:
    return None if s.key else (replaced(text, s, "[1, {a: b}]"), s.owner)


def tagged(text: str, s: Scalar) -> Wrong | None:
    return None if s.key else (replaced(text, s, f"!secret {s.text or 'x'}"), s.line)


def an_alias_of_nothing(text: str, s: Scalar) -> Wrong | None:
    return None if s.key else (replaced(text, s, "*nowhere"), s.line)


def a_stray_bracket(text: str, s: Scalar) -> Wrong | None:
    return None if s.key else (replaced(text, s, "] ]"), s.line)


def said_twice(text: str, s: Scalar) -> Wrong | None:
    lines = text.splitlines(keepends=True)
    line = lines[s.line - 1]
    if not s.key or len(s.path) != 2 or "{" in line or "[" in line or ":\n" in line:
        return None
    return "".join([*lines[: s.line], line, *lines[s.line :]]), s.line + 1


def of_no_kind(text: str, s: Scalar) -> Wrong | None:
    return (replaced(text, s, "thing"), s.line) if not s.key and s.path[-1] == "kind" else None


def of_nobody(text: str, s: Scalar) -> Wrong | None:
    of_a_node = "nodes" in s.path and s.path[-1] in ("function", "pool")
    named = not s.key and (of_a_node or s.path[-1] in ("definition", "profile", "default_profile"))
    return (replaced(text, s, "Nobody"), s.owner) if named else None


def without_a_name(text: str, s: Scalar) -> Wrong | None:
    if not s.key or s.path != ("", "name"):
        return None
    lines = text.splitlines(keepends=True)
    head = max(n for n in range(s.line) if lines[n].startswith("kind:"))
    return "".join([*lines[: s.line - 1], *lines[s.line :]]), head + 1


def words_for_numbers(text: str, s: Scalar) -> Wrong | None:
    limits = ("minimum", "maximum", "order", "within", "mandatory", "fps", "kbit", "bitrate", "tolerance")
    return (replaced(text, s, "plenty"), s.owner) if not s.key and s.path[-1] in limits else None


MUTATIONS: list[Callable[[str, Scalar], Wrong | None]] = [
    misspelt, of_another_type, tagged, an_alias_of_nothing, a_stray_bracket, said_twice, of_no_kind, of_nobody,
    without_a_name, words_for_numbers,
]  # fmt: skip


def mutation(seed: int) -> tuple[str, Path, Wrong]:
    """One way to get one of the files wrong."""
    chance, mutate = random.Random(seed), MUTATIONS[seed % len(MUTATIONS)]
    possible: list[tuple[Path, Wrong]] = []
    while not possible:
        file = chance.choice(FILES)
        text = filled(file)
        typed = [s for s in scalars(text) if not set(s.path[:-1] if s.key else s.path) & set(FREE)]
        possible = [(file, wrong) for s in typed if (wrong := mutate(text, s))]
    return mutate.__name__, *chance.choice(possible)


def filled(file: Path) -> str:
    return Template(file.read_text()).substitute(FILLED)


def put(folder: Path, wrong: Path, text: str) -> Path:
    """The bundle that the file belongs to, with this text in its place."""
    for file in FILES:
        if file.parent == wrong.parent:
            (folder / file.name).write_text(text if file == wrong else filled(file))
    return folder / wrong.name


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("seed", range(200))
def test_a_mistake_is_told_with_its_line_and_nothing_is_written(preroll: Preroll, tmp_path: Path, seed: int):
    name, file, (text, line) = mutation(seed)
    place = put(tmp_path, file, text)
    for command in ("plan", "apply"):
        ended = preroll(command, str(tmp_path))
        assert (ended.code, ended.out) == (2, ""), (name, ended)
        assert f"{place}:{line}:" in ended.err, (name, line, ended.err)
        assert "Traceback" not in ended.err
    assert preroll("export").out == "{kind: platform, name: default}\n"
    assert preroll("export", "--platform", "demo").code == 4


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("file", [FILES[0], FILES[-1]], ids=["demo", "example"])
def test_the_bundles_themselves_are_right(preroll: Preroll, tmp_path: Path, file: Path):
    put(tmp_path, file, filled(file))
    assert preroll("plan", str(tmp_path)).code == 11
    assert preroll("apply", str(tmp_path)).code == 0
    assert preroll("plan", str(tmp_path)).code == 0
