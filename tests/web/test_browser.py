# SPDX-License-Identifier: Apache-2.0
"""The frame in a browser: signing in, what a browser remembers, and that nothing comes from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from preroll.app import App
from preroll.app.users import NamedRights, NewUser
from preroll.domain.permission import LOCAL
from tests.api.people import PASSWORD
from tests.web.conftest import Site, Visit, barriers, seed, serving, visiting


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site at which anna signs in."""

    async def prepare(app: App) -> None:
        await seed(app)
        await app.users.create(LOCAL, NewUser("anna", NamedRights(["admin"]), password=PASSWORD))

    with serving(tmp_path_factory.mktemp("guarded"), prepare=prepare) as found:
        yield found


def test_signing_in_and_out(browser: Browser, guarded: Site):
    with visiting(browser, guarded.url) as visit:
        visit.watch.allowed = {401}
        page = visit.page
        page.goto("/account")
        page.get_by_label("Name").fill("anna")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("is wrong")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(f"{guarded.url}/account")
        expect(page.get_by_role("heading", name="anna")).to_be_visible()
        page.locator("summary").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(f"{guarded.url}/signin")
        page.goto("/")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_the_frame(visit: Visit):
    page = visit.page
    page.goto("/")
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    expect(page.locator("#station-clock")).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    assert page.evaluate("document.fonts.load('13px \"Inter Variable\"').then(found => found.length)") == 1
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()


def test_a_browser_remembers_its_theme(visit: Visit):
    page = visit.page
    page.goto("/")
    page.locator("summary").click()
    page.get_by_role("button", name="Dark", exact=True).click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 20, 27)"
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 20, 27)"
    page.locator("summary").click()
    expect(page.get_by_role("button", name="Dark", exact=True)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Dark", exact=True)).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_keeps_people_out(browser: Browser, guarded: Site, theme: str):
    with visiting(browser, guarded.url, color_scheme=theme) as visit:
        page, visit.watch.allowed = visit.page, {404}
        page.goto("/signin")
        assert barriers(page) == []
        page.get_by_label("Name").fill("anna")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        for path in ("/", "/account", "/nowhere"):
            page.goto(path)
            assert barriers(page) == [], path
