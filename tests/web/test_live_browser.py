# SPDX-License-Identifier: Apache-2.0
"""Open pages hear of changes: two browsers at once, and over a server that goes away and comes back."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from preroll.app.edits import NewBooking
from preroll.domain.config import AskedTiming
from preroll.domain.permission import LOCAL
from tests.web.conftest import Site, Visit, seed, serving, until, visiting

LISTEN = "document.addEventListener('preroll:change', e => (window.heard ??= []).push(e.detail.id))"


def book(site: Site, name: str) -> str:
    made = site.do(site.app.bookings.create(LOCAL, NewBooking(name, AskedTiming())))
    return str(made.booking.id)


def opened(page: Page) -> None:
    page.goto("/")
    page.evaluate(LISTEN)
    expect(page.locator("#lamp")).to_have_text("Live")


def test_two_browsers_hear_the_same(browser: Browser, site: Site, visit: Visit):
    with visiting(browser, site.url) as other:
        for page in (visit.page, other.page):
            opened(page)
        made = book(site, "News")
        for page in (visit.page, other.page):
            until(page, f"(window.heard ?? []).includes('{made}')")


def test_a_page_outlives_its_server_and_misses_nothing(browser: Browser, tmp_path: Path):
    with serving(tmp_path, prepare=seed) as site:
        port = site.port
        context = visiting(browser, site.url)
        visit = context.__enter__()
        opened(visit.page)
        visit.watch.down = True
    expect(visit.page.locator("#lamp")).to_have_attribute("data-state", "lost")
    expect(visit.page.locator("#lamp")).to_contain_text("Lost since")
    made: list[str] = []

    async def meanwhile(app: object) -> None:
        booked = await app.bookings.create(LOCAL, NewBooking("News", AskedTiming()))
        made.append(booked.booking.id)

    with serving(tmp_path, port, prepare=meanwhile):
        until(visit.page, f"(window.heard ?? []).includes('{made[0]}')")
        expect(visit.page.locator("#lamp")).to_have_text("Live")
        context.__exit__(None, None, None)
