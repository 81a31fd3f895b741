# SPDX-License-Identifier: Apache-2.0
"""Subscriptions at the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from preroll.api import create_app
from preroll.app import build
from preroll.app.tokens import NewToken
from preroll.app.users import NamedRights, NewUser
from preroll.cli import connect
from preroll.cli.exits import NOT_FOUND, REFUSED, USAGE
from preroll.client import Client
from preroll.domain.account import SignIn
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.domain.subscription import DeadLetter, Kind, Subscription
from preroll.gate.guard import Guard
from preroll.ports.outbox import Message, Outcome
from preroll.store import SqlStore, open_inline_store
from tests.api.conftest import StandingClock
from tests.cli.conftest import Preroll
from tests.client.conftest import Direct

TO = "https://hooks.example.org/in"


@dataclass
class Post:
    """Takes what it is told to."""

    kinds: frozenset[Kind] = frozenset({Kind.WEBHOOK, Kind.MAIL})
    error: str = ""
    sent: list[str] = field(default_factory=list)

    async def test(self, subscription: Subscription) -> Outcome:
        return Outcome(error=self.error)

    async def send(self, subscription: Subscription, message: Message) -> Outcome:
        self.sent.append(message.id)
        return Outcome(error=self.error)


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, post: Post) -> Iterator[SqlStore]:
    """A server at which anna acts."""
    monkeypatch.delenv("PREROLL_SERVER", raising=False)
    store = open_inline_store(StandingClock())
    app = build(store, None, outbox=post)
    asyncio.run(app.platforms.put(LOCAL, Platform("tv")))
    asyncio.run(app.users.create(LOCAL, NewUser("anna", NamedRights(["operator"]))))
    _, token = asyncio.run(app.tokens.create(LOCAL, NewToken("t", "anna")))
    monkeypatch.setenv("PREROLL_TOKEN", token)
    api = create_app(app, guard=Guard(app, SignIn.NEEDED))
    monkeypatch.setattr(connect, "Client", lambda server, **more: Client(server, transport=Direct(api), **more))
    yield store
    store.close()


def test_a_life(store: SqlStore, preroll: Preroll, post: Post):
    said = preroll("subscription", "create", "NOC", TO, "--platform", "tv", "--state", "Confirmed", "--json")
    assert said.code == 0, said.err
    assert said.json["secret"].startswith("whsec_")
    assert "secret" not in preroll("subscription", "show", "NOC").out
    assert preroll("subscription", "create", "NOC", TO).code == REFUSED
    mail = preroll("subscription", "create", "desk", "desk@example.org", "--mail").out
    assert ("mail desk@example.org" in mail, "secret" in mail) == (True, False)
    assert "the test was taken" in preroll("subscription", "test", "NOC").out
    post.error = "the receiver answered 500"
    refused = preroll("subscription", "test", "NOC")
    assert (refused.code, "answered 500" in refused.out) == (REFUSED, True)
    assert preroll("subscription", "pause", "NOC", "--json").json["status"] == "paused"
    assert preroll("subscription", "resume", "NOC", "--json").json["status"] == "active"
    assert preroll("subscription", "change", "NOC").code == USAGE
    changed = preroll("subscription", "change", "NOC", "--name", "MCR", "--noun", "booking", "--json").json
    assert (changed["name"], changed["wanted"]["nouns"], changed["wanted"]["states"]) == ("MCR", ["booking"], [])
    assert preroll("subscription", "new-secret", "MCR", "--json").json["secret"] != said.json["secret"]
    assert "MCR" in preroll("subscription", "list").out
    assert preroll("subscription", "delete", said.json["id"]).code == 0
    assert preroll("subscription", "show", "MCR").code in (NOT_FOUND, USAGE)


def test_what_was_given_up_is_sent_again_up_to_the_first_that_fails(store: SqlStore, preroll: Preroll, post: Post):
    preroll("subscription", "create", "NOC", TO)
    letters = [DeadLetter(f"msg_{n}", "1", "booking.state", "b1", "{}", 3, "busy") for n in (1, 2)]

    def bury(tx):
        for letter in letters:
            tx.subscriptions.bury(tx.subscriptions.all()[0].key, letter)

    asyncio.run(store.write(bury))
    assert "3x busy" in preroll("subscription", "deliveries", "NOC").out
    post.error = "the receiver answered 500"
    assert preroll("subscription", "redeliver", "NOC").code == REFUSED
    assert post.sent == ["msg_1"]
    post.error = ""
    assert "msg_2 was taken" in preroll("subscription", "redeliver", "NOC").out
    assert preroll("subscription", "deliveries", "NOC").out.strip() == "everything was taken"
    assert "nothing was given up" in preroll("subscription", "redeliver", "NOC").out
