# SPDX-License-Identifier: Apache-2.0
"""Two servers on one database behind a plain proxy, which knows nothing of sessions and streams."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx

from tests import nursery
from tests.api.people import PASSWORD

PATIENCE_S = 100.0
CHUNK = 65_536


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@dataclass
class Server:
    """A process of ``preroll serve``."""

    port: int
    process: nursery.Started
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self) -> None:
        """Until it can do its work."""
        knocking = httpx.HTTPTransport(retries=0)
        with httpx.Client(transport=knocking) as client:
            for _ in range(int(PATIENCE_S / 0.05)):
                with contextlib.suppress(httpx.HTTPError):
                    if client.get(f"{self.url}/readyz").status_code == 200:
                        return
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.05)
                assert self.process.poll() is None, self.log.read_text()
        raise AssertionError(self.log.read_text())

    def kill(self) -> None:
        """As ``kill -9`` does, with its script hosts."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE_S)


@contextmanager
def server(folder: Path, name: str, database: str) -> Iterator[Server]:
    """One that is up."""
    port = free_port()
    own = {
        "DATA": folder / name, "DATABASE": database, "PORT": port, "WORKER": name, "SIGN_IN": "needed",
        "ADMIN_PASSWORD": PASSWORD, "SCRIPT_HOSTS": 1,
    }  # fmt: skip
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PREROLL_")}
    path = folder / f"{name}.log"
    with path.open("wb") as log:
        process = nursery.start(
            [sys.executable, "-m", "preroll", "serve"], out=log.fileno(), session=True,
            env=kept | {f"PREROLL_{key}": str(value) for key, value in own.items()},
        )  # fmt: skip
    found = Server(port, process, path)
    try:
        found.wait()
        yield found
    finally:
        found.kill()


@dataclass
class Proxy:
    """Hands each connection to the next server that answers, and copies bytes."""

    servers: list[Server]
    listening: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    open: list[socket.socket] = field(default_factory=list)
    served: set[int] = field(default_factory=set)
    """Ports of the servers that got a request."""
    streams: list[int] = field(default_factory=list)
    """Ports of the servers that got the request for a stream, in this order."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}"

    def run(self) -> None:
        for turn in count():
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            self.open.append(client)
            for n in range(len(self.servers)):
                port = self.servers[(turn + n) % len(self.servers)].port
                with contextlib.suppress(OSError):
                    behind = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
                    behind.settimeout(None)
                    self.open.append(behind)
                    for source, target, asks in ((client, behind, port), (behind, client, 0)):
                        threading.Thread(target=self._copy, args=(source, target, asks), daemon=True).start()
                    break
            else:
                client.close()

    def _copy(self, source: socket.socket, target: socket.socket, asks: int) -> None:
        """Until one side ends; then the other one does too."""
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if asks:
                    self.served.add(asks)
                    if data.startswith(b"GET /live?"):
                        self.streams.append(asks)
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        for one in (self.listening, *self.open):
            one.close()


@contextmanager
def behind_a_proxy(folder: Path, database: str) -> Iterator[Proxy]:
    """Two servers on one database, and the proxy before them."""
    with ExitStack() as stack:
        proxy = Proxy([stack.enter_context(server(folder, name, database)) for name in ("one", "two")])
        thread = threading.Thread(target=proxy.run, daemon=True)
        thread.start()
        stack.callback(thread.join, PATIENCE_S)
        stack.callback(proxy.close)
        yield proxy
