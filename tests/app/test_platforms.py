# SPDX-License-Identifier: Apache-2.0
"""Settings of a platform: checked against the bookings that follow them, kept with their history, undone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.bookings import NewBooking
from preroll.domain.booking import NodeChoice, Timing
from preroll.domain.config import AskedTiming, Defaults, Platform
from preroll.domain.errors import Invalid, NotFound, NotPermitted, Stale, WouldFail
from preroll.domain.permission import LOCAL, Actor
from preroll.domain.service import StageMapping
from preroll.domain.window import MINUTE, SECOND
from tests.builders import ACTIONS, NOON
from tests.system.stage import CONTRIBUTION


def without(before: str, after: str):
    def rule(platform: Platform) -> Platform:
        states = platform.config.service_states
        rows = tuple(row for row in states.transitions if row != (before, after))
        return replace(platform, config=replace(platform.config, service_states=replace(states, transitions=rows)))

    return rule


def warmed(platform: Platform) -> Platform:
    """Pre-roll maps to a state of the platform's own."""
    states = platform.config.service_states
    rows = (*states.transitions, ("STOP", "warm"), ("Warm", "START"), ("warm", "STOP"), ("FAILED", "Warm"))
    own = replace(states, mapping=StageMapping(preroll="WARM"), transitions=rows, states=("Warm",))
    return replace(platform, config=replace(platform.config, service_states=own))


def limited(seconds: int):
    def rule(platform: Platform) -> Platform:
        limits = replace(platform.config.limits, lso_us=seconds * SECOND)
        return replace(platform, config=replace(platform.config, limits=limits))

    return rule


async def changes(stage, kind: str) -> list:
    return [change for change in (await stage.app.views.changes(LOCAL, "", 500)).changes if change.kind == kind]


async def test_a_table_with_a_gap_is_refused_and_can_be_forced(stage):
    change = stage.app.platforms.change
    with pytest.raises(Invalid) as refused:
        await change(LOCAL, "default", without("STANDBY", "STOP"))
    (mistake,) = refused.value.mistakes
    assert "STANDBY -> STOP is needed by the stage mapping" in mistake.what
    saved = await change(LOCAL, "default", without("STANDBY", "STOP"), force=True)
    assert ("STANDBY", "STOP") not in saved.config.service_states.transitions


@pytest.mark.parametrize(
    ("script", "wrong"),
    [("gone", "gone is not installed"), ("on-air", "on-air is an LSO script, not a start failure script")],
)
async def test_a_start_failure_script_that_cannot_run_is_refused_and_can_be_forced(stage, script, wrong):
    change = stage.app.platforms.change

    def named(platform: Platform) -> Platform:
        return replace(platform, config=replace(platform.config, start_failure_script=script))

    with pytest.raises(Invalid) as refused:
        await change(LOCAL, "default", named)
    assert [(m.where, m.what) for m in refused.value.mistakes] == [("start_failure_script", wrong)]
    assert (await stage.app.platforms.get(LOCAL, "default")).config.version == 1
    assert (await change(LOCAL, "default", named, force=True)).config.start_failure_script == script
    await change(LOCAL, "default", limited(300))


async def test_a_default_definition_that_is_not_there_is_refused_and_can_be_forced(stage):
    def named(name: str):
        return lambda p: replace(p, config=replace(p.config, defaults=replace(p.config.defaults, definition=name)))

    change = stage.app.platforms.change
    with pytest.raises(Invalid, match="there is no service definition Nope"):
        await change(LOCAL, "default", named("Nope"))
    assert (await change(LOCAL, "default", named("Contribution"))).config.defaults.definition == "Contribution"
    assert (await change(LOCAL, "default", named("Nope"), force=True)).config.defaults.definition == "Nope"


async def test_a_save_that_would_fail_an_event_lists_the_bookings_and_needs_force(stage):
    first, second = await stage.book(), await stage.book("Sport", encoder="enc-2")
    await stage.book("Later", encoder="enc-3", confirm=False)
    with pytest.raises(WouldFail) as refused:
        await stage.app.platforms.change(LOCAL, "default", warmed)
    assert {d.booking for d in refused.value.doomed} == {first, second}, "one that is Partial is asked when confirmed"
    assert refused.value.count == 2
    assert (await stage.app.platforms.get(LOCAL, "default")).config.version == 1
    await stage.app.platforms.change(LOCAL, "default", warmed, force=True, why="the new router")
    (told,) = await changes(stage, "platform.changed")
    assert told.why.startswith("the new router; forced: ")
    assert "News" in told.why


async def test_settings_that_no_booking_feels_are_saved_at_once(stage):
    await stage.book()
    saved = await stage.app.platforms.change(LOCAL, "default", limited(300))
    assert saved.config.limits.lso_us == 300_000_000


async def test_what_was_doomed_before_does_not_stand_in_the_way(stage):
    await stage.book()
    await stage.app.platforms.change(LOCAL, "default", without("START", "PAUSE"), force=True)
    await stage.app.platforms.change(LOCAL, "default", limited(300), force=False)


async def test_the_change_log_says_what_each_setting_was_and_is(stage):
    await stage.app.platforms.change(LOCAL, "default", limited(300))
    await stage.app.platforms.change(LOCAL, "default", without("STOP", "START"), force=True)
    told = await changes(stage, "platform.changed")
    assert [(t.before, t.after) for t in told] == [
        ("limits.lso=1200", "limits.lso=300"),
        ("service_states.transitions.STOP -> START=yes", "service_states.transitions.STOP -> START="),
    ]


async def test_the_change_log_says_which_bookings_a_setting_touches(stage):
    news = await stage.book()
    secret = await stage.book("Merger", encoder="enc-2")
    await stage.edit(secret, scopes=["finance"])
    await stage.book("Draft", encoder="enc-3", confirm=False)
    line = await stage.book("Line", start=NOON + 600 * MINUTE, definition=None, a="enc-1")
    await stage.app.platforms.change(LOCAL, "default", limited(300), why="short scripts")
    await stage.configure(guard_us=60_000_000)
    touching, other = await changes(stage, "platform.changed")
    said, _, named = touching.why.partition(": ")
    assert (said, set(named.split(", "))) == (
        "short scripts; touches 3 bookings",
        {f"News ({news})", "a booking with scopes", f"Line ({line})"},
    )
    assert other.why == "", "nothing that is booked feels what is proposed first"


async def test_the_change_log_names_no_booking_with_scopes_that_would_fail(stage):
    secret = await stage.book("Merger")
    await stage.edit(secret, scopes=["finance"])
    await stage.app.platforms.change(LOCAL, "default", warmed, force=True)
    (told,) = await changes(stage, "platform.changed")
    assert "forced: a booking with scopes (Confirmed): " in told.why
    assert "Merger" not in told.why


async def test_the_history_has_every_version_and_undo_goes_back(stage):
    platforms = stage.app.platforms
    first = await platforms.get(LOCAL, "default")
    for seconds in (300, 200, 100):
        await platforms.change(LOCAL, "default", limited(seconds), why=f"{seconds} is enough")
    history = await platforms.history(LOCAL, "default")
    assert [past.edition.platform.config.version for past in history][:3] == [4, 3, 2]
    assert [str(d) for past in history[:3] for d in past.changed] == [
        "limits.lso: 200 -> 100", "limits.lso: 300 -> 200", "limits.lso: 1200 -> 300",
    ]  # fmt: skip
    assert [past.edition.why for past in history][:3] == ["100 is enough", "200 is enough", "300 is enough"]
    assert history[0].edition.actor == LOCAL.name
    assert (await platforms.undo(LOCAL, "default")).config.limits.lso_us == 200_000_000
    back = await platforms.undo(LOCAL, "default", 1)
    assert replace(back.config, version=1) == first.config
    assert back.config.version == 6
    pages = [await platforms.history(LOCAL, "default", before=before, limit=2) for before in (None, 5, 3)]
    whole = await platforms.history(LOCAL, "default")
    assert [p.changed for page in pages for p in page] == [p.changed for p in whole]


@pytest.mark.parametrize("version", [0, -1, 2, 99])
async def test_there_is_no_going_back_to_a_version_that_never_was(stage, version):
    with pytest.raises(NotFound) as refused:
        await stage.app.platforms.undo(LOCAL, "default", version)
    assert "versions 1 to 1" in refused.value.hint


async def test_undo_is_checked_as_every_change_is(stage):
    await stage.app.platforms.change(LOCAL, "default", warmed)
    await stage.app.platforms.undo(LOCAL, "default")
    ident = await stage.book()
    with pytest.raises(WouldFail) as refused:
        await stage.app.platforms.undo(LOCAL, "default")
    assert [d.booking for d in refused.value.doomed] == [ident]
    assert (await stage.app.platforms.undo(LOCAL, "default", force=True)).config.version == 4


async def test_two_who_change_at_once_one_is_told(stage):
    await stage.app.platforms.change(LOCAL, "default", limited(300), seen=1)
    with pytest.raises(Stale) as refused:
        await stage.app.platforms.change(LOCAL, "default", limited(200), seen=1)
    assert (refused.value.seen, refused.value.stored) == (1, 2)
    assert (await stage.app.platforms.get(LOCAL, "default")).config.limits.lso_us == 300_000_000


async def test_who_may_not_change_settings_changes_nothing(stage):
    for action in (
        stage.app.platforms.change(Actor("guest", frozenset({"operator"})), "default", limited(300)),
        stage.app.platforms.undo(Actor("guest", frozenset({"viewer"})), "default", 1),
    ):
        with pytest.raises(NotPermitted):
            await action
    assert (await stage.app.platforms.get(LOCAL, "default")).config.version == 1


async def test_a_stage_that_maps_to_an_own_state_runs_the_action_of_that_name(stage):
    assert (await stage.app.platforms.change(LOCAL, "default", warmed)).config.service_states.mapping.preroll == "Warm"
    definition = replace(CONTRIBUTION, name="Warmed", actions={**ACTIONS, "WARM": "warm-up"})
    await stage.app.catalogue.apply(LOCAL, "default", [definition])
    news = await stage.book(definition="Warmed")
    await stage.to(-300)
    assert (await stage.see(news)).booking.service_state == "Warm"
    assert [(call.script, call.target) for call in stage.cast.calls] == [("warm-up", "Warm")]


NOW_AND_SOON = [
    # asked                                                 minutes from noon: start, end; lengths of the rolls
    (AskedTiming(),                                         (17, 77, 10, 5)),
    (AskedTiming(pre_roll=0),                               (7, 67, 0, 5)),
    (AskedTiming(start=NOON + 30 * MINUTE),                 (30, 90, 10, 5)),
    (AskedTiming(end=NOON + 30 * MINUTE, post_roll=0),      (17, 30, 10, 0)),
    (AskedTiming(permanent=True),                           (17, None, 10, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "found"), NOW_AND_SOON)
async def test_what_a_booking_does_not_say_of_its_time_is_the_platforms_default(stage, asked, found):
    defaults = Defaults(7 * MINUTE, 60 * MINUTE, 10 * MINUTE, 5 * MINUTE)
    await stage.configure(defaults=defaults)
    await stage.to(0)
    start, end, pre_roll, post_roll = found
    made = await stage.app.bookings.create(LOCAL, NewBooking("News", asked, nodes={"Encoder": NodeChoice("enc-1")}))
    at = None if end is None else NOON + end * MINUTE
    assert made.booking.timing == Timing(NOON + start * MINUTE, at, pre_roll * MINUTE, post_roll * MINUTE)


async def test_a_start_between_two_seconds_is_the_next_one():
    assert AskedTiming().timing(Defaults(), NOON + 1) == Timing(NOON + SECOND, None)
