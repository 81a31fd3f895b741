# SPDX-License-Identifier: Apache-2.0
"""Platforms on the page: listed for who sees them, added by an admin everywhere; an empty server teaches it."""

from __future__ import annotations

import re

import httpx
import pytest

from preroll.app import App
from preroll.app.edits import NewBooking
from preroll.app.users import NamedRights, NewUser
from preroll.domain.config import AskedTiming, Platform
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.ordered import Service, ServiceRevision
from preroll.domain.permission import LOCAL
from preroll.domain.resource import Resource
from preroll.domain.service_instance import Provisioned
from preroll.gate.guard import CSRF, Guard
from preroll.store import SqlStore
from preroll.web import create_pages
from tests.api.people import PASSWORD
from tests.web.studio import NASTY


async def test_a_platform_is_added_with_the_settings_that_are_shipped(pages: httpx.AsyncClient, app: App):
    done = await pages.post("/platforms", data={"name": f" {NASTY} ", "zone": "Asia/Kolkata"})
    assert done.status_code == 303
    made = await app.platforms.get(LOCAL, NASTY)
    assert (made.zone, made.config) == ("Asia/Kolkata", Platform("x").config)
    page = (await pages.get(done.headers["location"])).text
    assert "<img" not in page
    assert page.count("Change the settings of") == 2


@pytest.mark.parametrize(
    ("form", "status", "told"),
    [
        ({"name": "tv", "zone": "Mars/Olympus"}, 422, "an IANA time zone"),
        ({"name": "", "zone": "UTC"}, 422, "is missing"),
        ({"name": "default", "zone": "UTC"}, 412, "default"),
    ],
)
async def test_what_is_wrong_with_a_platform_is_told(
    pages: httpx.AsyncClient, app: App, form: dict[str, str], status: int, told: str
):
    page = await pages.post("/platforms", data=form)
    assert page.status_code == status
    assert told in page.text
    assert [one.name for one in await app.platforms.list(LOCAL)] == ["default"]


async def test_a_first_visit_shows_where_there_is_something(pages: httpx.AsyncClient, app: App):
    await app.platforms.put(LOCAL, Platform("radio"))
    await app.platforms.put(LOCAL, Platform("tv"))
    looked_at = re.compile(r"<option selected>(\w+)")

    async def first() -> str:
        pages.cookies.clear()
        found = looked_at.search((await pages.get("/")).text)
        return found[1] if found else ""

    assert await first() == "default"
    await app.catalogue.apply(LOCAL, "radio", [Resource("Line 1")])
    assert await first() == "radio"
    await app.bookings.create(LOCAL, NewBooking("News", AskedTiming(), platform="tv"))
    assert await first() == "tv"
    await pages.get("/", params={"platform": "radio"})
    assert (found := looked_at.search((await pages.get("/bookings")).text))
    assert found[1] == "radio", "what one looked at last is remembered"


async def test_services_that_are_all_gone_are_not_denied(pages: httpx.AsyncClient, app: App, store: SqlStore):
    assert "There is no service yet" in (await pages.get("/services")).text
    gone = Service("Line to Lima", 1, 1, state=Provisioned.DECOMMISSIONED)
    await app.catalogue.apply(LOCAL, "default", [ServiceDefinition("Line", nodes=(Node("End"),))])
    await store.write(lambda tx: tx.services.add(gone, ServiceRevision(1)))
    page = (await pages.get("/services")).text
    assert "No service is there now" in page
    there = re.search(r'href="(/services[^"]+)">Show those', page)
    assert there
    assert "Line to Lima" in (await pages.get(there[1].replace("&amp;", "&"))).text


async def test_a_viewer_sees_its_platforms_and_adds_none(signed_in: httpx.AsyncClient, app: App):
    await app.platforms.put(LOCAL, Platform("secret"))
    await app.users.create(LOCAL, NewUser("ben", NamedRights(on={"default": ["viewer"]}), password=PASSWORD))
    await signed_in.post("/signin", data={"name": "ben", "password": PASSWORD})
    page = (await signed_in.get("/platforms")).text
    assert "secret" not in page
    assert "Look at the settings of default" in page
    assert "Add a platform" not in page
    csrf = re.search(r'name="csrf" content="(\w+)"', page)
    assert csrf
    answer = await signed_in.post("/platforms", data={"name": "mine", "zone": "UTC"}, headers={CSRF: csrf[1]})
    assert answer.status_code == 403


async def test_a_server_without_a_platform_leads_to_the_first_one(store: SqlStore):
    from preroll.app import build

    empty = build(store, None)
    transport = httpx.ASGITransport(create_pages(empty, guard=Guard(empty, fresh_s=0.0)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        home = (await client.get("/")).text
        assert "There is no platform yet" in home
        assert 'href="/platforms"' in home
        assert "Make the first one here." in (await client.get("/platforms")).text
        for path in ("/bookings", "/resources"):
            assert (await client.get(path)).status_code == 200, path
        assert (await client.post("/platforms", data={"name": "tv", "zone": "UTC"})).status_code == 303
        assert "There are no resources yet" in (await client.get("/")).text
