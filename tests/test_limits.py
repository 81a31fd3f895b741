# SPDX-License-Identifier: Apache-2.0
"""A test that swallows its limit ends, and so does what cleans up after a test that has failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENDLESS = """
import asyncio, threading
import pytest
from tests import limits

limits.AGAIN_S = 0.1

@pytest.mark.timeout(0.2)
def test_that_never_ends():
    async def never():
        async def busy(): # it gets what the alarm raises, as it is the one that runs
            while True:
                await asyncio.sleep(0)
        tasks = [asyncio.create_task(busy()) for _ in range(3)]
        await asyncio.Event().wait()
    asyncio.run(never())

@pytest.fixture
def endless():
    yield
    threading.Event().wait()

@pytest.mark.timeout(0.2)
def test_that_fails(endless):
    raise ValueError("what is wrong")
"""


def test_whatever_waits_for_ever_ends(tmp_path):
    (tmp_path / "test_endless.py").write_text(ENDLESS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.limits", "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}"}, capture_output=True, text=True,
        timeout=100, check=False,
    )  # fmt: skip
    assert "2 failed, 1 error" in done.stdout, done.stdout + done.stderr
    assert "ValueError: what is wrong" in done.stdout
