# SPDX-License-Identifier: Apache-2.0
"""The server as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx


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
