# SPDX-License-Identifier: Apache-2.0
"""What the timeline asks the server for: made once for many; a move is told the same before the drop and after."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import datetime
from html import unescape
from typing import Any

import httpx
import pytest

from preroll.app import App
from preroll.app.edits import NewBooking
from preroll.app.timeline import Move
from preroll.domain.booking import Booking, NodeChoice, State, Timing
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.errors import Conflict, Way
from preroll.domain.permission import LOCAL
from preroll.domain.resource import Resource
from preroll.domain.window import HOUR, MINUTE, SECOND
from preroll.gate.guard import CSRF
from preroll.testing.clock import ManualClock
from preroll.web.shelf import Shelf
from preroll.web.templating import HERE
from preroll.web.timeline_shown import First, Step, undoing, ways_out
from tests.api.conftest import NOON

NASTY = "<script>alert('x')</script> & \"1\""
DAY_S = 86_400
NOON_S = NOON // SECOND
WINDOW = {"from": NOON_S - DAY_S, "to": NOON_S + DAY_S}
PART = {"HX-Request": "true"}
FIELD = re.compile(r'name="(\w+)" value="([^"]*)"')


@pytest.fixture
async def resources(app: App) -> list[Resource]:
    made = [
        Resource("enc-1", pools=("Encoders",)),
        Resource("enc-2", pools=("Encoders",), hands_off=True),
        Resource(NASTY),
    ]
    await app.catalogue.apply(LOCAL, "default", made)
    return await app.catalogue.resources(LOCAL, "default")


async def book(app: App, name: str = "News", start: int = 60, on: str = "enc-1", **more: Any) -> Booking:
    timing = Timing(NOON + start * MINUTE, NOON + start * MINUTE + HOUR, pre_roll=5 * MINUTE)
    made = await app.bookings.create(LOCAL, NewBooking(name, timing, nodes={"Encoder": NodeChoice(on)}, **more))
    return made.booking


def wish(booking: Booking, minutes: int = 0, **more: object) -> dict[str, object]:
    end = booking.timing.end
    assert end is not None
    later = minutes * 60
    return {
        "revision": booking.revision,
        "start": booking.timing.start // SECOND + later,
        "end": end // SECOND + later,
    } | more


def forms(message: str) -> list[dict[str, str]]:
    """What the buttons of a message send."""
    found = re.findall(r"<form.*?</form>", message, re.DOTALL)
    return [{name: unescape(value) for name, value in FIELD.findall(form)} for form in found]


@pytest.mark.usefixtures("resources")
class TestShown:
    async def test_blocks_are_rows(self, pages: httpx.AsyncClient, app: App):
        mine = await book(app)
        told = (await pages.get("/timeline/blocks", params=WINDOW)).json()
        (row,) = told["blocks"]
        start = NOON_S + 3600
        assert row == [mine.id, "News", 0, start, start + 3600, 300, 0, [0], 1, 0, 7, "", 0]
        assert told["resources"] == list(mine.resources)
        assert told["gone"] == []

    async def test_what_many_ask_for_is_made_once_until_something_changes(
        self, pages: httpx.AsyncClient, app: App, shelf: Shelf
    ):
        await book(app)
        first, again = [await pages.get("/timeline/blocks", params=WINDOW) for _ in range(2)]
        assert first.headers["content-encoding"] == "gzip"
        assert shelf.made == 1
        known = {"If-None-Match": again.headers["etag"]}
        assert (await pages.get("/timeline/blocks", params=WINDOW, headers=known)).status_code == 304
        await book(app, "Sport", 180)
        fresh = await pages.get("/timeline/blocks", params=WINDOW, headers=known)
        assert len(fresh.json()["blocks"]) == 2

    async def test_rows_and_pools_stand_as_people_count(self, pages: httpx.AsyncClient, app: App):
        made = [Resource(f"enc-{n}", pools=(f"Rack {n}",)) for n in (10, 2, 1)]
        await app.catalogue.apply(LOCAL, "default", made)
        told = (await pages.get("/timeline/rows")).json()
        assert [row[1] for row in told["rows"]] == [NASTY, "enc-1", "enc-2", "enc-10"]
        assert told["pools"] == ["Rack 1", "Rack 2", "Rack 10"]

    async def test_rows_say_pool_and_what_one_should_know(self, pages: httpx.AsyncClient):
        told = (await pages.get("/timeline/rows")).json()
        assert [row[1:] for row in told["rows"]] == [
            [NASTY, [], "", ""], ["enc-1", ["Encoders"], "", ""], ["enc-2", ["Encoders"], "", "hands off"],
        ]  # fmt: skip
        assert len(told["states"]) == 14
        assert "in conflict" in told["marks"]

    @pytest.mark.parametrize(
        "window", [{"from": 5, "to": 5}, {"from": 0, "to": 101 * DAY_S}, {"from": "now", "to": 1}, {}]
    )
    async def test_a_window_that_is_none(self, pages: httpx.AsyncClient, window: dict[str, object]):
        assert (await pages.get("/timeline/blocks", params=window)).status_code == 422


@pytest.mark.usefixtures("resources")
class TestMove:
    async def test_what_it_would_come_to(self, pages: httpx.AsyncClient, app: App):
        mine, rival = await book(app), await book(app, NASTY, 180)
        path = f"/timeline/{mine.id}/check"
        free = (await pages.post(path, data=wish(mine, 30))).json()
        assert free == {"free": True, "says": [], "rivals": []}
        held = (await pages.post(path, data=wish(mine, 90))).json()
        assert held == {
            "free": False,
            "says": [f"enc-1 is held by {NASTY}, 01 Mar 15:55 – 01 Mar 16:30"],
            "rivals": [rival.id],
        }
        other = (await pages.post(path, data=wish(mine, 90, source="enc-1", target="enc-2"))).json()
        assert other["free"]
        stale = (await pages.post(path, data=wish(mine, 30, revision=7))).json()
        assert "changed by someone else" in stale["says"][0]
        assert (await app.bookings.get(LOCAL, mine.id)).booking == mine

    async def test_a_name_that_is_taken_is_told_with_who_has_it_where_and_when(
        self, pages: httpx.AsyncClient, app: App
    ):
        await app.catalogue.apply(LOCAL, "default", [ServiceDefinition("Feed", nodes=(Node("Encoder"),))])
        mine = await book(app, "News", 60, definition="Feed")
        rival = await book(app, "NEWS", 180, "enc-2", definition="Feed")
        told = "the name News is in use on enc-2: NEWS, 01 Mar 15:55 – 01 Mar 17:00"
        held = (await pages.post(f"/timeline/{mine.id}/check", data=wish(mine, 90))).json()
        assert held == {"free": False, "says": [told], "rivals": [rival.id]}
        refused = await pages.post(f"/timeline/{mine.id}/move", data=wish(mine, 90))
        assert refused.status_code == 409
        said = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", refused.json()["message"]))
        assert "the name News: is in use on enc-2; held by NEWS 01 Mar 15:55 – 01 Mar 17:00" in said
        assert rival.id not in said

    async def test_it_is_made_and_has_a_way_back(self, pages: httpx.AsyncClient, app: App):
        mine = await book(app)
        answer = await pages.post(f"/timeline/{mine.id}/move", data=wish(mine, 30, source="enc-1", target="enc-2"))
        told = answer.json()
        assert answer.status_code == 200
        assert told["found"]["blocks"][0][3] == NOON_S + 90 * 60
        moved = (await app.bookings.get(LOCAL, mine.id)).booking
        assert moved.resources != mine.resources
        (undo,) = forms(told["message"])
        assert (await pages.post(f"/timeline/{mine.id}/move", data=undo)).status_code == 200
        back = (await app.bookings.get(LOCAL, mine.id)).booking
        assert (back.timing, back.resources) == (mine.timing, mine.resources)

    async def test_a_refusal_has_its_ways_out_as_buttons(self, pages: httpx.AsyncClient, app: App):
        mine, rival = await book(app), await book(app, NASTY, 180)
        path = f"/timeline/{mine.id}/move"
        answer = await pages.post(path, data=wish(mine, 90))
        told = answer.json()
        assert answer.status_code == 409
        assert "<script>" not in told["message"]
        assert f'data-choose="{rival.id}"' in told["message"]
        ways = forms(told["message"])
        assert {way.get("other", "") for way in ways} >= {"enc-2", ""}
        assert (await app.bookings.get(LOCAL, mine.id)).booking == mine
        revision = mine.revision
        for way in ways:
            answer = await pages.post(path, data=way | {"revision": revision})
            assert answer.status_code == 200
            (undo,) = forms(answer.json()["message"])
            back = await pages.post(path, data=undo)
            revision = back.json()["found"]["blocks"][0][8]

    async def test_who_lost_a_race_can_move_it_all_the_same(self, pages: httpx.AsyncClient, app: App):
        mine = await book(app)
        await app.bookings.rename(LOCAL, mine.id, mine.revision, "Renamed")
        path = f"/timeline/{mine.id}/move"
        answer = await pages.post(path, data=wish(mine, 30))
        assert answer.status_code == 412
        assert answer.json()["found"]["blocks"][0][1] == "Renamed"
        (again,) = forms(answer.json()["message"])
        assert (await pages.post(path, data=again)).status_code == 200

    async def test_what_is_frozen_says_so(self, pages: httpx.AsyncClient, app: App):
        mine = await book(app)
        await app.bookings.cancel(LOCAL, mine.id, None)
        answer = await pages.post(f"/timeline/{mine.id}/move", data=wish(mine, 30, revision=2))
        assert answer.status_code == 409
        assert "stays where it was" in answer.json()["message"]
        assert forms(answer.json()["message"]) == []

    async def test_it_needs_what_only_a_page_of_this_site_knows(self, signed_in: httpx.AsyncClient, app: App):
        mine = await book(app)
        path = f"/timeline/{mine.id}/move"
        assert (await signed_in.post(path, data=wish(mine, 30), headers=PART)).status_code == 403
        csrf = re.search(r'name="csrf" content="(\w+)"', (await signed_in.get("/bookings")).text)
        assert csrf
        assert (await signed_in.post(path, data=wish(mine, 30), headers={CSRF: csrf[1]})).status_code == 200

    async def test_nobody_moves_what_is_not_there(self, pages: httpx.AsyncClient):
        for action in ("check", "move"):
            answer = await pages.post(f"/timeline/none/{action}", data={"revision": 1, "start": 0}, headers=PART)
            assert answer.status_code == 404


@pytest.mark.usefixtures("resources")
class TestPage:
    async def test_the_address_says_what_is_beside(self, pages: httpx.AsyncClient, app: App):
        mine = await book(app)
        page = (await pages.get("/bookings", params={"booking": mine.id, "span": "72", "rows": "bookings"})).text
        assert f'id="booking" data-thing data-id="{mine.id}"' in page
        assert 'value="bookings" selected' in page
        assert "It is not there" in (await pages.get("/bookings?booking=gone")).text

    async def test_the_list_begins_where_the_view_does(self, pages: httpx.AsyncClient, app: App):
        early, late = await book(app, "Early", -60 * 20), await book(app, "Late")
        for query, there in (
            ({}, {late.id}),
            ({"from": "2026-02-28T00:00Z"}, {early.id, late.id}),
            ({"from": "2026-03-01T13:00Z"}, {late.id}),
            ({"from": "2026-03-01T13:01Z"}, set()),
            ({"q": "ear"}, {early.id}),
        ):
            part = (await pages.get("/bookings", params=query, headers=PART)).text
            assert "<html" not in part
            assert set(re.findall(r'<tr [^>]*data-id="([\w-]+)"', part)) == there

    @pytest.mark.parametrize("query", ["from=yesterday", "from=2026-03-01T12:00", "span=0", "span=x"])
    async def test_an_address_that_cannot_be_read(self, pages: httpx.AsyncClient, query: str):
        assert (await pages.get(f"/bookings?{query}")).status_code == 422


def test_a_script_fits_in_a_head():
    scripts = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in HERE.glob("static/*.js")}
    assert {name: lines for name, lines in scripts.items() if lines > 400} == {}


async def test_who_asks_for_what_is_being_made_waits_for_it():
    shelf, go = Shelf(room=2), asyncio.Event()

    async def make() -> bytes:
        await go.wait()
        return b"made"

    asked = [asyncio.create_task(shelf.get("one", make)) for _ in range(3)]
    await asyncio.sleep(0)
    go.set()
    assert {body.plain for body in await asyncio.gather(*asked)} == {b"made"}
    for key in ("two", "three", "one"):
        await shelf.get(key, make)
    assert shelf.made == 4


async def test_what_time_alone_changes_is_made_anew_when_it_is_no_longer_fresh():
    clock = ManualClock(0)
    shelf = Shelf(ticks=lambda: clock.us / SECOND)

    async def make() -> bytes:
        return str(clock.us // SECOND).encode()

    for wait, late in ((0, b"0"), (9, b"0"), (1, b"10"), (9, b"10"), (2, b"21")):
        await clock.advance(wait)
        assert (await shelf.get("late", make, 10)).plain == late
        assert (await shelf.get("never", make)).plain == b"0"


async def test_what_could_not_be_made_is_tried_again():
    shelf = Shelf()

    async def fail() -> bytes:
        raise OSError("no room")

    async def make() -> bytes:
        return b"made"

    with pytest.raises(OSError, match="no room"):
        await shelf.get("one", fail)
    await asyncio.sleep(0)
    assert (await shelf.get("one", make)).plain == b"made"


def test_a_way_out_on_another_node_keeps_the_resource_that_was_dragged_to():
    nodes = {"Source": NodeChoice("dec-1"), "Sink": NodeChoice("enc-1")}
    before = Booking(1, "b", 1, "News", State.PARTIAL, Timing(0, HOUR), nodes=nodes, revision=4)
    dragged = Move(Timing(HOUR, 2 * HOUR), "dec-1", "dec-2")
    ways = [Way("use enc-2", node="Sink", resource="enc-2"), Way("start later", start_us=3 * HOUR)]
    elsewhere, later = ways_out(before, dragged, Conflict([], ways))
    assert isinstance(elsewhere, Step)
    assert isinstance(later, Step)
    assert (elsewhere.source, elsewhere.target, elsewhere.nodes) == ("dec-1", "dec-2", {"Sink": "enc-2"})
    assert elsewhere.fields[-2:] == [("node", "Sink"), ("other", "enc-2")]
    (again, _) = ways_out(before, replace(dragged, nodes={"Source": "dec-3"}), Conflict([], ways))
    assert isinstance(again, Step)
    assert again.nodes == {"Source": "dec-3", "Sink": "enc-2"}
    after = replace(before, nodes={"Source": NodeChoice("dec-2"), "Sink": NodeChoice("enc-1")}, revision=5)
    assert undoing(before, after).nodes == {"Source": "dec-1"}


@pytest.mark.parametrize(
    ("begin", "hours", "start", "end"),
    [
        (None, None, NOON_S - DAY_S, NOON_S + DAY_S),
        (NOON, 6, NOON_S - DAY_S // 2, NOON_S + DAY_S // 2),
        (NOON, 0.1, NOON_S - DAY_S // 2, NOON_S + DAY_S // 2),
        (NOON, 2400, None, None),
    ],
)
def test_what_a_page_needs_at_first_is_around_its_view_in_steps(
    begin: int | None, hours: float | None, start: int | None, end: int | None
):
    first = First.of("default", NOON, begin, hours)
    if start is not None:
        assert (first.start, first.end) == (start, end)
    assert first.start <= (NOON_S if begin else NOON_S - DAY_S // 3)
    assert 0 < first.end - first.start <= 100 * DAY_S
    assert first.start % (DAY_S // 2) == first.end % (DAY_S // 2) == 0


async def test_a_page_says_at_its_head_what_its_scripts_will_ask_for(
    pages: httpx.AsyncClient, resources: list[Resource]
):
    page = (await pages.get("/bookings?from=2026-09-14T10:00:00Z&span=168")).text
    early = [unescape(one) for one in re.findall(r'as="fetch" crossorigin href="([^"]+)"', page.split("</head>")[0])]
    assert [one.split("?")[0] for one in early] == ["/timeline/rows", "/timeline/blocks"]
    for one in early:
        assert (await pages.get(one)).status_code == 200, one
    window = dict(re.findall(r'data-(from|to)="(-?\d+)"', page))
    assert f"from={window['from']}&to={window['to']}" in early[1]


@pytest.mark.parametrize(
    ("day", "ahead"),
    [
        ("2026-07-10", 7200), ("2026-12-10", 3600), ("2026-03-29", None), ("2026-03-27", None),
        ("9999-12-30", None), ("0001-01-01", None),
    ],
)  # fmt: skip
def test_a_page_knows_the_clocks_of_its_window_unless_they_change(day: str, ahead: int | None):
    begin = int(datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()) * SECOND
    first = First.of("default", begin, begin, 24)
    steady = first.steady("Europe/Brussels")
    assert (steady and steady["offset"]) == ahead
    if steady:
        assert (steady["from"], steady["to"]) == (first.start - 86_400, first.end + 86_400)
