# SPDX-License-Identifier: Apache-2.0
"""The board reads what is new, and what is shown of it."""

from __future__ import annotations

import asyncio
import io
import json
from datetime import UTC, datetime

import httpx
import pytest
from rich.console import Console

from preroll.client import AsyncClient
from preroll.demo import screen
from preroll.demo.board import Board, Engine, Line, Voice

NOW = datetime(2026, 3, 1, 18, tzinfo=UTC)
BOOKING = {
    "id": "1", "name": "Evening news", "platform": "demo", "state": "Confirmed", "phase": "running",
    "entering": "Pre-roll", "service_state": "STOP", "start": "2026-03-01T18:00:07Z", "end": "2026-03-01T18:00:42Z",
    "pre_roll": 7, "post_roll": 3, "priority": 0, "zone": "UTC", "not_reset": False, "revision": 1,
    "changed": "2026-03-01T17:59:00Z",
}  # fmt: skip
CHANGE = {
    "position": "7", "at": "2026-03-01T18:00:00Z", "kind": "booking.state", "id": "1", "revision": 1,
    "state": "Confirmed", "before": "Partial", "after": "Confirmed", "actor": "demo", "why": "", "cause": "confirm",
}  # fmt: skip
STEP = {
    "name": "apply_profile:encoder", "resource": "", "state": "begun", "attempts": 1, "began": "2026-03-01T18:00:01Z",
    "ended": None, "result": None, "diff": [], "error": "",
}  # fmt: skip
RUN = {
    "id": "r", "booking": "1", "event": "START_BOOKING_WITH_PREROLL", "kind": "start_of_pre_roll", "script": "s",
    "version": "1", "target": "STANDBY", "previous": "STOP", "generation": 1, "retry": 0, "epoch": 1,
    "config_version": 1, "worker": "demo", "began": "2026-03-01T18:00:00Z", "ended": None, "outcome": "running",
    "reason": "", "message": "", "returned": {}, "steps": [STEP],
}  # fmt: skip
ORDER = {
    "id": "2", "name": "Campus line", "platform": "demo", "state": "Scheduled", "hold": None,
    "due": "2026-03-01T18:00:04Z", "together": "atomic", "priority": 0, "external": "",
    "why": "", "revision": 1, "created": "2026-03-01T17:59:00Z",
    "created_by": "demo", "changed": "2026-03-01T17:59:00Z",
}  # fmt: skip
LOGGED = {"at": "2026-03-01T18:00:01Z", "run": "r", "severity": "warning", "text": "again in 1 s", "data": {}}


class Api:
    """Answers as the API does."""

    def __init__(self) -> None:
        self.bookings, self.changes, self.log = [dict(BOOKING)], [CHANGE], [LOGGED]
        self.orders: list[dict[str, object]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        match request.url.path.split("/")[3:]:
            case ["bookings"]:
                body = {"items": self.bookings, "next": None}
            case ["orders"]:
                body = {"items": self.orders, "next": None}
            case ["orders", _, "log"]:
                body = [{**LOGGED, "severity": "info", "text": "both new"}]
            case ["changes"]:
                new = [c for c in self.changes if c["position"] > request.url.params.get("after", "")]
                body = {"items": new, "next": new[-1]["position"] if new else request.url.params.get("after", "")}
            case [_, _, "runs"]:
                body = [RUN]
            case _:
                body = self.log
        return httpx.Response(200, text=json.dumps(body))


@pytest.fixture
def api():
    return Api()


@pytest.fixture
async def client(api):
    async with AsyncClient("http://demo", patience=0, transport=httpx.MockTransport(api)) as client:
        yield client


async def test_what_is_new_is_told_once(client, api):
    told: list[Line] = []
    board = Board("http://demo", tell=told.append)
    await board.look(client)
    await board.look(client)
    assert [(line.voice, line.text) for line in told] == [(Voice.STATE, "confirm"), (Voice.LOG, "again in 1 s")]
    api.log.append({**LOGGED, "text": "again in 2 s"})
    await board.look(client)
    assert told[-1].text == "again in 2 s"


async def test_it_knows_the_step_that_is_under_way(client):
    board = Board("http://demo")
    await board.look(client)
    assert board.steps == {"1": "apply_profile:encoder"}


async def test_it_waits_for_a_state(client, api):
    board = Board("http://demo")
    watching = asyncio.create_task(board.watch(client))
    api.bookings[0]["state"] = "Pre-roll"
    try:
        assert (await board.until("Evening news", "Pre-roll", within=20)).id == "1"
    finally:
        watching.cancel()


async def test_a_state_that_does_not_come_is_told_with_the_one_that_is_there(client):
    board = Board("http://demo")
    await board.look(client)
    with pytest.raises(TimeoutError, match="Evening news is Confirmed and not Completed"):
        await board.until("Evening news", "Completed", within=0)


def shown(board: Board, width: int = 120) -> str:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(screen.picture(board, NOW))
    return console.export_text()


async def test_the_picture_shows_state_service_countdown_and_what_happens(client):
    board = Board("http://demo", engine=Engine.RUNNING, pid=4711)
    await board.look(client)
    board.say("The story begins")
    found = shown(board)
    for part in ("engine running", "4711", "◆ Confirmed", "STOP", "on the air in 7 s", "entering Pre-roll: apply_pr"):
        assert part in found
    assert "◌ Partial → ◆ Confirmed" in found
    assert "The story begins" in found


async def test_what_an_audit_turned_is_told(client, api):
    told: list[Line] = []
    board = Board("http://demo", tell=told.append)
    audited = {**CHANGE, "position": "8", "kind": "booking.audit", "before": "Pending", "after": "Up"}
    api.changes.append(audited)
    await board.look(client)
    assert (Voice.ACTION, "audit Pending → Up") in [(line.voice, line.text) for line in told]


async def test_orders_stand_below_the_bookings(client, api):
    told: list[Line] = []
    api.orders = [ORDER]
    api.changes.append(
        {**CHANGE, "position": "8", "kind": "order.state", "id": "2", "before": "Requested", "after": "Scheduled"}
    )
    board = Board("http://demo", tell=told.append)
    await board.look(client)
    lines = [(line.booking, line.text) for line in told]
    assert ("Campus line", "order state Requested → Scheduled") in lines
    assert ("Campus line", "both new") in lines
    found = shown(board)
    assert "◆ Scheduled" in found
    assert "due in 4 s" in found


async def test_an_hour_is_told_in_minutes(client, api):
    api.bookings[0]["start"] = "2026-03-01T19:00:00Z"
    board = Board("http://demo")
    await board.look(client)
    assert "pre-roll in 60 min" in shown(board)


async def test_a_dead_engine_is_told(client):
    board = Board("http://demo", engine=Engine.DEAD)
    await board.look(client)
    assert "killed with SIGKILL" in shown(board)
    assert "nobody is there" in shown(board)


async def test_it_fits_a_narrow_terminal(client):
    board = Board("http://demo", engine=Engine.RUNNING)
    await board.look(client)
    board.say("A long line " * 20)
    assert max(map(len, shown(board, 90).splitlines())) <= 90
