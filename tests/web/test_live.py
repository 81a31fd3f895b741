# SPDX-License-Identifier: Apache-2.0
"""The stream behind open pages: who hears what, once a class of viewer, from where one was, and when it ends."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

import httpx
import pytest

from preroll.app import App
from preroll.app.edits import NewBooking
from preroll.app.live import Viewer
from preroll.domain.booking import State
from preroll.domain.changes import Change
from preroll.domain.config import AskedTiming
from preroll.domain.errors import NotSignedIn
from preroll.domain.permission import LOCAL, Actor
from preroll.web import live
from preroll.web.live import Hub, framed


@dataclass
class Reader:
    """A caller whose session can end."""

    by: Actor = LOCAL
    over: bool = False

    async def actor(self) -> Actor:
        if self.over:
            raise NotSignedIn("the session is over")
        return self.by


@dataclass
class Ear:
    """What one page hears."""

    hub: Hub
    platform: int
    reader: Reader = field(default_factory=Reader)
    after: str = ""

    def __post_init__(self) -> None:
        self.stream: AsyncGenerator[bytes] = self._heard()

    async def _heard(self) -> AsyncGenerator[bytes]:
        head = await self.hub._app.views.tail(LOCAL)
        told = self.hub.listen(self.reader, self.reader.by, self.platform, self.after, head)
        async with aclosing(told) as events:  # type: ignore[type-var]
            async for event in events:
                yield event

    async def next(self) -> bytes:
        async with asyncio.timeout(60):
            return await anext(self.stream)

    async def kind(self) -> str:
        """Of the next change."""
        while b"event: change" not in (event := await self.next()):
            pass
        return str(json.loads(event.split(b"event: change\ndata: ")[1].split(b"\n")[0])["kind"])


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_S", 0.01)


@pytest.fixture
async def key(app: App) -> int:
    return (await app.platforms.get(LOCAL, "default")).key


async def book(app: App, name: str, **more: object) -> str:
    made = await app.bookings.create(LOCAL, NewBooking(name, AskedTiming(), **more))
    return made.booking.id


async def test_a_change_is_told_once_a_class_of_viewer(app: App, key: int):
    hub, after = Hub(app, lambda: False), await app.views.tail(LOCAL)
    ears = [Ear(hub, key, after=after) for _ in range(20)]
    for ear in ears:
        assert b"event: begin" in await ear.next()
    waiting = [asyncio.create_task(ear.kind()) for ear in ears]
    while len(next(iter(hub._channels.values()), live.Channel(Viewer(LOCAL, 1))).listeners) < 20 or hub._deaf():
        await asyncio.sleep(0)
    await book(app, "News")
    assert set(await asyncio.gather(*waiting)) == {"booking.created"}
    assert hub.rendered == 1
    for ear in ears:
        await ear.stream.aclose()
    assert hub._channels == {}


async def test_whoever_comes_again_misses_nothing(app: App, key: int):
    after = await app.views.tail(LOCAL)
    await book(app, "News")
    ear = Ear(Hub(app, lambda: False), key, after=after)
    assert await ear.kind() == "booking.created"
    await ear.stream.aclose()


async def test_whoever_missed_too_much_loads_the_page_again(app: App, key: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "BATCH", 2)
    monkeypatch.setattr(live, "BEHIND", 4)
    after = await app.views.tail(LOCAL)
    for number in range(6):
        await book(app, f"News {number}")
    ear = Ear(Hub(app, lambda: False), key, after=after)
    events = [await ear.next()]
    while b"event: resync" not in events[-1]:
        events.append(await ear.next())
    assert sum(event.count(b"event: change") for event in events) == 4
    await ear.stream.aclose()


async def test_a_viewer_hears_of_what_it_sees(app: App, key: int):
    viewer = Actor("anna", frozenset({"viewer"}))
    after = await app.views.tail(LOCAL)
    ear = Ear(Hub(app, lambda: False), key, Reader(viewer), after)
    await ear.next()
    heard = asyncio.create_task(ear.next())
    while ear.hub._deaf():
        await asyncio.sleep(0)
    await book(app, "Secret", scopes=["sport"])
    seen = await book(app, "Open")
    assert seen.encode() in await heard
    await ear.stream.aclose()


async def test_whoever_comes_while_all_is_quiet_hears_of_the_next_change(
    app: App, key: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live, "LOOK_S", 60.0)
    hub, after = Hub(app, lambda: False), await app.views.tail(LOCAL)
    first = Ear(hub, key, after=after)
    await first.next()
    waiting = asyncio.create_task(first.kind())
    while not hub._app.live._store.feed._bells._waiting:  # type: ignore[attr-defined]
        await asyncio.sleep(0)
    late = Ear(hub, key, Reader(Actor("anna", frozenset({"viewer"}))), after)
    await late.next()
    heard = asyncio.create_task(late.kind())
    while len(hub._channels) < 2:
        await asyncio.sleep(0)
    await book(app, "News")
    assert (await waiting, await heard) == ("booking.created", "booking.created")
    for ear in (first, late):
        await ear.stream.aclose()


async def test_a_stream_ends_with_its_session(app: App, key: int):
    ear = Ear(Hub(app, lambda: False), key, after=await app.views.tail(LOCAL))
    await ear.next()
    ear.reader.over = True
    with pytest.raises(StopAsyncIteration):
        await ear.next()


async def test_a_slow_browser_is_dropped(app: App, key: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "QUEUED", 1)
    channel = live.Channel(Viewer(LOCAL, 1))
    slow = live.Listener(asyncio.Queue(1))
    channel.listeners.add(slow)
    channel.tell(live.QUIET)
    assert not slow.dropped
    channel.tell(live.QUIET)
    assert slow.dropped
    assert channel.listeners == set()


async def test_a_page_that_knows_all_asks_the_store_for_nothing(app: App, key: int, monkeypatch: pytest.MonkeyPatch):
    after = await app.views.tail(LOCAL)
    hub, asked = Hub(app, lambda: False), list[str]()
    for name in ("changes", "tail"):
        monkeypatch.setattr(app.views, name, lambda *_, name=name: asked.append(name))
    events = hub.listen(Reader(), LOCAL, key, after, after)
    await anext(events)
    heard = asyncio.create_task(anext(events))
    while hub._deaf():
        await asyncio.sleep(0)
    made = await book(app, "News")
    assert made.encode() in await heard
    assert asked == []
    await events.aclose()


async def test_whoever_hears_of_nothing_looks_around_while_others_hear_much(
    app: App, key: int, monkeypatch: pytest.MonkeyPatch
):
    hub, after, other = Hub(app, lambda: False), await app.views.tail(LOCAL), key + 1
    busy, quiet = Ear(hub, key, after=after), Ear(hub, other, after=after)
    for ear in (busy, quiet):
        await ear.next()
    ending = asyncio.create_task(quiet.next())
    quiet.reader.over = True
    while not ending.done():
        await book(app, f"News {time.monotonic_ns()}")
        assert await busy.kind() == "booking.created"
    with pytest.raises(StopAsyncIteration):
        await ending
    await busy.stream.aclose()


def test_what_fails_is_marked():
    told = framed(Change("booking.state", "b", 1, "engine", after=State.FAILED_ACTIVE.value, position="7"))
    assert told.startswith(b"id: 7\n")
    assert b'"failed":true' in told
    assert b"failed" not in framed(Change("booking.state", "b", 1, "engine", after=State.ACTIVE.value))
    assert b'"failed":true' in framed(Change("booking.service_state", "b", 1, "engine", after="FAILED"))
    assert b"failed" not in framed(Change("booking.service_state", "b", 1, "engine", after="PAUSE"))
    for kind, state in (("order.state", "Failed Deploy"), ("service.state", "Fail Deploy")):
        assert b'"failed":true' in framed(Change(kind, "o", 1, "engine", after=state))


async def test_a_position_that_is_none_is_refused(pages: httpx.AsyncClient):
    assert (await pages.get("/live?after=nonsense")).status_code == 422


async def test_how_a_booking_stands_comes_before_what_happened_to_it(app: App, key: int):
    after = await app.views.tail(LOCAL)
    kept, gone = await book(app, "Kept"), await book(app, "Gone")
    await app.bookings.cancel(LOCAL, gone, None)
    await app.bookings.delete(LOCAL, gone, None)
    ear = Ear(Hub(app, lambda: False), key, after=after)
    await ear.next()
    event = await ear.next()
    assert event.startswith(b"event: blocks\ndata: ")
    stands, happened = event.removeprefix(b"event: blocks\ndata: ").split(b"\n\n", 1)
    told = json.loads(stands)
    assert [block[0] for block in told["blocks"]] == [kept]
    assert told["gone"] == [gone]
    assert b'"kind":"booking.created"' in happened.split(b"\n\n")[0]
    await ear.stream.aclose()
