# SPDX-License-Identifier: Apache-2.0
"""What an operator does before and while a booking runs: hold, cancel, confirm again, demote, finish."""

from __future__ import annotations

import pytest

from preroll.app.bookings import Edit
from preroll.domain.booking import NodeChoice, State
from preroll.domain.boundaries import BoundaryState, Kind
from preroll.domain.errors import ActionNotPossible, Invalid, NotReady, TransitionNotAllowed
from preroll.domain.permission import LOCAL
from tests.builders import NOON
from tests.system.stage import fails, hangs, takes

HOUR = 3_600


async def test_on_hold_nothing_runs_and_the_resources_stay_reserved(stage):
    news = await stage.book()
    await stage.hold(news)
    await stage.to(2 * HOUR)
    assert await stage.state(news) is State.ON_HOLD
    assert stage.cast.calls == []
    with pytest.raises(Exception, match="is held by News"):
        await stage.book("Other")


async def test_confirmed_again_in_time_it_runs_as_planned(stage):
    news = await stage.book()
    await stage.hold(news)
    await stage.to(-600)
    await stage.confirm(news)
    await stage.to(2 * HOUR)
    assert [s for _, s in await stage.life(news)] == [
        "Partial", "Confirmed", "On-Hold", "Confirmed", "Pre-roll", "Service Active", "Post-roll", "Completed",
    ]  # fmt: skip


async def test_confirmed_late_its_missed_events_run_at_once_and_in_order(stage):
    news = await stage.book(confirm=False)
    await stage.to(600)
    await stage.confirm(news)
    await stage.rig.quiet()
    assert (await stage.life(news))[1:] == [(600, "Confirmed"), (600, "Pre-roll"), (600, "Service Active")]
    assert stage.cast.names("News") == ["warm-up", "on-air"]


async def test_confirmed_after_the_on_air_end_it_is_refused(stage):
    news = await stage.book(confirm=False)
    await stage.to(HOUR)
    with pytest.raises(NotReady, match="on-air end has passed"):
        await stage.confirm(news)


async def test_canceled_it_never_runs_and_its_resources_are_free(stage):
    news = await stage.book()
    await stage.cancel(news, "rain")
    other = await stage.book("Other")
    await stage.to(2 * HOUR)
    assert await stage.state(news) is State.CANCELED
    assert stage.cast.names("News") == []
    assert await stage.state(other) is State.COMPLETED
    last = (await stage.history(news))[-1]
    assert (last.before, last.after, last.why, last.cause) == ("Confirmed", "Canceled", "rain", "cancel")
    assert {b.state for b in (await stage.see(news)).boundaries} == {BoundaryState.DROPPED}


async def test_canceled_is_the_end(stage):
    news = await stage.book()
    await stage.cancel(news)
    for act in (stage.confirm, stage.hold, stage.cancel, stage.finish, stage.retry, stage.acknowledge):
        with pytest.raises((ActionNotPossible, TransitionNotAllowed)):
            await act(news)
    with pytest.raises(ActionNotPossible):
        await stage.edit(news, name="Other")


async def test_one_second_before_its_first_event_it_can_be_canceled_at_it_no_more(stage):
    early, late = await stage.book("Early", encoder="enc-1"), await stage.book("Late", encoder="enc-2")
    stage.cast.when("warm-up", takes(1))
    await stage.to(-301)
    await stage.cancel(early)
    await stage.to(-300)
    with pytest.raises(ActionNotPossible, match=r"running \(Confirmed, entering Pre-roll\)") as refused:
        await stage.cancel(late)
    assert refused.value.hint == "finish it instead"
    with pytest.raises(ActionNotPossible):
        await stage.hold(late)
    await stage.to(2 * HOUR)
    assert stage.cast.names("Early") == []
    assert await stage.state(late) is State.COMPLETED


async def test_taking_a_mandatory_resource_away_demotes_it(stage):
    news = await stage.book()
    await stage.app.bookings.edit(LOCAL, news, None, Edit(nodes={"Encoder": None}))
    assert await stage.state(news) is State.PARTIAL
    change = next(c for c in await stage.history(news) if c.cause == "edit")
    assert (change.before, change.after) == ("Confirmed", "Partial")
    assert "Encoder" in change.why
    await stage.to(-200)
    assert stage.cast.calls == []
    await stage.edit(news, nodes={"Encoder": NodeChoice("enc-2")})
    await stage.confirm(news)
    await stage.to(2 * HOUR)
    assert await stage.state(news) is State.COMPLETED
    assert stage.rig.devices.applied("enc-1") == []


async def test_everything_that_is_missing_is_told_at_once(stage):
    made = await stage.book("Bare", confirm=False, decoder="enc-2")
    with pytest.raises(NotReady) as refused:
        await stage.confirm(made)
    assert [m.where for m in refused.value.missing] == ["nodes.Encoder.resource"]


@pytest.mark.parametrize("at", [-200, -1])
async def test_finished_in_pre_roll_start_and_stop_never_run(stage, at):
    news = await stage.book()
    await stage.to(at)
    await stage.finish(news, "the event was called off")
    await stage.rig.quiet()
    assert await stage.state(news) is State.COMPLETED
    await stage.to(2 * HOUR)
    assert stage.cast.names("News") == ["warm-up", "reset"]
    assert (await stage.life(news))[2:] == [(-300, "Pre-roll"), (at, "Completed")]
    assert (await stage.boundary(news, Kind.END_OF_PRE_ROLL)).state is BoundaryState.DROPPED
    assert (await stage.boundary(news, Kind.START_OF_POST_ROLL)).state is BoundaryState.DROPPED
    assert stage.device() == {"video.bitrate": 0, "video.input": "none"}


async def test_finished_while_entering_pre_roll_the_script_is_stopped_and_only_the_end_event_runs(stage):
    stage.cast.when("warm-up", hangs())
    news = await stage.book()
    await stage.to(-280)
    await stage.finish(news)
    await stage.rig.quiet()
    assert (await stage.life(news))[2:] == [(-280, "Failed Service Pre-Roll"), (-280, "Completed")]
    assert stage.cast.names("News") == ["warm-up", "reset"]
    first = (await stage.runs(news))[0]
    assert first.run.outcome == "cancelled"
    assert [(s.name, s.state) for s in first.steps][-1] == ("stuck", "unknown")


async def test_finished_in_pre_roll_and_the_reset_fails(stage):
    stage.cast.when("reset", fails("relay stuck"))
    news = await stage.book()
    await stage.to(-200)
    await stage.finish(news)
    await stage.rig.quiet()
    seen = (await stage.see(news)).booking
    assert (seen.state, seen.not_reset) == (State.FAILED_COMPLETED, True)


async def test_a_permanent_booking_finished_in_pre_roll(stage):
    news = await stage.book(minutes=None)
    await stage.to(-200)
    await stage.finish(news)
    await stage.to(HOUR)
    assert await stage.state(news) is State.COMPLETED
    assert stage.cast.names("News") == ["warm-up", "reset"]


async def test_finished_on_air_post_roll_follows_and_lasts_as_long_as_what_it_does(stage):
    stage.cast.when("wind-down", takes(20))
    news = await stage.book()
    await stage.to(1_000)
    seen = await stage.finish(news, "short news")
    assert seen.booking.timing.end == NOON + 1_000 * 1_000_000
    await stage.to(2 * HOUR)
    assert (await stage.life(news))[4:] == [(1_020, "Post-roll"), (1_020, "Completed")]
    finished = next(c for c in await stage.history(news) if c.kind == "booking.finished")
    assert (finished.actor, finished.why) == ("local", "short news")


async def test_finished_on_air_its_resources_are_free_after_the_post_roll(stage):
    news = await stage.book()
    await stage.to(1_000)
    await stage.finish(news)
    other = await stage.book("Other", start=NOON + 1_300 * 1_000_000, pre=0)
    await stage.to(HOUR)
    assert await stage.state(other) is State.ACTIVE
    assert (await stage.life(other))[2:] == [(1_300, "Pre-roll"), (1_300, "Service Active")]
    assert await stage.state(news) is State.COMPLETED


async def test_finished_in_post_roll_what_is_left_of_it_is_cut(stage):
    news = await stage.book()
    await stage.to(HOUR + 100)
    await stage.finish(news)
    await stage.rig.quiet()
    assert (await stage.life(news))[-1] == (HOUR + 100, "Completed")


async def test_finished_twice_it_is_refused(stage):
    news = await stage.book()
    await stage.to(-200)
    stage.cast.when("reset", takes(30))
    await stage.finish(news)
    with pytest.raises(ActionNotPossible, match="being finished already"):
        await stage.finish(news)
    with pytest.raises(Invalid, match="being finished"):
        await stage.retime(news, post_roll=0)


async def test_finished_at_the_very_instant_of_its_end_nothing_changes(stage):
    stage.cast.when("on-air", takes(HOUR), times=1)
    news = await stage.book()
    await stage.to(HOUR)
    before = (await stage.see(news)).booking.timing
    await stage.finish(news)
    assert (await stage.see(news)).booking.timing.end == before.end
    await stage.to(2 * HOUR)
    assert (await stage.see(news)).booking.state in (State.COMPLETED,)


async def test_finish_is_for_a_running_booking(stage):
    news = await stage.book()
    with pytest.raises(ActionNotPossible):
        await stage.finish(news)


async def test_an_edit_does_not_bring_back_what_was_aborted(stage):
    """The end event waits for the device, and meanwhile somebody writes a note."""
    stage.cast.when("warm-up", takes(600), booking="Neighbour")
    news = await stage.book(encoder="card-a")
    await stage.book("Neighbour", encoder="card-b", pre=4)
    await stage.to(-230)
    await stage.finish(news)
    await stage.edit(news, properties={"note": "called off"})
    await stage.to(2 * HOUR)
    assert stage.cast.names("News") == ["warm-up", "reset"]
    assert (await stage.life(news))[-1] == (360, "Completed")


async def test_a_retry_that_has_not_begun_is_given_up_when_the_booking_is_finished(stage):
    stage.cast.when("warm-up", fails(), times=1)
    news = await stage.book()
    await stage.to(-200)
    stage.rig.crash()
    await stage.retry(news)
    await stage.finish(news)
    await stage.rig.start()
    await stage.rig.quiet()
    assert stage.cast.names("News") == ["warm-up", "reset"]
    assert await stage.state(news) is State.COMPLETED
