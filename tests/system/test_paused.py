# SPDX-License-Identifier: Apache-2.0
"""A paused platform: nothing begins, everything says why, and all goes on when it is over."""

from __future__ import annotations

from dataclasses import replace

from preroll.domain.booking import State
from preroll.domain.window import MINUTE
from tests.system.stage import CONFIG, fails, takes

WHY = "waits until its platform is no longer paused: default"


async def test_an_event_waits_and_goes_on_at_once(stage):
    news = await stage.book()
    await stage.configure(paused=True)
    await stage.to(-100)
    seen = await stage.see(news)
    assert (seen.booking.state, seen.booking.began, seen.late_us) == (State.CONFIRMED, False, 200_000_000)
    assert [(w.event, w.what) for w in seen.waiting] == [("START_BOOKING_WITH_PREROLL", WHY)]
    await stage.configure(paused=False)
    await stage.rig.quiet()
    assert await stage.life(news) == [(-86_400, "Partial"), (-86_400, "Confirmed"), (-100, "Pre-roll")]
    assert (await stage.see(news)).waiting == ()


async def test_a_run_goes_on_to_its_end_and_the_next_event_waits(stage):
    stage.cast.when("warm-up", takes(30))
    news = await stage.book()
    await stage.to(-290)
    await stage.configure(paused=True)
    await stage.to(0)
    seen = await stage.see(news)
    assert (seen.booking.state, [w.event for w in seen.waiting]) == (State.PRE_ROLL, ["START"])


async def test_a_down_event_waits_and_then_comes_first(stage):
    news = await stage.book()
    await stage.to(0)
    await stage.configure(paused=True)
    await stage.to(7_200)
    assert await stage.state(news) is State.ACTIVE
    assert {w.what for w in (await stage.see(news)).waiting} == {WHY}
    await stage.configure(paused=False)
    await stage.to(7_201)
    assert await stage.state(news) is State.COMPLETED
    assert stage.cast.names("News") == ["warm-up", "on-air", "wind-down", "reset"]


async def test_a_retry_waits(stage):
    stage.cast.when("on-air", fails(), times=1)
    news = await stage.book()
    await stage.to(0)
    await stage.configure(paused=True)
    await stage.retry(news)
    await stage.to(60)
    assert await stage.state(news) is State.FAILED_ACTIVE
    assert [w.what for w in (await stage.see(news)).waiting] == [WHY]
    await stage.configure(paused=False)
    await stage.rig.quiet()
    assert await stage.state(news) is State.ACTIVE


async def test_the_late_limit_holds_for_what_has_waited(stage):
    await stage.configure(limits=replace(CONFIG.limits, late_us=MINUTE), paused=True)
    news = await stage.book()
    await stage.to(-100)
    await stage.configure(paused=False)
    await stage.rig.quiet()
    assert await stage.state(news) is State.FAILED
    assert stage.cast.reports("News")[0][0] == "Missed"


async def test_an_up_event_does_not_begin_after_the_end(stage):
    await stage.book()
    await stage.to(-300)
    await stage.configure(paused=True)
    await stage.to(3_700)
    await stage.configure(paused=False)
    await stage.to(3_701)
    assert stage.cast.names("News") == ["warm-up", "wind-down"], "START was missed, down it goes"


async def test_an_up_run_is_not_stopped_for_a_down_event_that_may_not_begin(stage):
    stage.cast.when("on-air", takes(600))
    news = await stage.book(minutes=5)
    await stage.to(60)
    await stage.configure(paused=True)
    await stage.to(400)
    assert (await stage.see(news)).booking.entering == "Service Active", "what runs goes on to its end"
    await stage.to(601)
    assert await stage.state(news) is State.ACTIVE
    await stage.configure(paused=False)
    await stage.to(900)
    assert await stage.state(news) is State.COMPLETED
    assert [r.run.outcome for r in await stage.runs(news)] == ["ok"] * 4


async def test_one_that_is_not_over_is_stopped_when_the_pause_is(stage):
    stage.cast.when("on-air", takes(900))
    news = await stage.book(minutes=5)
    await stage.to(60)
    await stage.configure(paused=True)
    await stage.to(400)
    await stage.configure(paused=False)
    await stage.to(500)
    assert [r.run.outcome for r in await stage.runs(news)][1] == "cancelled"
    assert stage.cast.names("News")[2:3] == ["wind-down"]


async def test_one_that_lost_its_worker_under_a_pause_goes_on(stage):
    stage.cast.when("on-air", takes(600))
    news = await stage.book(minutes=5)
    await stage.to(60)
    await stage.configure(paused=True)
    await stage.to(400)
    await stage.rig.crash_and_restart()
    await stage.to(1_200)
    assert await stage.state(news) is State.ACTIVE
