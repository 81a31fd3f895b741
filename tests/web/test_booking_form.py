# SPDX-License-Identifier: Apache-2.0
"""The form of a booking, without a browser: all of it works by forms alone."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from preroll.app import App
from preroll.app.edits import NewBooking
from preroll.app.users import NamedRights, NewUser
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.config import Defaults, Platform, PlatformConfig
from preroll.domain.permission import LOCAL
from preroll.domain.resource import Resource
from preroll.domain.window import HOUR, MINUTE
from preroll.store import SqlStore
from preroll.web.station_time import TIMES
from tests.api.people import PASSWORD
from tests.web.studio import NASTY, START, book, furnish, running
from tests.web.test_booking import choices, hidden, ways

PART = {"HX-Request": "true"}
NEW = {"name": "Late film", "definition": "Contribution", "start": "2026-03-01T14:00", "end": "2026-03-01T15:30"}


@pytest.fixture(autouse=True)
async def studio(app: App) -> None:
    defaults = Defaults(15 * MINUTE, 2 * HOUR, 10 * MINUTE, 5 * MINUTE, "Contribution")
    await app.platforms.put(
        LOCAL, Platform("default", zone="Europe/Brussels", config=PlatformConfig(defaults=defaults)), force=True
    )
    await furnish(app)


def value(page: str, name: str) -> str:
    field = re.search(rf'<input[^>]* name="{re.escape(name)}"[^>]*>', page)
    found = re.search(r' value="([^"]*)"', field[0]) if field else None
    return unescape(found[1]) if found else ""


async def made(app: App, answer: httpx.Response):
    assert answer.status_code == 303, answer.text
    return (await app.bookings.get(LOCAL, answer.headers["location"].removeprefix("/bookings/"))).booking


async def test_it_proposes_what_the_platform_does_in_station_time(pages: httpx.AsyncClient):
    page = (await pages.get("/bookings/new")).text
    assert value(page, "start") == "2026-03-01 13:25"
    assert value(page, "end") == "2026-03-01 15:25"
    assert (value(page, "pre_roll"), value(page, "post_roll")) == ("10m", "5m")
    assert "Sun 01 Mar 2026 13:15:00 – Sun 01 Mar 2026 15:30:00" in page
    assert "Europe/Brussels" in page
    assert re.search(r"<option selected>Contribution</option>", page)


async def test_the_address_fills_it(pages: httpx.AsyncClient):
    address = {"start": "2026-03-02T10:00", "end": "", "resource.Sink": "Encoder 2", "name": NASTY}
    page = (await pages.get("/bookings/new", params=address)).text
    assert (value(page, "start"), value(page, "end"), value(page, "name")) == ("2026-03-02T10:00", "", NASTY)
    assert '<option value="Encoder 2" selected>' in page
    assert "without end" in page
    assert "<img" not in page


async def test_it_says_what_is_free_with_what_is_left_and_why_the_rest_is_not(pages: httpx.AsyncClient, app: App):
    await book(app, "Sport", START, {"Source": "Decoder 1", "Sink": "Encoder 1"})
    page = (await pages.post("/bookings/new", data=NEW | {"look": "1"})).text
    assert choices(page, "resource.Source") == ["", "-", "Decoder 1", "Decoder 2"]
    assert "Decoder 1 · 1 of 2 at once left, bitrate 30 of 40 left" in page
    assert choices(page, "resource.Sink") == ["", "-", "Encoder 2", "Encoder 1"]
    assert "Encoder 1 · not free then" in page
    assert re.search(r"how many at once: 1 asked, 0 of 1 left; held by.*Sport", page)
    wide = NEW | {"look": "1", "profile.Source": "UHD", "value.Source.bitrate": "35"}
    page = (await pages.post("/bookings/new", data=wide, headers={"HX-Request": "true"})).text
    assert "<html" not in page
    assert choices(page, "resource.Source") == ["", "-", "Decoder 1", "Decoder 2"]
    assert "bitrate: 35 asked, 20 of 20 left" in page
    assert "Next free slot: 01 Mar 15:15" in page
    assert "Late film" not in (await pages.get("/bookings")).text


async def test_booking_by_the_form_alone(pages: httpx.AsyncClient, app: App):
    form = NEW | {
        "pre_roll": "10m", "post_roll": "90s", "priority": "3", "resource.Source": "Decoder 2", "resource.Sink": "-",
        "profile.Source": "UHD", "value.Source.bitrate": "12.5", "value.Source.mode": "safe", "new_name": "desk",
        "new_value": "A", "new_name.2": "van", "new_value.2": "7", "id": "0199b0a6-0000-7000-8000-000000000001",
    }  # fmt: skip
    booking = await made(app, await pages.post("/bookings/new", data=form))
    assert booking.timing == Timing(START, START + 90 * MINUTE, 10 * MINUTE, 90_000_000)
    assert (booking.name, booking.priority, booking.state) == ("Late film", 3, State.PARTIAL)
    assert booking.properties == {"desk": "A", "van": "7"}
    assert booking.nodes.keys() == {"Source"}
    source = booking.nodes["Source"]
    assert (source.profile, source.values) == ("UHD", {"bitrate": 12.5, "mode": "safe"})
    again = await pages.post("/bookings/new", data=form)
    assert again.headers["location"] == f"/bookings/{booking.id}"


async def test_nodes_choose_by_themselves_and_it_can_be_confirmed_at_once(pages: httpx.AsyncClient, app: App):
    booking = await made(app, await pages.post("/bookings/new", data=NEW | {"then": "confirm"}))
    assert booking.state is State.CONFIRMED
    assert booking.nodes.keys() == {"Source", "Sink"}
    lacking = await pages.post("/bookings/new", data=NEW | {"name": "Other", "resource.Sink": "-", "then": "confirm"})
    assert lacking.status_code == 409
    assert "Booked, but not confirmed" in lacking.text
    assert "nodes.Sink.resource is missing" in lacking.text


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"name": ""}, "is empty"),
        ({"start": "2026-03-29T02:30"}, "is skipped by the clocks of Europe/Brussels"),
        ({"start": "2026-10-25T02:30", "end": "2026-10-25T05:00"}, "comes twice on the clocks"),
        ({"pre_roll": "ten"}, "is no length of time"),
        ({"end": "2026-03-01T13:00"}, "is not after start"),
        ({"priority": "high"}, "a whole number"),
        ({"value.Source.bitrate": "much"}, "is no number"),
        ({"value.Source.bitrate": "0"}, "at least 1 Mbit/s"),
        ({"new_value": "x"}, "the name of the property"),
        ({"resource.Sink": "Encoder 9"}, "there is no resource"),
        ({"id": "x" * 20_000}, "too long"),
        ({"id": "mine"}, "is no UUID"),
    ],
)
async def test_what_is_mistaken_is_told_beside_it_and_books_nothing(
    pages: httpx.AsyncClient, app: App, form: dict[str, str], told: str
):
    answer = await pages.post("/bookings/new", data=NEW | form)
    assert answer.status_code == 422
    assert told in unescape(answer.text)
    listed = (await pages.get("/bookings")).text
    assert "Late film" not in listed


def beside(page: str) -> dict[str, str]:
    """Field -> what is told beside it."""
    return {name: unescape(told) for name, told in re.findall(r'<p class="error" id="b-(.+?)-error">(.*?)</p>', page)}


async def test_all_mistakes_of_a_form_are_told_at_once_each_beside_its_field(pages: httpx.AsyncClient, app: App):
    unread = NEW | {"start": "soon", "value.Source.bitrate": "much", "priority": "high"}
    assert beside((await pages.post("/bookings/new", data=unread)).text).keys() == {
        "start", "value.Source.bitrate", "priority",
    }  # fmt: skip
    wrong = NEW | {"name": " ", "end": "2026-03-01T13:00", "value.Source.bitrate": "0"}
    told = beside((await pages.post("/bookings/new", data=wrong)).text)
    assert told.keys() == {"name", "end", "value.Source.bitrate"}
    assert "at least 1 Mbit/s" in told["value.Source.bitrate"]
    booking = await made(app, await pages.post("/bookings/new", data=NEW))
    answer = await pages.post(f"/bookings/{booking.id}/edit", data=NEW | unread)
    assert beside(answer.text).keys() == {"start", "value.Source.bitrate", "priority"}


async def test_of_two_times_that_look_the_same_one_is_chosen(pages: httpx.AsyncClient, app: App):
    form = NEW | {"start": "2026-10-25T02:30", "end": "2026-10-25T05:00"}
    refused = (await pages.post("/bookings/new", data=form)).text
    assert choices(refused, "start.which") == ["", "first", "second"]
    first = await made(app, await pages.post("/bookings/new", data=form | {"start.which": "first"}))
    second = await made(app, await pages.post("/bookings/new", data=form | {"start.which": "second", "name": "B"}))
    assert second.timing.start - first.timing.start == HOUR


async def test_a_conflict_is_explained_and_left_by_one_click(pages: httpx.AsyncClient, app: App):
    await book(app, "Sport", START, {"Sink": "Encoder 1"})
    form = NEW | {"resource.Sink": "Encoder 1"}
    refused = await pages.post("/bookings/new", data=form)
    assert refused.status_code == 409
    assert '<span class="dim">for</span> <bdi>Sink</bdi>' in refused.text
    found = ways(refused.text)
    booked = await made(app, await pages.post("/bookings/new", data=form | dict([found["Take Encoder 2 for Sink"]])))
    names = {r.id: r.name for r in await app.catalogue.resources(LOCAL, "default")}
    assert names[booked.nodes["Sink"].resource or ""] == "Encoder 2"
    (later,) = [way for text, way in found.items() if text.startswith("Start ")]
    booked = await made(app, await pages.post("/bookings/new", data=form | dict([later]) | {"name": "Later"}))
    assert booked.timing.start == START + HOUR + 15 * MINUTE
    assert booked.timing.end == booked.timing.start + 90 * MINUTE
    (force,) = [way for text, way in found.items() if text.startswith("Force it: ")]
    await made(app, await pages.post("/bookings/new", data=form | dict([force]) | {"name": "Forced"}))


async def test_a_way_out_still_confirms_what_was_to_be_confirmed(pages: httpx.AsyncClient, app: App):
    await book(app, "Sport", START, {"Sink": "Encoder 1"})
    form = NEW | {"resource.Sink": "Encoder 1"}
    refused = (await pages.post("/bookings/new", data=form | {"then": "confirm"})).text
    assert '<input type="hidden" name="then" value="confirm">' in refused
    assert 'class="button primary" name="then" value=""' in refused, "who only books says so"
    way = dict([ways(refused)["Take Encoder 2 for Sink"]])
    booked = await made(app, await pages.post("/bookings/new", data=form | way | {"then": "confirm"}))
    assert booked.state is State.CONFIRMED
    assert 'name="then" value="confirm">' not in (await pages.get("/bookings/new")).text.split("form-end")[0]


async def test_a_shift_moves_both_ends(pages: httpx.AsyncClient):
    page = (await pages.post("/bookings/new", data=NEW | {"shift": "-15"})).text
    assert (value(page, "start"), value(page, "end")) == ("2026-03-01 13:45", "2026-03-01 15:15")


async def test_a_free_list(pages: httpx.AsyncClient, app: App):
    form = NEW | {
        "definition": "",
        "free.1": "Decoder 1",
        "free.2": "Encoder 1",
        "free-profile.1": "HD",
        "orchestrated": "1",
    }
    page = (await pages.post("/bookings/new", data=form | {"look": "1"})).text
    assert "Encoder 2" in choices(page, "free.3")
    booking = await made(app, await pages.post("/bookings/new", data=form))
    assert booking.nodes.keys() == {"Decoder 1", "Encoder 1"}
    assert (booking.orchestrated, booking.nodes["Decoder 1"].profile) == (True, "HD")
    edit = f"/bookings/{booking.id}/edit"
    page = (await pages.get(edit)).text
    assert choices(page, "resource.Decoder 1")
    assert '<option value="HD" selected>' in page
    assert 'name="orchestrated" value="1" checked' in page
    swapped = {
        "orchestrated": "",
        "revision": "1",
        "name": "Late film",
        "resource.Decoder 1": "",
        "resource.Encoder 1": "Encoder 1",
        "free.1": "Encoder 2",
    }
    after = await made(app, await pages.post(edit, data=NEW | swapped))
    assert after.nodes.keys() == {"Encoder 1", "Encoder 2"}
    assert not after.orchestrated


async def test_a_booking_is_edited_on_the_same_form(pages: httpx.AsyncClient, app: App):
    values = {"Source": NodeChoice("Decoder 1", "UHD", {"mode": "fast"})}
    timing = Timing(START, START + HOUR, 5 * MINUTE, 5 * MINUTE)
    new = NewBooking("News", timing, definition="Contribution", nodes=values, properties={"crew": 3, "desk": "A"})
    before = (await app.bookings.create(LOCAL, new)).booking
    path = f"/bookings/{before.id}/edit"
    page = (await pages.get(path)).text
    assert '<option value="Decoder 1" selected>' in page
    assert '<option value="UHD" selected>' in page
    shown = {
        "revision": hidden(page, "revision"), "name": value(page, "name"), "priority": value(page, "priority"),
        **{name: value(page, name) for name in (*TIMES, "property.crew", "property.desk")},
        "resource.Source": "Decoder 1", "profile.Source": "UHD", "value.Source.mode": "fast",
        "resource.Sink": "Encoder 1",
    }  # fmt: skip
    assert await made(app, await pages.post(path, data=shown)) == before
    change = {"name": "Late news", "end": "2026-03-01T16:00", "property.crew": "4", "property.desk": "",
              "resource.Source": "Decoder 2", "profile.Source": "", "value.Source.mode": ""}  # fmt: skip
    after = await made(app, await pages.post(path, data=shown | change))
    assert (after.name, after.timing.end, after.properties) == ("Late news", START + 2 * HOUR, {"crew": 4})
    assert (after.nodes["Source"].profile, after.nodes["Source"].values) == (None, {})
    assert after.nodes["Sink"] == before.nodes["Sink"]
    late = await pages.post(path, data=shown | {"name": "Too late"})
    assert late.status_code == 412
    assert "What has changed since" in late.text
    assert hidden(late.text, "revision") == str(after.revision)


async def test_what_a_form_leaves_out_stays(pages: httpx.AsyncClient, app: App):
    before = (await book(app, nodes={"Source": "Decoder 1"}, properties={"desk": "A"})).booking
    after = await made(app, await pages.post(f"/bookings/{before.id}/edit", data={"revision": "1", "name": "Late"}))
    assert (after.name, after.nodes, after.timing, after.properties) == (
        "Late", before.nodes, before.timing, before.properties,
    )  # fmt: skip


async def test_a_look_keeps_what_was_refused_and_its_ways_out(pages: httpx.AsyncClient, app: App):
    page = (await pages.post("/bookings/new", data=NEW | {"look": "1", "pre_roll": "x"}, headers=PART)).text
    assert '<div id="told" hx-morph-skip></div>' in page
    assert 'id="b-pre_roll-error"' in page
    assert 'role="alert"' not in page


async def test_while_it_runs_only_its_end_is_asked(pages: httpx.AsyncClient, app: App, store: SqlStore):
    found = await book(app, nodes={"Source": "Decoder 1"})
    await running(store, found)
    path = f"/bookings/{found.booking.id}/edit"
    page = (await pages.get(path)).text
    assert not re.search(r'<input[^>]* name="start"', page)
    assert "its start is frozen" in page
    form = {"revision": "1", "name": "News", "end": "2026-03-01T16:00"}
    after = await made(app, await pages.post(path, data=form))
    assert after.timing == Timing(START, START + 2 * HOUR, 5 * MINUTE, 5 * MINUTE)
    assert after.nodes == found.booking.nodes


async def test_who_may_not_book_is_told_so(signed_in: httpx.AsyncClient, app: App):
    await app.users.create(LOCAL, NewUser("vera", NamedRights(["viewer"]), password=PASSWORD))
    await signed_in.post("/signin", data={"name": "vera", "password": PASSWORD})
    page = (await signed_in.get("/bookings/new")).text
    assert "it needs the role admin or operator" in page
    refused = await signed_in.post("/bookings/new", data=NEW | {"csrf": hidden(page, "csrf")})
    assert refused.status_code == 403


async def test_a_resource_is_taken_whole_and_given_back(pages: httpx.AsyncClient, app: App):
    made = await pages.post("/bookings/new", data={**NEW, "resource.Source": "Decoder 1", "whole.Source": "1"})
    assert made.status_code == 303, made.text
    ident = made.headers["location"].rpartition("/")[2]
    found = (await app.bookings.get(LOCAL, ident)).booking
    assert found.nodes["Source"].whole
    assert not found.nodes["Sink"].whole
    assert '<span class="dim">whole</span>' in (await pages.get(f"/bookings/{ident}")).text
    form = (await pages.get(f"/bookings/{ident}/edit")).text
    assert re.search(r'name="whole.Source" value="1" checked', form)
    edited = await pages.post(f"/bookings/{ident}/edit", data={"revision": found.revision, "whole.Source": ""})
    assert edited.status_code == 303, edited.text
    after = (await app.bookings.get(LOCAL, ident)).booking
    assert not after.nodes["Source"].whole
    assert after.resources == found.resources


async def test_a_free_list_takes_whole_what_it_says(pages: httpx.AsyncClient, app: App):
    words = {**NEW, "definition": "", "free.1": "Decoder 1", "free-whole.1": "1", "free.2": "Encoder 1"}
    made = await pages.post("/bookings/new", data=words)
    assert made.status_code == 303, made.text
    nodes = (await app.bookings.get(LOCAL, made.headers["location"].rpartition("/")[2])).booking.nodes
    assert {label: choice.whole for label, choice in nodes.items()} == {"Decoder 1": True, "Encoder 1": False}


async def test_where_there_is_nothing_to_book_it_says_how_to_begin(pages: httpx.AsyncClient, app: App):
    await app.platforms.put(LOCAL, Platform("empty"))
    page = (await pages.get("/bookings/new?platform=empty")).text
    assert "There are no resources yet" in page
    assert "preroll resource import --help" in page
    assert "There is no service yet" in page
    assert "preroll apply FOLDER" in page
    assert "There are no resources yet" not in (await pages.get("/bookings/new?platform=default&definition=")).text
    await app.catalogue.apply(LOCAL, "empty", [Resource("Line 1")])
    page = (await pages.get("/bookings/new?platform=empty")).text
    assert "There are no resources yet" not in page
    assert "There is no service yet" in page
