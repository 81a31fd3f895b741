# SPDX-License-Identifier: Apache-2.0
"""Subscriptions over the API, and a webhook that really arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from preroll.app import build
from preroll.app.subscriptions import Subscriptions
from preroll.bootstrap.wall import WallClock
from preroll.domain.config import Platform
from preroll.domain.outward import networks
from preroll.domain.permission import LOCAL
from preroll.domain.subscription import DeadLetter
from preroll.outbox.address import Guard
from preroll.outbox.desk import Desk, ways
from preroll.store import SqlStore
from tests.api.people import People, passwords
from tests.outbox.receiver import Receiver, receiving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.fixture
async def anna(store: SqlStore) -> AsyncIterator[httpx.AsyncClient]:
    """An operator, at a server that may send to this machine."""
    allowed = networks(["127.0.0.1"])
    app = build(store, None, passwords())
    app = replace(app, subscriptions=Subscriptions(store, Desk(ways(Guard(allowed)), WallClock()), allowed))
    await app.platforms.put(LOCAL, Platform("default"))
    async with AsyncExitStack() as stack:
        yield await People(app, stack).who("operator")


async def made(anna: httpx.AsyncClient, receiver: Receiver, **more: object) -> dict[str, object]:
    answer = await anna.post("subscriptions", json={"name": "NOC", "kind": "webhook", "to": receiver.url, **more})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/v1/subscriptions/{answer.json()['id']}"
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


async def test_the_secret_is_shown_once_and_signs_what_arrives(anna: httpx.AsyncClient, receiver: Receiver):
    new = await made(anna, receiver, wanted={"platform": "default", "states": ["Confirmed"]})
    secret, path = str(new["secret"]), f"subscriptions/{new['id']}"
    for answer in (await anna.get(path), await anna.get("subscriptions")):
        assert secret not in answer.text
    assert (await anna.get(path)).json()["wanted"] == {
        "platform": "default", "kinds": [], "nouns": [], "states": ["Confirmed"],
    }  # fmt: skip
    assert (await anna.post(f"{path}/test")).json() == {"taken": True, "status": 204, "error": ""}
    ((headers, body),) = receiver.got
    assert Webhook(secret).verify(body, headers)["type"] == "subscription.test"
    renewed = (await anna.post(f"{path}/secret")).json()["secret"]
    await anna.post(f"{path}/test")
    assert Webhook(renewed).verify(receiver.got[1][1], receiver.got[1][0])["data"]["id"] == new["id"]


async def test_a_change_is_made_on_a_revision(anna: httpx.AsyncClient, receiver: Receiver):
    path = f"subscriptions/{(await made(anna, receiver))['id']}"
    tag = (await anna.get(path)).headers["etag"]
    paused = await anna.patch(path, json={"paused": True}, headers={"If-Match": tag})
    assert (paused.status_code, paused.json()["status"]) == (200, "paused")
    stale = await anna.patch(path, json={"paused": False}, headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    assert (await anna.delete(path)).status_code == 204
    assert (await anna.get(path)).status_code == 404


async def test_what_was_given_up_is_listed_and_sent_again(
    anna: httpx.AsyncClient, receiver: Receiver, store: SqlStore
):  # fmt: skip
    path = f"subscriptions/{(await made(anna, receiver))['id']}"
    letter = DeadLetter("msg_1", "1", "booking.state", "b1", '{"a": 1}', 3, "the receiver answered 422")
    await store.write(lambda tx: tx.subscriptions.bury(tx.subscriptions.all()[0].key, letter))
    (dead,) = (await anna.get(f"{path}/deliveries")).json()["dead"]
    assert (dead["message"], dead["error"]) == ("msg_1", "the receiver answered 422")
    receiver.status = 422
    again = await anna.post(f"{path}/deliveries/msg_1/redeliver")
    assert again.json() == {"taken": False, "status": 422, "error": "the receiver answered 422"}
    receiver.status = 200
    assert (await anna.post(f"{path}/deliveries/msg_1/redeliver")).json()["taken"]
    assert (await anna.get(f"{path}/deliveries")).json()["dead"] == []
    assert [headers["webhook-id"] for headers, _ in receiver.got] == ["msg_1", "msg_1"]
    assert (await anna.post(f"{path}/deliveries/msg_1/redeliver")).status_code == 404


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({"name": "a", "kind": "webhook", "to": "https://169.254.169.254/meta"}, 422, "not public"),
        ({"name": "a", "kind": "mail", "to": "a@b.example"}, 422, "no way"),
        ({"name": "a", "kind": "tmf", "to": "https://a.example/"}, 422, "webhook"),
        ({"name": "a", "kind": "webhook", "to": "https://a.example/", "wanted": {"kind": []}}, 422, "wanted"),
        ({"name": "a", "kind": "webhook", "to": "https://a.example/", "secret": "env:HOOK"}, 403, "refer"),
    ],
)
async def test_what_is_wrong_is_refused(anna: httpx.AsyncClient, body: dict[str, object], code: int, said: str):
    answer = await anna.post("subscriptions", json=body)
    assert (answer.status_code, said in answer.text) == (code, True), answer.text
    assert (await anna.get("subscriptions")).json()["items"] == []
