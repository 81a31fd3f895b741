# SPDX-License-Identifier: Apache-2.0
"""Subscriptions, who delivers them, and their dead letters; on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.domain.errors import NameInUse, NotFound, Stale
from preroll.domain.permission import Bounds
from preroll.domain.subscription import DeadLetter, Filter, Kind, Progress, Status, Subscription
from preroll.domain.window import SECOND

LEASE = 30 * SECOND
FILTER = Filter(7, frozenset({"booking.state"}), frozenset({"booking"}), frozenset({"Confirmed"}))
HOOK = Subscription(
    "NOC", Kind.WEBHOOK, "https://hooks.example/in", FILTER, "env:HOOK", "u1",
    Bounds(frozenset({"viewer"}), frozenset({7})), progress=Progress("812.44"), created_by="anna",
)  # fmt: skip
LETTER = DeadLetter("msg_1", "812.45", "booking.state", "b1", '{"a": 1}', 10, "busy \0 now")


@pytest.fixture
async def hook(world) -> Subscription:
    return await world.store.write(lambda tx: tx.subscriptions.add(HOOK))


def claimed(world, holder: str):
    return world.store.write(lambda tx: [one.name for one in tx.subscriptions.claim(holder, {Kind.WEBHOOK}, LEASE)])


def moved(world, hook: Subscription, holder: str, status: Status = Status.ACTIVE, **progress):
    return world.store.write(lambda tx: tx.subscriptions.move(hook.key, holder, status, Progress(**progress)))


async def test_what_is_stored_is_what_is_read(world, hook):
    assert hook == replace(HOOK, id=hook.id, key=hook.key, created_us=world.clock.us)
    assert await world.store.read(lambda tx: tx.subscriptions.get(hook.id)) == hook
    with pytest.raises(NotFound):
        await world.store.read(lambda tx: tx.subscriptions.get("none"))


async def test_a_name_is_taken_once_by_each_owner(world, hook):
    other = await world.store.write(lambda tx: tx.subscriptions.add(replace(HOOK, owner="u2")))
    with pytest.raises(NameInUse, match="NOC"):
        await world.store.write(lambda tx: tx.subscriptions.add(HOOK))
    second = await world.store.write(lambda tx: tx.subscriptions.add(replace(HOOK, name="MCR")))
    with pytest.raises(NameInUse):
        await world.store.write(lambda tx: tx.subscriptions.put(replace(second, name="NOC")))
    found = await world.store.read(lambda tx: (tx.subscriptions.all(), tx.subscriptions.all("u1")))
    assert found == ([second, hook, other], [second, hook])


async def test_a_change_leaves_the_place_alone_and_needs_the_revision(world, hook):
    await claimed(world, "A")
    assert await moved(world, hook, "A", cursor="812.50", taken_us=5)
    after = await world.store.write(lambda tx: tx.subscriptions.put(replace(hook, to="https://other.example/")))
    stored = await world.store.read(lambda tx: tx.subscriptions.get(hook.id))
    assert (after.revision, stored.to, stored.progress) == (2, "https://other.example/", Progress("812.50", taken_us=5))
    with pytest.raises(Stale):
        await world.store.write(lambda tx: tx.subscriptions.put(hook))


async def test_one_process_delivers_a_subscription_at_a_time(world, hook, opened):
    other = opened()
    assert await claimed(world, "A") == ["NOC"]
    assert await claimed(other, "B") == []
    world.clock.us += LEASE - 1
    assert await claimed(world, "A") == ["NOC"]
    world.clock.us += LEASE
    assert await claimed(other, "B") == ["NOC"]
    assert await claimed(world, "A") == []
    assert not await moved(world, hook, "A", cursor="9.9")
    assert await moved(other, hook, "B", Status.FAILING, cursor="812.44", attempts=2, next_us=7, error="busy \0")
    stored = await world.store.read(lambda tx: tx.subscriptions.get(hook.id))
    assert (stored.status, stored.progress) == (
        Status.FAILING, Progress("812.44", 2, 7, None, None, "busy \ufffd")
    )  # fmt: skip


async def test_who_stops_gives_it_back_at_once(world, hook):
    await claimed(world, "A")
    await world.store.write(lambda tx: tx.subscriptions.release("A"))
    assert await claimed(world, "B") == ["NOC"]


async def test_what_is_paused_is_not_delivered_and_does_not_move(world, hook):
    await claimed(world, "A")
    await world.store.write(lambda tx: tx.subscriptions.put(replace(hook, status=Status.PAUSED)))
    assert not await moved(world, hook, "A", cursor="9.9")
    assert await claimed(world, "A") == []
    stored = await world.store.read(lambda tx: tx.subscriptions.get(hook.id))
    assert (stored.status, stored.progress.cursor) == (Status.PAUSED, "812.44")


async def test_dead_letters_are_kept_once_until_they_are_taken_and_go_with_their_subscription(world, hook):
    def unit(tx):
        for letter in (LETTER, LETTER, replace(LETTER, id="msg_2")):
            tx.subscriptions.bury(hook.key, letter)

    await world.store.write(unit)
    first, second = await world.store.read(lambda tx: tx.subscriptions.letters(hook.key))
    assert first == replace(LETTER, error="busy \ufffd now", at_us=world.clock.us)
    await world.store.write(lambda tx: tx.subscriptions.unbury(hook.key, first.id))
    assert await world.store.read(lambda tx: tx.subscriptions.letters(hook.key)) == [second]
    await world.store.write(lambda tx: tx.subscriptions.remove(hook.key))
    assert await world.store.read(lambda tx: (tx.subscriptions.all(), tx.subscriptions.letters(hook.key))) == ([], [])
