# SPDX-License-Identifier: Apache-2.0
"""Home for the night in a browser: nobody is kept out in either theme, a phone shows it whole, a change shows up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, expect

from preroll.app import App
from preroll.app.edits import NewBooking
from preroll.domain.booking import Timing
from preroll.domain.permission import LOCAL
from preroll.domain.window import MINUTE, SECOND
from tests.web.conftest import Site, barriers, seed, serving, visiting

GONE = {"HX-Retarget": "#toasts", "HX-Reswap": "beforeend"}
TOLD = '<div class="toast bad" role="alert"><strong>The store is not available</strong></div>'
LONG = "The long evening of many sports " * 6


def soon(name: str, minutes: int) -> NewBooking:
    """A booking of an hour that nobody confirms."""
    start = int(datetime.now(UTC).timestamp()) * SECOND + minutes * MINUTE
    return NewBooking(name, Timing(start, start + 60 * MINUTE, pre_roll=MINUTE))


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a booking that comes near and one that comes later, and no engine."""

    async def prepare(app: App) -> None:
        await seed(app)
        await app.bookings.create(LOCAL, soon("Evening news", 4))
        await app.bookings.create(LOCAL, soon(LONG, 180))

    with serving(tmp_path_factory.mktemp("studio"), prepare=prepare) as found:
        yield found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nobody_is_kept_out(browser: Browser, studio: Site, theme: str, width: int):
    screen = {"width": width, "height": 800}
    with visiting(browser, studio.url, color_scheme=theme, viewport=screen, reduced_motion="reduce") as visit:
        visit.page.goto("/")
        expect(visit.page.get_by_role("heading", name="Needs somebody")).to_be_visible()
        expect(visit.page.get_by_text("Near air, not confirmed")).to_be_visible()
        assert barriers(visit.page) == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_change_shows_up(browser: Browser, studio: Site):
    with visiting(browser, studio.url) as visit:
        visit.page.goto("/")
        expect(visit.page.get_by_role("link", name="Evening news").first).to_be_visible()
        studio.do(studio.app.bookings.create(LOCAL, soon("Late film", 240)))
        visit.page.evaluate("document.dispatchEvent(new CustomEvent('preroll:change', {detail: {kind: 'booking'}}))")
        expect(visit.page.get_by_role("link", name="Late film")).to_be_visible()


def test_a_refresh_that_fails_again_and_again_is_told_once(browser: Browser, studio: Site):
    with visiting(browser, studio.url) as visit:
        visit.watch.allowed = {503}
        page = visit.page
        page.goto("/")
        page.route(
            "**/?platform=*", lambda route: route.fulfill(status=503, content_type="text/html", headers=GONE, body=TOLD)
        )
        for _ in range(3):
            with page.expect_response(lambda answer: answer.status == 503):
                page.evaluate("document.dispatchEvent(new CustomEvent('preroll:change', {detail: {kind: 'booking'}}))")
        expect(page.locator(".toast")).to_have_count(1)
        expect(page.get_by_text("Coming next")).to_be_visible()
