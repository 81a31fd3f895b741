# SPDX-License-Identifier: Apache-2.0
"""The engine is killed at each named point of each event: nothing is lost, nothing that was done is repeated."""

from __future__ import annotations

from itertools import product

import pytest

from preroll.domain.booking import State
from preroll.domain.boundaries import BoundaryState
from preroll.sdk import Context
from tests.builders import NOON
from tests.system.stage import hangs, takes

HOUR = 3_600
EVENTS = {"warm-up": -300, "on-air": 0, "wind-down": HOUR, "reset": HOUR + 300}
JOURNAL = [
    f"{call}.{when}" for call in ("claim", "begin", "end", "settle") for when in ("before", "written", "committed")
]
HOST = ["host.started", "host.begun", "host.applied", "host.ended", "host.finishing"]
WHOLE = ["Partial", "Confirmed", "Pre-roll", "Service Active", "Post-roll", "Completed"]


async def switch(ctx: Context) -> None:
    """A step with a probe, outside of any device."""
    taken = SWITCHED[ctx.booking.id]
    name = f"switch {ctx.event}"

    async def do(key: str) -> None:
        taken.append(key)

    await ctx.step(name, do, probe=lambda: any(key.endswith(name) for key in taken))


SWITCHED: dict[str, list[str]] = {}


@pytest.mark.parametrize(("point", "script"), list(product([*JOURNAL, *HOST], EVENTS)))
async def test_killed_at_a_point(stage, point, script):
    for name in EVENTS:
        stage.cast.when(name, switch)
    news = await stage.book()
    SWITCHED[news] = []
    await stage.to(EVENTS[script] - 1)
    stage.rig.crash_at(point)
    await stage.to(EVENTS[script])
    assert stage.rig.engine is None, f"{point} was not reached"
    await stage.rig.start()
    await stage.rig.quiet()
    await stage.to(2 * HOUR)
    assert await stage.life(news) == list(zip([-86_400, -86_400, -300, 0, HOUR, HOUR + 300], WHOLE, strict=True))
    assert len(SWITCHED.pop(news)) == 4
    assert [len(e.changes) for e in stage.rig.devices.applied("enc-1")] == [2, 1, 1, 2]
    runs = await stage.runs(news)
    assert [r.run.outcome for r in runs] == ["ok"] * 4
    assert all(s.state == "done" for r in runs for s in r.steps)


@pytest.mark.parametrize("passes", range(1, 8))
async def test_killed_again_and_again(stage, passes):
    """At the n-th point that follows, whatever it is, and each engine after the first too."""
    news = await stage.book()
    SWITCHED[news] = []
    for name in EVENTS:
        stage.cast.when(name, switch)
    for at in EVENTS.values():
        await stage.to(at - 1)
        for point in JOURNAL[:passes]:
            stage.rig.crash_at(point)
            await stage.to(at)
            if stage.rig.engine is None:
                await stage.rig.start()
        await stage.rig.quiet()
    await stage.to(2 * HOUR)
    assert [s for _, s in await stage.life(news)] == WHOLE
    assert len(SWITCHED.pop(news)) == 4


async def test_a_step_that_was_under_way_is_probed_and_not_repeated(stage):
    news = await stage.book()
    await stage.to(-301)
    stage.rig.crash_at("host.applied")
    await stage.to(-300)
    assert stage.device()["video.bitrate"] == 1
    await stage.rig.crash_and_restart()
    await stage.rig.quiet()
    assert await stage.state(news) is State.PRE_ROLL
    run = (await stage.runs(news))[0]
    assert len(stage.rig.devices.applied("enc-1")) == 1
    assert [(s.name, s.state) for s in run.steps] == [("apply_combined:Encoder", "done")]


async def test_a_step_that_nothing_can_probe_is_unknown_and_the_operator_is_asked(stage):
    stage.cast.when("warm-up", hangs("press the button"))
    news = await stage.book()
    await stage.to(-290)
    await stage.rig.crash_and_restart()
    await stage.rig.quiet()
    assert await stage.state(news) is State.FAILED_PRE_ROLL
    run = (await stage.runs(news))[0]
    assert "press the button was under way in a crash" in run.run.message
    assert [(s.name, s.state) for s in run.steps][-1] == ("press the button", "unknown")
    stage.cast.forget()
    await stage.retry(news, "I pressed it")
    await stage.rig.quiet()
    assert await stage.state(news) is State.PRE_ROLL


async def test_a_run_keeps_its_id_over_a_crash_and_its_epoch_rises(stage):
    stage.cast.when("warm-up", takes(60))
    news = await stage.book()
    await stage.to(-290)
    before = (await stage.runs(news))[0].run
    await stage.rig.crash_and_restart()
    after = (await stage.runs(news))[0].run
    assert (after.id, after.epoch) == (before.id, before.epoch + 1)
    assert (after.worker, before.worker) == ("engine-2", "engine-1")
    await stage.to(0)
    assert (await stage.life(news))[2] == (-230, "Pre-roll")


async def test_a_frozen_engine_is_fenced_when_it_comes_back(stage):
    stage.cast.when("warm-up", takes(60))
    news = await stage.book()
    await stage.to(-290)
    frozen = await stage.rig.replace_frozen()
    await stage.to(-200)
    assert (await stage.life(news))[2] == (-230, "Pre-roll")
    told = await stage.history(news)
    frozen.thaw()
    await stage.to(-190)
    assert await stage.history(news) == told
    assert frozen.dispatcher.running == 0
    run = (await stage.runs(news))[0]
    assert (run.run.epoch, run.run.worker) == (2, "engine-2")
    await stage.to(2 * HOUR)
    assert [s for _, s in await stage.life(news)] == WHOLE


async def test_a_frozen_engine_claims_nothing_that_another_one_has(stage):
    news = await stage.book()
    await stage.to(-400)
    frozen = await stage.rig.replace_frozen()
    frozen.thaw()
    await stage.to(2 * HOUR)
    assert [s for _, s in await stage.life(news)] == WHOLE
    assert stage.cast.names("News") == list(EVENTS)


async def test_what_was_due_while_no_engine_ran_is_not_claimed_twice(stage):
    news = await stage.book()
    await stage.to(-400)
    stage.rig.crash()
    await stage.to(-100)
    await stage.rig.start()
    await stage.rig.crash_and_restart()
    await stage.rig.quiet()
    first = (await stage.see(news)).boundaries[0]
    assert (first.state, first.began_us) == (BoundaryState.DONE, NOON - 100 * 1_000_000)
    assert stage.cast.names("News") == ["warm-up"]


async def test_a_waiting_booking_is_not_forgotten_in_a_crash(stage):
    stage.cast.when("reset", takes(45), booking="First")
    await stage.book("First")
    second = await stage.book("Second", start=NOON + (HOUR + 600) * 1_000_000)
    await stage.to(HOUR + 310)
    await stage.rig.crash_and_restart()
    assert [w.for_name for w in (await stage.see(second)).waiting] == ["First"]
    await stage.to(HOUR + 400)
    assert (await stage.life(second))[-1] == (HOUR + 355, "Pre-roll")
