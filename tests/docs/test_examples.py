# SPDX-License-Identifier: Apache-2.0
"""Every example of the documentation is run.

A Python block whose first line is ``# file: NAME`` is a file; the files of one page lie in one folder. What declares
scripts is loaded as the engine loads it, ``test_*.py`` is given to pytest, anything else is imported. Other Python
blocks of a page are executed one after the other.
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from pydantic import TypeAdapter

from preroll import cli, settings
from preroll.api.documents import DocumentGiven
from preroll.formats import bundle
from preroll.scripts.catalogue import load

ROOT = Path(__file__).parents[2]
PAGES = sorted(p for p in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")] if "_build" not in p.parts)
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w-]+)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# file: (?P<name>[\w.-]+)\n")


@dataclass(frozen=True)
class Example:
    page: Path
    line: int
    language: str
    text: str

    @property
    def file(self) -> str:
        found = FILE.match(self.text)
        return found["name"] if found else ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def examples(*languages: str) -> list[Example]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for fence in FENCE.finditer(text):
            if fence["language"] in languages:
                found.append(
                    Example(page, text.count("\n", 0, fence.start()) + 2, fence["language"], dedent(fence["text"]))
                )
    return found


def folder_of(page: Path, folder: Path) -> Path:
    for example in examples("python"):
        if example.page == page and example.file:
            (folder / example.file).write_text(example.text, encoding="utf-8")
    return folder


FILES = [example for example in examples("python") if example.file]
SCRIPTS = [
    e
    for e in FILES
    if "from preroll.sdk import" in e.text and re.search(r"^@(lso|profile_load|start_failure)", e.text, re.M)
]
TESTS = [e for e in FILES if e.file.startswith("test_")]
MODULES = [e for e in FILES if e not in SCRIPTS and e not in TESTS]


@pytest.mark.parametrize("example", SCRIPTS, ids=str)
def test_a_script_is_found_and_can_be_run(example, tmp_path):
    (tmp_path / example.file).write_text(example.text, encoding="utf-8")
    listing = load(str(tmp_path)).listing()
    assert listing.broken == ()
    declared = len(re.findall(r"^@(?:lso|profile_load|start_failure)\b", example.text, re.M))
    assert len(listing.installed) == declared > 0


@pytest.mark.parametrize("example", TESTS, ids=str)
def test_an_examples_own_tests_pass(example, tmp_path):
    folder = folder_of(example.page, tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider", example.file]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.parametrize("example", MODULES, ids=str)
def test_a_module_can_be_imported(example, tmp_path):
    folder = folder_of(example.page, tmp_path)
    subprocess.run([sys.executable, "-W", "error", example.file], cwd=folder, check=True, timeout=100)


@pytest.mark.parametrize("page", sorted({e.page for e in examples("python")}), ids=lambda p: p.name)
def test_a_pages_loose_python_runs_from_top_to_bottom(page):
    world: dict[str, object] = {}
    for example in examples("python"):
        if example.page == page and not example.file:
            exec(compile(example.text, str(example), "exec"), world)


DOCUMENT: TypeAdapter[object] = TypeAdapter(DocumentGiven)
ORDERS = [e for e in examples("yaml") if "items" in next(yaml.safe_load_all(e.text))]
"""Files for ``preroll order create``: tests/docs/test_orders.py sends them."""


@pytest.mark.parametrize("example", [e for e in examples("yaml") if e not in ORDERS], ids=str)
def test_a_bundle_holds_documents_that_can_be_applied(example):
    found = bundle.read(example.text, str(example))
    assert found
    for document in found:
        DOCUMENT.validate_json(json.dumps(document.content))


@pytest.mark.parametrize("example", examples("toml"), ids=str)
def test_a_settings_file_or_a_project_table_can_be_read(example, tmp_path):
    if "project" in tomllib.loads(example.text):
        return
    file = tmp_path / "preroll.toml"
    file.write_text(example.text, encoding="utf-8")
    settings.read(file)


def test_orders_have_a_page_whose_test_sends_them():
    assert {e.page.name for e in ORDERS} == {"order-a-service.md"}


COMMAND = re.compile(r"(?:^\$ |`)(?P<words>preroll(?: [a-z-]+)*)")


def commands() -> set[tuple[str, ...]]:
    found = set()
    for page in PAGES:
        found |= {tuple(m["words"].split()) for m in COMMAND.finditer(page.read_text(encoding="utf-8"))}
    return found


def test_every_command_that_a_page_names_exists():
    known = {tuple(parser.prog.split()): parser for parser in cli.parsers()}
    unknown = []
    for words in sorted(commands()):
        found = max((words[:n] for n in range(1, len(words) + 1) if words[:n] in known), key=len)
        if found != words and known[found].is_group:
            unknown.append(" ".join(words))
    assert unknown == []


def test_a_backup_of_a_database_in_use_has_what_was_committed(tmp_path):
    (example,) = (e for e in examples("console") if e.page.name == "back-up.md")
    (tmp_path / "first-booking").mkdir()
    with closing(sqlite3.connect(tmp_path / "first-booking/preroll.db")) as used:
        used.executescript("pragma journal_mode=wal; create table t (n); insert into t values (7);")
        command = example.text.removeprefix("$ ").replace("python ", f"{sys.executable} ", 1)
        subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True, timeout=100)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("select n from t").fetchall() == [(7,)]


TARGET = re.compile(r"(?:^\$ |`)make (?P<target>[a-z-]+)", re.M)


def test_every_target_that_a_page_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    pages = [*PAGES, ROOT / "CONTRIBUTING.md"]
    named = {m["target"] for page in pages for m in TARGET.finditer(page.read_text(encoding="utf-8"))}
    assert named
    assert named <= targets
