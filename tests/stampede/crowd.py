# SPDX-License-Identifier: Apache-2.0
"""One of many processes that want the same thing at the same moment; a barrier starts each round, no clock does."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from itertools import count
from threading import Barrier
from typing import Any, Protocol

from preroll.app import App, build
from preroll.app.bookings import Edit, NewBooking
from preroll.domain.booking import NodeChoice, Timing
from preroll.domain.config import Platform
from preroll.domain.errors import Conflict, Refused, Stale
from preroll.domain.permission import LOCAL
from preroll.domain.window import MINUTE, SECOND
from preroll.ports.clock import Clock
from preroll.store import SqlStore, open_store, reservations, sqlite
from preroll.store.opening import fresh_bits
from preroll.store.work import Memory, Work
from tests.builders import NOON
from tests.store.world import StoppedClock

HOUR = 60 * MINUTE
Nodes = dict[str, tuple[str, int, str]]
"""Label -> resource, rate, polarisation."""
LIMITS = {("hot-1", ""): 2, ("hot-1", "rate"): 10, ("hot-2", ""): 2, ("hot-2", "rate"): 10}
HOT = {"a": ("hot-1", 6, ""), "b": ("hot-2", 3, "H")}
"""What everybody wants in the window of a round; one can have it."""
DOCUMENTS: list[dict[str, Any]] = [
    {
        "kind": "profile_definition", "name": "Link", "parameters": [
            {"name": "rate", "type": "number", "kinds": ["capacity"]},
            {"name": "pol", "kinds": ["capability"]},
        ],
    },
    {"kind": "profile_instance", "name": "Link", "definition": "Link"},
    *(
        {
            "kind": "resource", "name": name, "concurrency": 2, "capacities": {"rate": 10},
            "capabilities": {"pol": {"time_dependent": True}},
        }
        for name in ("hot-1", "hot-2")
    ),
    *({"kind": "resource", "name": f"pooled-{n}", "pools": ["pool"]} for n in range(16)),
    {"kind": "service_definition", "name": "Pair", "nodes": [{"label": n, "pool": "pool"} for n in "ab"]},
    *({"kind": "resource", "name": f"spare-{n}", "concurrency": 50, "capacities": {"rate": 1000}} for n in range(8)),
]  # fmt: skip
MORE = {"a": ("hot-1", 7, ""), "b": ("hot-2", 4, "V")}
ACTS = (
    ("create", "create", "force", "move", "create", "swap", "create", "move"),
    ("create", "insist", "force", "move", "cancel", "swap", "insist", "create"),
)
"""What the members do, by number: in every other round somebody has it already, and gives it up or wants more of it.
Each round begins elsewhere."""
TAKERS = (("take",) * 8,)
"""Everybody takes two of sixteen, whichever are free."""
Acts = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Want:
    """A booking that somebody wants."""

    name: str
    start: int
    nodes: Nodes
    priority: int = 0
    force: bool = False
    definition: str | None = None
    """Its open nodes take what is free."""

    def booking(self) -> NewBooking:
        """As the use case takes it."""
        return NewBooking(
            self.name, _timing(self.start), definition=self.definition, nodes=_nodes(self.nodes),
            priority=self.priority, force=self.force,
        )  # fmt: skip


class Door(Protocol):
    """A way to book. Every call says whether it was done; what is no refusal is raised."""

    async def create(self, want: Want) -> str | None: ...
    async def move(self, ident: str, start: int, *, force: bool) -> bool: ...
    async def swap(self, ident: str, nodes: Nodes, *, force: bool) -> bool: ...
    async def cancel(self, ident: str) -> bool: ...


class Units:
    """Through the use cases, on a store of its own."""

    def __init__(self, app: App, *, unlocked: bool) -> None:
        self._bookings = app.bookings
        self._refused: tuple[type[Exception], ...] = (Refused,) if unlocked else (Conflict, Stale)

    async def create(self, want: Want) -> str | None:
        try:
            return (await self._bookings.create(LOCAL, want.booking())).booking.id
        except self._refused:
            return None

    async def move(self, ident: str, start: int, *, force: bool) -> bool:
        return await self._edit(ident, Edit(timing=_timing(start), force=force))

    async def swap(self, ident: str, nodes: Nodes, *, force: bool) -> bool:
        return await self._edit(ident, Edit(nodes=_nodes(nodes), force=force))

    async def cancel(self, ident: str) -> bool:
        try:
            await self._bookings.cancel(LOCAL, ident, None)
        except self._refused:
            return False
        return True

    async def _edit(self, ident: str, change: Edit) -> bool:
        try:
            await self._bookings.edit(LOCAL, ident, None, change)
        except self._refused:
            return False
        return True


class Http:
    """Through the API of a server."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)

    async def create(self, want: Want) -> str | None:
        body = {
            "name": want.name, "start": _iso(want.start), "end": _iso(want.start + HOUR), "nodes": _plain(want.nodes),
            "priority": want.priority, "force": want.force, "definition": want.definition,
        }  # fmt: skip
        made = self._send("POST", "/api/v1/bookings", body)
        return made and str(made["id"])

    async def move(self, ident: str, start: int, *, force: bool) -> bool:
        body = {"start": _iso(start), "end": _iso(start + HOUR), "force": force}
        return self._send("PATCH", f"/api/v1/bookings/{ident}", body) is not None

    async def swap(self, ident: str, nodes: Nodes, *, force: bool) -> bool:
        return self._send("PATCH", f"/api/v1/bookings/{ident}", {"nodes": _plain(nodes), "force": force}) is not None

    async def cancel(self, ident: str) -> bool:
        return self._send("POST", f"/api/v1/bookings/{ident}/cancel", {}) is not None

    def _send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        headers = {"content-type": "application/json", "if-match": "*"}
        self._connection.request(method, path, json.dumps(body), headers)
        answer = self._connection.getresponse()
        said: dict[str, Any] = json.loads(answer.read())
        if answer.status in (409, 412):
            return None
        assert answer.status in (200, 201), said
        return said


def _timing(start: int) -> Timing:
    return Timing(start, start + HOUR)


def _nodes(wanted: Nodes) -> dict[str, NodeChoice]:
    return {label: NodeChoice(name, "Link", _values(rate, pol)) for label, (name, rate, pol) in wanted.items()}


def _plain(wanted: Nodes) -> dict[str, Any]:
    return {
        label: {"resource": name, "profile": "Link", "values": _values(rate, pol)}
        for label, (name, rate, pol) in wanted.items()
    }


def _values(rate: int, pol: str) -> dict[str, object]:
    return {"rate": rate, "pol": pol} if pol else {"rate": rate}


def _iso(us: int) -> str:
    return datetime.fromtimestamp(us // SECOND, UTC).isoformat()


# ---------------------------------------------------------------------------- processes


@contextmanager
def opened(url: str) -> Iterator[SqlStore]:
    """A store with threads of its own."""
    threads: list[threading.Thread] = []

    def spawn(name: str, function: Callable[[], None]) -> None:
        threads.append(threading.Thread(target=function, name=name, daemon=True))
        threads[-1].start()

    store = open_store(url, clock=StoppedClock(NOON - HOUR), spawn=spawn, pin_clock=True, readers=1, writers=2)
    try:
        yield store
    finally:
        store.close()
        for thread in threads:
            thread.join(10)


def furnish(url: str) -> None:
    """Put the catalogue in."""
    from pydantic import TypeAdapter

    from preroll.api.documents import DocumentGiven

    documents = [document.thing() for document in TypeAdapter(list[DocumentGiven]).validate_python(DOCUMENTS)]

    async def put(store: SqlStore) -> None:
        app = build(store, None)
        await app.platforms.put(LOCAL, Platform("default"))
        await app.catalogue.apply(LOCAL, "default", documents)

    with opened(url) as store:
        asyncio.run(put(store))


def through_units(
    url: str, number: int, acts: Acts, rounds: range, barrier: Barrier, told: Any, meet: Barrier | None
) -> None:
    """A member that opens the database itself; with ``meet`` unlocked."""
    with opened(url) as store:
        look = unlock(url, meet) if meet else nothing
        _attend(Units(build(store, None), unlocked=meet is not None), number, acts, rounds, barrier, told, look)


def through_http(port: int, number: int, acts: Acts, rounds: range, barrier: Barrier, told: Any) -> None:
    """A member that is a client."""
    _attend(Http(port), number, acts, rounds, barrier, told, nothing)


def serve(url: str, told: Any, meet: Barrier | None) -> None:
    """A server, with ``meet`` unlocked; it tells its port, and serves until it is terminated."""
    import uvicorn

    from preroll.api import create_app

    with opened(url) as store, socket.create_server(("127.0.0.1", 0)) as listening:
        if meet:
            unlock(url, meet, every=8)
        server = uvicorn.Server(uvicorn.Config(create_app(build(store, None)), lifespan="off", log_config=None))
        told.put(listening.getsockname()[1])
        asyncio.run(server.serve([listening]))


def nothing() -> None:
    """What a member does before it acts when all is as it should be."""


def unlock(url: str, meet: Barrier, every: int = 0) -> Callable[[], None]:
    """The control: take away what keeps two from getting the same. Returns what a member does before it acts.

    PostgreSQL: resources are read without a lock, and who has looked waits for another one that has, if there is one.
    SQLite: what is free is asked outside of the write lock, on a snapshot; with ``every`` on a new one after so many.
    """
    ask = reservations.Reservations._judged
    if not url.startswith("sqlite"):
        locked = reservations._LOCK
        reservations._LOCK = locked.removesuffix("for no key update")
        assert locked != reservations._LOCK

        def met(self: reservations.Reservations, *asked: Any) -> Any:
            found = ask(self, *asked)()
            try:
                meet.wait(0.2)
            except threading.BrokenBarrierError:
                meet.reset()
            return lambda: found

        reservations.Reservations._judged = met  # type: ignore[method-assign]
        return nothing
    aside = sqlite.connect(url.removeprefix(sqlite.PREFIX), read_only=True)
    seen = reservations.Reservations(Work(aside, _clock(), Memory(), fresh_bits()))
    turn, asks = threading.Lock(), count()

    def judged(_: object, *asked: Any) -> Any:
        with turn:
            if every and next(asks) % every == 0:
                look()
            found = ask(seen, *asked)()
        return lambda: found

    def look() -> None:
        aside.rollback()
        aside.begin(write=False)
        aside.all("select count(*) from reservation")

    reservations.Reservations._judged = judged  # type: ignore[method-assign]
    return look


def _clock() -> Clock:
    return StoppedClock(NOON - HOUR)


def _attend(
    door: Door, number: int, acts: Acts, rounds: range, barrier: Barrier, told: Any, look: Callable[[], None]
) -> None:
    try:
        told.put(asyncio.run(_all_rounds(door, number, acts, rounds, barrier, look)))
    except BaseException as error:
        barrier.abort()
        told.put(f"{type(error).__name__}: {error}")
        raise


async def _all_rounds(
    door: Door, number: int, acts: Acts, rounds: range, barrier: Barrier, look: Callable[[], None]
) -> Counter[tuple[str, bool]]:
    done: Counter[tuple[str, bool]] = Counter()
    for turn in rounds:
        now = acts[turn % len(acts)]
        act = now[(number + turn) % len(now)]
        before = _before(act, number, turn)
        mine = await door.create(before) if before else None
        barrier.wait(60)
        look()
        barrier.wait(60)
        done[act, await _act(door, act, mine or "", number, turn)] += 1
    return done


def _before(act: str, number: int, turn: int) -> Want | None:
    """The booking that will be changed: of the hot ones at another time, or at the time, or of another one then."""
    name, start = f"{turn}-{number}", NOON + turn * HOUR
    match act:
        case "swap":
            return Want(name, start, {"a": (f"spare-{number}", 1, "")})
        case "move":
            return Want(name, NOON + (1_000 + 100 * number + turn) * HOUR, HOT)
        case "insist" | "cancel":
            return Want(name, start, HOT, force=True)
    return None


async def _act(door: Door, act: str, mine: str, number: int, turn: int) -> bool:
    start, force = NOON + turn * HOUR, number % 2 == 0
    match act:
        case "move":
            return await door.move(mine, start, force=force)
        case "swap":
            return await door.swap(mine, HOT, force=force)
        case "insist":
            return await door.swap(mine, MORE, force=True)
        case "cancel":
            return await door.cancel(mine)
        case "take":
            return await door.create(Want(f"{turn}-{number}", start, {}, definition="Pair")) is not None
    want = Want(f"{turn}-{number}", start, HOT, priority=number % 3, force=act == "force")
    return await door.create(want) is not None
