# SPDX-License-Identifier: Apache-2.0
"""Who runs what is due, through the API; and why a booking waits when nobody reaches its devices."""

from __future__ import annotations

import httpx
import pytest

from preroll.app.workers import Workers
from preroll.domain.permission import LOCAL
from preroll.domain.window import SECOND
from preroll.ports.workers import Role
from preroll.store import SqlStore
from tests.api.conftest import NOON, StandingClock

LEASE = 5 * SECOND


async def test_workers_are_listed_with_lease_and_labels(api: httpx.AsyncClient, store: SqlStore, clock: StandingClock):
    assert (await api.get("workers")).json() == {"workers": [], "unreached": [], "paused": []}
    key = await store.journal.enlist("north-1", "vm", 7, "1.2", LEASE, frozenset({"site=north", "rack=1"}), Role.RUNNER)
    assert (await api.get("workers")).json()["workers"] == [
        {
            "name": "north-1", "host": "vm", "pid": 7, "version": "1.2", "role": "runner",
            "labels": ["rack=1", "site=north"], "alive": True, "lease_until": "2026-03-01T12:00:05Z", "running": 0,
        }
    ]  # fmt: skip
    clock.at_us += LEASE
    assert (await api.get("workers")).json()["workers"] == []
    await store.journal.renew(key, LEASE)
    assert len((await Workers(store).all(LOCAL)).workers) == 1


@pytest.mark.parametrize(
    ("standing", "why"),
    [
        ([["site=north"], ["site=south"]], "waits for one worker with all of site=north,site=south: there is none"),
        ([["site=north"]], "waits for a worker with site=south, which reaches ENC 2: none is there"),
        ([["site=north", "site=south"]], "waits for its turn"),
    ],
)
async def test_a_booking_says_that_nobody_reaches_its_devices(
    api: httpx.AsyncClient, store: SqlStore, clock: StandingClock, standing: list[list[str]], why: str
):
    documents = [
        {"kind": "resource", "name": "ENC 1", "labels": {"site": "north"}},
        {"kind": "resource", "name": "ENC 2", "labels": {"site": "south"}},
    ]
    assert (await api.post("catalogue", json={"platform": "default", "documents": documents})).is_success
    body = {
        "name": "News", "start": "2026-03-01T12:10:00Z", "end": "2026-03-01T13:00:00Z",
        "nodes": {"a": {"resource": "ENC 1"}, "b": {"resource": "ENC 2"}},
    }  # fmt: skip
    made = (await api.post("bookings", json=body)).json()
    assert (await api.post(f"bookings/{made['id']}/confirm")).is_success
    for labels in standing:
        await store.journal.enlist("w", "vm", 1, "1", 3600 * SECOND, frozenset(labels))
    clock.at_us = NOON + 11 * 60 * SECOND
    waiting = (await api.get(f"bookings/{made['id']}")).json()["waiting"]
    assert [w["what"] for w in waiting] == [why]
