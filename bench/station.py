# SPDX-License-Identifier: Apache-2.0
"""A station for the page: 200 resources in pools, so many bookings around now, and history; and a server that shows it.

The rows are put straight into the database: booking them one by one would measure booking.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import uuid6

from bench.rig import opened
from preroll.app import build
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.domain.resource import Resource
from preroll.settings import read

RESOURCES = 200
KINDS = ("Decoder", "Encoder", "Modulator", "Antenna", "Gateway", "Router", "Studio", "Camera")
PROGRAMMES = (
    "Qualifying",
    "Champions League",
    "Evening news",
    "Opera gala",
    "Election night",
    "Weather",
    "Tennis open",
)
ENDED = ("Completed",) * 18 + ("Canceled", "Failed Completed")
AHEAD = ("Confirmed",) * 14 + ("Partial", "Partial", "On-Hold", "Quarantined", "Canceled", "Confirmed")
LIVE_AGAIN = frozenset({"Completed", "Canceled", "Failed Completed"})
DAY = 86_400
US = 1_000_000
_COLUMNS = (
    "id, platform, name, folded, state, live, start_us, end_us, pre_roll_us, post_roll_us, held_start_us, held_end_us,"
    " body, priority, service_state, began, entering, not_reset, zone, revision, state_version, created_us, created_by,"
    " changed_us, scopes, hidden, owner"
)
_RESERVATIONS = """
insert into reservation (booking, resource, dimension, start_us, end_us, amount, live, tier, unreset, agreed)
select b.key, r.key, 0, b.held_start_us, b.held_end_us, 1, b.live,
 case when b.held_end_us - b.held_start_us <= 3600000000 then 0
 when b.held_end_us - b.held_start_us <= 14400000000 then 1 else 5 end, 0, ''
from booking b join resource r on r.id = json_extract(b.body, '$.data.nodes.Node.resource')
"""


@dataclass(frozen=True, slots=True)
class Station:
    """A server that is up, on a database of its own."""

    url: str
    pid: int
    database: str
    bookings: int


@contextmanager
def station(folder: Path, bookings: int, history: int = 0) -> Iterator[Station]:
    """``preroll serve`` with so many bookings around now, and so many that were over weeks ago, for a while."""
    folder.mkdir()
    url = read(None, data=folder).database_url
    asyncio.run(_furnished(url))
    _filled(url, bookings, history)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "preroll", "serve", "--data", str(folder), "--port", str(port)]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            ready(f"http://127.0.0.1:{port}", server)
            yield Station(f"http://127.0.0.1:{port}", server.pid, url, bookings)
        finally:
            server.terminate()
            server.wait()


def ready(url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until it answers.

    Raises:
        RuntimeError: it has ended.
    """
    while server.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        time.sleep(0.05)
    raise RuntimeError("the server has ended by itself")


async def _furnished(url: str) -> None:
    store = opened(url)
    app = build(store, None)
    await app.platforms.put(LOCAL, Platform("default", zone="Europe/Brussels"))
    resources = [
        Resource(f"{kind} {number:02}", function=kind, pools=(f"{kind}s",))
        for number in range(1, RESOURCES // len(KINDS) + 1)
        for kind in KINDS
    ]
    await app.catalogue.apply(LOCAL, "default", resources)
    store.close()


def _filled(url: str, bookings: int, history: int) -> None:
    now = int(time.time()) // 300 * 300
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        places = [row[0] for row in connection.execute("select id from resource order by key")]
        chance = random.Random(7)
        begun = {place: now - int(1.6 * DAY) - chance.randrange(7200) for place in places}
        rows = [_row(chance, begun, places[n % len(places)], n, now) for n in range(bookings)]
        past = dict.fromkeys(places, now - 400 * DAY)
        rows += [_row(chance, past, places[n % len(places)], bookings + n, now) for n in range(history)]
        connection.execute("pragma synchronous = off")
        connection.execute("begin")
        connection.executemany(
            f"insert into booking ({_COLUMNS}) values ({', '.join('?' * len(rows[0]))})", rows
        )  # fmt: skip
        connection.execute(_RESERVATIONS)
        connection.execute("commit")
        connection.execute("analyze")
        connection.execute("pragma wal_checkpoint(truncate)")


def _row(chance: random.Random, begun: dict[str, int], place: str, number: int, now: int) -> tuple[object, ...]:
    """The next booking of a resource."""
    held = begun[place] + chance.choice((300, 600, 1800, 3600, 7200, 14_400, 36_000)) // 300 * 300
    held -= held % 300
    pre, post = chance.choice(((0, 0), (300, 300), (600, 600), (900, 300)))
    start = held + pre
    end = start + chance.choice((900, 1800, 3600, 5400, 7200, 14_400))
    over = begun[place] = end + post
    if over < now:
        state = chance.choice(ENDED)
    elif held > now:
        state = chance.choice(AHEAD)
    else:
        state = "Pre-roll" if now < start else "Service Active" if now < end else "Post-roll"
    name = f"{chance.choice(PROGRAMMES)} {number}"
    body = json.dumps({"v": 1, "data": {"nodes": {"Node": {"resource": place}}, "properties": {}}})
    return (
        str(uuid6.uuid7()), 1, name, name.casefold(), state,
        int(state not in LIVE_AGAIN), start * US, end * US, pre * US, post * US, held * US, over * US, body, 0, "",
        int(held <= now and state != "Canceled"), "", int(state == "Failed Completed"), "UTC", 1, 1, now * US, "bench",
        now * US, "", 0, "",
    )  # fmt: skip
