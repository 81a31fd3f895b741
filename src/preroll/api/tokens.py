# SPDX-License-Identifier: Apache-2.0
"""Tokens: keys for programs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from preroll.api.door import Ident, TheDoor
from preroll.api.fields import Given, Length, Name, Queried, Shown, maybe_when, when
from preroll.api.problems import can
from preroll.api.sessions import roles_shown
from preroll.api.users import Roles
from preroll.app.tokens import NewToken, TokenDetails
from preroll.domain.permission import Role
from preroll.domain.window import DAY
from preroll.gate.door import By, UseCases

router = APIRouter(prefix="/api/v1/tokens", tags=["people and tokens"])


class TokensQueried(Queried):
    """Whose."""

    everybody: bool = Field(default=False, description="not one's own alone; for an admin everywhere")


class TokenGiven(Given):
    """What a token is to be for."""

    name: Name = Field(examples=["nightly import"], description="what it is for; unique among its owner's")
    user: Name | None = Field(default=None, description="id or name of its owner; left out: who asks")
    roles: Roles = Field(default=[], description="narrowed to these; none: all that its owner has")
    platforms: list[Name] = Field(default=[], max_length=1000, description="narrowed to these; none: all")
    lasts: Length = Field(default=90 * DAY, description="until it ends, at most 366 days", gt=0)

    def token(self) -> NewToken:
        """As the use case takes it."""
        return NewToken(self.name, self.user or "", self.roles, self.platforms, self.lasts)


class TokenShown(Shown):
    """A token, without its secret."""

    id: str
    name: str
    user: str = Field(description="name of its owner")
    roles: list[Role] = Field(description="narrowed to these; empty: all that its owner has")
    platforms: list[str] = Field(description="narrowed to these; empty: all")
    created: datetime
    ends: datetime
    used: datetime | None = Field(description="about when it was last used; null: never")


class TokenMade(TokenShown):
    """A token that was just made, with its secret, which is never shown again."""

    secret: str


class TokenList(Shown):
    """Tokens."""

    items: list[TokenShown]


@router.get("", responses=can(403, 422, 503))
async def list_tokens(asks: Annotated[TokensQueried, Query()], app: UseCases, by: By) -> TokenList:
    """One's own tokens, or everybody's, by owner and name."""
    return TokenList(items=[_shown(found) for found in await app.tokens.list(by, everybody=asks.everybody)])


@router.post("", status_code=201, response_model=TokenMade, responses=can(400, 403, 404, 409, 413, 422, 503))
async def create_token(body: TokenGiven, door: TheDoor, by: By) -> Response:
    """Make a token; the answer is the only one that shows its secret."""
    found, secret = await door.app.tokens.create(by, body.token())
    made = TokenMade(**_shown(found).model_dump(), secret=secret)
    headers = {"Location": f"{router.prefix}/{made.id}", "Cache-Control": "no-store"}
    return Response(made.model_dump_json(), 201, headers, media_type="application/json")


@router.delete("/{ident}", status_code=204, responses=can(403, 404, 422, 503))
async def revoke_token(ident: Ident, door: TheDoor, by: By) -> None:
    """End a token now."""
    await door.app.tokens.revoke(by, ident)
    door.guard.forget()


def _shown(found: TokenDetails) -> TokenShown:
    token, names = found.token, found.platforms
    return TokenShown(
        id=token.id, name=token.name, user=found.owner.name, roles=roles_shown(token.bounds.roles),
        platforms=[names[p] for p in sorted(token.bounds.platforms) if p in names],
        created=when(token.created_us), ends=when(token.ends_us), used=maybe_when(token.used_us),
    )  # fmt: skip
