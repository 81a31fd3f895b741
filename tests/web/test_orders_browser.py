# SPDX-License-Identifier: Apache-2.0
"""The pages of orders and services in a browser, on a server that deploys to simulated devices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from preroll.app import App
from preroll.domain.permission import LOCAL
from preroll.drivers.sim import FaultKind, FileWorld
from tests.web import depot
from tests.web.conftest import Site, Visit, barriers, barriers_in_both_themes, serving_whole, visiting
from tests.web.studio import NASTY

ENCODERS = 10
FORM = """
- main:
  - heading "New order" [level=1]
  - group "What and when":
    - textbox "Name of the order"
    - combobox "When one fails"
    - textbox "Deploy at"
  - group "Item 1 of 2":
    - textbox "Name of the item"
    - combobox "What to do"
    - combobox "Service"
    - textbox "Name of the service"
    - region "Node A"
    - region "Node B"
    - paragraph:
      - button "Remove item 1"
  - group "Item 2 of 2":
    - region "Node A of item 2"
    - group "Needs":
      - checkbox "item, of this order" [checked]
    - combobox "Needs also"
    - group "Only after":
      - checkbox "item"
    - paragraph:
      - button "Remove item 2"
  - paragraph:
    - button "Add an item"
  - button "Order and check"
  - button "Order and deploy"
  - button "Only order"
"""
ORDER = """
- main:
  - heading "Pair" [level=1]
  - group "Actions":
    - link "Clone…"
  - region "Life cycle"
  - heading "Plan" [level=2]
  - heading "Items" [level=2]
  - region "Items":
    - table:
      - rowgroup:
        - row "Item Does Service Asks for Needs After State"
      - rowgroup:
        - row /item provision Pair 1 .* Completed/
        - row /item 2 provision Pair 2 .* Pair 1 item Completed/
  - heading "What it is" [level=2]
  - heading "Runs" [level=2]
  - heading "History" [level=2]
"""
SERVICE = """
- main:
  - heading "Pair 1" [level=1]
  - group "Actions":
    - link "Modify…"
    - link "More for a while…"
    - link "Redeploy…"
  - region "Life cycle"
  - heading "What it is" [level=2]
  - term: Needed by
  - definition:
    - link "Pair 2"
  - heading "Resources" [level=2]
  - heading "More for a while" [level=2]
  - region "Overlay bookings":
    - table:
      - rowgroup:
        - row "Overlay booking State From Until Has meanwhile"
      - rowgroup:
        - row /Cup final Confirmed .* bitrate 20/
  - heading "Revisions" [level=2]
  - heading "Orders" [level=2]
  - heading "Audits" [level=2]
  - heading "History" [level=2]
"""
LISTS = {
    "/orders": """
- region "Orders":
  - heading "Orders" [level=1]
  - search
  - link "New order"
  - region "List of orders":
    - table:
      - rowgroup:
        - row /Name State What Due Why Ordered by Ordered .* Changed/
      - rowgroup:
        - row /Pair Completed 2 x provision/
""",
    "/services": """
- region "Services":
  - heading "Services" [level=1]
  - search
  - region "List of services":
    - table:
      - rowgroup:
        - row /Name State Runs as Audits Service Revision Made .* Changed/
      - rowgroup:
        - row /Pair 2 Deployed START/
""",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("depot")


@pytest.fixture(scope="module")
def world(folder: Path) -> FileWorld:
    return depot.devices(folder, ENCODERS)


@pytest.fixture(scope="module", autouse=True)
def site(folder: Path, world: FileWorld) -> Iterator[Site]:
    """A depot with an engine; it starts before the browser, whose driver runs a loop of its own."""

    async def prepare(app: App) -> None:
        await depot.furnish(app, folder, ENCODERS)

    with serving_whole(folder / "data", prepare) as found:
        yield found


def state(page: Page, said: str) -> None:
    expect(page.locator("[data-thing] > .panel > header .chip")).to_contain_text(said)


def fill(page: Page, name: str, *ends: str) -> None:
    """Fill the form of a new line."""
    page.goto("/orders/new?definition=Line")
    page.get_by_label("Name of the order").fill(name)
    for label, end in zip("AB", ends, strict=True):
        page.locator(f'[name="resource.{label}"]').select_option(end)


def test_a_service_is_ordered_checked_deployed_and_modified_and_another_browser_sees_it(
    visit: Visit, site: Site, browser: Browser, world: FileWorld
):
    page = visit.page
    with visiting(browser, site.url) as other:
        other.page.goto("/orders")
        expect(other.page.get_by_text("Live", exact=True)).to_be_attached()
        fill(page, "Stadium", "enc-1", "enc-2")
        assert barriers(page) == []
        page.get_by_role("button", name="Order and check", exact=True).last.click()
        expect(page.get_by_role("region", name="Plan for enc-1")).to_contain_text("video.bitrate")
        state(page, "Requested")
        assert barriers(page) == []
        expect(other.page.get_by_role("row", name="Stadium")).to_contain_text("Requested")
        page.get_by_role("button", name="Deploy now").click()
        state(page, "Completed")
        expect(other.page.get_by_role("row", name="Stadium")).to_contain_text("Completed")
    page.get_by_role("link", name="Stadium", exact=True).click()
    state(page, "Deployed")
    page.get_by_role("link", name="Modify…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Modify Stadium")
    page.get_by_text("Values of its own").first.click()
    page.get_by_label("bitrate (Mbit/s)").first.fill("12")
    page.get_by_role("button", name="Order and deploy").click()
    state(page, "Completed")
    page.get_by_role("link", name="Stadium", exact=True).click()
    expect(page.get_by_role("region", name="Differences of revisions 1 and 2")).to_contain_text("A: bitrate")
    assert world.values("enc-1")["video.bitrate"] == 12
    world.tamper("enc-1", {"video.bitrate": 3})
    page.get_by_role("button", name="Audit").click()
    expect(page.get_by_role("region", name="Differences on its devices")).to_contain_text("12")
    assert barriers_in_both_themes(page) == []


def test_a_failed_change_is_told_at_home_and_mended_by_redeploying(visit: Visit, site: Site, world: FileWorld):
    page = visit.page
    made = site.do(depot.order(site.app, "Arena", "enc-3", "enc-4"))
    site.do(site.app.orders.schedule(LOCAL, made, None))
    page.goto(f"/orders/{made}")
    state(page, "Completed")
    page.get_by_role("link", name="Arena", exact=True).click()
    world.fault("enc-4", FaultKind.VANISHES)
    page.get_by_role("link", name="Redeploy…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert barriers(page) == []
    page.get_by_label("Then").select_option("now")
    page.get_by_role("dialog").get_by_role("button", name="Redeploy").last.click()
    expect(page).to_have_url(re.compile("/orders/"))
    state(page, "Failed Deploy")
    expect(page.get_by_text("then retry it")).to_be_visible()
    world.clear("enc-4")
    page.get_by_role("link", name="Retry…").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").last.click()
    state(page, "Completed")


@pytest.mark.timeout(240)
def test_two_lines_are_one_order_and_one_of_them_has_more_for_a_while(visit: Visit):
    page, main = visit.page, visit.page.locator("main")
    fill(page, "Pair", "enc-7", "enc-8")
    page.get_by_label("Name of the service").fill("Pair 1")
    page.get_by_role("button", name="Add an item").click()
    second = page.get_by_role("group", name="Item 2 of 2")
    second.get_by_label("Name of the service").fill("Pair 2")
    for label, end in (("A", "enc-9"), ("B", "enc-10")):
        page.locator(f'[name="item2.resource.{label}"]').select_option(end)
    second.get_by_label("Needs").select_option("#1")
    expect(second.get_by_role("checkbox", name="item, of this order")).to_be_checked()
    expect(main).to_match_aria_snapshot(FORM)
    assert barriers_in_both_themes(page) == []
    page.get_by_role("button", name="Order and deploy").click()
    state(page, "Completed")
    expect(main).to_match_aria_snapshot(ORDER)
    page.get_by_role("link", name="Pair 1", exact=True).first.click()
    begin = datetime.now(ZoneInfo("Europe/Brussels")) + timedelta(hours=2)
    more(page, begin)
    expect(page).to_have_url(re.compile("/bookings/"))
    page.get_by_role("link", name="Pair 1", exact=True).first.click()
    expect(main).to_match_aria_snapshot(SERVICE)
    visit.watch.allowed = {409}
    more(page, begin)
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("overlay Cup final changes it then")
    assert barriers_in_both_themes(page) == []
    for path, tree in LISTS.items():
        page.goto(path)
        expect(main).to_match_aria_snapshot(tree)
    page.goto("/bookings")
    expect(page.locator(".bk.more").first).to_have_attribute("aria-label", re.compile("Cup final.*overlay"))


def more(page: Page, begin: datetime) -> None:
    """Book more of the service that is shown."""
    page.get_by_role("link", name="More for a while…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Cup final")
    dialog.get_by_label("From").fill(f"{begin:%Y-%m-%d %H:%M}")
    dialog.get_by_label("Until").fill(f"{begin + timedelta(hours=3):%Y-%m-%d %H:%M}")
    dialog.get_by_label("A: bitrate").fill("20")
    dialog.get_by_role("button", name="More for a while").last.click()


@pytest.mark.parametrize("width", [1280, 390])
def test_markup_and_long_names_are_text_and_nobody_is_kept_out(browser: Browser, site: Site, width: int):
    name = f"{width} {NASTY} شبكة " + "long " * 30
    made = site.do(depot.order(site.app, name, "enc-5", "enc-6"))
    with visiting(browser, site.url, viewport={"width": width, "height": 800}, reduced_motion="reduce") as visit:
        page = visit.page
        for path in ("/orders", "/services", f"/orders/{made}", f"/orders/{made}/edit", "/orders/new?definition=Line"):
            page.goto(path)
            expect(page.get_by_text("Live", exact=True)).to_be_attached()
            assert barriers_in_both_themes(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        what = page.get_by_label("What to do").bounding_box()
        assert what
        assert what["width"] > 150
        assert page.locator("img").count() == 0
