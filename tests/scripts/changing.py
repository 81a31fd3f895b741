# SPDX-License-Identifier: Apache-2.0
"""Two simulated devices, a script that changes them as one, and a journal that a resumed run begins from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from preroll.drivers.sim import World, sim_in
from preroll.ports.rows import LogLine, RecordedStep, StepBegin, StepEnd, StepState, Verdict
from preroll.ports.scripts import Equipment, Order, Report, ScriptKind
from preroll.scripts.inline import InlineRunner
from preroll.sdk import Context, Driver, lso
from tests.scripts.test_context import VIEW

OLD = {"rate": 4, "on": False}
NEW = {"rate": 8, "on": True}
LABELS = ("PE1", "PE2")
WINDOW = 120
SECOND = 1_000_000
ABLE = ("candidate", "confirmed-commit", "validate")


@lso
async def circuit(ctx: Context) -> None:
    """Both ends at once."""
    await ctx.change()


class Killed(BaseException):
    """What a process that is dead does next: nothing."""


@dataclass
class Life:
    """Ends at an instant: from then on nothing is written and no device is asked."""

    instants: int = 0
    ends_at: int | None = None

    def pass_instant(self) -> None:
        self.instants += 1
        if self.ends_at is not None and self.instants >= self.ends_at:
            raise Killed


@dataclass
class Journal:
    """What is durable of one run, over all its lives."""

    steps: dict[str, RecordedStep] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    lines: list[LogLine] = field(default_factory=list)
    life: Life = field(default_factory=Life)
    forgets: str = ""
    """Steps whose name has this in it are not written down: for a control."""

    async def begin(self, step: StepBegin) -> Verdict:
        self.life.pass_instant()
        known = self.steps.get(step.name)
        if known is not None and (known.state is StepState.DONE or step.attempt <= self.attempts[step.name]):
            return Verdict.DUPLICATE
        self.attempts[step.name] = step.attempt
        self._write(RecordedStep(step.name, StepState.BEGUN))
        self.life.pass_instant()
        return Verdict.OK

    async def end(self, step: StepEnd) -> Verdict:
        self.life.pass_instant()
        self._write(RecordedStep(step.name, step.state, step.result))
        self.life.pass_instant()
        return Verdict.OK

    def _write(self, step: RecordedStep) -> None:
        if not self.forgets or self.forgets not in step.name:
            self.steps[step.name] = step

    def log(self, line: LogLine) -> None:
        self.lines.append(line)

    def states(self) -> dict[str, StepState]:
        return {name: step.state for name, step in self.steps.items()}

    def said(self) -> str:
        return "\n".join(line.text for line in self.lines)


class MortalDriver:
    """A driver in a process that may die just before and just after each call."""

    def __init__(self, driver: Driver, life: Life) -> None:
        self._driver, self._life, self.caps = driver, life, driver.caps

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._driver, name)

        async def called(*args: Any, **options: Any) -> object:
            self._life.pass_instant()
            result: object = await call(*args, **options)
            self._life.pass_instant()
            return result

        return called


@dataclass
class Lab:
    """Devices, a clock that is told, and the lives of one run."""

    caps: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict.fromkeys(LABELS, ABLE))
    journal: Journal = field(default_factory=Journal)
    now_us: int = 1_000_000 * SECOND
    try_: int = 0
    hands_off: Collection[str] = ()

    def __post_init__(self) -> None:
        self.world = World(now_us=lambda: self.now_us, sleep=self.pause)
        for label in LABELS:
            self.world.introduce(label.lower(), OLD)

    async def pause(self, seconds: float) -> None:
        self.now_us += round(seconds * SECOND)

    def equipment(self, label: str) -> Equipment:
        address = {"caps": self.caps[label], "timeout": 2.0}
        return Equipment(
            label, f"id-{label}", label.lower(), "sim", address, profile="circuit", values=NEW, defaults=OLD,
            hands_off=label in self.hands_off,
        )  # fmt: skip

    def order(self, **changes: Any) -> Order:
        order = Order(
            "run-1", f"7:1:{self.try_}", ScriptKind.LSO, "script", "", "START", "START", "STANDBY", VIEW,
            tuple(map(self.equipment, LABELS)), steps=tuple(self.journal.steps.values()), timeout_us=3_600 * SECOND,
        )  # fmt: skip
        return replace(order, **changes)

    async def live(
        self, script: Callable[..., object] = circuit, *, ends_at: int | None = None, **changes: Any
    ) -> Report:
        """One life of the run: from what is recorded to its end, or to the instant at which it dies."""
        self.journal.attempts = dict.fromkeys(self.journal.steps, 0)
        life = self.journal.life = Life(ends_at=ends_at)

        def mortal(name: str, address: Mapping[str, object]) -> Driver:
            return cast(Driver, MortalDriver(sim_in(self.world)(name, address), life))

        self.runner = InlineRunner({"script": script}, {"sim": mortal}, sleep=self.pause)
        return await self.runner.run(self.order(**changes), self.journal, booking=1, fence_of=(7, 1))

    async def retry(self, script: Callable[..., object] = circuit, **changes: Any) -> Report:
        """An operator's retry."""
        self.try_ += 1
        return await self.live(script, **changes)

    def values(self) -> dict[str, Mapping[str, object]]:
        return {label: self.world.values(label.lower()) for label in LABELS}

    def settled(self) -> dict[str, Mapping[str, object]]:
        """What they have when every window is over."""
        self.now_us += 10 * WINDOW * SECOND
        return self.values()
