# SPDX-License-Identifier: Apache-2.0
"""More of a service for a while: booked on its page, and shown wherever it is."""

from __future__ import annotations

import re

import httpx

from preroll.domain.booking import State, Timing
from preroll.domain.window import HOUR
from preroll.drivers.sim import FaultKind
from preroll.web.station_time import typed
from tests.builders import NOON
from tests.system.test_order_pages import PART, explained, offered, pages, press, text
from tests.system.test_orders import K, Office, office
from tests.system.test_overlays import overlay, rates, service

__all__ = ["office", "pages", "service"]
BEGIN, FINISH, LATER = (typed(NOON + hours * HOUR, "UTC").text for hours in (0, 1, 2))
WINDOW = {"name": "Cup final", "start": BEGIN, "end": FINISH}
SIXTY = {"value.A.rate": "60", "value.B.rate": "60"}


async def test_it_is_booked_confirmed_and_shown_with_its_service(office: Office, stage, pages, service):
    assert "overlay" in offered((await pages.get(f"/services/{service}")).text)
    dialog = (await pages.get(f"/services/{service}/overlay", headers=PART)).text
    assert {"value.A.rate", "value.B.input", "profile.A"} <= set(re.findall(r'name="([\w.]+)"', dialog))
    assert "Now 10." in text(dialog)
    booked = await press(pages, f"/services/{service}/overlay", **WINDOW, **SIXTY)
    assert booked.status_code == 303, text(booked.text)
    ident = booked.headers["location"].removeprefix("/bookings/")
    found = (await stage.see(ident)).booking
    assert (found.overlays, found.state, found.timing) == (service, State.CONFIRMED, Timing(NOON, NOON + HOUR))
    page = (await pages.get(f"/services/{service}")).text
    assert f'href="/bookings/{ident}"' in page
    assert "A : rate 60" in text(page)
    page = (await pages.get(f"/bookings/{ident}")).text
    assert re.search(rf'more of <a href="/services/{service}"><bdi>Line to B</bdi></a> for a while', page)
    assert "enc-1 rate 60" in text(page)
    window = {"from": NOON // 10**6, "to": NOON // 10**6 + 3600}
    legend = (await pages.get("/timeline/rows")).json()
    (block,) = (await pages.get("/timeline/blocks", params=window)).json()["blocks"]
    assert [mark for place, mark in enumerate(legend["marks"]) if block[9] & 1 << place] == ["overlay"]
    await stage.to(1)
    assert rates(office) == (60, 60)


async def test_what_is_wrong_is_told_at_its_field_and_nothing_is_booked(office: Office, stage, pages, service):
    async def tried(**said: str) -> httpx.Response:
        return await press(pages, f"/services/{service}/overlay", **{**WINDOW, **said})

    nothing = await tried()
    assert (nothing.status_code, "at least one of A, B" in text(nothing.text)) == (422, True)
    wrong = (await tried(**{"value.A.rate": "-1"})).text
    assert re.search(r'id="f-value\.A\.rate-error">[^<]*-1', wrong)
    assert 'id="f-end-error"' in (await tried(end="", **SIXTY)).text
    rival = await overlay(office)
    clash = await tried(**SIXTY)
    assert (clash.status_code, "overlay Cup final changes it then" in text(clash.text)) == (409, True)
    later = {**WINDOW, "name": "Later", "start": FINISH, "end": LATER, "then": "book"}
    booked = await press(pages, f"/services/{service}/overlay", **later, **SIXTY)
    ident = booked.headers["location"].removeprefix("/bookings/")
    assert (await stage.see(ident)).booking.state is State.PARTIAL
    assert [one.id for one in (await office.see(service)).overlays] == [rival, ident]


async def test_only_a_service_that_is_deployed_is_offered_more(office: Office, stage, pages, service):
    stage.rig.devices.fault("enc-1", FaultKind.VANISHES)
    await office.change(K.MODIFY, service, nodes={"A": {"values": {"rate": 20}}})
    page = (await pages.get(f"/services/{service}")).text
    assert explained(page)["overlay"] == "the service is Fail Deploy; it is for one that is Deployed"
    refused = await press(pages, f"/services/{service}/overlay", **WINDOW, **SIXTY)
    assert refused.status_code == 422
    assert (await office.see(service)).overlays == ()


async def test_it_is_changed_in_the_form_of_its_making_and_stays_an_overlay(office: Office, stage, pages, service):
    ident = await overlay(office)
    form = (await pages.get(f"/bookings/{ident}/edit")).text
    assert "Now 10." in text(form)
    said = {
        name: re.search(rf'name="{name}"[^>]*value="([^"]*)"', form)[1] for name in ("name", "start", "value.A.rate")
    }
    assert said == {"name": "Cup final", "start": BEGIN, "value.A.rate": "60"}
    assert not re.search(r'name="(then|resource\.A|free\.\w+)"', form)
    changed = {**WINDOW, "name": "Cup replay", "end": LATER, "value.A.rate": "70"}
    done = await press(pages, f"/bookings/{ident}/edit", **changed)
    assert done.status_code == 303, text(done.text)
    found = (await stage.see(ident)).booking
    assert (found.name, found.overlays, found.state) == ("Cup replay", service, State.CONFIRMED)
    assert found.timing == Timing(NOON, NOON + 2 * HOUR)
    assert {label: choice.values for label, choice in found.nodes.items()} == {"A": {"rate": 70}}
    wrong = await press(pages, f"/bookings/{ident}/edit", **{**changed, "value.A.rate": "900"})
    assert (wrong.status_code, "left" in text(wrong.text)) == (409, True)
    wrong = await press(pages, f"/bookings/{ident}/edit", **{**changed, "end": "never"})
    assert (wrong.status_code, 'id="f-end-error"' in wrong.text) == (422, True)
    assert (await stage.see(ident)).booking == found
