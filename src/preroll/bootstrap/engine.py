# SPDX-License-Identifier: Apache-2.0
"""The engine of one process: dispatcher and script hosts in one thread, the heartbeat in another."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from preroll import __version__
from preroll.app import App, build
from preroll.app.orchestration import Orchestration
from preroll.bootstrap.punctual import punctual_loop
from preroll.clock.dispatcher import Dispatcher, Pace
from preroll.clock.heartbeat import beat, renewal
from preroll.clock.housekeeping import WATCH, keep_house
from preroll.domain.reach import Labels
from preroll.ports.store import Journal, Store
from preroll.ports.workers import Role
from preroll.scripts.host import Process
from preroll.scripts.pool import Pool, PoolOptions
from preroll.telemetry import logger

if TYPE_CHECKING:
    from preroll.bootstrap.fleet import Fleet

log = logger(__name__)

DRAIN_SECONDS = 5.0
"""How long a stopping engine waits for its runs; what is not over by then is resumed by the next one."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this worker is."""

    name: str
    only: bool
    """No other engine works on this store: what others left is taken over at once, without waiting for a lease."""
    labels: Labels = frozenset()
    """Where it stands: it runs what can be reached from there."""


class Thread:
    """A loop in a thread of its own. ``start`` returns when its coroutine is up, or raises what it raised."""

    def __init__(self, name: str, main: Callable[[Thread], Coroutine[Any, Any, None]]) -> None:
        self._main, self._name = main, name
        self._up, self._failure = threading.Event(), list[BaseException]()
        self._halt: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._work, name=f"preroll-{name}", daemon=True)

    def start(self) -> None:
        """Start it and wait until it is up."""
        self._thread.start()
        self._up.wait()
        if self._failure:
            raise self._failure[0]

    def up(self, halt: Callable[[], None]) -> None:
        """Called by the coroutine: it works now, and ``halt`` (called on its loop) makes it return."""
        loop = asyncio.get_running_loop()

        def safely() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(halt)

        self._halt = safely
        self._up.set()

    def halt(self) -> None:
        """Make it return."""
        self._halt()

    def stop(self) -> None:
        """Make it return, and wait until it has."""
        self._halt()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def is_up(self) -> bool:
        """Did it ever work?"""
        return self._up.is_set()

    @property
    def alive(self) -> bool:
        """Does it work?"""
        return self._thread.is_alive()

    def _work(self) -> None:
        try:
            with asyncio.Runner(loop_factory=punctual_loop) as runner:
                runner.run(self._main(self))
        except BaseException as error:
            if self._up.is_set():
                log.exception("a thread of the engine has ended", thread=self._name)
            self._failure.append(error)
        finally:
            self._up.set()


class Engine:
    """Claims and runs what is due until it is stopped.

    ``start`` returns when it claims; from then on ``app`` is there. Raises what kept it from starting.
    """

    def __init__(
        self,
        store: Store,
        options: PoolOptions,
        who: Identity,
        pace: Pace,
        drain: float = DRAIN_SECONDS,
        fleet: Fleet | None = None,
    ) -> None:
        self._store, self._who, self._pace, self._drain = store, who, pace, drain
        self._options = replace(options, fresh=pace.lease_us / 2e6)
        self._fleet = fleet
        self._work = Thread("engine", self._claiming)
        self._beat = Thread("heartbeat", self._beating)
        self._dispatcher: Dispatcher | None = None
        self._renewal = renewal()
        self._workers: list[int] = []
        """One that claims; with a carrier also one that runs."""
        self.left = 0
        """Runs that were not over when it stopped; another engine resumes them."""
        self.app: App
        self.pool: Pool

    def start(self) -> None:
        """Start its threads."""
        self._work.start()
        self._beat.start()

    def stop(self) -> None:
        """Claim no more, give what runs a moment, stop the hosts, give the lease back."""
        self._work.stop()
        self._beat.stop()

    @property
    def alive(self) -> bool:
        """Do its threads work?"""
        return self._work.alive and self._beat.alive

    @property
    def trouble(self) -> str:
        """Why the store does not let it write; empty: it does."""
        return self._renewal.error

    def hurries(self) -> bool:
        """Is something about to begin? From any thread."""
        return self._dispatcher is not None and self._dispatcher.hurries

    async def _claiming(self, thread: Thread) -> None:
        journal = self._store.journal
        self._workers = await self._enlisted(journal)
        self.pool = Pool(spawn_host, self._options)
        try:
            await self.pool.start()
            calm_the_collector()
            orchestration = Orchestration(self._store, self.pool, asyncio.Lock())
            self.app = replace(build(self._store, self.pool), orchestration=orchestration)
            runner = Dispatcher(journal, orchestration, self._workers[-1], self._pace)
            async with self._carried(runner) as dispatcher, _kept(self.app):
                self._store.on_due(dispatcher.waker(asyncio.get_running_loop()))
                self._dispatcher = dispatcher
                thread.up(dispatcher.stop)
                await dispatcher.run()
            self.left = await runner.drain(self._drain)
            if self.left:
                log.warning("runs are left to whoever comes next", runs=self.left)
        finally:
            await self.pool.close()
            if thread.is_up:
                self._beat.halt()
            else:
                await self._retired()

    def _carried(self, runner: Dispatcher) -> contextlib.AbstractAsyncContextManager[Dispatcher]:
        """Who claims: the runner itself, or a dispatcher that hands on what it claims."""
        if self._fleet is None:
            return contextlib.nullcontext(runner)
        sender, key = self._workers
        return self._fleet.sender(self._store.journal, self.app.orchestration, sender, runner, key, self._pace)

    async def _enlisted(self, journal: Journal) -> list[int]:
        who, roles = self._who, (Role.HERE,) if self._fleet is None else (Role.SENDER, Role.RUNNER)
        place = (who.name, socket.gethostname(), os.getpid(), __version__, self._pace.lease_us, who.labels)
        workers = [await journal.enlist(*place, role) for role in roles]
        if who.only and (buried := await journal.bury(workers[0])):
            log.info("taking over from workers that are gone", workers=buried)
        return workers

    async def _retired(self) -> None:
        for worker in self._workers:
            await self._store.journal.retire(worker)

    async def _beating(self, thread: Thread) -> None:
        """The heart beats as long as the engine works; whoever renews the lease also gives it back."""
        stopping, journal = asyncio.Event(), self._store.journal
        thread.up(stopping.set)
        lease = self._pace.lease_us
        alike = (lease, stopping, self._scripts, self._renewal)
        await asyncio.gather(*(beat(journal, worker, *alike) for worker in self._workers))
        await self._retired()

    def _scripts(self) -> Mapping[str, str]:
        return {script.name: script.version for script in self.pool.installed()}


@contextlib.asynccontextmanager
async def _kept(app: App) -> AsyncIterator[None]:
    """Housekeeping beside the claims, as long as there are any."""
    loop = asyncio.get_running_loop()
    duties = [keep_house(app.housekeeping.sweep), keep_house(app.service_watch.sweep, WATCH)]
    tasks = [loop.create_task(duty) for duty in duties]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def calm_the_collector() -> None:
    """What is there now stays, so collections pass it by; and they come seldom.

    After a burst of 10,000 bookings a full collection stands in the way of every due event for 45 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def spawn_host(command: Sequence[str], inherited: int) -> Process:
    """Start a script host; it inherits one socket and nothing of the terminal's signals."""
    return subprocess.Popen(  # noqa: S603 - the command is the program's own
        command, pass_fds=(inherited,), stdin=subprocess.DEVNULL, start_new_session=True
    )


def spawn_thread(name: str, work: Callable[[], None]) -> None:
    """Start a thread that ends by itself when the store is closed."""
    threading.Thread(target=work, name=name, daemon=True).start()
