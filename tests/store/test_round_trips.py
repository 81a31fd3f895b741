# SPDX-License-Identifier: Apache-2.0
"""Statements of PostgreSQL that wait for each other: one round trip, the same answers, the server's own error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg import errors

from preroll.store.postgres import PostgresConnection, connect


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
