# SPDX-License-Identifier: Apache-2.0
"""People: who they are, and what they may do where."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response
from pydantic import Field

from preroll.api import etag
from preroll.api.door import TheDoor
from preroll.api.fields import Given, Name, Shown, Word, when
from preroll.api.problems import can
from preroll.api.sessions import Typed, roles_shown
from preroll.app.users import NamedRights, NewUser, UserDetails, UserEdit
from preroll.domain.permission import Role
from preroll.gate.door import By, UseCases

router = APIRouter(prefix="/api/v1/users", tags=["people and tokens"])

Named = Annotated[str, Path(description="id or name", min_length=1, max_length=100)]
IfMatch = Annotated[str | None, Header(description='the ETag that the change is made on, such as `"3"`')]
Roles = Annotated[list[Annotated[Role, Field(strict=False)]], Field(max_length=5)]


class RightsGiven(Given):
    """What somebody may do: roles everywhere, further ones per platform, and security scopes."""

    roles: Roles = Field(default=[], description="everywhere, on platforms to come as well")
    on: dict[Name, Roles] = Field(default={}, max_length=1000, description="platform -> further roles there")
    scopes: list[Name] = Field(default=[], max_length=1000, description="bookings with scopes are seen by who has one")

    def rights(self) -> NamedRights:
        """As the use case takes it."""
        return NamedRights(self.roles, self.on, self.scopes)


class UserGiven(RightsGiven):
    """Who is to be added. Without a password: by OpenID Connect, or not at all."""

    name: Name
    full_name: Word = ""
    password: Typed | None = None

    def user(self) -> NewUser:
        """As the use case takes it."""
        return NewUser(self.name, self.rights(), self.full_name, self.password or "")


class UserEditGiven(Given):
    """What is to change; what is left out stays. ``rights`` are replaced as a whole."""

    rights: RightsGiven | None = None
    full_name: Word | None = None
    password: Typed | None = None
    disabled: bool | None = None

    def edit(self) -> UserEdit:
        """As the use case takes it."""
        return UserEdit(self.rights.rights() if self.rights else None, self.full_name, self.password, self.disabled)


class UserShown(Shown):
    """A person."""

    id: str
    name: str
    full_name: str
    roles: list[Role]
    on: dict[str, list[Role]]
    scopes: list[str]
    disabled: bool
    password: bool = Field(description="can sign in with a password")
    issuer: str = Field(description="the OpenID Connect provider that vouches for this person; empty: none")
    revision: int
    created: datetime
    changed: datetime


class UserList(Shown):
    """All people."""

    items: list[UserShown]


@router.get("", responses=can(403, 503))
async def list_users(app: UseCases, by: By) -> UserList:
    """All people, by name."""
    return UserList(items=[user_shown(found) for found in await app.users.list(by)])


@router.post("", status_code=201, response_model=UserShown, responses=can(400, 403, 409, 413, 422, 503))
async def create_user(body: UserGiven, door: TheDoor, by: By) -> Response:
    """Add a person."""
    shown = user_shown(await door.app.users.create(by, body.user()))
    door.guard.forget()
    return etag.answered(shown, router.prefix, 201)


@router.get("/{named}", response_model=UserShown, responses=can(403, 404, 422, 503))
async def get_user(named: Named, app: UseCases, by: By) -> Response:
    """One person; oneself without a role."""
    return etag.answered(user_shown(await app.users.get(by, named)), router.prefix)


@router.patch("/{named}", response_model=UserShown, responses=can(400, 403, 404, 409, 412, 413, 422, 503))
async def edit_user(named: Named, body: UserEditGiven, door: TheDoor, by: By, if_match: IfMatch = None) -> Response:
    """Change a person; with another password, or disabled, all sessions of this person end."""
    shown = user_shown(await door.app.users.edit(by, named, etag.seen(if_match), body.edit()))
    door.guard.forget()
    return etag.answered(shown, router.prefix)


@router.post("/{named}/sign-out", status_code=204, responses=can(403, 404, 422, 503))
async def sign_user_out(named: Named, door: TheDoor, by: By) -> None:
    """End all sessions of a person; the tokens go on."""
    await door.app.users.sign_out(by, named)
    door.guard.forget()


@router.post("/{named}/unlock", status_code=204, responses=can(403, 404, 422, 503))
async def unlock_user(named: Named, app: UseCases, by: By) -> None:
    """Forget the failed sign-ins of a person, so that the next one is tried at once."""
    await app.users.unlock(by, named)


@router.delete("/{named}", status_code=204, responses=can(400, 403, 404, 409, 412, 422, 503))
async def remove_user(named: Named, door: TheDoor, by: By, if_match: IfMatch = None) -> None:
    """Remove a person with all sessions and tokens; the change log keeps the name."""
    await door.app.users.remove(by, named, etag.seen(if_match))
    door.guard.forget()


def user_shown(found: UserDetails) -> UserShown:
    """A person; never anything of the password."""
    user, names = found.user, found.platforms
    return UserShown(
        id=user.id, name=user.name, full_name=user.full_name, roles=roles_shown(user.rights.roles),
        on={names[p]: roles_shown(roles) for p, roles in sorted(user.rights.on.items()) if p in names},
        scopes=sorted(user.rights.scopes), disabled=user.disabled, password=bool(user.password), issuer=user.issuer,
        revision=user.revision, created=when(user.created_us), changed=when(user.changed_us),
    )  # fmt: skip
