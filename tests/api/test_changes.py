# SPDX-License-Identifier: Apache-2.0
"""The change log as a stream of server-sent events."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from preroll.api import changes
from tests.api.conftest import Connect, asked


def looks(times: int) -> Callable[[], bool]:
    """The server stops when a stream has looked this often."""
    count = itertools.count(1)
    return lambda: next(count) > times


def events(text: str) -> list[dict[str, str]]:
    """The events of a stream, comments left out."""
    blocks = [block.splitlines() for block in text.split("\n\n")]
    parsed = [dict(line.split(": ", 1) for line in block if not line.startswith(":")) for block in blocks]
    return [event for event in parsed if event]


async def streamed(api: httpx.AsyncClient, **options: Any) -> list[dict[str, str]]:
    answer = await api.get("changes/stream", **options)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return events(answer.text)


@pytest.fixture
def once(connect: Connect) -> httpx.AsyncClient:
    """An API whose streams end when they have told what there is."""
    return connect(stopping=looks(1))


async def test_a_stream_begins_with_its_position_and_tells_every_change(once: httpx.AsyncClient):
    await once.post("bookings", json=asked(nodes={}))
    begin, *told = await streamed(once, params={"after": ""})
    assert (begin["event"], begin["data"]) == ("begin", "{}")
    assert [e["event"] for e in told] == ["change", "change"]
    last = json.loads(told[-1]["data"])
    assert last["position"] == told[-1]["id"]
    assert (last["kind"], last["state"], last["revision"]) == ("booking.created", "Partial", 1)
    assert (await once.get("changes")).json()["items"][-1] == last


async def test_a_client_that_reconnects_goes_on_where_it_was(once: httpx.AsyncClient):
    await once.post("bookings", json=asked(nodes={}))
    first, second = (await once.get("changes")).json()["items"]
    _, told = await streamed(once, headers={"Last-Event-ID": first["position"]}, params={"after": second["position"]})
    assert told["id"] == second["position"]


async def test_without_a_position_it_begins_now(once: httpx.AsyncClient):
    (begin,) = await streamed(once)
    newest = (await once.get("changes")).json()["next"]
    assert begin["id"] == newest


async def test_only_one_platform_is_told(once: httpx.AsyncClient):
    await once.put("platforms/lab", json={})
    told = await streamed(once, params={"after": "", "platform": "lab"})
    assert len(told) == 2
    assert (await once.get("changes/stream", params={"platform": "elsewhere"})).status_code == 404


async def test_a_quiet_stream_gives_a_sign_of_life(connect: Connect, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(changes, "HEARTBEAT_S", 0.0)
    monkeypatch.setattr(changes, "LOOK_S", 0.0)
    answer = await connect(stopping=looks(3)).get("changes/stream")
    assert answer.text.count(": still here\n\n") == 3


@pytest.mark.parametrize("position", ["x", "-1", "1;2", "9" * 30, "1.2.3"])
async def test_a_position_that_never_was_is_refused(once: httpx.AsyncClient, position: str):
    for path in ("changes", "changes/stream"):
        assert (await once.get(path, params={"after": position})).status_code == 422
    assert (await once.get("changes/stream", headers={"Last-Event-ID": position})).status_code == 422
    problem = (await once.get("changes/stream", headers={"Last-Event-ID": position})).json()
    (mistake,) = problem["errors"]
    assert mistake["where"] == "header.last-event-id"
    assert mistake["detail"] == f"is {position!r}, which is no cursor of the change log"
    assert "the id of an event" in mistake["expected"]
    assert "leave it away" in mistake["expected"]
