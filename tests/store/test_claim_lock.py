# SPDX-License-Identifier: Apache-2.0
"""Two workers claim at the same moment: the platform's bound is exact because of one lock, and only because of it."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest

from preroll.domain.booking import Timing
from preroll.domain.boundaries import Kind
from preroll.domain.window import HOUR, SECOND
from preroll.store import journal_claim, open_store
from tests.store.world import LEASE, PRE_ROLL, StoppedClock, World

BOUND = 2
PLACES = {"enc-1": "north", "card-a": "north", "enc-2": "south", "mux": "south"}
NOW = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint"
WAITS = "select count(*) from pg_locks where locktype = 'advisory' and not granted"


class Gate:
    """A ``reach`` that lets nobody pass ``claim.written`` until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened, self.armed = threading.Event(), threading.Event(), False

    def __call__(self, point: str) -> None:
        if self.armed and point == "claim.written":
            self.reached.set()
            assert self.opened.wait(60)


async def until(met: Callable[[], object]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(60):
        while not met():
            await asyncio.sleep(0.005)


async def at_once(opened: Callable[..., World], *, still: bool = False) -> tuple[int, int]:
    """How many runs each of two workers has when one claims while the other's claim is written and not committed.

    They stand in two places, so that no row is wanted by both: nothing but the lock is between them. With ``still`` the
    first one stands still until the second one has claimed.
    """
    gate = Gate()
    first, second = opened(reach=gate), opened()
    if not first.url.startswith("postgresql"):
        pytest.skip("SQLite has one writer: there is no lock to be taken away")
    await first.furnish()
    await first.configure(limits={"simultaneous_lso": BOUND})
    await second.like(first)
    for name, site in PLACES.items():
        resource = replace(first.resources[name], labels={"site": site})
        await first.store.write(lambda tx, r=resource: tx.catalogue.put_resource(r))
        await first.book(f"on {name}", on=[name])
    first.clock.us = PRE_ROLL
    north, south = [
        await world.store.journal.enlist("w", "here", 1, "1.0", LEASE, frozenset({f"site={site}"}))
        for world, site in ((first, "north"), (second, "south"))
    ]
    gate.armed = True
    one = asyncio.create_task(first.claim(worker=north))
    await until(gate.reached.is_set)
    two = asyncio.create_task(second.claim(worker=south))
    while not two.done() and (still or (await first.raw(WAITS))[0][0] == 0):
        await asyncio.sleep(0.005)
    gate.opened.set()
    claims = [await one, await two]
    assert {run.judged.boundary.kind for c in claims for run in c.runs} == {Kind.START_OF_PRE_ROLL}
    keys = [run.judged.boundary.key for c in claims for run in c.runs]
    assert len(keys) == len(set(keys)), "no boundary is claimed twice, with or without the lock"
    return len(claims[0].runs), len(claims[1].runs)


async def test_the_bound_is_exact_over_all_workers(opened):
    assert await at_once(opened) == (BOUND, 0)


async def test_who_stands_still_in_its_claim_is_passed(opened):
    """The server gives its locks back; when it goes on it claims what is left then."""
    assert await at_once(opened, still=True) == (0, BOUND)


async def test_a_run_begins_when_its_locks_are_had(postgres, spawn):
    """Not when the claim began to wait for them."""
    clock, url = StoppedClock(), postgres.current()
    world = World(open_store(url, clock=clock, spawn=spawn, readers=1, writers=1), clock, url)
    try:
        await world.furnish()
        start = (await world.raw(NOW))[0][0] // SECOND * SECOND + HOUR
        booking = await world.book(timing=Timing(start, start + HOUR, pre_roll=HOUR))
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("select pg_advisory_lock(%s, %s)", (journal_claim.CLAIMS_LOCK, world.platform.key))
            claim = asyncio.create_task(world.claim())
            await until(lambda: other.execute(WAITS).fetchone() != (0,))
            ((freed,),) = other.execute(NOW).fetchall()
        (run,) = (await claim).runs
        assert run.began_us > freed
        stored = await world.boundary(booking, Kind.START_OF_PRE_ROLL)
        assert [stored.began_us, *(r.began_us for r in await world.runs(booking))] == [run.began_us] * 2
    finally:
        world.store.close()


async def test_without_the_lock_the_bound_is_exceeded(opened, monkeypatch):
    """The control: each worker locks something of its own."""
    ask, numbers = journal_claim._ask_busy, itertools.count(100_000)

    def unlocked(work, platforms):
        monkeypatch.setattr(journal_claim, "CLAIMS_LOCK", next(numbers))
        return ask(work, platforms)

    monkeypatch.setattr(journal_claim, "_ask_busy", unlocked)
    assert await at_once(opened) == (BOUND, BOUND)
