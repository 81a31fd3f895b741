# SPDX-License-Identifier: Apache-2.0
"""One run as the pool knows it: what it may do, what the journal has of it, and how it ends."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from preroll.domain.boundaries import Reason
from preroll.domain.errors import StoreUnavailable
from preroll.domain.machine import Outcome
from preroll.ports import rows
from preroll.ports.rows import RecordedStep, StepState
from preroll.ports.scripts import Ledger, Order, Report
from preroll.scripts import frames
from preroll.scripts.host import Host

Answer = Callable[[rows.Verdict | None], None]
"""Takes the journal's verdict; None when the store does not answer, or when something is wrong (``Run.fault``)."""


@dataclass(slots=True, eq=False)
class Run:
    """A run between its order and its report."""

    order: Order
    ledger: Ledger
    booking: int
    fence: rows.Fence
    report: asyncio.Future[Report]
    version: str = ""
    host: Host | None = None
    alone: bool = False
    """It was in a host that died: it goes on in a host of its own."""
    deaths: int = 0
    """How often its host died while it was alone in it."""
    moved: bool = False
    """It was placed again because the folder had changed."""
    halting: bool = False
    late: bool = False
    cancelled: bool = False
    stubborn: bool = False
    """It did not stop within its grace."""
    fenced: bool = False
    failed: bool = False
    reason: Reason | None = None
    message: str = ""
    fault: BaseException | None = None
    """What the journal raised, other than that its store does not answer."""
    finish: frames.Finish | None = None
    steps: dict[str, RecordedStep] = field(default_factory=dict)
    """What the journal has acknowledged since the order."""
    attempts: dict[str, int] = field(default_factory=dict)
    """Step -> its last attempt."""
    open: dict[str, None] = field(default_factory=dict)
    """Steps that have begun and not ended, in order."""
    patience: float = math.inf
    """The loop's time at which it is late, or has not stopped within its grace."""
    used: float = 0.0
    """Seconds that it has run in hosts that are gone."""
    started: float = 0.0
    pending: int = 0
    """Questions that the journal has not answered."""
    then: Callable[[], object] | None = None

    def __post_init__(self) -> None:
        self.version = self.order.version

    def resumed_order(self) -> Order:
        """The order as a host gets it: with all that is recorded by now, by the version that recorded it."""
        if not self.steps:
            return self.order
        steps = {s.name: s for s in self.order.steps} | self.steps
        return replace(self.order, version=self.version, steps=tuple(steps.values()))

    def keep_time(self, now: float) -> None:
        """Its time-out runs while it is in a host."""
        self.started = now
        self.patience = now + self.order.timeout_us / 1e6 - self.used

    def stop_time(self, now: float) -> None:
        """It is in no host, or was told to stop."""
        if self.patience < math.inf:
            self.patience = math.inf
            self.used += now - self.started

    def begin_of(self, frame: frames.StepBegin) -> rows.StepBegin:
        """The row of a step's begin."""
        return rows.StepBegin(self.fence, frame.run, frame.name, frame.resource, frame.attempt, self.version)

    def end_of(self, frame: frames.StepEnd) -> rows.StepEnd:
        """The row of a step's end."""
        return rows.StepEnd(self.fence, frame.run, frame.name, frame.state, frame.result, frame.diff, frame.error)

    def ask(self, question: Awaitable[rows.Verdict], answer: Answer) -> None:
        """Pass the journal's verdict on; the run is not over before it has come."""
        self.pending += 1

        def answered(future: asyncio.Future[rows.Verdict]) -> None:
            self.pending -= 1
            error = asyncio.CancelledError() if future.cancelled() else future.exception()
            if not isinstance(error, StoreUnavailable):
                self.fault = self.fault or error
            answer(None if error else future.result())
            if not self.pending and self.then:
                then, self.then = self.then, None
                then()

        asyncio.ensure_future(question).add_done_callback(answered)

    def when_quiet(self, then: Callable[[], object]) -> None:
        """Do this when the journal has answered everything."""
        self.then = then if self.pending else None
        if not self.pending:
            then()

    def begun(self, frame: frames.StepBegin) -> None:
        """The begin of a step is durable."""
        self.steps[frame.name] = RecordedStep(frame.name, StepState.BEGUN)
        self.attempts[frame.name] = frame.attempt
        self.open[frame.name] = None

    def ended(self, frame: frames.StepEnd) -> None:
        """The end of a step is durable."""
        self.steps[frame.name] = RecordedStep(frame.name, frame.state, frame.result)
        self.open.pop(frame.name, None)

    def place(self) -> str:
        """Where it was, for a message."""
        return f" in step {', '.join(self.open)}" if self.open else ""

    @property
    def over(self) -> bool:
        """It does not go on after its host has died."""
        return self.failed or self.halting or self.report.done()

    def fail(self, reason: Reason, message: str) -> None:
        """It will not go on."""
        self.failed, self.reason, self.message = True, reason, message

    def conclude(self) -> None:
        """Tell whoever waits how it ended."""
        if self.report.done():
            return
        if self.fault is not None:
            self.report.set_exception(self.fault)
        else:
            self.report.set_result(self._report())

    def _report(self) -> Report:
        finish, unknown = self.finish, tuple(self.open)
        version = finish.version if finish and finish.version else self.version
        if finish is not None and (finish.ok or not self.halting):
            return Report(
                Outcome.OK if finish.ok else Outcome.FAILED,
                finish.reason,
                finish.message,
                version,
                finish.returned,
                finish.properties,
                unknown,
                fenced=self.fenced,
                left=finish.left,
            )
        return Report(
            Outcome.FAILED,
            self.reason or Reason.LSO_FAILED,
            self.message or self._why_halted(),
            version,
            unknown_steps=unknown,
            fenced=self.fenced,
            cancelled=self.cancelled,
        )

    def _why_halted(self) -> str:
        if self.fenced:
            return "another worker owns this run now"
        stubborn = f"; it did not stop within {self.order.grace_us / 1e6:g} s and its host was killed"
        what = f"not done after {self.order.timeout_us / 1e6:g} s" if self.late else "cancelled"
        return f"{self.order.script}: {what}{self.place()}{stubborn if self.stubborn else ''}"
