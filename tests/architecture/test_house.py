# SPDX-License-Identifier: Apache-2.0
"""The house: its walls stand, its rooms are of a size, its names are names, and nothing foreign is in it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/preroll"
MODULES = sorted(SOURCE.rglob("*.py"))

FILE_LINES = 400
FUNCTION_LINES = 50
LARGER_FILES: dict[str, str] = {
    "scripts/pool.py": "which run goes to which host, and what becomes of both, is one state",
}
"""Path under src/preroll -> why it is one file all the same."""
LONGER_FUNCTIONS: dict[str, str] = {}
"""path:function -> why it is one function all the same."""
NO_NAMES = {"base", "common", "helper", "helpers", "manager", "managers", "misc", "shared", "util", "utils"}
"""Names of files, folders and parts of class names that say nothing."""


def under(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def tracked() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the signature to the end, without the docstring."""
    said = function.body[0] if ast.get_docstring(function, clean=False) is not None else None
    docstring = (said.end_lineno or said.lineno) - said.lineno + 1 if said else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def test_imports_only_go_down():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", MODULES, ids=under)
def test_a_module_says_its_licence_and_its_caption(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n")
    caption = ast.get_docstring(ast.parse(text))
    assert caption, "the first line of a module is a caption"
    assert len(caption.splitlines()[0]) <= 117


def test_a_file_fits_in_a_head():
    large = {under(p): n for p in MODULES if (n := len(p.read_text(encoding="utf-8").splitlines())) > FILE_LINES}
    assert {name: n for name, n in large.items() if name not in LARGER_FILES} == {}
    assert set(LARGER_FILES) <= set(large), "an exception that is not needed any more"


def test_a_function_fits_on_a_screen():
    long = {f"{under(p)}:{f.name}": n for p in MODULES for f in functions(p) if (n := body_lines(f)) > FUNCTION_LINES}
    assert {name: n for name, n in long.items() if name not in LONGER_FUNCTIONS} == {}
    assert set(LONGER_FUNCTIONS) <= set(long), "an exception that is not needed any more"


def test_every_name_says_something():
    files = {under(p) for p in MODULES if set(p.with_suffix("").relative_to(SOURCE).parts) & NO_NAMES}
    classes = {
        f"{under(p)}:{node.name}"
        for p in MODULES
        for node in ast.walk(ast.parse(p.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and {w.lower() for w in re.findall(r"[A-Z]+[a-z]*", node.name)} & NO_NAMES
    }
    assert files | classes == set()


def broad_handlers(path: Path) -> Iterator[ast.ExceptHandler]:
    """Handlers of everything that swallow it in silence: neither raised again nor logged with its trace."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ExceptHandler):
            continue
        told = any(isinstance(n, ast.Raise) or getattr(n, "attr", "") == "exception" for n in ast.walk(node))
        if not told and (node.type is None or getattr(node.type, "id", "") in ("Exception", "BaseException")):
            yield node


def test_whatever_catches_everything_says_why():
    bare = []
    for path in MODULES:
        lines = path.read_text(encoding="utf-8").splitlines()
        for handler in broad_handlers(path):
            comment = lines[handler.lineno - 1].partition("#")[2]
            if not re.search(r"[a-z]{3}", re.sub(r"noqa: [A-Z0-9, ]+", "", comment)):
                bare.append(f"{under(path)}:{handler.lineno}")
    assert bare == []


def test_every_tracked_python_file_says_its_licence():
    missing = [
        p.relative_to(ROOT).as_posix()
        for p in tracked()
        if p.suffix == ".py" and "SPDX-License-Identifier: Apache-2.0" not in p.read_text(encoding="utf-8")[:200]
    ]
    assert missing == []


REGISTRIES = re.compile(
    r"https?://[^\s\"'<>)]*(pypi|pythonhosted|npmjs|yarnpkg|jsdelivr|unpkg|simple/|crates\.io|ghcr|docker\.io)|--index-url|--find-links"
)
PLACES = re.compile(r"(?<![\w.])/(?:work|root|home/\w+)/")


def texts() -> Iterator[tuple[str, str]]:
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if name == "LICENSE" or path == Path(__file__):
            continue
        try:
            yield name, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_a_note_of_a_change_is_no_number_of_an_issue():
    """What does not begin with a plus is printed behind the note as its issue: (#short-name)."""
    notes = [path.name for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]
    kinds = ("added", "changed", "fixed", "removed", "security")
    assert [n for n in notes if not re.fullmatch(rf"\+[a-z0-9-]+\.({'|'.join(kinds)})\.md", n)] == []


def test_no_tracked_file_names_a_registry():
    assert [name for name, text in texts() if REGISTRIES.search(text)] == []


def test_no_tracked_file_names_a_place_on_somebodys_machine():
    assert [name for name, text in texts() if PLACES.search(text)] == []


def test_no_tracked_file_is_large_or_binary():
    sizes = {p.relative_to(ROOT).as_posix(): p.stat().st_size for p in tracked()}
    printed = sizes.pop("docs/reference/openapi.json")
    assert [name for name, size in sizes.items() if size > 500_000] == []
    assert printed < 1_000_000, "every route has its rows in it"


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_file_pins_every_package_by_version_and_hash_and_nothing_else(lock):
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip()]
    assert lines
    assert not [line for line in lines if not re.match(r"[a-z0-9._-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)]


def test_the_locks_agree_and_hold_every_dependency():
    def pins(lock: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9._-]+==\S+)", (ROOT / lock).read_text(encoding="utf-8"), re.M))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")
