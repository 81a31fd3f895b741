# SPDX-License-Identifier: Apache-2.0
"""The timeline in a browser: by hand, by keys, by address, and with somebody else at the same bookings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from preroll.app import App
from preroll.app.edits import NewBooking
from preroll.bootstrap.wall import WallClock
from preroll.domain.booking import Booking, NodeChoice, State, Timing
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.domain.resource import Resource
from preroll.domain.window import DAY, HOUR, SECOND
from tests.web.conftest import Site, Visit, barriers, serving, until, visiting

LONG = "Champions League final, world feed and all that comes with it, " * 3
HEBREW = "חדשות הערב"
BASE = WallClock().now_us() // HOUR * HOUR
PLACES = tuple(Resource(f"Encoder {n}", pools=("Encoders" if n < 3 else "Spares",)) for n in range(1, 5))


async def furnish(app: App) -> None:
    await app.platforms.put(LOCAL, Platform("default", zone="Europe/Brussels"))
    await app.catalogue.apply(LOCAL, "default", PLACES)


async def book(app: App, name: str, start: float, on: str, hours: float = 2, **more: Any) -> Booking:
    begin = BASE + int(start * HOUR)
    timing = Timing(begin, begin + int(hours * HOUR), HOUR // 4, HOUR // 4)
    made = await app.bookings.create(LOCAL, NewBooking(name, timing, nodes={"Encoder": NodeChoice(on)}, **more))
    return made.booking


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("timeline"), prepare=furnish) as found:
        yield found


@pytest.fixture(autouse=True)
def empty(site: Site) -> Iterator[None]:
    """No test finds what another has booked in its way."""
    yield
    for block in site.do(site.app.timeline.within(LOCAL, "default", BASE - 99 * HOUR, BASE + 99 * HOUR)).blocks:
        if block.placed.state is not State.CANCELED:
            site.do(site.app.bookings.cancel(LOCAL, block.placed.id, None))
        site.do(site.app.bookings.delete(LOCAL, block.placed.id, None))


def opened(page: Page, query: str = "") -> None:
    page.goto(f"/bookings{query}")
    page.wait_for_selector("booking-timeline[ready]")
    expect(page.locator("#lamp")).to_have_text("Live")


def bar(page: Page, booking: Booking) -> Locator:
    return page.locator(f".bk[data-id='{booking.id}']")


def take(page: Page, found: Locator, dx: float, row: str, grip: float = 0.5) -> None:
    """Press a bar, and bring it so far to the right and to another row."""
    box, goal = found.bounding_box(), page.locator(".tl-row.resource").filter(has_text=row).bounding_box()
    assert box
    assert goal
    x = box["x"] + box["width"] * grip
    page.mouse.move(x, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(x + dx, goal["y"] + goal["height"] / 2, steps=5)


def hour(page: Page) -> float:
    """Pixels."""
    return float(page.evaluate("document.querySelector('booking-timeline').perSecond * 3600"))


def stands(site: Site, booking: Booking) -> tuple[float, float, list[str]]:
    """Hours from the base, and resources."""
    found = site.do(site.app.bookings.get(LOCAL, booking.id))
    timing = found.booking.timing
    return (timing.start - BASE) / HOUR, (timing.end - BASE) / HOUR, sorted(found.resources.values())


def test_dragging_onto_a_clash_shows_it_and_changes_nothing_until_a_way_out_is_taken(visit: Visit, site: Site):
    mine, rival = site.do(book(site.app, "Mine", 2, "Encoder 1")), site.do(book(site.app, LONG[:200], 3, "Encoder 2"))
    page, watch = visit.page, visit.watch
    watch.allowed.add(409)
    opened(page)
    take(page, bar(page, mine), hour(page), "Encoder 2")
    expect(page.locator(".tl-ghost.bad")).to_be_visible()
    expect(page.locator(".tl-tip")).to_contain_text("Encoder 2 is held by Champions League")
    expect(bar(page, rival)).to_have_class(re.compile(r"\bhit\b"))
    page.mouse.up()
    refused = page.locator(".toast.bad")
    expect(refused).to_contain_text("Mine stays where it was")
    assert stands(site, mine) == (2, 4, ["Encoder 1"])
    refused.get_by_role("button", name="Take Encoder 3").click()
    expect(refused).to_be_hidden()
    expect(page.locator(".toast")).to_contain_text("Mine is moved")
    assert stands(site, mine) == (3, 5, ["Encoder 3"])
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".toast")).to_contain_text("Mine is moved")
    until(page, f"document.querySelector(\".bk[data-id='{mine.id}']\").ariaLabel.includes('Encoder 1')")
    assert stands(site, mine) == (2, 4, ["Encoder 1"])


def test_an_end_is_pulled_and_a_drag_is_given_up(visit: Visit, site: Site):
    mine = site.do(book(site.app, "Mine", 2, "Encoder 1"))
    page = visit.page
    opened(page)
    take(page, bar(page, mine), hour(page), "Encoder 1", grip=0.99)
    expect(page.locator(".tl-tip")).to_contain_text("free")
    page.keyboard.press("Escape")
    expect(page.locator(".tl-ghost")).to_be_hidden()
    page.mouse.up()
    take(page, bar(page, mine), hour(page), "Encoder 1", grip=0.99)
    page.mouse.up()
    expect(page.locator(".toast")).to_contain_text("is moved")
    begin, end, _ = stands(site, mine)
    assert (begin, round(end, 1)) == (2, 5)


def test_all_of_it_by_keys(visit: Visit, site: Site):
    first, other = site.do(book(site.app, "First", 2, "Encoder 1")), site.do(book(site.app, "Other", 6, "Encoder 1"))
    below = site.do(book(site.app, HEBREW, 7, "Encoder 3"))
    page = visit.page
    opened(page)
    bar(page, first).focus()
    page.keyboard.press("ArrowRight")
    expect(bar(page, other)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(bar(page, below)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#booking h1")).to_have_text("Other")
    assert f"booking={other.id}" in page.url
    bar(page, other).focus()
    for _ in range(3):
        page.keyboard.press("Alt+ArrowLeft" if not page.locator(".tl-ghost").is_visible() else "Shift+ArrowLeft")
    expect(page.locator("#live-region")).to_contain_text("free")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".tl-tip")).to_contain_text("Encoder 2")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Other is moved")
    begin, _, on = stands(site, other)
    assert begin < 5.2
    assert on == ["Encoder 2"]
    page.locator(".toast [data-close]").click()
    page.get_by_role("button", name="Encoders").press("Enter")
    expect(page.get_by_role("button", name="Encoders")).to_have_attribute("aria-expanded", "false")
    expect(bar(page, first)).to_have_count(0)


def test_an_address_shows_the_same_again(visit: Visit, site: Site):
    mine = site.do(book(site.app, HEBREW, 2, "Encoder 1"))
    site.do(book(site.app, LONG[:200], 3, "Encoder 4"))
    page = visit.page
    opened(page)
    page.get_by_role("button", name="7 d").click()
    page.get_by_role("button", name="Later").click()
    page.get_by_label("Rows", exact=True).select_option("bookings")
    page.get_by_role("searchbox").fill(HEBREW[:4])
    expect(page.locator("#list tbody tr")).to_have_count(1)
    page.locator("#list tbody a").first.click()
    expect(page.locator("#booking h1")).to_have_text(HEBREW)
    until(page, "location.search.includes('span=168') && location.search.includes('from=')")
    address, window = page.url, page.evaluate("[timeline.from, timeline.span]")
    assert f"booking={mine.id}" in address
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("booking-timeline[ready]")
    expect(page.locator("#booking h1")).to_have_text(HEBREW)
    expect(page.locator(".tl-row.booking")).to_have_count(1)
    again = page.evaluate("[timeline.from, timeline.span]")
    assert abs(again[0] - window[0]) < 61
    assert again[1] == window[1]
    page.keyboard.press("Escape")


@pytest.mark.parametrize("query", ["", "?span=168", "?span=6&from=2026-10-25T01:00Z", "?rows=bookings"])
def test_what_a_page_needs_at_first_is_asked_for_once(visit: Visit, site: Site, query: str):
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url.removeprefix(site.url).split("?")[0]))
    opened(visit.page, query)
    assert sorted(one for one in asked if one.startswith("/timeline/")) == ["/timeline/blocks", "/timeline/rows"]


def test_what_is_around_the_view_is_there_before_anybody_pans(visit: Visit, site: Site):
    beyond = site.do(book(site.app, "tomorrow", 20, "Encoder 1"))
    opened(visit.page)
    expect(bar(visit.page, beyond)).to_be_attached()
    box = bar(visit.page, beyond).bounding_box()
    assert box
    assert box["x"] > 1280, "it begins right of what is seen"


def test_what_a_page_says_of_its_clocks_is_what_the_browser_knows(visit: Visit):
    opened(visit.page)
    told = """() => {
      const { zone, from, to } = document.querySelector("booking-timeline");
      const own = new zone.constructor(zone.name);
      return [from, to].map((at) => [zone.steady?.offset ?? own.offset(at), own.offset(at)]);
    }"""
    assert all(said == known for said, known in visit.page.evaluate(told))


def test_two_browsers_see_each_other(browser: Browser, site: Site, visit: Visit):
    mine = site.do(book(site.app, "Mine", 2, "Encoder 1"))
    with visiting(browser, site.url) as other:
        for page in (visit.page, other.page):
            opened(page)
        seen = float(bar(other.page, mine).bounding_box()["x"])
        take(visit.page, bar(visit.page, mine), 2 * hour(visit.page), "Encoder 4")
        visit.page.mouse.up()
        expect(bar(other.page, mine)).to_have_attribute("aria-label", re.compile("Encoder 4"))
        assert float(bar(other.page, mine).bounding_box()["x"]) > seen + hour(other.page)
        late = site.do(book(site.app, "Just booked", 5, "Encoder 2"))
        for page in (visit.page, other.page):
            expect(bar(page, late)).to_be_visible()
        site.do(site.app.bookings.cancel(LOCAL, late.id, None))
        expect(bar(other.page, late)).to_have_class(re.compile("state-canceled"))
        expect(other.page.locator(f"#list tr[data-id='{late.id}'] .chip")).to_contain_text("Canceled")


def test_a_server_that_comes_back_tells_what_was_missed(browser: Browser, tmp_path: Path):
    with serving(tmp_path, prepare=furnish) as site:
        port, mine = site.port, site.do(book(site.app, "Mine", 2, "Encoder 1"))
        context = visiting(browser, site.url)
        visit = context.__enter__()
        opened(visit.page)
        visit.watch.down = True
    expect(visit.page.locator("#lamp")).to_have_attribute("data-state", "lost")

    async def meanwhile(app: App) -> None:
        await app.bookings.cancel(LOCAL, mine.id, None)

    with serving(tmp_path, port, prepare=meanwhile):
        expect(bar(visit.page, mine)).to_have_class(re.compile("state-canceled"))
        context.__exit__(None, None, None)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_out(browser: Browser, site: Site, scheme: str):
    mine = site.do(book(site.app, LONG[:200], 2, "Encoder 1"))
    with visiting(browser, site.url, color_scheme=scheme) as visit:
        opened(visit.page, f"?booking={mine.id}")
        expect(visit.page.locator("#booking")).to_be_visible()
        assert barriers(visit.page) == []


def test_a_phone_looks(browser: Browser, site: Site):
    mine = site.do(book(site.app, "Mine", 1, "Encoder 1"))
    with visiting(browser, site.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as visit:
        opened(visit.page)
        assert not visit.page.evaluate("timeline.editable")
        bar(visit.page, mine).tap()
        expect(visit.page.locator("#booking h1")).to_have_text("Mine")
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert barriers(visit.page) == []
        row = visit.page.get_by_role("region", name="Bookings", exact=True).get_by_role("row", name="Mine")
        row.scroll_into_view_if_needed()
        expect(row.locator(".chip")).to_be_in_viewport()
        visit.page.locator("#states-said").tap()
        visit.page.get_by_role("group", name="States").get_by_label("On-Hold").check()
        expect(row).to_have_count(0)


def test_a_clock_change_is_in_view(browser: Browser, site: Site):
    with visiting(browser, site.url, timezone_id="Pacific/Auckland") as visit:
        opened(visit.page, "?from=2027-03-27T22:00Z&span=8")
        ticks = visit.page.locator(".tl-tick").all_inner_texts()
        assert "clocks forward" in ticks
        assert not [tick for tick in ticks if tick.startswith("02:")]
        opened(visit.page, "?from=2026-10-24T22:00Z&span=8")
        assert visit.page.locator(".tl-tick").all_inner_texts().count("02:00") == 2


def test_from_afar_one_bar_stands_for_its_likes(browser: Browser, site: Site):
    for number in range(4):
        begin = BASE + 3 * HOUR + number * HOUR // 6
        new = NewBooking(f"Spot {number}", Timing(begin, begin + HOUR // 6), nodes={"Encoder": NodeChoice("Encoder 1")})
        site.do(site.app.bookings.create(LOCAL, new))
    with visiting(browser, site.url) as visit:
        opened(visit.page, "?span=720")
        expect(visit.page.locator(".bk")).to_have_count(1)
        expect(visit.page.locator(".tl-corner")).to_contain_text("closer shows all")
        opened(visit.page, "?span=6")
        expect(visit.page.locator(".bk")).to_have_count(4)
        expect(visit.page.locator(".tl-corner")).to_have_text("Resources")


COVERED = """async ([day, minutes, span]) => {
  const timeline = document.querySelector("booking-timeline");
  const midnight = day - timeline.zone.offset(day);
  const found = [];
  for (const minute of minutes) {
    timeline.ahead = midnight + minute * 60 - Date.now() / 1000;
    timeline.setWindow(midnight - span / 3 - minute, span);
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    const badge = timeline.querySelector(".tl-now-label").getBoundingClientRect();
    const told = [...timeline.querySelectorAll(".tl-tick.day:not(.past), .tl-day:not([hidden])")].map((day) => {
      const words = document.createRange();
      words.selectNodeContents(day);
      return [day.textContent, words.getBoundingClientRect()];
    });
    for (const [name, { left, right }] of told) {
      const others = [["now", badge], ...told].filter(([other]) => other !== name);
      const over = others.filter(([, box]) => left < box.right && box.left < right);
      found.push(...over.map(([other]) => `${minute}: ${name} and ${other}`));
    }
  }
  return [found, timeline.querySelectorAll(".tl-tick.day").length];
}"""
"""Names of days that stand behind the badge of now or over each other, so many minutes from midnight."""


@pytest.mark.parametrize(("length", "width"), [(1, 1280), (3, 1280), (7, 1280), (30, 1280), (1, 390), (7, 390)])
def test_the_badge_of_now_covers_no_day(visit: Visit, length: int, width: int):
    visit.page.set_viewport_size({"width": width, "height": 800})
    opened(visit.page)
    day, minutes = BASE // DAY * (DAY // SECOND), [-30, -10, 0, 10, 40, 80, 100, 130, 200, 700, 1000, 1300, 1700, 2400]
    covered, days = visit.page.evaluate(COVERED, [day, minutes, length * DAY // SECOND])
    assert covered == []
    assert days > 0


SAID = """async ([day, hours]) => {
  const timeline = document.querySelector("booking-timeline");
  const midnight = day - timeline.zone.offset(day);
  const said = timeline.querySelector(".tl-day");
  const found = [];
  for (const hour of hours) {
    timeline.setWindow(midnight + hour * 3600, 86400);
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    const edge = said.getBoundingClientRect();
    const ticks = [...timeline.querySelectorAll(".tl-tick.day")].map((day) => day.getBoundingClientRect().left);
    const beside = ticks.some((left) => left >= edge.left && left < edge.right);
    for (const label of timeline.querySelectorAll(".tl-tick.day")) {
      const begin = said.parentElement.getBoundingClientRect().left;
      const out = label.getBoundingClientRect().left < begin - 1;
      if (out !== label.classList.contains("past")) found.push([label.textContent, "is cut off", out]);
    }
    found.push([said.hidden ? "" : said.textContent, timeline.zone.day(timeline.from), beside && !said.hidden]);
  }
  return found;
}"""
"""What is said at the left edge so many hours from midnight, the day there, and whether another name is in its way."""


def test_the_day_at_the_left_edge_is_said_until_the_next_one_is(visit: Visit):
    opened(visit.page)
    found = visit.page.evaluate(SAID, [BASE // DAY * (DAY // SECOND), [-30, -12, -1, 0, 1, 23, 25]])
    said = [said == day for said, day, _ in found]
    assert said == [True, True, False, False, True, False, True]
    assert [said for (said, _, _), shown in zip(found, said, strict=True) if not shown] == ["", "", ""], (
        "by its own tick"
    )
    assert not any(beside for _, _, beside in found)
    assert len({day for _, day, _ in found}) == 4


def test_two_fingers_zoom_around_the_middle_between_them(browser: Browser, site: Site):
    with visiting(browser, site.url, viewport={"width": 390, "height": 844}, has_touch=True) as phone:
        page = phone.page
        opened(page)
        span = page.evaluate("timeline.span")
        box = page.locator(".tl-rows").bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + 40
        at = f"timeline.from + ({x} - timeline.clip.getBoundingClientRect().left) / timeline.perSecond"
        middle = page.evaluate(at)
        fingers = page.context.new_cdp_session(page)

        def touch(kind: str, *apart: float) -> None:
            points = [{"x": x + side * far, "y": y, "id": side + 1} for far in apart for side in (-1, 1)]
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", 30)
        for apart in (40, 50, 60):
            touch("touchMove", apart)
        touch("touchEnd")
        until(page, f"timeline.span < {span} * 0.8")
        assert abs(page.evaluate("timeline.span") - span / 2) < span / 5, "twice as far apart: half as much is seen"
        assert abs(page.evaluate(at) - middle) < span / 50
        page.locator(".tl-rows").tap()
        expect(page.locator(".tl-ghost")).to_be_hidden()
