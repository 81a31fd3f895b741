# SPDX-License-Identifier: Apache-2.0
"""Programs of Debian as devices: started in namespaces and folders of their own, ended with all that they started."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE = 60.0
PLACES = os.environ["PATH"] + ":/usr/sbin:/sbin"
"""Where daemons are, also for who is not root."""


def need(*programs: str, root: bool = True) -> None:
    """Skip the test when a program, or a right, is missing here; in the build that is a failure."""
    missing = [program for program in programs if not shutil.which(program, path=PLACES)]
    if root and os.geteuid() != 0:
        missing.append("the rights of root")
    if not missing:
        return
    reason = f"missing here: {', '.join(missing)} (see CONTRIBUTING)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextlib.contextmanager
def folder(owner: str | None = None) -> Iterator[Path]:
    """A folder that other users can reach, for sockets with short names."""
    place = Path(tempfile.mkdtemp(prefix="preroll-"))
    try:
        place.chmod(0o755)
        if owner:
            shutil.chown(place, owner, owner)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


class Daemons:
    """Programs in one process group, in a network of their own."""

    def __init__(self, script: str, place: Path, env: dict[str, str] | None = None, *, alone: bool = True) -> None:
        self._log = place / "log"
        given = {**os.environ, "PATH": PLACES, **(env or {})}
        command = [*(["unshare", "--net"] if alone else []), "sh", "-c", script]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=given,
                cwd=place, start_new_session=True,
            )  # fmt: skip

    def await_(self, *command: str, env: dict[str, str] | None = None) -> None:
        """Wait until a command succeeds."""
        end = time.monotonic() + PATIENCE
        given = {**os.environ, **(env or {})}
        while subprocess.run(command, capture_output=True, env=given, timeout=PATIENCE, check=False).returncode:
            assert self._process.poll() is None, f"ended: {self._log.read_text()}"
            assert time.monotonic() < end, f"{command} never succeeded: {self._log.read_text()}"
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        """Of the shell, or of the program that has taken its place (``exec``)."""
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def stop(self) -> None:
        self.signal(signal.SIGKILL)
        self._process.wait(PATIENCE)


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def run(*command: str, env: dict[str, str] | None = None) -> str:
    given = {**os.environ, **(env or {})}
    done = subprocess.run(command, capture_output=True, text=True, env=given, timeout=60, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout
