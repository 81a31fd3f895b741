# SPDX-License-Identifier: Apache-2.0
"""The client: every call against the real API, by a thread and by a loop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from preroll.client import AsyncClient, Client, Problem, calls
from tests.client.conftest import SERVER, Direct

START = datetime(2026, 3, 1, 13, tzinfo=UTC)
END = START + timedelta(hours=1)


@pytest.fixture
def preroll(api: Any) -> Iterator[Client]:
    with Client(SERVER, patience=0, transport=Direct(api)) as client:
        client.send(calls.apply([{"kind": "resource", "name": "ENC 1"}]))
        yield client


def test_a_booking_from_first_to_last(preroll: Client):
    made = preroll.send(
        calls.create_booking(
            "News", START, END, nodes={"encoder": "ENC 1"}, pre_roll=timedelta(minutes=5), post_roll=90, priority=3
        )
    )
    assert (made.state, made.start, made.end, made.pre_roll, made.post_roll) == ("Partial", START, END, 300, 90)
    later = END.astimezone(timezone(timedelta(hours=2))) + timedelta(hours=1)
    edited = preroll.send(calls.edit_booking(made.id, {"end": later, "properties": {"a": 1}}, seen=made.revision))
    assert (edited.end, edited.properties, edited.revision) == (END + timedelta(hours=1), {"a": 1}, 2)
    assert preroll.send(calls.act(made.id, "confirm")).state == "Confirmed"
    assert preroll.send(calls.act(made.id, "cancel", why="off")).state == "Canceled"
    offered = preroll.send(calls.get_booking(made.id)).actions
    assert [a.name for a in offered if a.possible] == ["properties", "duplicate", "delete"]
    assert all(bool(a.why) is not a.possible for a in offered)
    assert [c.state for c in preroll.send(calls.booking_changes(made.id)) if c.state][-1] == "Canceled"
    assert preroll.send(calls.booking_runs(made.id)) == preroll.send(calls.booking_log(made.id)) == []


def test_a_node_is_taken_away_and_another_chosen(preroll: Client):
    made = preroll.send(calls.create_booking("News", START, nodes={"a": "ENC 1"}))
    edited = preroll.send(calls.edit_booking(made.id, {"nodes": {"a": None, "b": {"resource": "ENC 1"}}}))
    assert set(edited.nodes) == {"b"}


def test_a_list_is_read_page_by_page(preroll: Client):
    for n in range(5):
        preroll.send(calls.create_booking(f"Part {n}", START, END))
    found = preroll.each(calls.list_bookings(limit=2, states=["Partial"], text="part", since=START))
    assert sorted(b.name for b in found) == [f"Part {n}" for n in range(5)]


def test_the_rest_of_the_api(preroll: Client):
    (resource,) = preroll.each(calls.list_catalogue("resources"))
    assert resource["name"] == "ENC 1"
    assert preroll.send(calls.get_platform("default"))["name"] == "default"
    assert preroll.send(calls.put_platform("lab", {"zone": "Europe/Paris"}))["zone"] == "Europe/Paris"
    assert [p["name"] for p in preroll.send(calls.list_platforms())] == ["default", "lab"]
    assert preroll.send(calls.list_scripts()) == {"installed": [], "broken": []}
    assert preroll.send(calls.ready()).ready
    page = preroll.send(calls.list_changes(limit=1))
    assert [c.kind for c in page.items] == ["platform.created"]
    assert preroll.send(calls.list_changes(after=page.next or "")).items[0].kind == "resource.added"


def test_a_refusal_has_all_members(preroll: Client):
    first = preroll.send(calls.create_booking("News", START, END, nodes={"encoder": "ENC 1"}))
    with pytest.raises(Problem) as conflict:
        preroll.send(calls.create_booking("Other", START, END, nodes={"encoder": "ENC 1"}))
    assert (conflict.value.status, conflict.value.code) == (409, "conflict")
    assert conflict.value.clashes[0].rival == first.id
    assert conflict.value.clashes[0].start == START
    with pytest.raises(Problem) as invalid:
        preroll.send(calls.create_booking("", START.replace(tzinfo=None), END))
    assert {e.where for e in invalid.value.errors} == {"name", "start"}
    preroll.send(calls.act(first.id, "hold", seen=1))
    with pytest.raises(Problem) as stale:
        preroll.send(calls.act(first.id, "cancel", seen=1))
    assert (stale.value.code, stale.value.seen, stale.value.revision) == ("stale", 1, 2)


async def test_a_loop_sends_the_same_calls(api: Any):
    async with AsyncClient(SERVER, patience=0, transport=httpx.ASGITransport(api)) as preroll:
        made = await preroll.send(calls.create_booking("News", START, END))
        assert (await preroll.send(calls.get_booking(made.id))) == made
        assert [b.id async for b in preroll.each(calls.list_bookings())] == [made.id]
        with pytest.raises(Problem, match="no booking"):
            await preroll.send(calls.get_booking("019c0000-0000-7000-8000-000000000000"))
