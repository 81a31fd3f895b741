# SPDX-License-Identifier: Apache-2.0
"""What the pages print from the code is what the code prints."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

from preroll.formats import machines

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def printing():
    spec = importlib.util.spec_from_file_location("printed", ROOT / "docs/printed.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_page_is_stale(printing):
    assert [path.name for path, _ in printing.stale()] == [], "make docs"


def test_the_page_of_the_states_is_the_print_out():
    page = (ROOT / "docs/reference/states.md").read_text(encoding="utf-8")
    assert machines.as_markdown() in page


def test_a_stale_page_is_found(printing, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- printed: events -->\nold\n<!-- end -->\nafter\n", encoding="utf-8")
    ((path, fresh),) = printing.stale(tmp_path, {})
    assert path == page
    assert machines.bare_markdown(machines.events()) in fresh
    assert "old" not in fresh
    assert fresh.startswith("before\n")
    assert fresh.endswith("after\n")
    page.write_text(fresh, encoding="utf-8")
    assert list(printing.stale(tmp_path, {})) == []


@pytest.mark.parametrize("name", ["reference/openapi.json", "reference/bundle.schema.json"])
def test_what_is_printed_as_a_whole_file_is_checked_in(printing, name):
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == printing.FILES[name](), "make docs"


def test_every_dependency_has_its_reason_and_every_reason_its_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"]]
    for group in (*project["project"]["optional-dependencies"].values(), *project["dependency-groups"].values()):
        asked += group
    page = (ROOT / "docs/explanations/dependencies.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `([\w-]+)`(?: \| `\w+`)? \| \S.+ \|$", page, re.M)
    assert sorted(explained) == sorted({re.split(r"[\[<>=]", name)[0] for name in asked})
