# SPDX-License-Identifier: Apache-2.0
"""The whole demo, as a user calls it: it keeps every promise, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.demo.conftest import left_behind

DEMO = [sys.executable, "-m", "preroll", "demo", "--plain"]


@pytest.mark.timeout(240)
def test_the_demo_keeps_its_promises(tmp_path, ffmpeg):
    done = subprocess.run([*DEMO, "--dir", tmp_path / "demo"], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-4_000:]
    assert "FAILED" not in done.stdout.partition("promise")[2]
    assert list((tmp_path / "demo" / "recordings").glob("evening-news-*.ts"))
    if os.environ.get("CI") == "true":
        assert "real: 4 network namespaces" in done.stdout, done.stdout[:2_000]
    assert left_behind(tmp_path) == []


@pytest.mark.timeout(150)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_takes_everything_with_it(tmp_path, ffmpeg, number):
    command = [*DEMO, "--dir", tmp_path / "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as demo:
        assert demo.stdout is not None
        try:
            for line in demo.stdout:
                if "The catalogue is in" in line:
                    break
            demo.send_signal(number)
            rest = demo.stdout.read()
            assert demo.wait() == 130
        finally:
            demo.kill()
    assert "Interrupted" in rest
    assert left_behind(tmp_path) == []
