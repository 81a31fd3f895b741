# SPDX-License-Identifier: Apache-2.0
"""A repeated command is carried out once."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.api.conftest import asked

KEY = {"Idempotency-Key": "c2b1f6d0"}


async def test_a_repeat_gets_the_first_answer(api: httpx.AsyncClient):
    first = await api.post("bookings", json=asked(nodes={}), headers=KEY)
    again = await api.post("bookings", json=asked(nodes={}), headers=KEY)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert {h: again.headers[h] for h in ("location", "etag")} == {h: first.headers[h] for h in ("location", "etag")}
    assert len((await api.get("bookings")).json()["items"]) == 1


async def test_a_repeat_is_answered_even_when_the_booking_went_on(api: httpx.AsyncClient):
    ident = (await api.post("bookings", json=asked(nodes={}))).json()["id"]
    guard = {**KEY, "If-Match": '"1"'}
    held = await api.post(f"bookings/{ident}/hold", headers=guard)
    await api.post(f"bookings/{ident}/cancel")
    again = await api.post(f"bookings/{ident}/hold", headers=guard)
    assert (again.status_code, again.json()) == (200, held.json())


async def test_another_body_needs_another_key(api: httpx.AsyncClient):
    await api.post("bookings", json=asked(nodes={}), headers=KEY)
    answer = await api.post("bookings", json=asked(name="Other", nodes={}), headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert len((await api.get("bookings")).json()["items"]) == 1


async def test_a_key_belongs_to_its_address(api: httpx.AsyncClient):
    ident = (await api.post("bookings", json=asked(nodes={}), headers=KEY)).json()["id"]
    assert (await api.post(f"bookings/{ident}/hold", headers=KEY)).json()["state"] == "On-Hold"
    assert (await api.post(f"bookings/{ident}/cancel", headers=KEY)).json()["state"] == "Canceled"


async def test_a_refusal_is_not_kept(api: httpx.AsyncClient):
    ident = (await api.post("bookings", json=asked(nodes={}))).json()["id"]
    assert (await api.post(f"bookings/{ident}/retry", headers=KEY)).status_code == 409
    assert (await api.post(f"bookings/{ident}/retry", headers=KEY)).status_code == 409


async def test_two_at_once_are_carried_out_once(api: httpx.AsyncClient):
    answers = await asyncio.gather(*(api.post("bookings", json=asked(nodes={}), headers=KEY) for _ in range(5)))
    assert len({a.json()["id"] for a in answers}) == 1
    assert sum("idempotency-replayed" in a.headers for a in answers) == 4


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
async def test_a_key_that_cannot_be_kept_is_refused(api: httpx.AsyncClient, key: str):
    answer = await api.post("bookings", json=asked(nodes={}), headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert (await api.get("bookings")).json()["items"] == []
