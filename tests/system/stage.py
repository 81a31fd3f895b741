# SPDX-License-Identifier: Apache-2.0
"""What a life is played with: a catalogue, scripts that do as they are told, and short words for what tests ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from preroll.app import App
from preroll.app.bookings import Edit, NewBooking
from preroll.app.views import BookingDetails, RunDetails
from preroll.bootstrap.inline import InlineSet
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.boundaries import Boundary, Kind
from preroll.domain.changes import Change
from preroll.domain.config import Limits, Platform, PlatformConfig
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.parameter import Parameter, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.domain.window import MINUTE, SECOND
from preroll.sdk import Context, GiveUp, lso, start_failure
from tests.builders import ACTIONS, NOON

Do = Callable[[Context], Awaitable[object]]

ENCODERS = ("enc-1", "enc-2", "enc-3")
CARDS = ("card-a", "card-b")
"""Two resources of one chassis."""

ENCODING = ProfileDefinition(
    "Encoding",
    (
        Parameter("bitrate", ValueType.NUMBER, path="video.bitrate", unit="Mbit/s", minimum=0, default=0),
        Parameter("input", ValueType.TEXT, path="video.input", default="none"),
    ),
)
HD = ProfileInstance(
    "HD",
    "Encoding",
    {"bitrate": 8, "input": "SDI 1"},
    {"STANDBY": {"bitrate": 1}, "START": {"bitrate": 8}, "PAUSE": {"bitrate": 2}},
)
CONTRIBUTION = ServiceDefinition(
    "Contribution",
    nodes=(
        Node("Encoder", profile="Encoding", default_profile="HD", order=1),
        Node("Decoder", profile="Encoding", default_profile="HD", order=2, optional=True),
    ),
    actions=ACTIONS,
)
PLAIN = ServiceDefinition("Plain", nodes=(Node("Encoder"),))
"""Without actions: nothing is orchestrated."""


CONFIG = PlatformConfig(limits=Limits(lso_us=20 * MINUTE, step_us=60 * MINUTE), start_failure_script="report")
"""Time for a slow step, so that it is the script's time-out, or a down event, that ends it."""


async def furnish(app: App) -> None:
    """The platform and its catalogue."""
    await app.platforms.put(LOCAL, Platform("default", config=CONFIG))
    encoders = [Resource(name, address={"device": name, "timeout": 2.0}) for name in ENCODERS]
    cards = [Resource(name, address={"device": name, "timeout": 2.0}, device="chassis") for name in CARDS]
    await app.catalogue.apply(LOCAL, "default", [*encoders, *cards, ENCODING, HD, CONTRIBUTION, PLAIN])


@dataclass(frozen=True)
class Call:
    """A script was called."""

    script: str
    booking: str
    event: str
    previous: str
    target: str
    reason: str = ""
    detail: str = ""


@dataclass
class _Cue:
    script: str
    do: Do
    booking: str | None
    times: int | None
    first: bool


@dataclass
class Cast:
    """Scripts that apply the profile of their state, and then do what a test has told them."""

    calls: list[Call] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    """Idempotency keys of the steps that took effect outside of any device."""
    cues: list[_Cue] = field(default_factory=list)

    def when(
        self, script: str, do: Do, *, booking: str | None = None, times: int | None = None, first: bool = False
    ) -> None:
        """Tell a script what to do after its applies (``first``: before them)."""
        self.cues.append(_Cue(script, do, booking, times, first))

    def forget(self) -> None:
        """From now on every script does its work and nothing else."""
        self.cues.clear()

    @property
    def scripts(self) -> Mapping[str, Callable[..., object]]:
        """The functions, as an author would declare them."""
        return {**{name: self._lso(name) for name in ACTIONS.values()}, "report": self._report()}

    def _lso(self, name: str) -> Callable[..., object]:
        @lso(name=name)
        async def script(ctx: Context) -> None:
            """Apply the profile of the state."""
            await self._play(name, ctx)

        return script

    def _report(self) -> Callable[..., object]:
        @start_failure(name="report")
        async def report(ctx: Context) -> None:
            """Tell why it failed."""
            self.calls.append(self._call("report", ctx))
            await self._cued("report", ctx, first=False)

        return report

    async def _play(self, name: str, ctx: Context) -> None:
        self.calls.append(self._call(name, ctx))
        await self._cued(name, ctx, first=True)
        for label in ctx.resources:
            if ctx.target == "STOP":
                await ctx.apply_defaults(label)
            else:
                await ctx.apply_combined(label)
        await self._cued(name, ctx, first=False)

    async def _cued(self, name: str, ctx: Context, *, first: bool) -> None:
        for cue in list(self.cues):
            if cue.script != name or cue.first is not first or cue.booking not in (None, ctx.booking.name):
                continue
            if cue.times is not None:
                cue.times -= 1
                if cue.times <= 0:
                    self.cues.remove(cue)
            await cue.do(ctx)

    def _call(self, name: str, ctx: Context) -> Call:
        return Call(name, ctx.booking.name, ctx.event, ctx.previous, ctx.target, ctx.reason, ctx.detail)

    def names(self, booking: str) -> list[str]:
        """The LSO scripts that were called for a booking, in order."""
        return [call.script for call in self.calls if call.booking == booking and call.script != "report"]

    def reports(self, booking: str) -> list[tuple[str, str]]:
        """(reason, detail) of each start failure script of a booking."""
        return [(c.reason, c.detail) for c in self.calls if c.booking == booking and c.script == "report"]


def fails(message: str = "no signal") -> Do:
    """The script gives up."""

    async def do(_: Context) -> None:
        raise GiveUp(message)

    return do


def takes(seconds: float, step: str = "work") -> Do:
    """The script works for so long, in a step that may be repeated."""

    async def do(ctx: Context) -> None:
        await ctx.step(step, lambda _: asyncio.sleep(seconds), repeatable=True)

    return do


def hangs(step: str = "stuck") -> Do:
    """The script never comes back from a step that nobody can probe."""

    async def do(ctx: Context) -> None:
        await ctx.step(step, lambda _: asyncio.Event().wait())

    return do


class Stage:
    """The inline set under a test."""

    def __init__(self, rig: InlineSet, cast: Cast) -> None:
        self.rig, self.cast, self.app = rig, cast, rig.app

    @property
    def now(self) -> int:
        """Microseconds of UTC."""
        return self.rig.clock.now_us()

    async def book(
        self,
        name: str = "News",
        *,
        start: int = NOON,
        minutes: int | None = 60,
        pre: int = 5,
        post: int = 5,
        definition: str | None = "Contribution",
        confirm: bool = True,
        priority: int = 0,
        force: bool = False,
        **nodes: str,
    ) -> str:
        """Book (an encoder, unless nodes are given) and confirm; lengths in minutes. Returns the id."""
        chosen = {label.capitalize(): NodeChoice(resource) for label, resource in nodes.items()}
        end = None if minutes is None else start + minutes * MINUTE
        made = await self.app.bookings.create(
            LOCAL,
            NewBooking(
                name,
                Timing(start, end, pre * MINUTE, 0 if minutes is None else post * MINUTE),
                definition=definition,
                nodes=chosen or {"Encoder": NodeChoice("enc-1")},
                priority=priority,
                force=force,
            ),
        )
        if confirm:
            await self.confirm(made.booking.id)
        return made.booking.id

    async def confirm(self, ident: str) -> BookingDetails:
        return await self.app.bookings.confirm(LOCAL, ident, None)

    async def leave_quarantine(self, ident: str) -> BookingDetails:
        return await self.app.bookings.leave_quarantine(LOCAL, ident, None)

    async def hold(self, ident: str) -> BookingDetails:
        return await self.app.bookings.hold(LOCAL, ident, None)

    async def cancel(self, ident: str, why: str = "") -> BookingDetails:
        return await self.app.bookings.cancel(LOCAL, ident, None, why)

    async def finish(self, ident: str, why: str = "") -> BookingDetails:
        return await self.app.bookings.finish(LOCAL, ident, None, why)

    async def retry(self, ident: str, why: str = "") -> BookingDetails:
        return await self.app.bookings.retry(LOCAL, ident, None, why)

    async def acknowledge(self, ident: str, why: str = "replaced the card") -> BookingDetails:
        return await self.app.bookings.acknowledge(LOCAL, ident, None, why)

    async def edit(self, ident: str, **changes: Any) -> BookingDetails:
        return await self.app.bookings.edit(LOCAL, ident, None, Edit(**changes))

    async def retime(self, ident: str, **changes: Any) -> BookingDetails:
        """Edit parts of the timing."""
        seen = (await self.see(ident)).booking.timing
        return await self.edit(ident, timing=replace(seen, **changes))

    async def configure(self, **changes: Any) -> None:
        """Change the platform's settings."""
        platform = await self.app.platforms.get(LOCAL, "default")
        await self.app.platforms.put(LOCAL, replace(platform, config=replace(platform.config, **changes)))

    async def see(self, ident: str) -> BookingDetails:
        return await self.app.bookings.get(LOCAL, ident)

    async def state(self, ident: str) -> State:
        return (await self.see(ident)).booking.state

    async def boundary(self, ident: str, kind: Kind) -> Boundary:
        return next(b for b in (await self.see(ident)).boundaries if b.kind is kind)

    async def history(self, ident: str) -> list[Change]:
        return await self.app.views.history(LOCAL, ident)

    async def life(self, ident: str) -> list[tuple[int, str]]:
        """Each state that it entered, with the second (from the full hour) at which it did."""
        moves = [c for c in await self.history(ident) if c.kind in ("booking.created", "booking.state")]
        return [((c.at_us - NOON) // SECOND, c.after) for c in moves]

    async def runs(self, ident: str) -> list[RunDetails]:
        return await self.app.views.runs(LOCAL, ident)

    async def log(self, ident: str) -> list[str]:
        return [line.text for line in await self.app.views.log(LOCAL, ident)]

    async def to(self, seconds: float) -> None:
        """Play on until so many seconds from the full hour, and all that happens at that instant."""
        await self.rig.until(NOON + round(seconds * SECOND))

    def device(self, name: str = "enc-1") -> Mapping[str, object]:
        """What a device really holds."""
        return self.rig.devices.values(name)
