# SPDX-License-Identifier: Apache-2.0
"""Units: all or nothing, each for itself, many in a commit; and what happens when the commit fails."""

from __future__ import annotations

import asyncio
import select
import sqlite3
import threading
from dataclasses import replace

import psycopg
import pytest

from preroll.domain.booking import State
from preroll.domain.config import Platform, PlatformConfig
from preroll.domain.errors import PrerollError, Refused, StoreUnavailable
from preroll.ports.rows import Verdict
from preroll.store.postgres import AGAIN, GONE, WHOLE_SINCE, connect
from tests import builders
from tests.store.world import PRE_ROLL

WAIT = 60


def connections(world):
    """The connections that write."""
    backend = world.store._backend
    if hasattr(backend, "_writer"):
        return [backend._writer.db]
    return [backend._journal.work.db, *(desk.work.db for desk in backend._writers)]


def fails(world) -> type[Exception]:
    """What a driver raises when the server or the disk is gone."""
    return sqlite3.OperationalError if hasattr(world.store._backend, "_writer") else psycopg.OperationalError


async def count(world) -> int:
    ((number,),) = await world.raw("select count(*) from booking")
    return number


async def test_a_unit_that_raises_leaves_nothing(world):
    def unit(tx):
        tx.bookings.add(builders.booking(id="b-1", platform=world.platform.key))
        raise Refused("no")

    with pytest.raises(Refused, match="no"):
        await world.store.write(unit)
    assert await count(world) == 0


async def test_a_unit_that_fails_takes_no_neighbour_along(world):
    """Queued together while the writer is busy, so that they share a commit where commits are shared."""
    held, go = threading.Event(), threading.Event()

    def blocker(tx):
        held.set()
        go.wait(WAIT)

    def unit(number):
        def add(tx):
            tx.bookings.add(builders.booking(id=f"b-{number}", key=0, platform=world.platform.key, definition=None))
            if number % 3 == 0:
                raise ValueError(number)
            return number

        return add

    blocked = asyncio.ensure_future(world.store.write(blocker))
    await asyncio.to_thread(held.wait, WAIT)
    waiting = [asyncio.ensure_future(world.store.write(unit(n))) for n in range(9)]
    await asyncio.sleep(0)
    go.set()
    await blocked
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [r for r in results if isinstance(r, int)] == [1, 2, 4, 5, 7, 8]
    assert [str(r) for r in results if isinstance(r, ValueError)] == ["0", "3", "6"]
    assert await count(world) == 6


async def test_units_share_a_commit_on_sqlite(world, monkeypatch):
    if not hasattr(world.store._backend, "_writer"):
        pytest.skip("PostgreSQL commits each unit by itself")
    held, go, commits = threading.Event(), threading.Event(), []
    connection = world.store._backend._writer.db
    commit = connection.commit
    monkeypatch.setattr(connection, "commit", lambda: (commits.append(1), commit()))
    blocked = asyncio.ensure_future(world.store.write(lambda tx: (held.set(), go.wait(WAIT))))
    await asyncio.to_thread(held.wait, WAIT)
    waiting = [asyncio.ensure_future(world.store.write(lambda tx: tx.new_id())) for _ in range(100)]
    await asyncio.sleep(0)
    go.set()
    assert len(set(await asyncio.gather(*waiting))) == 100
    await blocked
    assert len(commits) == 2


async def test_if_the_commit_fails_the_store_is_unavailable(world, monkeypatch):
    for connection in connections(world):
        monkeypatch.setattr(connection, "commit", broken(fails(world)))
    with pytest.raises(StoreUnavailable):
        await world.store.write(lambda tx: tx.platforms.put(Platform("radio")))
    with pytest.raises(StoreUnavailable):
        await world.claim(PRE_ROLL)
    monkeypatch.undo()
    assert [p.name for p in await world.store.read(lambda tx: tx.platforms.all())] == ["tv"]
    await world.store.write(lambda tx: tx.platforms.put(Platform("radio")))


def broken(error):
    def commit():
        raise error("the disk is full")

    return commit


async def test_what_was_read_in_a_lost_transaction_is_forgotten(world):
    """A definition that was rolled back gave its key to another one."""
    lost = builders.definition(name="Lost", platform=world.platform.key)
    kept = replace(lost, name="Kept")

    def unit(tx):
        tx.catalogue.definition_by_key(tx.catalogue.put_definition(lost).key)
        raise Refused("no")

    with pytest.raises(Refused):
        await world.store.write(unit)
    stored = await world.store.write(lambda tx: tx.catalogue.put_definition(kept))
    assert (await world.store.read(lambda tx: tx.catalogue.definition_by_key(stored.key))).name == "Kept"


async def test_a_journal_write_whose_answer_was_lost_is_written_once(world, monkeypatch):
    """The commit happened, the connection broke before the answer: the write is repeated, and is the same write."""
    if hasattr(world.store._backend, "_writer"):
        pytest.skip("only a server's answer can be lost")
    made = await world.book()
    run = await world.only(PRE_ROLL)
    connection = world.store._backend._journal.work.db

    def lose_the_next_answer():
        commit = connection.commit

        def committed():
            commit()
            monkeypatch.undo()
            raise psycopg.OperationalError("server closed the connection")

        monkeypatch.setattr(connection, "commit", committed)

    lose_the_next_answer()
    assert await world.begin(run) is Verdict.OK
    assert await world.begin(run) is Verdict.DUPLICATE
    lose_the_next_answer()
    assert await world.end(run) is Verdict.OK
    lose_the_next_answer()
    settled = await world.settle(run)
    assert (settled.verdict, settled.state) == (Verdict.OK, State.PRE_ROLL)
    assert len(await world.store.read(lambda tx: tx.changes.of(made.id))) == 1


async def test_a_server_that_hung_up_is_called_again(world):
    if hasattr(world.store._backend, "_writer"):
        pytest.skip("SQLite has no server")
    await world.book()
    with psycopg.connect(world.url, autocommit=True) as other:
        other.execute("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
                      " and datname = current_database()")  # fmt: skip
    assert len((await world.claim(PRE_ROLL)).runs) == 1
    assert (await world.store.write(lambda tx: tx.platforms.get("tv"))).name == "tv"
    assert (await world.store.read(lambda tx: tx.platforms.get("tv"))).name == "tv"


async def test_a_unit_that_was_interrupted_runs_again(world):
    if hasattr(world.store._backend, "_writer"):
        pytest.skip("SQLite has one writer: nobody interrupts")
    tries = []

    def unit(tx):
        tries.append(1)
        tx.platforms.put(Platform("radio"))
        if len(tries) == 1:
            tx._work.db.run("select pg_terminate_backend(pg_backend_pid())")
        return len(tries)

    assert await world.store.write(unit) == 2
    assert len(await world.store.read(lambda tx: tx.platforms.all())) == 2


async def test_who_stops_in_the_middle_of_what_he_sends_is_not_waited_for(world, monkeypatch):
    """For the server that is no pause: it waits for the rest of what was sent, and only the whole has a limit."""
    if hasattr(world.store._backend, "_writer"):
        pytest.skip("SQLite has no server")
    stopped = connect(world.url, 100, whole=True)
    if stopped._connection.info.server_version < WHOLE_SINCE:
        pytest.skip("this server limits no transaction as a whole")
    stopped.begin(write=True)
    stopped.send("update platform set zone = zone")
    server = stopped._connection.pgconn

    def told_without_an_end() -> None:
        server.send_flush_request()
        server.flush()
        select.select([server.socket], [], [])
        server.consume_input()

    monkeypatch.setattr(stopped._pipeline, "sync", told_without_an_end)
    stopped._exchange()
    assert (
        await world.store.write(lambda tx: tx.platforms.put(Platform("tv", config=PlatformConfig(paused=True))))
    ).config.paused
    monkeypatch.undo()
    with pytest.raises((*AGAIN, *GONE)) as told:
        stopped.commit()
    assert stopped.lost(told.value)
    stopped.close()


async def test_two_that_insert_the_same_at_once_are_put_in_order(world):
    """On PostgreSQL the second runs into the first's row; run again, it sees it."""
    results = await asyncio.gather(
        *(world.store.write(lambda tx: tx.platforms.put(Platform("radio"))) for _ in range(6)), return_exceptions=True
    )
    assert {r.key for r in results} == {results[0].key}


async def test_a_read_sees_one_moment(world):
    """Whatever is written meanwhile, a query reads on from where it began."""
    began, go = threading.Event(), threading.Event()

    def query(tx):
        before = len(tx.platforms.all())
        began.set()
        go.wait(WAIT)
        return before, len(tx.platforms.all())

    reading = asyncio.ensure_future(world.store.read(query))
    await asyncio.to_thread(began.wait, WAIT)
    await world.store.write(lambda tx: tx.platforms.put(Platform("radio")))
    go.set()
    assert await reading == (1, 1)
    assert len(await world.store.read(lambda tx: tx.platforms.all())) == 2


async def test_a_query_cannot_write(world):
    with pytest.raises((sqlite3.OperationalError, psycopg.Error, PrerollError)):
        await world.store.read(lambda tx: tx.platforms.put(Platform("radio")))
    assert len(await world.store.read(lambda tx: tx.platforms.all())) == 1


async def test_a_query_that_raises_leaves_the_reader_well(world):
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await world.store.read(lambda tx: 1 // 0)
    assert await count(world) == 0


async def test_time_and_ids_are_the_transactions(world):
    def unit(tx):
        first = tx.now
        world.clock.us += 1_000_000
        return first, tx.now, [tx.new_id() for _ in range(50)]

    before = world.clock.us
    first, second, ids = await world.store.write(unit)
    assert first == second == before
    assert len(set(ids)) == 50
    for ident in ids:
        assert (len(ident), ident[14], ident[19] in "89ab") == (36, "7", True)
        assert int(ident[:8] + ident[9:13], 16) == before // 1000


async def test_what_is_written_is_there_after_opening_again(world, opened):
    made = await world.book(on=["enc-1"])
    world.store.close()
    assert (await opened().booking(made)) == made


async def test_a_closed_store_says_so(world):
    world.store.close()
    world.store.close()
    for call in (world.store.write, world.store.read):
        with pytest.raises(StoreUnavailable):
            await call(lambda tx: tx.now)


async def test_dispatchers_are_woken_by_commits_that_touch_the_timetable(world):
    woken = []
    world.store.on_due(lambda: woken.append(1))
    await world.store.write(lambda tx: tx.platforms.put(Platform("radio")))
    quiet = len(woken)
    await world.book()
    assert len(woken) > quiet


async def test_a_unit_that_fails_wakes_nobody(world):
    made = await world.book(armed=False)
    woken = []
    world.store.on_due(lambda: woken.append(1))
    before = len(woken)

    def unit(tx):
        tx.boundaries.upsert(tx.boundaries.of(made.key))
        raise Refused("no")

    with pytest.raises(Refused):
        await world.store.write(unit)
    assert len(woken) == before


async def test_other_processes_are_woken_on_postgresql(world, opened):
    if hasattr(world.store._backend, "_writer"):
        pytest.skip("one engine per SQLite file")
    other, woken = opened(), asyncio.Event()
    loop = asyncio.get_running_loop()
    other.store.on_due(lambda: loop.call_soon_threadsafe(woken.set))
    await asyncio.wait_for(woken.wait(), WAIT), "the listener rings once when it begins to listen"
    woken.clear()
    await world.book()
    await asyncio.wait_for(woken.wait(), WAIT)


async def test_the_inline_store_answers_at_once(inline):
    """Driven by hand: nothing in it ever waits for a loop or a thread."""
    call = inline.store.write(lambda tx: tx.platforms.get("tv").name)
    with pytest.raises(StopIteration) as stopped:
        call.send(None)
    assert stopped.value.value == "tv"


async def test_the_inline_store_survives_its_engine(inline):
    """A kill at a named point rolls back what is not committed."""
    await inline.book()
    backend = inline.store._backend

    class Killed(BaseException):
        pass

    def strike(point):
        if point == "claim.written":
            raise Killed

    backend._reach = strike
    with pytest.raises(Killed):
        await inline.claim(PRE_ROLL)
    backend._reach = lambda point: None
    heir = await inline.enlist()
    run = await inline.only(worker=heir)
    assert (run.resumed, run.epoch) == (False, 1)
