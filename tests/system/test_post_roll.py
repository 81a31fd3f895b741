# SPDX-License-Identifier: Apache-2.0
"""How long post-roll lasts: as planned, or as long as what is done in it; and the delay behind an operator's word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.domain.booking import State
from preroll.domain.boundaries import Kind
from preroll.domain.errors import ActionNotPossible, Invalid
from preroll.domain.permission import LOCAL
from preroll.domain.window import MINUTE, SECOND
from tests.builders import NOON
from tests.system.stage import fails, takes

HOUR = 3_600


async def test_without_the_setting_post_roll_lasts_as_planned(stage):
    news = await stage.book()
    await stage.to(HOUR + 299)
    assert await stage.state(news) is State.POST_ROLL
    await stage.to(HOUR + 300)
    assert await stage.state(news) is State.COMPLETED


async def test_with_it_a_booking_ends_when_its_post_roll_is_done_and_releases_what_it_holds(stage):
    await stage.configure(shrink_post_roll=True)
    stage.cast.when("wind-down", takes(40))
    news = await stage.book()
    await stage.to(HOUR + 39)
    assert (await stage.see(news)).booking.timing.post_roll == 5 * MINUTE
    await stage.to(HOUR + 40)
    seen = (await stage.see(news)).booking
    assert (seen.state, seen.timing.post_roll) == (State.COMPLETED, 40 * SECOND)
    assert stage.cast.names("News") == ["warm-up", "on-air", "wind-down", "reset"]
    assert [c.why for c in await stage.history(news) if c.cause == "shrink post-roll"] == [
        "post-roll is done: 300 s -> 40 s"
    ]


async def test_what_it_held_is_free_from_the_end_that_it_then_has(stage):
    await stage.configure(shrink_post_roll=True, rescheduling_delay_us=60 * SECOND)
    news = await stage.book()
    await stage.to(HOUR)
    assert await stage.state(news) is State.POST_ROLL
    assert (await stage.boundary(news, Kind.END_OF_POST_ROLL)).due_us == NOON + (HOUR + 60) * SECOND
    following = await stage.book("Next", start=NOON + (HOUR + 60) * SECOND, pre=0)
    await stage.to(HOUR + 60)
    assert await stage.state(news) is State.COMPLETED
    assert await stage.state(following) is State.ACTIVE


async def test_post_roll_is_never_prolonged_by_it(stage):
    await stage.configure(shrink_post_roll=True, rescheduling_delay_us=HOUR * SECOND)
    news = await stage.book()
    await stage.to(HOUR + 300)
    assert await stage.state(news) is State.COMPLETED


async def test_a_failed_post_roll_waits_for_its_planned_end_or_for_a_repair(stage):
    await stage.configure(shrink_post_roll=True)
    stage.cast.when("wind-down", fails(), times=1)
    news = await stage.book()
    await stage.to(HOUR + 100)
    assert await stage.state(news) is State.FAILED_POST_ROLL
    await stage.retry(news)
    await stage.to(HOUR + 101)
    assert await stage.state(news) is State.COMPLETED


async def test_one_that_is_repaired_by_hand_has_nothing_to_wait_for_either(stage):
    await stage.configure(shrink_post_roll=True)
    stage.cast.when("wind-down", fails(), times=1)
    news = await stage.book()
    await stage.to(HOUR + 100)
    await stage.acknowledge(news)
    await stage.to(HOUR + 101)
    seen = (await stage.see(news)).booking
    assert (seen.state, seen.timing.post_roll) == (State.COMPLETED, 100 * SECOND)


async def test_who_finishes_a_booking_need_not_wait_for_its_post_roll(stage):
    stage.cast.when("wind-down", takes(40))
    news = await stage.book()
    await stage.to(600)
    await stage.finish(news)
    await stage.to(639)
    assert await stage.state(news) is State.ACTIVE
    await stage.to(640)
    seen = (await stage.see(news)).booking
    assert (seen.state, seen.timing.end, seen.timing.post_roll) == (State.COMPLETED, NOON + 600 * SECOND, 40 * SECOND)


async def test_who_extends_a_finished_booking_has_its_post_roll_back(stage):
    await stage.configure(rescheduling_delay_us=60 * SECOND)
    news = await stage.book()
    await stage.to(600)
    await stage.finish(news)
    with pytest.raises(ActionNotPossible, match="is being finished already"):
        await stage.finish(news)
    await stage.app.bookings.extend(LOCAL, news, None, by_us=10 * MINUTE)
    await stage.to(660 + 600 + 299)
    assert await stage.state(news) is State.POST_ROLL


@pytest.mark.parametrize(("at", "state", "after"), [(-200, State.PRE_ROLL, 30), (600, State.ACTIVE, 30)])
async def test_a_finish_takes_effect_after_the_rescheduling_delay(stage, at, state, after):
    await stage.configure(rescheduling_delay_us=30 * SECOND)
    news = await stage.book()
    await stage.to(at)
    await stage.finish(news)
    await stage.to(at + after - 1)
    assert await stage.state(news) is state
    await stage.to(at + 2 * after)
    assert await stage.state(news) is State.COMPLETED


async def test_in_post_roll_too_and_never_beyond_its_end(stage):
    await stage.configure(rescheduling_delay_us=30 * SECOND)
    news = await stage.book()
    await stage.to(HOUR + 10)
    await stage.finish(news)
    assert (await stage.see(news)).booking.timing.post_roll == 40 * SECOND
    await stage.to(HOUR + 40)
    assert await stage.state(news) is State.COMPLETED
    later = await stage.book("Later", start=NOON + 2 * HOUR * SECOND)
    await stage.to(3 * HOUR + 280)
    with pytest.raises(ActionNotPossible, match="is being finished already"):
        await stage.finish(later)


async def test_a_start_now_takes_effect_after_the_rescheduling_delay(stage):
    await stage.configure(rescheduling_delay_us=30 * SECOND)
    news = await stage.book()
    await stage.to(-HOUR)
    started = await stage.app.bookings.start_now(LOCAL, news, None)
    assert started.booking.timing.held.start == NOON + (30 - HOUR) * SECOND
    with pytest.raises(ActionNotPossible, match="its first event is due in 30 s"):
        await stage.app.bookings.start_now(LOCAL, news, None)


async def test_the_rest_of_a_past_window_begins_after_it_as_well(stage):
    await stage.configure(rescheduling_delay_us=30 * SECOND)
    news = await stage.book()
    await stage.cancel(news)
    await stage.to(60)
    rest = await stage.app.bookings.duplicate(LOCAL, news)
    assert rest.booking.timing.held.start == NOON + 90 * SECOND


@pytest.mark.parametrize(
    "wrong", [{"rescheduling_delay_us": SECOND // 2}, {"rescheduling_delay_us": 2 * HOUR * SECOND}, {"retention_us": 1}]
)
async def test_a_length_that_cannot_be_is_refused(stage, wrong):
    platform = await stage.app.platforms.get(LOCAL, "default")
    with pytest.raises(Invalid, match=next(iter(wrong)).removesuffix("_us")):
        await stage.app.platforms.put(LOCAL, replace(platform, config=replace(platform.config, **wrong)))
