# SPDX-License-Identifier: Apache-2.0
"""Statements of PostgreSQL that wait for each other: one round trip, the same answers, the server's own error.

And how many statements, or round trips, what is done most often takes.
"""

from __future__ import annotations

import os
import select
import signal
import sqlite3
import threading
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from psycopg import errors, generators

from preroll.app import App, build, deploying
from preroll.app.bookings import NewBooking
from preroll.app.orchestration import Orchestration
from preroll.app.orders import NewOrder, Time
from preroll.domain.booking import NodeChoice, Timing
from preroll.domain.config import Platform
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.deployment import WHOLE
from preroll.domain.machine import Outcome
from preroll.domain.order import OrderItem, OrderKind, OrderState
from preroll.domain.parameter import Parameter, ParameterKind, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.domain.window import DAY, HOUR, MINUTE, Window
from preroll.ports import scripts
from preroll.ports.rows import Settlement
from preroll.store import open_store
from preroll.store.postgres import PostgresConnection, connect
from tests.postgres import Postgres
from tests.store.wire import Wire
from tests.store.world import PRE_ROLL, StoppedClock, World

R = TypeVar("R")
LABELS = ("camera", "encoder", "link")


@pytest.fixture
def db(postgres: Postgres) -> Iterator[PostgresConnection]:
    connection = connect(postgres.bare("talk"))
    yield connection
    connection.close()


def test_answers_are_read_in_any_order(db):
    db.begin(write=True)
    first, second = db.later("select 1"), db.later("select key from given(key bigint) g", [(2,), (3,)])
    assert db.one("select 4") == (4,)
    assert (second(), first()) == ([(2,), (3,)], [(1,)])
    db.commit()


@pytest.mark.parametrize("after", [0, 1, 5])
def test_what_fails_on_the_way_is_told_as_it_is(db, after):
    db.begin(write=True)
    db.send("insert into nowhere values (1)")
    for _ in range(after):
        db.send("select 1")
    with pytest.raises(errors.UndefinedTable, match="nowhere"):
        db.one("select 2")
    assert not db.lost(errors.UndefinedTable())
    db.rollback()
    assert db.one("select 3") == (3,)


def test_a_commit_that_carries_a_failure_commits_nothing(db):
    db.begin(write=True)
    db.run("create table half (a bigint)")
    db.send("insert into half values (1 / 0)")
    with pytest.raises(errors.DivisionByZero):
        db.commit()
    db.rollback()
    assert db.one("select to_regclass('half')") == (None,)


def test_much_is_sent_whole_to_a_server_that_is_slow_to_take_it(db):
    db.begin(write=False)
    pid = db.one("select pg_backend_pid()")
    db.send("select pg_sleep(0.2)")
    far = threading.Timer(100, os.kill, (pid[0], signal.SIGTERM))
    far.start()
    try:
        assert db.one("select count(*) from each(?texts) u", ["x" * 1_000] * 10_000) == (10_000,)
    finally:
        far.cancel()
    db.rollback()


def test_what_was_never_sent_needs_no_undoing(db):
    db.begin(write=True)
    db.send("insert into nowhere values (1)")
    db.rollback()
    assert db.one("select 3") == (3,)


def test_what_was_prepared_can_be_used_after_a_roll_back(db):
    for _ in range(3):
        db.begin(write=True)
        db.send("savepoint unit")
        first, second = db.later("select 1"), db.later("select 2")
        assert (first(), second()) == ([(1,)], [(2,)])
        db.send("insert into nowhere values (1)")
        db.rollback("unit")
        db.send("release savepoint unit")
        assert db.one("select 1") == (1,)
        db.rollback()


def test_what_was_prepared_stays_so_when_a_look_ends(db):
    """Planning it again would cost more than carrying it out."""
    for _ in range(2):
        db.begin(write=False)
        assert db.one("select 7") == (7,)
        db.send("select 8")
        db.end()
        prepared = db.all("select statement from pg_prepared_statements where statement in ('select 7', 'select 8')")
        assert prepared == [("select 7",)], "and what was never sent is not sent now"
    db.begin(write=False)
    with pytest.raises(errors.UndefinedTable):
        db.one("select * from nowhere")
    db.end()
    db.end()
    assert db.one("select 3") == (3,)


def test_an_answer_that_is_there_sends_nothing(db):
    first, second = db.later("select 1"), db.later("select 2")
    assert first() == [(1,)]
    db.send("insert into nowhere values (1)")
    assert second() == [(2,)]
    db.rollback()


@pytest.fixture
def wire(postgres: Postgres, tmp_path: Path) -> Iterator[Wire]:
    made = Wire(postgres.current(), tmp_path)
    yield made
    made.close()


def test_who_hangs_up_waits_for_no_answer(wire):
    """A server may stand still for ever."""
    held, idle = connect(wire.url), connect(wire.url)
    held.begin(write=True)
    assert (held.one("select 1"), idle.one("select 2")) == ((1,), (2,))
    wire.fall_silent()

    def hang_up() -> None:
        held.close()
        idle.close()

    leaves = threading.Thread(target=hang_up, daemon=True)
    leaves.start()
    leaves.join(30)
    assert not leaves.is_alive(), "it waits for an answer"
    assert held.lost(AssertionError())
    assert idle.lost(AssertionError())


def test_one_that_hangs_up_with_words_unheard_takes_no_other_from_the_wire(wire):
    goes, stays = connect(wire.url), connect(wire.url)
    pid = stays.one("select pg_backend_pid()")
    goes.send("select repeat('x', 100000)")
    for cursor, sql, values, prepare in goes._waiting:
        cursor.execute(sql, values, prepare=prepare)
    goes._connection.wait(generators.send(goes._connection.pgconn))
    goes._connection.pgconn.pipeline_sync()
    goes._connection.pgconn.flush()
    select.select([goes._connection.fileno()], [], [])
    goes.close()
    assert stays.one("select pg_backend_pid()") == pid
    stays.close()


async def with_three_resources(app: App) -> None:
    """Three resources with a capacity, and a service of three nodes that takes a share of it on each."""
    nodes = tuple(Node(label, profile="stream", default_profile="HD") for label in LABELS)
    rate = Parameter("rate", ValueType.NUMBER, kinds=(ParameterKind.CAPACITY,))
    resources = [Resource(f"R{n}", capacities={"rate": 10}) for n in range(3)]
    stream, instance = ProfileDefinition("stream", (rate,)), ProfileInstance("HD", "stream", {"rate": 8})
    await app.platforms.put(LOCAL, Platform("default"))
    await app.catalogue.apply(LOCAL, "default", [*resources, stream, instance, ServiceDefinition("feed", nodes=nodes)])


async def book_three(app: App, day: int) -> None:
    """A minute of all three on a day of their own."""
    start = StoppedClock().now_us() + (400 + day) * DAY
    chosen = {label: NodeChoice(f"R{n}") for n, label in enumerate(LABELS)}
    asked = NewBooking(f"Show {day}", Timing(start, start + MINUTE), definition="feed", nodes=chosen)
    made = await app.bookings.create(LOCAL, asked)
    assert sorted(made.resources.values()) == ["R0", "R1", "R2"]


async def test_a_booking_of_three_resources_takes_ten_statements_on_sqlite(tmp_path, spawn, monkeypatch):
    """Its beginning and its commit among them: no look at what was read before; six reservations are two statements."""
    said: list[str] = []
    plain = sqlite3.connect

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        made = plain(*args, **options)
        made.set_trace_callback(said.append)
        return made

    monkeypatch.setattr(sqlite3, "connect", connect)
    store = open_store(f"sqlite:///{tmp_path / 'preroll.db'}", clock=StoppedClock(), spawn=spawn, readers=1)
    try:
        app = build(store, None)
        await with_three_resources(app)
        for day in range(2):  # they make and learn the dimension
            await book_three(app, day)
        said.clear()
        await book_three(app, 2)
        words = [statement.split()[0].lower() for statement in said if not statement.startswith("--")]
        assert words == ["begin", *["select"] * 4, *["insert"] * 4, "commit"]
    finally:
        store.close()


async def test_a_booking_of_three_resources_takes_four_round_trips(wire, spawn):
    """Issue 4: the commit among them. What it needs of the catalogue was read when it was last changed."""
    store = open_store(wire.url, clock=StoppedClock(), spawn=spawn, readers=1, writers=1)
    try:
        app = build(store, None)
        await with_three_resources(app)

        async def book(day: int) -> int:
            before = wire.round_trips
            await book_three(app, day)
            return wire.round_trips - before

        await book(0)
        assert [await book(day) for day in range(1, 5)][1:] == [4, 4, 4], "the first two make and learn the dimension"
        held = await store.read(lambda tx: tx.reservations.usages(resources_of(tx), Window(0, None)))
        assert {(u.dimension, u.amount) for found in held.values() for u in found} == {("", 1), ("rate", 8_000_000)}
    finally:
        store.close()


@pytest.mark.parametrize("held", [(), ("enc-1",)])
async def test_what_an_event_waits_for(wire, spawn, held):
    """Each with its commit. What it holds costs no round trip more."""
    clock = StoppedClock()
    world = World(open_store(wire.url, clock=clock, spawn=spawn, pin_clock=True, readers=1, writers=1), clock, wire.url)
    counted: dict[str, int] = {}

    async def count(name: str, call: Awaitable[R]) -> R:
        before = wire.round_trips
        answer = await call
        counted[name] = wire.round_trips - before
        return answer

    try:
        await world.furnish()
        for name in ("the first, which is prepared", "News"):
            await world.book(name, on=held)
            claims = await count("claim", world.claim(PRE_ROLL))
            (run,) = claims.runs
            await count("begin", world.begin(run))
            await count("end", world.end(run))
            await count("settle", world.settle(run))
            await count("nothing", world.claim(PRE_ROLL))
        assert counted == {"claim": 4, "begin": 2, "end": 2, "settle": 2, "nothing": 3}
    finally:
        world.store.close()


async def test_what_a_deployment_waits_for(wire, spawn):
    """Issue 7: what it needs is read in one look, and what must not have changed is looked at in one more."""
    store = open_store(wire.url, clock=StoppedClock(), spawn=spawn, readers=1, writers=1)
    try:
        app = build(store, None)
        await app.platforms.put(LOCAL, Platform("default"))
        nodes = (Node("end", profile="stream", default_profile="HD"),)
        shelf = [ProfileDefinition("stream", ()), ProfileInstance("HD", "stream"), Resource("R0"), Resource("R1")]
        await app.catalogue.apply(LOCAL, "default", [*shelf, ServiceDefinition("line", nodes=nodes)])
        worker = await store.journal.enlist("one", "here", 1, "1", HOUR)
        for name in ("R0", "R1"):
            said = {"definition": "line", "name": name, "nodes": {"end": {"resource": name}}}
            items = (OrderItem("1", OrderKind.PROVISION, "", values=said),)
            ordered = await app.orders.create(LOCAL, NewOrder("default", name, items), time=Time())
            (claimed,) = (await store.journal.claim(worker, HOUR, Orchestration(store, None).decide, 10)).runs
            trips = [wire.round_trips]

            async def go(_: scripts.Order, trips: list[int] = trips) -> scripts.Report:
                trips.append(wire.round_trips)
                return scripts.Report(Outcome.OK, returned={"parts": {WHOLE: {"ok": True, "fault": "", "message": ""}}})

            report = await deploying.performed(store, claimed, go)
            trips.append(wire.round_trips)
            done = await app.orders.get(LOCAL, ordered.order.id)
            assert done.order.state is OrderState.COMPLETED
            await store.journal.settle(Settlement(claimed.fence, claimed.run, report.outcome, claimed.decision))
        assert (trips[1] - trips[0], trips[2] - trips[1]) == (3, 5)
    finally:
        store.close()


async def test_what_the_ends_of_many_deployments_wait_for(wire, spawn):
    """Orders that end together are written down together, whatever they provision."""
    store = open_store(wire.url, clock=StoppedClock(), spawn=spawn, readers=1, writers=1)
    said = {"parts": {WHOLE: {"ok": True, "fault": "", "message": ""}}}
    try:
        app = build(store, None)
        await app.platforms.put(LOCAL, Platform("default"))
        await app.catalogue.apply(LOCAL, "default", [ServiceDefinition("line")])
        worker = await store.journal.enlist("one", "here", 1, "1", HOUR)
        trips = []
        for names in ("first", "second"), ("1",), ("a", "b", "c", "d", "e", "f"):
            for name in names:
                items = (OrderItem("1", OrderKind.PROVISION, "", values={"definition": "line", "name": name}),)
                await app.orders.create(LOCAL, NewOrder("default", name, items), time=Time())
            runs = (await store.journal.claim(worker, HOUR, Orchestration(store, None).decide, 10)).runs
            ran = [deploying.Ran(run) for run in runs]
            await store.write(lambda tx, ran=ran: deploying._begun(tx, ran))
            ended = [deploying.Ran(run, scripts.Report(Outcome.OK, returned=said)) for run in runs]
            before = wire.round_trips
            reports = await store.write(lambda tx, ended=ended: deploying._concluded(tx, ended))
            trips.append(wire.round_trips - before)
            assert [report.returned["state"] for report in reports] == [OrderState.COMPLETED] * len(names)
            for run in runs:
                await store.journal.settle(Settlement(run.fence, run.run, Outcome.OK, run.decision))
        assert trips[1] == trips[2]
    finally:
        store.close()


def resources_of(tx):
    return tx.catalogue.resources(tx.platforms.get("default").key)
