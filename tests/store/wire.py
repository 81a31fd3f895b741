# SPDX-License-Identifier: Apache-2.0
"""A wire between a program and PostgreSQL that counts how often the one has to wait for the other."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

PORT = ".s.PGSQL.5432"


class Wire:
    """Passes on whatever is said over a server's socket, and counts round trips: something said, then an answer."""

    def __init__(self, url: str, folder: Path) -> None:
        parts = urlsplit(url)
        (home,) = parse_qs(parts.query)["host"]
        self.url = urlunsplit(parts._replace(query=urlencode({"host": str(folder)})))
        self.round_trips = 0
        self._server = str(Path(home) / PORT)
        self._open: list[socket.socket] = []
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / PORT))
        self._listening.listen()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        peers: dict[socket.socket, socket.socket] = {}
        speaking: set[socket.socket] = set()
        while not self._over.is_set():
            ready, _, _ = select.select([self._listening, *peers], [], [], 0.05)
            for one in ready:
                if one is self._listening:
                    client, server = one.accept()[0], socket.socket(socket.AF_UNIX)
                    server.connect(self._server)
                    peers |= {client: server, server: client}
                    self._open += [client, server]
                    speaking.add(client)
                    continue
                other, said = peers[one], b""
                with suppress(ConnectionError):  # who hangs up with words unheard is not told them
                    said = one.recv(1 << 16)
                if not said:
                    del peers[one], peers[other]
                    one.close()
                    other.close()
                    break
                if one in self._open[1::2] and other in speaking:
                    speaking.discard(other)
                    self.round_trips += 1
                elif one in self._open[::2]:
                    speaking.add(one)
                with suppress(ConnectionError):
                    other.sendall(said)

    def fall_silent(self) -> None:
        """Pass nothing on any more, and hang up nothing."""
        self._over.set()
        self._thread.join(5)

    def close(self) -> None:
        """Hang up."""
        self.fall_silent()
        for one in (self._listening, *self._open):
            one.close()
