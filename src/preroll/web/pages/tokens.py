# SPDX-License-Identifier: Apache-2.0
"""API tokens: one's own, and with the role admin everywhere anybody's. A secret is shown once."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Response

from preroll.app.tokens import NewToken
from preroll.domain.errors import PrerollError, Refused
from preroll.domain.window import DAY
from preroll.gate.statuses import status_of
from preroll.web import people_shown as shown
from preroll.web.frame import Frame, TheFrame

router = APIRouter(prefix="/tokens")

Line = Annotated[str, Form(max_length=200)]
Lines = Annotated[list[str], Form(max_length=1000)]
ALL = "*"
"""Owner of the list of everybody's."""


@router.post("")
async def create(
    frame: TheFrame,
    name: Line,
    owner: Line = "",
    days: Annotated[int, Form(ge=-(10**6), le=10**6)] = 90,
    role: Lines = [],  # noqa: B006 - FastAPI copies it
    on: Lines = [],  # noqa: B006
) -> Response:
    """Make a token."""
    new = NewToken(name, owner, role, on, days * DAY)
    try:
        _, secret = await frame.door.app.tokens.create(frame.by, new)
    except Refused as refused:
        return await _answered(frame, owner, refused=refused)
    return await _answered(frame, owner, secret=secret)


@router.post("/{ident}/revoke")
async def revoke(frame: TheFrame, ident: Annotated[str, Path(max_length=64)], owner: Line = "") -> Response:
    """End a token now."""
    await frame.door.app.tokens.revoke(frame.by, ident)
    frame.door.guard.forget()
    return await _answered(frame, owner)


async def of(frame: Frame, owner: str) -> dict[str, Any]:
    """What a list of tokens shows: of one person, of oneself when nobody is named, or of everybody."""
    tokens = await frame.door.app.tokens.list(frame.by, everybody=bool(owner))
    mine = [shown.token(one) for one in tokens if owner in ("", ALL, one.owner.name)]
    return {"tokens": mine, "owner": owner, "roles": shown.ROLES}


async def _answered(frame: Frame, owner: str, *, secret: str = "", refused: PrerollError | None = None) -> Response:
    status = status_of(refused)[0] if refused else 200
    values = {"secret": secret, "refused": refused, "beside": shown.beside(refused)}
    return frame.part("_tokens.html", status, **await of(frame, owner), **values)
