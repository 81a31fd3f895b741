# SPDX-License-Identifier: Apache-2.0
"""A client that knows nothing but the published names, on a real server: it orders, watches, polls and cancels."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from preroll.client import accounts, calls
from tests.outbox.receiver import Receiver, receiving
from tests.outbox.test_process import Server, server

__all__ = ["server"]

ORDERING, INVENTORY = "/tmf-api/serviceOrdering/v4", "/tmf-api/serviceInventory/v4"
DOCUMENTS: list[dict[str, Any]] = [
    {"kind": "resource", "name": "ENC 1"},
    {"kind": "resource", "name": "ENC 2"},
    {"kind": "profile_definition", "name": "Line", "parameters": [{"name": "rate", "type": "number", "default": 8}]},
    {"kind": "profile_instance", "name": "standard", "definition": "Line"},
    {"kind": "service_definition", "name": "Permanent line",
     "nodes": [{"label": "Encoder", "profile": "Line", "default_profile": "standard"}]},
]  # fmt: skip
PATIENCE_S = 120


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/preroll.db"


async def until(what: Callable[[], Awaitable[Any]], server: Server) -> Any:
    """Ask until there is an answer that counts."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (found := await what()):
                await asyncio.sleep(0.05)
            return found
    except TimeoutError:
        raise AssertionError((server.folder / "server.log").read_text()[-4000:]) from None


def an_order(name: str, resource: str, **more: Any) -> dict[str, Any]:
    node = {"name": "node:Encoder", "value": {"resource": resource}}
    service = {"name": name, "serviceSpecification": {"id": "Permanent line"}, "serviceCharacteristic": [node]}
    return {"serviceOrderItem": [{"id": "1", "action": "add", "service": service}], **more}


async def provided(server: Server) -> str:
    """What the provider prepares: a catalogue, and a token for the client."""
    async with await server.signed_in() as admin:
        await admin.send(calls.apply(DOCUMENTS))
        await admin.send(accounts.create_user("oss", roles=["provisioner"]))
        return (await admin.send(accounts.create_token("oss", user="oss"))).secret


def told(receiver: Receiver) -> list[tuple[str, str, str]]:
    """(event, id, state) of everything that the hub was told, each once."""
    events = {json.loads(body)["eventId"]: json.loads(body) for _, body in receiver.got}
    return [
        (one["eventType"], resource["id"], resource.get("state", ""))
        for one in events.values()
        for resource in one["event"].values()
    ]


async def test_it_orders_watches_and_cancels(server: Server):
    async with server.serving(), receiving() as receiver:
        headers = {"Authorization": f"Bearer {await provided(server)}"}
        async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=30) as oss:
            hub = await oss.post(f"{ORDERING}/hub", json={"callback": receiver.url})
            assert hub.status_code == 201, hub.text
            made = await oss.post(f"{ORDERING}/serviceOrder", json=an_order("Line to B", "ENC 1", externalId="PO-1"))
            assert made.status_code == 201, made.text
            order = made.json()

            async def state(ident: str) -> str:
                found = await oss.get(f"{ORDERING}/serviceOrder/{ident}", params={"fields": "state"})
                return str(found.json()["state"])

            async def is_over() -> bool:
                return await state(order["id"]) in ("completed", "failed", "rejected", "partial", "cancelled")

            await until(is_over, server)
            assert await state(order["id"]) == "completed"
            service = (await oss.get(order["serviceOrderItem"][0]["service"]["href"])).json()
            assert (service["name"], service["state"]) == ("Line to B", "active")

            later = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0).isoformat()
            made = await oss.post(f"{ORDERING}/serviceOrder", json=an_order("C", "ENC 2", requestedStartDate=later))
            waiting = made.json()
            assert (made.status_code, waiting["state"]) == (201, "acknowledged"), made.text
            ask = {"serviceOrder": {"id": waiting["id"]}, "cancellationReason": "not wanted"}
            cancel = await oss.post(f"{ORDERING}/cancelServiceOrder", json=ask)
            assert cancel.status_code == 201, cancel.text
            assert (await oss.get(cancel.headers["location"])).json()["state"] == "done"
            assert await state(waiting["id"]) == "cancelled"
            listed = await oss.get(f"{ORDERING}/serviceOrder", params={"state": "cancelled"})
            assert [one["id"] for one in listed.json()] == [waiting["id"]]

            expected = [
                ("ServiceOrderCreateEvent", order["id"], "acknowledged"),
                ("ServiceOrderStateChangeEvent", order["id"], "inProgress"),
                ("ServiceOrderStateChangeEvent", order["id"], "completed"),
                ("ServiceOrderCreateEvent", waiting["id"], "acknowledged"),
                ("ServiceOrderStateChangeEvent", waiting["id"], "cancelled"),
                ("CancelServiceOrderCreateEvent", waiting["id"], "done"),
            ]

            async def all_told() -> bool:
                return len(told(receiver)) >= len(expected)

            await until(all_told, server)
            assert told(receiver) == expected
            assert (await oss.delete(hub.headers["location"])).status_code == 204
