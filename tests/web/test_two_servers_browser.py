# SPDX-License-Identifier: Apache-2.0
"""Any server serves any request: one of two is killed under an open page, which goes on at the other."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from preroll.gate.guard import COOKIE, CSRF
from tests.api.people import PASSWORD
from tests.postgres import Postgres
from tests.web.conftest import until, visiting
from tests.web.two_servers import behind_a_proxy

LISTEN = "document.addEventListener('preroll:change', e => (window.heard ??= []).push(e.detail.id))"


def sign_in(page: Page) -> None:
    page.goto("/signin")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#lamp")).to_have_text("Live")


def as_in(page: Page, url: str) -> httpx.Client:
    """A program that asks a server as the browser does, with its session."""
    session = next(one["value"] for one in page.context.cookies() if one["name"] == COOKIE)
    proof = page.locator('meta[name="csrf"]').get_attribute("content")
    return httpx.Client(
        base_url=url,
        cookies={COOKIE: session},
        headers={CSRF: proof or ""},
        transport=httpx.HTTPTransport(),
        timeout=60,
    )


def booked(client: httpx.Client, name: str) -> str:
    answer = client.post("/api/v1/bookings", json={"name": name, "start": "2036-03-01T18:00:00Z"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.mark.timeout(240)
def test_a_page_goes_on_when_its_server_is_killed(browser: Browser, tmp_path: Path, postgres: Postgres):
    with behind_a_proxy(tmp_path, postgres.new()) as proxy, visiting(browser, proxy.url) as visit:
        page = visit.page
        sign_in(page)
        for server in proxy.servers:
            with as_in(page, server.url) as client:
                assert client.get("/api/v1/me").json()["name"] == "admin", "one session, known to both"
        page.evaluate(LISTEN)
        on = next(one for one in proxy.servers if one.port == proxy.streams[-1])
        other = next(one for one in proxy.servers if one is not on)
        with as_in(page, other.url) as client:
            before = booked(client, "Before")
            until(page, f"(window.heard ?? []).includes('{before}')")
            visit.watch.down = True
            on.kill()
            while_away = booked(client, "While away")
            until(page, f"(window.heard ?? []).includes('{while_away}')")
            expect(page.locator("#lamp")).to_have_text("Live")
            assert proxy.streams[-1] == other.port
            after = booked(client, "After")
            until(page, f"(window.heard ?? []).includes('{after}')")
        heard = page.evaluate("window.heard")
        assert [heard.count(one) > 0 for one in (before, while_away, after)] == [True] * 3
        page.goto("/bookings")
        expect(page.get_by_role("link", name="While away").first).to_be_visible()
        page.locator("header.bar details.menu summary").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
