# SPDX-License-Identifier: Apache-2.0
"""The settings in a browser: a color is chosen and seen at once, in both themes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.web.conftest import Site, barriers, barriers_in_both_themes, until, visiting

FILL = "getComputedStyle(document.querySelector('.chip.state-confirmed')).backgroundColor"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_color_is_seen_as_soon_as_it_is_saved(browser: Browser, site: Site, theme: str):
    with visiting(browser, site.url, color_scheme=theme) as visit:
        page = visit.page
        page.goto("/config/colors")
        assert barriers(page) == []
        page.get_by_label(f"Confirmed, {theme}").fill("#aabbcc")
        page.get_by_role("button", name="Save the colors of Confirmed").click()
        expect(page.get_by_role("button", name="Reset the colors of Confirmed")).to_be_visible()
        until(page, f"{FILL} === 'rgb(170, 187, 204)'")
        page.get_by_role("button", name="Reset all colors").click()
        expect(page.get_by_role("button", name="Reset the colors of Confirmed")).to_be_hidden()


def test_a_transition_is_drawn_as_soon_as_it_is_chosen_and_holds_when_it_is_saved(browser: Browser, site: Site):
    with visiting(browser, site.url) as visit:
        page = visit.page
        page.goto("/config/services")
        assert barriers_in_both_themes(page) == []
        drawn = page.locator("svg.ring title")
        wire = drawn.filter(has_text="PAUSE → START")
        expect(wire).to_have_count(0)
        chosen = page.get_by_label("Next Allowed State, row 8", exact=True)
        chosen.focus()
        chosen.select_option("START")
        expect(wire).to_have_count(1)
        expect(chosen).to_be_focused()
        expect(page.get_by_text("Not saved yet")).to_be_visible()
        expect(page.get_by_role("button", name="Add PAUSE to STOP")).to_be_visible()
        assert barriers_in_both_themes(page) == []
        page.get_by_role("button", name="Reset to default state values").click()
        expect(chosen).to_have_value("STOP")
        chosen.select_option("START")
        page.get_by_role("button", name="Add PAUSE to STOP").click()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Not saved yet")).to_be_hidden()
        page.reload()
        expect(wire).to_have_count(1)
        page.get_by_role("button", name="Reset to default state values").click()
        expect(wire).to_have_count(0)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Not saved yet")).to_be_hidden()


def test_what_others_save_is_told_and_nothing_that_is_typed_is_lost(browser: Browser, site: Site):
    with (
        visiting(browser, site.url) as visit,
        visiting(browser, site.url) as other,
    ):
        visit.watch.allowed = {412, 422}
        for page in (visit.page, other.page):
            page.goto("/config/general")
            expect(page.locator("#lamp")).to_have_text("Live")
        assert barriers_in_both_themes(visit.page) == []
        visit.page.get_by_label("Grace", exact=True).fill("nine")
        other.page.get_by_label("Guard interval", exact=True).fill("7 min")
        other.page.get_by_role("button", name="Save", exact=True).click()
        expect(visit.page.get_by_role("status").filter(has_text="Guard interval")).to_be_visible()
        visit.page.get_by_role("button", name="Save", exact=True).click()
        expect(visit.page.get_by_role("alert")).to_contain_text("somebody else was faster")
        expect(visit.page.get_by_label("Grace", exact=True)).to_have_value("nine")
        visit.page.get_by_role("button", name="Save", exact=True).click()
        expect(visit.page.get_by_label("Grace", exact=True)).to_have_attribute("aria-invalid", "true")
        assert barriers_in_both_themes(visit.page) == []
        visit.page.get_by_label("Grace", exact=True).fill("9 s")
        visit.page.get_by_role("button", name="Save", exact=True).click()
        expect(visit.page.get_by_role("alert")).to_have_count(0)
        visit.page.goto("/config/history")
        assert barriers_in_both_themes(visit.page) == []
        visit.page.get_by_role("button", name="Have it again… version 1", exact=True).click()
        expect(visit.page.get_by_role("button", name="Have it again", exact=True)).to_be_visible()
        assert barriers_in_both_themes(visit.page) == []
