# SPDX-License-Identifier: Apache-2.0
"""Resources on the page: found, set to maintenance, taken off the engine's hands, and a profile applied to one now."""

from __future__ import annotations

import re

import httpx
import pytest

from preroll.app import App
from preroll.app.users import NamedRights, NewUser
from preroll.domain.availability import Availability, Hours, Period, Weekday
from preroll.domain.config import Platform
from preroll.domain.function import Function
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Mode, Resource
from preroll.domain.window import HOUR, MINUTE
from preroll.gate.guard import CSRF
from tests.api.conftest import NOON
from tests.api.people import PASSWORD
from tests.web.studio import NASTY, book, furnish

NOW = NOON + 2 * MINUTE
"""A booking of an hour that starts now is under way."""


@pytest.fixture(autouse=True)
async def studio(app: App) -> None:
    await furnish(app)


async def named(app: App, name: str) -> Resource:
    return next(one for one in await app.catalogue.resources(LOCAL, "default") if one.name == name)


async def test_an_empty_platform_teaches_what_a_resource_is(signed_in: httpx.AsyncClient, app: App):
    await app.platforms.put(LOCAL, Platform("empty"))
    page = (await signed_in.get("/resources?platform=empty")).text
    assert "There are no resources yet" in page
    assert "preroll resource import --help" in page


async def test_the_list_says_who_has_what_now_and_next(pages: httpx.AsyncClient, app: App):
    now = await book(app, "News", NOW, {"Source": "Decoder 1"})
    await book(app, "Sport", NOW + 5 * HOUR, {"Source": "Decoder 1"})
    page = (await pages.get("/resources")).text
    row = page.split("Decoder 1</bdi>")[1].split("</tr>")[0]
    assert f'href="/bookings/{now.booking.id}"' in row
    assert "until 01 Mar 14:" in row
    assert "Sport" in row.split("until")[1]
    assert ">free<" in page.split("Decoder 2</bdi>")[1].split("</tr>")[0]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("q=coder+1", {"Decoder 1", "Encoder 1"}),
        ("function=encoder", {"Encoder 1", "Encoder 2"}),
        ("state=maintenance", {"Encoder 2"}),
        ("state=hands+off", {"Decoder 2"}),
        ("pool=nowhere", set()),
    ],
)
async def test_the_list_is_narrowed(pages: httpx.AsyncClient, app: App, asked: str, found: set[str]):
    await app.catalogue.change(LOCAL, (await named(app, "Encoder 2")).id, {"mode": Mode.MAINTENANCE})
    await app.catalogue.change(LOCAL, (await named(app, "Decoder 2")).id, {"hands_off": True})
    part = (await pages.get(f"/resources?{asked}", headers={"HX-Request": "true"})).text
    assert set(re.findall(r"<bdi>((?:De|En)coder \d)</bdi>", part)) == found
    assert "<html" not in part
    assert ("No resource is like that" in part) == (not found)


async def test_a_long_list_goes_on(pages: httpx.AsyncClient, app: App):
    await furnish(app, *(Resource(f"Port {n:03}") for n in range(100)))
    page = (await pages.get("/resources?q=port")).text
    more = re.search(r'href="(/resources\?[^"]+)" data-look="after">More', page)
    assert more
    assert page.count('id="resource-') == 60
    rest = (await pages.get(more[1].replace("&amp;", "&"))).text
    assert rest.count('id="resource-') == 40
    assert "Port 060" in rest


async def test_names_are_counted_wherever_they_are_read(pages: httpx.AsyncClient, app: App):
    told = [f"Port {n}" for n in range(1, 101)]
    await furnish(app, *(Resource(name, function="port", pools=(f"Rack {len(name) + 2}",)) for name in told))
    page = (await pages.get("/resources?q=port")).text
    more = re.search(r'href="(/resources\?[^"]+)" data-look="after">More', page)
    assert more
    rest = (await pages.get(more[1].replace("&amp;", "&"))).text
    assert re.findall(r"<bdi>(Port \d+)</bdi>", page + rest) == told
    offered = page.split('name="pool"')[1].split("</select>")[0]
    assert re.findall(r"Rack \d+(?=</option>)", offered) == ["Rack 8", "Rack 9", "Rack 10"]


async def test_one_resource_with_all_that_it_is(pages: httpx.AsyncClient, app: App):
    open_ = Availability(
        weekly=(Hours((Weekday.MONDAY, Weekday.FRIDAY), 8 * 60, 1440),), days_ahead=30,
        blackouts=(Period(NOON + 3 * HOUR, NOON + 4 * HOUR, f"{NASTY} works"),),
    )  # fmt: skip
    await furnish(
        app, Resource(NASTY, pools=("north",), properties={NASTY: NASTY}, availability=open_, address={"port": 7})
    )
    page = (await pages.get(f"/resources/{(await named(app, NASTY)).id}")).text
    assert "<img" not in page
    for told in ("north", "port 7", "mon, fri", "08:00 – 24:00 Europe/Brussels", "at most 30 days", "Nobody has"):
        assert told in page, told


async def test_maintenance_is_refused_with_who_would_lose_it_and_then_forced(pages: httpx.AsyncClient, app: App):
    held = await book(app, "News", NOW + HOUR, {"Source": "Decoder 1"})
    one = await named(app, "Decoder 1")
    form = {"revision": one.revision, "mode": "maintenance"}
    page = await pages.post(f"/resources/{one.id}", data=form)
    assert page.status_code == 409
    assert "Force it: News would be Quarantined" in page.text
    assert (await named(app, "Decoder 1")).mode is Mode.AVAILABLE
    done = await pages.post(f"/resources/{one.id}", data={**form, "force": "1"})
    assert (done.status_code, done.headers["location"]) == (303, f"/resources/{one.id}")
    assert (await named(app, "Decoder 1")).mode is Mode.MAINTENANCE
    assert (await app.bookings.get(LOCAL, held.booking.id)).booking.state.value == "Quarantined"


async def test_hands_off_is_set_as_it_was_seen(pages: httpx.AsyncClient, app: App):
    one = await named(app, "Encoder 1")
    form = {"revision": one.revision, "mode": "available", "hands_off": "1"}
    assert (await pages.post(f"/resources/{one.id}", data=form)).status_code == 303
    assert (await named(app, "Encoder 1")).hands_off
    assert "nothing is sent to it." in (await pages.get(f"/resources/{one.id}")).text
    assert (await pages.post(f"/resources/{one.id}", data={**form, "hands_off": ""})).status_code == 412


async def test_a_profile_is_applied_now(pages: httpx.AsyncClient, app: App):
    one = await named(app, "Decoder 1")
    done = await pages.post(f"/resources/{one.id}/apply", data={"profile": "HD", "part": "whole", "why": "it drifts"})
    assert done.status_code == 303
    page = (await pages.get(done.headers["location"])).text
    assert "HD on Decoder 1" in page
    assert "It has not begun." in page
    assert "it drifts" in page


async def test_profiles_that_only_other_functions_take_are_not_proposed(pages: httpx.AsyncClient, app: App):
    more = (ProfileDefinition("Line up"), ProfileInstance("Bars", "Line up"), Resource("Patch panel"))
    named_by = (ProfileDefinition("Encode"), ProfileInstance("HEVC", "Encode"), Function("encoder", profile="Encode"))
    await app.catalogue.apply(LOCAL, "default", [*more, *named_by])
    proposed = {
        "Decoder 1": ["Bars", "HD", "UHD"],
        "Encoder 1": ["Bars", "HEVC"],
        "Patch panel": ["Bars", "HD", "HEVC", "UHD"],
    }
    for name, instances in proposed.items():
        page = (await pages.get(f"/resources/{(await named(app, name)).id}")).text
        options = page.split('name="profile"')[1].split("</select>")[0]
        assert re.findall(r'option value="([^"]*)"', options) == instances, name


async def test_a_profile_over_a_booking_is_refused_with_who_has_it_and_forced(pages: httpx.AsyncClient, app: App):
    await book(app, "News", NOW, {"Source": "Decoder 1"})
    one = await named(app, "Decoder 1")
    page = await pages.post(f"/resources/{one.id}/apply", data={"profile": "HD"})
    assert page.status_code == 409
    assert "held by News" in page.text
    assert "Apply it all the same" in page.text
    assert 'value="HD" selected' in page.text
    assert (await pages.post(f"/resources/{one.id}/apply", data={"profile": "HD", "force": "1"})).status_code == 303


async def test_what_is_wrong_with_an_application_is_told_beside_it(pages: httpx.AsyncClient, app: App):
    one = await named(app, "Decoder 1")
    page = await pages.post(f"/resources/{one.id}/apply", data={"profile": "HD", "part": "state"})
    assert page.status_code == 422
    assert "the service state whose values alone are applied" in page.text
    assert "Apply it all the same" not in page.text


async def test_a_viewer_is_offered_nothing_and_may_nothing(signed_in: httpx.AsyncClient, app: App):
    await app.users.create(LOCAL, NewUser("ben", NamedRights(["viewer"]), password=PASSWORD))
    await signed_in.post("/signin", data={"name": "ben", "password": PASSWORD})
    one = await named(app, "Decoder 1")
    page = (await signed_in.get(f"/resources/{one.id}")).text
    assert "A designer of the platform can change it." in page
    assert ">Apply</button>" not in page
    csrf = re.search(r'name="csrf" content="(\w+)"', page)
    assert csrf
    for path, form in (("", {"revision": one.revision, "mode": "maintenance"}), ("/apply", {"profile": "HD"})):
        answer = await signed_in.post(f"/resources/{one.id}{path}", data=form, headers={CSRF: csrf[1]})
        assert answer.status_code == 403
