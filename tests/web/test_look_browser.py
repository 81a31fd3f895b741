# SPDX-License-Identifier: Apache-2.0
"""The main pages as a screen reader, a phone, a printer and a station elsewhere see them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from preroll.app import App
from preroll.app.edits import NewBooking
from preroll.app.tokens import NewToken
from preroll.app.users import NamedRights, NewUser
from preroll.domain.config import AskedTiming, Platform
from preroll.domain.permission import LOCAL
from preroll.domain.resource import Resource
from preroll.ports.lists import BookingFilter
from tests.api.people import PASSWORD
from tests.web.conftest import Site, Visit, barriers_in_both_themes, serving, visiting

LONG = "<b>x</b> " + "long " * 38
HEADER = """
- banner:
  - link "Preroll"
  - navigation "Main":
    - link "Tonight"
    - link "Bookings"
    - link "Resources"
    - link "Config"
    - link "People"
  - status: Live
"""
PAGES = {
    "/": """
- main:
  - heading "Tonight on default" [level=1]
  - region /Needs somebody \\d+/:
    - heading /Needs somebody \\d+/ [level=2]
    - list
  - region /On the air \\d+/
  - region /Coming next \\d+/
""",
    "/bookings": """
- main:
  - region "Timeline":
    - heading "Bookings" [level=1]
  - region "List of bookings":
    - heading "List" [level=2]
    - region "Bookings":
      - table
""",
    "/config/general": """
- main:
  - heading "Config" [level=1]
  - navigation "Config":
    - link "General"
    - link "Services and SLA"
    - link "Lifecycle colors"
    - link "History"
  - button "Save"
  - group "Platform":
    - combobox "Time zone"
    - checkbox "Paused"
  - group "When orchestration fails":
    - textbox "Booking Start Failure Script"
""",
    "/config/services": """
- main:
  - group "Service state of each stage":
    - combobox "Initial Service State"
    - combobox "Service State (ended)"
  - group "Service State Transitions":
    - region "Service State Transitions":
      - table:
        - rowgroup:
          - row "Mark Supported State Next Allowed State"
  - figure:
    - group "Service states and the transitions that are allowed"
""",
    "/resources": """
- main:
  - heading "Resources" [level=1]
  - search:
    - searchbox "Name contains"
    - combobox "Function"
    - combobox "Pool"
    - combobox "State"
  - region "List of resources":
    - table:
      - rowgroup:
        - row "Name State Now Next Function Pools Driver At once"
""",
    "/platforms": """
- main:
  - heading "Platforms" [level=1]
  - region "Platforms":
    - table
  - heading "Add a platform" [level=2]
  - textbox "Name"
  - combobox "Time zone"
  - paragraph:
    - button "Add"
""",
    "/subscriptions": """
- main:
  - heading "Subscriptions" [level=1]
  - heading "Nobody is told yet" [level=2]
  - paragraph:
    - link "Add a subscription"
""",
    "/people": """
- main:
  - heading "People" [level=1]
  - link "Add a person"
  - region "People":
    - table:
      - rowgroup:
        - row "Name Full name May Scopes Signs in"
  - heading "API tokens" [level=2]
""",
}


HIDDEN_SIDEWAYS = """
[...document.querySelectorAll(".folding, .scroll")]
  .filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.ariaLabel)
"""
"""Lists that go on beside the screen."""
BOOKING = """
- main:
  - heading /<b>x<\\/b> long/ [level=1]
  - group "Actions":
    - button "Confirm"
    - link "Edit…"
    - link "Adjust times…"
  - region "Life cycle":
    - heading "Life cycle" [level=2]
  - heading "What it is" [level=2]
  - heading "Resources" [level=2]
  - heading "Events" [level=2]
  - heading "Runs" [level=2]
  - heading "Action log" [level=2]
  - heading "History" [level=2]
  - region "History":
    - table:
      - rowgroup:
        - row "When Who What From – to Why"
"""
RESOURCE = """
- main:
  - heading "Line 1" [level=1]
  - region "Now and next":
    - heading "Now and next" [level=2]
  - region "Mode":
    - group "Mode":
      - radio /available/ [checked]
      - radio /maintenance/
      - radio /unavailable/
      - checkbox /hands off/
    - paragraph:
      - button "Save"
  - region "Apply a profile now"
  - heading "What it is" [level=2]
"""


async def prepare(app: App) -> None:
    await app.platforms.put(LOCAL, Platform("default", zone="Asia/Kolkata"))
    await app.catalogue.apply(LOCAL, "default", [Resource("Line 1"), Resource(LONG)])
    await app.bookings.create(LOCAL, NewBooking(LONG, AskedTiming()))
    await app.users.create(LOCAL, NewUser("anna", NamedRights(["admin"]), password=PASSWORD))
    await app.users.create(LOCAL, NewUser("x" * 100, NamedRights(["viewer"], scopes=["sport"]), full_name=LONG))
    await app.tokens.create(LOCAL, NewToken("nightly import", "anna"))


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site in India, with a booking and two people."""
    with serving(tmp_path_factory.mktemp("station"), prepare=prepare) as found:
        yield found


@pytest.fixture
def anna(browser: Browser, station: Site) -> Iterator[Visit]:
    with visiting(browser, station.url, timezone_id="America/Lima") as found:
        sign_in(found.page)
        yield found


def sign_in(page: Page) -> None:
    page.goto("/signin")
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#lamp")).to_have_text("Live")


def test_a_screen_reader_finds_its_way(anna: Visit):
    for path, tree in PAGES.items():
        anna.page.goto(path)
        expect(anna.page.locator("body")).to_match_aria_snapshot(HEADER)
        expect(anna.page.locator("body")).to_match_aria_snapshot(tree)


@pytest.mark.timeout(240)
def test_one_booking_and_one_resource_are_read_aloud_and_keep_nobody_out(anna: Visit, station: Site):
    (found,) = station.do(station.app.lists.page(LOCAL, BookingFilter(None), None, 9)).items
    line = next(r for r in station.do(station.app.catalogue.resources(LOCAL, "default")) if r.name == "Line 1")
    for path, tree in ((f"/bookings/{found.id}", BOOKING), (f"/resources/{line.id}", RESOURCE)):
        anna.page.goto(path)
        expect(anna.page.locator("body")).to_match_aria_snapshot(tree)
        assert barriers_in_both_themes(anna.page) == [], path


@pytest.mark.timeout(240)
def test_nothing_keeps_people_out_of_people_and_tokens(anna: Visit):
    page = anna.page
    for path in ("/people", "/people/new", "/account", "/resources", "/platforms", "/subscriptions/new"):
        page.goto(path)
        assert barriers_in_both_themes(page) == [], path
    page.goto("/people")
    page.get_by_role("link", name="x" * 100).click()
    expect(page.get_by_role("heading", name="x" * 100)).to_be_visible()
    assert barriers_in_both_themes(page) == []


def test_a_person_is_added_and_gets_a_token(anna: Visit):
    page, anna.watch.allowed = anna.page, {422}
    page.goto("/people/new")
    page.get_by_label("Name", exact=True).fill("ben")
    page.get_by_label("operator on default").check()
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="has 5 characters")).to_be_visible()
    page.get_by_role("button", name="Add, and make up a password").click()
    expect(page.locator("code.secret")).to_have_text(re.compile(r"\S{20}"))
    page.get_by_role("link", name="To this person").click()
    expect(page.get_by_label("operator on default")).to_be_checked()
    expect(page.locator("code.secret")).to_have_count(0)
    page.get_by_label("What a new one is for").fill("robot")
    page.get_by_role("button", name="Make a token").click()
    expect(page.locator("code.secret")).to_have_text(re.compile(r"preroll_\S{40}"))
    page.get_by_role("button", name="Revoke robot of ben").click()
    expect(page.get_by_text("No token is there.")).to_be_visible()


def test_a_phone_shows_every_page_without_a_way_sideways(browser: Browser, station: Site):
    with visiting(browser, station.url, viewport={"width": 390, "height": 800}, has_touch=True) as phone:
        sign_in(phone.page)
        for path in (*PAGES, "/people/new", "/config/history", "/config/colors", "/account", "/platforms"):
            phone.page.goto(path)
            assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390, path
            assert phone.page.evaluate(HIDDEN_SIDEWAYS) == [], path


def test_times_are_the_stations_wherever_the_browser_is(anna: Visit):
    page = anna.page
    page.goto("/config/history")
    shown = page.locator("#station-clock").inner_text()
    there = page.evaluate("new Intl.DateTimeFormat('en-GB', {timeStyle: 'short', timeZone: 'Asia/Kolkata'}).format()")
    before = page.evaluate(
        "new Intl.DateTimeFormat('en-GB', {timeStyle: 'short', timeZone: 'Asia/Kolkata'}).format(Date.now() - 60000)"
    )
    assert shown[:5] in (there, before)
    expect(page.locator("#station-clock")).to_have_attribute("title", "Asia/Kolkata")


def test_rows_are_as_dense_as_one_likes(anna: Visit):
    page = anna.page
    page.goto("/people")
    row = page.get_by_role("row", name="anna").first
    heights = []
    for density in ("Dense", "Normal", "Roomy"):
        page.locator("details.menu summary").click()
        page.get_by_role("button", name=density, exact=True).click()
        page.keyboard.press("Escape")
        box = row.bounding_box()
        assert box
        heights.append(box["height"])
    assert heights == sorted(set(heights))


def test_paper_shows_the_content_alone(anna: Visit):
    page = anna.page
    page.goto("/people")
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    expect(page.locator(".bar-end")).to_be_hidden()
    expect(page.get_by_text("Add a person")).to_be_hidden()
    expect(page.get_by_role("heading", name="People", exact=True)).to_be_visible()
