# SPDX-License-Identifier: Apache-2.0
"""What only an operator can decide, on the page of an order: what a device has, and that it stays as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.domain.config import Platform
from preroll.domain.order import OrderState
from preroll.domain.permission import LOCAL
from preroll.domain.window import DAY, SECOND
from tests.system.stage import CONFIG
from tests.system.test_order_pages import PART, explained, offered, pages, press, text
from tests.system.test_order_questions import Asked, office
from tests.system.test_orders import provision

__all__ = ["office", "pages"]
S = OrderState


@pytest.fixture
async def asking(office: Asked, stage) -> str:
    """An order that asks; there is a day for the answer, because time flies while a page is made."""
    limits = replace(CONFIG.limits, operator_us=DAY)
    await stage.app.platforms.put(LOCAL, Platform("default", config=replace(CONFIG, limits=limits)))
    return await office.asking()


async def test_what_a_device_has_is_asked_and_answered(asking: str, office: Asked, stage, pages):
    page = (await pages.get(f"/orders/{asking}")).text
    assert "Has it the old or the new? enc-2 , for it/B" in text(page)
    assert {"answer", "give-up"} <= offered(page)
    assert "answer" not in explained(page)
    dialog = (await pages.get(f"/orders/{asking}/answer", headers=PART)).text
    assert 'name="has:it/B"' in dialog
    empty = await press(pages, f"/orders/{asking}/answer")
    assert empty.status_code == 422
    assert "is missing" in empty.text
    said = await press(pages, f"/orders/{asking}/answer", **{"has:it/B": "old"})
    assert said.status_code < 400, text(said.text)
    await stage.rig.quiet()
    ended = await office.orders.get(LOCAL, asking)
    assert (ended.order.state, ended.residue, ended.questions) == (S.FAILED_DEPLOY, {}, ())


async def test_who_cannot_tell_gives_up(asking: str, office: Asked, stage, pages):
    said = await press(pages, f"/orders/{asking}/give-up")
    assert said.status_code < 400, text(said.text)
    await stage.rig.quiet()
    page = (await pages.get(f"/orders/{asking}")).text
    assert "Left on devices" in page
    assert (await office.orders.get(LOCAL, asking)).order.state is S.FAILED_DEPLOY


async def test_what_is_there_already_is_taken_over_as_it_was_seen(office: Asked, stage, pages):
    await stage.rig.until(stage.now + SECOND)
    ident = await office.make(provision())
    blind = await press(pages, f"/orders/{ident}/take-over", reason="it stands since spring")
    assert blind.status_code == 409
    assert "check it first" in text(blind.text)
    await office.orders.check(LOCAL, ident, None)
    plan = (await office.end(ident)).plan
    assert plan is not None
    dialog = (await pages.get(f"/orders/{ident}/take-over", headers=PART)).text
    assert f'name="plan" value="{plan.hash}"' in dialog
    for seen, status in (("another", 409), (plan.hash, 303)):
        await office.orders.check(LOCAL, ident, None)
        form = {"revision": str((await office.end(ident)).order.revision), "plan": seen, "reason": "it stands"}
        said = await pages.post(f"/orders/{ident}/take-over", data=form)
        assert said.status_code == status, text(said.text)
    taken = await office.orders.get(LOCAL, ident)
    assert (taken.order.state, taken.order.why) == (S.COMPLETED, "taken over: it stands")
