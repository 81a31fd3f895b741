# SPDX-License-Identifier: Apache-2.0
"""The walk of the tutorial, command by command, with a real server that is really killed; the README is a part of it.

``preroll serve`` stays in the background, ``pkill`` kills it, ``<!-- wait: STATE -->`` is the reader looking on.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 100
NOT_HERE = ("make ", "source ", "pip ")
"""Building and choosing an environment: this one is there already."""
LINE = re.compile(r"^\$ (?P<command>.+)$|^<!-- wait: (?P<state>.+) -->$", re.MULTILINE)


class Walk:
    """One reader with two terminals."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (folder / "examples").symlink_to(ROOT / "examples")
        self._folder, self._url = folder, f"http://127.0.0.1:{port}"
        self._env = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PREROLL_PORT": str(port),
            "PREROLL_SERVER": self._url,
        }
        self._server: subprocess.Popen[bytes] | None = None

    def serve(self, command: str) -> None:
        with (self._folder / "server.log").open("ab") as log:
            self._server = subprocess.Popen(
                command.split(), cwd=self._folder, env=self._env, stdout=log, stderr=log, start_new_session=True
            )
        self._until(self._ready, "the server is ready")

    def kill(self) -> None:
        if self._server and self._server.poll() is None:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait(PATIENCE_S)

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self._folder, env=self._env, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def wait(self, state: str) -> None:
        self._until(lambda: any(b["state"] == state for b in self.bookings()), f"a booking is {state}")

    def bookings(self) -> list[dict[str, object]]:
        return httpx.get(f"{self._url}/api/v1/bookings", timeout=PATIENCE_S).json()["items"]

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self._url}/readyz", timeout=PATIENCE_S).status_code == 200
        except httpx.HTTPError:
            return False

    def _until(self, condition, what: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, (
                f"{what}: not within {PATIENCE_S} s\n{(self._folder / 'server.log').read_text()}"
            )
            assert self._server is None or self._server.poll() is None, (self._folder / "server.log").read_text()
            time.sleep(0.05)


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    walk = Walk(tmp_path)
    yield walk
    walk.kill()


def steps(page: Path) -> Iterator[tuple[str, str]]:
    for found in LINE.finditer(page.read_text(encoding="utf-8")):
        command, state = found["command"], found["state"]
        if state:
            yield "wait", state
        elif command.startswith("preroll serve"):
            yield "serve", command
        elif command.startswith("pkill"):
            yield "kill", command
        elif not command.startswith(NOT_HERE):
            yield "run", command.replace(" --follow", "")


TUTORIAL, README = ROOT / "docs/tutorial/first-booking.md", ROOT / "README.md"


def test_the_readme_walks_a_part_of_the_tutorial_in_the_same_order() -> None:
    tutorial = steps(TUTORIAL)
    assert [step for step in steps(README) if step not in tutorial] == []


@pytest.mark.timeout(300)
def test_the_tutorial_goes_as_it_is_written(walk: Walk) -> None:
    taken = list(steps(TUTORIAL))
    assert {what for what, _ in taken} >= {"serve", "run", "kill"}
    for what, words in taken:
        if what == "kill":
            walk.kill()
        else:
            getattr(walk, what)(words)
    walk.wait("Completed")
    runs = json.loads(walk.run('preroll runs "Evening news" --json'))
    runs = runs["items"] if isinstance(runs, dict) else runs
    assert [run["event"] for run in runs] == [
        "START_BOOKING_WITH_PREROLL", "START", "STOP", "STOP_BOOKING_WITH_POSTROLL",
    ]  # fmt: skip
    assert {run["outcome"] for run in runs} == {"ok"}
    for run in runs:
        names = [step["name"] for step in run["steps"]]
        assert names
        assert len(names) == len(set(names))
