# SPDX-License-Identifier: Apache-2.0
"""The TM Forum door on a real store in memory, where an operator's system acts with a token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from preroll.app import App, build
from preroll.app.tokens import NewToken
from preroll.app.users import NamedRights, NewUser
from preroll.domain.account import SignIn
from preroll.domain.config import Platform
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.permission import LOCAL
from preroll.domain.resource import Resource
from preroll.domain.subscription import Kind, Subscription
from preroll.gate.guard import Guard
from preroll.ports.outbox import Message, Outcome
from preroll.store import SqlStore, open_inline_store
from preroll.tmf import create_tmf
from tests.api.conftest import StandingClock


@dataclass
class Post:
    """Sends nothing."""

    kinds: frozenset[Kind] = frozenset({Kind.TMF})
    sent: list[Message] = field(default_factory=list)

    async def test(self, subscription: Subscription) -> Outcome:
        return Outcome(204)

    async def send(self, subscription: Subscription, message: Message) -> Outcome:
        self.sent.append(message)
        return Outcome(204)


@pytest.fixture
def store() -> Iterator[SqlStore]:
    opened = open_inline_store(StandingClock())
    yield opened
    opened.close()


@pytest.fixture
async def app(store: SqlStore) -> App:
    app = build(store, None, outbox=Post())
    await app.platforms.put(LOCAL, Platform("tv"))
    documents = [
        Resource("ENC 1", function="encoding"),
        Resource("ENC 2", function="encoding"),
        ServiceDefinition("Contribution", nodes=(Node("encoder", function="encoding"),)),
    ]
    await app.catalogue.apply(LOCAL, "tv", documents)
    return app


@pytest.fixture
async def client(app: App) -> AsyncIterator[Client]:
    async with AsyncExitStack() as stack:
        yield Client(app, stack)


@dataclass
class Client:
    """Makes clients that act as somebody new."""

    app: App
    stack: AsyncExitStack

    async def who(self, name: str, *roles: str, **rights: Any) -> httpx.AsyncClient:
        await self.app.users.create(LOCAL, NewUser(name, NamedRights(roles, **rights)))
        _, token = await self.app.tokens.create(LOCAL, NewToken("t", name))
        return self.of(token)

    def of(self, token: str) -> httpx.AsyncClient:
        door = create_tmf(self.app, StandingClock(), guard=Guard(self.app, SignIn.NEEDED))
        transport = httpx.ASGITransport(door, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        made = httpx.AsyncClient(transport=transport, base_url="http://localhost/tmf-api/", headers=headers)
        self.stack.push_async_callback(made.aclose)
        return made


@pytest.fixture
async def oss(client: Client) -> httpx.AsyncClient:
    """An operator's system, which may order."""
    return await client.who("oss", "provisioner")
