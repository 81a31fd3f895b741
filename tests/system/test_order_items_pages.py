# SPDX-License-Identifier: Apache-2.0
"""Orders of several items, and services that need each other, on their pages."""

from __future__ import annotations

import re

import httpx
import pytest

from preroll.domain.order import Together
from preroll.domain.permission import LOCAL
from preroll.drivers.sim import FaultKind
from tests.system.test_order_pages import PART, explained, pages, press, text
from tests.system.test_orders import OFF, K, Office, S, office

__all__ = ["office", "pages"]
TWO = {
    "name": "Two lines", "items": "1,2", "together": "best effort", "then": "deploy",
    "definition": "Line", "item2.definition": "Line", "service_name": "Line 1",
    "resource.A": "enc-1", "resource.B": "enc-2",
    "item2.service_name": "Line 2", "item2.resource.A": "enc-3", "item2.resource.B": "card-a", "item2.of": "provision ",
}  # fmt: skip


@pytest.fixture(autouse=True)
def more(office) -> None:
    office.stage.rig.devices.introduce("card-a", dict(OFF))


def ident_of(answer: httpx.Response) -> str:
    assert answer.status_code == 303, text(answer.text)
    return answer.headers["location"].removeprefix("/orders/")


async def test_items_are_added_and_removed_on_the_form(office: Office, pages):
    first = (await pages.get("/orders/new?definition=Line")).text
    assert ('name="items" value="1"' in first, "Item 1 of" in first, "Remove item" in first) == (True, False, False)
    said = {"name": "Two", "definition": "Line", "resource.A": "enc-1", "items": "1", "item2.definition": "Line"}
    more = (await pages.post("/orders/new", data={**said, "add": "1", "look": "1"}, headers=PART)).text
    assert 'name="items" value="1,2"' in more
    assert {"item2.kind", "item2.resource.A", "together", "item2.after.1"} <= set(re.findall(r'name="([\w.]+)"', more))
    assert re.search(r'name="resource\.A".*?<option value="enc-1" selected', more, re.DOTALL)
    less = (await pages.post("/orders/new", data={**said, "items": "1,2", "drop": "1"})).text
    assert ('name="items" value="2"' in less, 'name="resource.A"' in less) == (True, False)
    assert 'name="item2.resource.A"' in less


async def test_each_item_has_its_own_service_and_is_shown_with_what_became_of_it(office: Office, stage, pages):
    stage.rig.devices.fault("card-a", FaultKind.VANISHES)
    ident = ident_of(await pages.post("/orders/new", data={**TWO, "item2.after.1": "1"}))
    done = await office.end(ident)
    assert (done.order.together, [item.after for item in done.order.items]) == (Together.BEST_EFFORT, [(), ("item",)])
    page = (await pages.get(f"/orders/{ident}")).text
    items = text(page[page.index('aria-label="Items"') :].partition("</table>")[0])
    assert re.search(r"item provision Line 1 .*enc-1.* Completed item 2 provision Line 2 .*Failed Deploy", items)
    edited = (await pages.get(f"/orders/{ident}/edit")).text
    assert 'name="item2.service_name"' in edited
    assert re.search(r'name="item2\.after\.1" value="1" checked', edited)
    assert "Not possible now" in edited


async def test_a_mistake_stands_at_its_item(office: Office, pages):
    wrong = await pages.post("/orders/new", data={**TWO, "item2.value.A.bitrate": "much"})
    assert (wrong.status_code, "item2.value.A.bitrate-error" in wrong.text) == (422, True)
    kinds = {"item2.kind": "modify", "item2.service": ""}
    missing = await pages.post("/orders/new", data={**TWO, **kinds})
    assert re.search(r'id="b-item2\.service-error">is missing', missing.text)
    line = await office.line()
    nothing = {**TWO, **kinds, "item2.service": line, "item2.of": f"modify {line}"}
    same = await pages.post("/orders/new", data={**nothing, "item2.resource.A": "enc-1", "item2.resource.B": "enc-2",
                                                 "item2.profile.A": "HD", "item2.profile.B": "HD"})  # fmt: skip
    assert re.search(r'id="b-item2\.item-error">says what the service is already', same.text)
    twice = await pages.post("/orders/new", data={**TWO, "item_name": "both", "item2.item_name": "both"})
    assert re.search(r'id="b-item_name-error">both stands twice', twice.text)


async def test_what_was_said_of_another_service_is_forgotten(office: Office, pages):
    line = await office.line()
    said = {"name": "It", "items": "1", "kind": "modify", "service": line, "of": "provision ", "resource.A": "enc-3"}
    form = (await pages.post("/orders/new", data={**said, "look": "1"}, headers=PART)).text
    assert re.search(r'name="resource\.A".*?<option value="enc-1"[^>]* selected', form, re.DOTALL)
    changed = {**said, "of": f"modify {line}", "resource.A": "enc-1", "resource.B": "enc-2", "value.A.input": "SDI 9"}
    done = await office.end(ident_of(await pages.post("/orders/new", data={**changed, "then": "deploy"})))
    assert (done.order.state, office.device("enc-1")["video.input"]) == (S.COMPLETED, "SDI 9")


async def test_other_kinds_stand_in_the_same_order(office: Office, pages):
    line = await office.line()
    said = {**TWO, "items": "2,3", "item3.kind": "redeploy", "item3.service": line, "item3.which": "1"}
    form = (await pages.post("/orders/new", data={**said, "look": "1"}, headers=PART)).text
    assert re.search(r'name="item3\.which".*?<option value="1" selected', form, re.DOTALL)
    order = (await office.orders.get(LOCAL, ident_of(await pages.post("/orders/new", data={**said, "then": ""})))).order
    assert [(item.kind, item.values.get("revision")) for item in order.items] == [(K.PROVISION, None), (K.REDEPLOY, 1)]


async def test_what_a_service_needs_is_chosen_and_keeps_what_is_needed(office: Office, pages):
    line = await office.line()
    said = {"name": "Second", "definition": "Line", "resource.A": "enc-3", "resource.B": "card-a", "of": "provision "}
    form = (await pages.post("/orders/new", data={**said, "look": "1", "need_new": line}, headers=PART)).text
    assert f'name="need.{line}" value="1" checked' in form
    ident = ident_of(await pages.post("/orders/new", data={**said, f"need.{line}": "1", "then": "deploy"}))
    done = await office.end(ident)
    (item,) = done.order.items
    assert (done.order.state, item.needs) == (S.COMPLETED, (line,))
    page = (await pages.get(f"/orders/{ident}")).text
    assert f'<a href="/services/{line}"><bdi>Line to B</bdi></a>' in page
    needing, needed = [(await pages.get(f"/services/{i}")).text for i in (item.service, line)]
    assert re.search(rf'<dt>Needs</dt><dd><a href="/services/{line}">', needing)
    assert re.search(rf'<dt>Needed by</dt><dd><a href="/services/{item.service}">', needed)
    assert explained(needed)["decommission"].startswith("Second needs it: ")
    refused = await press(pages, f"/services/{line}/decommission", name="End", then="now")
    assert (refused.status_code, "Second needs it" in text(refused.text)) == (422, True)
    freed = await pages.post(f"/services/{item.service}/modify", data={"name": "Free", "of": f"modify {item.service}",
                             "resource.A": "enc-3", "resource.B": "card-a", "profile.A": "HD", "profile.B": "HD",
                             "then": "deploy"})  # fmt: skip
    assert (await office.end(ident_of(freed))).order.state is S.COMPLETED
    assert (await office.see(item.service)).service.needs == ()


async def test_items_of_one_order_need_each_other(office: Office, pages):
    form = (await pages.post("/orders/new", data={**TWO, "look": "1"}, headers=PART)).text
    assert '<option value="#1">item, of this order</option>' in form
    ident = ident_of(await pages.post("/orders/new", data={**TWO, "item2.need.#1": "1"}))
    done = await office.end(ident)
    assert done.order.state is S.COMPLETED, done.order.why
    assert done.order.items[1].needs == (done.order.items[0].service,)
