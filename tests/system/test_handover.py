# SPDX-License-Identifier: Apache-2.0
"""One resource or device is never configured for two owners at once; and only so many scripts run at once."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from preroll.domain.booking import State
from preroll.domain.errors import Conflict
from preroll.domain.window import SECOND
from tests.builders import NOON
from tests.system.stage import CONFIG, fails, hangs, takes

HOUR = 3_600
TURN = NOON + (HOUR + 300) * SECOND
"""When the first booking's post-roll ends and the second one's pre-roll begins."""


async def back_to_back(stage) -> tuple[str, str]:
    first = await stage.book("First")
    second = await stage.book("Second", start=TURN + 300 * SECOND)
    return first, second


async def test_at_the_same_instant_the_down_event_goes_first(stage):
    await back_to_back(stage)
    await stage.to(HOUR + 300)
    assert [(c.booking, c.script) for c in stage.cast.calls][-2:] == [("First", "reset"), ("Second", "warm-up")]
    applied = [e.changes for e in stage.rig.devices.applied("enc-1") if e.at_us == TURN]
    assert [{path: new for path, _, new in changes}["video.bitrate"] for changes in applied] == [0, 1]


@pytest.mark.parametrize("order", [("First", "Second"), ("Second", "First")])
async def test_whoever_was_booked_first_the_down_event_goes_first(stage, order):
    starts = {"First": NOON, "Second": TURN + 300 * SECOND}
    for name in order:
        await stage.book(name, start=starts[name])
    await stage.to(HOUR + 300)
    assert [c.booking for c in stage.cast.calls][-2:] == ["First", "Second"]


async def test_the_up_event_waits_says_for_whom_and_goes_on_when_it_is_free(stage):
    stage.cast.when("reset", takes(45), booking="First")
    first, second = await back_to_back(stage)
    await stage.to(HOUR + 300 + 10)
    seen = await stage.see(second)
    assert seen.booking.state is State.CONFIRMED
    assert [(w.event, w.for_booking, w.for_name) for w in seen.waiting] == [
        ("START_BOOKING_WITH_PREROLL", first, "First")
    ]
    assert seen.waiting[0].what == f"waits for First ({first}) to give way"
    assert seen.late_us == 10 * SECOND
    await stage.to(HOUR + 300 + 45)
    assert (await stage.see(second)).waiting == ()
    assert (await stage.life(second))[-1] == (HOUR + 345, "Pre-roll")
    runs = [(r.run.began_us, r.run.ended_us) for b in (first, second) for r in await stage.runs(b)]
    assert all(ended <= began for (_, ended), (began, _) in pairwise(sorted(runs)))


async def test_one_that_waits_can_still_be_canceled(stage):
    stage.cast.when("reset", takes(45), booking="First")
    _, second = await back_to_back(stage)
    await stage.to(HOUR + 300 + 10)
    await stage.cancel(second)
    await stage.to(3 * HOUR)
    assert stage.cast.names("Second") == []


async def test_a_failed_end_gives_way_too(stage):
    stage.cast.when("reset", fails(), booking="First")
    first, second = await back_to_back(stage)
    await stage.to(HOUR + 300)
    assert await stage.state(first) is State.FAILED_COMPLETED
    assert await stage.state(second) is State.PRE_ROLL


async def test_an_end_that_hangs_gives_way_when_its_time_is_out(stage):
    stage.cast.when("reset", hangs(), booking="First", times=1)
    first, second = await back_to_back(stage)
    out = HOUR + 300 + CONFIG.limits.lso_us // SECOND
    await stage.to(out - 1)
    seen = await stage.see(second)
    assert seen.booking.state is State.CONFIRMED
    assert [w.for_name for w in seen.waiting] == ["First"]
    await stage.to(out)
    assert await stage.state(first) is State.FAILED_COMPLETED
    assert await stage.state(second) is State.ACTIVE, "late by twenty minutes, so both its up events follow at once"
    assert [(c.booking, c.script) for c in stage.cast.calls if c.script != "report"][-3:] == [
        ("First", "reset"), ("Second", "warm-up"), ("Second", "on-air"),
    ]  # fmt: skip


async def test_a_late_end_does_not_hold_what_others_hold(stage):
    stage.cast.when("reset", takes(45), booking="First")
    await stage.book("First")
    other = await stage.book("Other", start=TURN + 300 * SECOND, encoder="enc-2")
    await stage.to(HOUR + 300)
    assert await stage.state(other) is State.PRE_ROLL


async def test_two_resources_of_one_device_are_configured_one_after_the_other(stage):
    stage.cast.when("warm-up", takes(20))
    one = await stage.book("One", encoder="card-a")
    two = await stage.book("Two", encoder="card-b")
    await stage.to(-300 + 10)
    waiting = [w.for_name for b in (one, two) for w in (await stage.see(b)).waiting]
    assert waiting == ["One"]
    await stage.to(-200)
    assert (await stage.life(one))[-1] == (-280, "Pre-roll")
    assert (await stage.life(two))[-1] == (-260, "Pre-roll")


async def test_a_booking_that_holds_a_resource_twice_takes_its_device_once(stage):
    both = await stage.book("Both", encoder="card-a", decoder="card-b")
    await stage.to(2 * HOUR)
    assert await stage.state(both) is State.COMPLETED


async def test_devices_are_taken_all_or_none(stage):
    stage.cast.when("warm-up", takes(30), booking="One")
    await stage.book("One", encoder="enc-1")
    pair = await stage.book("Pair", encoder="enc-2", decoder="card-a")
    stage.cast.when("warm-up", takes(10), booking="Pair")
    third = await stage.book("Third", encoder="card-b")
    await stage.to(2 * HOUR)
    assert (await stage.life(pair))[2] == (-290, "Pre-roll")
    assert (await stage.life(third))[2] == (-290, "Pre-roll")


async def test_no_more_scripts_at_once_than_the_platform_allows(stage):
    await stage.configure(limits=replace(CONFIG.limits, simultaneous_lso=2))
    stage.cast.when("warm-up", takes(10))
    ids = [await stage.book(name, encoder=name) for name in ("enc-1", "enc-2", "enc-3")]
    await stage.to(-295)
    third = await stage.see(ids[2])
    assert [w.what for w in third.waiting] == ["waits for its turn"]
    await stage.to(-200)
    assert [(await stage.life(b))[2][0] for b in ids] == [-290, -290, -280]


async def test_down_events_go_before_up_events_when_there_is_little_room(stage):
    await stage.configure(limits=replace(CONFIG.limits, simultaneous_lso=1))
    await stage.book("Down", encoder="enc-1", start=NOON - HOUR * SECOND, pre=0, post=0)
    up = await stage.book("Up", encoder="enc-2", pre=0)
    stage.cast.when("wind-down", takes(5))
    await stage.to(0)
    stage.cast.when("reset", takes(5))
    await stage.to(HOUR / 2)
    assert [(c.booking, c.script) for c in stage.cast.calls][2:] == [
        ("Down", "wind-down"), ("Down", "reset"), ("Up", "warm-up"), ("Up", "on-air"),
    ]  # fmt: skip
    assert (await stage.life(up))[2] == (10, "Pre-roll")


async def test_a_resource_that_is_held_is_refused_with_who_and_how_much(stage):
    await stage.book("First")
    with pytest.raises(Conflict) as refused:
        await stage.book("Second", start=NOON + 600 * SECOND)
    clash = refused.value.clashes[0]
    assert (clash.resource, clash.rival_name, clash.limit, clash.asked, clash.left) == ("enc-1", "First", 1, 1, 0)


async def test_bookings_that_only_touch_do_not_conflict(stage):
    await back_to_back(stage)
    with pytest.raises(Conflict):
        await stage.book("Third", start=TURN + 299 * SECOND)
