# SPDX-License-Identifier: Apache-2.0
"""Several people at one booking at once: nobody's change is lost, and who comes too late is told so; both databases."""

from __future__ import annotations

import asyncio
import random
import threading
from dataclasses import replace

import pytest

from preroll.app import build
from preroll.app.bookings import Edit
from preroll.domain.booking import Booking
from preroll.domain.config import Platform
from preroll.domain.errors import Stale
from preroll.domain.permission import LOCAL
from preroll.domain.window import SECOND
from preroll.ports.store import Tx
from preroll.store import bookings as bookings_in_store
from preroll.store.postgres_threads import RACES
from preroll.store.races import LostRace


async def test_of_two_on_the_same_revision_one_wins_and_the_other_is_told_what_is_stored(world):
    app, made = build(world.store, None), await world.book(on=[])
    asked = [app.bookings.edit(LOCAL, made.id, made.revision, Edit(name=name), None) for name in ("First", "Second")]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    (lost,) = [a for a in answers if isinstance(a, Stale)]
    assert (lost.seen, lost.stored) == (made.revision, made.revision + 1)
    assert "read it again" in lost.hint
    stored = (await app.bookings.get(LOCAL, made.id)).booking
    assert (stored.revision, stored.name) in {(made.revision + 1, "First"), (made.revision + 1, "Second")}


EDITS, BOOKINGS = 1_000, 20


async def test_of_a_thousand_edits_at_once_none_is_lost(world):
    app = build(world.store, None)
    made = [await world.book(f"B{n}", on=[]) for n in range(BOOKINGS)]
    chance = random.Random(7)
    asked = [(chance.choice(made), f"p{n}", chance.random()) for n in range(EDITS)]

    async def change(booking: Booking, name: str, how: float) -> bool:
        bookings = app.bookings
        try:
            if how < 0.4:
                await bookings.set_properties(LOCAL, booking.id, None, {name: 1})
            elif how < 0.8:
                await bookings.edit(LOCAL, booking.id, None, Edit(properties={name: 1}))
            else:
                seen = (await bookings.get(LOCAL, booking.id)).booking.revision
                await bookings.edit(LOCAL, booking.id, seen, Edit(properties={name: 1}))
        except Stale:
            return False
        return True

    done = await asyncio.gather(*(change(*one) for one in asked))
    stored = {b.id: (await app.bookings.get(LOCAL, b.id)).booking for b in made}
    there = [name in stored[booking.id].properties for booking, name, _ in asked]
    assert all(done[n] for n in range(EDITS) if asked[n][2] < 0.8), "who named no revision need not try again"
    assert there == done, "who was told that it is done finds it there"
    assert sum(b.revision - made[0].revision for b in stored.values()) == sum(done)


async def test_without_the_comparison_of_revisions_some_would_be_lost(world, monkeypatch):
    """The control: the same thousand find what is lost, when whoever writes does not look at what is there."""
    blind = bookings_in_store.Bookings.put

    def put(self, booking: Booking, *, seen: Booking) -> None:
        stored = self.by_key(booking.key)
        seen = replace(seen, revision=stored.revision, state_version=stored.state_version)
        blind(self, booking, seen=seen)

    known: dict[str, Booking] = {}  # SQLite's one writer lets nobody in between, and nobody may come: an old reading
    read = bookings_in_store.Bookings.get
    monkeypatch.setattr(
        bookings_in_store.Bookings, "get", lambda self, i, **more: known.setdefault(i, read(self, i, **more))
    )
    monkeypatch.setattr(bookings_in_store.Bookings, "put", put)
    app, made = build(world.store, None), await world.book(on=[])
    asked = [app.bookings.set_properties(LOCAL, made.id, None, {f"p{n}": n}) for n in range(200)]
    await asyncio.gather(*asked, return_exceptions=True)
    stored = await world.store.read(lambda tx: tx.bookings.by_key(made.key))
    assert len(stored.properties) < 200


async def test_of_many_settings_changed_at_once_none_is_lost(world):
    app = build(world.store, None)
    fields = ("lso_us", "step_us", "start_failure_us", "created_us", "backoff_us", "grace_us")

    async def change(n: int) -> None:
        def rule(platform: Platform) -> Platform:
            limits = replace(platform.config.limits, **{fields[n]: (100 + n) * SECOND})
            return replace(platform, config=replace(platform.config, limits=limits))

        await app.platforms.change(LOCAL, world.platform.name, rule)

    await asyncio.gather(*(change(n) for n in range(len(fields))))
    now = (await app.platforms.get(LOCAL, world.platform.name)).config
    assert [getattr(now.limits, name) for name in fields] == [(100 + n) * SECOND for n in range(len(fields))]
    assert now.version == 1 + len(fields)


async def test_settings_that_change_between_two_looks_of_one_change_are_not_overwritten(world):
    if hasattr(world.store._backend, "_writer"):
        pytest.skip("SQLite has one writer: nobody comes in between")
    app, loop, looks = build(world.store, None), asyncio.get_running_loop(), 0

    def limited(name: str, seconds: int, platform: Platform) -> Platform:
        limits = replace(platform.config.limits, **{name: seconds * SECOND})
        return replace(platform, config=replace(platform.config, limits=limits))

    def rule(platform: Platform) -> Platform:
        nonlocal looks
        looks += 1
        if looks == 2:  # the first look is a foreseeing one, without locks
            between = app.platforms.change(LOCAL, world.platform.name, lambda p: limited("step_us", 7, p))
            asyncio.run_coroutine_threadsafe(between, loop).result(60)
        return limited("lso_us", 9, platform)

    await app.platforms.change(LOCAL, world.platform.name, rule)
    limits = (await app.platforms.get(LOCAL, world.platform.name)).config.limits
    assert (limits.step_us, limits.lso_us) == (7 * SECOND, 9 * SECOND)


# ---------------------------------------------------------------------- a race that is lost


@pytest.fixture
def racing(world):
    """A store in which one can write between another's reading and its writing."""
    if world.store._backend.version is not None:
        pytest.skip("SQLite lets nobody in between")
    return world


def renamed(booking: Booking, name: str) -> Booking:
    return replace(booking, name=name, revision=booking.revision + 1)


async def test_a_unit_that_lost_a_race_is_run_again_and_sees_what_the_winner_wrote(racing):
    made, seen = await racing.book(on=[]), []
    read, leave = threading.Event(), threading.Event()

    def unit(tx: Tx) -> None:
        booking = tx.bookings.by_key(made.key)
        seen.append((booking.revision, booking.name))
        read.set()
        assert leave.wait(60)
        tx.bookings.put(renamed(booking, f"{booking.name} late"), seen=booking)

    loser = asyncio.create_task(racing.store.write(unit))
    assert await asyncio.to_thread(read.wait, 60)
    await build(racing.store, None).bookings.rename(LOCAL, made.id, None, "Evening news")
    leave.set()
    await loser
    assert seen == [(made.revision, made.name), (made.revision + 1, "Evening news")]
    stored = await racing.booking(made)
    assert (stored.revision, stored.name) == (made.revision + 2, "Evening news late")


async def test_one_that_loses_every_time_is_stale_in_the_end(racing):
    tries = []

    def unit(_tx: Tx) -> None:
        tries.append(1)
        raise LostRace("a booking", 1, 2, ("booking", 1000 + len(tries)))

    with pytest.raises(Stale):
        await racing.store.write(unit)
    assert len(tries) == RACES + 1


async def test_what_was_read_before_the_transaction_is_not_tried_for_long(racing):
    made, tries = await racing.book(on=[]), []
    await build(racing.store, None).bookings.rename(LOCAL, made.id, None, "Evening news")

    def unit(tx: Tx) -> None:
        tries.append(tx.now)
        tx.bookings.put(renamed(made, "Never"), seen=made)

    with pytest.raises(Stale) as refused:
        await racing.store.write(unit)
    assert (refused.value.seen, refused.value.stored, len(tries)) == (made.revision, made.revision + 1, 2)
