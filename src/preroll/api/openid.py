# SPDX-License-Identifier: Apache-2.0
"""Signing in at an OpenID Connect provider: the browser is sent there, and comes back."""

from __future__ import annotations

import hmac
import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from preroll.api.door import TheDoor
from preroll.api.guard import COOKIE
from preroll.api.problems import can
from preroll.api.sessions import address_of, set_cookie
from preroll.domain.errors import NotSignedIn
from preroll.domain.window import SECOND

router = APIRouter(prefix="/api/v1/session/openid", tags=["sign-in"])

STATE = "preroll_openid"
"""Cookie that ties a sign-in to the browser that began it."""
OWN_PATH = re.compile(r"/(?![/\\])[^\x00-\x1f\\]*")
"""A path of this site: never another site's address."""
Word = Annotated[str, Query(max_length=4000)]
_AWAY: dict[int | str, dict[str, Any]] = {307: {"description": "on to the provider, or back to the page"}}


@router.get("", status_code=307, response_class=Response, responses=can(404, 422, 502, 503) | _AWAY)
async def begin_openid(request: Request, door: TheDoor, returns: Word = "/") -> Response:
    """Send the browser to the provider."""
    path = returns if OWN_PATH.fullmatch(returns) else "/"
    url, state = await door.app.openid.begin(_redirect(request), path)
    response = RedirectResponse(url, 307, {"Cache-Control": "no-store"})
    secure = request.url.scheme == "https"
    response.set_cookie(STATE, state, 600, path=router.prefix, secure=secure, httponly=True, samesite="lax")
    return response


@router.get("/callback", status_code=307, response_class=Response, responses=can(401, 404, 422, 502, 503) | _AWAY)
async def finish_openid(
    request: Request, door: TheDoor, state: Word = "", code: Word = "", error: Word = ""
) -> Response:
    """The browser comes back from the provider, and is signed in."""
    if error:
        raise NotSignedIn(f"the provider refused: {error[:200]}", hint="sign in again")
    if not state or not hmac.compare_digest(state.encode(), request.cookies.get(STATE, "").encode()):
        raise NotSignedIn("this sign-in was not begun in this browser", hint="sign in again")
    before = request.cookies.get(COOKIE, "")
    opened, path = await door.app.openid.finish(_redirect(request), state, code, address_of(request), before)
    door.guard.forget()
    response = RedirectResponse(path, 307)
    set_cookie(request, response, opened, door.app.sessions.limits.longest_us // SECOND)
    response.delete_cookie(STATE, path=router.prefix)
    return response


def _redirect(request: Request) -> str:
    return str(request.url_for("finish_openid"))
