# SPDX-License-Identifier: Apache-2.0
"""Whole lives: every event in order, each at its exact instant."""

from __future__ import annotations

from itertools import pairwise

import pytest

from preroll.domain.booking import LIFE_CYCLE, State
from preroll.domain.boundaries import STANDARD, BoundaryState, Kind
from preroll.domain.service import StageMapping
from preroll.domain.window import DAY, SECOND
from tests.builders import NOON, config
from tests.system.stage import takes

DAY_BEFORE = -86_400
HOUR = 3_600


async def test_a_whole_life(stage):
    news = await stage.book()
    await stage.to(2 * HOUR)
    assert await stage.life(news) == [
        (DAY_BEFORE, "Partial"),
        (DAY_BEFORE, "Confirmed"),
        (-300, "Pre-roll"),
        (0, "Service Active"),
        (HOUR, "Post-roll"),
        (HOUR + 300, "Completed"),
    ]
    assert stage.cast.names("News") == ["warm-up", "on-air", "wind-down", "reset"]
    assert stage.cast.reports("News") == []


async def test_each_event_sees_the_state_before_and_the_state_to_reach(stage):
    await stage.book()
    await stage.to(2 * HOUR)
    assert [(c.event, c.previous, c.target) for c in stage.cast.calls] == [
        ("START_BOOKING_WITH_PREROLL", "STOP", "STANDBY"),
        ("START", "STANDBY", "START"),
        ("STOP", "START", "PAUSE"),
        ("STOP_BOOKING_WITH_POSTROLL", "PAUSE", "STOP"),
    ]


async def test_the_device_is_at_each_stage_as_its_profile_says(stage):
    await stage.book()
    for instant, bitrate, picture in [(-300, 1, "SDI 1"), (0, 8, "SDI 1"), (HOUR, 2, "SDI 1"), (HOUR + 300, 0, "none")]:
        await stage.to(instant)
        assert stage.device() == {"video.bitrate": bitrate, "video.input": picture}
    assert [e.at_us for e in stage.rig.devices.applied("enc-1")] == [
        NOON + s * SECOND for s in (-300, 0, HOUR, HOUR + 300)
    ]


async def test_planned_and_actual_instants_are_kept(stage):
    stage.cast.when("on-air", takes(12))
    news = await stage.book()
    await stage.to(2 * HOUR)
    kept = [((b.planned_us - NOON) // SECOND, (b.began_us - NOON) // SECOND, (b.ended_us - NOON) // SECOND)
            for b in (await stage.see(news)).boundaries]  # fmt: skip
    assert kept == [(-300, -300, -300), (0, 0, 12), (HOUR, HOUR, HOUR), (HOUR + 300,) * 3]


async def test_while_an_event_runs_the_booking_shows_what_it_is_entering(stage):
    stage.cast.when("warm-up", takes(30))
    news = await stage.book()
    await stage.to(-300 + 29)
    seen = (await stage.see(news)).booking
    assert (seen.state, seen.entering, seen.began) == (State.CONFIRMED, "Pre-roll", True)
    await stage.to(-300 + 30)
    seen = (await stage.see(news)).booking
    assert (seen.state, seen.entering) == (State.PRE_ROLL, "")


async def test_the_change_log_tells_who_from_to_why_and_what_caused_it(stage):
    news = await stage.book()
    await stage.to(2 * HOUR)
    runs = {r.run.event: r.run.id for r in await stage.runs(news)}
    told = [(c.actor, c.before, c.after, c.cause) for c in await stage.history(news)]
    assert told == [
        ("local", "", "Partial", ""),
        ("local", "Partial", "Confirmed", "confirm"),
        ("engine", "Confirmed", "Pre-roll", f"START_BOOKING_WITH_PREROLL {runs['START_BOOKING_WITH_PREROLL']}"),
        ("engine", "Pre-roll", "Service Active", f"START {runs['START']}"),
        ("engine", "Service Active", "Post-roll", f"STOP {runs['STOP']}"),
        ("engine", "Post-roll", "Completed", f"STOP_BOOKING_WITH_POSTROLL {runs['STOP_BOOKING_WITH_POSTROLL']}"),
    ]


async def test_each_run_keeps_its_steps_with_what_they_changed(stage):
    news = await stage.book()
    await stage.to(2 * HOUR)
    runs = await stage.runs(news)
    assert [(r.run.outcome, len(r.steps)) for r in runs] == [("ok", 1)] * 4
    warm = runs[0].steps[0]
    assert warm.name == "apply_combined:Encoder"
    assert warm.state == "done"
    assert sorted(warm.diff) == [("video.bitrate", None, 1), ("video.input", None, "SDI 1")]


@pytest.mark.parametrize(("pre", "post"), [(0, 0), (0, 5), (5, 0)])
async def test_zero_length_rolls_go_back_to_back(stage, pre, post):
    news = await stage.book(pre=pre, post=post)
    await stage.to(2 * HOUR)
    instants = [-60 * pre, 0, HOUR, HOUR + 60 * post]
    states = ["Pre-roll", "Service Active", "Post-roll", "Completed"]
    assert (await stage.life(news))[2:] == list(zip(instants, states, strict=True))
    assert stage.cast.names("News") == ["warm-up", "on-air", "wind-down", "reset"]


async def test_rolls_of_seven_days(stage):
    news = await stage.book(start=NOON + 8 * DAY, pre=7 * 24 * 60, post=7 * 24 * 60)
    await stage.rig.until(NOON + 16 * DAY)
    moves = await stage.life(news)
    assert moves[2] == (DAY // SECOND, "Pre-roll")
    assert moves[-1] == (15 * DAY // SECOND + HOUR, "Completed")


async def test_a_permanent_booking_stays_on_the_air_until_it_is_finished(stage):
    news = await stage.book(minutes=None)
    await stage.rig.until(NOON + 20 * DAY)
    assert await stage.state(news) is State.ACTIVE
    assert [b.kind for b in (await stage.see(news)).boundaries] == [Kind.START_OF_PRE_ROLL, Kind.END_OF_PRE_ROLL]
    await stage.finish(news, "the contract ended")
    await stage.rig.quiet()
    moves = await stage.life(news)
    assert moves[-2:] == [(20 * DAY // SECOND, "Post-roll"), (20 * DAY // SECOND, "Completed")]


async def test_without_actions_the_states_pass_and_nothing_runs(stage):
    news = await stage.book(definition="Plain")
    await stage.to(2 * HOUR)
    assert [state for _, state in await stage.life(news)][2:] == [
        "Pre-roll",
        "Service Active",
        "Post-roll",
        "Completed",
    ]
    assert stage.cast.calls == []
    assert await stage.runs(news) == []
    assert stage.rig.devices.applied("enc-1") == []


async def test_without_a_definition_the_states_pass_too(stage):
    news = await stage.book(definition=None)
    await stage.to(2 * HOUR)
    assert await stage.state(news) is State.COMPLETED


async def test_a_disabled_stage_runs_nothing_and_keeps_the_service_state(stage):
    states = config().service_states
    table = (*states.transitions, ("STOP", "START"))
    await stage.configure(service_states=type(states)(StageMapping(preroll=None), table))
    news = await stage.book()
    await stage.to(-300)
    seen = (await stage.see(news)).booking
    assert (seen.state, seen.service_state) == (State.PRE_ROLL, "STOP")
    await stage.to(2 * HOUR)
    assert stage.cast.names("News") == ["on-air", "wind-down", "reset"]


async def test_each_event_leaves_the_service_in_the_state_of_its_stage(stage):
    news = await stage.book()
    seen = []
    for instant in (DAY_BEFORE, -300, 0, HOUR, HOUR + 300):
        await stage.to(instant)
        seen.append((await stage.see(news)).booking.service_state)
    assert seen == ["STOP", "STANDBY", "START", "PAUSE", "STOP"]


async def test_two_bookings_of_different_devices_do_not_wait_for_each_other(stage):
    stage.cast.when("warm-up", takes(60), booking="News")
    await stage.book("News", encoder="enc-1")
    sports = await stage.book("Sports", encoder="enc-2")
    await stage.to(-300)
    assert await stage.state(sports) is State.PRE_ROLL


async def test_all_boundaries_are_done_and_nothing_is_held_at_the_end(stage):
    news = await stage.book()
    await stage.to(2 * HOUR)
    seen = await stage.see(news)
    assert [(b.kind, b.state) for b in seen.boundaries] == [(kind, BoundaryState.DONE) for kind in STANDARD]
    again = await stage.book("Again", start=NOON, confirm=False)
    assert (await stage.see(again)).booking.state is State.PARTIAL
    assert seen.possible == ("properties", "duplicate", "delete")


async def test_every_state_change_is_a_row_of_the_table(stage):
    news = await stage.book()
    await stage.hold(news)
    await stage.confirm(news)
    await stage.to(2 * HOUR)
    moves = [s for _, s in await stage.life(news)]
    edges = {(e.source.value, target.value) for e in LIFE_CYCLE for target in (e.ok, e.failed) if target}
    assert all(pair in edges for pair in pairwise(moves))
