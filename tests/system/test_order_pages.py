# SPDX-License-Identifier: Apache-2.0
"""The pages of orders and services on simulated devices: what they show of what was deployed, and what they do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape

import httpx
import pytest

from preroll.app.orders import Time
from preroll.domain.config import Platform
from preroll.domain.order import OrderItem, OrderKind
from preroll.domain.order_actions import ORDER_ACTIONS
from preroll.domain.permission import LOCAL
from preroll.domain.window import DAY, SECOND
from preroll.drivers.sim import FaultKind
from preroll.gate.guard import Guard
from preroll.web import create_pages
from preroll.web.order_commands import ORDER_COMMANDS
from preroll.web.service_commands import SERVICE_COMMANDS
from tests.builders import NOON
from tests.system.test_orders import EVE, K, Office, office, provision, rate

__all__ = ["office"]
PART = {"HX-Request": "true"}


@pytest.fixture
async def pages(stage) -> AsyncIterator[httpx.AsyncClient]:
    """The pages of the stage, on which nobody has an account."""
    transport = httpx.ASGITransport(create_pages(stage.app, guard=Guard(stage.app, fresh_s=0.0)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


def text(page: str) -> str:
    """What is read on a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


async def test_the_list_tells_of_orders_and_is_filtered_and_sorted(office: Office, pages):
    waiting = await office.make(OrderItem("later", K.MODIFY, await office.line(), values={"nodes": rate(2)}))
    await office.orders.schedule(LOCAL, waiting, None, Time(NOON + DAY))
    page = (await pages.get("/orders")).text
    assert "Completed" in page
    assert "Scheduled" in page
    assert f'href="/orders/{waiting}"' in page
    part = (await pages.get("/orders?state=Scheduled", headers=PART)).text
    assert part.lstrip().startswith(
        '<div class="scroll folding" tabindex="0" role="region" aria-label="List of orders">'
    )
    assert "<main" not in part
    assert (part.count("<tr id="), "provision" in part) == (1, False)
    assert (await pages.get("/orders?kind=redeploy", headers=PART)).text.count("<tr id=") == 0
    for sort in ("name", "-name", "state", "due", "-changed", "nonsense"):
        assert (await pages.get(f"/orders?sort={sort}", headers=PART)).text.count("<tr id=") == 2
    assert "No order is like that" in (await pages.get("/orders?q=zebra")).text


async def test_an_order_shows_its_plan_and_what_became_of_it(office: Office, pages):
    ident = await office.make(provision())
    empty = (await pages.get(f"/orders/{ident}")).text
    assert "Check it to see what it would change" in empty
    await office.orders.check(LOCAL, ident, None)
    await office.end(ident)
    page = (await pages.get(f"/orders/{ident}", headers=PART)).text
    assert page.lstrip().startswith('<div id="order"')
    assert re.search(r"video\.bitrate</td><td[^>]*><del>0</del></td><td[^>]*><ins>8</ins>", page)
    assert "A : enc-1" in text(page)
    await office.orders.schedule(LOCAL, ident, None)
    done = await office.end(ident)
    page = (await pages.get(f"/orders/{ident}")).text
    assert 'aria-label="Life cycle of the order: Completed"' in page
    assert f'href="/services/{done.order.items[0].service}"' in page
    assert "In Progress → Completed" in text(page)


async def test_a_failed_order_says_what_to_do(office: Office, stage, pages):
    stage.rig.devices.fault("enc-2", FaultKind.VANISHES)
    failed = await office.deploy(provision())
    words = text((await pages.get(f"/orders/{failed.order.id}")).text)
    assert "Failed to deploy" in words
    assert "then retry it" in words


async def test_a_service_shows_its_revisions_and_what_differs(office: Office, pages):
    line = await office.line()
    await office.change(K.MODIFY, line, nodes=rate(4), properties={"desk": "B"})
    page = (await pages.get(f"/services/{line}")).text
    words = text(page)
    assert "1 last good" not in words
    assert "2 desired deployed last good" in words
    assert "A: bitrate nothing 4" in words
    assert "property desk nothing B" in words
    turned = text((await pages.get(f"/services/{line}?before=2&after=1")).text)
    assert "Revision 2 Revision 1" in turned
    assert "modify" in words
    assert "config" in words
    listed = text((await pages.get("/services")).text)
    assert "Line to B ▶ Deployed START Pending, in sync Line 2" in listed


async def test_services_that_are_gone_are_shown_to_who_asks(office: Office, pages):
    line = await office.line()
    await office.change(OrderKind.DECOMMISSION, line)
    shelf = (await pages.get("/services")).text
    assert "No service is there now" in shelf
    assert "state=Decommissioned" in shelf
    assert "Line to B" in (await pages.get("/services?state=Decommissioned")).text
    page = (await pages.get(f"/services/{line}")).text
    assert "Decommissioned" in page
    assert (await pages.get("/services/none")).status_code == 404


def offered(page: str) -> set[str]:
    """The actions that the page has a button for."""
    return set(re.findall(r'id="do-([\w-]+)"', page))


def explained(page: str) -> dict[str, str]:
    """Actions that are not possible now -> why."""
    return {name: unescape(why) for name, why in re.findall(r'<span id="why-([\w-]+)">([^<]+)</span>', page)}


async def press(pages: httpx.AsyncClient, path: str, **said: str) -> httpx.Response:
    """Fill the form of a dialog, and send it as it was shown."""
    shown = [(await pages.get(where)).text for where in (path.rpartition("/")[0], path)]
    revision = re.search(r'name="revision" value="(\d+)"', "".join(shown))
    return await pages.post(path, data={"revision": revision[1] if revision else "1", **said})


def test_every_action_of_the_table_has_a_button():
    assert {command.action for command in ORDER_COMMANDS.values()} == ORDER_ACTIONS.keys()
    kinds = {kind.value for kind in OrderKind} - {"provision"}
    assert kinds <= {command.action for command in SERVICE_COMMANDS.values()}


async def test_what_is_offered_is_what_the_tables_say(office: Office, stage, pages):
    stage.rig.devices.fault("enc-2", FaultKind.VANISHES)
    failed = (await office.deploy(provision())).order.id
    await stage.configure(approve_orders=True)
    for ident in (failed, await office.make(provision())):
        found = await office.orders.get(LOCAL, ident)
        page = (await pages.get(f"/orders/{ident}")).text
        possible = {name for name, c in ORDER_COMMANDS.items() if c.action in found.possible} - {"approve"}
        assert offered(page) == possible
        assert explained(page).keys() == ORDER_COMMANDS.keys() - possible
    assert explained(page)["approve"] == "whoever ordered it cannot approve it"
    assert "it is for one that is Failed Deploy" in explained(page)["retry"]


async def test_an_order_is_checked_deployed_and_cloned_by_its_buttons(office: Office, pages):
    ident = await office.make(provision())
    assert (await press(pages, f"/orders/{ident}/check")).headers["location"] == f"/orders/{ident}"
    await office.end(ident)
    page = (await pages.get(f"/orders/{ident}")).text
    revision = re.search(r'name="revision" value="(\d+)"', page)[1]
    stale = await pages.post(f"/orders/{ident}/deploy", data={"revision": "1"}, headers=PART)
    assert (stale.status_code, stale.headers["HX-Retarget"]) == (412, "#ask")
    part = await pages.post(f"/orders/{ident}/deploy", data={"revision": revision}, headers=PART)
    assert "Scheduled" in part.text
    assert (await office.end(ident)).order.state == "Completed"
    clone = await press(pages, f"/orders/{ident}/clone", name="Again")
    assert clone.headers["location"].startswith("/orders/")
    assert clone.headers["location"] != f"/orders/{ident}"
    refused = await press(pages, f"{clone.headers['location']}/deploy")
    assert refused.status_code == 409
    assert "Choose another name or another time." in text(refused.text)
    assert (await press(pages, f"{clone.headers['location']}/delete")).headers["location"] == "/orders"


async def test_an_order_gets_a_time_and_loses_it(office: Office, pages):
    ident = await office.make(provision())
    dialog = (await pages.get(f"/orders/{ident}/schedule", headers=PART)).text
    assert 'value="15m"' in dialog
    wrong = await press(pages, f"/orders/{ident}/schedule", at="never")
    assert (wrong.status_code, "is no time" in wrong.text) == (422, True)
    await press(pages, f"/orders/{ident}/schedule", at="2026-09-22T12:00", latest_start="1h")
    found = (await office.orders.get(LOCAL, ident)).order
    assert (found.state, found.latest_start_us) == ("Scheduled", 3600 * SECOND)
    await press(pages, f"/orders/{ident}/unschedule")
    assert (await office.orders.get(LOCAL, ident)).order.state == "Requested"


async def test_a_service_is_ordered_on_the_form(office: Office, pages):
    form = (await pages.get("/orders/new?definition=Line")).text
    assert {"resource.A", "resource.B", "service_name"} <= set(re.findall(r'name="([\w.]+)"', form))
    said = {"name": "Stadium", "definition": "Line", "resource.A": "enc-1", "resource.B": "enc-2", "then": "check"}
    looked = await pages.post("/orders/new", data={**said, "look": "1"}, headers=PART)
    assert "2 of 3 free" in looked.text or "3 of 5 free" in looked.text or "free</span>" in looked.text
    wrong = await pages.post("/orders/new", data={**said, "resource.A": "nothing"})
    assert wrong.status_code == 422
    made = await pages.post("/orders/new", data={**said, "new_name": "desk", "new_value": "A"})
    ident = made.headers["location"].removeprefix("/orders/")
    done = await office.end(ident)
    assert done.plan is not None
    assert done.order.items[0].values["properties"] == {"desk": "A"}
    edited = (await pages.get(f"/orders/{ident}/edit")).text
    assert 'value="Stadium"' in edited
    assert re.search(r'<option value="enc-1"[^>]* selected', edited)
    revision = re.search(r'name="revision" value="(\d+)"', edited)[1]
    again = {**said, "revision": revision, "resource.B": "enc-3", "then": "save", "property.desk": "B"}
    assert (await pages.post(f"/orders/{ident}/edit", data=again)).status_code == 303
    await press(pages, f"/orders/{ident}/deploy")
    service = (await office.end(ident)).order.items[0].service
    found = await office.see(service)
    assert found.carrier.properties == {"desk": "B"}
    assert (found.service.name, office.device("enc-3")["video.bitrate"]) == ("Stadium", 8)


async def test_a_service_is_modified_on_the_form_and_rolled_back(office: Office, pages):
    line = await office.line()
    form = (await pages.get(f"/services/{line}/modify")).text
    assert re.search(r'<option value="enc-1"[^>]* selected', form)
    same = {"name": "Modify it", "resource.A": "enc-1", "resource.B": "enc-2", "profile.A": "HD", "profile.B": "HD"}
    assert (await pages.get(f"/bookings/{line}")).headers["location"] == f"/services/{line}"
    nothing = await pages.post(f"/services/{line}/modify", data=same)
    assert (nothing.status_code, "what the service is already" in nothing.text) == (422, True)
    made = await pages.post(f"/services/{line}/modify", data={**same, "value.A.input": "SDI 2", "then": "deploy"})
    done = await office.end(made.headers["location"].removeprefix("/orders/"))
    assert done.order.state == "Completed"
    assert office.device("enc-1")["video.input"] == "SDI 2"
    dialog = (await pages.get(f"/services/{line}/roll-back", headers=PART)).text
    assert "Revision 1" in dialog
    back = await press(pages, f"/services/{line}/roll-back", name="Back", which="1", then="now")
    assert (await office.end(back.headers["location"].removeprefix("/orders/"))).order.state == "Completed"
    assert office.device("enc-1")["video.input"] == "SDI 1"


async def test_a_service_offers_what_its_state_admits(office: Office, stage, pages):
    line = await office.line()
    page = (await pages.get(f"/services/{line}")).text
    kinds = {"modify", "redeploy", "activate", "deactivate", "validate", "decommission", "audit"}
    assert kinds <= offered(page)
    assert "failed to deploy" in explained(page)["abandon"]
    assert explained(page)["roll-back"] == "it has no revision before this one"
    stage.rig.devices.fault("enc-1", FaultKind.VANISHES)
    await office.change(K.MODIFY, line, nodes=rate(4))
    page = (await pages.get(f"/services/{line}")).text
    assert {"redeploy", "decommission", "abandon"} <= offered(page)
    assert "redeploy it as it should be or as it was last good" in text(page)
    wrong = await press(pages, f"/services/{line}/abandon", name="another")
    assert (wrong.status_code, "to confirm it" in wrong.text) == (422, True)
    await press(pages, f"/services/{line}/abandon", name="Line to B")
    assert (await office.see(line)).service.state == "Decommissioned"


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("redeploy", {"which": "desired"}),
        ("redeploy", {"which": "last good"}),
        ("deactivate", {"state": "STOP"}),
        ("validate", {}),
        ("decommission", {}),
    ],
)
async def test_a_service_is_changed_by_an_order_that_is_checked_first(
    office: Office, pages, action: str, said: dict[str, str]
):
    line = await office.line()
    answer = await press(pages, f"/services/{line}/{action}", name="It", then="now", **said)
    assert answer.status_code == 303, text(answer.text)
    assert (await office.end(answer.headers["location"].removeprefix("/orders/"))).order.state == "Completed"
    later = await press(pages, f"/services/{line}/{action}", name="It", then="later", at="2026-09-25T12:00", **said)
    if action != "decommission":
        ident = later.headers.get("location", "").removeprefix("/orders/")
        assert ident, text(later.text)
        assert (await office.orders.get(LOCAL, ident)).order.due_us is not None


async def test_what_differs_on_devices_is_approved_for_a_while_and_accepted(office: Office, stage, pages):
    line = await office.line()
    assert "no audit has found a difference" in explained((await pages.get(f"/services/{line}")).text)["accept"]
    stage.rig.devices.tamper("enc-1", {"video.input": "SDI 9"})
    await press(pages, f"/services/{line}/audit")
    await stage.rig.quiet()
    page = (await pages.get(f"/services/{line}")).text
    assert {"accept", "approve"} <= offered(page)
    assert "Changed behind our back" in text(page)
    assert "A: video.input changed SDI 1 SDI 9" in text(page)
    assert "Changed behind our back" in text((await pages.get("/")).text)
    seen = (await office.see(line)).drift.hash
    stale = await press(pages, f"/services/{line}/approve", drift="other", reason="a test", until="2026-09-25T12:00")
    assert (stale.status_code, "other differences were seen" in stale.text) == (409, True)
    await press(pages, f"/services/{line}/approve", drift=seen, reason="a test", until="2026-09-25T12:00")
    assert "until 25 Sep 12:00 by local : a test" in text((await pages.get(f"/services/{line}")).text)
    await press(pages, f"/services/{line}/disapprove", why="over")
    done = await press(pages, f"/services/{line}/accept", drift=seen, reason="it is better so")
    assert done.headers["location"] == f"/services/{line}"
    found = await office.see(line)
    assert (found.service.deployed, found.carrier.nodes["A"].values["input"]) == (2, "SDI 9")


async def test_the_home_page_leads_to_orders_and_services_that_need_somebody(office: Office, stage, pages):
    line = await office.line()
    config = (await stage.app.platforms.get(LOCAL, "default")).config
    stage.rig.devices.fault("enc-1", FaultKind.VANISHES)
    failed = await office.change(K.MODIFY, line, nodes=rate(4))
    stage.rig.devices.clear("enc-1")
    page = (await pages.get("/")).text
    assert f'href="/orders/{failed.order.id}?platform=default"' in page
    assert f'href="/services/{line}?platform=default"' in page
    assert "Service failed to deploy" in text(page)
    found = (await stage.app.nights.of(LOCAL, "default")).needing.orders
    assert [one.concern.value for one in found] == ["service_failed", "failed_deploy"]
    await stage.app.platforms.put(LOCAL, Platform("default", config=replace(config, approve_orders=True)))
    waiting = await office.make(OrderItem("it", K.REDEPLOY, line))
    await office.orders.schedule(LOCAL, waiting, None)
    await stage.rig.until(stage.now + 2 * SECOND)
    assert "have a second person look at its plan" in text((await pages.get("/")).text)
    shown = (await pages.get(f"/orders/{waiting}")).text
    assert "nobody but who ordered it has approved it" in text(shown)
    assert "a second person must approve it" in text(shown)
    await office.orders.approve(EVE, waiting, None)
    done = await office.end(waiting)
    assert done.order.state == "Completed"
    assert "eve" in text((await pages.get(f"/orders/{waiting}")).text)
