# SPDX-License-Identifier: Apache-2.0
"""What went wrong in the systems before this one, each under its number in explanations/weak-points.md: not here."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from pydantic_core import PydanticCustomError

from preroll.api.fields import instant_us
from preroll.app.bookings import Copy, Refit
from preroll.domain.booking import State, Timing
from preroll.domain.boundaries import STANDARD, BoundaryState, Kind
from preroll.domain.edits import once_more
from preroll.domain.errors import ActionNotPossible, Conflict, Invalid, Stale
from preroll.domain.permission import LOCAL
from preroll.domain.service import ServiceStates, StageMapping
from preroll.domain.window import MINUTE
from preroll.ports.store import BookingFilter
from preroll.sdk import GiveUp
from tests.builders import NOON
from tests.system.stage import CONFIG, fails, hangs, takes

HOUR = 3_600


def begun(stage, script: str) -> int:
    return stage.cast.names("News").count(script)


async def test_01_start_events_run_once_although_the_start_has_passed(stage):
    await stage.to(30)
    news = await stage.book()
    await stage.rig.quiet()
    assert await stage.state(news) is State.ACTIVE
    await stage.to(2 * HOUR)
    assert stage.cast.names("News") == ["warm-up", "on-air", "wind-down", "reset"]


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


async def test_05_an_event_takes_effect_once_although_the_engine_dies_in_it(stage):
    stage.cast.when("warm-up", takes(30), times=1)
    news = await stage.book()
    await stage.to(-290)
    await stage.rig.crash_and_restart()
    await stage.to(60)
    assert await stage.state(news) is State.ACTIVE
    assert [round((e.at_us - NOON) / 1e6) for e in stage.rig.devices.applied("enc-1")] == [-300, 0]


async def test_06_a_canceled_booking_runs_nothing(stage):
    news = await stage.book()
    await stage.to(-301)
    await stage.cancel(news)
    await stage.to(2 * HOUR)
    assert stage.cast.calls == []


async def test_07_standard_events_are_not_data_that_a_user_can_lose(stage):
    news = await stage.book()
    await stage.hold(news)
    await stage.retime(news, start=NOON + MINUTE)
    await stage.edit(news, properties={"ticket": 7})
    await stage.confirm(news)
    assert [(b.kind, b.state) for b in (await stage.see(news)).boundaries] == [
        (kind, BoundaryState.ARMED) for kind in STANDARD
    ]


async def test_08_it_does_not_stay_confirmed_when_an_edit_moves_its_start_into_the_past(stage):
    news = await stage.book()
    await stage.to(-301)
    await stage.retime(news, start=NOON - 30 * MINUTE)
    await stage.rig.quiet()
    assert await stage.state(news) is State.ACTIVE


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


async def test_11_events_that_were_missed_run_in_their_order(stage):
    news = await stage.book()
    stage.rig.crash()
    await stage.to(HOUR - 60)
    await stage.rig.start()
    await stage.to(2 * HOUR)
    assert stage.cast.names("News") == ["warm-up", "on-air", "wind-down", "reset"]
    assert await stage.state(news) is State.COMPLETED


async def test_12_an_event_runs_although_the_state_is_what_it_asks_for(stage):
    states = ServiceStates(StageMapping(preroll="START"))
    await stage.configure(service_states=states)
    await stage.book()
    await stage.to(60)
    assert stage.cast.names("News") == ["on-air", "on-air"]


async def test_13_an_edit_of_a_running_booking_keeps_its_events(stage):
    news = await stage.book()
    await stage.to(60)
    await stage.app.bookings.rename(LOCAL, news, None, "Late")
    await stage.app.bookings.set_properties(LOCAL, news, None, {"ticket": 7})
    events = (await stage.see(news)).boundaries
    assert [(b.kind, b.state) for b in events] == list(
        zip(STANDARD, [BoundaryState.DONE] * 2 + [BoundaryState.ARMED] * 2, strict=True)
    )


async def test_14_what_a_hung_engine_held_is_free_again(stage):
    stage.cast.when("warm-up", hangs(), times=1)
    news = await stage.book()
    await stage.to(-290)
    await stage.rig.replace_frozen()
    await stage.to(HOUR + 400)
    following = await stage.book("Next", start=NOON + 2 * HOUR * 1_000_000)
    await stage.to(2 * HOUR + 60)
    assert await stage.state(news) is State.COMPLETED
    assert await stage.state(following) is State.ACTIVE


async def test_16_one_that_hangs_does_not_stop_what_waits_behind_it(stage):
    await stage.configure(limits=replace(CONFIG.limits, simultaneous_lso=1))
    stage.cast.when("warm-up", hangs(), booking="Stuck", times=1)
    await stage.book("Stuck")
    other = await stage.book("Other", encoder="enc-2", minutes=180)
    await stage.to(2 * HOUR)
    assert await stage.state(other) is State.ACTIVE


async def test_18_it_starts_although_only_its_properties_changed_after_a_restart(stage):
    news = await stage.book()
    await stage.rig.crash_and_restart()
    await stage.app.bookings.set_properties(LOCAL, news, None, {"ticket": 7})
    await stage.to(60)
    seen = (await stage.see(news)).booking
    assert (seen.state, seen.properties) == (State.ACTIVE, {"ticket": 7})


async def test_19_a_failure_script_that_sets_properties_does_not_undo_an_edit(stage):
    async def notes(ctx) -> None:
        await ctx.step("note", lambda _: asyncio.sleep(30), repeatable=True)
        ctx.set_property("reported", True)

    stage.cast.when("warm-up", fails(), times=1)
    stage.cast.when("report", notes)
    news = await stage.book()
    await stage.to(-290)
    await stage.app.bookings.set_properties(LOCAL, news, None, {"ticket": 7})
    await stage.to(-200)
    assert (await stage.see(news)).booking.properties == {"ticket": 7, "reported": True}


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


async def test_21_a_read_right_after_a_write_sees_it(stage):
    news = await stage.book()
    for n in range(20):
        written = await stage.app.bookings.set_properties(LOCAL, news, None, {"n": n})
        seen = await stage.see(news)
        assert (seen.booking.properties, seen.booking.revision) == ({"n": n}, written.booking.revision)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-03-29T00:30:00+01:00", "2026-03-29T04:30:00+02:00", 3),
        ("2026-10-25T00:30:00+02:00", "2026-10-25T04:30:00+01:00", 5),
    ],
)
async def test_22_a_clock_change_alters_no_duration(stage, start, end, hours):
    timing = Timing(instant_us(start), instant_us(end), 5 * MINUTE, 5 * MINUTE)
    assert timing.end - timing.start == hours * 60 * MINUTE
    week = 7 * 24 * 60 * MINUTE
    later = once_more(timing, timing.start + week, stage.now)
    assert later == replace(timing, start=timing.start + week, end=timing.end + week)


async def test_23_a_zone_west_of_greenwich_is_a_zone_like_any_other(stage):
    assert instant_us("2026-03-01T13:00:00-11:00") == instant_us("2026-03-02T00:00:00Z")
    assert instant_us("2026-03-01T20:30:00-03:30") == instant_us("2026-03-02T00:00:00Z")


async def test_25_a_post_roll_that_is_shrunk_ends_the_booking_once(stage):
    await stage.configure(shrink_post_roll=True)
    stage.cast.when("wind-down", takes(20), times=1)
    news = await stage.book()
    await stage.to(HOUR + 20)
    assert await stage.state(news) is State.COMPLETED
    await stage.to(2 * HOUR)
    assert stage.cast.names("News") == ["warm-up", "on-air", "wind-down", "reset"]


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


@pytest.mark.parametrize("text", ["2026-03-01T01:00:00 PM", "2026-03-01 1:00 PM", "03/01/2026 13:00"])
async def test_29_a_clock_of_twelve_hours_is_not_guessed_at(text):
    with pytest.raises(PydanticCustomError, match="is no ISO 8601 time"):
        instant_us(text)


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


async def test_48_what_was_done_before_a_failure_is_recorded_and_not_done_again(stage):
    stage.cast.when("on-air", fails(), times=1)
    news = await stage.book()
    await stage.to(60)
    before = len(stage.rig.devices.applied("enc-1"))
    await stage.retry(news)
    await stage.rig.quiet()
    assert await stage.state(news) is State.ACTIVE
    assert len(stage.rig.devices.applied("enc-1")) == before
    first = next(run for run in await stage.runs(news) if run.run.event == "START")
    assert [step.state for step in first.steps] == ["done"]


async def test_49_a_script_that_is_out_of_time_does_not_go_on(stage):
    async def goes_on(ctx) -> None:
        await ctx.step("wait", lambda _: asyncio.sleep(30 * 60), repeatable=True)
        stage.cast.done.append("afterwards")

    stage.cast.when("on-air", goes_on, times=1)
    news = await stage.book()
    await stage.to(21 * 60)
    assert await stage.state(news) is State.FAILED_ACTIVE
    await stage.to(2 * HOUR)
    assert stage.cast.done == []
    assert await stage.state(news) is State.COMPLETED


async def test_50_what_was_interrupted_needs_nobody_to_rescue_it(stage):
    news = await stage.book()
    await stage.to(60)
    stage.rig.crash()
    await stage.to(2 * HOUR)
    await stage.rig.start()
    await stage.rig.quiet()
    assert await stage.state(news) is State.COMPLETED


async def test_51_what_an_engine_leaves_another_one_takes(stage):
    stage.cast.when("warm-up", takes(60), times=1)
    news = await stage.book()
    await stage.to(-280)
    await stage.rig.replace_frozen()
    await stage.to(60)
    assert await stage.state(news) is State.ACTIVE


async def test_52_what_fails_beside_an_event_does_not_make_the_event_fail(stage):
    stage.cast.when("warm-up", fails(), times=1)
    stage.cast.when("report", fails("the mail server is down"))
    news = await stage.book()
    await stage.to(60)
    assert await stage.state(news) is State.ACTIVE
    assert begun(stage, "on-air") == 1


async def test_53_what_a_script_said_before_it_failed_is_kept(stage):
    async def says(ctx) -> None:
        ctx.log.info("the card answers")
        raise GiveUp("no signal")

    stage.cast.when("warm-up", says, times=1)
    news = await stage.book()
    await stage.to(-200)
    log = await stage.log(news)
    assert any("the card answers" in line for line in log)
    assert "no signal" in log[-1]
    assert "no signal" in (await stage.history(news))[-1].why


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


async def test_55_a_creation_that_fails_leaves_nothing_behind(stage):
    await stage.book()
    before = await stage.app.views.changes(LOCAL, "", 1000)
    with pytest.raises(Conflict):
        await stage.book("Rival")
    with pytest.raises(Invalid):
        await stage.book("Broken", minutes=-5)
    page = await stage.app.bookings.page(LOCAL, BookingFilter())
    assert [b.name for b in page.items] == ["News"]
    assert await stage.app.views.changes(LOCAL, "", 1000) == before


async def test_74_a_resource_put_in_on_the_air_is_configured(stage):
    news = await stage.book()
    await stage.to(60)
    with pytest.raises(ActionNotPossible, match="the booking runs"):
        await stage.app.bookings.add(LOCAL, news, None, Refit("Decoder", "enc-3"))
    await stage.app.bookings.add(LOCAL, news, None, Refit("Decoder", "enc-3", apply_now=True))
    await stage.rig.quiet()
    assert stage.device("enc-3")["video.bitrate"] == 8
    assert (await stage.boundary(news, Kind.CHANGE)).state is BoundaryState.DONE
