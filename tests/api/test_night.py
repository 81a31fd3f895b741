# SPDX-License-Identifier: Apache-2.0
"""How things stand, through the API."""

from __future__ import annotations

import httpx

from tests.api.conftest import StandingClock, asked


async def test_a_booking_comes_next_with_all_that_it_lacks(api: httpx.AsyncClient, catalogue: None):
    made = (await api.post("bookings", json=asked(definition="Contribution"))).json()
    night = (await api.get("night")).json()
    (coming,) = night["coming"]
    assert (coming["booking"], coming["first_event"]) == (made["id"], "2026-03-01T13:00:00Z")
    lacks = {lack["where"]: lack["what"] for lack in coming["lacks"]}
    assert lacks["state"] == "is Partial"
    assert lacks["nodes.encoder.profile"] == "is missing"
    assert night["troubles"] == []
    assert [a["part"] for a in night["ailments"]] == ["engine"]


async def test_near_air_it_needs_somebody(api: httpx.AsyncClient, catalogue: None, clock: StandingClock):
    made = (await api.post("bookings", json=asked())).json()
    clock.at_us += 50 * 60 * 1_000_000
    (trouble,) = (await api.get("night")).json()["troubles"]
    assert (trouble["booking"], trouble["concern"], trouble["actions"][0]) == (made["id"], "near_air", "confirm")
    assert trouble["to_do"].startswith("confirm it")


async def test_another_platform_is_not_found(api: httpx.AsyncClient):
    assert (await api.get("night", params={"platform": "nowhere"})).status_code == 404
