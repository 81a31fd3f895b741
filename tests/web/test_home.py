# SPDX-License-Identifier: Apache-2.0
"""Home for the night, without a browser: what each line says, where it leads, and what a fresh installation teaches."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from preroll.app import build
from preroll.app.night import Needing, Night, Trouble
from preroll.app.night_orders import OrderTrouble
from preroll.app.workers import Fleet
from preroll.domain.booking import State
from preroll.domain.concern import Concern
from preroll.domain.config import Platform
from preroll.domain.order_concern import OrderConcern
from preroll.domain.permission import LOCAL
from preroll.domain.window import DAY, HOUR, MINUTE, SECOND
from preroll.gate.guard import Guard
from preroll.ports.night import Filled
from preroll.store import open_inline_store
from preroll.web import create_pages
from preroll.web.night_shown import apart, shown
from tests import builders
from tests.builders import NOON
from tests.store.world import OFF_AIR, ON_AIR, PRE_ROLL, StoppedClock, World

EVIL = "<img src=x onerror=alert(1)>\"'&"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    clock = StoppedClock()
    store = open_inline_store(clock)
    made = World(store, clock, "")
    await made.furnish()
    yield made
    store.close()


@pytest.fixture
async def tonight(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """The pages of the world, for who has the part of the first one refreshed."""
    app = build(world.store, None)
    transport = httpx.ASGITransport(create_pages(app, guard=Guard(app)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        client.headers["HX-Request"] = "true"
        yield client


async def test_a_failed_booking_says_why_and_leads_to_its_repair(world: World, tonight: httpx.AsyncClient):
    booking = await world.book("News", ["enc-1"])
    await world.fail(await world.only(PRE_ROLL))
    part = (await tonight.get("/")).text
    assert "<html" not in part
    assert "Failed while it runs" in part
    assert "START_BOOKING_WITH_PREROLL: it would not" in part
    assert "retry the event, or acknowledge it" in part
    assert f'href="/bookings/{booking.id}?platform=tv"' in part


def test_what_is_urgent_is_first_whatever_it_is_of():
    quarantined = builders.booking(State.QUARANTINED)
    held = Trouble(quarantined, Concern.QUARANTINED, "lost it", "cancel it", NOON)
    order = OrderTrouble("o-1", "Line", "Failed Deploy", OrderConcern.FAILED_DEPLOY, "enc-4", "retry it", NOON)
    fleet, filled = Fleet((), (), (), NOON), Filled(resources=True, definitions=True, bookings=True)
    night = Night(Platform("tv"), NOON, (), (), Needing((held,), orders=(order,)), (), fleet, filled)
    assert [(one.link.name, one.urgent) for one in shown(night).troubles] == [("Line", True), ("Evening news", False)]


async def test_what_is_on_the_air_tells_its_next_event(world: World, tonight: httpx.AsyncClient):
    await world.book("News", ["enc-1"])
    await world.drain(PRE_ROLL)
    await world.drain(ON_AIR)
    part = (await tonight.get("/")).text
    assert 'On the air <span class="count">1</span>' in part
    assert re.search(r"STOP</span> in 1 h", part)
    assert "Nothing needs anybody" in part
    assert ">next: <" in part
    world.clock.us = OFF_AIR + 3 * MINUTE
    part = (await tonight.get("/")).text
    assert re.search(r'>due: <span class="mono">STOP</span> 3 min ago', part)


async def test_what_comes_next_tells_what_it_lacks(world: World, tonight: httpx.AsyncClient):
    await world.book("Half", ["enc-2"], armed=False, state=State.PARTIAL)
    part = (await tonight.get("/")).text
    assert "<li>state is Partial</li>" in part
    assert "in 55 min" in part


async def test_markup_in_a_name_is_text(world: World, tonight: httpx.AsyncClient):
    await world.book(EVIL, ["enc-1"])
    await world.fail(await world.only(PRE_ROLL), message=EVIL)
    part = (await tonight.get("/")).text
    assert "<img" not in part
    assert part.count("&lt;img src=x") >= 2


async def test_nobody_runs_what_is_due(world: World, tonight: httpx.AsyncClient):
    await world.book("News", ["enc-1"])
    world.clock.us = PRE_ROLL + MINUTE
    part = (await tonight.get("/")).text
    assert "no engine lives" in part
    assert "start preroll serve" in part


async def test_a_fresh_installation_teaches_the_first_step(pages: httpx.AsyncClient):
    page = (await pages.get("/")).text
    assert "There are no resources yet" in page
    assert "There is no service yet" not in page
    assert "Nothing is on the air." in page


async def test_with_everything_but_bookings_it_teaches_to_book(tonight: httpx.AsyncClient):
    assert "Nothing is booked yet" in (await tonight.get("/")).text


async def test_without_a_platform_there_is_nothing_to_refresh():
    store = open_inline_store(StoppedClock())
    app = build(store, None)
    assert await app.platforms.list(LOCAL) == []
    transport = httpx.ASGITransport(create_pages(app, guard=Guard(app)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        page = await client.get("/")
    store.close()
    assert page.status_code == 200
    assert "There is no platform yet" in page.text
    assert "hx-trigger" not in page.text


@pytest.mark.parametrize(
    ("us", "told"),
    [
        (0, "now"), (30 * SECOND, "in 30 s"), (-5 * MINUTE, "5 min ago"), (HOUR, "in 1 h"),
        (-HOUR - 20 * MINUTE, "1 h 20 min ago"), (DAY + 3 * HOUR, "in 1 d 3 h"), (-2 * DAY, "2 d ago"),
    ],
)  # fmt: skip
def test_how_far_an_instant_is(us: int, told: str):
    assert apart(NOON + us, NOON) == told
