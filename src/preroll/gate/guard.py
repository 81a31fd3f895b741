# SPDX-License-Identifier: Apache-2.0
"""Who asks: the token or the session that a request carries, and whom the use cases know by it.

What was found is remembered for a moment, so that a request costs no query for it; a revoked token, an ended session
and changed rights are felt when the moment is over.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from fastapi import Request

from preroll.app import App
from preroll.app.sessions import Known
from preroll.domain.account import SignIn
from preroll.domain.errors import NotPermitted, NotSignedIn
from preroll.domain.permission import LOCAL, Actor

FRESH_S = 0.4
"""How long it is remembered who somebody is."""
REMEMBERED = 10_000
"""Tokens and sessions that are remembered at most."""
COOKIE = "preroll_session"
CSRF = "X-CSRF-Token"
CSRF_FIELD = "csrf"
"""The same in a form, where no script adds a header."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, 9.2.1): a page of another site may have them sent."""


class Way(StrEnum):
    """By what a request says who asks."""

    NOTHING = "nothing"
    TOKEN = "token"  # noqa: S105 - a word
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request says of who asks."""

    way: Way = Way.NOTHING
    secret: str = field(default="", repr=False)
    own_page: bool = True
    """It changes nothing, or carries what only a page of this site can know."""


def credential(request: Request, proof: str = "") -> Credential:
    """The token in ``Authorization``, else the session in the cookie, else nothing.

    Args:
        proof: what a form's field says in the place of the header.
    """
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return Credential(Way.TOKEN, secret.strip())
    if found := request.cookies.get(COOKIE):
        sent = request.headers.get(CSRF, "") or proof
        own = request.method in SAFE or hmac.compare_digest(sent.encode(), csrf_of(found).encode())
        return Credential(Way.SESSION, found, own)
    return Credential()


def csrf_of(session: str) -> str:
    """What a page of this site sends with every change: derived from the session, which no page can read."""
    return hmac.new(session.encode(), b"preroll csrf", sha256).hexdigest()


class Guard:
    """Tells who asks.

    Args:
        app: the use cases.
        sign_in: must people sign in?
        fresh_s: seconds for which it is remembered who a token or a session is.
    """

    def __init__(self, app: App, sign_in: SignIn = SignIn.AUTO, fresh_s: float = FRESH_S) -> None:
        self._app, self._sign_in, self._fresh_s = app, sign_in, fresh_s
        self._known: dict[Credential, tuple[float, Actor]] = {}
        self._open_at = float("-inf")
        self._asking: asyncio.Future[bool] | None = None
        """Whoever wants to know at the same time waits for one answer."""

    async def actor(self, said: Credential) -> Actor:
        """Who asks.

        Raises:
            NotSignedIn: nobody knows. NotPermitted: a page of another site may have sent it.
        """
        if self._sign_in is not SignIn.NEEDED and await self.is_open():
            return LOCAL
        now = time.monotonic()
        at, actor = self._known.get(said, (float("-inf"), LOCAL))
        if now - at < self._fresh_s:
            return actor
        known = await self._ask(said)
        if known.stale:
            await self._app.sessions.in_use(known)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[said] = now, known.actor
        return known.actor

    async def is_open(self) -> bool:
        """May everybody do everything, without signing in? An account ends that for good."""
        if self._sign_in is not SignIn.AUTO:
            return self._sign_in is SignIn.OFF
        if time.monotonic() - self._open_at < self._fresh_s:
            return True
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._app.users.any())
            self._asking.add_done_callback(self._asked)
        if await asyncio.shield(self._asking):
            self._sign_in = SignIn.NEEDED
            return False
        self._open_at = time.monotonic()
        return True

    def forget(self) -> None:
        """Accounts, sessions or tokens have changed here: ask again."""
        self._known.clear()
        self._open_at = float("-inf")

    def _asked(self, _: object) -> None:
        self._asking = None

    async def _ask(self, said: Credential) -> Known:
        match said.way:
            case Way.TOKEN:
                return await self._app.sessions.of_token(said.secret)
            case Way.SESSION:
                if not said.own_page:
                    hint = f"send {CSRF}, as GET /api/v1/me says it"
                    raise NotPermitted("the change may come from a page of another site", hint=hint)
                return await self._app.sessions.of_session(said.secret)
            case _:
                raise NotSignedIn("the request does not say who asks")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request, as far as it says."""

    guard: Guard
    credential: Credential

    async def actor(self) -> Actor:
        """Who that is now; as ``Guard.actor``."""
        return await self.guard.actor(self.credential)
