# SPDX-License-Identifier: Apache-2.0
"""The form of a booking in a browser: it says at once what is free, and works without a script."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect

from preroll.app import App
from preroll.bootstrap.wall import WallClock
from preroll.domain.window import DAY, HOUR, SECOND
from tests.web.conftest import Site, Visit, barriers, seed, serving, visiting
from tests.web.studio import HOSTILE, NASTY, book, book_hostile, furnish

SOON = WallClock().now_us() // DAY * DAY + 2 * DAY + 10 * HOUR


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a small studio, and an encoder that is taken for an hour."""

    async def prepare(app: App) -> None:
        await seed(app)
        await furnish(app, *HOSTILE)
        await book(app, "Sport", SOON, {"Sink": "Encoder 1"})

    with serving(tmp_path_factory.mktemp("studio"), prepare=prepare) as found:
        yield found


def typed(us: int) -> str:
    """An instant as the field of a time takes it, on clocks that are at least an hour from those of the test."""
    return datetime.fromtimestamp(us // SECOND, UTC).strftime("%Y-%m-%d %H:%M")


def fill(page: Page, name: str, start: int) -> None:
    """Write into the fields; Brussels is an hour or two ahead of UTC."""
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("On the air from").fill(typed(start))
    page.get_by_label("Off the air").fill(typed(start + HOUR))


def test_what_is_free_is_said_at_once_and_a_clash_is_left_by_one_click(visit: Visit, site: Site):
    page, visit.watch.allowed = visit.page, {409}
    page.goto("/")
    page.get_by_role("link", name="New booking").click()
    page.get_by_label("Service").select_option("Contribution")
    sink = page.get_by_role("region", name="Node Sink")
    fill(page, "Film", SOON + 2 * HOUR)
    expect(sink.get_by_text("1 of 2 free")).to_be_visible()
    sink.get_by_label("Resource").select_option("Encoder 1")
    expect(sink.get_by_text("held by Sport")).to_be_visible()
    site.do(book(site.app, "Opera", SOON + 2 * HOUR, {"Sink": "Encoder 2"}))
    expect(sink.get_by_text("0 of 2 free")).to_be_visible()
    assert barriers(page) == []
    expect(page.get_by_label("Name", exact=True)).to_have_value("Film")
    page.get_by_role("button", name="Book", exact=True).last.click()
    expect(page.get_by_text("A resource is not free")).to_be_visible()
    page.get_by_role("button", name="Start ").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Film")
    expect(page.get_by_role("cell", name="Encoder 1")).to_be_visible()


def test_without_a_script_it_books_and_edits(browser: Browser, site: Site):
    with visiting(browser, site.url, java_script_enabled=False, color_scheme="dark") as visit:
        page = visit.page
        page.goto("/bookings/new?definition=Contribution")
        fill(page, "By hand", SOON + 8 * HOUR)
        page.get_by_role("button", name="Look what is free").click()
        expect(page.get_by_role("region", name="Node Sink").get_by_text("2 of 2 free")).to_be_visible()
        page.get_by_role("button", name="+60 min").click()
        expect(page.get_by_label("On the air from")).to_have_value(typed(SOON + 9 * HOUR))
        page.get_by_role("button", name="Book", exact=True).last.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("By hand")
        page.get_by_role("link", name="Edit…").click()
        page.get_by_label("Name", exact=True).fill("By another hand")
        page.get_by_role("button", name="Save", exact=True).last.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("By another hand")
        page.get_by_role("button", name="Put on hold").click()
        expect(page.locator("#booking .chip").first).to_contain_text("On-Hold")


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 1280)])
def test_nobody_is_kept_out(browser: Browser, site: Site, theme: str, width: int):
    screen = {"width": width, "height": 800}
    with visiting(browser, site.url, color_scheme=theme, viewport=screen, reduced_motion="reduce") as visit:
        visit.page.goto("/bookings/new")
        visit.page.get_by_text("Properties").click()
        visit.page.get_by_text("Values of its own").first.click()
        assert barriers(visit.page) == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


def test_markup_in_any_name_is_text(visit: Visit, site: Site):
    page, visit.watch.allowed = visit.page, {409}
    first = site.do(book_hostile(site.app, f"{NASTY} first", SOON + 30 * HOUR))
    site.do(book_hostile(site.app, f"{NASTY} second", SOON + 34 * HOUR))
    page.goto(f"/bookings/{first.booking.id}/edit")
    expect(page.get_by_role("region", name="Node <img")).to_be_visible()
    start = SOON + 35 * HOUR
    page.get_by_label("Off the air").fill(typed(start + HOUR))
    page.get_by_label("On the air from").fill(typed(start))
    expect(page.locator(".node.clash")).to_contain_text(f"{NASTY} second")
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_text("A resource is not free")).to_be_visible()
    for path in (
        f"/bookings?booking={first.booking.id}",
        f"/bookings/{first.booking.id}/swap",
        "/bookings?cols=service",
    ):
        page.goto(path)
        expect(page.get_by_text(f"{NASTY} first").first).to_be_visible()
        assert page.locator("img").count() == 0
