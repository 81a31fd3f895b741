# SPDX-License-Identifier: Apache-2.0
"""What the nursery forks is a process like any other, and leaves with whoever asked for it."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import nursery

ONCE = [sys.executable, "-m", "timeit", "-n", "1", "-r", "1"]
TELL = """
import json, os, sys
said = [os.getpid(), os.getsid(0), os.getcwd(), dict(os.environ), sys.stdin.read(), os.read(INHERITED, 9).decode()]
print(json.dumps(said), file=sys.stderr, flush=True)
os._exit(7)
"""
SLEEP = "import time; time.sleep(1000)"
STARTER = f"""
import sys
from tests import nursery
print(nursery.start({[*ONCE, SLEEP]}, env={{}}).pid, flush=True)
sys.stdin.read()
"""


def pipe(text: str) -> int:
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    return reading


@pytest.mark.parametrize("cold", [False, True])
def test_it_is_a_process_of_its_own(tmp_path: Path, cold: bool):
    stdin, inherited = pipe("in"), pipe("inherited")
    env = {"PATH": os.environ["PATH"], "TOLD": "yes"}
    command = [*ONCE, TELL.replace("INHERITED", str(inherited))]
    with (tmp_path / "out").open("wb") as out:
        started = nursery.start(
            command, stdin=stdin, out=out.fileno(), inherited=[inherited], env=env, session=True, cold=cold
        )
    assert started.wait(60) == started.poll() == 7
    pid, session, folder, told, read, got = json.loads((tmp_path / "out").read_text())
    assert (pid, session, folder, read, got) == (started.pid, started.pid, str(nursery.ROOT), "in", "inherited")
    assert pid != os.getpid()
    assert {name: told[name] for name in env} == env
    assert "HOME" not in told
    for one in (stdin, inherited):
        os.close(one)


def test_it_is_found_by_its_command_and_killed_by_its_session():
    started = nursery.start([*ONCE, SLEEP], session=True)
    command = Path(f"/proc/{started.pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    assert command == [part.encode() for part in [*ONCE, SLEEP]]
    assert started.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        started.wait(0)
    os.killpg(started.pid, signal.SIGKILL)
    assert started.wait(60) == -signal.SIGKILL
    started.kill()


def test_nothing_is_left_when_whoever_asked_is_killed(tmp_path: Path):
    env = {name: value for name, value in os.environ.items() if name != nursery.PLACE} | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", STARTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=nursery.ROOT, env=env
    ) as starter:
        assert starter.stdout is not None
        started = os.pidfd_open(int(starter.stdout.readline()))
        (place,) = tmp_path.iterdir()
        asking = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        asking.connect(str(place / "socket"))
        starter.kill()
    for watched in (started, asking.fileno()):  # the process, and the line that its nursery closes when it ends
        assert select.select([watched], [], [], 60)[0]
    assert not place.exists()
    os.close(started)
    asking.close()
