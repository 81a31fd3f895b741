# SPDX-License-Identifier: Apache-2.0
"""Which scripts are found, and what is said about those that cannot be used."""

from __future__ import annotations

import hashlib
import os
import subprocess
import textwrap
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from preroll.ports.scripts import BrokenScript, ScriptKind
from preroll.scripts.catalogue import Listing, fingerprint, list_command, read_listing
from preroll.scripts.frames import Ready
from preroll.scripts.generations import Generation
from tests.scripts.rig import ROOT


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


def listing(folder: Path, path: str = "") -> Listing:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([path, str(ROOT), str(ROOT / "src")])}
    done = subprocess.run(list_command(str(folder)), capture_output=True, check=True, env=env)
    found = read_listing(done.stdout)
    assert isinstance(found, Listing)
    return found


def test_scripts_are_found_with_kind_version_and_summary(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "all.py",
        '''
        from preroll.sdk import lso, profile_load, start_failure
        from shared import number
        print("an author may print")

        @lso
        async def up(ctx):
            """Brings it up.

            And more.
            """

        @lso(name="go down")
        def down(ctx): ...

        @profile_load
        def encoder(ctx): ...

        @start_failure
        async def report(ctx, extra=1): ...
        ''',
    )
    write(tmp_path, "shared.py", "number = 1\n")
    found = listing(tmp_path)
    assert found.broken == ()
    assert [(s.name, s.kind, s.summary) for s in found.installed] == [
        ("encoder", ScriptKind.PROFILE_LOAD, ""),
        ("go down", ScriptKind.LSO, ""),
        ("report", ScriptKind.START_FAILURE, ""),
        ("up", ScriptKind.LSO, "Brings it up."),
    ]
    assert {s.version for s in found.installed} == {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}
    assert {s.source for s in found.installed} == {str(path)}


@pytest.mark.parametrize(
    ("text", "line", "error"),
    [
        ("import nowhere\n", 1, "ModuleNotFoundError: No module named 'nowhere'"),
        ("x = 1\ndef broken(:\n", 2, "SyntaxError: invalid syntax"),
        ("def f():\n    1 / 0\n\n\nf()\n", 2, "ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)\n", 2, "SystemExit: 3"),
        (
            "from preroll.sdk import lso\n@lso\ndef up(): ...\n",
            2,
            "up() cannot be called with the context alone: declare it as up(ctx)",
        ),
        (
            "from preroll.sdk import lso\n@lso\ndef up(ctx, more): ...\n",
            2,
            "up(ctx, more) cannot be called with the context alone: declare it as up(ctx)",
        ),
        (
            "from preroll.sdk import lso\n@lso\ndef up(ctx):\n    yield\n",
            2,
            "up is a generator: a script must not yield",
        ),
        (
            "from preroll.sdk import lso\n@lso(name='fine')\ndef other(ctx): ...\n",
            2,
            "duplicate name: fine is declared in {fine} already",
        ),
        (
            "from preroll.sdk import lso\n@lso('up')\ndef other(ctx): ...\n",
            2,
            "TypeError: @lso('up'): write @lso(name='up')",
        ),
        (
            "from preroll.sdk import lso\n@lso(name=5)\ndef up(ctx): ...\n",
            2,
            "TypeError: @lso(name=5): give it a name of 1 to 200 characters, in one line",
        ),
        (
            "from preroll.sdk import lso\n@lso(name='\\udc80')\ndef up(ctx): ...\n",
            2,
            "TypeError: @lso(name='\\udc80'): give it a name of 1 to 200 characters, in one line",
        ),
        (
            "from preroll.sdk import lso, profile_load\n@lso\n@profile_load\ndef up(ctx): ...\n",
            2,
            "TypeError: up is declared with @profile_load already: one function, one declaration",
        ),
        (
            "from preroll.sdk import lso\n@lso\nclass Up:\n    def __init__(self, ctx): ...\n",
            2,
            "TypeError: @lso is for a function, and <class 'preroll_scripts.broken.Up'> is none",
        ),
    ],
)
def test_a_broken_file_is_reported_and_breaks_no_other(tmp_path: Path, text: str, line: int, error: str) -> None:
    fine = write(tmp_path, "a_fine.py", "from preroll.sdk import lso\n@lso\ndef fine(ctx): ...\n")
    path = write(tmp_path, "broken.py", text)
    found = listing(tmp_path)
    assert [s.name for s in found.installed] == ["fine"]
    assert [(b.source, b.line, b.error) for b in found.broken] == [(str(path), line, error.format(fine=fine))]


def test_odd_texts_break_no_other(tmp_path: Path) -> None:
    write(tmp_path, "a_fine.py", "from preroll.sdk import lso\n@lso\ndef fine(ctx): ...\n")
    write(tmp_path, "b_summary.py", 'from preroll.sdk import lso\n@lso\ndef odd(ctx):\n    "an \\udc80 of its own"\n')
    Path(os.fsdecode(bytes(tmp_path) + b"/c_\xe9t\xe9.py")).write_text("1 / 0\n")
    found = listing(tmp_path)
    assert [(s.name, s.summary) for s in found.installed] == [("fine", ""), ("odd", "an ? of its own")]
    assert [(Path(b.source).name, b.error) for b in found.broken] == [
        ("c_?t?.py", "ZeroDivisionError: division by zero")
    ]


def test_what_cannot_be_used_is_in_the_log_of_the_engine_once() -> None:
    ready = Ready((), (BrokenScript("/scripts/up.py", "SyntaxError: invalid syntax", 2),))
    found = Generation(1, ())
    with capture_logs() as lines:
        found.learn(ready)
        found.learn(ready)
    assert [(line["source"], line["line"], line["why"]) for line in lines] == [
        ("/scripts/up.py", 2, "SyntaxError: invalid syntax")
    ]


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    found = listing(tmp_path / "nowhere")
    assert [b.error for b in found.broken] == [f"there is no folder {tmp_path / 'nowhere'}"]


def test_entry_points_offer_modules_and_single_scripts(tmp_path: Path) -> None:
    package = tmp_path / "acme"
    package.mkdir()
    write(package, "__init__.py", "from acme.inner import up\n")
    write(package, "inner.py", "from preroll.sdk import lso\n@lso\ndef up(ctx): ...\n@lso\ndef down(ctx): ...\n")
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    write(info, "METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    write(
        info,
        "entry_points.txt",
        "[preroll.scripts]\nbase = acme\nlast = acme.inner:down\nno = acme.nowhere\n",
    )
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    found = listing(scripts, str(tmp_path))
    assert [(s.name, s.source) for s in found.installed] == [
        ("down", "entry point last of acme"),
        ("up", "entry point base of acme"),
    ]
    assert [(b.source, b.error) for b in found.broken] == [
        ("entry point no of acme", "ModuleNotFoundError: No module named 'acme.nowhere'")
    ]


def test_the_fingerprint_differs_when_a_file_does(tmp_path: Path) -> None:
    assert fingerprint("") == fingerprint(str(tmp_path)) == ()
    path = write(tmp_path, "a.py", "1\n")
    first = fingerprint(str(tmp_path))
    assert first == fingerprint(str(tmp_path))
    path.write_text("2 \n")
    assert fingerprint(str(tmp_path)) != first
