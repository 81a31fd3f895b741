# SPDX-License-Identifier: Apache-2.0
"""The deliverer on a real store and to a real receiver: in order, at least once, and one process at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from standardwebhooks.webhooks import Webhook

from preroll.app.deliveries import Deliveries
from preroll.app.subscriptions import new_secret
from preroll.bootstrap.engine import spawn_thread
from preroll.bootstrap.wall import WallClock
from preroll.domain.account import User
from preroll.domain.changes import Change
from preroll.domain.config import Platform
from preroll.domain.errors import StoreUnavailable
from preroll.domain.outward import networks
from preroll.domain.permission import Rights
from preroll.domain.subscription import Filter, Kind, Status, Subscription
from preroll.domain.window import MINUTE, SECOND
from preroll.outbox.address import Guard
from preroll.outbox.deliverer import Deliverer, Round, Terms
from preroll.outbox.desk import Desk, Way, ways
from preroll.outbox.post import Poster
from preroll.store import SqlStore, open_store
from preroll.tmf.hubs import events
from tests.outbox.receiver import Receiver, receiving

SECRET = new_secret()
LEASE = 600 * SECOND
PATIENCE_S = 60.0


class Ahead:
    """The wall clock, with a hand on it."""

    def __init__(self) -> None:
        self.by_us = 0

    def now_us(self) -> int:
        return WallClock().now_us() + self.by_us


@dataclass
class Place:
    """A store, a receiver, and deliverers between them."""

    store: SqlStore
    receiver: Receiver
    clock: Ahead
    platform: int
    owner: str
    """Id of somebody who may see everything."""

    async def subscribe(self, **more: object) -> Subscription:
        new = Subscription("NOC", Kind.WEBHOOK, self.receiver.url, secret=SECRET, owner=self.owner)
        return await self.store.write(lambda tx: tx.subscriptions.add(replace(new, **more)))  # type: ignore[arg-type]

    async def tell(self, *states: str, kind: str = "booking.state", platform: int | None = None) -> None:
        at = self.platform if platform is None else platform
        told = [Change(kind, "b1", at, "anna", "", state) for state in states]
        await self.store.write(lambda tx: tx.changes.add_all(told))

    def deliverer(self, holder: str = "A", deliveries: Deliveries | None = None) -> Deliverer:
        guard = Guard(networks(["127.0.0.1"]))
        hub = Way(events, lambda subscription: Poster(subscription.to, guard, PATIENCE_S))
        desk = Desk({**ways(guard, timeout_s=PATIENCE_S), Kind.TMF: hub}, self.clock)
        return Deliverer(deliveries or Deliveries(self.store), desk, self.clock, Terms(holder, LEASE, look_s=0.02))

    @asynccontextmanager
    async def delivering(self, holder: str = "A", deliveries: Deliveries | None = None) -> AsyncIterator[None]:
        deliverer = self.deliverer(holder, deliveries)
        task = asyncio.create_task(deliverer.run())
        try:
            yield
        finally:
            deliverer.stop()
            await task

    @property
    def states(self) -> list[str]:
        return [json.loads(body)["data"]["state"] for _, body in self.receiver.got]

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.receiver.got]

    async def all_written(self, subscription: Subscription) -> None:
        """Wait until its place is that of the newest state of a booking, or further."""
        told = await self.store.read(lambda tx: tx.changes.of("b1"))
        newest = [change.position for change in told if change.kind == "booking.state"][-1]
        async with asyncio.timeout(PATIENCE_S):
            while place_of((await self.stored(subscription)).progress.cursor) < place_of(newest):
                await asyncio.sleep(0.01)

    async def stored(self, subscription: Subscription) -> Subscription:
        return await self.store.read(lambda tx: tx.subscriptions.get(subscription.id))


@pytest.fixture
async def place(url: str) -> AsyncIterator[Place]:
    clock = Ahead()
    store = open_store(url, clock=clock, spawn=spawn_thread, pin_clock=True)
    try:
        async with receiving() as receiver:
            platform = await store.write(lambda tx: tx.platforms.put(Platform("tv")))
            root = await store.write(lambda tx: tx.accounts.add(User("root", Rights(frozenset({"admin"})))))
            yield Place(store, receiver, clock, platform.key, root.id)
    finally:
        store.close()


def place_of(position: str) -> list[int]:
    return [int(part) for part in position.split(".") if part]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def test_changes_arrive_in_order_and_signed_and_the_place_is_kept(place: Place):
    hook = await place.subscribe(filter=Filter(nouns=frozenset({"booking"})))
    await place.tell("Partial", "Confirmed")
    await place.tell("x", kind="resource.changed")
    async with place.delivering():
        await until(lambda: len(place.receiver.got) == 2)
        await place.tell("Pre-roll")
        await until(lambda: len(place.receiver.got) == 3)
        await place.all_written(hook)
    headers, body = place.receiver.got[1]
    said = Webhook(SECRET).verify(body, headers)
    assert (said["type"], said["data"]["platform"], said["data"]["id"]) == ("booking.state", "tv", "b1")
    assert place.states == ["Partial", "Confirmed", "Pre-roll"]
    stored = await place.stored(hook)
    assert (stored.status, stored.progress.error) == (Status.ACTIVE, "")
    async with place.delivering("B"):
        await place.tell("Service Active")
        await until(lambda: len(place.receiver.got) == 4)
    assert place.states[-1] == "Service Active"


async def test_a_deliverer_that_dies_loses_nothing_and_another_one_goes_on(place: Place):
    await place.subscribe()
    (hook,) = await place.store.write(lambda tx: tx.subscriptions.claim("A", {Kind.WEBHOOK}, LEASE))
    await place.tell(*(f"s{n}" for n in range(120)))
    dying = asyncio.create_task(place.deliverer("A")._deliver(Round(hook)))
    await until(lambda: len(place.receiver.got) > 60)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    async with place.delivering("B"):
        place.clock.by_us += LEASE
        await until(lambda: bool(place.states) and place.states[-1] == "s119")
    assert list(dict.fromkeys(place.states)) == [f"s{n}" for n in range(120)]
    assert len(set(place.ids)) == 120
    assert len(place.ids) <= 120 + 51


async def test_what_is_not_taken_is_sent_again_under_its_id_and_keeps_the_order(place: Place):
    hook = await place.subscribe()
    place.receiver.status = 503
    await place.tell("first", "second")
    async with place.delivering():
        await until(lambda: len(place.receiver.got) == 1)
        while not (stored := await place.stored(hook)).progress.attempts:
            await asyncio.sleep(0.01)
        assert (stored.status, stored.progress.error) == (Status.FAILING, "the receiver answered 503")
        place.receiver.status = 204
        place.clock.by_us += 6 * SECOND
        await until(lambda: len(place.receiver.got) == 3)
    assert place.states == ["first", "first", "second"]
    assert place.ids[0] == place.ids[1]
    assert (await place.stored(hook)).status is Status.ACTIVE


async def test_a_message_that_cannot_be_read_becomes_a_dead_letter_and_the_next_one_has_its_turn(place: Place):
    hook = await place.subscribe()
    place.receiver.status = 422
    await place.tell("odd")
    async with place.delivering():
        for attempt in (1, 2, 3):
            await until(lambda: len(place.receiver.got) == attempt)  # noqa: B023 - it is met before the next one
            place.receiver.status = 204 if attempt == 3 else 422
            while (await place.stored(hook)).progress.attempts not in (attempt, 0):
                await asyncio.sleep(0.01)
            place.clock.by_us += MINUTE
        await place.tell("next")
        await until(lambda: place.states[-1] == "next")
    (letter,) = await place.store.read(lambda tx: tx.subscriptions.letters(hook.key))
    assert (letter.id, letter.attempts, json.loads(letter.body)["data"]["state"]) == (place.ids[0], 3, "odd")


async def test_a_receiver_that_is_gone_is_left_alone_and_the_log_says_so(place: Place):
    hook = await place.subscribe()
    place.receiver.status = 410
    await place.tell("one", "two")
    async with place.delivering():
        while (await place.stored(hook)).status is not Status.PAUSED:
            await asyncio.sleep(0.01)
    assert place.states == ["one"]
    told = await place.store.read(lambda tx: tx.changes.of(hook.id))
    assert [(change.kind, change.after) for change in told] == [("subscription.state", "paused")]


async def test_an_owner_is_told_what_the_owner_may_see(place: Place):
    other = await place.store.write(lambda tx: tx.platforms.put(Platform("radio")))
    rights = Rights(on={other.key: frozenset({"viewer"})})
    anna = await place.store.write(lambda tx: tx.accounts.add(User("anna", rights)))
    hook = await place.subscribe(owner=anna.id)
    await place.tell("hidden")
    await place.tell("seen", platform=other.key)
    async with place.delivering():
        await until(lambda: len(place.receiver.got) == 1)
    assert place.states == ["seen"]
    await place.store.write(lambda tx: tx.accounts.put(replace(tx.accounts.user(anna.id), disabled=True)))
    await place.tell("later", platform=other.key)
    async with place.delivering():
        while (await place.stored(hook)).status is not Status.PAUSED:
            await asyncio.sleep(0.01)
    assert place.states == ["seen"]


class Counted(Deliveries):
    """Counts what is asked of it."""

    def __init__(self, store: SqlStore) -> None:
        super().__init__(store)
        self.claims, self.written, self.looked, self.seen = 0, list[str](), 0, ""
        self.away = 0
        """How often the store does not answer."""
        self.revisions = set[int]()
        """Of the subscriptions that were claimed."""

    async def claimable(self, *args):
        self.looked += 1
        if self.away:
            self.away -= 1
            raise StoreUnavailable
        return await super().claimable(*args)

    async def claim(self, *args):
        if self.away:
            self.away -= 1
            raise StoreUnavailable
        found = await super().claim(*args)
        self.claims += 1
        self.revisions |= {one.revision for one in found}
        return found

    async def due(self, *args):
        found = await super().due(*args)
        self.seen = found.position
        return found

    async def reached(self, subscription, holder, position, **more):
        self.written.append(position)
        return await super().reached(subscription, holder, position, **more)


async def test_who_has_nothing_to_do_writes_nothing_but_the_lease_after_a_quarter_of_it(place: Place):
    hook = await place.subscribe(filter=Filter(nouns=frozenset({"booking"})))
    counted = Counted(place.store)
    async with place.delivering(deliveries=counted):
        await until(lambda: counted.claims == 1)
        for number in range(3):
            looked = counted.looked
            await place.tell(f"s{number}", kind="resource.changed")
            await until(lambda: counted.looked > looked)  # noqa: B023 - it is met before the next one
        assert (counted.claims, counted.written) == (1, [])
        place.clock.by_us += LEASE // 4
        await until(lambda: counted.claims >= 2)
        await place.store.write(lambda tx: tx.subscriptions.put(replace(hook, name="MCR")))
        await place.tell("seen")
        await until(lambda: counted.claims >= 3)
        await until(lambda: bool(place.states))
    assert set(place.states) == {"seen"}, "once more under its id when the claim came while it was sent"
    assert len(set(place.ids)) == 1


@pytest.mark.parametrize("away", [1, 2, 3])
async def test_a_store_that_was_away_hides_no_change_of_a_subscription(place: Place, away: int):
    """Whatever fails, looking or claiming, is done again without another change."""
    hook = await place.subscribe(filter=Filter(nouns=frozenset({"booking"})))
    counted = Counted(place.store)
    async with place.delivering(deliveries=counted):
        await until(lambda: counted.claims == 1)
        await place.store.write(lambda tx: tx.subscriptions.put(replace(hook, name="MCR")))
        counted.away = away
        await place.tell("about something else", kind="resource.changed")
        await until(lambda: counted.claims >= 2)
        assert len(counted.revisions) == 2
    assert counted.away == 0


async def test_what_is_none_of_its_business_is_written_down_in_steps_and_when_it_stops(place: Place):
    hook = await place.subscribe(filter=Filter(nouns=frozenset({"booking"})))
    counted = Counted(place.store)
    async with place.delivering(deliveries=counted):
        await place.tell(*(f"s{n}" for n in range(2_500)), kind="resource.changed")
        tail = await place.store.feed.tail()
        await until(lambda: counted.seen == tail)
        assert len(counted.written) == 2
    assert len(counted.written) == 3
    assert (await place.stored(hook)).progress.cursor == await place.store.feed.tail()


async def test_a_wider_filter_tells_nothing_of_what_was_before(place: Place):
    hook = await place.subscribe(filter=Filter(nouns=frozenset({"booking"})))
    counted = Counted(place.store)
    async with place.delivering(deliveries=counted):
        await place.tell("before", kind="resource.changed")
        await place.tell("first")
        await place.tell("between", kind="resource.changed")
        await place.all_written(hook)
        newest = (await place.store.read(lambda tx: tx.changes.of("b1")))[-1].position
        await until(lambda: place_of(counted.seen) >= place_of(newest))  # the tail of PostgreSQL may lag behind it
        await place.store.write(lambda tx: tx.subscriptions.put(replace(hook, filter=Filter())))
        place.clock.by_us += LEASE // 4
        await until(lambda: 2 in counted.revisions)
        await place.tell("after", kind="resource.changed")
        await until(lambda: len(place.receiver.got) == 2)
    assert [json.loads(body)["type"] for _, body in place.receiver.got] == ["booking.state", "resource.changed"]


async def test_what_happens_after_a_subscription_was_changed_is_for_the_changed_one(place: Place):
    hook = await place.subscribe(filter=Filter(nouns=frozenset({"booking"})))
    (mine,) = await place.store.write(lambda tx: tx.subscriptions.claim("A", {Kind.WEBHOOK}, LEASE))
    await place.tell("before", kind="resource.changed")

    def widen(tx) -> None:
        now = tx.subscriptions.put(replace(hook, filter=Filter()))
        tx.changes.add(Change("subscription.changed", now.id, place.platform, "anna", revision=now.revision))

    await place.store.write(widen)
    await place.tell("after", kind="resource.changed")
    own = (await place.store.read(lambda tx: tx.changes.of(hook.id)))[-1].position
    each = Round(mine)
    async with asyncio.timeout(PATIENCE_S):
        await place.deliverer("A")._deliver(each)
    assert (each.now.progress.cursor, place.receiver.got) == (own, []), "the round as it was goes no further"


async def test_a_receiver_that_asks_for_a_pause_gets_it_and_one_that_hangs_keeps_nobody_waiting(place: Place):
    hook = await place.subscribe()
    place.receiver.status, place.receiver.headers = 429, {"Retry-After": "120"}
    async with receiving() as slow:
        slow.hangs = True
        await place.subscribe(name="slow", to=slow.url)
        await place.tell("one")
        async with place.delivering():
            await until(lambda: len(slow.got) == 1)
            while not (stored := await place.stored(hook)).progress.attempts:
                await asyncio.sleep(0.01)
            assert 100 * SECOND < stored.progress.next_us - place.clock.now_us() <= 120 * SECOND
            place.receiver.status = 200
            place.receiver.text = "x" * 5_000_000
            place.clock.by_us += 121 * SECOND
            await until(lambda: len(place.receiver.got) == 2)
            await place.all_written(hook)
    assert place.states == ["one", "one"]


async def test_of_two_deliverers_one_delivers(place: Place):
    await place.subscribe()
    async with place.delivering("A"), place.delivering("B"):
        await place.tell(*(f"s{n}" for n in range(20)))
        await until(lambda: len(place.receiver.got) == 20)
    assert place.states == [f"s{n}" for n in range(20)]


async def test_a_subscription_of_nobody_is_told_nothing(place: Place):
    hook = await place.subscribe(owner="")
    await place.tell("one")
    async with place.delivering():
        while (stored := await place.stored(hook)).status is not Status.PAUSED:
            await asyncio.sleep(0.01)
    assert (place.receiver.got, "no account" in stored.progress.error) == ([], True)


async def test_a_hub_of_the_tm_forum_is_told_its_events_unsigned_and_in_order(place: Place):
    hook = await place.subscribe(kind=Kind.TMF, secret="", filter=Filter(kinds=frozenset({"order.state"})))
    await place.tell("Scheduled", "In Progress", "Completed", kind="order.state")
    async with place.delivering():
        await until(lambda: len(place.receiver.got) == 3)
    told = [json.loads(body) for _, body in place.receiver.got]
    assert [one["event"]["serviceOrder"]["state"] for one in told] == ["acknowledged", "inProgress", "completed"]
    assert {one["eventType"] for one in told} == {"ServiceOrderStateChangeEvent"}
    assert all("webhook-signature" not in headers for headers, _ in place.receiver.got)
    assert (await place.stored(hook)).status is Status.ACTIVE
