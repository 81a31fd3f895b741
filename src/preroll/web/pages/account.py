# SPDX-License-Identifier: Apache-2.0
"""One's own account."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Response

from preroll.domain.account import LONGEST
from preroll.domain.errors import Invalid, NotPermitted, Refused
from preroll.gate.sessions import take_back
from preroll.web.frame import TheFrame
from preroll.web.pages import tokens

router = APIRouter()

Typed = Annotated[str, Form(min_length=1, max_length=LONGEST)]


@router.get("/account")
async def account(frame: TheFrame) -> Response:
    """Who one is, and a new password."""
    return frame.page("account.html", refused=None, secret="", beside={}, **await tokens.of(frame, ""))


@router.post("/account/password")
async def change_password(frame: TheFrame, old: Typed, new: Typed) -> Response:
    """Change one's own password; all one's sessions end."""
    try:
        await frame.door.app.users.change_password(frame.by, old, new)
    except (Invalid, NotPermitted, Refused) as refused:
        return frame.part("_password.html", 422, refused=refused)
    frame.door.guard.forget()
    response = Response(status_code=204, headers={"HX-Redirect": "/signin"})
    take_back(response)
    return response
