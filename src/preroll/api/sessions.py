# SPDX-License-Identifier: Apache-2.0
"""Signing in and out, and who one is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from preroll.api.door import TheDoor
from preroll.api.fields import Given, Shown
from preroll.api.problems import can
from preroll.domain.account import LONGEST
from preroll.domain.errors import NotSignedIn, SignInLocked
from preroll.domain.permission import Actor, Role
from preroll.domain.window import SECOND
from preroll.gate.door import By, Calling
from preroll.gate.guard import COOKIE, Way, csrf_of
from preroll.gate.sessions import address_of, hand_over, take_back
from preroll.telemetry import logger

router = APIRouter(prefix="/api/v1", tags=["sign-in"])
log = logger(__name__)

Typed = Annotated[str, Field(min_length=1, max_length=LONGEST)]


class WaysShown(Shown):
    """How people sign in here."""

    needed: bool = Field(description="false: whoever reaches the server may do everything")
    openid: bool = Field(description="send the browser to /api/v1/session/openid to sign in at the provider")


class SignInGiven(Given):
    """Name and password."""

    name: Typed
    password: Typed


class PasswordGiven(Given):
    """The password as it is, and as it is to be."""

    old: Typed
    new: Typed


class MeShown(Shown):
    """Who asks, and what that actor may do where."""

    name: str = Field(description="as the change log says it")
    user: str = Field(description="id of the person; empty: nobody with an account")
    by: Way = Field(description="by what the request says who asks")
    roles: list[Role] = Field(description="everywhere")
    on: dict[str, list[Role]] = Field(description="platform -> further roles there")
    scopes: list[str] = Field(description="security scopes: bookings that carry scopes are seen by who has one of them")
    csrf: str = Field(description="of a session: send it as X-CSRF-Token with every change")


@router.get("/session", responses=can(503))
async def get_sign_in_ways(door: TheDoor) -> WaysShown:
    """How people sign in here."""
    return WaysShown(needed=not await door.guard.is_open(), openid=door.app.openid.offered)


@router.post("/session", responses=can(400, 403, 413, 422, 429, 503))
async def sign_in(body: SignInGiven, request: Request, response: Response, door: TheDoor) -> MeShown:
    """Sign in: the answer sets a cookie with a new session; one that the browser has ends."""
    address, before = address_of(request), request.cookies.get(COOKIE, "")
    try:
        opened = await door.app.sessions.sign_in(body.name, body.password, address, before)
    except (NotSignedIn, SignInLocked) as refused:
        log.warning("a sign-in failed", address=address, reason=refused.code)
        raise
    door.guard.forget()
    hand_over(request, response, opened, door.app.sessions.limits.longest_us // SECOND)
    return await _me(door, opened.user.actor, Way.SESSION, csrf_of(opened.secret))


@router.delete("/session", status_code=204, responses=can(403, 503))
async def sign_out(request: Request, response: Response, door: TheDoor, by: By) -> None:  # noqa: ARG001 - who
    """Sign out: the session ends. Without one nothing happens."""
    if secret := request.cookies.get(COOKIE):
        await door.app.sessions.sign_out(secret)
        door.guard.forget()
    take_back(response)


@router.get("/me", responses=can(403, 503))
async def get_me(door: TheDoor, calling: Calling, by: By) -> MeShown:
    """Who asks, and what that actor may do where."""
    said = calling.credential
    if await door.guard.is_open():
        return await _me(door, by, Way.NOTHING, "")
    return await _me(door, by, said.way, csrf_of(said.secret) if said.way is Way.SESSION else "")


@router.post("/me/password", status_code=204, responses=can(400, 403, 413, 422, 503))
async def change_password(body: PasswordGiven, door: TheDoor, by: By) -> None:
    """Change one's own password; all one's sessions end."""
    await door.app.users.change_password(by, body.old, body.new)
    door.guard.forget()


async def _me(door: TheDoor, actor: Actor, way: Way, csrf: str) -> MeShown:
    names = {p.key: p.name for p in await door.app.platforms.list(actor)} if actor.on else {}
    return MeShown(
        name=actor.name, user=actor.user, by=way, roles=roles_shown(actor.roles),
        on={names[p]: roles_shown(roles) for p, roles in sorted(actor.on.items()) if p in names},
        scopes=sorted(actor.scopes), csrf=csrf,
    )  # fmt: skip


def roles_shown(roles: frozenset[str]) -> list[Role]:
    """Roles in the order of the list of all."""
    return [role for role in Role if role in roles]
