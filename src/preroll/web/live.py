# SPDX-License-Identifier: Apache-2.0
"""Live pages: one tail of the change log a process, each change told once per class of viewer, fanned out as bytes.

The id of an event is a position in the change log, so that a browser goes on at any process where it was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field

import msgspec

from preroll.app import App
from preroll.app.live import News, Viewer
from preroll.domain import service
from preroll.domain.booking import FAILED_EVENT, State
from preroll.domain.changes import Change
from preroll.domain.errors import NotPermitted, NotSignedIn, StoreUnavailable
from preroll.domain.order import OrderState
from preroll.domain.permission import Actor, Sight
from preroll.domain.service_instance import Provisioned
from preroll.gate.guard import Caller
from preroll.telemetry import logger
from preroll.web.timeline_shown import packed

log = logger(__name__)

LOOK_S = 0.5
"""How often the tail looks whether the server stops, and has each stream look whether its reader may still look."""
BEAT_S = 15.0
"""A stream on which nothing happens says so this often: a browser that hears less has lost it."""
BATCH = 500
BEHIND = 2_000
"""Changes that are told after the fact; who missed more loads its page again."""
QUEUED = 200
"""Batches that may wait for a slow browser; then it is dropped, and comes again where it was."""
STATES_TOLD = frozenset(
    {"booking.service_state"}
    | {f"{thing}.{what}" for thing in ("booking", "order", "service") for what in ("state", "created")}
)
FAILED = frozenset({State.FAILED, *FAILED_EVENT, OrderState.FAILED_DEPLOY, Provisioned.FAIL_DEPLOY, service.FAILED})


@dataclass(frozen=True, slots=True)
class Batch:
    """What is told at once, the same bytes to all who hear it."""

    data: bytes = b""
    """Empty: nothing has happened, and whoever listens looks around."""
    events: Sequence[tuple[str, bytes]] = ()
    """(position, event) of each change."""

    def without(self, told: Collection[str]) -> bytes:
        """It, but for the changes at these positions."""
        return b"".join(event for position, event in self.events if position not in told) if told else self.data


QUIET = Batch()
BEAT = b"event: beat\ndata: {}\n\n"


def told_of(news: News) -> Batch:
    """Changes as events, and before them how the bookings that they are about stand now."""
    told = [(change.position, framed(change)) for change in news.changes]
    if news.blocks is not None:
        told.insert(0, ("", b"event: blocks\ndata: " + packed(news.blocks, news.gone) + b"\n\n"))
    return Batch(b"".join(event for _, event in told), told)


def framed(change: Change) -> bytes:
    """A change as an event."""
    state = change.after if change.kind in STATES_TOLD else ""
    told = {"kind": change.kind, "id": change.subject, "revision": change.revision, "state": state}
    if state in FAILED:
        told["failed"] = True
    return b"id: %b\nevent: change\ndata: %b\n\n" % (change.position.encode(), msgspec.json.encode(told))


@dataclass(eq=False, slots=True)
class Listener:
    """One open page."""

    batches: asyncio.Queue[Batch] = field(default_factory=lambda: asyncio.Queue(QUEUED))
    dropped: bool = False
    """It was too slow; what it missed it gets when it comes again."""


@dataclass(slots=True)
class Channel:
    """All listeners that see the same."""

    viewer: Viewer
    listeners: set[Listener] = field(default_factory=set)

    def tell(self, batch: Batch) -> None:
        """Put a batch into every queue."""
        for listener in tuple(self.listeners):
            try:
                listener.batches.put_nowait(batch)
            except asyncio.QueueFull:
                listener.dropped = True
                self.listeners.discard(listener)

    def stir(self) -> None:
        """Have those look around who hear of nothing."""
        for listener in self.listeners:
            if listener.batches.empty():
                listener.batches.put_nowait(QUIET)


class Hub:
    """Follows the change log for as long as somebody listens. It alone watches the time: a page waits for it.

    Args:
        app: the use cases.
        stopping: is the server going down?
    """

    def __init__(self, app: App, stopping: Callable[[], bool]) -> None:
        self._app, self._stopping = app, stopping
        self._channels: dict[tuple[Sight | None, int], Channel] = {}
        self._tail: asyncio.Task[None] | None = None
        self._head = ""
        """Up to where everything was told."""
        self.rendered = 0
        """Changes that were told so far, once per class of viewer."""

    async def listen(self, calling: Caller, by: Actor, platform: int, after: str, head: str) -> AsyncIterator[bytes]:
        """Events after a position, for as long as the caller may look and keeps up. None is missed.

        Args:
            head: how far the change log reached when the caller came.
        """
        yield f"retry: 1000\nid: {after}\nevent: begin\ndata: {{}}\n\n".encode()
        key, listener, told = (by.sight, platform), Listener(), set[str]()
        self._channels.setdefault(key, Channel(Viewer(by, platform))).listeners.add(listener)
        if self._deaf():
            self._head, self._tail = head, asyncio.create_task(self._run())
        try:
            if after != self._head:
                async for batch in self._missed(by, platform, after):
                    told.update(position for position, _ in batch.events)
                    yield batch.data
            told.discard("")
            async for data in self._coming(calling, by, listener, told):
                yield data
        finally:
            self._leave(key, listener)

    async def _missed(self, by: Actor, platform: int, after: str) -> AsyncIterator[Batch]:
        """What happened between a position and now; who missed too much is told to load the page again."""
        for _ in range(BEHIND // BATCH):
            page = await self._app.views.changes(by, after, BATCH, platform)
            if page.changes:
                yield told_of(await self._app.live.of(Viewer(by, platform), page.changes))
            if page.position == after:
                return
            after = page.position
        tail = await self._app.views.tail(by)
        resync = f"id: {tail}\nevent: resync\ndata: {{}}\n\n".encode()
        yield Batch(resync, ((tail, resync),))

    async def _coming(
        self, calling: Caller, by: Actor, listener: Listener, told: Collection[str]
    ) -> AsyncIterator[bytes]:
        """What happens from now on, but for what was told already."""
        spoke_at = looked_at = time.monotonic()
        while not (self._stopping() or listener.dropped or self._deaf()):
            batch = await listener.batches.get()
            now = time.monotonic()
            if now - looked_at >= LOOK_S:
                if not await _still(calling, by):
                    return
                looked_at = now
            data = batch.without(told)
            if not data and now - spoke_at >= BEAT_S:
                data = BEAT
            if data:
                spoke_at = now
                yield data

    def _deaf(self) -> bool:
        """Has the tail ended? Whoever listens comes again, and begins a new one."""
        return self._tail is None or self._tail.done()

    async def _run(self) -> None:
        """Tell what is new, until nobody listens or the server stops."""
        stirred_at = time.monotonic()
        try:
            while self._channels and not self._stopping():
                await self._tell()
                if time.monotonic() - stirred_at >= LOOK_S:
                    self._stir()
                    stirred_at = time.monotonic()
        finally:
            self._stir()

    async def _tell(self) -> None:
        """What is new, if anything is before it is time to look around."""
        try:
            coming = await self._app.live.coming(self._head, LOOK_S, BATCH, self._viewers)
        except StoreUnavailable as error:
            log.warning("the change log cannot be read", error=str(error))
            await asyncio.sleep(LOOK_S)
            return
        for viewer, news in coming.news:
            channel = self._channels.get((viewer.by.sight, viewer.platform))
            if channel is not None and news.changes:
                self.rendered += len(news.changes)
                channel.tell(told_of(news))
        self._head = coming.position

    def _stir(self) -> None:
        for channel in self._channels.values():
            channel.stir()

    def _viewers(self) -> Sequence[Viewer]:
        """One of each class."""
        return [channel.viewer for channel in tuple(self._channels.values())]

    def _leave(self, key: tuple[Sight | None, int], listener: Listener) -> None:
        channel = self._channels[key]
        channel.listeners.discard(listener)
        if not channel.listeners:
            del self._channels[key]


async def _still(calling: Caller, by: Actor) -> bool:
    """May the caller still look, at the same things?"""
    try:
        return (await calling.actor()).sight == by.sight
    except (NotSignedIn, NotPermitted, StoreUnavailable):
        return False
