# SPDX-License-Identifier: Apache-2.0
"""The deliverer: follows the change log for every subscription of this process, and sends what each is to be told.

One task a subscription, so that a slow receiver keeps nobody else waiting; one follower of the change log for all.
A message is sent before its place is written down: after a crash it may come twice, under the same id, and never not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from preroll.app.deliveries import NOBODY, Deliveries, Due, Parcel
from preroll.domain.errors import NotFound, StoreUnavailable
from preroll.domain.subscription import Fate, Status, Subscription
from preroll.domain.window import SECOND
from preroll.outbox.desk import Counter, Desk
from preroll.outbox.pace import Pace
from preroll.ports.clock import Clock
from preroll.ports.outbox import Outcome
from preroll.telemetry import Outage, logger

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a process delivers."""

    holder: str
    """A word for this process that no other one has."""
    lease_us: int = 30 * SECOND
    """Renewed after a quarter of it."""
    look_s: float = 1.0
    """How often it looks, at most, for subscriptions that are new, changed or left by others."""
    flush: int = 50
    """Messages after which the place is written down."""
    step: int = 1_000
    """Changes that were none of a subscription's business after which its place is written down."""


@dataclass(slots=True)
class Round:
    """One subscription, as it is being delivered."""

    now: Subscription
    """With its place as it really is."""
    passed: int = 0
    """Changes that are behind its place since it was written down."""
    taken: int = 0
    """Messages among them that were taken."""
    buried: set[str] = field(default_factory=set)
    """Messages that were given up since its place was written down: others of the same change may still follow."""
    task: asyncio.Task[None] | None = None

    @property
    def is_over(self) -> bool:
        """Does nobody deliver it any more?"""
        return self.task is None or self.task.done()

    @property
    def ahead(self) -> bool:
        """Is it further than what is written down?"""
        return bool(self.passed or self.taken)

    def move(self, position: str, passed: int = 0) -> None:
        """Go on to a position."""
        self.now = replace(self.now, progress=replace(self.now.progress, cursor=position))
        self.passed += passed

    def take(self, position: str, at_us: int) -> None:
        """The message up to a position was taken."""
        self.now = replace(self.now, progress=replace(self.now.progress, cursor=position, taken_us=at_us))
        self.taken += 1

    def written(self, stored: Subscription | None) -> bool:
        """Its place is written down; None: it is not this process's any more, nor is what it has sent."""
        self.now, self.passed, self.taken = stored or self.now, 0, 0
        return stored is not None


class Deliverer:
    """Delivers until it is stopped. Belongs to one event loop.

    Args:
        deliveries: the use cases.
        desk: writes and sends messages.
        clock: for pauses and for the lease.
        terms: how this process delivers.
        pace: how fast; None: as fast as where nothing is about to begin.
    """

    def __init__(
        self, deliveries: Deliveries, desk: Desk, clock: Clock, terms: Terms, pace: Pace | None = None
    ) -> None:
        self._deliveries, self._desk, self._clock, self._terms = deliveries, desk, clock, terms
        self._rounds: dict[int, Round] = {}
        """By the key of the subscription."""
        self._pace = pace or Pace()
        self._renew_us = 0
        self._stirs, self._seen = 1, 0
        """How often something has changed, and of how many of them the subscriptions were looked at since."""
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self.outage = Outage(log, "deliveries cannot be claimed", "deliveries are claimed again")
        """Of the store, as it is seen here."""

    def stop(self) -> None:
        """Send nothing more; ``run`` returns."""
        self._stopping.set()

    async def run(self) -> None:
        """Deliver until stopped, whatever becomes of the store meanwhile."""
        follower = asyncio.get_running_loop().create_task(self._follow())
        try:
            while not self._stopping.is_set():
                if follower.done():
                    follower.result()
                try:
                    if await self._must_claim():
                        await self._claim()
                    self.outage.is_over()
                except StoreUnavailable as error:
                    self.outage.lasts(error)
                await _pause(self._stopping, self._terms.look_s)
        finally:
            follower.cancel()
            await _ended(self._rounds.values())
            with suppress(StoreUnavailable):
                for each in self._rounds.values():
                    await self._write(each)
                await self._deliveries.release(self._terms.holder)

    async def _must_claim(self) -> bool:
        """Is there anything to write about who delivers what? An idle process writes when a lease has to be renewed."""
        if self._clock.now_us() >= self._renew_us or any(each.is_over for each in self._rounds.values()):
            return True
        stirs = self._stirs
        if stirs == self._seen:
            return False
        mine = {(key, each.now.revision) for key, each in self._rounds.items()}
        if mine != await self._deliveries.claimable(self._terms.holder, self._desk.kinds):
            return True
        self._seen = stirs
        return False

    async def _claim(self) -> None:
        """One task for each of mine, anew when it was changed; none for any other."""
        stirs = self._stirs
        found = await self._deliveries.claim(self._terms.holder, self._desk.kinds, self._terms.lease_us)
        self._seen = stirs
        self._renew_us = self._clock.now_us() + self._terms.lease_us // 4
        mine = {one.key: one for one in found}
        for key, each in list(self._rounds.items()):
            if each.is_over or key not in mine or mine[key].revision != each.now.revision:
                await _ended([each])
                if each.ahead and await self._write(each) and key in mine:
                    progress = replace(mine[key].progress, cursor=each.now.progress.cursor)
                    mine[key] = replace(mine[key], progress=progress)
                del self._rounds[key]
        for key in mine.keys() - self._rounds.keys():
            each = self._rounds[key] = Round(mine[key])
            each.task = asyncio.get_running_loop().create_task(self._deliver(each))

    async def _follow(self) -> None:
        """Wake everybody at every change."""
        after = ""
        while True:
            try:
                await self._deliveries.wait(after, self._terms.look_s)
                newest = await self._deliveries.tail()
            except StoreUnavailable:
                await asyncio.sleep(self._terms.look_s)
                continue
            if newest != after:
                after = newest
                self._stirs += 1
                news, self._news = self._news, asyncio.Event()
                news.set()

    async def _deliver(self, each: Round) -> None:
        try:
            async with self._desk.counter(each.now) as counter:
                going = True
                while going:
                    await self._until(each.now.progress.next_us)
                    news = self._news
                    due = await self._deliveries.due(each.now)
                    if due.position == each.now.progress.cursor:
                        await news.wait()
                    else:
                        going = await self._sent(counter, each, due)
        except NotFound:
            await self._deliveries.pause(each.now, self._terms.holder, NOBODY)
        except StoreUnavailable as error:
            log.warning("the store does not answer; a subscription waits", error=str(error))
        except Exception:
            log.exception("a subscription could not be delivered", subscription=each.now.id)

    async def _sent(self, counter: Counter, each: Round, due: Due) -> bool:
        """Send what is due in order, up to the first failure; False: it is not this process's any more."""
        for parcel in self._desk.parcels(each.now, due):
            if parcel.message.id in each.buried:
                each.move(parcel.position)
                continue
            await self._pace.rest()
            outcome = await counter.post(each.now, parcel.message)
            if not outcome.taken:
                return await self._failed(each, parcel, outcome)
            each.take(parcel.position, self._clock.now_us())
            if (each.taken >= self._terms.flush or each.now.progress.attempts) and not await self._write(each):
                return False
        each.move(due.position, due.looked)
        each.buried.clear()
        settled = not each.taken and each.now.status is Status.ACTIVE and each.passed < self._terms.step
        return (settled or await self._write(each)) and not due.changed

    async def _write(self, each: Round) -> bool:
        """Write down how far it has come; False: it is not this process's any more."""
        if not each.ahead:
            return True
        place, pause_us = each.now.progress.cursor, self._desk.pause_us(each.now.kind)
        return each.written(
            await self._deliveries.reached(
                each.now, self._terms.holder, place, taken=bool(each.taken), pause_us=pause_us
            )
        )  # fmt: skip

    async def _failed(self, each: Round, parcel: Parcel, outcome: Outcome) -> bool:
        stored, verdict = await self._deliveries.failed(each.now, self._terms.holder, parcel, outcome)
        log.warning("a message was not taken", subscription=each.now.id, error=outcome.error, then=verdict.fate.value)
        if verdict.fate is Fate.DEAD:
            each.buried.add(parcel.message.id)
        return each.written(stored) and verdict.fate is not Fate.STOP

    async def _until(self, instant_us: int) -> None:
        while (left := instant_us - self._clock.now_us()) > 0:
            await asyncio.sleep(min(left / SECOND, self._terms.look_s))


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()


async def _ended(rounds: Iterable[Round]) -> None:
    tasks = [each.task for each in rounds if each.task]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
