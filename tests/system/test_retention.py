# SPDX-License-Identifier: Apache-2.0
"""Bookings that are past their platform's retention are forgotten by the engine, and only they."""

from __future__ import annotations

import pytest

from preroll.domain.booking import State
from preroll.domain.errors import NotFound
from preroll.domain.permission import LOCAL
from preroll.domain.window import DAY, SECOND
from preroll.ports.lists import BookingFilter
from tests.builders import NOON
from tests.system.stage import fails

HOUR = 3_600


async def names(stage) -> set[str]:
    page = await stage.app.bookings.page(LOCAL, BookingFilter())
    return {booking.name for booking in page.items}


async def test_without_a_retention_everything_is_kept(stage):
    news = await stage.book()
    await stage.to(3 * 86_400)
    assert await stage.state(news) is State.COMPLETED
    assert len(await stage.runs(news)) == 4


async def test_what_has_ended_is_forgotten_when_its_retention_is_over_and_the_rest_stays(stage):
    await stage.configure(retention_us=DAY)
    news = await stage.book()
    line = await stage.book("Line", minutes=None, encoder="enc-2")
    await stage.book("Draft", confirm=False, encoder="enc-3")
    off = await stage.book("Off", start=NOON + 2 * DAY, encoder="enc-3")
    await stage.cancel(off)
    await stage.to(23 * HOUR)
    assert await names(stage) == {"News", "Line", "Draft", "Off"}
    await stage.to(27 * HOUR)
    assert await names(stage) == {"Line", "Draft", "Off"}, "Off is in the future still"
    with pytest.raises(NotFound):
        await stage.see(news)
    assert await stage.state(line) is State.ACTIVE
    platform = await stage.app.platforms.get(LOCAL, "default")
    told = [c for c in await stage.history(platform.id) if c.kind == "platform.purged"]
    assert [(c.before, c.actor) for c in told] == [("1 bookings", "engine")]
    await stage.to(75 * HOUR)
    assert await names(stage) == {"Line", "Draft"}


async def test_one_that_is_not_reset_is_kept_until_it_is(stage):
    await stage.configure(retention_us=DAY)
    stage.cast.when("reset", fails(), times=1)
    news = await stage.book()
    await stage.to(3 * 86_400)
    assert await stage.state(news) is State.FAILED_COMPLETED
    await stage.acknowledge(news)
    await stage.to(3 * 86_400 + 23 * HOUR)
    assert await stage.state(news) is State.COMPLETED
    await stage.to(5 * 86_400)
    assert await names(stage) == set()


async def test_what_happens_to_it_later_counts_anew(stage):
    await stage.configure(retention_us=DAY)
    news = await stage.book()
    await stage.to(20 * HOUR)
    await stage.app.bookings.set_properties(LOCAL, news, None, {"report": 7})
    await stage.to(43 * HOUR)
    assert await names(stage) == {"News"}
    await stage.to(46 * HOUR)
    assert await names(stage) == set()


async def test_a_start_failure_script_that_still_has_to_run_keeps_its_booking(stage):
    await stage.configure(retention_us=DAY)
    news = await stage.book()
    stage.rig.crash()
    await stage.to(2 * HOUR)
    await stage.configure(paused=True)
    await stage.rig.start()
    await stage.to(3 * 86_400)
    assert await names(stage) == {"News"}
    await stage.configure(paused=False)
    await stage.rig.quiet()
    assert await stage.state(news) is State.FAILED
    assert stage.cast.reports("News")


async def test_many_go_in_small_transactions_one_after_another(stage):
    await stage.configure(retention_us=DAY)
    for n in range(120):
        await stage.book(f"N{n}", start=NOON + n * 700 * SECOND, minutes=1, pre=0, post=0, definition="Plain")
    await stage.to(4 * 86_400)
    assert await names(stage) == set()
    platform = await stage.app.platforms.get(LOCAL, "default")
    told = [c.before for c in await stage.history(platform.id) if c.kind == "platform.purged"]
    assert sum(int(text.split()[0]) for text in told) == 120
    assert max(int(text.split()[0]) for text in told) <= 50
