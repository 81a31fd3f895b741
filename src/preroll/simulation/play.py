# SPDX-License-Identifier: Apache-2.0
"""Plays days of a world: people act, devices break, engines die, and after each of these everything is checked."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from preroll.bootstrap.inline import Engine, InlineSet, Options, inline_set
from preroll.bootstrap.virtual import VirtualLoop, run_virtual
from preroll.domain.permission import LOCAL
from preroll.domain.window import DAY, SECOND
from preroll.drivers.sim import FaultKind
from preroll.ports.store import Journal
from preroll.simulation.cast import Cast, Temper, furnish, resources
from preroll.simulation.checks import Checker, Violation
from preroll.simulation.people import People
from preroll.simulation.story import Story

FIRST_DAY = 1_790_000_000 * SECOND // DAY * DAY
POINTS = (
    *(f"{call}.{when}" for call in ("claim", "begin", "end", "settle") for when in ("before", "written", "committed")),
    *(f"host.{when}" for when in ("started", "begun", "applied", "ended", "finishing")),
)
"""Where an engine may die."""
Wrap = Callable[[Journal], Journal]


@dataclass(frozen=True, slots=True)
class Pulse:
    """Mean seconds between what happens."""

    people: float = 60.0
    faults: float = 900.0
    crashes: float = 450.0


TEMPER, PULSE = Temper(), Pulse()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a play."""

    seed: int
    days: float
    violation: Violation | None
    story: Story
    bookings: int

    def report(self) -> str:
        """For the terminal: the verdict, and the story that led to a broken rule."""
        counts = ", ".join(f"{n} {kind}" for kind, n in sorted(self.story.counts.items()))
        head = f"seed {self.seed}, {self.days:g} days, {self.bookings} bookings, {counts}; story {self.story.digest}"
        if self.violation is None:
            return f"{head}\nevery rule held"
        lines = "\n  ".join(self.story.about(self.violation.subject))
        again = f"python -m preroll.simulation --seed {self.seed} --days {self.days:g}"
        return f"{head}\nBROKEN {self.violation}\n  {lines}\nplay it again: {again}"


@dataclass(slots=True)
class World:
    """What is going on besides people."""

    rig: InlineSet
    chance: Random
    story: Story
    checker: Checker
    names: list[str]
    frozen: list[Engine] = field(default_factory=list)

    async def break_something(self) -> None:
        """A device gets a fault, or all faults of one are repaired."""
        name = self.chance.choice(self.names)
        if self.chance.random() < 0.4:
            for device in self.names:
                self.rig.devices.clear(device)
            self.story.tell("repair", "all devices")
            return
        kind, times = self.chance.choice(list(FaultKind)), self.chance.choice((1, 2, 5, None))
        seconds = self.chance.choice((1.0, 20.0))
        self.rig.devices.fault(name, kind, times=times, seconds=seconds)
        self.story.tell("fault", f"{name} {kind} times {times}")

    async def strike_the_engine(self) -> None:
        """It is killed now, killed at a point, or frozen and replaced; one that is gone is started again."""
        if self.frozen:
            await self.thaw()
        if self.rig.engine is None:
            await self.start()
            return
        dice = self.chance.random()
        if dice < 0.6:
            point, passes = self.chance.choice(POINTS), self.chance.randrange(1, 4)
            self.rig.crash_at(point, passes)
            self.story.tell("aim", f"{point} {passes}")
        elif dice < 0.7:
            self.story.tell("kill", self.rig.engine.name)
            self.rig.crash()
        elif dice < 0.85:
            self.story.tell("kill", f"{self.rig.engine.name}, and started again")
            self.rig.crash()
            await self.start()
        else:
            self.story.tell("freeze", self.rig.engine.name)
            self.checker.stirred.add(self.rig.clock.now_us())
            self.frozen.append(await self.rig.replace_frozen())

    async def thaw(self) -> None:
        """What was frozen comes back, tries to go on for a moment, and dies; so does the engine in its place."""
        self.story.tell("thaw", ", ".join(engine.name for engine in self.frozen))
        for engine in self.frozen:
            engine.thaw()
        self.checker.stirred.add(self.rig.clock.now_us())
        await self.rig.until(self.rig.clock.now_us() + 3 * SECOND)
        for engine in self.frozen:
            engine.die()
        self.frozen.clear()
        self.rig.crash()

    async def start(self) -> None:
        """Start an engine."""
        self.checker.stirred.add(self.rig.clock.now_us())
        await self.rig.start()
        self.story.tell("start", self.rig.engine.name if self.rig.engine else "an engine that died at once")


async def play(
    seed: int, days: float, *, temper: Temper = TEMPER, pulse: Pulse = PULSE, wrap: Wrap | None = None
) -> Outcome:
    """Play on the running VirtualLoop; stops at the first broken rule.

    Args:
        seed: of everything that happens by chance.
        days: virtual days during which people book.
        temper: how scripts misbehave.
        pulse: how often things happen.
        wrap: goes around the journal of each engine: a faulty one must be caught.
    """
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)  # noqa: S101 - as inline_set says
    chance = Random(seed)  # noqa: S311 - a world that can be repeated
    story = Story(lambda: loop.epoch_us + round(loop.time() * 1e6))
    checker = Checker(story)
    cast = Cast(chance, temper, checker.played)
    options = Options(
        seed=seed,
        watch=lambda engine, what, row: checker.heard(engine, what, row, rig.clock.now_us()),
        journal=wrap or (lambda journal: journal),
    )
    async with inline_set(cast.scripts, options) as rig:
        checker.bound = await furnish(rig.app, chance)
        equipment = await rig.app.catalogue.resources(LOCAL, "default")
        checker.awake = lambda: rig.awake
        checker.know({r.id: r.device or r.name for r in equipment})
        names = [r.name for r in resources()]
        people = People(rig.app, chance, story, resources())
        world = World(rig, chance, story, checker, names)
        await _days(world, people, cast, pulse, rig.clock.now_us() + round(days * DAY))
        if not checker.violations:
            await _end(world, people, cast)
        found = next(iter(checker.violations), None)
        return Outcome(seed, days, found, story, len(people.known))


async def _days(world: World, people: People, cast: Cast, pulse: Pulse, end_us: int) -> None:
    rig, chance, checker = world.rig, world.chance, world.checker
    means = {"people": pulse.people, "faults": pulse.faults, "engine": pulse.crashes}
    agenda = [(_soon(rig, chance, mean), what) for what, mean in sorted(means.items())]
    heapq.heapify(agenda)
    while not checker.violations:
        instant, what = heapq.heappop(agenda)
        await rig.until(min(instant, end_us))
        await checker.look(rig)
        if instant >= end_us:
            return
        checker.stirred.add(rig.clock.now_us())
        match what:
            case "people":
                await people.act(rig.clock.now_us())
            case "faults":
                await world.break_something()
            case "engine":
                await world.strike_the_engine()
        await rig.loop.idle()
        await checker.look(rig)
        checker.look_at_devices(rig, world.names)
        checker.look_at_switches(cast.switches)
        heapq.heappush(agenda, (_soon(rig, chance, means[what]), what))


def _soon(rig: InlineSet, chance: Random, mean: float) -> int:
    """Some time from now; half of what happens, happens on a whole minute, as events do."""
    at = rig.clock.now_us() + round(chance.expovariate(1 / mean) * SECOND) + SECOND
    return at - at % (60 * SECOND) + 60 * SECOND if chance.random() < 0.5 else at


async def _end(world: World, people: People, cast: Cast) -> None:
    """Everything is repaired and nobody books any more: every life must come to its end."""
    rig, checker = world.rig, world.checker
    cast.tame = True
    for name in world.names:
        rig.devices.clear(name)
    if world.frozen:
        await world.thaw()
    rig.crash_at("")
    if rig.engine is None:
        await world.start()
    checker.stirred.add(rig.clock.now_us())
    for _ in range(8):
        await people.go_home()
        checker.stirred.add(rig.clock.now_us())
        await rig.until(rig.clock.now_us() + DAY // 4)
        await rig.quiet()
        await checker.look(rig)
    checker.look_at_devices(rig, world.names)
    checker.look_at_switches(cast.switches)
    lives = [(await rig.app.bookings.get(LOCAL, ident)).booking for ident in people.known]
    checker.look_at_the_end(lives)


def simulate(seed: int, days: float = 1.0, **how: object) -> Outcome:
    """Play in a loop of its own; see ``play``."""
    return run_virtual(play(seed, days, **how), loop=VirtualLoop(FIRST_DAY))  # type: ignore[arg-type]
