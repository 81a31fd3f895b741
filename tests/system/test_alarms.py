# SPDX-License-Identifier: Apache-2.0
"""Bookings that nobody has confirmed while their time comes near, and when it is over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.domain.attention import Attention
from preroll.domain.booking import State
from preroll.domain.permission import LOCAL
from preroll.domain.window import MINUTE, SECOND
from preroll.ports.lists import BookingFilter
from tests.builders import NOON
from tests.system.stage import CONFIG

NEAR = -20 * 60
"""When the alarm of a booking at the full hour is due: 5 minutes of pre-roll, 15 of the platform's limit."""


async def alarms(stage, ident: str) -> list[tuple[int, str, str]]:
    """(second from the full hour, state, what was told) of each alarm."""
    found = [c for c in await stage.history(ident) if c.kind == "booking.near_air"]
    return [((c.at_us - NOON) // SECOND, c.after, c.why) for c in found]


async def at(stage, ident: str) -> list[int]:
    return [second for second, _, _ in await alarms(stage, ident)]


async def needing(stage, *kinds: Attention) -> list[str]:
    page = await stage.app.bookings.page(LOCAL, BookingFilter(attention=frozenset(kinds)))
    return [b.name for b in page.items]


async def test_who_is_not_confirmed_in_time_raises_one_alarm(stage):
    news = await stage.book(confirm=False)
    held = await stage.book("Held", confirm=False, encoder="enc-2")
    await stage.hold(held)
    good = await stage.book("Good", encoder="enc-3")
    await stage.to(NEAR - 2)
    assert await alarms(stage, news) == []
    assert (await stage.see(news)).attention is None
    await stage.to(NEAR + 2)
    ((second, state, why),) = await alarms(stage, news)
    assert NEAR <= second <= NEAR + 1
    assert state == "Partial"
    assert why.startswith("near air: its first event is due in 1")
    assert why.endswith("it is Partial; confirm it, move it to a later time, or cancel it")
    assert [state for _, state, _ in await alarms(stage, held)] == ["On-Hold"]
    assert await alarms(stage, good) == []
    seen = await stage.see(news)
    assert seen.attention is Attention.NEAR_AIR
    assert [w for w in seen.warnings if w.startswith("near air: its first event is due in 14 min")]
    await stage.to(0)
    assert await at(stage, news) == [second], "once"


async def test_an_alarm_moves_with_the_start(stage):
    news = await stage.book(confirm=False)
    await stage.retime(news, start=NOON + 30 * MINUTE)
    await stage.to(NEAR + 5)
    assert await at(stage, news) == []
    await stage.to(30 * 60 + NEAR + 2)
    (first,) = await at(stage, news)
    await stage.edit(news, name="Late news")
    await stage.to(30 * 60 - 300)
    assert await at(stage, news) == [first], "an edit of something else raises none"
    await stage.retime(news, start=NOON + 50 * MINUTE)
    await stage.to(50 * 60 + NEAR + 2)
    assert len(await at(stage, news)) == 2


async def test_a_confirmed_booking_that_loses_its_place_raises_one_too(stage):
    news = await stage.book(confirm=False)
    await stage.to(NEAR + 2)
    await stage.confirm(news)
    await stage.hold(news)
    await stage.to(NEAR + 5)
    assert [state for _, state, _ in await alarms(stage, news)] == ["Partial", "On-Hold"]
    await stage.confirm(news)
    await stage.book("Cup", priority=5, force=True, confirm=False, encoder="enc-1")
    await stage.to(NEAR + 9)
    assert await stage.state(news) is State.QUARANTINED
    assert (await alarms(stage, news))[-1][2].endswith(
        "it is Quarantined; take it out of quarantine, with another resource or time if need be, or cancel it"
    )


async def test_who_confirms_or_cancels_in_time_raises_none(stage):
    news, gone = await stage.book(confirm=False), await stage.book("Gone", confirm=False, encoder="enc-2")
    await stage.confirm(news)
    await stage.cancel(gone)
    await stage.to(10)
    assert await at(stage, news) == await at(stage, gone) == []
    assert (await stage.see(gone)).attention is None


async def test_the_platform_sets_the_limit_and_may_have_none(stage):
    await stage.configure(limits=replace(CONFIG.limits, near_air_us=None))
    news = await stage.book(confirm=False)
    await stage.to(NEAR + 10)
    assert await at(stage, news) == []
    assert await needing(stage, Attention.NEAR_AIR) == []
    await stage.configure(limits=replace(CONFIG.limits, near_air_us=10 * MINUTE))
    await stage.to(-15 * 60 + 2)
    (second,) = await at(stage, news)
    assert -15 * 60 <= second <= -15 * 60 + 1


async def test_what_is_over_is_lapsed_and_says_what_to_do(stage):
    news, later = await stage.book(confirm=False), await stage.book("Later", start=NOON + 90 * MINUTE, confirm=False)
    await stage.to(3599)
    assert (await stage.see(news)).attention is Attention.NEAR_AIR
    assert await needing(stage, Attention.NEAR_AIR) == ["News"]
    await stage.to(3600)
    seen = await stage.see(news)
    assert seen.attention is Attention.LAPSED
    assert seen.booking.state is State.PARTIAL
    assert seen.warnings == (
        "lapsed: its window has passed and it was never confirmed; move it to a later time, or cancel it",
    )
    await stage.to(75 * 60)
    assert await needing(stage, Attention.LAPSED) == ["News"]
    assert await needing(stage, Attention.LAPSED, Attention.NEAR_AIR) == ["News", "Later"]
    await stage.retime(news, start=NOON + 200 * MINUTE, end=NOON + 260 * MINUTE)
    assert (await stage.see(news)).attention is None
    await stage.cancel(later)
    assert await needing(stage, Attention.LAPSED, Attention.NEAR_AIR) == []


@pytest.mark.parametrize("end", [None, 60])
async def test_one_that_was_booked_too_late_is_told_at_once(stage, end):
    await stage.to(0)
    news = await stage.book(start=NOON - 10 * MINUTE, minutes=end, confirm=False)
    await stage.to(3)
    ((second, _, why),) = await alarms(stage, news)
    assert second <= 2
    assert why.startswith("near air: its first event is due and it is Partial")
