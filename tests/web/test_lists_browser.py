# SPDX-License-Identifier: Apache-2.0
"""The lists on a slow line, in a browser: what is shown is what was asked for last, whenever the answers come."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from preroll.app import App
from tests.web import depot
from tests.web.conftest import Site, Visit, barriers, held_back, let_go, serving

CHANGED = "document.dispatchEvent(new CustomEvent('preroll:change', {detail: {kind: 'order.changed', id: 'other'}}))"
"""As the live stream tells what somebody else does."""
ENCODERS = 61
"""One more than a page of them."""
NAMES = ("Order South", "Order North", "Order East")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A depot without an engine, with three orders."""
    folder = tmp_path_factory.mktemp("depot")

    async def prepare(app: App) -> None:
        await depot.furnish(app, folder, ENCODERS)
        for name, ends in zip(NAMES, (("enc-1", "enc-2"), ("enc-3", "enc-4"), ("enc-5", "enc-6")), strict=True):
            await depot.order(app, name.removeprefix("Order "), *ends)

    with serving(folder, prepare=prepare) as found:
        yield found


def opened(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.locator("#lamp")).to_have_text("Live")


def listed(page: Page, *names: str) -> None:
    """In this order, and no others."""
    expect(page.locator("#list tbody .title")).to_have_text(list(names))


@pytest.mark.parametrize(
    ("path", "asked", "rows", "found"),
    [("/orders", "north", len(NAMES), "Order North"), ("/resources", "c-44", ENCODERS - 1, "enc-44")],
)
def test_a_list_from_before_the_filter_does_not_come_back(
    visit: Visit, site: Site, path: str, asked: str, rows: int, found: str
):
    page = visit.page
    opened(page, path)
    held = held_back(page, rf"{path}(\?|$)")
    with page.expect_request(re.compile(rf"{path}(\?|$)")):
        page.evaluate(CHANGED)
    expect(page.locator("#list tbody tr")).to_have_count(rows)
    page.get_by_label("Name contains").fill(asked)
    listed(page, found)
    let_go(page, held)
    listed(page, found)
    with page.expect_response(re.compile(rf"{path}\?.*q={asked}")):
        page.evaluate(CHANGED)
    listed(page, found)
    assert barriers(page) == []
    page.reload()
    listed(page, found)


def test_what_changes_meanwhile_neither_hides_the_filter_nor_is_missed(visit: Visit, site: Site):
    page = visit.page
    opened(page, "/orders")
    held = held_back(page, r"/orders\?.*q=th")
    with page.expect_request(re.compile(r"/orders\?.*q=th")):
        page.get_by_label("Name contains").fill("th")
    page.evaluate(CHANGED)
    assert held[0].request.failure is None
    with page.expect_response(lambda answer: "q=th" in answer.url and answer.request != held[0].request):
        let_go(page, held)
    listed(page, "Order North", "Order South")


def test_the_last_word_that_is_typed_counts(visit: Visit, site: Site):
    page = visit.page
    opened(page, "/orders")
    held = held_back(page, r"/orders\?.*q=t(&|$)")
    for word in ("t", "th", "nort"):
        with page.expect_request(re.compile(rf"/orders\?.*q={word}(&|$)")):
            page.get_by_label("Name contains").fill(word)
    listed(page, "Order North")
    let_go(page, held)
    listed(page, "Order North")


def test_an_order_that_is_chosen_before_the_filtered_list_is_there_keeps_the_filter(visit: Visit, site: Site):
    page = visit.page
    opened(page, "/orders")
    held = held_back(page, r"/orders\?.*q=th")
    with page.expect_request(re.compile(r"/orders\?.*q=th")):
        page.get_by_label("Name contains").fill("th")
    page.get_by_role("link", name="Name", exact=True).click()
    listed(page, "Order North", "Order South")
    let_go(page, held)
    listed(page, "Order North", "Order South")
    expect(page.locator("#list th", has_text="Name")).to_have_attribute("aria-sort", "ascending")
    page.get_by_label("Name contains").fill("st")
    listed(page, "Order East")
    expect(page).to_have_url(re.compile(r"sort=name.*q=st"))


def test_how_a_list_goes_on_is_not_asked_of_another_one(visit: Visit, site: Site):
    page = visit.page
    opened(page, "/resources")
    held = held_back(page, r"/resources\?.*q=c-44")
    with page.expect_request(re.compile(r"/resources\?.*q=c-44")):
        page.get_by_label("Name contains").fill("c-44")
    page.get_by_role("link", name="More").click()
    let_go(page, held)
    listed(page, "enc-44")
    page.get_by_label("Name contains").fill("")
    expect(page.locator("#list tbody tr")).to_have_count(ENCODERS - 1)
    page.get_by_role("link", name="More").click()
    listed(page, f"enc-{ENCODERS}")
    page.get_by_role("link", name="From the begin").click()
    expect(page.locator("#list tbody tr")).to_have_count(ENCODERS - 1)


@pytest.mark.parametrize("path", ["/orders", "/resources"])
def test_what_is_typed_before_the_scripts_are_there_counts(visit: Visit, site: Site, path: str):
    page = visit.page
    held = held_back(page, r"/things\.js")
    page.goto(path, wait_until="commit")
    page.get_by_label("Name contains").fill("no such name")
    expect(page.locator("#list tbody tr").first).to_be_attached()
    let_go(page, held)
    expect(page.locator("#list tbody tr")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"q=no"))
