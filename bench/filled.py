# SPDX-License-Identifier: Apache-2.0
"""Databases with 10,000 resources and so many bookings, made in seconds: the rows are written by the database itself.

Three resources a booking, in slots of two hours, a third of the resources in each; a tenth of the bookings is in the
future, the rest is over. The last five minutes of a slot are free for whoever measures. On a few resources some
bookings last for 200 days.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bench.databases import Databases
from bench.rig import opened
from preroll.app import build
from preroll.domain.config import Platform
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.parameter import Parameter, ParameterKind, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource

MINUTE = 60_000_000
SLOT = 120 * MINUTE
RESOURCES, FUNCTIONS = 10_000, 33
BUSY_AT_ONCE = 1_000
"""Blocks of three resources that are booked in one slot, of 3,333."""
LONG_BLOCKS = 2_900
"""From this block on, some bookings last for 200 days."""
NODES = ("camera", "encoder", "link")
WIDE = 18

_BOOKINGS = """
insert into booking (id, platform, name, folded, state, live, start_us, end_us, pre_roll_us, post_roll_us,
  held_start_us, held_end_us, definition, body, priority, service_state, began, entering, not_reset, zone, revision,
  state_version, created_us, created_by, changed_us)
with recursive n(i) as (select cast(0 as bigint) union all select i + 1 from n where i + 1 < {count}),
 placed(i, live, block, slot) as (
  select i, case when i < {live} then 1 else 0 end, i % {busy_at_once} * 3 + i / {busy_at_once} % 3,
   case when i < {live} then 1 + i / {busy_at_once} else -1 - (i - {live}) / {busy_at_once} end from n),
 timed(i, live, start, stop) as (
  select i, live, {now} + slot * {slot}, {now} + slot * {slot} + case
   when live = 1 and block >= {busy} and i % 10 = 0 then 17280000000000 else (30 + i * 7 % 85) * {minute} end
  from placed)
select 'booking-' || i, 1, 'Show ' || i, 'show ' || i, case when live = 1 then 'Confirmed' else 'Completed' end, live,
 start, stop, 0, 0, start, stop, 1,
 '{{"v":1,"data":{{"nodes":{{"camera":{{"resource":"R' || i || '"}},"encoder":{{"resource":"R' || i ||
 '"}},"link":{{"resource":"R' || i || '"}}}},"properties":{{"title":"Show"}}}}}}',
 0, 'STOP', 0, '', 0, 'UTC', 1, 1, {now}, 'bench', {now} from timed
"""
_DIMENSION = "insert into dimension (name) select 'rate' where not exists (select 1 from dimension)"
_RESERVATIONS = """
insert into reservation (booking, resource, dimension, start_us, end_us, amount, live, tier, unreset, agreed)
select k.key, 3 * ((k.key - 1) % {busy_at_once} * 3 + (k.key - 1) / {busy_at_once} % 3) + n.place, n.dimension,
 k.held_start_us, k.held_end_us, n.amount, k.live,
 case when k.held_end_us - k.held_start_us <= 3600000000 then 0 when k.held_end_us - k.held_start_us <= 14400000000
 then 1 else 5 end, 0, ''
from booking k cross join (select 1 as place, 0 as dimension, 1 as amount union all select 2, 0, 1
 union all select 2, 1, 8000000 union all select 3, 0, 1) n
"""


@dataclass(frozen=True, slots=True)
class Filled:
    """A database, and where in it there is room."""

    url: str
    bookings: int
    now_us: int

    def gap(self, number: int) -> tuple[int, int]:
        """The start of five free minutes between bookings, and the block of resources; another for each number."""
        return self.now_us + (1 + number // 900) * SLOT + 115 * MINUTE, number % 900


def names(block: int, count: int = 3) -> list[str]:
    """The resources of a block, by node."""
    return [f"R{3 * block + place:05}" for place in range(1, count + 1)]


class Fill:
    """Makes filled databases from one blank one of each kind."""

    def __init__(self, places: Databases) -> None:
        self._places = places
        self._now = int(time.time()) // 7200 * 7200 * 1_000_000

    @cached_property
    def _sqlite(self) -> str:
        return self._furnished("sqlite")

    @cached_property
    def _postgresql(self) -> str:
        return self._furnished("postgresql")

    def make(self, kind: str, bookings: int, live: int | None = None) -> Filled:
        """A database with so many bookings.

        Args:
            live: how many of them are to come, the rest is history; None: a tenth.
        """
        blank = self._sqlite if kind == "sqlite" else self._postgresql
        asked = {
            "count": bookings, "live": bookings // 10 if live is None else live, "busy_at_once": BUSY_AT_ONCE,
            "busy": LONG_BLOCKS, "slot": SLOT, "minute": MINUTE, "now": self._now,
        }  # fmt: skip
        statements = [_BOOKINGS.format(**asked), _RESERVATIONS.format(**asked)]
        url = _copied(blank, self._places) if kind == "sqlite" else _cloned(blank)
        (_fill_sqlite if kind == "sqlite" else _fill_postgresql)(url, statements)
        return Filled(url, bookings, self._now)

    def _furnished(self, kind: str) -> str:
        url = self._places.fresh(kind)
        asyncio.run(_catalogue(url))
        return url


async def _catalogue(url: str) -> None:
    """Resources, one profile that takes a capacity, and services of three and of eighteen nodes."""
    store = opened(url)
    app = build(store, None)
    await app.platforms.put(LOCAL, Platform("default"))
    resources = [
        Resource(
            f"R{n:05}", function=f"function {n % FUNCTIONS}", capacities={"rate": 100}, pools=(f"site {n % 50}",),
            address={"url": f"http://r{n}.example/"}, properties={"rack": n % 40}, priority=n % 7,
        )
        for n in range(1, RESOURCES + 1)
    ]  # fmt: skip
    rate = Parameter("rate", ValueType.NUMBER, kinds=(ParameterKind.CAPACITY,), default=8)
    nodes = tuple(
        Node(label, profile="stream" if label == "encoder" else "", default_profile="HD" if label == "encoder" else "")
        for label in NODES
    )
    wide = tuple(Node(f"node {n}", profile="stream", default_profile="HD") for n in range(WIDE))
    documents = [
        ProfileDefinition("stream", (rate,)), ProfileInstance("HD", "stream", {"rate": 8}),
        ServiceDefinition("feed", nodes=nodes), ServiceDefinition("wide", nodes=wide),
    ]  # fmt: skip
    await app.catalogue.apply(LOCAL, "default", documents[:2])
    await app.catalogue.apply(LOCAL, "default", documents[2:3])
    await app.catalogue.apply(LOCAL, "default", [*documents[3:], *resources])
    store.close()


def _copied(url: str, places: Databases) -> str:
    copy = places.fresh("sqlite")
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    shutil.copy(Path(url.removeprefix("sqlite:///")), Path(copy.removeprefix("sqlite:///")))
    return copy


def _cloned(url: str) -> str:
    name = f"filled{time.monotonic_ns()}"
    parts = urlsplit(url)
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as connection:
        connection.execute(f"create database {name} template {parts.path[1:]}")  # type: ignore[arg-type]
    return urlunsplit(parts._replace(path=f"/{name}"))


def _fill_sqlite(url: str, statements: list[str]) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        connection.execute("pragma synchronous = off")
        connection.execute("pragma cache_size = -200000")
        connection.execute(
            "insert into dimension (key, name) select 1, 'rate' where not exists (select 1 from dimension)"
        )
        for statement in statements:
            connection.execute(statement)
        connection.execute("pragma wal_checkpoint(truncate)")


def _fill_postgresql(url: str, statements: list[str]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("set synchronous_commit = off")
        connection.execute(_DIMENSION)
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]
        connection.execute("vacuum (analyze)")
        connection.execute("checkpoint")
