# SPDX-License-Identifier: Apache-2.0
"""The simulated platform: its catalogue, and scripts that work, dawdle, hang and fail by chance."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from preroll.app import App
from preroll.domain.config import Limits, Platform, PlatformConfig
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.parameter import Parameter, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.domain.window import MINUTE
from preroll.sdk import Context, GiveUp, lso, start_failure

ACTIONS = {"STANDBY": "warm-up", "START": "on-air", "PAUSE": "wind-down", "STOP": "reset"}
PROFILE = ProfileDefinition(
    "Encoding",
    (
        Parameter("bitrate", ValueType.NUMBER, default=0),
        Parameter("input", ValueType.TEXT, default="none"),
    ),
)
HD = ProfileInstance(
    "HD",
    "Encoding",
    {"bitrate": 8, "input": "SDI 1"},
    {"STANDBY": {"bitrate": 1}, "START": {"bitrate": 8}, "PAUSE": {"bitrate": 2}},
)
NODES = (
    Node("Encoder", profile="Encoding", default_profile="HD", order=1),
    Node("Decoder", profile="Encoding", default_profile="HD", order=2, optional=True),
)
DEFINITIONS = (
    ServiceDefinition("Contribution", nodes=NODES, actions=ACTIONS),
    ServiceDefinition("Plain", nodes=NODES),
)
Played = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Temper:
    """How likely a script is to misbehave."""

    fails: float = 0.05
    hangs: float = 0.01
    dawdles: float = 0.4
    longest: float = 240.0
    """Seconds that it dawdles at most."""


def resources() -> list[Resource]:
    """Encoders of their own, cards that share a chassis two by two, and a gateway for two bookings at once."""
    single = [Resource(f"enc-{n}", address={"device": f"enc-{n}", "timeout": 5.0}) for n in range(1, 5)]
    cards = [
        Resource(f"card-{n}", address={"device": f"card-{n}", "timeout": 5.0}, device=f"chassis-{n // 2}")
        for n in range(4)
    ]
    gateway = Resource("gateway", address={"device": "gateway", "timeout": 5.0}, concurrency=2)
    return [*single, *cards, gateway]


async def furnish(app: App, chance: Random) -> int:
    """Set the platform up; returns how many scripts may run at once."""
    bound = chance.choice((2, 4, 100))
    limits = Limits(
        lso_us=chance.choice((2, 10)) * MINUTE, simultaneous_lso=bound, late_us=chance.choice((None, 5 * MINUTE))
    )
    config = PlatformConfig(limits=limits, start_failure_script="report")
    await app.platforms.put(LOCAL, Platform("default", config=config))
    await app.catalogue.apply(LOCAL, "default", [*resources(), PROFILE, HD, *DEFINITIONS])
    return bound


class Cast:
    """The scripts. ``played`` is told how each ended: (event, booking id, returned)."""

    def __init__(self, chance: Random, temper: Temper, played: Played) -> None:
        self._chance, self._temper, self._played = chance, temper, played
        self.switches: Counter[str] = Counter()
        """Booking and event -> how often its switch was thrown; a step outside of any device."""
        self.tame = False
        """Nothing misbehaves any more."""

    @property
    def scripts(self) -> Mapping[str, Callable[..., object]]:
        """Name -> function."""
        return {**{name: self._lso(name) for name in ACTIONS.values()}, "report": self._report()}

    def _lso(self, name: str) -> Callable[..., object]:
        @lso(name=name)
        async def script(ctx: Context) -> None:
            """Configure all resources, throw a switch, and perhaps misbehave."""
            try:
                await self._work(ctx)
            except Exception:
                self._played(ctx.event, ctx.booking.id, returned=False)
                raise
            self._played(ctx.event, ctx.booking.id, returned=True)

        return script

    def _report(self) -> Callable[..., object]:
        @start_failure(name="report")
        async def report(ctx: Context) -> None:
            """Send nothing to nobody."""
            ctx.log.info("reported", reason=ctx.reason, detail=ctx.detail)
            self._played(ctx.event, ctx.booking.id, returned=True)

        return report

    async def _work(self, ctx: Context) -> None:
        await self._misbehave(ctx, "before")
        for label in ctx.resources:
            if ctx.target == "STOP":
                await ctx.apply_defaults(label)
            else:
                await ctx.apply_combined(label)
        await self._throw_switch(ctx)
        await self._misbehave(ctx, "after")

    async def _throw_switch(self, ctx: Context) -> None:
        place = f"{ctx.booking.id} {ctx.event}"

        async def throw(_: str) -> bool:
            self.switches[place] += 1
            return await self._pause()

        async def is_thrown() -> bool:
            return self.switches[place] > 0

        await ctx.step("switch", throw, probe=is_thrown)

    async def _misbehave(self, ctx: Context, when: str) -> None:
        if self.tame:
            return
        dice, temper = self._chance.random(), self._temper
        if dice < temper.fails / 2:
            raise GiveUp(f"no luck {when} the work")
        if dice < (temper.fails + temper.hangs) / 2:
            await ctx.step(f"hang {when}", lambda _: asyncio.Event().wait())
        if self._chance.random() < temper.dawdles / 2:
            ctx.log.info("this takes a while")
            await ctx.step(f"dawdle {when}", lambda _: self._pause(), repeatable=True)

    async def _pause(self) -> bool:
        if long := not self.tame and self._chance.random() < 0.5:
            await asyncio.sleep(self._chance.randrange(int(self._temper.longest)))
        return long
