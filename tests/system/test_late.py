# SPDX-License-Identifier: Apache-2.0
"""When the engine, or a run, comes too late; and what keeps a booking from being initiated."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.domain.booking import State
from preroll.domain.boundaries import BoundaryState, Kind, Reason
from preroll.domain.config import Limits
from preroll.domain.definition import ServiceDefinition
from preroll.domain.permission import LOCAL
from preroll.domain.resource import Mode
from preroll.domain.service import ServiceStates
from preroll.domain.window import MINUTE
from tests.builders import ACTIONS, NOON
from tests.system.stage import CONFIG, CONTRIBUTION, hangs, takes

HOUR = 3_600


async def absent(stage, begin: float, end: float) -> None:
    """No engine from one second to another."""
    await stage.to(begin)
    stage.rig.crash()
    await stage.to(end)
    await stage.rig.start()


async def test_down_over_the_start_missed_events_run_at_once_in_order(stage):
    news = await stage.book()
    await absent(stage, -600, 100)
    await stage.rig.quiet()
    assert (await stage.life(news))[2:] == [(100, "Pre-roll"), (100, "Service Active")]
    await stage.to(2 * HOUR)
    assert (await stage.life(news))[4:] == [(HOUR, "Post-roll"), (HOUR + 300, "Completed")]


async def test_down_over_the_end_its_down_events_run_however_late(stage):
    news = await stage.book()
    await absent(stage, 100, 30 * HOUR)
    await stage.rig.quiet()
    assert (await stage.life(news))[4:] == [(30 * HOUR, "Post-roll"), (30 * HOUR, "Completed")]


async def test_down_from_pre_roll_to_after_the_end_start_is_missed_and_the_down_events_follow(stage):
    news = await stage.book()
    await absent(stage, -100, HOUR)
    await stage.rig.quiet()
    assert (await stage.life(news))[2:4] == [(-300, "Pre-roll"), (HOUR, "Failed Service Active")]
    start = await stage.boundary(news, Kind.END_OF_PRE_ROLL)
    assert (start.state, start.reason, start.message) == (
        BoundaryState.FAILED, Reason.MISSED, "the on-air end has passed",
    )  # fmt: skip
    await stage.to(2 * HOUR)
    assert await stage.state(news) is State.COMPLETED
    assert stage.cast.names("News") == ["warm-up", "wind-down", "reset"]
    assert stage.cast.reports("News") == [("Missed", "the on-air end has passed")]


async def test_down_over_everything_it_is_failed_missed_and_holds_nothing(stage):
    news = await stage.book()
    await absent(stage, -600, 2 * HOUR)
    await stage.rig.quiet()
    seen = (await stage.see(news)).booking
    assert (seen.state, seen.service_state) == (State.FAILED, "FAILED")
    assert stage.cast.names("News") == []
    assert stage.cast.reports("News") == [("Missed", "the on-air end has passed")]
    last = [c for c in await stage.history(news) if c.kind == "booking.state"][-1]
    assert (last.actor, last.before, last.after) == ("engine", "Confirmed", "Failed")
    assert "on-air end has passed" in last.why
    assert [b.state for b in (await stage.see(news)).boundaries if b.kind is not Kind.START_FAILURE] == [
        BoundaryState.FAILED, *[BoundaryState.DROPPED] * 3,
    ]  # fmt: skip
    again = await stage.book("Again", confirm=False)
    assert await stage.state(again) is State.PARTIAL


@pytest.mark.parametrize(("late", "state"), [(60, State.PRE_ROLL), (61, State.FAILED)])
async def test_the_late_limit_holds_for_the_first_event(stage, late, state):
    await stage.configure(limits=replace(CONFIG.limits, late_us=MINUTE))
    news = await stage.book()
    await absent(stage, -600, -300 + late)
    assert await stage.state(news) is state
    if state is State.FAILED:
        assert stage.cast.reports("News") == [("Missed", "61 s late, the platform's limit is 60 s")]


async def test_the_late_limit_does_not_hold_for_later_events(stage):
    await stage.configure(limits=replace(CONFIG.limits, late_us=MINUTE))
    news = await stage.book()
    await absent(stage, -100, 600)
    await stage.rig.quiet()
    assert await stage.state(news) is State.ACTIVE


async def test_a_resource_that_is_unavailable_at_the_start_fails_the_booking(stage):
    news = await stage.book()
    resource = (await stage.app.catalogue.resources(LOCAL, "default"))[2]
    assert resource.name == "enc-1"
    await stage.app.catalogue.apply(LOCAL, "default", [replace(resource, mode=Mode.UNAVAILABLE)])
    await stage.to(-300)
    assert await stage.state(news) is State.FAILED
    assert stage.cast.reports("News") == [("ResourceNotActive", "not available: enc-1")]


async def test_a_forbidden_transition_fails_the_booking_before_any_script(stage):
    news = await stage.book()
    states = ServiceStates(transitions=(("STANDBY", "START"), ("START", "PAUSE"), ("PAUSE", "STOP")))
    await stage.rig.store.write(
        lambda tx: tx.platforms.put(
            replace(p := tx.platforms.get("default"), config=replace(p.config, service_states=states))
        )
    )
    await stage.to(-300)
    assert await stage.state(news) is State.FAILED
    assert stage.cast.names("News") == []
    assert stage.cast.reports("News") == [
        ("TransitionNotAllowed", "the platform's table does not allow STOP -> STANDBY")
    ]


async def test_a_forbidden_transition_later_gives_the_failed_state_of_its_event(stage):
    news = await stage.book()
    await stage.to(-100)
    states = ServiceStates(transitions=(("FAILED", "PAUSE"), ("PAUSE", "STOP")))
    await stage.rig.store.write(
        lambda tx: tx.platforms.put(
            replace(p := tx.platforms.get("default"), config=replace(p.config, service_states=states))
        )
    )
    await stage.to(2 * HOUR)
    assert [s for _, s in await stage.life(news)][2:] == [
        "Pre-roll", "Failed Service Active", "Post-roll", "Completed",
    ]  # fmt: skip
    assert stage.cast.names("News") == ["warm-up", "wind-down", "reset"]


async def test_a_script_that_is_gone_at_the_first_event_fails_the_booking(stage):
    news = await stage.book()
    await stage.app.catalogue.apply(LOCAL, "default", [CONTRIBUTION])
    stage.rig.without("warm-up")
    await stage.rig.crash_and_restart()
    await stage.to(-300)
    assert await stage.state(news) is State.FAILED
    assert [reason for reason, _ in stage.cast.reports("News")] == ["ScriptMissing"]


async def test_a_script_that_is_gone_later_gives_the_failed_state_of_its_event(stage):
    news = await stage.book()
    stage.rig.without("on-air")
    await stage.rig.crash_and_restart()
    await stage.to(0)
    assert await stage.state(news) is State.FAILED_ACTIVE
    assert [reason for reason, _ in stage.cast.reports("News")] == ["ScriptMissing"]


async def test_confirming_needs_an_action_for_each_mapped_state(stage):
    actions = {state: script for state, script in ACTIONS.items() if state != "PAUSE"}
    half = ServiceDefinition("Half", nodes=CONTRIBUTION.nodes, actions=actions)
    await stage.app.catalogue.apply(LOCAL, "default", [half])
    news = await stage.book(definition="Half", confirm=False)
    with pytest.raises(Exception, match=r"definition\.actions\.PAUSE: has no action"):
        await stage.confirm(news)


async def test_a_name_that_is_in_use_at_the_start_fails_the_booking(stage):
    """The end of the one before it comes late: both would run a service of one name."""
    stage.cast.when("reset", takes(600), times=1)
    first = await stage.book("News", encoder="enc-1")
    second = await stage.book("NEWS", encoder="enc-2", start=NOON + (HOUR + 600) * 1_000_000)
    await stage.to(HOUR + 301)
    assert await stage.state(first) is State.POST_ROLL
    assert await stage.state(second) is State.FAILED
    assert [reason for reason, _ in stage.cast.reports("NEWS")] == ["ServiceNameInUse"]


async def test_a_down_event_that_is_due_stops_an_up_run_that_hangs(stage):
    stage.cast.when("on-air", hangs())
    news = await stage.book()
    await stage.to(1_199)
    assert (await stage.see(news)).booking.entering == "Service Active"
    await stage.to(2 * HOUR)
    assert (await stage.life(news))[3:] == [
        (1_200, "Failed Service Active"),
        (HOUR, "Post-roll"),
        (HOUR + 300, "Completed"),
    ]


async def test_a_down_event_stops_the_up_run_before_its_time_out(stage):
    await stage.configure(limits=Limits(lso_us=120 * MINUTE, step_us=120 * MINUTE))
    stage.cast.when("on-air", hangs())
    news = await stage.book()
    await stage.to(2 * HOUR)
    assert (await stage.life(news))[3:] == [
        (HOUR, "Failed Service Active"),
        (HOUR, "Post-roll"),
        (HOUR + 300, "Completed"),
    ]
    cut = next(r for r in await stage.runs(news) if r.run.event == "START")
    assert cut.run.outcome == "cancelled"
    assert [(s.name, s.state) for s in cut.steps] == [("apply_combined:Encoder", "done"), ("stuck", "unknown")]
    assert [c.previous for c in stage.cast.calls if c.script == "wind-down"] == ["FAILED"]


async def test_a_hanging_first_event_is_stopped_by_the_end_and_start_is_missed(stage):
    await stage.configure(limits=Limits(lso_us=120 * MINUTE, step_us=120 * MINUTE))
    stage.cast.when("warm-up", hangs())
    news = await stage.book()
    await stage.to(2 * HOUR)
    assert [s for _, s in await stage.life(news)][2:] == [
        "Failed Service Pre-Roll", "Failed Service Active", "Post-roll", "Completed",
    ]  # fmt: skip
    assert stage.cast.names("News") == ["warm-up", "wind-down", "reset"]


async def test_a_down_event_waits_for_the_down_event_before_it(stage):
    stage.cast.when("wind-down", takes(400))
    news = await stage.book()
    await stage.to(2 * HOUR)
    assert (await stage.life(news))[4:] == [(HOUR + 400, "Post-roll"), (HOUR + 400, "Completed")]


async def test_an_up_event_waits_for_the_run_before_it(stage):
    stage.cast.when("warm-up", takes(301))
    news = await stage.book()
    await stage.to(2 * HOUR)
    assert (await stage.life(news))[2:4] == [(1, "Pre-roll"), (1, "Service Active")]
    start = await stage.boundary(news, Kind.END_OF_PRE_ROLL)
    assert (start.planned_us, start.began_us) == (NOON, NOON + 1_000_000)
