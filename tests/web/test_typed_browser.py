# SPDX-License-Identifier: Apache-2.0
"""A form that says at once what is free, on a slow line: an answer that comes late takes nothing back that is typed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from preroll.app import App
from tests.web import depot
from tests.web.conftest import Site, Visit, held_back, let_go, serving


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A depot without an engine."""
    folder = tmp_path_factory.mktemp("depot")

    async def prepare(app: App) -> None:
        await depot.furnish(app, folder)

    with serving(folder, prepare=prepare) as found:
        yield found


@pytest.mark.parametrize(
    ("path", "first", "then"),
    [
        ("/orders/new?definition=Line", "Name of the order", "Deploy at"),
        ("/bookings/new?definition=Line", "Name", "Priority"),
    ],
)
def test_what_is_typed_is_newer_than_any_answer(visit: Visit, site: Site, path: str, first: str, then: str):
    page = visit.page
    page.clock.install()
    page.goto(path)
    expect(page.locator("#lamp")).to_have_text("Live")
    held = held_back(page, re.escape(path.partition("?")[0]))
    with page.expect_request(lambda request: request.method == "POST"):
        page.get_by_label(first, exact=True).fill("One")
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 20)
    page.get_by_label(first, exact=True).fill("One and two")
    page.get_by_label(then, exact=True).focus()
    let_go(page, held)
    expect(page.get_by_label(first, exact=True)).to_have_value("One and two")
