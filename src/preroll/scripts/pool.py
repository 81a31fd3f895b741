# SPDX-License-Identifier: Apache-2.0
"""The engine's side of the script hosts: spreads runs, keeps time, and resumes what a host took down with it.

One rule for whatever kills or stalls a host: its runs are resumed, each alone in a host of its own. Only a run whose
host dies while it is alone in it is guilty.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from preroll.domain.boundaries import Reason
from preroll.domain.errors import BadSettings
from preroll.ports import rows
from preroll.ports.scripts import BrokenScript, InstalledScript, Ledger, Order, Report
from preroll.scripts import frames
from preroll.scripts.catalogue import HOST_COMMAND, Fingerprint, Listing, fingerprint
from preroll.scripts.created import version_of
from preroll.scripts.generations import DOUBTS, FROM_OUTSIDE, Generation, Starts
from preroll.scripts.host import Host, Spawn
from preroll.scripts.runs import Run
from preroll.scripts.steps import ASK_AGAIN
from preroll.telemetry import logger

log = logger(__name__)
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """How the pool works. Times in seconds, memory in bytes."""

    folder: str = ""
    """The administrator's folder of scripts; empty: entry points only."""
    drivers: Mapping[str, str] = field(default_factory=dict)
    """Driver name -> ``module:attribute``."""
    checks: Mapping[str, str] = field(default_factory=dict)
    """Kind of check -> ``module:attribute`` of its class."""
    secrets: str = ""
    """Folder of the secrets that addresses name by ``file:``; empty: none."""
    hosts: int = 2
    solo: int = 8
    """Hosts that run one script alone each; more of them, up to ``most_solo``, only when they are all busy for long."""
    most_solo: int = 64
    command: Sequence[str] = HOST_COMMAND
    memory_limit: int = 512 * MB
    """What a host may use on top of what it has at its start; 0: no limit."""
    fresh: float = 2.5
    """For so long the answer to a step's begin holds; to be well below the worker's lease."""
    pulse: float = 0.25
    stall: float = 1.0
    """A host whose loop is stuck for so long ends itself."""
    silence: float = 3.0
    """A host that says nothing for so long is killed."""
    start: float = 30.0
    """A host that is not ready after so long is killed."""
    look: float = 1.0
    """The folder is looked at at most once in this time."""


_ADDRESS_SPACE = 4 << 30


class Pool:
    """Script hosts; a ScriptRunner. Make it on the loop that it works on, ``start`` it, ``close`` it."""

    def __init__(self, spawn: Spawn, options: PoolOptions | None = None) -> None:
        self._spawn, self._options = spawn, options or PoolOptions()
        self._loop = asyncio.get_running_loop()
        self._hosts: list[Host] = []
        self._runs: dict[str, Run] = {}
        self._queue: deque[Run] = deque()
        """Runs that wait for a host of their own."""
        self._waiting: deque[Run] = deque()
        """Runs that wait for a shared host to be started."""
        self._generations: dict[int, Generation] = {}
        self._listing = Listing()
        self._looked = self._ticked = self._loop.time()
        self._solo_limit = self._options.solo
        self._solo_moved = False
        """A run that waited for a host of its own has got one since the last tick."""
        self._starts = Starts()
        self._closing = False
        self._news = asyncio.Event()
        self._tick_handle: asyncio.TimerHandle | None = None
        self._now = self._open(fingerprint(self._options.folder))

    # -- what the engine calls ------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the hosts; returns when one is ready.

        Raises:
            BadSettings: hosts die before they are ready.
        """
        self._tick()
        self._fill()
        await self._until_listed()

    async def refresh(self) -> None:
        """Look at the folder now; returns when the catalogue is that of what is there. Raises as ``start``."""
        self._look(at_once=True)
        await self._until_listed()

    async def close(self, patience: float = 5.0) -> None:
        """Let the hosts finish what they run and leave; after ``patience`` seconds kill those that are still there.

        A run that is broken off so gets no report (its awaitable is cancelled): it is for the next engine to resume.
        """
        self._closing = True
        for run in (*self._queue, *self._waiting):
            self._break_off(run)
        for host in self._hosts:
            host.stop()
        try:
            async with asyncio.timeout(patience):
                await self._until_empty()
        except TimeoutError:
            for host in self._hosts:
                host.kill("the engine stops")
            await self._until_empty()
        if self._tick_handle:
            self._tick_handle.cancel()

    def installed(self) -> Sequence[InstalledScript]:
        """All scripts that can be run now."""
        return self._listing.installed

    def broken(self) -> Sequence[BrokenScript]:
        """Sources that cannot be used, and why."""
        return self._listing.broken

    def pids(self) -> list[int]:
        """The processes of the hosts."""
        return [host.pid for host in self._hosts]

    def run(self, order: Order, ledger: Ledger, *, booking: int, fence_of: tuple[int, int]) -> asyncio.Future[Report]:
        """Run one script to its end; see ScriptRunner."""
        self._look()
        run = self._runs[order.run] = Run(order, ledger, booking, rows.Fence(*fence_of), self._loop.create_future())
        run.report.add_done_callback(lambda report: self.cancel(order.run) if report.cancelled() else None)
        if self._closing:
            self._break_off(run)
        else:
            self._place(run)
        return run.report

    def cancel(self, run: str) -> None:
        """Stop a run: cancel it, and kill its host when it does not end within its grace."""
        if found := self._runs.get(run):
            found.cancelled = True
            self._halt(found)

    # -- placing runs ---------------------------------------------------------------------------------------------

    def _place(self, run: Run) -> None:
        if run.alone:
            self._queue.append(run)
            self._fill_solo()
        elif host := self._shared_host():
            self._give(run, host)
        else:
            self._waiting.append(run)

    def _shared_host(self) -> Host | None:
        free = [h for h in self._hosts if not (h.alone or h.stopping or h.killed)]
        return min(free, key=lambda h: len(h.runs), default=None)

    def _give(self, run: Run, host: Host) -> None:
        if not run.steps:
            known = self._generations[host.generation].versions
            run.version = run.order.version or version_of(run.order, known)
        try:
            host.send(frames.Start(run.resumed_order(), run.attempts))
        except (TypeError, OverflowError, ValueError) as error:
            run.fail(Reason.UNEXPECTED, f"the order cannot be sent to a script host: {error}")
            self._conclude(run)
            return
        run.host = host
        self._solo_moved = self._solo_moved or host.alone
        host.runs.add(run.order.run)
        run.keep_time(self._loop.time())

    def _fill(self) -> None:
        """As many shared hosts of the newest generation as there should be."""
        now = [h for h in self._hosts if not h.alone and h.generation == self._now.number and not h.stopping]
        if self._closing:
            return
        for _ in range(self._options.hosts - len(now)):
            self._new_host(alone=False)
        while self._waiting and self._shared_host():
            self._place(self._waiting.popleft())
        self._fill_solo()

    def _fill_solo(self) -> None:
        solo = [h for h in self._hosts if h.alone and not (h.stopping or h.killed)]
        for host in solo:
            if self._queue and not host.runs:
                self._give(self._queue.popleft(), host)
        for _ in range(self._solo_limit - len(solo)):
            if not self._queue or self._closing:
                return
            new = self._new_host(alone=True)
            if new is None:
                return
            self._give(self._queue.popleft(), new)

    def _new_host(self, *, alone: bool) -> Host | None:
        options = self._options
        hello = frames.Hello(
            folder=options.folder,
            drivers=dict(options.drivers),
            checks=dict(options.checks),
            secrets=options.secrets,
            broken=dict(self._now.broken),
            alone=alone,
            pulse=options.pulse,
            stall=options.stall,
            fresh=options.fresh,
            address_space=options.memory_limit and options.memory_limit + _ADDRESS_SPACE,
        )
        try:
            host = Host(self, self._spawn, options.command, hello, self._now.number)
        except OSError as error:
            self._cannot_start(str(error))
            return None
        self._hosts.append(host)
        return host

    # -- the catalogue --------------------------------------------------------------------------------------------

    def _open(self, found: Fingerprint) -> Generation:
        number = max(self._generations, default=0) + 1
        generation = self._generations[number] = Generation(number, found)
        return generation

    def _look(self, *, at_once: bool = False) -> bool:
        """Has the folder changed? Then new hosts take over, and the old ones leave when their runs are over."""
        now = self._loop.time()
        if not at_once and now - self._looked < self._options.look:
            return False
        self._looked = now
        found = fingerprint(self._options.folder)
        if found == self._now.print or self._closing:
            return False
        self._now = self._open(found)
        old = list(self._hosts)
        self._fill()
        for host in old:
            host.stop()
        return True

    def _outdated(self, host: Host | None) -> bool:
        """May a newer host have what this one misses?"""
        return host is not None and (host.generation != self._now.number or self._look(at_once=True))

    async def _until_listed(self) -> None:
        while self._now.listing is None:
            if self._starts.hopeless:
                raise BadSettings(str(self._starts))
            self._news.clear()
            await self._news.wait()

    async def _until_empty(self) -> None:
        while self._hosts or self._runs:
            self._news.clear()
            await self._news.wait()

    # -- what hosts say -------------------------------------------------------------------------------------------

    def heard(self, host: Host, frame: frames.ToEngine) -> None:
        """A host said something."""
        if isinstance(frame, frames.Ready):
            self._listed(host, frame)
            return
        run = self._runs.get(getattr(frame, "run", ""))
        if run is None or run.host is not host:
            return
        match frame:
            case frames.StepBegin():
                run.ask(run.ledger.begin(run.begin_of(frame)), partial(self._begun, run, frame))
            case frames.StepEnd():
                run.ask(run.ledger.end(run.end_of(frame)), partial(self._ended, run, frame))
            case frames.Log():
                run.ledger.log(rows.LogLine(run.booking, frame.run, frame.severity, frame.text, data=frame.data))
            case frames.Finish():
                self._finished(run, frame)

    def _listed(self, host: Host, ready: frames.Ready) -> None:
        generation = self._generations[host.generation]
        generation.learn(ready)
        if generation is self._now:
            self._listing = generation.listing or self._listing
        for ident in host.runs:
            run = self._runs[ident]
            run.version = run.version or version_of(run.order, generation.versions)
        self._starts.succeeded()
        self._news.set()

    def _begun(self, run: Run, frame: frames.StepBegin, verdict: rows.Verdict | None) -> None:
        if verdict is rows.Verdict.OK:
            run.begun(frame)
        self._answered(run, verdict, frames.Begun(frame.run, frame.name, verdict))

    def _ended(self, run: Run, frame: frames.StepEnd, verdict: rows.Verdict | None) -> None:
        if verdict is None and run.fault is None:
            run.pending += 1
            self._loop.call_later(ASK_AGAIN, self._end_again, run, frame)
            return
        if verdict is rows.Verdict.OK:
            run.ended(frame)
        self._answered(run, verdict, frames.Ended(frame.run, frame.name, verdict or rows.Verdict.FENCED))

    def _end_again(self, run: Run, frame: frames.StepEnd) -> None:
        run.pending -= 1
        if not run.report.done():
            run.ask(run.ledger.end(run.end_of(frame)), partial(self._ended, run, frame))

    def _answered(self, run: Run, verdict: rows.Verdict | None, answer: frames.Begun | frames.Ended) -> None:
        if run.host is not None:
            run.host.send(answer)
        if verdict is rows.Verdict.FENCED:
            run.fenced = True
        if run.fault is not None or run.fenced:
            self._halt(run)

    def _finished(self, run: Run, frame: frames.Finish) -> None:
        host = self._release(run)
        if frame.reason is Reason.SCRIPT_MISSING and not run.moved and self._outdated(host):
            run.moved = True
            self._place(run)
        else:
            run.finish = frame
            run.when_quiet(partial(self._conclude, run))
        self._next(host)

    def _next(self, host: Host | None) -> None:
        """A host has a run less."""
        if host is not None and host.alone and not host.runs and not host.killed:
            self._fill_solo()
            if not host.runs:
                host.stop()

    def _release(self, run: Run) -> Host | None:
        host, run.host = run.host, None
        run.stop_time(self._loop.time())
        if host is not None:
            host.runs.discard(run.order.run)
        return host

    def _conclude(self, run: Run) -> None:
        self._release(run)
        if self._runs.pop(run.order.run, None) is not None:
            run.conclude()
            self._news.set()

    def _break_off(self, run: Run) -> None:
        run.report.cancel()
        self._conclude(run)

    # -- when it does not go well ---------------------------------------------------------------------------------

    def _lose_patience(self, now: float) -> None:
        """With runs that take longer than they may, and with those that do not stop."""
        for run in [run for run in self._runs.values() if run.patience <= now]:
            run.patience = math.inf
            if run.halting:
                self._kill_for(run)
            else:
                run.late = True
                self._halt(run)

    def _halt(self, run: Run) -> None:
        """Cancel a run in its host; when it is still there after its grace, so much the worse for the host."""
        if run.halting:
            return
        run.halting = True
        run.stop_time(self._loop.time())
        if run.host is None:
            for queue in (self._queue, self._waiting):
                if run in queue:
                    queue.remove(run)
            run.when_quiet(partial(self._conclude, run))
            return
        run.host.send(frames.Cancel(run.order.run))
        run.patience = self._loop.time() + run.order.grace_us / 1e6

    def _kill_for(self, run: Run) -> None:
        run.stubborn = True
        if run.host is not None:
            run.host.kill(f"{run.order.script} did not stop")

    def gone(self, host: Host, how: str) -> None:
        """A host's process is dead: find out who is to go on, how, and who is not."""
        self._hosts.remove(host)
        if not host.ready and not host.stopping:
            self._blame_start(host, how)
        runs = [self._runs[ident] for ident in host.runs]
        known = host.suspect in host.runs or any(run.stubborn for run in runs)
        for run in runs:
            self._release(run)
            self._judge(run, host, how)
            run.alone = run.alone or (host.ready and (not known or run.order.run == host.suspect))
            run.when_quiet(partial(self._conclude if run.over else self._place, run))
        if not (self._closing or (host.stopping and not runs)):
            _tell(host, how, runs)
        if host.generation != self._now.number and all(h.generation != host.generation for h in self._hosts):
            del self._generations[host.generation]
        self._news.set()
        if not self._starts.failures:
            self._fill()

    def _judge(self, run: Run, host: Host, how: str) -> None:
        if self._closing:
            run.report.cancel()
        elif host.ready and host.alone and not run.halting and self._guilty(run, how):
            run.fail(Reason.LSO_FAILED, f"its host died ({how}){run.place()}")
        elif self._starts.hopeless:
            run.fail(Reason.UNEXPECTED, str(self._starts))

    def _guilty(self, run: Run, how: str) -> bool:
        """Its host died while it was alone in it; a kill from outside is doubted a few times."""
        run.deaths += 1
        return how != FROM_OUTSIDE or run.deaths >= DOUBTS

    def _widen(self) -> None:
        """Runs wait for a host of their own, and none has become free for a while: allow more hosts."""
        if not self._queue:
            self._solo_limit = self._options.solo
        elif not self._solo_moved:
            self._solo_limit = min(self._solo_limit + self._options.solo, self._options.most_solo)
            self._fill_solo()
        self._solo_moved = False

    def _blame_start(self, host: Host, how: str) -> None:
        """A host died before it was ready: because of a source, or of something that is wrong with all."""
        if not host.loading:
            self._cannot_start(how)
        elif host.generation == self._now.number:
            self._now.blame(host.loading, how)

    def _cannot_start(self, why: str) -> None:
        self._starts.failed(why)
        self._news.set()
        while self._starts.hopeless and (self._queue or self._waiting):
            run = (self._queue or self._waiting).popleft()
            run.fail(Reason.UNEXPECTED, str(self._starts))
            run.when_quiet(partial(self._conclude, run))
        self._loop.call_later(self._starts.back_off, self._fill)

    def _tick(self) -> None:
        options, now = self._options, self._loop.time()
        self._lose_patience(now)
        self._look()
        if now - self._ticked < options.silence / 2:
            for host in list(self._hosts):
                host.examine(options.silence, options.start, options.memory_limit)
            self._widen()
        self._ticked = now
        self._tick_handle = self._loop.call_later(options.pulse, self._tick)


def _tell(host: Host, how: str, runs: Sequence[Run]) -> None:
    """Log the end of a host that nobody had asked to leave, or that still ran something: what becomes of that."""
    ended, resumed = (sorted({run.order.booking.name for run in runs if run.over is so}) for so in (True, False))
    log.warning("a script host is gone", pid=host.pid, why=how, resumed=resumed, ended=ended)
