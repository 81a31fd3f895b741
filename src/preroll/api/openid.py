# SPDX-License-Identifier: Apache-2.0
"""Signing in at an OpenID Connect provider: the browser is sent there, and comes back."""

from __future__ import annotations

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from preroll.api.door import Door, TheDoor
from preroll.api.problems import can
from preroll.domain.errors import NotSignedIn, PrerollError
from preroll.domain.window import SECOND
from preroll.gate.guard import COOKIE
from preroll.gate.sessions import address_of, hand_over, own_path, send_back
from preroll.telemetry import logger

log = logger(__name__)
router = APIRouter(prefix="/api/v1/session/openid", tags=["sign-in"])

STATE = "preroll_openid"
"""Cookie that ties a sign-in to the browser that began it."""
Word = Annotated[str, Query(max_length=4000)]
_AWAY: dict[int | str, dict[str, Any]] = {
    303: {"description": "a browser that cannot be signed in goes to where people sign in, which tells it why"},
    307: {"description": "on to the provider, or back to the page"},
}


@router.get("", status_code=307, response_class=Response, responses=can(404, 422, 502, 503) | _AWAY)
async def begin_openid(request: Request, door: TheDoor, returns: Word = "/") -> Response:
    """Send the browser to the provider."""
    try:
        url, state = await door.app.openid.begin(_redirect(request), own_path(returns))
    except PrerollError as refused:
        return _back(request, refused, own_path(returns))
    response = RedirectResponse(url, 307, {"Cache-Control": "no-store"})
    secure = request.url.scheme == "https"
    response.set_cookie(STATE, state, 600, path=router.prefix, secure=secure, httponly=True, samesite="lax")
    return response


@router.get("/callback", status_code=307, response_class=Response, responses=can(401, 404, 422, 502, 503) | _AWAY)
async def finish_openid(
    request: Request, door: TheDoor, state: Word = "", code: Word = "", error: Word = ""
) -> Response:
    """The browser comes back from the provider, and is signed in; else back to where people sign in, told why."""
    try:
        return await _finished(request, door, state, code, error)
    except PrerollError as refused:
        return _back(request, refused)


async def _finished(request: Request, door: Door, state: str, code: str, error: str) -> Response:
    if error:
        raise NotSignedIn(f"the provider refused: {error[:200]}", hint="sign in again")
    if not state or not hmac.compare_digest(state.encode(), request.cookies.get(STATE, "").encode()):
        raise NotSignedIn("this sign-in was not begun in this browser", hint="sign in again")
    before = request.cookies.get(COOKIE, "")
    opened, path = await door.app.openid.finish(_redirect(request), state, code, address_of(request), before)
    door.guard.forget()
    response = RedirectResponse(path, 307)
    hand_over(request, response, opened, door.app.sessions.limits.longest_us // SECOND)
    response.delete_cookie(STATE, path=router.prefix)
    return response


def _back(request: Request, refused: PrerollError, returns: str = "/") -> Response:
    """A browser is led to where people sign in; a program is told.

    Raises:
        PrerollError: what was refused, to a program.
    """
    if "text/html" not in request.headers.get("accept", ""):
        raise refused
    log.warning("a sign-in failed", address=address_of(request), reason=refused.code, detail=str(refused))
    response = RedirectResponse("/signin", 303, {"Cache-Control": "no-store"})
    send_back(response, refused, returns)
    response.delete_cookie(STATE, path=router.prefix)
    return response


def _redirect(request: Request) -> str:
    return str(request.url_for("finish_openid"))
