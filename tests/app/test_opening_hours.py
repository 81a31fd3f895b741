# SPDX-License-Identifier: Apache-2.0
"""Resources that cannot be booked at any time: what is refused, what a change of their hours does, and the way back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.availability import Question, Wanted
from preroll.app.bookings import Edit, NewBooking
from preroll.domain.availability import WEEKDAYS, Availability, Hours, Period
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.config import Platform
from preroll.domain.errors import Conflict, NotReady
from preroll.domain.permission import LOCAL
from preroll.domain.quarantine import Kind, Reason
from preroll.domain.resource import Mode, Resource
from preroll.domain.window import DAY, HOUR, MINUTE
from tests.builders import NOON

DISH = Resource("dish", function="uplink")
MIDDAY = NOON - NOON % DAY
"""Midnight of UTC before the first hour; NOON is a full hour of that day."""


def blackout(start: int, end: int | None, reason: str = "new antenna") -> Availability:
    return Availability(blackouts=(Period(NOON + start * HOUR, None if end is None else NOON + end * HOUR, reason),))


async def put(stage, *documents, force: bool = False) -> None:
    await stage.app.catalogue.apply(LOCAL, "default", documents, force=force)


async def book(stage, name: str = "News", hours: tuple[int, int | None] = (0, 1), **more) -> str:
    start, end = (None if at is None else NOON + at * HOUR for at in hours)
    nodes = more.pop("nodes", {"a": NodeChoice("dish")})
    made = await stage.app.bookings.create(LOCAL, NewBooking(name, Timing(start, end), nodes=nodes, **more))
    return made.booking.id


async def eligible(stage, hours: tuple[int, int | None] = (0, 1), **more):
    start, end = (None if at is None else NOON + at * HOUR for at in hours)
    asked = Question(Timing(start, end), nodes={"a": Wanted(function="uplink")}, explain=True, **more)
    return (await stage.app.availability.eligible(LOCAL, asked))["a"]


@pytest.fixture
async def stage(stage):
    await put(stage, DISH)
    return stage


# ── what is refused ──────────────────────────────────────────────────────────


async def test_query_booking_edit_and_suggestion_say_the_same(stage):
    await put(stage, replace(DISH, availability=blackout(2, 4)))
    answer = await eligible(stage, (1, 3))
    assert answer.eligible == ()
    (rule,) = answer.refused["dish"]
    assert "(blackout, new antenna)" in rule.why
    assert (rule.start_us, rule.end_us, rule.opens_us) == (NOON + 2 * HOUR, NOON + 4 * HOUR, NOON + 4 * HOUR)
    assert answer.next_start == NOON + 4 * HOUR
    with pytest.raises(Conflict) as refused:
        await book(stage, hours=(1, 3))
    assert list(refused.value.clashes) == [replace(rule, nodes=("a",))]
    assert [way.start_us for way in refused.value.ways] == [NOON + 4 * HOUR]
    ident = await book(stage, hours=(1, 2))
    await book(stage, "After", hours=(4, 5))
    with pytest.raises(Conflict, match="blackout"):
        await stage.edit(ident, timing=Timing(NOON + HOUR, NOON + 2 * HOUR + MINUTE))


async def test_weekly_hours_are_those_of_the_platform_unless_the_resource_has_a_zone(stage):
    hours = Hours(WEEKDAYS, 0, 12 * 60)
    midnight = MIDDAY + DAY
    away = Availability(weekly=(hours,), zone="Asia/Tokyo")
    await put(
        stage, replace(DISH, availability=Availability(weekly=(hours,))), replace(DISH, name="far", availability=away)
    )
    assert [o.resource.name for o in (await eligible_at(stage, midnight, midnight + 3 * HOUR)).eligible] == [
        "dish", "far",
    ]  # fmt: skip
    later = await eligible_at(stage, midnight + 3 * HOUR, midnight + 4 * HOUR)
    assert [o.resource.name for o in later.eligible] == ["dish"]
    assert "weekly hours, Asia/Tokyo" in later.refused["far"][0].why


async def eligible_at(stage, start: int, end: int):
    asked = Question(Timing(start, end), nodes={"a": Wanted(function="uplink")}, explain=True)
    return (await stage.app.availability.eligible(LOCAL, asked))["a"]


async def test_a_permanent_booking_needs_a_resource_that_never_closes(stage):
    await put(stage, replace(DISH, availability=Availability(weekly=(Hours(WEEKDAYS[:5], 0, 1440),))))
    assert (await eligible(stage, (0, None))).next_start is None
    with pytest.raises(Conflict, match="a permanent booking needs it open without end"):
        await book(stage, hours=(0, None))
    await put(stage, replace(DISH, availability=Availability(weekly=(Hours(WEEKDAYS, 0, 1440),))))
    await book(stage, hours=(0, None))


async def test_how_far_ahead_counts_from_the_command_and_is_no_matter_of_force(stage):
    await put(stage, replace(DISH, availability=Availability(days_ahead=2)))
    far = (48, 49)
    answer = await eligible(stage, far)
    assert "bookable at most 2 days ahead" in answer.refused["dish"][0].why
    assert answer.next_start is None
    for force in (False, True):
        with pytest.raises(Conflict) as refused:
            await book(stage, hours=far, force=force)
        assert refused.value.losing == ()
    ident = await book(stage, hours=(20, 21))
    with pytest.raises(Conflict, match="2 days ahead"):
        await stage.edit(ident, timing=Timing(NOON + 20 * HOUR, NOON + 49 * HOUR), force=True)
    await stage.to(3 * 3600)
    await book(stage, "Later", hours=far)
    await put(stage, replace(DISH, availability=Availability(days_ahead=1)))
    seen = await stage.edit(ident, name="Still there", timing=Timing(NOON + 19 * HOUR, NOON + 20 * HOUR))
    assert seen.booking.state is State.PARTIAL
    await stage.confirm(ident)


async def test_a_fault_of_the_moment_bars_new_bookings_and_confirming_and_nothing_else(stage):
    ident = await book(stage)
    confirmed = await book(stage, "Confirmed", hours=(2, 3))
    await stage.confirm(confirmed)
    await put(stage, replace(DISH, mode=Mode.UNAVAILABLE))
    assert [c.why for c in (await eligible(stage, (5, 6))).refused["dish"]] == ["it is unavailable"]
    for force in (False, True):
        with pytest.raises(Conflict, match="it is unavailable"):
            await book(stage, "New", hours=(5, 6), force=force)
    with pytest.raises(NotReady, match="it is unavailable"):
        await stage.confirm(ident)
    moved = await stage.edit(confirmed, timing=Timing(NOON + 4 * HOUR, NOON + 5 * HOUR))
    assert moved.booking.state is State.CONFIRMED
    other = await book(stage, "Elsewhere", hours=(7, 8), nodes={"a": NodeChoice("enc-1")})
    with pytest.raises(Conflict, match="it is unavailable"):
        await stage.edit(other, nodes={"a": NodeChoice("dish")})


# ── what a change does ───────────────────────────────────────────────────────


async def test_other_hours_quarantine_in_two_steps_and_the_way_back_is_open_when_they_are(stage):
    ident = await book(stage, hours=(0, 1), nodes={"a": NodeChoice("dish"), "b": NodeChoice("enc-1")})
    await stage.confirm(ident)
    spared = await book(stage, "Spared", hours=(4, 5))
    closed = replace(DISH, availability=blackout(-1, 2))
    with pytest.raises(Conflict) as refused:
        await put(stage, closed)
    assert [(line.name, line.kind, line.resource) for line in refused.value.losing] == [
        ("News", "OutsideResourceAvailabilityWindow", "dish")
    ]
    assert await stage.state(ident) is State.CONFIRMED
    await put(stage, closed, force=True)
    seen = await stage.see(ident)
    (loss,) = seen.lot.losses
    assert (seen.booking.state, loss.kind, loss.reason, loss.was) == (
        State.QUARANTINED, Kind.AVAILABILITY, Reason.AVAILABILITY_CHANGED, State.CONFIRMED,
    )  # fmt: skip
    assert "blackout, new antenna" in loss.why
    assert await stage.state(spared) is State.PARTIAL
    with pytest.raises(Conflict, match="blackout"):
        await stage.app.bookings.leave_quarantine(LOCAL, ident, None)
    moved = await stage.app.bookings.leave_quarantine(
        LOCAL, ident, None, Edit(timing=Timing(NOON + 2 * HOUR, NOON + 3 * HOUR))
    )
    assert moved.booking.state is State.CONFIRMED
    await put(stage, DISH)


async def test_a_blackout_that_is_lifted_offers_to_leave(stage):
    ident = await book(stage)
    await put(stage, replace(DISH, availability=blackout(0, None)), force=True)
    assert (await stage.see(ident)).lot.in_the_way
    await put(stage, DISH)
    seen = await stage.see(ident)
    assert (seen.booking.state, seen.lot.in_the_way) == (State.QUARANTINED, ())
    assert (await stage.app.bookings.leave_quarantine(LOCAL, ident, None)).booking.state is State.PARTIAL


async def test_forced_on_a_closed_resource_the_booking_itself_is_the_loser(stage):
    await put(stage, replace(DISH, availability=blackout(0, 1)))
    ident = await book(stage, force=True)
    assert await stage.state(ident) is State.QUARANTINED


async def test_who_runs_is_in_conflict_and_what_is_past_is_no_matter(stage):
    news = await stage.book("News", minutes=180, definition="Plain", pre=0, post=0)
    await stage.to(3600)
    encoder = next(r for r in await stage.app.catalogue.resources(LOCAL, "default") if r.name == "enc-1")
    await put(stage, replace(encoder, availability=blackout(-9, 1)))
    assert (await stage.see(news)).warnings == ()
    await stage.edit(news, timing=Timing(NOON, NOON + 200 * MINUTE))
    await stage.edit(news, timing=Timing(NOON, NOON + 180 * MINUTE))
    closed = replace(encoder, availability=blackout(2, 9))
    with pytest.raises(Conflict) as refused:
        await put(stage, closed)
    assert [(line.name, line.runs) for line in refused.value.losing] == [("News", True)]
    await put(stage, closed, force=True)
    seen = await stage.see(news)
    assert seen.booking.state is State.ACTIVE
    assert seen.warnings[0].startswith("in conflict: enc-1: closed from")
    await put(stage, encoder)
    assert (await stage.see(news)).lot is None
    await stage.to(4 * 3600)
    assert await stage.state(news) is State.COMPLETED


async def test_how_far_ahead_quarantines_nobody(stage):
    ident = await book(stage, hours=(100, 101))
    await put(stage, replace(DISH, availability=Availability(days_ahead=1)))
    assert await stage.state(ident) is State.PARTIAL
    assert (await stage.see(ident)).lot is None


@pytest.mark.parametrize("door", ["bundle", "platform"])
async def test_another_zone_of_the_platform_moves_the_hours_of_its_resources(stage, door):
    async def save(document: Platform, *, force: bool = False) -> None:
        if door == "bundle":
            await put(stage, document, force=force)
        else:
            await stage.app.platforms.put(LOCAL, document, force=force)

    platform = await stage.app.platforms.get(LOCAL, "default")
    assert platform.zone == "UTC"
    opened = Hours(WEEKDAYS, 0, 1439)
    night = MIDDAY + 2 * DAY
    await put(stage, replace(DISH, availability=Availability(weekly=(opened,))))
    nodes = {"a": NodeChoice("dish")}
    made = await stage.app.bookings.create(
        LOCAL, NewBooking("Night", Timing(night - 2 * HOUR, night - HOUR), nodes=nodes)
    )
    moved = Platform("default", "Europe/Lisbon", platform.config)
    with pytest.raises(Conflict) as refused:
        await save(moved)
    assert [line.name for line in refused.value.losing] == ["Night"]
    await save(moved, force=True)
    (loss,) = (await stage.see(made.booking.id)).lot.losses
    assert loss.reason is Reason.AVAILABILITY_CHANGED
    assert "weekly hours, Europe/Lisbon" in loss.why
