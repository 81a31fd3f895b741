# SPDX-License-Identifier: Apache-2.0
"""The page of a booking in a browser: its dialogs, a conflict with its way out, and what a refresh leaves as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import APIResponse, Browser, Page, Route, expect

from preroll.app import App
from preroll.bootstrap.wall import WallClock
from preroll.domain.permission import LOCAL
from preroll.domain.window import DAY, HOUR
from tests.web.conftest import Site, Visit, barriers, seed, serving, visiting
from tests.web.studio import NASTY, book, furnish

SOON = WallClock().now_us() // DAY * DAY + 2 * DAY


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a small studio."""

    async def prepare(app: App) -> None:
        await seed(app)
        await furnish(app)

    with serving(tmp_path_factory.mktemp("studio"), prepare=prepare) as found:
        yield found


def dialog(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_confirming_and_renaming_by_click(visit: Visit, site: Site):
    site.do(book(site.app, start=SOON))
    page, chip = visit.page, visit.page.locator("#booking .chip")
    page.goto("/bookings")
    assert barriers(page) == []
    page.goto(page.get_by_role("link", name="News", exact=True).get_attribute("href") or "")
    expect(chip).to_contain_text("Partial")
    page.get_by_role("button", name="Confirm", exact=True).click()
    expect(chip).to_contain_text("Confirmed")
    assert barriers(page) == []
    dialog(page, "Rename…")
    assert barriers(page) == []
    page.get_by_label("New name").fill("Late news")
    page.get_by_role("dialog").get_by_role("button", name="Rename").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Late news")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_what_changes_while_an_answer_is_on_its_way_shows_up(visit: Visit, site: Site):
    found = site.do(book(site.app, "Quiz", SOON + 14 * HOUR))
    page, chip = visit.page, visit.page.locator("#booking .chip")
    page.goto(f"/bookings/{found.booking.id}")
    hear = "(e) => document.body.append(`heard ${e.detail.state} `)"
    page.evaluate(f"document.addEventListener('preroll:change', {hear})")
    dialog(page, "Rename…")
    page.get_by_label("New name").fill("Late quiz")
    held: list[tuple[Route, APIResponse]] = []
    page.route(re.compile("/rename$"), lambda route: held.append((route, route.fetch())))
    with page.expect_response(re.compile("/rename$")):
        page.get_by_role("dialog").get_by_role("button", name="Rename").last.click()
        expect(page.get_by_text("heard")).to_be_attached()
        site.do(site.app.bookings.confirm(LOCAL, found.booking.id, None))
        expect(page.get_by_text("heard confirmed")).to_be_attached()
        expect(page.get_by_role("dialog")).to_be_visible()
        ((route, response),) = held
        route.fulfill(response=response)
    expect(page.get_by_role("heading", level=1)).to_have_text("Late quiz")
    expect(chip).to_contain_text("Confirmed")


def test_a_conflict_is_left_by_one_click(visit: Visit, site: Site):
    site.do(book(site.app, "Sport", SOON + 5 * HOUR, {"Sink": "Encoder 1"}))
    found = site.do(book(site.app, "Film", SOON + 9 * HOUR, {"Sink": "Encoder 1"}))
    page, visit.watch.allowed = visit.page, {409, 412}
    page.goto(f"/bookings/{found.booking.id}")
    page.get_by_text("Not possible now").click()
    dialog(page, "Adjust times…")
    start = page.get_by_label("On the air from")
    start.fill(start.input_value().replace(" 10:", " 06:").replace(" 11:", " 07:"))
    end = page.get_by_label("Off the air")
    end.fill(end.input_value().replace(" 11:", " 07:").replace(" 12:", " 08:"))
    site.do(site.app.bookings.rename(LOCAL, found.booking.id, None, "Late film"))
    page.get_by_role("dialog").get_by_role("button", name="Adjust times").last.click()
    expect(page.get_by_text("What has changed since")).to_be_visible()
    page.get_by_role("button", name="Adjust times all the same").click()
    way = page.get_by_role("button", name="Take Encoder 2 for Sink")
    expect(way).to_be_visible()
    assert barriers(page) == []
    way.click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("cell", name="Encoder 2")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Late film")
    expect(page.locator("details.not-now")).to_have_attribute("open", "")


def test_a_change_elsewhere_leaves_unfolded_what_is_unfolded(visit: Visit, site: Site):
    found = site.do(book(site.app, "Morning", SOON + 13 * HOUR))
    page = visit.page
    page.goto(f"/bookings/{found.booking.id}")
    page.get_by_text("Not possible now").click()
    expect(page.get_by_text("Live", exact=True)).to_be_attached()
    site.do(site.app.bookings.rename(LOCAL, found.booking.id, None, "Early morning"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Early morning")
    expect(page.locator("details.not-now")).to_have_attribute("open", "")


@pytest.mark.parametrize(("width", "at_most"), [(390, 8), (1280, 4), (1920, 4)])
def test_history_reads_as_lines_where_there_is_no_room_for_columns(
    browser: Browser, site: Site, width: int, at_most: int
):
    found = site.do(book(site.app, f"Told {width}", SOON + (32 + width // 390 * 2) * HOUR))
    why = "the camera on the north stand is being repaired, and nobody knows how long it takes; it is asked for again"
    site.do(site.app.bookings.cancel(LOCAL, found.booking.id, None, why))
    with visiting(browser, site.url, viewport={"width": width, "height": 800}) as visit:
        visit.page.goto(f"/bookings/{found.booking.id}")
        row = visit.page.get_by_role("region", name="History").locator("tr").filter(has_text=why)
        expect(row).to_be_visible()
        box, line = (
            row.bounding_box(),
            row.locator("td").first.evaluate("n => parseFloat(getComputedStyle(n).lineHeight)"),
        )
        assert box
        assert box["height"] <= at_most * line
        assert visit.page.locator(".scroll:has(.stacks)").evaluate_all(
            "all => all.every((one) => one.scrollWidth <= one.clientWidth)"
        )


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 1280)])
def test_markup_and_long_names_are_text_and_nobody_is_kept_out(browser: Browser, site: Site, theme: str, width: int):
    at = SOON + (24 if theme == "light" else 28) * HOUR
    name = f"{theme} {width} {NASTY} شبكة " + "long " * 35
    found = site.do(book(site.app, name, at, properties={NASTY: NASTY, "desk": "A"}))
    screen = {"width": width, "height": 800}
    with visiting(browser, site.url, color_scheme=theme, viewport=screen, reduced_motion="reduce") as visit:
        page = visit.page
        for path in ("/bookings", f"/bookings?booking={found.booking.id}", f"/bookings/{found.booking.id}"):
            page.goto(path)
            expect(page.get_by_text(name.strip()[:40]).first).to_be_visible()
            assert barriers(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        dialog(page, "Properties…")
        assert barriers(page) == []
        assert page.locator("img").count() == 0
