# SPDX-License-Identifier: Apache-2.0
"""The dispatcher: sleep until something is due, claim it, run it, settle it, repeat.

One round is one claim. Runs are tasks beside the rounds, so that a slow device never delays another booking's event.
The loop outlives whatever happens in it; what it could not settle, another claim resumes from the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from math import inf

import stamina

from preroll.app.orchestration import Orchestration, unexpected
from preroll.clock.carrier import Carrier, reached
from preroll.domain.errors import PrerollError, StoreUnavailable
from preroll.domain.machine import Outcome
from preroll.ports.rows import Claimed, Claims, Fence, Settled, Settlement, Verdict
from preroll.ports.store import Journal
from preroll.telemetry import CLAIM_FAILURES, LATENESS, RUNNING, Outage, ended, logger

log = logger(__name__)
_again = stamina.AsyncRetryingCaller(attempts=None, timeout=None, wait_initial=0.1, wait_max=2.0)
"""Until the store answers."""


TAKEN_OVER = "another worker has taken over a run; what became of it here does not count"
SOON_S = 0.001
"""So long before something is due it is about to begin."""
UNDER_WAY_S = 0.01
"""So long after its instant, or its claim if that is later, a run is on its way to a script host."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a worker works; times in microseconds."""

    lease_us: int = 5_000_000
    room: int = 256
    """Runs that one worker has at once, over all platforms."""
    ahead_us: int = 100_000
    """A run is claimed so long before its instant, and begins on it: neither a slow disk nor the others that begin
    with it make it late."""
    longest_sleep: float = 1.0
    """Seconds. A wake-up that is lost costs no more than this."""


class Eve:
    """Is something about to begin? Told by the loop that begins it, by its clock; asked from any thread."""

    def __init__(self) -> None:
        self._time: Callable[[], float] = lambda: 0.0
        self._until, self._from = 0.0, inf
        self._begin: frozenset[float] = frozenset()

    @property
    def now(self) -> bool:
        """Is it just before something begins?"""
        time = self._time()
        begin = any(instant - SOON_S <= time < instant + UNDER_WAY_S for instant in self._begin)
        return begin or not self._until <= time < self._from

    def looks(self, time: Callable[[], float]) -> None:
        """It is being looked up what is due: until it is known, something may be."""
        self._time, self._until = time, inf

    def knows(self, instants: Iterable[float] = ()) -> None:
        """What is due is known, and when it begins."""
        time = self._time()
        still = (instant for instant in self._begin if time < instant + UNDER_WAY_S)
        self._begin = frozenset((*still, *(max(time, instant) for instant in instants)))
        self._until = 0.0

    def waits(self, seconds: float | None) -> None:
        """Nothing is due for so long; None: nothing is planned."""
        self._from = inf if seconds is None else self._time() + seconds - SOON_S


def early(claimed: Claimed, now_us: int) -> float:
    """Seconds until a run's instant; negative: it is late."""
    return (claimed.judged.boundary.due_us - now_us) / 1e6


class Dispatcher:
    """Claims for one worker. Belongs to one event loop. Without another carrier it is one itself: *here*."""

    def __init__(
        self,
        journal: Journal,
        orchestration: Orchestration,
        worker: int,
        pace: Pace = Pace(),
        carrier: Carrier | None = None,
    ) -> None:
        self._journal, self._orchestration, self._worker, self._pace = journal, orchestration, worker, pace
        self._carrier: Carrier = carrier or self
        self._runs: dict[tuple[int, int], tuple[Claimed, asyncio.Task[None]]] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._eve = Eve()
        self._stopped: set[str] = set()
        """Runs that were told to stop, perhaps before they had begun; a claim names them until they have."""
        self._outage = Outage(log, "the store does not answer", "the store answers again")

    @property
    def running(self) -> int:
        """How many runs are under way."""
        return len(self._runs)

    @property
    def hurries(self) -> bool:
        """Is something about to begin? Whoever shares the interpreter, and can wait, lets it by. From any thread."""
        return self._eve.now

    def waker(self, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
        """A function that wakes this dispatcher from any thread."""

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._wake.set)

        return wake

    def stop(self) -> None:
        """Claim nothing more; ``run`` returns. What runs goes on until ``drain``."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Rounds until stopped."""
        loop = asyncio.get_running_loop()
        while not self._stopping:
            self._wake.clear()
            self._eve.looks(loop.time)
            claims = await self._claim()
            known = loop.time() if claims is None else claims.read_at or loop.time()
            self._eve.knows([known + early(claimed, claims.now_us) for claimed in claims.runs] if claims else ())
            if claims is None:
                self._eve.waits(None)
                await self._sleep(self._pace.longest_sleep)
            elif not claims.more or self.running >= self._pace.room:
                pause = self._pause(claims) - (loop.time() - known)
                self._eve.waits(None if claims.next_due_us is None else pause)
                await self._sleep(pause)

    async def round(self) -> Claims:
        """One claim; what it found is running when this returns."""
        room = self._pace.room - self.running
        claims = await self._journal.claim(
            self._worker, self._pace.lease_us, self._orchestration.decide, max(0, room), self._pace.ahead_us
        )
        for fence in claims.cancel:
            self._carrier.cancel(fence)
        for claimed in claims.runs:
            _ = self.begin(claimed, claims.now_us, claims.read_at)
        for failure in claims.failed:
            ended(failure.event, Outcome.FAILED).inc()
            log.error(
                "could not begin", booking=failure.booking, name=failure.name, booking_event=failure.event,
                reason=failure.reason.value, message=failure.message,
            )  # fmt: skip
        return claims

    async def idle(self) -> None:
        """Wait until nothing runs."""
        while self._runs:
            await asyncio.wait([task for _, task in self._runs.values()])

    async def drain(self, seconds: float) -> int:
        """Wait for what runs, at most so long, then let go of it; returns how many were let go (they are resumed)."""
        tasks = [task for _, task in self._runs.values()]
        if not tasks:
            return 0
        _, pending = await asyncio.wait(tasks, timeout=seconds)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        return len(pending)

    async def _claim(self) -> Claims | None:
        try:
            claims = await self.round()
        except StoreUnavailable as error:
            CLAIM_FAILURES.inc()
            self._outage.lasts(error)
        except Exception:
            CLAIM_FAILURES.inc()
            log.exception("a claim failed; trying again")
        else:
            self._outage.is_over()
            return claims
        return None

    def _pause(self, claims: Claims) -> float:
        """Seconds until there may be something to claim."""
        if claims.next_due_us is None:
            return self._pace.longest_sleep
        return max(0.0, (claims.next_due_us - claims.now_us) / 1e6)

    async def _sleep(self, seconds: float) -> None:
        if seconds <= 0 or self._wake.is_set():
            return
        timer = asyncio.get_running_loop().call_later(min(seconds, self._pace.longest_sleep), self._wake.set)
        await self._wake.wait()
        timer.cancel()

    def under_way(self, boundary: int) -> asyncio.Task[None] | None:
        """The newest run of a boundary, if it runs here."""
        return next((task for (key, _), (_, task) in reversed(self._runs.items()) if key == boundary), None)

    def begin(self, claimed: Claimed, now_us: int, read_at: float = 0.0) -> asyncio.Task[None]:
        """Have a claimed run carried when it is due; the task ends when the carrier has no more to do.

        Args:
            claimed: the run.
            now_us: the journal's time, microseconds of UTC.
            read_at: when that was read, in seconds of the loop's clock; 0: now.
        """
        boundary, booking = claimed.judged.boundary, claimed.judged.booking
        late = -early(claimed, now_us)
        if claimed.resumed:
            log.info("resumed", **_names(claimed), left_by=claimed.left_by, steps=len(claimed.steps))
        else:
            LATENESS.observe(max(0.0, late))
            log.debug("claimed", booking=booking.id, run=claimed.run, late=late)
        place = (boundary.key, claimed.epoch)
        loop = asyncio.get_running_loop()
        instant = (read_at or loop.time()) - late
        task = loop.create_task(self._carrier.submit(claimed, instant))
        self._runs[place] = (claimed, task)
        RUNNING.inc()
        task.add_done_callback(lambda _: self._over(place))
        return task

    def _over(self, place: tuple[int, int]) -> None:
        """There may be room again; what a settlement makes due, the store's bell tells."""
        if self.running >= self._pace.room:
            self._wake.set()
        claimed, _ = self._runs.pop(place)
        self._stopped.discard(claimed.run)
        RUNNING.dec()

    def cancel(self, fence: Fence) -> None:
        """As a carrier: stop the run of a boundary."""
        for (key, _), (claimed, _) in self._runs.items():
            if key == fence.boundary and claimed.run not in self._stopped:
                self._stopped.add(claimed.run)
                log.warning("stopping a run: a down event is due, or its order was canceled", **_names(claimed))
                self._orchestration.cancel(claimed.run)

    async def submit(self, claimed: Claimed, instant: float = 0.0) -> None:
        """As a carrier: run it here, and settle what came of it."""
        try:
            settlement = await self._perform(claimed, partial(reached, instant))
        except PrerollError as error:
            settlement = unexpected(claimed, error)
        except Exception as error:
            log.exception("a run could not be carried out", run=claimed.run)
            settlement = unexpected(claimed, error)
        if settlement is None:
            log.warning(TAKEN_OVER, **_names(claimed))
            return
        await self._settle(claimed, settlement)

    async def _perform(self, claimed: Claimed, instant: Callable[[], Awaitable[None]]) -> Settlement | None:
        try:
            return await self._orchestration.perform(claimed, self._stopped, instant)
        except StoreUnavailable:
            log.warning("the store does not answer; a run begins when it does", **_names(claimed))
            return await _again(StoreUnavailable, self._orchestration.perform, claimed, self._stopped, instant)

    async def _settle(self, claimed: Claimed, settlement: Settlement) -> None:
        try:
            settled = await self._journal.settle(settlement)
        except StoreUnavailable:
            log.warning("the store does not answer; the end of a run is kept until it does", **_names(claimed))
            settled = await self._settle_later(settlement)
        event, booking = claimed.judged.boundary.event.name, claimed.judged.booking
        ended(event, settlement.outcome).inc()
        if settled.verdict is not Verdict.OK:
            log.warning(TAKEN_OVER, **_names(claimed))
        elif settlement.outcome is Outcome.OK:
            log.debug("settled", booking=booking.id, run=claimed.run, state=settled.state and settled.state.value)
        else:
            log.error(
                "settled", booking=booking.id, name=booking.name, booking_event=event, outcome=settlement.outcome.value,
                state=settled.state and settled.state.value, message=settlement.message or None,
            )  # fmt: skip

    async def _settle_later(self, settlement: Settlement) -> Settled:
        return await _again(StoreUnavailable, self._journal.settle, settlement)


def _names(claimed: Claimed) -> dict[str, str]:
    """Which run, for the log."""
    judged = claimed.judged
    booking, event = judged.booking, judged.boundary.event.name
    return {"booking": booking.id, "name": booking.name, "booking_event": event, "run": claimed.run}
