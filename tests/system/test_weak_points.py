# SPDX-License-Identifier: Apache-2.0
"""What went wrong in the systems before this one, each under the number that facts about them gave it: not here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.bookings import Copy, Refit
from preroll.domain.booking import State
from preroll.domain.boundaries import STANDARD, BoundaryState, Kind
from preroll.domain.errors import ActionNotPossible, Conflict, Invalid, Stale
from preroll.domain.permission import LOCAL
from preroll.domain.window import MINUTE
from tests.builders import NOON
from tests.system.stage import fails, takes

HOUR = 3_600


def begun(stage, script: str) -> int:
    return stage.cast.names("News").count(script)


async def test_02_start_does_not_run_again_after_an_extension(stage):
    news = await stage.book()
    await stage.to(60)
    for _ in range(3):
        await stage.app.bookings.extend(LOCAL, news, None, by_us=MINUTE)
        await stage.rig.quiet()
    await stage.to(2 * HOUR)
    assert stage.cast.names("News") == ["warm-up", "on-air", "wind-down", "reset"]


async def test_03_pre_roll_that_is_over_cannot_be_dropped(stage):
    news = await stage.book()
    await stage.to(60)
    with pytest.raises(Invalid, match="pre_roll: is frozen"):
        await stage.app.bookings.adjust(LOCAL, news, None, lambda t: replace(t, pre_roll=0))
    await stage.to(2 * HOUR)
    assert begun(stage, "warm-up") == 1


async def test_04_events_are_derived_and_never_doubled(stage):
    news = await stage.book()
    for minutes in (1, 2, 3):
        await stage.retime(news, start=NOON + minutes * MINUTE, end=NOON + (60 + minutes) * MINUTE)
    boundaries = (await stage.see(news)).boundaries
    assert [b.kind for b in boundaries] == list(STANDARD)


async def test_06_a_canceled_booking_runs_nothing(stage):
    news = await stage.book()
    await stage.to(-301)
    await stage.cancel(news)
    await stage.to(2 * HOUR)
    assert stage.cast.calls == []


async def test_09_a_booking_that_starts_is_not_moved_into_the_future(stage):
    news = await stage.book()
    stage.cast.when("warm-up", takes(30), times=1)
    await stage.to(-290)
    with pytest.raises(Invalid, match="start: is frozen"):
        await stage.retime(news, start=NOON + 10 * MINUTE)


async def test_10_it_is_completed_only_when_its_last_event_has_run(stage):
    news = await stage.book()
    stage.cast.when("reset", takes(120), times=1)
    await stage.to(65 * 60 + 60)
    assert (await stage.see(news)).booking.state is State.POST_ROLL
    await stage.to(2 * HOUR)
    assert await stage.state(news) is State.COMPLETED


async def test_13_an_edit_of_a_running_booking_keeps_its_events(stage):
    news = await stage.book()
    await stage.to(60)
    await stage.app.bookings.rename(LOCAL, news, None, "Late")
    await stage.app.bookings.set_properties(LOCAL, news, None, {"ticket": 7})
    events = (await stage.see(news)).boundaries
    assert [(b.kind, b.state) for b in events] == list(
        zip(STANDARD, [BoundaryState.DONE] * 2 + [BoundaryState.ARMED] * 2, strict=True)
    )


async def test_20_a_write_on_an_old_reading_does_not_undo_a_newer_one(stage):
    news = await stage.book()
    seen = (await stage.see(news)).booking.revision
    await stage.app.bookings.set_properties(LOCAL, news, seen, {"a": 1})
    with pytest.raises(Stale):
        await stage.app.bookings.set_properties(LOCAL, news, seen, {"a": 2})
    assert (await stage.see(news)).booking.properties == {"a": 1}


async def test_24_a_part_of_a_second_is_refused_before_it_can_do_harm(stage):
    news = await stage.book()
    await stage.to(60)
    with pytest.raises(Invalid, match="part of a second"):
        await stage.app.bookings.extend(LOCAL, news, None, by_us=MINUTE + 1)


async def test_26_it_ends_although_post_roll_is_edited_to_zero_in_post_roll(stage):
    news = await stage.book()
    await stage.to(HOUR + 60)
    await stage.app.bookings.adjust(LOCAL, news, None, lambda t: replace(t, post_roll=0))
    await stage.rig.quiet()
    assert await stage.state(news) is State.COMPLETED
    assert begun(stage, "reset") == 1


async def test_27_an_extension_in_post_roll_moves_the_end_of_post_roll_alone(stage):
    news = await stage.book()
    await stage.to(HOUR + 60)
    before = (await stage.see(news)).booking.timing
    await stage.app.bookings.extend(LOCAL, news, None, by_us=10 * MINUTE)
    after = (await stage.see(news)).booking.timing
    assert after == replace(before, post_roll=before.post_roll + 10 * MINUTE)
    with pytest.raises(Invalid, match="end: is frozen"):
        await stage.app.bookings.adjust(LOCAL, news, None, lambda t: replace(t, end=NOON + 2 * 60 * MINUTE))
    await stage.to(2 * HOUR)
    assert begun(stage, "wind-down") == 1


async def test_28_a_permanent_booking_is_moved_duplicated_and_finished(stage):
    news = await stage.book(minutes=None)
    await stage.retime(news, start=NOON + MINUTE)
    await stage.app.bookings.swap(LOCAL, news, None, Refit("Encoder", "enc-2"))
    later = Copy(start=NOON + 7 * 24 * 60 * MINUTE)
    with pytest.raises(Conflict):
        await stage.app.bookings.duplicate(LOCAL, news, later)
    await stage.to(120)
    await stage.finish(news)
    await stage.rig.quiet()
    assert await stage.state(news) is State.COMPLETED
    assert (await stage.app.bookings.duplicate(LOCAL, news, later)).booking.state is State.PARTIAL


async def test_45_46_a_failed_start_is_shown_and_the_script_for_it_runs(stage):
    news = await stage.book()
    stage.cast.when("warm-up", fails(), times=1)
    await stage.to(-200)
    assert await stage.state(news) is State.FAILED_PRE_ROLL
    assert stage.cast.reports("News") == [("LsoFailed", "no signal")]


async def test_47_there_is_a_way_out_of_every_failed_event(stage):
    news = await stage.book()
    stage.cast.when("on-air", fails(), times=1)
    await stage.to(60)
    possible = (await stage.see(news)).possible
    assert {"retry", "acknowledge", "finish", "swap", "force-state"} <= set(possible)


async def test_54_an_alarm_goes_with_its_cause(stage):
    news = await stage.book()
    await stage.to(60)
    stage.cast.when("on-air", fails(), times=1)
    await stage.app.bookings.force_state(LOCAL, news, None, "START")
    await stage.rig.quiet()
    assert (await stage.see(news)).warnings
    await stage.app.bookings.force_state(LOCAL, news, None, "START")
    await stage.rig.quiet()
    assert (await stage.see(news)).warnings == ()


async def test_74_a_resource_put_in_on_the_air_is_configured(stage):
    news = await stage.book()
    await stage.to(60)
    with pytest.raises(ActionNotPossible, match="the booking runs"):
        await stage.app.bookings.add(LOCAL, news, None, Refit("Decoder", "enc-3"))
    await stage.app.bookings.add(LOCAL, news, None, Refit("Decoder", "enc-3", apply_now=True))
    await stage.rig.quiet()
    assert stage.device("enc-3")["video.bitrate"] == 8
    assert (await stage.boundary(news, Kind.CHANGE)).state is BoundaryState.DONE
