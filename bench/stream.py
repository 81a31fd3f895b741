# SPDX-License-Identifier: Apache-2.0
"""A stream of changes beside an engine, and a receiver of webhooks that is told of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from preroll.app.subscriptions import new_secret
from preroll.bootstrap.neighbours import Neighbours
from preroll.domain.account import User
from preroll.domain.changes import Change
from preroll.domain.permission import Rights
from preroll.domain.subscription import Kind, Progress, Subscription
from preroll.ports.store import Tx
from preroll.settings import Settings
from preroll.store import SqlStore

EVERY_S = 0.02
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class Receiver:
    """Takes every message."""

    port: int = 0
    got: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if line)
                await reader.readexactly(int(fields.get(b"content-length", b"0")))
                self.got += 1
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver in a thread of this process, at a free port of this machine."""
    receiver, up, loop = Receiver(), threading.Event(), asyncio.new_event_loop()

    async def main() -> None:
        server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
        receiver.port = server.sockets[0].getsockname()[1]
        up.set()

    def work() -> None:
        loop.create_task(main())
        loop.run_forever()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    up.wait()
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@asynccontextmanager
async def told(store: SqlStore, rate: int, port: int, hurry: Callable[[], bool]) -> AsyncIterator[None]:
    """So many changes a second; with a port, each is told there, by an outbox as ``preroll serve`` has it."""
    if port:
        await store.write(lambda tx: _subscribe(tx, f"http://127.0.0.1:{port}/"))
    settings = Settings.model_construct(**{**_defaults(), "outbox_networks": ("127.0.0.1",)})
    neighbours = Neighbours(store, settings, hurry)
    neighbours.start()
    task = asyncio.create_task(_changes(store, round(rate * EVERY_S)))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(neighbours.stop)


def _defaults() -> dict[str, object]:
    return {name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()}


def _subscribe(tx: Tx, to: str) -> None:
    owner = tx.accounts.add(User("bench", Rights(frozenset({"admin"}))))
    tx.subscriptions.add(
        Subscription("bench", Kind.WEBHOOK, to, secret=new_secret(), owner=owner.id, progress=Progress(""))
    )


async def _changes(store: SqlStore, count: int) -> None:
    loop, changes = asyncio.get_running_loop(), [Change("bench.told", "b", 1, "bench")] * count
    due = loop.time()
    while True:
        await store.write(lambda tx: tx.changes.add_all(changes))
        due += EVERY_S
        await asyncio.sleep(due - loop.time())
