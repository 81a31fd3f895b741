# SPDX-License-Identifier: Apache-2.0
"""What every route needs: the use cases, who asks, and on which revision and under which key a command was sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Path, Request

from preroll.api import etag
from preroll.api.guard import Caller, Guard, credential
from preroll.api.health import Health
from preroll.api.problems import BadHeader, RevisionNeeded
from preroll.app import App
from preroll.domain.permission import Actor
from preroll.ports.scripts import BrokenScript, InstalledScript

Scripts = Callable[[], tuple[Sequence[InstalledScript], Sequence[BrokenScript]]]


@dataclass(frozen=True, slots=True)
class Door:
    """What the API is built from."""

    app: App
    ready: Callable[[], Health]
    scripts: Scripts
    stopping: Callable[[], bool]
    if_match_needed: bool
    guard: Guard


def door(request: Request) -> Door:
    """The door that the request came through."""
    found: Door = request.app.state.door
    return found


def use_cases(request: Request) -> App:
    """The use cases behind the door."""
    return door(request).app


def caller(request: Request) -> Caller:
    """Whoever sent the request, as far as it says."""
    return Caller(door(request).guard, credential(request))


async def actor(caller: Annotated[Caller, Depends(caller)]) -> Actor:
    """Who asks.

    Raises:
        NotSignedIn: nobody knows. NotPermitted: a page of another site may have sent it.
    """
    return await caller.actor()


def ident(ident: Annotated[UUID, Path(description="the id, a UUID")]) -> str:
    """The id in the path."""
    return str(ident)


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as it was sent."""

    by: Actor
    seen: int | None
    key: str
    route: str
    digest: str


async def asked(
    request: Request,
    by: Annotated[Actor, Depends(actor)],
    if_match: Annotated[
        str | None, Header(description='the ETag that the change is made on, such as `"3"`; another one is refused')
    ] = None,
    idempotency_key: Annotated[
        str | None,
        Header(description="of your making; a repeat with the same key and body gets the first one's answer, for 24 h"),
    ] = None,
) -> Asked:
    """Read the headers of a command.

    Raises:
        BadHeader: one of them cannot be read. RevisionNeeded: this server insists on If-Match.
    """
    seen = etag.seen(if_match)
    if if_match is None and request.method != "POST" and door(request).if_match_needed:
        raise RevisionNeeded("the request does not say on which revision it was made")
    key = idempotency_key or ""
    if idempotency_key is not None and not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise BadHeader("Idempotency-Key is not 1 to 255 printable characters", hint="send a fresh UUID")
    digest = hashlib.sha256(await request.body()).hexdigest() if key else ""
    return Asked(by, seen, key, f"{request.method} {request.url.path}", digest)


UseCases = Annotated[App, Depends(use_cases)]
By = Annotated[Actor, Depends(actor)]
Calling = Annotated[Caller, Depends(caller)]
Ident = Annotated[str, Depends(ident)]
Asking = Annotated[Asked, Depends(asked)]
TheDoor = Annotated[Door, Depends(door)]
