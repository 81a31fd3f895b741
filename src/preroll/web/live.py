# SPDX-License-Identifier: Apache-2.0
"""Live pages: one tail of the change log a process, each change told once per class of viewer, fanned out as bytes.

The id of an event is a position in the change log, so that a browser goes on at any process where it was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from preroll.app import App
from preroll.app.live import News, Viewer
from preroll.domain.booking import FAILED_EVENT, State
from preroll.domain.changes import Change
from preroll.domain.errors import NotPermitted, NotSignedIn, StoreUnavailable
from preroll.domain.order import OrderState
from preroll.domain.permission import ENGINE, Actor, Sight
from preroll.domain.service_instance import Provisioned
from preroll.gate.guard import Caller
from preroll.telemetry import logger
from preroll.web.timeline_shown import packed

log = logger(__name__)

LOOK_S = 0.5
"""How often the tail looks whether the server stops, and a quiet stream whether its reader may still look."""
BEAT_S = 15.0
"""A stream on which nothing happens says so this often: a browser that hears less has lost it."""
BATCH = 500
BEHIND = 2_000
"""Changes that are told after the fact; who missed more loads its page again."""
QUEUED = 200
"""Batches that may wait for a slow browser; then it is dropped, and comes again where it was."""
STATES_TOLD = frozenset(f"{thing}.{what}" for thing in ("booking", "order", "service") for what in ("state", "created"))
FAILED = frozenset({State.FAILED, *FAILED_EVENT, OrderState.FAILED_DEPLOY, Provisioned.FAIL_DEPLOY})

Frames = Sequence[tuple[str, bytes]]
"""(position, event) of each change."""
BEAT: Frames = (("", b"event: beat\ndata: {}\n\n"),)


def told_of(news: News) -> Frames:
    """Changes as events, and before them how the bookings that they are about stand now."""
    told = [(change.position, framed(change)) for change in news.changes]
    if news.blocks is None:
        return told
    return [("", b"event: blocks\ndata: " + packed(news.blocks, news.gone) + b"\n\n"), *told]


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

    batches: asyncio.Queue[Frames] = field(default_factory=lambda: asyncio.Queue(QUEUED))
    dropped: bool = False
    """It was too slow; what it missed it gets when it comes again."""


@dataclass(slots=True)
class Channel:
    """All listeners that see the same."""

    viewer: Viewer
    listeners: set[Listener] = field(default_factory=set)

    def tell(self, frames: Frames) -> None:
        """Put a batch into every queue."""
        for listener in tuple(self.listeners):
            try:
                listener.batches.put_nowait(frames)
            except asyncio.QueueFull:
                listener.dropped = True
                self.listeners.discard(listener)


class Hub:
    """Follows the change log for as long as somebody listens.

    Args:
        app: the use cases.
        stopping: is the server going down?
    """

    def __init__(self, app: App, stopping: Callable[[], bool]) -> None:
        self._app, self._stopping = app, stopping
        self._channels: dict[tuple[Sight | None, int], Channel] = {}
        self._tail: asyncio.Task[None] | None = None
        self.rendered = 0
        """Changes that were told so far, once per class of viewer."""

    async def listen(self, calling: Caller, by: Actor, platform: int, after: str) -> AsyncIterator[bytes]:
        """Events after a position, for as long as the caller may look and keeps up. None is missed."""
        yield f"retry: 1000\nid: {after}\nevent: begin\ndata: {{}}\n\n".encode()
        key, listener, told = (by.sight, platform), Listener(), set[str]()
        self._channels.setdefault(key, Channel(Viewer(by, platform))).listeners.add(listener)
        await self._follow()
        try:
            async for frames in self._missed(by, platform, after):
                told.update(position for position, _ in frames)
                yield b"".join(event for _, event in frames)
            told.discard("")
            async for frames in self._coming(calling, by, listener):
                yield b"".join(event for position, event in frames if position not in told)
        finally:
            self._leave(key, listener)

    async def _missed(self, by: Actor, platform: int, after: str) -> AsyncIterator[Frames]:
        """What happened between a position and now; who missed too much is told to load the page again."""
        for _ in range(BEHIND // BATCH):
            page = await self._app.views.changes(by, after, BATCH, platform)
            if page.changes:
                yield told_of(await self._app.live.of(Viewer(by, platform), page.changes))
            if page.position == after:
                return
            after = page.position
        tail = await self._app.views.tail(by)
        yield ((tail, f"id: {tail}\nevent: resync\ndata: {{}}\n\n".encode()),)

    async def _coming(self, calling: Caller, by: Actor, listener: Listener) -> AsyncIterator[Frames]:
        """What happens from now on."""
        quiet_since = looked_at = time.monotonic()
        while not (self._stopping() or listener.dropped or self._deaf()):
            if time.monotonic() - looked_at >= LOOK_S:
                if not await _still(calling, by):
                    return
                looked_at = time.monotonic()
            try:
                async with asyncio.timeout(LOOK_S):
                    frames = await listener.batches.get()
            except TimeoutError:
                if time.monotonic() - quiet_since < BEAT_S:
                    continue
                frames = BEAT
            quiet_since = time.monotonic()
            yield frames

    async def _follow(self) -> None:
        """Begin the tail, if there is none."""
        if self._deaf():
            head = await self._app.views.tail(ENGINE)
            if self._deaf():
                self._tail = asyncio.create_task(self._run(head))

    def _deaf(self) -> bool:
        """Has the tail ended? Whoever listens comes again, and begins a new one."""
        return self._tail is None or self._tail.done()

    async def _run(self, head: str) -> None:
        """Tell what is new, until nobody listens or the server stops."""
        while self._channels and not self._stopping():
            try:
                coming = await self._app.live.coming(head, LOOK_S, BATCH, self._viewers)
                for viewer, news in coming.news:
                    channel = self._channels.get((viewer.by.sight, viewer.platform))
                    if channel is not None and news.changes:
                        self.rendered += len(news.changes)
                        channel.tell(told_of(news))
                head = coming.position
            except StoreUnavailable as error:
                log.warning("the change log cannot be read", error=str(error))
                await asyncio.sleep(LOOK_S)

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
