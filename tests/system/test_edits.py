# SPDX-License-Identifier: Apache-2.0
"""Edits of the timing: what moves, what is refused, and that what has begun never moves."""

from __future__ import annotations

import pytest

from preroll.domain.booking import NodeChoice, State
from preroll.domain.boundaries import Kind
from preroll.domain.errors import ActionNotPossible, Conflict, Invalid
from preroll.domain.window import MINUTE, SECOND
from tests.builders import NOON
from tests.system.stage import fails, takes

HOUR = 3_600


async def test_a_waiting_booking_moves_whole(stage):
    news = await stage.book()
    await stage.retime(news, start=NOON + 600 * SECOND, end=NOON + 1_200 * SECOND, pre_roll=0, post_roll=MINUTE)
    await stage.to(2 * HOUR)
    assert (await stage.life(news))[2:] == [
        (600, "Pre-roll"), (600, "Service Active"), (1_200, "Post-roll"), (1_260, "Completed"),
    ]  # fmt: skip
    assert {b.generation for b in (await stage.see(news)).boundaries} == {2}


async def test_moved_into_the_past_its_first_event_runs_at_once(stage):
    news = await stage.book()
    await stage.to(-400)
    await stage.retime(news, pre_roll=10 * MINUTE)
    await stage.rig.quiet()
    assert (await stage.life(news))[-1] == (-400, "Pre-roll")


async def test_moved_away_in_the_last_second_it_does_not_run(stage):
    news = await stage.book()
    await stage.to(-301)
    await stage.retime(news, start=NOON + HOUR * SECOND, end=NOON + 2 * HOUR * SECOND)
    await stage.to(HOUR - 301)
    assert stage.cast.calls == []
    await stage.to(HOUR - 300)
    assert await stage.state(news) is State.PRE_ROLL


async def test_in_pre_roll_the_start_is_frozen(stage):
    news = await stage.book()
    await stage.to(-200)
    for change in ({"start": NOON + 60 * SECOND}, {"pre_roll": MINUTE}):
        with pytest.raises(Invalid, match="is frozen: the first event has begun"):
            await stage.retime(news, **change)


async def test_it_is_frozen_from_the_claim_on(stage):
    stage.cast.when("warm-up", takes(60))
    news = await stage.book()
    await stage.to(-300)
    with pytest.raises(Invalid, match="start: is frozen"):
        await stage.retime(news, start=NOON + 60 * SECOND)


@pytest.mark.parametrize("end", [1_000, 5_000])
async def test_on_the_air_the_end_moves(stage, end):
    news = await stage.book()
    await stage.to(600)
    await stage.retime(news, end=NOON + end * SECOND)
    await stage.to(3 * HOUR)
    assert (await stage.life(news))[4:] == [(end, "Post-roll"), (end + 300, "Completed")]


async def test_on_the_air_the_end_does_not_move_into_the_past(stage):
    news = await stage.book()
    await stage.to(600)
    with pytest.raises(Invalid, match="end: lies in the past"):
        await stage.retime(news, end=NOON + 599 * SECOND)
    await stage.retime(news, end=NOON + 600 * SECOND)
    await stage.rig.quiet()
    assert (await stage.life(news))[-1] == (600, "Post-roll")


async def test_a_running_booking_is_not_extended_into_another_one(stage):
    news = await stage.book()
    await stage.book("Next", start=NOON + (HOUR + 600) * SECOND)
    await stage.to(600)
    with pytest.raises(Conflict, match="Next"):
        await stage.retime(news, end=NOON + (HOUR + 1) * SECOND)
    assert (await stage.see(news)).booking.timing.end == NOON + HOUR * SECOND


async def test_in_post_roll_only_its_length_moves(stage):
    news = await stage.book()
    await stage.to(HOUR + 10)
    with pytest.raises(Invalid, match="is frozen: post-roll has begun"):
        await stage.retime(news, end=NOON + 2 * HOUR * SECOND)
    await stage.retime(news, post_roll=10 * MINUTE)
    await stage.to(2 * HOUR)
    assert (await stage.life(news))[-1] == (HOUR + 600, "Completed")


async def test_an_extended_end_keeps_its_resources_held(stage):
    news = await stage.book()
    await stage.to(600)
    await stage.retime(news, end=NOON + 2 * HOUR * SECOND)
    with pytest.raises(Conflict, match="News"):
        await stage.book("Other", start=NOON + 2 * HOUR * SECOND)


async def test_a_permanent_booking_gets_an_end(stage):
    news = await stage.book(minutes=None)
    await stage.to(600)
    await stage.retime(news, end=NOON + HOUR * SECOND, post_roll=5 * MINUTE)
    await stage.to(2 * HOUR)
    assert await stage.state(news) is State.COMPLETED
    assert stage.cast.names("News") == ["warm-up", "on-air", "wind-down", "reset"]


async def test_an_end_is_taken_away(stage):
    news = await stage.book()
    await stage.to(600)
    await stage.retime(news, end=None, post_roll=0)
    await stage.to(24 * HOUR)
    assert await stage.state(news) is State.ACTIVE
    await stage.finish(news)
    await stage.rig.quiet()
    assert await stage.state(news) is State.COMPLETED


async def test_an_event_that_ran_does_not_run_again_when_the_timing_is_edited(stage):
    news = await stage.book()
    await stage.to(-100)
    before = await stage.boundary(news, Kind.START_OF_PRE_ROLL)
    await stage.retime(news, end=NOON + 2 * HOUR * SECOND)
    await stage.to(4 * HOUR)
    assert stage.cast.names("News") == ["warm-up", "on-air", "wind-down", "reset"]
    assert await stage.boundary(news, Kind.START_OF_PRE_ROLL) == before


async def test_the_end_moves_while_a_script_runs(stage):
    stage.cast.when("on-air", takes(60))
    news = await stage.book()
    await stage.to(30)
    await stage.retime(news, end=NOON + 45 * SECOND)
    await stage.to(HOUR)
    assert (await stage.life(news))[3:5] == [(45, "Failed Service Active"), (45, "Post-roll")]


async def test_a_failed_booking_is_extended_while_it_is_repaired(stage):
    stage.cast.when("on-air", fails(), times=1)
    news = await stage.book()
    await stage.to(HOUR - 60)
    await stage.retime(news, end=NOON + 2 * HOUR * SECOND)
    await stage.to(HOUR)
    await stage.retry(news)
    await stage.to(3 * HOUR)
    assert [s for _, s in await stage.life(news)][3:] == [
        "Failed Service Active", "Service Active", "Post-roll", "Completed",
    ]  # fmt: skip


async def test_a_running_booking_keeps_its_nodes(stage):
    news = await stage.book()
    await stage.to(-100)
    with pytest.raises(Invalid, match="nodes: are in use"):
        await stage.edit(news, nodes={"Encoder": NodeChoice("enc-2")})


async def test_an_edit_says_what_has_changed(stage):
    news = await stage.book()
    await stage.edit(news, name="Late news", properties={"ticket": 7})
    last = (await stage.history(news))[-1]
    assert (last.kind, last.actor, last.why) == ("booking.edited", "local", "name, properties")
    assert last.revision == (await stage.see(news)).booking.revision


async def test_an_edit_that_changes_nothing_writes_nothing(stage):
    news = await stage.book()
    before = await stage.history(news)
    await stage.edit(news, name="News")
    assert await stage.history(news) == before


async def test_a_name_is_not_taken_away(stage):
    news = await stage.book()
    with pytest.raises(Invalid, match="name: is empty"):
        await stage.edit(news, name="  ")


async def test_an_ended_booking_is_not_edited(stage):
    news = await stage.book()
    await stage.to(2 * HOUR)
    with pytest.raises(ActionNotPossible):
        await stage.retime(news, end=NOON + 3 * HOUR * SECOND)
