# SPDX-License-Identifier: Apache-2.0
"""A session in a browser: a cookie that no script reads, and that no other site's page sends with a change."""

from __future__ import annotations

import json
import re

from starlette.requests import Request
from starlette.responses import Response

from preroll.app.sessions import Opened
from preroll.domain.errors import PrerollError
from preroll.gate.guard import COOKIE

REFUSED = "preroll_refused"
"""Cookie with why a sign-in that began elsewhere was refused."""
TOLD = 500
"""Characters of each part of it."""
OWN_PATH = re.compile(r"/(?![/\\])[^\x00-\x1f\\]*")


def own_path(text: str) -> str:
    """A path of this site, never another site's address; anything else becomes the first page."""
    return text if OWN_PATH.fullmatch(text) else "/"


def hand_over(request: Request, response: Response, opened: Opened, lasts_s: int) -> None:
    """Hand the session to the browser."""
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, opened.secret, lasts_s, path="/", secure=secure, httponly=True, samesite="lax")
    response.headers["Cache-Control"] = "no-store"


def take_back(response: Response) -> None:
    """Have the browser forget it."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")


def send_back(response: Response, refused: PrerollError, returns: str = "/") -> None:
    """Have the browser tell, where people sign in, why nobody was: in a cookie, which no other site can set."""
    told = json.dumps([str(refused)[:TOLD], refused.hint[:TOLD], returns[:TOLD]])
    response.set_cookie(REFUSED, told.encode().hex(), 60, path="/signin", httponly=True, samesite="lax")


def sent_back(request: Request) -> tuple[str, str, str] | None:
    """What ``send_back`` left: why, what to do, and where the browser was to go; None: nothing."""
    try:
        told = json.loads(bytes.fromhex(request.cookies.get(REFUSED, "")))
    except ValueError:
        return None
    sound = isinstance(told, list) and len(told) == 3 and all(isinstance(one, str) for one in told)
    return (told[0], told[1], own_path(told[2])) if sound else None


def forget_refusal(response: Response) -> None:
    """It was told."""
    response.delete_cookie(REFUSED, path="/signin", httponly=True, samesite="lax")


def address_of(request: Request) -> str:
    """From where a request comes; behind a proxy on this machine, as that says."""
    return request.client.host if request.client else "unknown"
