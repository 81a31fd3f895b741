# SPDX-License-Identifier: Apache-2.0
"""After a failure: the clock goes on, and an operator retries or acknowledges."""

from __future__ import annotations

import pytest

from preroll.domain.booking import State
from preroll.domain.boundaries import BoundaryState, Kind, Reason
from preroll.domain.errors import ActionNotPossible, InUse, Invalid
from preroll.drivers.sim import FaultKind
from preroll.sdk import Context
from tests.builders import NOON
from tests.system.stage import Call, fails, takes

HOUR = 3_600
FAILED_AT = {
    "warm-up": (-300, State.FAILED_PRE_ROLL, State.PRE_ROLL, "STANDBY"),
    "on-air": (0, State.FAILED_ACTIVE, State.ACTIVE, "START"),
    "wind-down": (HOUR, State.FAILED_POST_ROLL, State.POST_ROLL, "PAUSE"),
    "reset": (HOUR + 300, State.FAILED_COMPLETED, State.COMPLETED, "STOP"),
}
SCRIPTS = list(FAILED_AT)


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_failed_script_gives_the_failed_state_and_the_clock_goes_on(stage, script):
    at, failed, _, _ = FAILED_AT[script]
    stage.cast.when(script, fails("no signal"))
    news = await stage.book()
    await stage.to(at)
    seen = (await stage.see(news)).booking
    assert (seen.state, seen.service_state) == (failed, "FAILED")
    await stage.to(2 * HOUR)
    assert stage.cast.names("News") == SCRIPTS
    assert stage.cast.reports("News") == [("LsoFailed", "no signal")]
    after = [c for c in stage.cast.calls if c.script in SCRIPTS][SCRIPTS.index(script) + 1 :]
    assert all(c.previous == "FAILED" for c in after[:1])


@pytest.mark.parametrize("script", SCRIPTS)
async def test_retry_brings_it_to_where_it_should_be(stage, script):
    at, _, reached, service = FAILED_AT[script]
    stage.cast.when(script, fails(), times=1)
    news = await stage.book()
    await stage.to(at + 20)
    await stage.retry(news, "cable replaced")
    await stage.rig.quiet()
    seen = (await stage.see(news)).booking
    assert (seen.state, seen.service_state, seen.not_reset) == (reached, service, False)
    assert (await stage.life(news))[-1] == (at + 20, reached.value)
    told = (await stage.history(news))[-2]
    assert (told.kind, told.actor, told.why) == ("booking.retry", "local", "cable replaced")
    await stage.to(2 * HOUR)
    assert await stage.state(news) is State.COMPLETED


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_retry_that_fails_changes_nothing_and_can_be_repeated(stage, script):
    at, failed, reached, _ = FAILED_AT[script]
    stage.cast.when(script, fails(), times=2)
    news = await stage.book()
    await stage.to(at + 20)
    await stage.retry(news)
    await stage.rig.quiet()
    assert await stage.state(news) is failed
    await stage.retry(news)
    await stage.rig.quiet()
    assert await stage.state(news) is reached
    tries = [(r.run.try_, r.run.outcome) for r in await stage.runs(news) if r.run.script == script]
    assert tries == [(0, "failed"), (1, "failed"), (2, "ok")]


async def test_retry_repeats_only_what_is_not_done(stage):
    keys: list[str] = []

    async def fail_once(ctx: Context) -> None:
        first = await ctx.step("patch the router", lambda key: keys.append(key) or "patched")
        ctx.give("first", first)
        if not stage.cast.done:
            stage.cast.done.append("failed")
            await fails("no signal")(ctx)
        await ctx.step("open the gate", lambda key: keys.append(key))

    stage.cast.when("on-air", fail_once)
    news = await stage.book()
    await stage.to(20)
    assert await stage.state(news) is State.FAILED_ACTIVE
    applied = len(stage.rig.devices.applied("enc-1"))
    await stage.retry(news)
    await stage.rig.quiet()
    assert await stage.state(news) is State.ACTIVE
    assert [key.split(":", 3)[3] for key in keys] == ["patch the router", "open the gate"]
    assert len(stage.rig.devices.applied("enc-1")) == applied
    again = [r for r in await stage.runs(news) if r.run.event == "START"][-1]
    assert again.run.returned == {"first": "patched"}
    assert [s.name for s in again.steps] == ["open the gate"]


async def test_undone_steps_of_earlier_failed_events_come_first(stage):
    stage.cast.when("warm-up", fails("cold"), times=1, first=True)
    stage.cast.when("on-air", fails("dark"), times=1)
    news = await stage.book()
    await stage.to(20)
    assert await stage.state(news) is State.FAILED_ACTIVE
    stage.cast.calls.clear()
    await stage.retry(news)
    await stage.rig.quiet()
    assert stage.cast.names("News") == ["warm-up", "on-air"]
    assert await stage.state(news) is State.ACTIVE
    assert [b.state for b in (await stage.see(news)).boundaries if b.kind is not Kind.START_FAILURE][:2] == [
        BoundaryState.DONE,
        BoundaryState.DONE,
    ]


async def test_an_earlier_event_that_fails_again_ends_the_retry(stage):
    stage.cast.when("warm-up", fails("cold"), first=True)
    stage.cast.when("on-air", fails("dark"), times=1)
    news = await stage.book()
    await stage.to(20)
    stage.cast.calls.clear()
    await stage.retry(news)
    await stage.rig.quiet()
    assert stage.cast.names("News") == ["warm-up"]
    assert await stage.state(news) is State.FAILED_ACTIVE
    stage.cast.forget()
    await stage.retry(news)
    await stage.rig.quiet()
    assert await stage.state(news) is State.ACTIVE


async def test_the_next_event_waits_for_the_retry(stage):
    stage.cast.when("warm-up", fails(), times=1)
    news = await stage.book()
    await stage.to(-10)
    stage.cast.when("warm-up", takes(30), times=1)
    await stage.retry(news)
    await stage.to(0)
    seen = await stage.see(news)
    assert seen.booking.state is State.FAILED_PRE_ROLL
    assert seen.late_us == 0
    await stage.rig.quiet()
    assert (await stage.life(news))[-2:] == [(20, "Pre-roll"), (20, "Service Active")]


async def test_start_is_not_retried_after_the_on_air_end(stage):
    stage.cast.when("on-air", fails())
    stage.cast.when("wind-down", takes(60))
    news = await stage.book()
    await stage.to(HOUR - 1)
    assert await stage.state(news) is State.FAILED_ACTIVE
    await stage.to(HOUR + 1)
    with pytest.raises(ActionNotPossible, match="STOP is running"):
        await stage.retry(news)


async def test_a_retry_that_waits_past_the_on_air_end_is_not_begun(stage):
    stage.cast.when("on-air", fails(), times=1, booking="News")
    news = await stage.book(encoder="card-a")
    await stage.book("Sports", encoder="card-b", start=NOON + 3_500 * 1_000_000, pre=0)
    stage.cast.when("warm-up", takes(600), booking="Sports")
    await stage.to(3_550)
    await stage.retry(news)
    await stage.rig.until(NOON + 3_599 * 1_000_000)
    assert [w.for_name for w in (await stage.see(news)).waiting] == ["Sports"]
    await stage.to(3 * HOUR)
    assert stage.cast.names("News") == ["warm-up", "on-air", "wind-down", "reset"]
    assert await stage.state(news) is State.COMPLETED


async def test_two_retries_at_once_are_one(stage):
    stage.cast.when("warm-up", fails(), times=1)
    news = await stage.book()
    await stage.to(-200)
    stage.cast.when("warm-up", takes(30), times=1)
    await stage.retry(news)
    with pytest.raises(ActionNotPossible):
        await stage.retry(news)
    with pytest.raises(ActionNotPossible):
        await stage.acknowledge(news)


@pytest.mark.parametrize("script", SCRIPTS)
async def test_acknowledge_takes_it_as_repaired_by_hand(stage, script):
    at, failed, reached, service = FAILED_AT[script]
    stage.cast.when(script, fails(), times=1)
    news = await stage.book()
    await stage.to(at + 20)
    with pytest.raises(Invalid, match="why"):
        await stage.acknowledge(news, " ")
    runs = len(stage.cast.calls)
    await stage.acknowledge(news, "replaced the card")
    await stage.rig.quiet()
    seen = (await stage.see(news)).booking
    assert (seen.state, seen.service_state, seen.not_reset) == (reached, service, False)
    assert len(stage.cast.calls) == runs
    last = (await stage.history(news))[-1]
    assert (last.before, last.after, last.why, last.cause) == (
        failed.value, reached.value, "replaced the card", "acknowledge",
    )  # fmt: skip
    await stage.to(2 * HOUR)
    assert await stage.state(news) is State.COMPLETED


async def test_undone_steps_stay_listed_after_acknowledge(stage):
    stage.rig.devices.fault("enc-1", FaultKind.REFUSES)
    news = await stage.book()
    await stage.to(-200)
    stage.rig.devices.clear("enc-1")
    await stage.acknowledge(news)
    steps = [(s.name, s.state) for r in await stage.runs(news) for s in r.steps]
    assert ("apply_combined:Encoder", "failed") in steps


async def test_retry_and_acknowledge_are_for_a_failed_event(stage):
    news = await stage.book()
    for act in (stage.retry, stage.acknowledge):
        with pytest.raises(ActionNotPossible):
            await act(news)
    await stage.to(-200)
    for act in (stage.retry, stage.acknowledge):
        with pytest.raises(Exception, match="not possible"):
            await act(news)


async def test_failed_completed_releases_its_resources_and_is_marked_not_reset(stage):
    stage.cast.when("reset", fails("relay stuck"), booking="News")
    news = await stage.book()
    await stage.to(2 * HOUR)
    seen = await stage.see(news)
    assert (seen.booking.state, seen.booking.not_reset) == (State.FAILED_COMPLETED, True)
    assert any("not reset" in warning for warning in seen.warnings)
    other = await stage.book("Other", start=NOON + 3 * HOUR * 1_000_000)
    assert any("not reset by News" in warning for warning in (await stage.see(other)).warnings)
    await stage.to(3 * HOUR)
    assert (await stage.see(news)).booking.not_reset is False
    assert await stage.state(news) is State.FAILED_COMPLETED


async def test_failed_completed_is_not_retried_while_somebody_runs_on_its_resources(stage):
    stage.cast.when("reset", fails(), booking="News", times=1)
    news = await stage.book()
    await stage.book("Other", start=NOON + 2 * HOUR * 1_000_000)
    await stage.to(2 * HOUR)
    with pytest.raises(InUse, match="Other"):
        await stage.retry(news)
    await stage.to(4 * HOUR)
    await stage.retry(news)
    await stage.rig.quiet()
    assert await stage.state(news) is State.COMPLETED


async def test_failed_completed_repeats_the_undone_steps_of_the_stop_too(stage):
    stage.cast.when("wind-down", fails("stuck"), times=1, first=True)
    stage.cast.when("reset", fails("stuck"), times=1)
    news = await stage.book()
    await stage.to(2 * HOUR)
    stage.cast.calls.clear()
    await stage.retry(news)
    await stage.rig.quiet()
    assert stage.cast.names("News") == ["wind-down", "reset"]
    assert await stage.state(news) is State.COMPLETED


async def test_the_start_failure_script_gets_the_reason_of_each_failure(stage):
    stage.cast.when("warm-up", fails("cold"))
    stage.cast.when("on-air", fails("dark"))
    stage.cast.when("wind-down", fails("stuck"))
    stage.cast.when("reset", fails("dirty"))
    await stage.book()
    await stage.to(2 * HOUR)
    assert stage.cast.reports("News") == [("LsoFailed", why) for why in ("cold", "dark", "stuck", "dirty")]


async def test_a_platform_can_keep_the_start_failure_script_for_failed_alone(stage):
    await stage.configure(start_failure_on_failed_events=False)
    stage.cast.when("warm-up", fails("cold"))
    await stage.book()
    await stage.to(2 * HOUR)
    assert stage.cast.reports("News") == []


async def test_a_start_failure_script_that_fails_moves_nothing(stage):
    stage.cast.when("warm-up", fails("cold"))
    stage.cast.when("report", fails("no mail server"))
    news = await stage.book()
    await stage.to(-200)
    assert await stage.state(news) is State.FAILED_PRE_ROLL
    aside = await stage.boundary(news, Kind.START_FAILURE)
    assert (aside.state, aside.reason, aside.message) == (BoundaryState.FAILED, Reason.LSO_FAILED, "no mail server")
    await stage.to(2 * HOUR)
    assert await stage.state(news) is State.COMPLETED


async def test_the_script_sees_failed_as_the_state_before(stage):
    stage.cast.when("warm-up", fails("cold"))
    await stage.book()
    await stage.to(0)
    assert stage.cast.calls[-1] == Call("on-air", "News", "START", "FAILED", "START")
