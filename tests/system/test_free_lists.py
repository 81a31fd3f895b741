# SPDX-License-Identifier: Apache-2.0
"""Bookings without a definition: held only, or with their profiles loaded at START and STOP."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.bookings import Copy, NewBooking, Refit
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.errors import ActionNotPossible, Invalid, NotReady
from preroll.domain.parameter import Parameter, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.service import ServiceStates, StageMapping
from preroll.domain.window import MINUTE
from preroll.ports.store import BookingFilter
from tests.builders import NOON
from tests.system.stage import CONFIG

HOUR = 3_600
ON_AIR = {"video.bitrate": 8, "video.input": "SDI 1"}
RESET = {"video.bitrate": 0, "video.input": "none"}
UNTOUCHED = {"video.bitrate": None, "video.input": None}
HD, TWO = NodeChoice("enc-1", "HD"), {"B": NodeChoice("enc-2", "HD"), "A": NodeChoice("enc-1", "HD")}


async def book(
    stage,
    name="List",
    *,
    start: int = NOON,
    post: int = 5,
    orchestrated: bool = True,
    nodes=None,
    confirm: bool = True,
) -> str:
    timing = Timing(start, start + 60 * MINUTE, 5 * MINUTE, post * MINUTE)
    chosen = {"A": HD} if nodes is None else nodes
    made = await stage.app.bookings.create(LOCAL, NewBooking(name, timing, nodes=chosen, orchestrated=orchestrated))
    if confirm:
        await stage.confirm(made.booking.id)
    return made.booking.id


def shown(stage, device: str = "enc-1") -> dict[str, object]:
    held = stage.device(device)
    return {path: held.get(path) for path in RESET}


async def events(stage, ident: str) -> list[tuple[str, str, str]]:
    """(event, target, outcome) of each run that loads something."""
    runs = [r.run for r in await stage.runs(ident)]
    return [(r.event, r.target, r.outcome) for r in runs if r.event != "START_FAILURE"]


async def test_profiles_are_loaded_at_start_and_stop_and_at_nothing_else(stage):
    ident = await book(stage)
    await stage.to(-1)
    assert (await stage.state(ident), shown(stage)) == (State.PRE_ROLL, UNTOUCHED)
    await stage.to(0)
    assert (shown(stage), (await stage.see(ident)).booking.service_state) == (ON_AIR, "START")
    await stage.to(HOUR)
    assert (shown(stage), (await stage.see(ident)).booking.service_state) == (RESET, "STOP")
    await stage.to(2 * HOUR)
    assert await events(stage, ident) == [("START", "START", "ok"), ("STOP", "STOP", "ok")]
    assert [s for _, s in await stage.life(ident)][2:] == ["Pre-roll", "Service Active", "Post-roll", "Completed"]


async def test_one_that_is_only_held_runs_nothing(stage):
    ident = await book(stage, orchestrated=False)
    await stage.to(2 * HOUR)
    assert (await stage.state(ident), shown(stage), await stage.runs(ident)) == (State.COMPLETED, UNTOUCHED, [])


async def test_resources_are_loaded_in_the_order_of_the_list_both_times(stage):
    for name in ("enc-1", "enc-2"):
        stage.rig.devices.fault(name, "slow", on=["apply"], seconds=1.0)
    ident = await book(stage, nodes=TWO)
    await stage.to(2 * HOUR)
    begun = [sorted(run.steps, key=lambda step: step.began_us) for run in await stage.runs(ident)]
    assert [[s.name for s in steps] for steps in begun] == [["load:B", "load:A"]] * 2


async def test_a_state_s_own_values_lie_on_top_up_and_down(stage):
    odd = ProfileInstance(
        "Odd", "Encoding", {"bitrate": 5, "input": "SDI 2"}, {"START": {"bitrate": 6}, "stop": {"bitrate": 1}}
    )
    await stage.app.catalogue.apply(LOCAL, "default", [odd])
    await book(stage, nodes={"A": NodeChoice("enc-1", "Odd", {"input": "SDI 3"})})
    await stage.to(0)
    assert shown(stage) == {"video.bitrate": 6, "video.input": "SDI 3"}
    await stage.to(HOUR)
    assert shown(stage) == {"video.bitrate": 1, "video.input": "none"}


async def test_a_resource_without_a_profile_is_held_and_left_alone(stage):
    ident = await book(stage, nodes={"A": HD, "B": NodeChoice("enc-2")})
    await stage.to(2 * HOUR)
    assert (shown(stage), shown(stage, "enc-2")) == (RESET, UNTOUCHED)
    assert await stage.state(ident) is State.COMPLETED


async def test_the_platform_s_stages_and_transitions_are_no_matter_of_a_list(stage):
    await stage.configure(service_states=ServiceStates(StageMapping(None, None, None, None, None), ()))
    ident = await book(stage)
    await stage.to(2 * HOUR)
    assert await events(stage, ident) == [("START", "START", "ok"), ("STOP", "STOP", "ok")]


async def test_up_stops_at_the_first_failure_and_retry_goes_on_from_there(stage):
    ident = await book(stage, nodes=TWO)
    stage.rig.devices.fault("enc-2", "refuses")
    await stage.to(60)
    seen = (await stage.see(ident)).booking
    assert (seen.state, seen.service_state) == (State.FAILED_ACTIVE, "FAILED")
    assert shown(stage, "enc-1") == UNTOUCHED
    assert stage.cast.reports("List")[0][0] == "LsoFailed"
    stage.rig.devices.clear("enc-2")
    await stage.retry(ident)
    await stage.rig.quiet()
    assert await stage.state(ident) is State.ACTIVE
    assert (shown(stage, "enc-1"), shown(stage, "enc-2")) == (ON_AIR, ON_AIR)


async def test_down_goes_on_past_a_failure_and_loads_once_more_at_the_end(stage):
    ident = await book(stage, nodes=TWO)
    await stage.to(60)
    stage.rig.devices.fault("enc-2", "refuses")
    await stage.to(HOUR + 60)
    assert await stage.state(ident) is State.FAILED_POST_ROLL
    assert (shown(stage, "enc-1"), shown(stage, "enc-2")) == (RESET, ON_AIR)
    stage.rig.devices.clear("enc-2")
    await stage.to(HOUR + 301)
    assert await stage.state(ident) is State.COMPLETED
    assert shown(stage, "enc-2") == RESET
    assert (await events(stage, ident))[1:] == [
        ("STOP", "STOP", "failed"),
        ("STOP_BOOKING_WITH_POSTROLL", "STOP", "ok"),
    ]


@pytest.mark.parametrize("post", [0, 5])
async def test_a_stop_that_fails_to_the_end_never_ends_completed(stage, post):
    ident = await book(stage, post=post)
    await stage.to(60)
    stage.rig.devices.fault("enc-1", "refuses")
    await stage.to(2 * HOUR)
    seen = await stage.see(ident)
    assert (seen.booking.state, seen.booking.not_reset) == (State.FAILED_COMPLETED, True)
    later = await book(stage, "Later", start=NOON + 4 * HOUR * 1_000_000)
    assert any("was not reset by List" in w for w in (await stage.see(later)).warnings)
    stage.rig.devices.clear("enc-1")
    await stage.retry(ident)
    await stage.rig.quiet()
    assert (await stage.state(ident), shown(stage)) == (State.COMPLETED, RESET)


async def test_a_load_of_the_same_resources_puts_right_what_was_not_reset(stage):
    ident = await book(stage, post=0)
    await stage.to(60)
    stage.rig.devices.fault("enc-1", "refuses")
    await stage.to(2 * HOUR)
    stage.rig.devices.clear("enc-1")
    await book(stage, "Later", start=NOON + 4 * HOUR * 1_000_000)
    await stage.to(4 * HOUR - 60)
    assert (await stage.see(ident)).booking.not_reset, "pre-roll of a list loads nothing"
    await stage.to(4 * HOUR + 60)
    assert not (await stage.see(ident)).booking.not_reset


async def test_acknowledged_it_is_down(stage):
    ident = await book(stage, post=0)
    await stage.to(60)
    stage.rig.devices.fault("enc-1", "refuses")
    await stage.to(2 * HOUR)
    await stage.acknowledge(ident)
    seen = (await stage.see(ident)).booking
    assert (seen.state, seen.service_state, seen.not_reset) == (State.COMPLETED, "STOP", False)


async def test_aborted_in_pre_roll_nothing_was_ever_sent(stage):
    ident = await book(stage)
    await stage.to(-60)
    await stage.finish(ident)
    await stage.rig.quiet()
    assert (await stage.state(ident), shown(stage), await stage.runs(ident)) == (State.COMPLETED, UNTOUCHED, [])


async def test_back_to_back_the_first_is_down_before_the_second_is_up(stage):
    first = await book(stage, "First", post=0)
    second = await stage.app.bookings.create(
        LOCAL,
        NewBooking("Second", Timing(NOON + 60 * MINUTE, NOON + 120 * MINUTE), nodes={"A": HD}, orchestrated=True),
    )
    await stage.confirm(second.booking.id)
    await stage.to(HOUR)
    assert [await stage.state(i) for i in (first, second.booking.id)] == [State.COMPLETED, State.ACTIVE]
    bitrates = [{path: new for path, _, new in e.changes}["video.bitrate"] for e in stage.rig.devices.applied("enc-1")]
    assert bitrates == [8, 0, 8]
    assert shown(stage) == ON_AIR


async def test_back_to_back_a_first_one_that_cannot_be_reset_gives_way(stage):
    first = await book(stage, "First", post=0)
    timing = Timing(NOON + 60 * MINUTE, NOON + 120 * MINUTE)
    second = await stage.app.bookings.create(LOCAL, NewBooking("Second", timing, nodes={"A": HD}, orchestrated=True))
    await stage.confirm(second.booking.id)
    await stage.to(60)
    stage.rig.devices.fault("enc-1", "refuses", times=2)
    await stage.to(HOUR + 60)
    assert await stage.state(first) is State.FAILED_COMPLETED
    assert await events(stage, first) == [
        ("START", "START", "ok"), ("STOP", "STOP", "failed"), ("STOP_BOOKING_WITH_POSTROLL", "STOP", "failed")
    ]  # fmt: skip
    assert (await stage.state(second.booking.id), shown(stage)) == (State.ACTIVE, ON_AIR)
    assert not (await stage.see(first)).booking.not_reset, "the second one has put it right"


@pytest.mark.parametrize("at", [0, HOUR])
@pytest.mark.parametrize("point", ["claim.committed", "host.begun", "host.applied", "end.committed", "settle.written"])
async def test_killed_in_the_middle_it_goes_on_where_it_was(stage, point, at):
    ident = await book(stage, nodes=TWO)
    await stage.to(at - 1)
    stage.rig.crash_at(point)
    await stage.to(at)
    assert stage.rig.engine is None, f"{point} was not reached"
    await stage.rig.start()
    await stage.to(2 * HOUR)
    assert await stage.state(ident) is State.COMPLETED
    assert await events(stage, ident) == [("START", "START", "ok"), ("STOP", "STOP", "ok")]
    assert [len(stage.rig.devices.applied(name)) for name in ("enc-1", "enc-2")] == [2, 2]


async def test_swapped_on_the_air_the_new_one_is_loaded_and_the_old_one_reset(stage):
    ident = await book(stage)
    await stage.to(60)
    with pytest.raises(ActionNotPossible, match="devices are configured"):
        await stage.app.bookings.swap(LOCAL, ident, None, Refit("A", "enc-2"))
    await stage.app.bookings.swap(LOCAL, ident, None, Refit("A", "enc-2", apply_now=True))
    await stage.rig.quiet()
    assert (shown(stage, "enc-2"), shown(stage, "enc-1")) == (ON_AIR, RESET)
    await stage.to(2 * HOUR)
    assert (await stage.state(ident), shown(stage, "enc-2")) == (State.COMPLETED, RESET)


async def test_added_and_removed_on_the_air(stage):
    ident = await book(stage)
    await stage.to(60)
    await stage.app.bookings.add(LOCAL, ident, None, Refit("B", "enc-2", "HD", apply_now=True))
    await stage.rig.quiet()
    assert shown(stage, "enc-2") == ON_AIR
    await stage.app.bookings.remove(LOCAL, ident, None, Refit("A", apply_now=True))
    await stage.rig.quiet()
    seen = (await stage.see(ident)).booking
    assert (shown(stage), list(seen.nodes), seen.leaving) == (RESET, ["B"], {})


async def test_swapped_in_pre_roll_nothing_is_sent_before_start(stage):
    ident = await book(stage)
    await stage.to(-60)
    await stage.app.bookings.swap(LOCAL, ident, None, Refit("A", "enc-2"))
    await stage.rig.quiet()
    assert (shown(stage, "enc-1"), shown(stage, "enc-2"), await stage.runs(ident)) == (UNTOUCHED, UNTOUCHED, [])
    await stage.to(0)
    assert (shown(stage, "enc-1"), shown(stage, "enc-2")) == (UNTOUCHED, ON_AIR)


async def test_what_cannot_be_reset_when_it_is_taken_out_is_marked(stage):
    ident = await book(stage)
    await stage.to(60)
    stage.rig.devices.fault("enc-1", "refuses")
    await stage.app.bookings.swap(LOCAL, ident, None, Refit("A", "enc-2", apply_now=True))
    await stage.rig.quiet()
    later = await book(stage, "Later", start=NOON + 4 * HOUR * 1_000_000)
    assert any("was not reset by List" in w for w in (await stage.see(later)).warnings)
    await stage.to(2 * HOUR)
    assert await stage.state(ident) is State.COMPLETED


async def test_a_changed_profile_reaches_it_on_the_air_with_apply_now(stage):
    ident = await book(stage)
    await stage.to(60)
    sharper = ProfileInstance("HD", "Encoding", {"bitrate": 9, "input": "SDI 1"})
    await stage.app.catalogue.apply(LOCAL, "default", [sharper])
    await stage.app.bookings.apply_now(LOCAL, ident, None)
    await stage.rig.quiet()
    assert shown(stage)["video.bitrate"] == 9


async def test_a_state_is_forced_up_or_down_and_the_end_still_resets(stage):
    ident = await book(stage)
    await stage.to(60)
    await stage.app.bookings.force_state(LOCAL, ident, None, "stop")
    await stage.rig.quiet()
    assert ((await stage.see(ident)).booking.service_state, shown(stage)) == ("STOP", RESET)
    await stage.to(HOUR + 60)
    await stage.app.bookings.force_state(LOCAL, ident, None, "START")
    await stage.rig.quiet()
    assert shown(stage) == ON_AIR
    await stage.to(2 * HOUR)
    assert (await stage.state(ident), shown(stage)) == (State.COMPLETED, RESET)
    with pytest.raises(ActionNotPossible):
        await stage.app.bookings.force_state(LOCAL, ident, None, "START")


async def test_only_up_and_down_can_be_forced(stage):
    ident = await book(stage)
    await stage.to(60)
    with pytest.raises(Invalid, match="no action for it") as refused:
        await stage.app.bookings.force_state(LOCAL, ident, None, "STANDBY")
    assert "START, STOP" in str(refused.value)


async def test_all_that_it_lacks_is_told_before_it_is_confirmed(stage):
    strict = ProfileDefinition("Strict", (Parameter("level", ValueType.NUMBER, mandatory=True),))
    await stage.app.catalogue.apply(LOCAL, "default", [strict, ProfileInstance("Bare", "Strict")])
    ident = await book(stage, nodes={"A": NodeChoice("enc-1", "Bare"), "B": NodeChoice(None)}, confirm=False)
    with pytest.raises(NotReady) as refused:
        await stage.confirm(ident)
    assert {m.where for m in refused.value.missing} == {"nodes.A.values.level", "nodes.B.resource"}
    bare = await book(stage, "Bare", nodes={"A": NodeChoice("enc-2")}, confirm=False)
    with pytest.raises(NotReady, match="have no profile"):
        await stage.confirm(bare)


async def test_a_definition_and_orchestrated_exclude_each_other(stage):
    with pytest.raises(Invalid, match="orchestrated: stands beside the definition Contribution"):
        await stage.app.bookings.create(
            LOCAL, NewBooking("Both", Timing(NOON, None), definition="Contribution", orchestrated=True)
        )
    with pytest.raises(Invalid, match="stands beside"):
        await stage.edit(await stage.book(confirm=False), orchestrated=True)


async def test_a_held_list_becomes_an_orchestrated_one_until_it_runs(stage):
    ident = await book(stage, orchestrated=False)
    changed = await stage.edit(ident, orchestrated=True)
    assert (changed.booking.orchestrated, changed.booking.state) == (True, State.CONFIRMED)
    assert "orchestrated" in (await stage.history(ident))[-1].why
    await stage.to(60)
    assert shown(stage) == ON_AIR
    with pytest.raises(Invalid, match="is frozen: the booking runs"):
        await stage.edit(ident, orchestrated=False)


async def test_whatever_its_service_state_was_it_begins_down_when_it_becomes_orchestrated(stage):
    await stage.configure(service_states=ServiceStates(StageMapping("PAUSE", "STANDBY", "START", "PAUSE", "STOP")))
    ident = await book(stage, orchestrated=False)
    assert (await stage.see(ident)).booking.service_state == "PAUSE"
    assert (await stage.edit(ident, orchestrated=True)).booking.service_state == "STOP"
    await stage.to(60)
    assert shown(stage) == ON_AIR


async def test_a_confirmed_list_that_loses_its_profiles_waits_for_them(stage):
    ident = await book(stage)
    after = await stage.edit(ident, nodes={"A": NodeChoice("enc-1")})
    assert after.booking.state is State.PARTIAL


async def test_a_duplicate_is_orchestrated_as_its_original(stage):
    ident = await book(stage)
    copy = await stage.app.bookings.duplicate(LOCAL, ident, Copy(start=NOON + 3 * 60 * MINUTE))
    assert copy.booking.orchestrated


async def test_a_resource_that_is_hands_off_is_left_out_and_the_others_are_loaded(stage):
    ident = await book(stage, nodes=TWO)
    await stage.to(-1)
    encoder = next(r for r in await stage.app.catalogue.resources(LOCAL, "default") if r.name == "enc-2")
    await stage.app.catalogue.change(LOCAL, encoder.id, {"hands_off": True})
    await stage.to(60)
    assert (shown(stage, "enc-2"), shown(stage, "enc-1")) == (UNTOUCHED, ON_AIR)
    assert any("hands off" in line for line in await stage.log(ident))


async def test_start_is_stopped_when_stop_is_due_and_stop_cleans_up(stage):
    await stage.configure(limits=replace(CONFIG.limits, lso_us=240 * MINUTE, attempts=5, backoff_us=40 * MINUTE))
    ident = await book(stage, nodes=TWO)
    stage.rig.devices.fault("enc-1", "vanishes")
    await stage.to(HOUR - 1)
    assert (await stage.see(ident)).booking.entering == "Service Active"
    stage.rig.devices.clear("enc-1")
    await stage.to(2 * HOUR)
    assert await stage.state(ident) is State.COMPLETED
    assert (await events(stage, ident))[0] == ("START", "START", "cancelled")
    assert (shown(stage, "enc-2"), shown(stage, "enc-1")) == (RESET, RESET)


async def test_a_list_without_end_is_up_until_it_is_finished(stage):
    made = await stage.app.bookings.create(
        LOCAL, NewBooking("Forever", Timing(NOON, None), nodes={"A": HD}, orchestrated=True)
    )
    await stage.confirm(made.booking.id)
    await stage.to(5 * HOUR)
    assert shown(stage) == ON_AIR
    await stage.finish(made.booking.id)
    await stage.rig.quiet()
    assert (await stage.state(made.booking.id), shown(stage)) == (State.COMPLETED, RESET)


async def test_events_of_a_list_are_in_the_bucket_of_those_that_need_a_script(stage):
    """Only as many at once as the platform allows."""
    await stage.configure(limits=replace(CONFIG.limits, simultaneous_lso=1))
    for name in ("enc-1", "enc-2"):
        stage.rig.devices.fault(name, "slow", seconds=1.0)
        await book(stage, name, nodes={"A": NodeChoice(name, "HD")})
    await stage.to(60)
    runs = [
        r.run for i in (await stage.app.bookings.page(LOCAL, BookingFilter())).items for r in await stage.runs(i.id)
    ]
    one, two = sorted((r.began_us, r.ended_us) for r in runs)
    assert one[1] <= two[0]
