# SPDX-License-Identifier: Apache-2.0
"""What every route needs beside what any door gives: on which revision and under which key a command was sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Path, Request

from preroll.api import etag
from preroll.domain.permission import Actor
from preroll.gate import door as gate
from preroll.gate.door import By
from preroll.gate.repeats import digest_of, key_of
from preroll.gate.statuses import RevisionNeeded
from preroll.ports.scripts import BrokenScript, InstalledScript

Scripts = Callable[[], tuple[Sequence[InstalledScript], Sequence[BrokenScript]]]


@dataclass(frozen=True, slots=True)
class Door(gate.Door):
    """What the API is built from."""

    scripts: Scripts
    stopping: Callable[[], bool]
    if_match_needed: bool


async def door(request: Request) -> Door:
    """The door that the request came through."""
    found: Door = request.app.state.door
    return found


async def ident(ident: Annotated[UUID, Path(description="the id, a UUID")]) -> str:
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
    by: By,
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
    if if_match is None and request.method != "POST" and (await door(request)).if_match_needed:
        raise RevisionNeeded("the request does not say on which revision it was made")
    key = key_of(idempotency_key)
    digest = digest_of(await request.body()) if key else ""
    return Asked(by, seen, key, f"{request.method} {request.url.path}", digest)


Ident = Annotated[str, Depends(ident)]
Asking = Annotated[Asked, Depends(asked)]
TheDoor = Annotated[Door, Depends(door)]
