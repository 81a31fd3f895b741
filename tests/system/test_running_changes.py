# SPDX-License-Identifier: Apache-2.0
"""Resources that are swapped, added and removed on the air, and service states by force: to the device and back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.bookings import Refit
from preroll.domain.booking import State
from preroll.domain.boundaries import BoundaryState, Kind
from preroll.domain.concern import Concern
from preroll.domain.errors import ActionNotPossible, Conflict, Invalid
from preroll.domain.permission import LOCAL
from preroll.domain.service import ServiceStates
from preroll.domain.window import MINUTE, SECOND
from tests.builders import ACTIONS, NOON
from tests.system.stage import CONTRIBUTION, fails, takes

HOUR = 3_600
ON_AIR = {"video.bitrate": 8, "video.input": "SDI 1"}
RESET = {"video.bitrate": 0, "video.input": "none"}


async def on_air(stage, **nodes: str) -> str:
    news = await stage.book(**nodes)
    await stage.to(60)
    return news


async def swap(stage, ident: str, resource: str | None = "enc-2", node: str = "Encoder", **more) -> None:
    await stage.app.bookings.swap(LOCAL, ident, None, Refit(node, resource, apply_now=True, **more))
    await stage.rig.quiet()


def shown(stage, device: str) -> dict[str, object]:
    held = stage.device(device)
    return {path: held.get(path) for path in RESET}


async def test_swapped_on_the_air_the_new_one_is_configured_and_the_old_one_reset_and_free(stage):
    news = await on_air(stage)
    await swap(stage, news)
    assert (shown(stage, "enc-2"), shown(stage, "enc-1")) == (ON_AIR, RESET)
    seen = (await stage.see(news)).booking
    assert (seen.state, seen.service_state, seen.leaving) == (State.ACTIVE, "START", {})
    other = await stage.book("Other", start=NOON + 10 * MINUTE, encoder="enc-1")
    await stage.to(2 * HOUR)
    assert [await stage.state(b) for b in (news, other)] == [State.COMPLETED] * 2
    assert shown(stage, "enc-2") == RESET


async def test_the_new_one_is_configured_before_the_old_one_is_reset(stage):
    news = await on_air(stage)
    await swap(stage, news)
    run = (await stage.runs(news))[-1]
    assert (run.run.kind, run.run.event, run.run.outcome) == (Kind.CHANGE, "CHANGE", "ok")
    assert [(s.name, s.state) for s in run.steps] == [("apply_combined:Encoder", "done"), ("leave:Encoder", "done")]


async def test_until_it_is_reset_what_was_taken_out_stays_held(stage):
    news = await on_air(stage)
    stage.cast.when("on-air", takes(30), first=True)
    await stage.app.bookings.swap(LOCAL, news, None, Refit("Encoder", "enc-2", apply_now=True))
    with pytest.raises(Conflict):
        await stage.book("Other", start=stage.now + SECOND, pre=0, encoder="enc-1")
    await stage.to(120)
    await stage.book("Other", start=stage.now + SECOND, pre=0, minutes=1, post=0, encoder="enc-1")


async def test_while_it_runs_nothing_is_swapped_without_apply_now(stage):
    news = await on_air(stage)
    before = await stage.see(news)
    for action in ("swap", "remove"):
        with pytest.raises(ActionNotPossible, match="the booking runs") as refused:
            await getattr(stage.app.bookings, action)(LOCAL, news, None, Refit("Encoder", "enc-2"))
        assert "apply now" in refused.value.hint
    assert await stage.see(news) == before


async def test_switch_to_spare_takes_the_best_resource_that_is_free(stage):
    news = await on_air(stage)
    await stage.book("Rival", encoder="enc-2", start=NOON + 30 * MINUTE, confirm=False)
    await swap(stage, news, None)
    chosen = (await stage.see(news)).resources.values()
    assert set(chosen) & {"card-a", "card-b", "enc-3"}
    assert shown(stage, "enc-1") == RESET


async def test_without_a_spare_nothing_changes(stage):
    news = await on_air(stage)
    for resource in ("enc-2", "enc-3", "card-a", "card-b"):
        await stage.book(resource, encoder=resource, confirm=False)
    with pytest.raises(ActionNotPossible, match="no resource is free for Encoder"):
        await stage.app.bookings.swap(LOCAL, news, None, Refit("Encoder", apply_now=True))
    assert await stage.state(news) is State.ACTIVE


async def test_a_resource_is_added_and_removed_on_the_air(stage):
    news = await on_air(stage)
    await stage.app.bookings.add(LOCAL, news, None, Refit("Decoder", "enc-3", apply_now=True))
    await stage.rig.quiet()
    assert shown(stage, "enc-3") == ON_AIR
    await stage.app.bookings.remove(LOCAL, news, None, Refit("Decoder", apply_now=True))
    await stage.rig.quiet()
    assert shown(stage, "enc-3") == RESET
    assert set((await stage.see(news)).booking.nodes) == {"Encoder"}
    with pytest.raises(Invalid, match="Encoder is mandatory"):
        await stage.app.bookings.remove(LOCAL, news, None, Refit("Encoder", apply_now=True))


async def test_while_it_waits_a_swap_is_an_edit(stage):
    news = await stage.book()
    await stage.app.bookings.swap(LOCAL, news, None, Refit("Encoder"))
    assert "enc-1" not in (await stage.see(news)).resources.values()
    assert await stage.state(news) is State.CONFIRMED
    await stage.app.bookings.add(LOCAL, news, None, Refit("Decoder", "enc-1"))
    for wrong in (("add", "Decoder"), ("swap", "Nowhere"), ("remove", "Nowhere")):
        with pytest.raises(Invalid):
            await getattr(stage.app.bookings, wrong[0])(LOCAL, news, None, Refit(wrong[1], "enc-3"))


async def test_a_device_that_cannot_be_reset_is_free_and_marked(stage):
    news = await on_air(stage)
    stage.rig.devices.fault("enc-1", "refuses")
    await swap(stage, news)
    assert shown(stage, "enc-2") == ON_AIR
    seen = await stage.see(news)
    assert (seen.booking.state, seen.booking.leaving) == (State.ACTIVE, {})
    other = await stage.book("Other", start=NOON + 10 * MINUTE, encoder="enc-1", confirm=False)
    assert any("was not reset by News" in w for w in (await stage.see(other)).warnings)
    await stage.app.bookings.extend(LOCAL, news, None, by_us=MINUTE)
    assert any("was not reset by News" in w for w in (await stage.see(other)).warnings)


async def test_a_change_that_fails_sets_the_service_failed_and_the_life_cycle_stays(stage):
    news = await on_air(stage)
    stage.cast.when("on-air", fails("no signal"), times=1)
    await swap(stage, news)
    seen = await stage.see(news)
    assert (seen.booking.state, seen.booking.service_state) == (State.ACTIVE, "FAILED")
    assert any("CHANGE failed" in w and "no signal" in w for w in seen.warnings)
    assert shown(stage, "enc-1") == RESET, "what was taken out is reset all the same"
    await stage.to(2 * HOUR)
    assert await stage.state(news) is State.COMPLETED


async def test_a_down_event_that_is_due_stops_a_change_and_resets_what_was_taken_out(stage):
    news = await stage.book(minutes=10)
    await stage.to(590)
    stage.cast.when("on-air", takes(60), times=1)
    await stage.app.bookings.swap(LOCAL, news, None, Refit("Encoder", "enc-2", apply_now=True))
    await stage.to(2 * HOUR)
    assert await stage.state(news) is State.COMPLETED
    assert (shown(stage, "enc-1"), shown(stage, "enc-2")) == (RESET, RESET)
    assert [r.run.event for r in await stage.runs(news)][-3:] == ["CHANGE", "STOP", "STOP_BOOKING_WITH_POSTROLL"]


async def test_a_change_goes_on_after_a_crash(stage):
    news = await on_air(stage)
    stage.cast.when("on-air", takes(30), times=1)
    await stage.app.bookings.swap(LOCAL, news, None, Refit("Encoder", "enc-2", apply_now=True))
    await stage.to(70)
    stage.rig.crash()
    await stage.rig.start()
    await stage.to(300)
    assert (shown(stage, "enc-2"), shown(stage, "enc-1")) == (ON_AIR, RESET)
    assert (await stage.boundary(news, Kind.CHANGE)).state is BoundaryState.DONE


async def test_one_change_at_a_time(stage):
    news = await on_air(stage)
    stage.cast.when("on-air", takes(30), times=1)
    await stage.app.bookings.swap(LOCAL, news, None, Refit("Encoder", "enc-2", apply_now=True))
    await stage.to(65)
    for refused in (
        stage.app.bookings.swap(LOCAL, news, None, Refit("Encoder", "enc-3", apply_now=True)),
        stage.app.bookings.force_state(LOCAL, news, None, "PAUSE"),
    ):
        with pytest.raises(ActionNotPossible, match="CHANGE is running"):
            await refused
    await stage.to(120)
    await swap(stage, news, "enc-1")
    assert (shown(stage, "enc-1"), shown(stage, "enc-2")) == (ON_AIR, RESET)


async def test_a_forced_state_runs_the_action_and_leaves_the_life_cycle_alone(stage):
    news = await on_air(stage)
    await stage.app.bookings.force_state(LOCAL, news, None, "standby", why="a test")
    await stage.rig.quiet()
    seen = (await stage.see(news)).booking
    assert (seen.state, seen.service_state) == (State.ACTIVE, "STANDBY")
    call = stage.cast.calls[-1]
    assert (call.event, call.previous, call.target) == ("EXTERNAL", "START", "STANDBY")
    await stage.app.bookings.force_state(LOCAL, news, None, "START")
    await stage.rig.quiet()
    assert (await stage.see(news)).booking.service_state == "START"
    await stage.to(2 * HOUR)
    assert await stage.state(news) is State.COMPLETED


async def test_the_same_state_may_be_forced_again(stage):
    news = await on_air(stage)
    for _ in range(2):
        await stage.app.bookings.force_state(LOCAL, news, None, "START")
        await stage.rig.quiet()
    assert stage.cast.names("News").count("on-air") == 3


async def test_a_forced_action_that_fails_sets_failed_and_the_next_event_still_comes(stage):
    news = await on_air(stage)
    stage.cast.when("wind-down", fails("no route"), times=1)
    await stage.app.bookings.force_state(LOCAL, news, None, "PAUSE")
    await stage.rig.quiet()
    seen = await stage.see(news)
    assert (seen.booking.state, seen.booking.service_state) == (State.ACTIVE, "FAILED")
    assert any("EXTERNAL failed" in w for w in seen.warnings)
    (trouble,) = (await stage.app.nights.of(LOCAL, "default")).needing.troubles
    assert (trouble.concern, trouble.what) == (Concern.ACTION_FAILED, "EXTERNAL: no route")
    await stage.app.bookings.force_state(LOCAL, news, None, "START")
    await stage.rig.quiet()
    assert (await stage.app.nights.of(LOCAL, "default")).needing.troubles == (), "forced again, it is well"
    await stage.to(2 * HOUR)
    assert await stage.state(news) is State.COMPLETED


async def test_failed_is_never_forced_nor_what_has_no_action_nor_what_the_table_forbids(stage):
    news = await on_air(stage)
    for state in ("FAILED", "NOWHERE"):
        with pytest.raises(Invalid, match="state"):
            await stage.app.bookings.force_state(LOCAL, news, None, state)
    await stage.configure(
        service_states=ServiceStates(
            transitions=tuple(t for t in ServiceStates().transitions if t != ("START", "STOP"))
        )
    )
    with pytest.raises(ActionNotPossible, match="START -> STOP"):
        await stage.app.bookings.force_state(LOCAL, news, None, "STOP")


async def test_a_state_that_would_strand_the_next_event_asks_first(stage):
    allowed = tuple(t for t in ServiceStates().transitions if t != ("STANDBY", "PAUSE"))
    await stage.configure(service_states=ServiceStates(transitions=allowed))
    news = await on_air(stage)
    with pytest.raises(ActionNotPossible, match="STOP would be refused") as refused:
        await stage.app.bookings.force_state(LOCAL, news, None, "STANDBY")
    assert "anyway" in refused.value.hint
    await stage.app.bookings.force_state(LOCAL, news, None, "STANDBY", anyway=True)
    await stage.rig.quiet()
    assert (await stage.see(news)).booking.service_state == "STANDBY"


async def test_a_state_of_the_definition_alone_runs_and_returns_to_the_one_before(stage):
    switch = replace(CONTRIBUTION, actions={**ACTIONS, "SWITCH_TO_BACKUP": "warm-up"})
    await stage.app.catalogue.apply(LOCAL, "default", [switch])
    news = await on_air(stage)
    await stage.app.bookings.force_state(LOCAL, news, None, "SWITCH_TO_BACKUP")
    await stage.rig.quiet()
    assert (await stage.see(news)).booking.service_state == "START"
    assert stage.cast.names("News")[-1] == "warm-up"
