# SPDX-License-Identifier: Apache-2.0
"""What each action does to a booking and to its timetable, beside what the table says of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.bookings import Copy
from preroll.domain.booking import State
from preroll.domain.boundaries import Kind
from preroll.domain.errors import ActionNotPossible, Conflict, Invalid, NameInUse, NotFound
from preroll.domain.permission import LOCAL, Actor
from preroll.domain.window import MINUTE, SECOND
from preroll.ports.lists import BookingFilter
from tests.builders import NOON

HOUR = 3_600
ANNA, BERT = Actor("anna", frozenset({"operator"})), Actor("bert", frozenset({"operator"}))


async def test_start_now_begins_pre_roll_now_and_keeps_the_end(stage):
    news = await stage.book()
    await stage.to(-1800)
    await stage.app.bookings.start_now(LOCAL, news, None)
    await stage.to(-1799)
    assert await stage.state(news) is State.PRE_ROLL
    timing = (await stage.see(news)).booking.timing
    assert (timing.start, timing.end) == (NOON - 25 * MINUTE, NOON + 60 * MINUTE)
    await stage.to(2 * HOUR)
    assert [after for _, after in await stage.life(news)][-4:] == [
        "Pre-roll",
        "Service Active",
        "Post-roll",
        "Completed",
    ]


async def test_start_now_with_another_pre_roll(stage):
    news = await stage.book()
    await stage.to(-1800)
    await stage.app.bookings.start_now(LOCAL, news, None, pre_roll=0)
    await stage.to(-1799)
    assert await stage.state(news) is State.ACTIVE


async def test_start_now_is_refused_when_its_first_event_is_due_or_somebody_is_in_the_way(stage):
    early = await stage.book("Early", start=NOON - 30 * MINUTE, minutes=10)
    news = await stage.book()
    await stage.to(-2000)
    with pytest.raises(Conflict) as refused:
        await stage.app.bookings.start_now(LOCAL, news, None)
    assert refused.value.clashes[0].rival == early
    late = await stage.book("Late", encoder="enc-2", start=stage.now + 60 * SECOND, pre=1, confirm=False)
    with pytest.raises(ActionNotPossible, match="Partial"):
        await stage.app.bookings.start_now(LOCAL, late, None)
    await stage.app.bookings.confirm(LOCAL, late, None)
    with pytest.raises(ActionNotPossible, match="its first event is due"):
        await stage.app.bookings.start_now(LOCAL, late, None)


async def test_extend_by_and_until(stage):
    news = await stage.book()
    await stage.to(60)
    await stage.app.bookings.extend(LOCAL, news, None, by_us=15 * MINUTE)
    assert (await stage.see(news)).booking.timing.end == NOON + 75 * MINUTE
    await stage.app.bookings.extend(LOCAL, news, None, until_us=NOON + 90 * MINUTE)
    assert (await stage.see(news)).booking.timing.end == NOON + 90 * MINUTE
    for wrong in ({"by_us": 0}, {"by_us": -MINUTE}, {"until_us": NOON + 90 * MINUTE}):
        with pytest.raises(Invalid, match="not after the end"):
            await stage.app.bookings.extend(LOCAL, news, None, **wrong)


async def test_a_permanent_booking_is_not_extended_but_given_an_end(stage):
    news = await stage.book(minutes=None)
    await stage.to(60)
    with pytest.raises(Invalid, match="permanent"):
        await stage.app.bookings.extend(LOCAL, news, None, by_us=MINUTE)
    await stage.app.bookings.adjust(LOCAL, news, None, lambda t: replace(t, end=NOON + 10 * MINUTE, post_roll=MINUTE))
    await stage.to(HOUR)
    assert await stage.state(news) is State.COMPLETED


async def test_an_extension_into_another_running_booking_is_refused_even_by_force(stage):
    news = await stage.book()
    await stage.book("Next", start=NOON + 80 * MINUTE)
    await stage.to(60)
    with pytest.raises(Conflict) as refused:
        await stage.app.bookings.extend(LOCAL, news, None, by_us=15 * MINUTE)
    assert refused.value.ways
    await stage.app.bookings.extend(LOCAL, news, None, by_us=15 * MINUTE, force=True)
    (rival,) = (await stage.app.bookings.page(LOCAL, BookingFilter(text="next"))).items
    assert rival.state is State.QUARANTINED


async def test_adjust_moves_everything_while_it_waits_and_the_end_while_it_runs(stage):
    news = await stage.book()
    await stage.app.bookings.adjust(LOCAL, news, None, lambda t: replace(t, start=NOON + MINUTE, pre_roll=0))
    await stage.app.bookings.adjust(LOCAL, news, None, lambda t: replace(t, start=NOON, pre_roll=5 * MINUTE))
    await stage.to(-200)
    with pytest.raises(Invalid, match="start: is frozen"):
        await stage.app.bookings.adjust(LOCAL, news, None, lambda t: replace(t, start=NOON + MINUTE))
    await stage.app.bookings.adjust(LOCAL, news, None, lambda t: replace(t, end=NOON + 10 * MINUTE))
    await stage.to(20 * 60)
    assert await stage.state(news) is State.COMPLETED


async def test_a_renamed_booking_does_not_take_a_name_that_is_in_use(stage):
    news, sports = await stage.book("News"), await stage.book("Sports", encoder="enc-2")
    with pytest.raises(NameInUse):
        await stage.app.bookings.rename(LOCAL, sports, None, "NEWS")
    renamed = await stage.app.bookings.rename(LOCAL, sports, None, "  Cup ")
    assert renamed.booking.name == "Cup"
    await stage.to(60)
    assert (await stage.app.bookings.rename(LOCAL, news, None, "Late news")).booking.state is State.ACTIVE


async def test_properties_are_patched_in_every_state(stage):
    news = await stage.book()
    await stage.app.bookings.set_properties(LOCAL, news, None, {"ticket": 7, "colour": "red"})
    await stage.to(2 * HOUR)
    after = await stage.app.bookings.set_properties(LOCAL, news, None, {"colour": None, "rating": 5})
    assert (after.booking.state, after.booking.properties) == (State.COMPLETED, {"ticket": 7, "rating": 5})


async def test_a_duplicate_is_partial_and_holds_what_the_original_holds(stage):
    news = await stage.book()
    with pytest.raises(Conflict):
        await stage.app.bookings.duplicate(LOCAL, news)
    made = await stage.app.bookings.duplicate(LOCAL, news, Copy(start=NOON + 120 * MINUTE))
    was, now = (await stage.see(news)).booking, made.booking
    assert (now.name, now.state, now.nodes, now.definition) == ("News Copy", State.PARTIAL, was.nodes, was.definition)
    assert (now.timing.start, now.timing.end) == (NOON + 120 * MINUTE, NOON + 180 * MINUTE)


async def test_a_failed_booking_is_duplicated_for_the_rest_of_its_window(stage):
    stage.rig.crash()
    await stage.configure(
        limits=replace((await stage.app.platforms.get(LOCAL, "default")).config.limits, late_us=MINUTE)
    )
    news = await stage.book()
    await stage.to(10 * 60)
    await stage.rig.start()
    await stage.rig.quiet()
    assert await stage.state(news) is State.FAILED
    made = (await stage.app.bookings.duplicate(LOCAL, news)).booking
    assert (made.timing.start - made.timing.pre_roll, made.timing.end) == (stage.now, NOON + 60 * MINUTE)
    await stage.to(2 * HOUR)
    with pytest.raises(Invalid, match="has passed"):
        await stage.app.bookings.duplicate(LOCAL, news)


async def test_a_deleted_booking_is_hidden_and_its_history_stays(stage):
    news = await stage.book()
    await stage.cancel(news)
    await stage.app.bookings.delete(LOCAL, news, None, "a test")
    with pytest.raises(NotFound) as gone:
        await stage.see(news)
    assert "was deleted" in gone.value.hint
    with pytest.raises(NotFound):
        await stage.app.bookings.delete(LOCAL, news, None)
    assert not (await stage.app.bookings.page(LOCAL, BookingFilter())).items
    told = await stage.app.views.booking_history(LOCAL, news)
    assert (told[-1].kind, told[-1].why) == ("booking.deleted", "a test")
    assert await stage.app.views.runs(LOCAL, news) == []


async def test_only_its_owner_changes_a_booking_where_the_platform_locks_bookings(stage):
    await stage.configure(lock_bookings=True)
    bookings, news = stage.app.bookings, await stage.book(confirm=False)
    assert (await stage.see(news)).booking.owner == LOCAL.name
    with pytest.raises(ActionNotPossible, match="local has it"):
        await bookings.confirm(ANNA, news, None)
    with pytest.raises(ActionNotPossible, match="local has it"):
        await bookings.take(ANNA, news, None)
    await bookings.release(LOCAL, news, None)
    with pytest.raises(ActionNotPossible, match="nobody has it"):
        await bookings.confirm(ANNA, news, None)
    await bookings.take(ANNA, news, None)
    await bookings.confirm(ANNA, news, None)
    assert (await bookings.force_take(BERT, news, None)).booking.owner == "bert"
    with pytest.raises(ActionNotPossible, match="bert has it"):
        await bookings.cancel(ANNA, news, None)
    owners = [(c.before, c.after) for c in await stage.history(news) if c.kind == "booking.owner"]
    assert owners == [("local", ""), ("", "anna"), ("anna", "bert")]
    await stage.to(60)
    assert (await stage.boundary(news, Kind.END_OF_PRE_ROLL)).state == "done", "the engine asks nobody"
