# SPDX-License-Identifier: Apache-2.0
"""Signing in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from preroll.domain.account import LONGEST
from preroll.domain.errors import NotSignedIn, PrerollError, SignInLocked
from preroll.domain.window import SECOND
from preroll.gate.door import By
from preroll.gate.guard import COOKIE
from preroll.gate.sessions import address_of, forget_refusal, hand_over, own_path, sent_back, take_back
from preroll.gate.statuses import status_of
from preroll.telemetry import logger
from preroll.web.appearance import wished
from preroll.web.door import Door, TheDoor
from preroll.web.templating import render

router = APIRouter()
log = logger(__name__)

Typed = Annotated[str, Form(max_length=LONGEST)]


@router.get("/signin")
async def sign_in_page(
    request: Request, door: TheDoor, returns: Annotated[str, Query(max_length=4000)] = "/"
) -> Response:
    """Where people sign in; where nobody has to, they are led on. Who was sent back is told why."""
    if await door.guard.is_open():
        return RedirectResponse(own_path(returns), 303)
    told = sent_back(request)
    if told is None:
        return _shown(request, door, own_path(returns))
    why, hint, path = told
    hint = "Try again, or ask an admin." if hint in ("", NotSignedIn.hint) else hint
    response = _shown(request, door, path, refused=NotSignedIn(why, hint=hint), status=200)
    forget_refusal(response)
    return response


@router.post("/signin")
async def sign_in(request: Request, door: TheDoor, name: Typed, password: Typed, returns: Typed = "/") -> Response:
    """Begin a session; one that the browser has ends."""
    address, before = address_of(request), request.cookies.get(COOKIE, "")
    try:
        opened = await door.app.sessions.sign_in(name, password, address, before)
    except (NotSignedIn, SignInLocked) as refused:
        log.warning("a sign-in failed", address=address, reason=refused.code)
        return _shown(request, door, own_path(returns), name, refused)
    door.guard.forget()
    response = RedirectResponse(own_path(returns), 303)
    hand_over(request, response, opened, door.app.sessions.limits.longest_us // SECOND)
    return response


@router.post("/signout")
async def sign_out(request: Request, door: TheDoor, by: By) -> Response:  # noqa: ARG001 - who
    """End the session."""
    if secret := request.cookies.get(COOKIE):
        await door.app.sessions.sign_out(secret)
        door.guard.forget()
    response = Response(status_code=204, headers={"HX-Redirect": "/signin"})
    take_back(response)
    return response


def _shown(
    request: Request,
    door: Door,
    returns: str,
    name: str = "",
    refused: PrerollError | None = None,
    status: int | None = None,
) -> Response:
    values = {
        "wished": wished(request), "returns": returns, "name": name, "refused": refused,
        "openid": door.app.openid.offered,
    }  # fmt: skip
    status = status or (status_of(refused)[0] if refused else 200)
    return HTMLResponse(render("signin.html", values), status, {"Cache-Control": "no-store"})
