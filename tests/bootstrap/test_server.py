# SPDX-License-Identifier: Apache-2.0
"""The server as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx

from preroll.bootstrap.standing import Standing


def test_it_says_on_which_port_it_serves_when_it_does(tmp_path: Path):
    own = {"PREROLL_DATA": str(tmp_path), "PREROLL_SCRIPT_HOSTS": "1", "PREROLL_LOG_FORMAT": "json"}
    with subprocess.Popen(
        [sys.executable, "-m", "preroll", "serve", "--port", "0"], env=os.environ | own, stderr=subprocess.PIPE
    ) as server:
        try:
            assert server.stderr is not None
            said = next(line for line in server.stderr if b"preroll serves" in line)
            page = json.loads(said)["page"]
            assert not page.endswith(":0/")
            assert httpx.get(f"{page}readyz", timeout=60).status_code == 200
        finally:
            server.kill()


def test_a_store_that_cannot_be_written_makes_it_not_ready():
    def ready(engine: str, outbox: str) -> tuple[bool, str]:
        pool = SimpleNamespace(pids=lambda: [1])
        works = SimpleNamespace(alive=True, trouble=engine, pool=pool)
        sends = SimpleNamespace(alive=True, trouble=outbox)
        found = Standing(cast(Any, None), cast(Any, None), cast(Any, works), cast(Any, sends)).health()
        return found.ready, found.parts["store"]

    assert ready("", "") == (True, "ok")
    assert ready("database or disk is full", "") == (False, "does not answer: database or disk is full")
    assert ready("", "no connection") == (False, "does not answer: no connection")
