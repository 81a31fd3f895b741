# SPDX-License-Identifier: Apache-2.0
"""Answers that are ready in memory, served as ``preroll serve`` serves: what requests cost without work behind them."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import uvicorn
from starlette.types import Receive, Scope, Send

from bench.station import Station, ready


@contextmanager
def held(folder: Path, place: Station, paths: Sequence[str]) -> Iterator[Station]:
    """A server in a process of its own that has what another one answers to these paths."""
    folder.mkdir()
    with httpx.Client(base_url=place.url) as client:
        for number, path in enumerate(paths):
            (folder / str(number)).write_bytes(client.get(path).content)
    (folder / "paths.json").write_text(json.dumps(list(paths)))
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "bench.held", str(folder), str(port)])
    try:
        ready(f"http://127.0.0.1:{port}", server)
        yield Station(f"http://127.0.0.1:{port}", server.pid, place.database, place.bookings)
    finally:
        server.terminate()
        server.wait()


class Held:
    """Answers from memory; what it does not have is empty."""

    def __init__(self, folder: Path) -> None:
        paths = json.loads((folder / "paths.json").read_text())
        self._bodies = {path: (folder / str(number)).read_bytes() for number, path in enumerate(paths)}

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer."""
        query = scope["query_string"].decode()
        body = self._bodies.get(f"{scope['path']}?{query}" if query else scope["path"], b"")
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(Held(Path(sys.argv[1])), port=int(sys.argv[2]), log_config=None, lifespan="off")
