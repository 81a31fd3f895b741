# SPDX-License-Identifier: Apache-2.0
"""Resources that nothing is sent to: seen before, refused at the start, left out while it runs."""

from __future__ import annotations

from dataclasses import replace

from preroll.domain.booking import State
from preroll.domain.permission import LOCAL
from preroll.ports.rows import StepState
from tests.system.stage import fails

LEFT_OUT = "left out: hands off"


async def set_hands_off(stage, hands_off, name="enc-1"):
    found = {r.name: r for r in await stage.app.catalogue.resources(LOCAL, "default")}
    await stage.app.catalogue.apply(LOCAL, "default", [replace(found[name], hands_off=hands_off)])


async def test_at_the_start_of_pre_roll_it_fails_the_booking(stage):
    news = await stage.book()
    await set_hands_off(stage, True)
    assert (await stage.see(news)).warnings == (
        "enc-1 is hands off: nothing is sent to it; the booking fails if it is so at its start",
    )
    await stage.to(-300)
    assert await stage.state(news) is State.FAILED
    assert stage.cast.reports("News") == [("ResourceNotActive", "not available: enc-1 (hands off)")]
    assert stage.device() == {}


async def test_lifted_in_time_it_means_nothing(stage):
    news = await stage.book()
    await set_hands_off(stage, True)
    await stage.to(-301)
    await set_hands_off(stage, False)
    await stage.to(0)
    assert await stage.state(news) is State.ACTIVE
    assert (await stage.see(news)).warnings == ()


async def test_a_booking_that_runs_leaves_it_out_and_says_so(stage):
    news = await stage.book(encoder="enc-1", decoder="enc-2")
    await stage.to(-300)
    before = dict(stage.device())
    await set_hands_off(stage, True)
    told = "enc-1 is hands off: nothing is sent to it; what its scripts apply there is left out"
    assert (await stage.see(news)).warnings == (told,)
    await stage.to(3_600 + 300)
    assert await stage.state(news) is State.COMPLETED
    assert stage.device() == before, "nothing was sent"
    assert stage.device("enc-2") == {"video.bitrate": 0, "video.input": "none"}, "the other one as always"
    steps = [step for run in await stage.runs(news) for step in run.steps if LEFT_OUT in step.name]
    assert [(step.name, step.state) for step in steps] == [
        (f"apply_combined:Encoder ({LEFT_OUT})", StepState.DONE),
        (f"apply_combined:Encoder ({LEFT_OUT})", StepState.DONE),
        (f"apply_defaults:Encoder ({LEFT_OUT})", StepState.DONE),
    ]
    assert (await stage.log(news)).count(f"apply_defaults:Encoder: {LEFT_OUT}: nothing is sent to enc-1") == 1


async def test_a_retry_takes_the_step_when_it_is_lifted(stage):
    news = await stage.book()
    await stage.to(-300)
    await set_hands_off(stage, True)
    stage.cast.when("on-air", fails(), times=1)
    await stage.to(0)
    assert await stage.state(news) is State.FAILED_ACTIVE
    await set_hands_off(stage, False)
    await stage.retry(news)
    await stage.to(1)
    assert await stage.state(news) is State.ACTIVE
    assert stage.device()["video.bitrate"] == 8


async def test_a_step_of_the_authors_own_on_it_is_left_out(stage):
    news = await stage.book()
    await stage.to(-300)
    await set_hands_off(stage, True)

    async def dial(ctx):
        ctx.give("answer", await ctx.step("dial", lambda _: "dialled", resource="Encoder"))

    stage.cast.when("on-air", dial)
    await stage.to(0)
    run = (await stage.runs(news))[-1]
    assert run.run.returned == {"answer": None}
    assert f"dial ({LEFT_OUT})" in {step.name for step in run.steps}
