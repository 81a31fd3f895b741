# SPDX-License-Identifier: Apache-2.0
"""The process's log: one line an event, at the level that was asked for, tracebacks included."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
from preroll.telemetry import configure, logger
configure(json={json}, level="info")
log = logger("x")
log.debug("unheard")
log.info("heard", booking="b-1")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("went wrong")
"""


def lines(*, as_json: bool) -> list[str]:
    """What a process of its own logs: the set-up is the process's."""
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(json=as_json)], check=True, capture_output=True, text=True
    )
    assert said.stdout == ""
    return said.stderr.splitlines()


def test_json_is_one_line_an_event_with_its_traceback() -> None:
    heard, wrong = map(json.loads, lines(as_json=True))
    assert (heard["event"], heard["level"], heard["booking"]) == ("heard", "info", "b-1")
    assert wrong["level"] == "error"
    assert "ZeroDivisionError" in wrong["exception"]


def test_text_is_for_people() -> None:
    text = "\n".join(lines(as_json=False))
    assert "heard" in text
    assert "booking=b-1" in text
    assert "unheard" not in text
    assert "ZeroDivisionError" in text
