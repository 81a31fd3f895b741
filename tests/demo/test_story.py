# SPDX-License-Identifier: Apache-2.0
"""The whole demo, as a user calls it: it keeps every promise, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import msgspec
import pytest

from preroll.demo.circuit_verdicts import BESIDE_THE_MEDIA, CIRCUIT
from preroll.demo.line_verdicts import LINE_ORDERED
from preroll.demo.performance import HELD, NOT_HELD
from preroll.demo.ruling import Verdict
from preroll.demo.verdicts import ALWAYS, MEDIA
from tests.demo.conftest import left_behind


class Report(msgspec.Struct):
    """What ``--json`` prints of the promises."""

    verdicts: list[Verdict]


DEMO = [sys.executable, "-m", "preroll", "demo", "--plain"]


@pytest.mark.timeout(400)
def test_the_demo_keeps_its_promises(tmp_path, ffmpeg):
    """All but those about time, which a machine that runs other tests beside it cannot be held to."""
    command = [*DEMO, "--json", "--dir", tmp_path / "demo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=350, check=False)
    verdicts = {verdict.promise: verdict for verdict in msgspec.json.decode(done.stdout, type=Report).verdicts}
    broken = [v for v in verdicts.values() if not (v.kept or v.late)]
    assert broken == [], f"{broken}\n{done.stderr[-14_000:]}"
    assert list(verdicts) == [promise for promise, _ in (*MEDIA, *CIRCUIT, *LINE_ORDERED, *BESIDE_THE_MEDIA, *ALWAYS)]
    assert done.returncode == (HELD if all(v.kept for v in verdicts.values()) else NOT_HELD), done.stderr[-14_000:]
    assert list((tmp_path / "demo" / "recordings").glob("evening-news-*.ts"))
    if os.environ.get("CI") == "true":
        assert "real: 4 network namespaces" in done.stderr, done.stderr[:2_000]
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
