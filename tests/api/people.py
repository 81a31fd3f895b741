# SPDX-License-Identifier: Apache-2.0
"""An API at which people sign in: accounts, tokens and sessions, without the cost of real hashes."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
from argon2 import PasswordHasher

from preroll.api import create_app
from preroll.app import App
from preroll.app.tokens import NewToken
from preroll.app.users import NamedRights, NewUser
from preroll.domain.account import SignIn
from preroll.domain.permission import LOCAL
from preroll.gate.guard import Guard
from preroll.identity.passwords import Argon2Passwords

PASSWORD = "correct horse battery"
ADMIN = "root"


def passwords() -> Argon2Passwords:
    """The real thing, at the smallest price."""
    return Argon2Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@dataclass
class People:
    """Makes people, and clients that act as one of them."""

    app: App
    stack: AsyncExitStack
    fresh_s: float = 0.0
    stopping: bool = False
    _numbers: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        guard = Guard(self.app, SignIn.NEEDED, self.fresh_s)
        self.api = create_app(self.app, guard=guard, stopping=lambda: self.stopping)

    def client(self, token: str = "", base: str = "http://localhost") -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx.ASGITransport(self.api, raise_app_exceptions=False)
        made = httpx.AsyncClient(transport=transport, base_url=f"{base}/api/v1/", headers=headers)
        self.stack.push_async_callback(made.aclose)
        return made

    async def add(self, name: str = "", roles: Collection[str] = (), **rights: Any) -> str:
        """Add a person with the password of everybody; returns the name."""
        name = name or f"p{next(self._numbers)}"
        await self.app.users.create(LOCAL, NewUser(name, NamedRights(roles, **rights), password=PASSWORD))
        return name

    async def token(self, roles: Collection[str] = (), **rights: Any) -> str:
        """The token of somebody new."""
        name = await self.add(roles=roles, **rights)
        return (await self.app.tokens.create(LOCAL, NewToken("t", name)))[1]

    async def who(self, *roles: str, **rights: Any) -> httpx.AsyncClient:
        """A client that acts as somebody new, with these roles everywhere."""
        return self.client(await self.token(roles, **rights))

    async def signed_in(self, name: str, **options: Any) -> httpx.AsyncClient:
        """A browser in which somebody has signed in; it sends what its pages send."""
        client = self.client(**options)
        answer = await client.post("session", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client
