# SPDX-License-Identifier: Apache-2.0
"""Lists: pages, cursors, filters."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import httpx
import pytest

from tests.api.conftest import asked


async def names(api: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await api.get("bookings", params=query)
    assert answer.status_code == 200, answer.text
    return [b["name"] for b in answer.json()["items"]]


@pytest.fixture(autouse=True)
async def five(api: httpx.AsyncClient, catalogue: None) -> None:
    for hour in range(5):
        times = {"start": f"2026-03-01T{13 + hour}:00:00Z", "end": f"2026-03-01T{14 + hour}:00:00Z"}
        booked = await api.post("bookings", json=asked(name=f"Part {hour}", **times))
        if hour == 3:
            await api.post(f"bookings/{booked.json()['id']}/hold")


async def test_pages_follow_each_other_without_gap_or_repeat(api: httpx.AsyncClient):
    found, query = [], {"limit": 2}
    for _ in range(3):
        page = (await api.get("bookings", params=query)).json()
        found += [b["name"] for b in page["items"]]
        query["cursor"] = page["next"]
    assert found == [f"Part {hour}" for hour in range(5)]
    assert page["next"] is None


async def test_filters(api: httpx.AsyncClient):
    assert await names(api, state="On-Hold") == ["Part 3"]
    assert len(await names(api, state=["On-Hold", "Partial"])) == 5
    assert await names(api, text="PART 4") == ["Part 4"]
    assert await names(api, **{"from": "2026-03-01T16:00:00Z"}) == ["Part 3", "Part 4"]
    assert await names(api, to="2026-03-01T14:00:00Z") == ["Part 0"]
    assert await names(api, platform="default", limit=1) == ["Part 0"]


def test_a_cursor_of_one_process_is_good_in_another():
    asks = (
        "from preroll.gate.paging import encode; from preroll.ports.store import BookingFilter;"
        "from preroll.domain.booking import State; print(encode((1, 'a'), BookingFilter(1, frozenset(State))))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", asks], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1


async def test_a_cursor_belongs_to_its_filter(api: httpx.AsyncClient):
    cursor = (await api.get("bookings", params={"limit": 1})).json()["next"]
    for wrong in ({"cursor": cursor, "text": "x"}, {"cursor": "abc"}, {"cursor": "é"}, {"cursor": "W10"}):
        answer = await api.get("bookings", params=wrong)
        assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, "query.cursor")


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"limit": 501}, "query.limit"),
        ({"limit": 0}, "query.limit"),
        ({"limit": "many"}, "query.limit"),
        ({"state": "Sleeping"}, "query.state.0"),
        ({"colour": "red"}, "query.colour"),
        ({"from": "2026-03-01T12:00:00"}, "query.from"),
        ({"from": "2026-03-01T12:00:00Z", "to": "2026-03-01T12:00:00Z"}, "query.to"),
    ],
)
async def test_a_wrong_filter_is_refused_and_not_ignored(api: httpx.AsyncClient, query: dict[str, Any], where: str):
    answer = await api.get("bookings", params=query)
    assert (answer.status_code, [e["where"] for e in answer.json()["errors"]]) == (422, [where])


async def test_an_unknown_platform_is_not_found(api: httpx.AsyncClient):
    assert (await api.get("bookings", params={"platform": "elsewhere"})).status_code == 404


async def test_the_change_log_is_paged_by_position(api: httpx.AsyncClient):
    whole = (await api.get("changes", params={"limit": 500})).json()["items"]
    found, after = [], ""
    while page := (await api.get("changes", params={"limit": 3, "after": after})).json()["items"]:
        found += page
        after = page[-1]["position"]
    assert found == whole
    assert [c["kind"] for c in whole][:2] == ["platform.created", "profile_definition.added"]


async def test_the_catalogue_is_paged_by_name(api: httpx.AsyncClient):
    first = (await api.get("resources", params={"limit": 1})).json()
    second = (await api.get("resources", params={"limit": 1, "cursor": first["next"]})).json()
    assert [first["items"][0]["name"], second["items"][0]["name"], second["next"]] == ["ENC 1", "ENC 2", None]


async def test_what_needs_attention_can_be_listed(api: httpx.AsyncClient):
    assert await names(api, attention="lapsed") == []
    late = {"start": "2026-02-01T10:00:00Z", "end": "2026-02-01T11:00:00Z"}
    booked = (await api.post("bookings", json=asked(name="Forgotten", **late))).json()
    assert booked["attention"] == "lapsed"
    assert booked["warnings"] == [
        "lapsed: its window has passed and it was never confirmed; move it to a later time, or cancel it"
    ]
    assert await names(api, attention=["lapsed", "near_air"]) == ["Forgotten"]
    listed = (await api.get("bookings")).json()["items"]
    assert [b["attention"] for b in listed] == ["lapsed", *[None] * 5]
    wrong = await api.get("bookings", params={"attention": "soon"})
    assert (wrong.status_code, wrong.json()["errors"][0]["where"]) == (422, "query.attention.0")
