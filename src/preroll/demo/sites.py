# SPDX-License-Identifier: Apache-2.0
"""What stands at the two sites of a circuit: a door at the near one, a receiver at the far one.

``python -m preroll.demo.sites near FD=HOST:PORT ...`` accepts at sockets that it inherited: they are this machine's,
and what comes in goes on from where this process runs, the network of the near site. ``... far HOST PORT`` is the
receiver that tells how much arrived. Both print a line when they serve.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

CHUNK = 8192
PATIENCE = 1.0
"""Seconds that the far site may take to answer."""
_RESET = struct.pack("ii", 1, 0)
Pace = Callable[[int], Awaitable[None]]
"""Waits until so many bytes may pass."""


async def at_once(_: int) -> None:
    """No limit here: the circuit has its own."""


async def hand_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: tuple[str, int], pace: Pace = at_once
) -> None:
    """Carry one connection to its end; one that leads nowhere is reset, so that whoever connected is told."""
    try:
        async with asyncio.timeout(PATIENCE):
            far_reader, far_writer = await asyncio.open_connection(*to, limit=CHUNK)
    except OSError:  # a TimeoutError is one
        _reset(writer)
        return
    try:
        async with asyncio.TaskGroup() as ways:
            ways.create_task(_pump(reader, far_writer, pace))
            ways.create_task(_pump(far_reader, writer, at_once))
    except* OSError:
        _reset(writer)
    finally:
        writer.close()
        far_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pace: Pace) -> None:
    while data := await reader.read(CHUNK):
        await pace(len(data))
        writer.write(data)
        await writer.drain()
    with suppress(OSError):
        writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def near(doors: list[str]) -> None:
    """Serve the doors until this process ends."""
    for door in doors:
        number, _, to = door.partition("=")
        host, _, port = to.partition(":")
        enter = partial(hand_on, to=(host, int(port)))
        await asyncio.start_server(enter, sock=socket.socket(fileno=int(number)), limit=CHUNK)
    await _serving()


async def far(host: str, port: int) -> None:
    """Be the receiver until this process ends."""
    from preroll.audits.throughput import answer

    await asyncio.start_server(answer, host, port)
    await _serving()


async def _serving() -> None:
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(near(sys.argv[2:]) if sys.argv[1] == "near" else far(sys.argv[2], int(sys.argv[3])))
