# SPDX-License-Identifier: Apache-2.0
"""Processes of Python that need not import first: forked from one process that has imported what they need.

Whoever starts hundreds of engines, script hosts and servers else spends most of the time on their imports. What is
forked here is a process like any other: a process id, a command line, an environment, descriptors and a session of its
own, signals that are real, an exit code. Only the imports are not made anew; tests of a cold start use ``cold``.

``python -m tests.nursery PATH`` listens at a socket; a request is one line to it, on which the process id and in the
end the exit code are told. It has one thread and ends with its starter, and what it forked is killed with it.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import fcntl
import functools
import gc
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PLACE = "TESTS_NURSERY"
"""The variable by which what was forked finds where it came from: an engine's script hosts are forked there too."""
NEEDED = ("preroll.cli.serve", "preroll.cli.worker", "preroll.bootstrap.server", "preroll.bootstrap.worker",
          "preroll.scripts.child", "tests.crash.engine", "tests.crash.host", "tests.scripts.devices")  # fmt: skip
ROOM = 8192
"""Bytes that a command line may have."""
LARGEST = 200_000
"""Bytes of a request."""
_PR_SET_PDEATHSIG = 1


class Process:
    """A process that was forked; what ``subprocess.Popen`` does that is asked for here."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self.returncode: int | None = None
        word, _, number = line.recv(64).partition(b" ")
        if word != b"is":
            raise RuntimeError("the nursery, or what it forked, ended before it said what it is")
        self.pid = int(number)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            poll = select.poll()
            poll.register(self._line, select.POLLIN)
            if poll.poll(None if timeout is None else timeout * 1000):
                self.returncode = int(self._line.recv(64) or -signal.SIGKILL)
                self._line.close()
        return self.returncode

    def send_signal(self, sent: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sent)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


Started = Process | subprocess.Popen[bytes]


def start(
    command: Sequence[str],
    *,
    stdin: int | None = None,
    out: int | None = None,
    inherited: Sequence[int] = (),
    env: Mapping[str, str] | None = None,
    session: bool = False,
    cold: bool = False,
) -> Started:
    """Start ``python -m MODULE ARGUMENTS`` in the root of the project.

    Args:
        command: begins with this interpreter and ``-m``.
        stdin: a descriptor; None: nothing is to be read.
        out: a descriptor for output and error output; None: those of this process.
        inherited: further descriptors, which keep their numbers.
        env: all of its environment; None: that of this process.
        session: in a session of its own.
        cold: as a program of its own, which imports for itself.
    """
    assert list(command[:2]) == [sys.executable, "-m"], command
    if cold:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL if stdin is None else stdin, stdout=out, stderr=out, env=env,
            pass_fds=inherited, start_new_session=session, cwd=ROOT,
        )  # fmt: skip
    place = os.environ.get(PLACE) or opened()
    request = {
        "command": list(command),
        "env": dict(os.environ if env is None else env),
        "session": session,
        "numbers": [0, 1, 2, *inherited],
    }
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.connect(place)
    with Path(os.devnull).open() as nothing:
        first = nothing.fileno() if stdin is None else stdin
        outputs = (1, 2) if out is None else (out, out)
        socket.send_fds(line, [json.dumps(request).encode()], [first, *outputs, *inherited])
    return Process(line)


def host(command: Sequence[str], inherited: int) -> Started:
    """Start a script host, as ``preroll.bootstrap.engine.spawn_host`` does."""
    return start(command, inherited=(inherited,), session=True)


_starting = threading.Lock()


def opened() -> str:
    """The path of the socket of this process's nursery, which is started when it is first asked for."""
    with _starting:
        return _open()


@functools.cache
def _open() -> str:
    folder = tempfile.mkdtemp(prefix="nursery-")
    place = f"{folder}/socket"
    nursery = subprocess.Popen(
        [sys.executable, "-m", "tests.nursery", place, " " * ROOM], stdin=subprocess.PIPE, cwd=ROOT,
        start_new_session=True,
    )  # fmt: skip

    def end() -> None:
        assert nursery.stdin is not None
        nursery.stdin.close()
        nursery.wait(60)

    atexit.register(end)
    while not Path(place).exists():
        assert nursery.poll() is None, "the nursery did not start"
        time.sleep(0.01)
    return place


# ------------------------------------------------------------------------------------------------- the nursery itself


def _import() -> None:
    """What those that are forked need."""
    from preroll.audits import SHIPPED as CHECKS
    from preroll.bootstrap import engine
    from preroll.drivers import SHIPPED

    for name in (*NEEDED, *(place.partition(":")[0] for place in (*SHIPPED.values(), *CHECKS.values()))):
        import_module(name)
    engine.spawn_host = host
    for name in ("tests.crash.engine", "tests.crash.host", "preroll.scripts.child"):
        del sys.modules[name]  # they are run


class Nursery:
    """Forks whatever is asked for, and tells of every end."""

    def __init__(self, place: str) -> None:
        self._place = Path(place)
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listening.bind(f"{place}.new")
        self._listening.listen(256)
        Path(f"{place}.new").rename(place)
        self._asking: dict[int, socket.socket] = {}
        """Lines on which nothing was asked yet: whoever opened one may stand still, or be dead."""
        self._running: dict[int, tuple[int, socket.socket]] = {}
        """Descriptor of a process -> its id, and the line on which its end is told."""
        self._poll = select.poll()

    def work(self) -> dict[str, Any]:
        """Returns in what was forked, with its request; in the nursery never."""
        for number in (0, self._listening.fileno()):
            self._poll.register(number, select.POLLIN)
        while True:
            for number, _ in self._poll.poll():
                if number == 0:  # whoever started it has ended, or was killed
                    shutil.rmtree(self._place.parent, ignore_errors=True)
                    os._exit(0)
                elif number == self._listening.fileno():
                    line, _ = self._listening.accept()
                    self._asking[line.fileno()] = line
                    self._poll.register(line, select.POLLIN)
                elif number in self._running:
                    self._over(number)
                elif request := self._fork(number):
                    return request

    def _over(self, number: int) -> None:
        child, line = self._running.pop(number)
        self._poll.unregister(number)
        os.close(number)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with line, contextlib.suppress(OSError):
            line.send(str(code).encode())

    def _fork(self, number: int) -> dict[str, Any] | None:
        line = self._asking.pop(number)
        self._poll.unregister(number)
        data, taken, _, _ = socket.recv_fds(line, LARGEST, 64)
        if not data:
            line.close()
            return None
        child = os.fork()
        if child == 0:
            for each in (self._listening, *self._asking.values(), *(told for _, told in self._running.values())):
                each.detach()
            request: dict[str, Any] = json.loads(data)
            _become(request, taken, line.detach())
            return request
        for copy in taken:
            os.close(copy)
        watched = os.pidfd_open(child)
        self._running[watched] = child, line
        self._poll.register(watched, select.POLLIN)
        return None


def _become(request: dict[str, Any], taken: Sequence[int], line: int) -> None:
    """Be a process of one's own: descriptors, session, environment and command line are those asked for."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    numbers: list[int] = request["numbers"]
    above = max(*numbers, *taken, line) + 1
    copies = [fcntl.fcntl(one, fcntl.F_DUPFD, above) for one in (*taken, line)]
    os.closerange(0, above)
    for copy, number in zip(copies[:-1], numbers, strict=True):
        os.dup2(copy, number)
    if request["session"]:
        os.setsid()
    os.environ.clear()
    os.environ.update(request["env"])
    command: list[str] = request["command"]
    _show(command)
    sys.argv = ["-m", *command[3:]]
    with contextlib.suppress(BrokenPipeError):  # whoever asked is dead
        os.write(copies[-1], b"is %d" % os.getpid())
    os.closerange(above, copies[-1] + 1)


def _show(command: Sequence[str]) -> None:
    """Write the command where the kernel reads it: processes are found by what stands in it."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begins, ends = int(fields[45]), int(fields[46])
    said = b"\0".join(part.encode() for part in command)
    with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
        memory.seek(begins)
        memory.write(said[: ends - begins - 1].ljust(ends - begins, b"\0"))


def _main(place: str) -> None:
    _import()
    assert threading.active_count() == len(list(Path("/proc/self/task").iterdir())) == 1, "a thread is not forked"
    gc.collect()
    gc.freeze()
    request = Nursery(place).work()
    os.environ[PLACE] = place
    command: list[str] = request["command"]
    runpy.run_module(command[2], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(sys.argv[1])
