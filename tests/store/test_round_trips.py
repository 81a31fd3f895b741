# SPDX-License-Identifier: Apache-2.0
"""Statements of PostgreSQL that wait for each other: one round trip, the same answers, the server's own error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from preroll.app import build
from preroll.app.bookings import NewBooking
from preroll.domain.booking import NodeChoice, Timing
from preroll.domain.config import Platform
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.parameter import Parameter, ParameterKind, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.domain.window import DAY, MINUTE, Window
from preroll.store import open_store
from preroll.store.postgres import PostgresConnection, connect
from tests.store.conftest import database
from tests.store.wire import Wire
from tests.store.world import StoppedClock


@pytest.fixture
def db(server: str) -> Iterator[PostgresConnection]:
    connection = connect(server)
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


def test_an_answer_that_is_there_sends_nothing(db):
    first, second = db.later("select 1"), db.later("select 2")
    assert first() == [(1,)]
    db.send("insert into nowhere values (1)")
    assert second() == [(2,)]
    db.rollback()


@pytest.fixture
def wire(server: str, tmp_path: Path) -> Iterator[Wire]:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("create database counted template blank")
    made = Wire(database(server, "counted"), tmp_path)
    yield made
    made.close()


async def test_a_booking_of_three_resources_takes_four_round_trips(wire, spawn):
    """Issue 4: the commit among them. What it needs of the catalogue was read when it was last changed."""
    store = open_store(wire.url, clock=StoppedClock(), spawn=spawn, readers=1, writers=1)
    try:
        app = build(store, None)
        nodes = tuple(Node(label, profile="stream", default_profile="HD") for label in ("camera", "encoder", "link"))
        rate = Parameter("rate", ValueType.NUMBER, kinds=(ParameterKind.CAPACITY,))
        resources = [Resource(f"R{n}", capacities={"rate": 10}) for n in range(3)]
        stream, instance = ProfileDefinition("stream", (rate,)), ProfileInstance("HD", "stream", {"rate": 8})
        await app.platforms.put(LOCAL, Platform("default"))
        await app.catalogue.apply(
            LOCAL, "default", [*resources, stream, instance, ServiceDefinition("feed", nodes=nodes)]
        )
        start = StoppedClock().now_us() + 400 * DAY
        chosen = {node.label: NodeChoice(f"R{n}") for n, node in enumerate(nodes)}

        async def book(day: int) -> int:
            timing = Timing(start + day * DAY, start + day * DAY + MINUTE)
            before = wire.round_trips
            made = await app.bookings.create(LOCAL, NewBooking(f"Show {day}", timing, definition="feed", nodes=chosen))
            assert sorted(made.resources.values()) == ["R0", "R1", "R2"]
            return wire.round_trips - before

        await book(0)
        assert [await book(day) for day in range(1, 5)][1:] == [4, 4, 4], "the first two make and learn the dimension"
        held = await store.read(lambda tx: tx.reservations.usages(resources_of(tx), Window(0, None)))
        assert {(u.dimension, u.amount) for found in held.values() for u in found} == {("", 1), ("rate", 8_000_000)}
    finally:
        store.close()


def resources_of(tx):
    return tx.catalogue.resources(tx.platforms.get("default").key)
