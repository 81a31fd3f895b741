# SPDX-License-Identifier: Apache-2.0
"""Runs scripts in the caller's own loop, without a thread or a process: for simulations and tests."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence

from preroll.domain.boundaries import Reason
from preroll.domain.errors import StoreUnavailable
from preroll.domain.machine import Outcome
from preroll.ports import rows
from preroll.ports.rows import Severity, StepState, Verdict
from preroll.ports.scripts import BrokenScript, InstalledScript, Ledger, Order, Reach, Report, ScriptKind, nowhere
from preroll.scripts.catalogue import Loaded
from preroll.scripts.execution import Workshop
from preroll.scripts.sessions import Sessions
from preroll.scripts.steps import ASK_AGAIN, Diff, Sleep
from preroll.sdk import DriverFactory, GiveUp, Script

VERSION = "inline"


class InlineRunner:
    """A ScriptRunner for trusted ``async def`` scripts; a plain ``def`` would hold up everything, so it is refused.

    Args:
        scripts: name -> function; one without a decorator is an LSO script.
        drivers: driver name -> factory.
        sleep: waits between the attempts of a step.
        checks: kind of check -> ``module:attribute`` of its class.

    Raises:
        ValueError: one of the scripts is a plain ``def``.
    """

    def __init__(
        self,
        scripts: Mapping[str, Callable[..., object]],
        drivers: Mapping[str, DriverFactory],
        *,
        sleep: Sleep = asyncio.sleep,
        reach: Reach = nowhere,
        checks: Mapping[str, str] | None = None,
    ) -> None:
        plain = [name for name, function in scripts.items() if not inspect.iscoroutinefunction(function)]
        if plain:
            raise ValueError(f"not async def: {', '.join(plain)}")

        def find(name: str) -> DriverFactory:
            if name not in drivers:
                raise GiveUp(f"there is no driver {name} (configured: {', '.join(sorted(drivers)) or 'none'})")
            return drivers[name]

        loaded = {name: _loaded(name, function) for name, function in scripts.items()}
        self._workshop = Workshop(loaded, Sessions(find), sleep=sleep, reach=reach, kinds=checks or {})
        self._runs: dict[str, asyncio.Task[Report]] = {}
        self._stopped: set[str] = set()
        """Runs that ``cancel`` has stopped; who is cancelled otherwise gets no report."""

    def installed(self) -> Sequence[InstalledScript]:
        """All scripts that can be run."""
        return [script.installed for script in self._workshop.scripts.values()]

    def broken(self) -> Sequence[BrokenScript]:
        """None: they are functions already."""
        return ()

    def run(self, order: Order, ledger: Ledger, *, booking: int, fence_of: tuple[int, int]) -> asyncio.Task[Report]:
        """Run one script to its end; see ScriptRunner."""
        book = _LedgerBook(order.run, ledger, booking, rows.Fence(*fence_of), self._workshop.sleep)
        task = self._runs[order.run] = asyncio.get_running_loop().create_task(self._perform(order, book))
        task.add_done_callback(lambda _: self._over(order.run))
        return task

    def _over(self, run: str) -> None:
        self._runs.pop(run, None)
        self._stopped.discard(run)

    def cancel(self, run: str) -> None:
        """Stop a run."""
        if task := self._runs.get(run):
            self._stopped.add(run)
            task.cancel()

    async def close(self) -> None:
        """Close all drivers."""
        await self._workshop.sessions.close_idle(0)

    async def _perform(self, order: Order, book: _LedgerBook) -> Report:
        timer = asyncio.timeout(order.timeout_us / 1e6)
        try:
            async with timer:
                finish = await self._workshop.perform(order, book)
        except asyncio.CancelledError:
            if order.run not in self._stopped:
                raise
            return book.stopped(f"{order.script}: cancelled", cancelled=True)
        except TimeoutError:
            return book.stopped(f"{order.script}: not done after {order.timeout_us / 1e6:g} s", cancelled=False)
        if book.fenced:
            return book.stopped("another worker owns this run now", cancelled=False)
        return Report(
            Outcome.OK if finish.ok else Outcome.FAILED,
            finish.reason,
            finish.message,
            finish.version,
            finish.returned,
            finish.properties,
            tuple(book.open),
            left=finish.left,
        )


class _LedgerBook:
    """One run's line to the engine, which is right here."""

    def __init__(self, run: str, ledger: Ledger, booking: int, fence: rows.Fence, sleep: Sleep) -> None:
        self._run, self._ledger, self._booking, self._fence, self._sleep = run, ledger, booking, fence, sleep
        self.open: dict[str, None] = {}
        self.fenced = False

    async def begin(self, name: str, resource: str, attempt: int) -> Verdict | None:
        """Ask the ledger."""
        try:
            verdict = await self._ledger.begin(rows.StepBegin(self._fence, self._run, name, resource, attempt, VERSION))
        except StoreUnavailable:
            return None
        if verdict is Verdict.OK:
            self.open[name] = None
        return self._seen(verdict)

    async def end(self, name: str, state: StepState, result: object, diff: Diff, error: str) -> Verdict:
        """Tell the ledger."""
        step = rows.StepEnd(self._fence, self._run, name, state, result, diff, error)
        try:
            verdict = await self._ledger.end(step)
        except StoreUnavailable:
            await self._sleep(ASK_AGAIN)
            return await self.end(name, state, result, diff, error)
        if verdict is Verdict.OK:
            self.open.pop(name, None)
        return self._seen(verdict)

    def _seen(self, verdict: Verdict) -> Verdict:
        self.fenced = self.fenced or verdict is Verdict.FENCED
        return verdict

    def log(self, severity: Severity, text: str, data: Mapping[str, object]) -> None:
        """A line of the action log."""
        self._ledger.log(rows.LogLine(self._booking, self._run, severity, text, data=data))

    def stopped(self, message: str, *, cancelled: bool) -> Report:
        """The report of a run that was broken off."""
        return Report(
            Outcome.FAILED,
            Reason.LSO_FAILED,
            message,
            VERSION,
            unknown_steps=tuple(self.open),
            fenced=self.fenced,
            cancelled=cancelled,
        )


def _loaded(name: str, function: Callable[..., object]) -> Loaded:
    declared = getattr(function, "preroll_script", None)
    kind = ScriptKind(declared.kind) if isinstance(declared, Script) else ScriptKind.LSO
    summary = (inspect.getdoc(function) or "").partition("\n")[0]
    return Loaded(InstalledScript(name, kind, VERSION, "inline", summary), function, asynchronous=True)
