# SPDX-License-Identifier: Apache-2.0
"""Deeds of the engine: one transaction for all who wait for the same, and nobody pays for a neighbour."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from preroll.app.recording import store
from preroll.domain.errors import Refused, StoreUnavailable
from preroll.store import postgres_threads
from tests import builders

WAIT = 60


async def together(world, deed, abouts):
    """Ask for a deed for each of these while another one keeps whoever carries deeds out busy."""
    held, go = threading.Event(), threading.Event()

    def blocker(tx, abouts):
        held.set()
        go.wait(WAIT)
        return abouts

    blocked = asyncio.ensure_future(world.store.gather(blocker, None))
    assert await asyncio.to_thread(held.wait, WAIT)
    waiting = [asyncio.ensure_future(world.store.gather(deed, about)) for about in abouts]
    await asyncio.sleep(0)
    go.set()
    await blocked
    return await asyncio.gather(*waiting, return_exceptions=True)


def add(world, tx, number):
    tx.bookings.add(builders.booking(id=f"b-{number}", key=0, platform=world.platform.key, definition=None))


async def count(world) -> int:
    ((number,),) = await world.raw("select count(*) from booking")
    return number


async def test_who_waits_for_the_same_is_served_in_one_transaction(world):
    seen = []

    def deed(tx, numbers):
        seen.append(list(numbers))
        for number in numbers:
            add(world, tx, number)
        return [-number for number in numbers]

    assert await together(world, deed, range(10)) == [-number for number in range(10)]
    assert seen == [list(range(10))]
    assert await count(world) == 10


async def test_different_deeds_do_not_mix(world):
    def doubled(tx, numbers):
        return [2 * number for number in numbers]

    def squared(tx, numbers):
        return [number**2 for number in numbers]

    found = await asyncio.gather(*(world.store.gather(d, n) for n in range(5) for d in (doubled, squared)))
    assert found == [value for n in range(5) for value in (2 * n, n**2)]


@pytest.mark.parametrize("error", [ValueError("odd"), Refused("odd")])
async def test_who_fails_takes_no_neighbour_along(world, error):
    def deed(tx, numbers):
        for number in numbers:
            add(world, tx, number)
            if number % 2:
                raise error
        return numbers

    found = await together(world, deed, range(6))
    assert found[::2] == [0, 2, 4]
    assert [type(one) for one in found[1::2]] == [type(error)] * 3
    assert await count(world) == 3


async def test_who_wrote_on_an_old_reading_is_run_again_by_itself(world):
    """Two that change the same row, read in one look: the second finds it changed."""
    booking = await world.book(key=0)

    def deed(tx, names):
        read = [tx.bookings.by_key(booking.key) for _ in names]
        for name, seen in zip(names, read, strict=True):
            store(tx, seen, replace(seen, name=name))
        return names

    assert await together(world, deed, ["one", "two"]) == ["one", "two"]
    after = await world.store.read(lambda tx: tx.bookings.by_key(booking.key))
    assert (after.name, after.revision) == ("two", booking.revision + 2)


async def test_what_the_database_refuses_for_good_harms_nobody_else(world, monkeypatch):
    monkeypatch.setattr(postgres_threads, "PAUSES", (0.0,) * 4)

    def deed(tx, numbers):
        for number in numbers:
            add(world, tx, number)
            if number == 3:
                tx.bookings._work.db.run("insert into booking select * from booking where id = 'b-3'")
        return numbers

    found = await together(world, deed, range(6))
    assert [one for one in found if isinstance(one, int)] == [0, 1, 2, 4, 5]
    assert not isinstance(found[3], StoreUnavailable)
    assert await count(world) == 5
