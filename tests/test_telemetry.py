# SPDX-License-Identifier: Apache-2.0
"""The process's log: one line an event, at the level that was asked for, tracebacks included."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

from preroll.telemetry import Outage

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


def test_an_outage_is_told_when_it_begins_once_a_minute_and_when_it_is_over() -> None:
    said: list[tuple[str, float]] = []
    log = SimpleNamespace(warning=lambda text, *, seconds, error="": said.append((f"{text}: {error}", seconds)))
    at = iter(range(1000))
    outage = Outage(log, "it is away", "it is back", lambda: float(next(at)))
    outage.is_over()
    assert said == []
    for _ in range(100):
        outage.lasts(OSError("no disk"))
    outage.is_over()
    outage.is_over()
    assert said == [
        ("it is away; trying again: no disk", 0),
        ("it is away; trying again: no disk", 60),
        ("it is back: ", 100),
    ]
    outage.lasts(OSError("no disk"))
    assert said[-1] == ("it is away; trying again: no disk", 0)
