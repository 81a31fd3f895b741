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
