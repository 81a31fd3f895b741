# SPDX-License-Identifier: Apache-2.0
"""The threadless set: all parts of Preroll in one loop on virtual time, with an engine that can be killed anywhere.

Store, use cases, dispatcher, steps and drivers are the real ones; only threads, processes and waiting are left out.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from preroll.app import App, build
from preroll.app.housekeeping import Housekeeping
from preroll.app.orchestration import Orchestration
from preroll.app.service_watch import ServiceWatch
from preroll.audits import SHIPPED
from preroll.bootstrap.virtual import VirtualClock, VirtualLoop
from preroll.clock.dispatcher import Dispatcher, Pace
from preroll.clock.heartbeat import beat
from preroll.clock.housekeeping import keep_house
from preroll.domain.reach import Labels
from preroll.drivers.sim import Device, Fault, World, sim_in
from preroll.ports.rows import Adopted, Claims, Decide, LogLine, Settled, Settlement, StepBegin, StepEnd, Verdict
from preroll.ports.store import Deed, Journal, Store, Unit
from preroll.ports.workers import Role
from preroll.scripts.inline import InlineRunner
from preroll.store import SqlStore, open_inline_store

A = TypeVar("A")
R = TypeVar("R")
Scripts = Mapping[str, Callable[..., object]]
Watch = Callable[[str, str, object], None]


class Killed(BaseException):
    """The engine was killed here. Not an Exception: nothing may hold it up."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the set is built."""

    seed: int = 1
    """Of the ids that are made."""
    pace: Pace = field(default_factory=lambda: Pace(lease_us=3_600_000_000, longest_sleep=3600.0))
    """No wake-up is lost on one loop, so the dispatcher may sleep long; and so may the heart."""
    watch: Watch = lambda _, __, ___: None
    """Sees what the journal has taken: (engine, ``claim``, ``begin``, ``end`` or ``settle``, the row)."""
    journal: Callable[[Journal], Journal] = lambda journal: journal
    """Goes around the journal of every engine; a checker proves itself with a faulty one."""
    checks: Mapping[str, str] = field(default_factory=lambda: dict(SHIPPED))
    """Kind of check -> ``module:attribute`` of its class."""


class InlineSet:
    """The parts, and a hand on the engine. Made by ``inline_set``."""

    def __init__(self, loop: VirtualLoop, scripts: Scripts, options: Options) -> None:
        self.loop, self.clock = loop, VirtualClock(loop)
        self._scripts, self._options = scripts, options
        self._crash: tuple[str, int] | None = None
        ids = random.Random(options.seed)  # noqa: S311 - ids that can be repeated
        self.store: SqlStore = open_inline_store(self.clock, reach=self._reach, random_bits=ids.getrandbits)
        self.devices = World(now_us=self.clock.now_us)
        self.app: App = build(self.store, self._runner(self.devices))
        self.engine: Engine | None = None
        self._gone: list[Engine] = []

    async def start(self) -> None:
        """Start an engine in place of one that is gone, and bury that: what it had under way is taken over at once."""
        self.engine = engine = Engine(self.loop, f"engine-{len(self._gone) + 1}")
        journal = self._options.journal(_OwnJournal(self.store.journal, engine, self._options.watch))
        store = _OwnStore(self.store, journal, engine)
        orchestration = Orchestration(store, self._runner(_Bench(self.devices, engine)))
        pace = self._options.pace
        worker = await journal.enlist(engine.name, "inline", 0, "inline", pace.lease_us)
        await journal.bury(worker)
        engine.begin(
            Dispatcher(journal, orchestration, worker, pace),
            beat(journal, worker, pace.lease_us, engine.over),
            keep_house(Housekeeping(store).sweep),
            keep_house(ServiceWatch(store).sweep),
        )
        self.store.on_due(engine.dispatcher.waker(self.loop))
        await self.loop.idle()

    async def until(self, instant_us: int) -> None:
        """Play on until an instant, and all that happens at it."""
        delay = (instant_us - self.clock.now_us()) / 1e6
        if delay > 0:
            await asyncio.sleep(delay)
        await self.loop.idle()

    async def quiet(self) -> None:
        """Play on until no script runs."""
        await self.loop.idle()
        while self.engine is not None and self.engine.dispatcher.running:
            await self.engine.dispatcher.idle()
            await self.loop.idle()

    @property
    def awake(self) -> set[str]:
        """Names of the engines that are neither dead nor frozen."""
        return {e.name for e in (*self._gone, *filter(None, [self.engine])) if e.awake_now}

    def without(self, script: str) -> None:
        """Uninstall a script; the next engine does not have it."""
        self._scripts = {name: function for name, function in self._scripts.items() if name != script}

    def crash(self) -> None:
        """Kill the engine and its scripts: from now on they reach neither the store nor a device."""
        if self.engine is not None:
            engine, self.engine = self.engine, None
            self._gone.append(engine)
            engine.die()

    def crash_at(self, point: str, passes: int = 1) -> None:
        """Kill the engine when it gets to a named point (see ``ports.scripts.Reach``) for the n-th time from now."""
        self._crash = point, passes

    async def crash_and_restart(self) -> None:
        """Kill the engine in the middle of whatever it does, and start another one."""
        self.crash()
        await self.start()

    async def replace_frozen(self) -> Engine:
        """Freeze the engine (SIGSTOP) and start another one over it; returns the frozen one, to be thawed."""
        assert self.engine is not None, "there is no engine"  # noqa: S101 - for tests
        frozen = self.engine
        frozen.freeze()
        self._gone.append(frozen)
        await self.start()
        return frozen

    async def close(self) -> None:
        """End everything."""
        self.crash()
        for engine in self._gone:
            await engine.buried()
        self.store.close()

    def _reach(self, point: str) -> None:
        if self._crash is None or self._crash[0] != point:
            return
        passes = self._crash[1] - 1
        self._crash = (point, passes) if passes else None
        if self._crash is None:
            self.crash()
            raise Killed(point)

    def _runner(self, world: World) -> InlineRunner:
        return InlineRunner(self._scripts, {"sim": sim_in(world)}, reach=self._reach, checks=self._options.checks)


class Engine:
    """One life of the engine."""

    dispatcher: Dispatcher

    def __init__(self, loop: VirtualLoop, name: str) -> None:
        self.name, self.dead, self._loop = name, False, loop
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._tasks: list[asyncio.Task[object]] = []
        self.over = asyncio.Event()

    def begin(self, dispatcher: Dispatcher, *beside: Coroutine[Any, Any, None]) -> None:
        """It claims from now on; beside that its heart beats, and it keeps house."""
        self.dispatcher = dispatcher
        self._tasks += [self._loop.create_task(work) for work in (dispatcher.run(), *beside)]

    @property
    def awake_now(self) -> bool:
        """Is it neither dead nor frozen?"""
        return not self.dead and self._thawed.is_set()

    def freeze(self) -> None:
        """It stops where it next asks the journal."""
        self._thawed.clear()

    def thaw(self) -> None:
        """It goes on, and does not know that time has passed."""
        self._thawed.set()

    def die(self) -> None:
        """Nothing of it reaches store or devices any more."""
        if self.dead:
            return
        self.dead = True
        self._thawed.set()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            self._tasks.append(self._loop.create_task(self.dispatcher.drain(0)))

    async def buried(self) -> None:
        """Wait until its tasks are over."""
        self.die()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def awake(self) -> None:
        """Wait while it is frozen. Raises Killed when it is dead."""
        await self._thawed.wait()
        self.alive()

    def alive(self) -> None:
        """Raises Killed when it is dead."""
        if self.dead:
            raise Killed


class _OwnJournal:
    """The journal as one engine reaches it: a frozen one waits at its door, a dead one is turned away."""

    def __init__(self, journal: Journal, engine: Engine, watch: Watch) -> None:
        self._journal, self._engine = journal, engine
        self._watch = partial(watch, engine.name)

    async def enlist(
        self,
        name: str,
        host: str,
        pid: int,
        version: str,
        lease_us: int,
        labels: Labels = frozenset(),
        role: Role = Role.HERE,
    ) -> int:
        await self._engine.awake()
        return await self._journal.enlist(name, host, pid, version, lease_us, labels, role)

    async def offer(self, worker: int, scripts: Mapping[str, str]) -> None:
        await self._engine.awake()
        await self._journal.offer(worker, scripts)

    async def adopt(self, worker: int, boundary: int, generation: int) -> Adopted:
        await self._engine.awake()
        return await self._journal.adopt(worker, boundary, generation)

    async def sent(self, worker: int) -> frozenset[int]:
        await self._engine.awake()
        return await self._journal.sent(worker)

    async def renew(self, worker: int, lease_us: int) -> None:
        await self._engine.awake()
        await self._journal.renew(worker, lease_us)

    async def retire(self, worker: int) -> None:
        await self._engine.awake()
        await self._journal.retire(worker)

    async def bury(self, survivor: int) -> int:
        await self._engine.awake()
        return await self._journal.bury(survivor)

    async def claim(self, worker: int, lease_us: int, decide: Decide, limit: int, ahead_us: int = 0) -> Claims:
        await self._engine.awake()
        claims = await self._journal.claim(worker, lease_us, decide, limit, ahead_us)
        for claimed in claims.runs:
            self._watch("claim", claimed)
        return claims

    async def begin(self, step: StepBegin) -> Verdict:
        await self._engine.awake()
        verdict = await self._journal.begin(step)
        if verdict is Verdict.OK:
            self._watch("begin", step)
        return verdict

    async def end(self, step: StepEnd) -> Verdict:
        await self._engine.awake()
        verdict = await self._journal.end(step)
        if verdict is Verdict.OK:
            self._watch("end", step)
        return verdict

    async def settle(self, settlement: Settlement) -> Settled:
        await self._engine.awake()
        settled = await self._journal.settle(settlement)
        if settled.verdict is Verdict.OK:
            self._watch("settle", settlement)
        return settled

    def note(self, line: LogLine) -> None:
        if not self._engine.dead:
            self._journal.note(line)


class _OwnStore:
    """The store as one engine reaches it: a frozen one waits at its door, a dead one is turned away."""

    def __init__(self, store: Store, journal: Journal, engine: Engine) -> None:
        self._store, self.journal, self.feed, self._engine = store, journal, store.feed, engine

    async def write(self, unit: Unit[R]) -> R:
        await self._engine.awake()
        return await self._store.write(unit)

    async def gather(self, deed: Deed[A, R], about: A) -> R:
        await self._engine.awake()
        return await self._store.gather(deed, about)

    async def read(self, query: Unit[R]) -> R:
        await self._engine.awake()
        return await self._store.read(query)

    def on_due(self, wake: Callable[[], None]) -> None:
        self._store.on_due(wake)


class _Bench(World):
    """The devices as one engine's scripts reach them."""

    def __init__(self, world: World, engine: Engine) -> None:
        super().__init__(now_us=world.now_us, sleep=world.sleep)
        self._world, self._engine = world, engine

    @contextmanager
    def hold(self, name: str) -> Iterator[Device]:
        self._engine.alive()
        with self._world.hold(name) as device:
            yield device

    def strike(self, name: str, call: str, *, used_up: bool = True) -> Fault | None:
        self._engine.alive()
        return self._world.strike(name, call, used_up=used_up)


def _unless_killed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Nobody asks how the tasks of a dead engine ended."""
    if not isinstance(context.get("exception"), Killed):
        loop.default_exception_handler(context)


@asynccontextmanager
async def inline_set(scripts: Scripts, options: Options | None = None) -> AsyncIterator[InlineSet]:
    """All parts on the running loop, which must be a VirtualLoop, with an engine that has started.

    Args:
        scripts: name -> function, as the decorators of ``preroll.sdk`` have marked it.
        options: how it is built.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        raise TypeError("the inline set plays in virtual time: run it with run_virtual")
    loop.set_exception_handler(_unless_killed)
    rig = InlineSet(loop, scripts, options or Options())
    await rig.start()
    try:
        yield rig
    finally:
        await rig.close()
