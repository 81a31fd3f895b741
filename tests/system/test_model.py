# SPDX-License-Identifier: Apache-2.0
"""The engine against a second, small one: whatever people do and whenever it is killed, both tell the same lives."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from preroll.bootstrap.inline import Options, inline_set
from preroll.bootstrap.virtual import VirtualLoop, run_virtual
from preroll.domain.booking import State
from preroll.domain.errors import Refused
from preroll.domain.permission import LOCAL
from preroll.domain.resource import Resource
from preroll.domain.window import DAY, MINUTE, SECOND
from preroll.sdk import Context
from preroll.simulation import Checker, Story
from tests.builders import NOON
from tests.system.model import LIMIT, SCRIPTS, SLOW, Model, No
from tests.system.stage import CONFIG, Cast, Stage, fails, furnish, hangs, takes

FUZZING = settings.get_current_profile_name() == "fuzz"
EXAMPLES = settings.default if FUZZING else settings(max_examples=25, stateful_step_count=30, derandomize=True)
CONDUCT = st.sampled_from(("ok", "ok", "ok", "fail", "slow", "hang"))
CONDUCTS = st.fixed_dictionaries(dict.fromkeys(SCRIPTS, CONDUCT))
LENGTH = st.sampled_from((0, 1, 20, 60, 300))
ENCODERS = [f"own-{n}" for n in range(12)]
LIMITS = replace(CONFIG.limits, lso_us=round(LIMIT * SECOND))


class TwoEngines(RuleBasedStateMachine):
    """The real engine on the inline set, and the model."""

    bookings = Bundle("bookings")

    @initialize()
    def open(self):
        self.loop = VirtualLoop(NOON)
        self.story = Story(lambda: round(self.now * SECOND))
        self.checker = Checker(self.story)
        self.cast, self.models = Cast(), {}
        for script in (*SCRIPTS, "report"):
            self.cast.when(script, self.behave(script))
        watch = lambda engine, what, row: self.checker.heard(engine, what, row, self.rig.clock.now_us())  # noqa: E731
        self.scene = inline_set(self.cast.scripts, Options(watch=watch))
        self.rig = self.do(self.scene.__aenter__())
        self.checker.awake = lambda: self.rig.awake
        self.stage = Stage(self.rig, self.cast)
        self.do(self.furnish())
        self.up = True

    async def furnish(self) -> None:
        await furnish(self.rig.app)
        await self.stage.configure(limits=LIMITS)
        own = [Resource(name, address={"device": name}) for name in ENCODERS]
        await self.rig.app.catalogue.apply(LOCAL, "default", own)
        self.checker.know({r.id: r.name for r in await self.rig.app.catalogue.resources(LOCAL, "default")})

    def behave(self, script: str):
        async def as_told(ctx: Context) -> None:
            match self.models[ctx.booking.id].conduct.get(script, "ok"):
                case "fail":
                    await self.ended(ctx, fails())
                case "slow":
                    await self.ended(ctx, takes(SLOW))
                case "hang":
                    await self.ended(ctx, hangs())
                case "ok":
                    await self.ended(ctx, None)

        return as_told

    async def ended(self, ctx: Context, do) -> None:
        try:
            if do is not None:
                await do(ctx)
        except Exception:
            self.checker.played(ctx.event, ctx.booking.id, returned=False)
            raise
        self.checker.played(ctx.event, ctx.booking.id, returned=True)

    def do(self, doing):
        return self.loop.run_until_complete(doing)

    @property
    def now(self) -> float:
        return (self.loop.epoch_us - NOON) / SECOND + round(self.loop.time(), 6)

    # time passes

    @rule(seconds=st.sampled_from((1, 1, 10, 31, 59, 60, 300, 601, 3600)))
    def pass_time(self, seconds):
        until = self.now // 1 + seconds
        self.do(self.stage.to(until))
        for model in self.models.values():
            model.play(until)

    @rule()
    def kill(self):
        if self.up:
            self.rig.crash()
            self.up = False
            for model in self.models.values():
                model.crash()

    @rule()
    def start(self):
        if self.up:
            self.rig.crash()
        self.checker.stirred.add(self.rig.clock.now_us())
        self.do(self.rig.start())
        self.up = True
        for model in self.models.values():
            model.restart()
            model.play(self.now)

    @rule(booking=bookings, conduct=CONDUCTS)
    def behave_otherwise(self, booking, conduct):
        self.models[booking].conduct = conduct

    # people

    @rule(
        target=bookings, after=st.sampled_from((-30, 0, 10, 60, 400)), length=st.sampled_from((1, 30, 120, 900, None)),
        pre=LENGTH, post=LENGTH, conduct=CONDUCTS, confirm=st.booleans(),
    )  # fmt: skip
    def book(self, after, length, pre, post, conduct, confirm):
        if len(self.models) == len(ENCODERS):
            return multiple()
        start = self.now // 1 + pre + after
        ident = self.do(self._book(start, length, pre, post))
        end = None if length is None else start + length
        self.models[ident] = Model(start, end, pre, 0 if end is None else post, conduct, self.now, up=self.up)
        if confirm:
            self.both(ident, "confirm")
        return ident

    async def _book(self, start, length, pre, post) -> str:
        number = len(self.models)
        ident = await self.stage.book(
            f"B{number}", start=NOON + round(start * SECOND), pre=0, post=0, minutes=None, confirm=False,
            encoder=ENCODERS[number],
        )  # fmt: skip
        end = None if length is None else NOON + round((start + length) * SECOND)
        post = 0 if length is None else post
        await self.stage.retime(ident, end=end, pre_roll=pre * SECOND, post_roll=post * SECOND)
        return ident

    def both(self, ident, action, *told, real=None):
        """The same asked of both: both do it, or both refuse."""
        model = self.models[ident]
        self.checker.stirred.add(self.rig.clock.now_us())
        try:
            getattr(model, action)(*told)
            expected = True
        except No:
            expected = False
        before = self.do(self.stage.see(ident)).booking
        try:
            self.do(real() if real else getattr(self.stage, action)(ident))
            accepted = True
        except Refused as no:
            accepted, why = False, no
        assert accepted is expected, f"{action} of {before} was {'accepted' if accepted else f'refused: {why}'}"
        if not accepted:
            assert self.do(self.stage.see(ident)).booking == before
        self.do(self.rig.loop.idle())
        model.play(self.now)

    @rule(booking=bookings, action=st.sampled_from(("confirm", "confirm", "hold", "cancel")))
    def decide(self, booking, action):
        self.both(booking, action)

    @rule(booking=bookings)
    def finish(self, booking):
        self.both(booking, "finish")

    @rule(booking=bookings, action=st.sampled_from(("retry", "retry", "acknowledge")))
    def repair(self, booking, action):
        self.both(booking, action)

    @rule(
        booking=bookings,
        by=st.sampled_from((-600, -30, -1, 0, 1, 30, 600)),
        what=st.sampled_from(("end", "whole", "post")),
    )
    def move(self, booking, by, what):
        model = self.models[booking]
        start, end, post = model.start, model.end, model.post
        match what:
            case "end":
                end = None if by == 600 else (start if end is None else end) + by
                post = 0 if end is None else post
            case "whole":
                start, end = start + by, None if end is None else end + by
            case "post":
                post = max(0, post + by)
        moved = {"start": NOON + round(start * SECOND), "end": None if end is None else NOON + round(end * SECOND)}
        real = lambda: self.stage.retime(booking, **moved, post_roll=round(post * SECOND))  # noqa: E731
        self.both(booking, "retime", start, end, post, real=real)

    # what must hold

    @invariant()
    def both_tell_the_same_lives(self):
        for ident, model in self.models.items():
            told = self.do(self.life(ident))
            assert told == model.history, f"\nreal  {told}\nmodel {model.history}\n{model}"
            seen = self.do(self.stage.see(ident)).booking
            assert (seen.state, seen.began or seen.state is State.FAILED) == (model.state, model.began), model
            assert self.cast.names(seen.name) == model.calls, f"{model}"

    async def life(self, ident) -> list[tuple[float, str]]:
        moves = [c for c in await self.stage.history(ident) if c.kind in ("booking.created", "booking.state")]
        return [(round((c.at_us - NOON) / SECOND, 6), c.after) for c in moves]

    @invariant()
    def every_rule_holds(self):
        self.do(self.checker.look(self.rig))
        self.checker.look_at_devices(self.rig, ENCODERS)
        assert not self.checker.violations, self.checker.violations[0]

    def teardown(self):
        if hasattr(self, "scene"):
            self.do(self.scene.__aexit__(None, None, None))
            self.loop.close()


TwoEngines.TestCase.settings = settings(EXAMPLES, suppress_health_check=list(HealthCheck))
TestTwoEngines = TwoEngines.TestCase


@settings(EXAMPLES)
@given(st.integers(-3, 3), st.integers(0, 12), st.sampled_from(("cancel", "hold", "edit")))
def test_exactly_one_wins_when_somebody_races_the_claim(micros, turns, action):
    """Cancel, hold or an edit of the start in the very instant at which the first event is due."""

    async def race() -> None:
        cast = Cast()
        async with inline_set(cast.scripts) as rig:
            await furnish(rig.app)
            stage = Stage(rig, cast)
            cast.when("warm-up", takes(5))
            news = await stage.book()
            await asyncio.sleep((NOON - 5 * MINUTE - rig.clock.now_us() + micros) / 1e6)
            for _ in range(turns):
                await asyncio.sleep(0)
            try:
                if action == "edit":
                    await stage.retime(news, start=NOON + DAY, end=NOON + DAY + MINUTE)
                else:
                    await getattr(stage, action)(news)
                won = True
            except Refused:
                won = False
            await stage.to(7200)
            after = {"cancel": State.CANCELED, "hold": State.ON_HOLD, "edit": State.CONFIRMED}
            assert await stage.state(news) is (after[action] if won else State.COMPLETED)
            assert cast.names("News") == ([] if won else list(SCRIPTS))

    run_virtual(race(), loop=VirtualLoop(NOON - DAY))
