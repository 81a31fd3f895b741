# SPDX-License-Identifier: Apache-2.0
"""Help is there at once: it loads neither the server nor the client."""

from __future__ import annotations

import subprocess
import sys

import pytest

from preroll.cli import COMMANDS

HEAVY = ("fastapi", "sqlalchemy", "alembic", "httpx", "pydantic", "rich", "asyncio", "msgspec", "yaml")
LOOK = (
    "import sys\nfrom preroll.cli import run\n"
    "try:\n    run(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code\n"
    f"print([name for name in {HEAVY!r} if name in sys.modules])"
)


@pytest.mark.parametrize("words", [(), ("booking", "create"), *((command,) for command in COMMANDS)])
def test_help_loads_nothing_heavy(words: tuple[str, ...]):
    done = subprocess.run([sys.executable, "-c", LOOK, *words, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].startswith("usage: preroll")
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_leaves_early_is_no_error():
    with subprocess.Popen(
        [sys.executable, "-m", "preroll", "openapi"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as printing:
        try:
            assert printing.stdout is not None
            printing.stdout.readline()
            printing.stdout.close()
            assert printing.stderr is not None
            assert printing.stderr.read() == b""
        finally:
            printing.kill()
