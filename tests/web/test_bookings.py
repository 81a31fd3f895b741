# SPDX-License-Identifier: Apache-2.0
"""The list of bookings: what it finds, how it is sorted and goes on, what is done with several, what it teaches."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx
import pytest

from preroll.app import App
from preroll.app.edits import NewBooking
from preroll.app.views import BookingDetails
from preroll.domain.booking import State, Timing
from preroll.domain.permission import LOCAL
from preroll.domain.window import DAY, HOUR, MINUTE
from preroll.store import SqlStore
from tests.api.conftest import NOON
from tests.web.studio import NASTY, furnish, running

PART = {"HX-Request": "true"}


async def booked(app: App, name: str = "News", start: int = NOON + HOUR, **more: Any) -> BookingDetails:
    return await app.bookings.create(LOCAL, NewBooking(name, Timing(start, start + HOUR), **more))


def listed(page: str) -> list[str]:
    """The bookings of the list, in its order."""
    return re.findall(r'<tr id="row-([\w-]+)"', page)


def onward(page: str, where: str) -> str:
    """Where the list goes on; empty: it does not."""
    found = re.search(rf'href="(/bookings\?[^"]+)"[^>]*>\W*{where} in the list', page)
    return unescape(found[1]) if found else ""


async def test_an_empty_list_teaches_the_first_thing_first(pages: httpx.AsyncClient, app: App):
    page = (await pages.get("/bookings")).text
    assert "There are no resources yet" in page
    assert "preroll booking create" not in page
    await furnish(app)
    assert "preroll booking create" in (await pages.get("/bookings")).text
    assert "Show all" in (await pages.get("/bookings?q=nothing")).text


async def test_the_list_finds_by_name_and_state(pages: httpx.AsyncClient, app: App):
    news, sport = await booked(app), await booked(app, "Sport")
    await app.bookings.confirm(LOCAL, sport.booking.id, None)
    both = "state=Confirmed&state=Partial"
    for query, there in (("", (news, sport)), ("q=new", (news,)), ("state=Confirmed", (sport,)), (both, (news, sport))):
        page = (await pages.get(f"/bookings?{query}")).text
        assert set(listed(page)) == {one.booking.id for one in there}


async def test_the_list_opens_with_what_runs_or_comes(pages: httpx.AsyncClient, app: App):
    over = [(await booked(app, f"Over {n}", NOON - n * HOUR)).booking.id for n in (1, 20, 3)]
    page = (await pages.get("/bookings")).text
    assert "Nothing runs, and nothing is to come" in page
    assert "Show what is over" in page
    timing = Timing(NOON - 90 * DAY, NOON + DAY)
    long = (await app.bookings.create(LOCAL, NewBooking("Long", timing))).booking.id
    endless = (await app.bookings.create(LOCAL, NewBooking("Endless", Timing(NOON - 30 * DAY, None)))).booking.id
    now, soon = [(await booked(app, f"Now {n}", NOON + n * MINUTE)).booking.id for n in (-10, 70)]
    page = (await pages.get("/bookings")).text
    assert listed(page) == [long, endless, now, soon]
    assert not onward(page, "Earlier")
    assert listed((await pages.get("/bookings?sort=-start")).text) == [soon, now, endless, long]
    assert listed((await pages.get("/bookings?sort=name")).text) == [endless, long, now, soon]
    link = re.search(r'href="(/bookings\?[^"]+)" data-look="over after before">Also what is over', page)
    assert link
    whole = (await pages.get(unescape(link[1]))).text
    assert listed(whole) == [over[2], over[0], now, soon]
    assert listed((await pages.get(onward(whole, "Earlier"))).text) == [long, endless, over[1]]
    back = re.search(r'href="(/bookings\?[^"]+)" data-look="over after before">Only what runs or comes', whole)
    assert back
    assert listed((await pages.get(unescape(back[1]))).text) == [long, endless, now, soon]
    assert over[0] in listed((await pages.get("/bookings?q=over")).text), "who looks for one finds it"


@pytest.mark.parametrize("sort", ["", "name", "-name", "-start", "state", "-end", "changed"])
async def test_the_list_goes_on_both_ways_in_every_order(
    pages: httpx.AsyncClient, app: App, monkeypatch: pytest.MonkeyPatch, sort: str
):
    monkeypatch.setattr("preroll.web.pages.bookings.PAGE", 2)
    made = [(await booked(app, f"B{n}", NOON + n * HOUR)).booking.id for n in range(1, 6)]
    there: list[list[str]] = []
    path = f"/bookings?sort={sort}"
    while path:
        last = (await pages.get(path)).text
        there.append(listed(last))
        path = onward(last, "Later")
    seen = [ident for page in there for ident in page]
    assert sorted(seen) == sorted(made)
    if sort in ("", "name", "-name", "-start", "-end"):
        assert seen == (made[::-1] if sort.startswith("-") else made)
    back = [listed(last)]
    while path := onward(last, "Earlier"):
        last = (await pages.get(path)).text
        if len(back) == len(there):
            assert listed(last) == there[0], "before the first page is nothing: it is shown again"
            break
        back.insert(0, listed(last))
    assert [ident for page in back for ident in page] == made if not sort else seen


async def test_columns_are_chosen_and_remembered(pages: httpx.AsyncClient, app: App):
    await booked(app, priority=7, properties={NASTY: "A & B", "desk": 3})
    heads = lambda page: re.findall(r'<th scope="col"[^>]*>(?:<[^>]+>)*([^<]+)<', page)[1:]  # noqa: E731
    assert heads((await pages.get("/bookings")).text) == ["Name", "State", "On air from", "To", "Owner"]
    chosen = {"cols": ["name", "priority", f"property.{NASTY}", "service", "nonsense"]}
    page = (await pages.get("/bookings", params=chosen)).text
    assert [unescape(head) for head in heads(page)] == ["Name", "Service", "Priority", NASTY]
    assert "<img" not in page
    assert "A &amp; B" in page
    assert "a free list" in page
    again = (await pages.get("/bookings")).text
    assert [unescape(head) for head in heads(again)] == ["Name", "Service", "Priority", NASTY]
    assert 'value="property.desk"' in again
    assert re.search(r'aria-sort="none"><a class="sort" href="/bookings\?[^"]*sort=priority', again)
    down = (await pages.get("/bookings?sort=priority")).text
    assert re.search(r'aria-sort="ascending"><a class="sort" href="/bookings\?[^"]*sort=-priority', down)


async def test_the_same_is_done_with_several_and_each_is_told_of(pages: httpx.AsyncClient, app: App):
    fresh, held, stale = [(await booked(app, name)).booking for name in ("News", f"Held {NASTY}", "Stale")]
    await app.bookings.hold(LOCAL, held.id, None)
    held = (await app.bookings.get(LOCAL, held.id)).booking
    await app.bookings.rename(LOCAL, stale.id, None, "Changed")
    picks = [f"{one.id}~{one.revision}" for one in (fresh, held, stale)]
    bar = (await pages.get("/bookings/bulk", params={"pick": picks}, headers=PART)).text
    assert "3 chosen" in bar
    assert re.search(r'value="hold"[^>]*>Put on hold <span class="dim">2<', bar)
    assert 'value="finish"' not in bar
    answer = await pages.post("/bookings/bulk", data={"do": "hold", "pick": picks}, headers=PART)
    assert "Put on hold: 1 done, 2 not" in answer.text
    assert f'href="/bookings/{held.id}"' in answer.text
    assert "it is for one that is" in answer.text
    assert "was changed by someone else" in answer.text
    assert "<img" not in answer.text
    states = [(await app.bookings.get(LOCAL, one.id)).booking.state for one in (fresh, held, stale)]
    assert states == [State.ON_HOLD, State.ON_HOLD, State.PARTIAL]
    page = await pages.post("/bookings/bulk", data={"do": "cancel", "pick": picks[1:], "why": "no crew"})
    assert "<html" in page.text
    assert "1 done, 1 not" in page.text
    assert "no crew" in (await pages.get(f"/bookings/{held.id}")).text


@pytest.mark.parametrize(
    ("form", "status"),
    [({"do": "hold"}, 422), ({"do": "rename", "pick": "a~1"}, 404), ({"do": "hold", "pick": "a"}, 422)],
)
async def test_what_cannot_be_done_with_several(pages: httpx.AsyncClient, form: dict[str, str], status: int):
    assert (await pages.post("/bookings/bulk", data=form, headers=PART)).status_code == status


async def test_the_header_counts_what_needs_somebody_and_leads_to_it(
    pages: httpx.AsyncClient, app: App, store: SqlStore
):
    await booked(app)
    broken, lapsed = await booked(app, "Broken"), await booked(app, "Forgotten", NOON - 5 * HOUR)
    await app.bookings.cancel(LOCAL, lapsed.booking.id, None)
    assert re.search(r'id="needing" class="needing".*<span class="number">0<', (await pages.get("/bookings")).text)
    await running(store, broken, State.FAILED_ACTIVE)
    await booked(app, "Lapsed", NOON - 5 * HOUR)
    for path in ("/bookings", "/resources", "/"):
        page = (await pages.get(path)).text
        assert re.search(r'id="needing" class="needing some".*<span class="number">2<', page), path
    part = (await pages.get("/needing", headers=PART)).text
    assert '<span class="number">2<' in part
    link = re.search(r'id="needing"[^>]* href="([^"]+)"', part)
    assert link
    there = (await pages.get(unescape(link[1]))).text
    assert re.search(r'Needs somebody <span class="count">2</span>', there)
    assert all(f"<bdi>{name}</bdi>" in there for name in ("Broken", "Lapsed"))
    again = (await pages.get("/", headers=PART)).text
    assert re.search(r'id="needing"[^>]* hx-swap-oob="outerMorph".*<span class="number">2<', again)


@pytest.mark.parametrize("after", ["x", "1~", "~a", "9" * 30 + "~a", "1~\n"])
async def test_a_place_that_is_none(pages: httpx.AsyncClient, after: str):
    assert (await pages.get("/bookings", params={"after": after})).status_code == 422
