# SPDX-License-Identifier: Apache-2.0
"""The list of bookings in a browser: several at once, and the header that counts what failed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from preroll.app import App
from preroll.bootstrap.wall import WallClock
from preroll.domain.booking import State
from preroll.domain.permission import LOCAL
from preroll.domain.window import DAY, HOUR
from tests.web.conftest import Site, Visit, barriers, barriers_in_both_themes, held_back, let_go, seed, serving
from tests.web.studio import book, furnish, running

SOON = WallClock().now_us() // DAY * DAY + DAY


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a small studio and three bookings."""

    async def prepare(app: App) -> None:
        await seed(app)
        await furnish(app)
        for hours, name in ((1, "Sport"), (4, "Film"), (8, "Opera")):
            await book(app, name, SOON + hours * HOUR, properties={"desk": "A"})

    with serving(tmp_path_factory.mktemp("studio"), prepare=prepare) as found:
        yield found


def test_several_at_once(visit: Visit, site: Site):
    page = visit.page
    page.goto("/bookings?from=2026-01-01T00:00:00Z&span=24")
    page.get_by_label("Choose Sport").check()
    page.get_by_label("Choose Opera").check()
    expect(page.get_by_text("2 chosen")).to_be_visible()
    assert barriers(page) == []
    page.get_by_role("button", name="Put on hold 2").click()
    expect(page.get_by_text("Put on hold: 2 done")).to_be_visible()
    assert barriers_in_both_themes(page) == []
    expect(page.locator("#list .state-on-hold")).to_have_count(2)
    expect(page.get_by_label("Choose Sport")).to_be_checked()
    expect(page.get_by_label("Choose Film")).not_to_be_checked()
    page.on("dialog", lambda asked: asked.accept())
    page.get_by_role("button", name="Cancel 2").click()
    expect(page.locator("#list .state-canceled")).to_have_count(2)


def test_what_could_not_be_done_with_some_is_told_of_each(visit: Visit, site: Site):
    page = visit.page
    done = [site.do(book(site.app, name, SOON + DAY)).booking.id for name in "ABC"]
    for ident in done[:2]:
        site.do(site.app.bookings.cancel(LOCAL, ident, None))
    page.goto("/bookings?from=2026-01-01T00:00:00Z&span=24")
    for name in "ABC":
        page.get_by_label(f"Choose {name}", exact=True).check()
    page.on("dialog", lambda asked: asked.accept())
    page.get_by_role("button", name="Cancel 1").click()
    report = page.get_by_role("alert").filter(has_text="Cancel: 1 done, 2 not")
    expect(report.get_by_role("listitem")).to_have_count(2)
    assert barriers_in_both_themes(page) == []
    for ident in done:
        site.do(site.app.bookings.delete(LOCAL, ident, None))


def test_columns_order_and_states_stay_in_the_address(visit: Visit, site: Site):
    page = visit.page
    starts = {"Ballet 1": SOON + DAY + 6 * HOUR, "Ballet 2": SOON + DAY}
    first, second = (site.do(book(site.app, *one, properties={"desk": "A"})).booking.id for one in starts.items())
    site.do(site.app.bookings.cancel(LOCAL, second, None))
    page.goto("/bookings?from=2026-01-01T00:00:00Z&span=24&q=Ballet")
    expect(page.locator("#list tbody tr").first).to_contain_text("Ballet 2")
    page.get_by_text("Columns").click()
    page.get_by_label("desk").check()
    expect(page.locator("#list th", has_text="desk")).to_be_visible()
    page.get_by_role("link", name="Name", exact=True).click()
    expect(page).to_have_url(re.compile("sort=name"))
    expect(page.locator("details.menu[open]")).to_have_count(0)
    expect(page.locator("#list tbody tr").first).to_contain_text("Ballet 1")
    page.get_by_text("Any state").click()
    page.get_by_label("Partial", exact=True).check()
    page.get_by_label("Confirmed", exact=True).check()
    expect(page.get_by_text("2 states")).to_be_visible()
    expect(page.locator("#list tbody tr")).to_have_count(1)
    page.reload()
    expect(page.get_by_text("2 states")).to_be_visible()
    expect(page.locator("#list tbody tr")).to_have_count(1)
    assert barriers(page) == []
    site.do(site.app.bookings.cancel(LOCAL, first, None))
    for ident in (first, second):
        site.do(site.app.bookings.delete(LOCAL, ident, None))


def test_of_two_lists_the_one_that_was_asked_for_last_is_shown(visit: Visit, site: Site):
    page = visit.page
    page.goto("/bookings?from=2026-01-01T00:00:00Z&span=24")
    expect(page.locator("#timeline[ready]")).to_be_attached()
    held = held_back(page, r"/bookings\?.*cols=property.desk")
    page.get_by_text("Columns").click()
    with page.expect_request(re.compile("cols=property.desk")):
        page.get_by_label("desk").check()
    page.get_by_role("link", name="Name", exact=True).click()
    expect(page.locator("#list tbody tr").first).to_contain_text("Film")
    expect(page.locator("#list th", has_text="desk")).to_be_visible()
    let_go(page, held)
    expect(page).to_have_url(re.compile("sort=name"))
    expect(page.locator("#list tbody tr").first).to_contain_text("Film")


def test_a_list_that_is_asked_for_meanwhile_does_not_lose_the_order(visit: Visit, site: Site):
    page = visit.page
    page.goto("/bookings?from=2026-01-01T00:00:00Z&span=24")
    expect(page.locator("#timeline[ready]")).to_be_attached()
    held = held_back(page, r"/bookings\?.*sort=name")
    page.get_by_role("link", name="Name", exact=True).click()
    page.get_by_label("Name contains").fill("o")
    expect(page.locator("#list tbody tr").first).to_contain_text("Opera")
    let_go(page, held)
    expect(page).to_have_url(re.compile("sort=name.*q=o"))
    expect(page.locator("#list tbody tr")).to_have_count(2)
    expect(page.locator("#list th", has_text="Name")).to_have_attribute("aria-sort", "ascending")


def test_what_is_chosen_before_all_scripts_are_there_is_shown_when_they_are(visit: Visit, site: Site):
    page = visit.page
    held = held_back(page, r"/htmx\.min\.js")
    page.goto("/bookings?from=2026-01-01T00:00:00Z&span=24", wait_until="commit")
    expect(page.locator("#timeline[ready]")).to_be_attached()
    page.get_by_role("link", name="Name", exact=True).click()
    page.locator("#list").get_by_role("link", name="Film").click()
    expect(page).to_have_url(re.compile("sort=name.*booking="))
    let_go(page, held)
    expect(page.locator("#list th", has_text="Name")).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("#side h1")).to_have_text("Film")


def test_of_two_bookings_the_one_that_was_chosen_last_is_beside(visit: Visit, site: Site):
    page = visit.page
    page.goto("/bookings?from=2026-01-01T00:00:00Z&span=24")
    expect(page.locator("#timeline[ready]")).to_be_attached()
    first = page.locator("#list tbody tr", has_text="Sport").get_attribute("data-id")
    held = held_back(page, rf"/bookings/{first}")
    for name in ("Sport", "Film", "Opera"):
        page.locator("#list").get_by_role("link", name=name).click()
    expect(page.locator("#side h1")).to_have_text("Opera")
    let_go(page, held)
    expect(page.locator("#side h1")).to_have_text("Opera")
    expect(page.locator("#side .diagram .wire path").first).to_have_css("fill", "none")


def test_the_header_counts_at_once_what_needs_somebody(visit: Visit, site: Site):
    found = site.do(book(site.app, "Gala", SOON + 12 * HOUR))
    page = visit.page
    page.goto("/")
    expect(page.locator("#needing .number")).to_have_text("0")
    expect(page.get_by_text("Live", exact=True)).to_be_attached()
    site.do(running(site.store, found, State.FAILED_ACTIVE))
    site.do(book(site.app, "After it", SOON + 16 * HOUR))
    expect(page.locator("#needing .number")).to_have_text("1")
    expect(page.locator("#troubles-head .count")).to_have_text("1")
    page.goto("/bookings")
    page.locator("#needing").click()
    expect(page.locator("#troubles-head ~ *, .line.urgent")).to_contain_text("Gala")
