# SPDX-License-Identifier: Apache-2.0
"""A profile applied to a resource now, outside of any booking: by the engine, with the device in its hands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from preroll.domain.automation import Part, Wanted
from preroll.domain.booking import State
from preroll.domain.errors import ActionNotPossible, InUse, Invalid, NotFound, NotPermitted
from preroll.domain.permission import LOCAL, Actor
from preroll.domain.window import MINUTE
from preroll.ports.store import BookingFilter
from tests.builders import NOON
from tests.system.stage import CONFIG, takes

HOUR = 3_600


async def resource(stage, name: str = "enc-1"):
    return next(r for r in await stage.app.catalogue.resources(LOCAL, "default") if r.name == name)


async def apply(stage, profile: str = "HD", *, on: str = "enc-1", force: bool = False, by=LOCAL, **more: Any) -> str:
    found = await resource(stage, on)
    made = await stage.app.automation.apply(by, found.id, Wanted(profile, **more), force=force)
    return made.booking.id


async def applied(stage, *words: Any, **more: Any):
    ident = await apply(stage, *words, **more)
    await stage.rig.quiet()
    return await stage.app.automation.get(LOCAL, ident)


async def told(stage, name: str = "enc-1") -> list[tuple[str, str, str, str]]:
    found = await resource(stage, name)
    changes = await stage.app.views.history(LOCAL, found.id)
    return [(c.kind, c.actor, c.after, c.why) for c in changes if "appl" in c.kind]


def shown(stage, device: str = "enc-1") -> tuple[object, object]:
    held = stage.device(device)
    return held.get("video.bitrate"), held.get("video.input")


async def test_a_profile_is_on_the_device_and_the_run_tells_what_it_changed(stage):
    found = await applied(stage, why="a test tone")
    assert shown(stage) == (8, "SDI 1")
    assert (found.boundary.state, found.name, found.waiting) == ("done", "enc-1", "")
    assert (found.run.run.event, found.run.run.outcome) == ("APPLY", "ok")
    (step,) = found.run.steps
    assert (step.name, step.resource) == ("load:enc-1", found.resource)
    assert set(step.diff) == {("video.bitrate", None, 8), ("video.input", None, "SDI 1")}
    assert await told(stage) == [
        ("resource.apply", "local", "HD (whole)", "a test tone"),
        ("resource.applied", "engine", "HD on enc-1", ""),
    ]


@pytest.mark.parametrize(
    ("wanted", "device"),
    [
        ({"state": "STANDBY"}, (1, "SDI 1")),
        ({"state": "standby", "part": Part.STATE}, (1, None)),
        ({"part": Part.DEFAULTS}, (0, "none")),
        ({"part": Part.DEFAULTS, "state": "PAUSE"}, (2, "none")),
        ({"values": {"bitrate": 20}}, (20, "SDI 1")),
    ],
)
async def test_a_state_s_values_the_defaults_and_own_values(stage, wanted, device):
    await applied(stage, **wanted)
    assert shown(stage) == device


@pytest.mark.parametrize(
    ("wanted", "mistake"),
    [
        ({"profile": "4K"}, "there is no profile instance 4K"),
        ({"state": "NIGHT"}, "HD has no values for NIGHT"),
        ({"part": Part.STATE}, "state: is missing"),
        ({"values": {"colour": 1}}, "is not a parameter of the profile"),
        ({"values": {"bitrate": -1}}, "values.bitrate"),
    ],
)
async def test_what_is_wrong_is_told_and_nothing_is_sent(stage, wanted, mistake):
    with pytest.raises(Invalid, match=mistake):
        await apply(stage, **wanted)
    assert (shown(stage), await told(stage)) == ((None, None), [])


async def test_it_is_in_no_list_and_holds_nothing(stage):
    ident = await apply(stage)
    await stage.rig.quiet()
    assert (await stage.app.bookings.page(LOCAL, BookingFilter())).items == ()
    with pytest.raises(NotFound):
        await stage.see(ident)
    assert await stage.state(await stage.book(start=NOON - 12 * HOUR * 1_000_000)) is State.CONFIRMED
    with pytest.raises(NotFound, match="application"):
        await stage.app.automation.get(LOCAL, await stage.book("Other", encoder="enc-2"))


async def test_on_a_resource_that_is_held_it_warns_with_everybody_who_has_it(stage):
    news = await stage.book()
    await stage.to(60)
    late = await stage.book("Late", start=NOON + 75 * MINUTE, confirm=False)
    await stage.to(HOUR - 60)
    with pytest.raises(InUse) as refused:
        await apply(stage)
    first, second = refused.value.uses
    assert f"held by News ({news}), Service Active, until" in str(first)
    assert f"held by Late ({late}), Partial, from" in str(second)
    assert "with force" in refused.value.hint
    await stage.to(HOUR - 1)
    assert await told(stage) == []


async def test_by_force_it_is_applied_beneath_the_booking_and_the_log_tells(stage):
    news = await stage.book()
    await stage.to(60)
    await applied(stage, force=True, values={"bitrate": 3})
    assert shown(stage) == (3, "SDI 1")
    ((_, _, _, why), _) = await told(stage)
    assert why.startswith(f"by force: held by News ({news}), Service Active")
    await stage.to(2 * HOUR)
    assert await stage.state(news) is State.COMPLETED


async def test_a_booking_that_comes_later_than_the_platform_warns_is_no_rival(stage):
    await stage.configure(limits=replace(CONFIG.limits, near_air_us=10 * MINUTE))
    await stage.book()
    await stage.to(-1_000)
    await applied(stage)
    await stage.to(-890)
    with pytest.raises(InUse):
        await apply(stage)


async def test_one_that_runs_beyond_its_time_has_it_still(stage):
    await stage.book()
    await stage.to(60)
    await stage.configure(paused=True)
    await stage.to(3 * HOUR)
    with pytest.raises(InUse, match="held by News"):
        await apply(stage)


async def test_a_booking_that_one_may_not_see_has_no_name(stage):
    news = await stage.book()
    await stage.app.bookings.edit(LOCAL, news, None, _scoped())
    await stage.to(60)
    somebody = Actor("ann", frozenset({"operator"}))
    with pytest.raises(InUse) as refused:
        await apply(stage, by=somebody)
    assert "held by a booking that you may not see until" in str(refused.value)
    assert "News" not in str(refused.value)
    await applied(stage, by=somebody, force=True)
    assert "News" not in (await told(stage))[0][3]


def _scoped():
    from preroll.app.bookings import Edit

    return Edit(scopes=["sport"])


async def test_it_waits_for_the_run_that_has_the_device(stage):
    stage.cast.when("warm-up", takes(60))
    await stage.book(encoder="card-a")
    await stage.to(-290)
    ident = await apply(stage, on="card-b")
    await stage.to(-280)
    assert "waits for News" in (await stage.app.automation.get(LOCAL, ident)).waiting
    await stage.to(-200)
    found = await stage.app.automation.get(LOCAL, ident)
    assert (found.boundary.state, found.run.run.began_us) == ("done", NOON - 240 * 1_000_000)


async def test_a_booking_that_begins_meanwhile_waits_for_it(stage):
    stage.rig.devices.fault("enc-1", "slow", on="apply", seconds=1.5)
    news = await stage.book()
    await stage.to(-301)
    ident = await apply(stage, force=True)
    await stage.to(0)
    found, runs = await stage.app.automation.get(LOCAL, ident), await stage.runs(news)
    assert found.boundary.state == "done"
    assert found.run.run.ended_us <= runs[0].run.began_us


async def test_a_device_that_is_down_fails_it_and_tells(stage):
    stage.rig.devices.fault("enc-1", "vanishes")
    ident = await apply(stage)
    await stage.to(-86_000)
    found = await stage.app.automation.get(LOCAL, ident)
    assert found.boundary.state == "failed"
    assert "load:enc-1 on enc-1" in found.boundary.message
    assert found.run.steps[0].attempts == 3
    assert (await told(stage))[-1][0] == "resource.not_applied"
    assert stage.cast.reports("HD on enc-1") == [], "no start failure script: it is no booking"


@pytest.mark.parametrize("point", ["claim.committed", "host.begun", "host.applied", "end.committed", "settle.written"])
async def test_a_worker_that_is_killed_in_the_middle_leaves_it_to_the_next(stage, point):
    stage.rig.crash_at(point)
    ident = await apply(stage)
    await stage.rig.quiet()
    assert stage.rig.engine is None, f"{point} was not reached"
    await stage.rig.start()
    await stage.to(-86_000)
    found = await stage.app.automation.get(LOCAL, ident)
    assert (found.boundary.state, found.run.run.outcome, shown(stage)) == ("done", "ok", (8, "SDI 1"))
    assert len(stage.rig.devices.applied("enc-1")) == 1


async def test_values_are_those_of_the_moment_at_which_it_was_asked_for(stage):
    await stage.configure(paused=True)
    ident = await apply(stage)
    await stage.rig.quiet()
    assert "no longer paused" in (await stage.app.automation.get(LOCAL, ident)).waiting
    from tests.system.stage import HD

    await stage.app.catalogue.apply(LOCAL, "default", [replace(HD, values={"bitrate": 15, "input": "SDI 9"})])
    await stage.configure(paused=False)
    await stage.rig.quiet()
    assert shown(stage) == (8, "SDI 1")


async def test_hands_off_it_is_refused_force_or_not(stage):
    encoder = await resource(stage)
    await stage.app.catalogue.change(LOCAL, encoder.id, {"hands_off": True})
    with pytest.raises(ActionNotPossible, match="hands off"):
        await apply(stage, force=True)


async def test_hands_off_meanwhile_it_fails_and_sends_nothing(stage):
    await stage.configure(paused=True)
    ident, encoder = await apply(stage), await resource(stage)
    await stage.app.catalogue.change(LOCAL, encoder.id, {"hands_off": True})
    await stage.configure(paused=False)
    await stage.rig.quiet()
    found = await stage.app.automation.get(LOCAL, ident)
    assert (found.boundary.state, shown(stage)) == ("failed", (None, None))
    assert "hands off" in found.boundary.message


async def test_a_resource_that_was_removed_meanwhile_fails_it(stage):
    await stage.configure(paused=True)
    ident, encoder = await apply(stage), await resource(stage)
    await stage.app.catalogue.remove_resource(LOCAL, encoder.id)
    await stage.configure(paused=False)
    await stage.rig.quiet()
    found = await stage.app.automation.get(LOCAL, ident)
    assert (found.boundary.state, found.boundary.message) == ("failed", "the resource was removed meanwhile")


async def test_only_who_may(stage):
    for role in ("viewer", "provisioner"):
        with pytest.raises(NotPermitted):
            await apply(stage, by=Actor("ann", frozenset({role})))


async def test_twice_at_once_one_after_the_other(stage):
    stage.rig.devices.fault("enc-1", "slow", on="apply", seconds=1.0)
    one = await apply(stage)
    two = await apply(stage, values={"bitrate": 4})
    await stage.to(-86_000)
    first, second = [await stage.app.automation.get(LOCAL, ident) for ident in (one, two)]
    assert first.run.run.ended_us <= second.run.run.began_us
    assert shown(stage) == (4, "SDI 1")
