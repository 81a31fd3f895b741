# SPDX-License-Identifier: Apache-2.0
"""People and tokens: the calls, and what they answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import NoneType
from typing import Any
from urllib.parse import quote

from preroll.client.calls import API, Call, Length


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks, and what that actor may do where."""

    name: str
    user: str
    by: str
    """``session``, ``token`` or ``nothing``."""
    roles: list[str]
    on: dict[str, list[str]]
    scopes: list[str]
    csrf: str


@dataclass(frozen=True, slots=True)
class User:
    """A person."""

    id: str
    name: str
    full_name: str
    roles: list[str]
    on: dict[str, list[str]]
    scopes: list[str]
    disabled: bool
    password: bool
    issuer: str
    revision: int
    created: datetime
    changed: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """A token, without its secret."""

    id: str
    name: str
    user: str
    roles: list[str]
    platforms: list[str]
    created: datetime
    ends: datetime
    used: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made, with its secret, which is never shown again."""

    id: str
    name: str
    user: str
    roles: list[str]
    platforms: list[str]
    created: datetime
    ends: datetime
    secret: str
    used: datetime | None = None


@dataclass(frozen=True, slots=True)
class Users:
    """All people."""

    items: list[User]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens."""

    items: list[Token]


def sign_in(name: str, password: str) -> Call[Me]:
    """Begin a session; the clients' own ``sign_in`` also remembers what goes with every change."""
    return Call("POST", f"{API}/session", Me, body={"name": name, "password": password})


def sign_out() -> Call[None]:
    """End the session."""
    return Call("DELETE", f"{API}/session", NoneType)


def me() -> Call[Me]:
    """Who asks, and what that actor may do where."""
    return Call("GET", f"{API}/me", Me)


def change_password(old: str, new: str) -> Call[None]:
    """Change one's own password; all one's sessions end."""
    return Call("POST", f"{API}/me/password", NoneType, body={"old": old, "new": new})


def list_users() -> Call[Users]:
    """All people, by name."""
    return Call("GET", f"{API}/users", Users)


def get_user(named: str) -> Call[User]:
    """One person, by id or name."""
    return Call("GET", _user(named), User)


def create_user(
    name: str,
    *,
    roles: Iterable[str] = (),
    on: Mapping[str, Iterable[str]] | None = None,
    scopes: Iterable[str] = (),
    **more: Any,
) -> Call[User]:
    """Add a person; ``on``: platform -> further roles there. ``more``: ``full_name``, ``password``."""
    body = {"name": name, **rights(roles, on, scopes), **more}
    return Call("POST", f"{API}/users", User, body=body)


def edit_user(named: str, change: Mapping[str, Any], *, seen: int | None = None) -> Call[User]:
    """Change ``rights`` (as a whole, see ``rights``), ``full_name``, ``password`` or ``disabled``."""
    return Call("PATCH", _user(named), User, body=change, seen=seen)


def sign_user_out(named: str) -> Call[None]:
    """End all sessions of a person; the tokens go on."""
    return Call("POST", f"{_user(named)}/sign-out", NoneType)


def unlock_user(named: str) -> Call[None]:
    """Forget the failed sign-ins of a person, so that the next one is tried at once."""
    return Call("POST", f"{_user(named)}/unlock", NoneType)


def remove_user(named: str, *, seen: int | None = None) -> Call[None]:
    """Remove a person with all sessions and tokens."""
    return Call("DELETE", _user(named), NoneType, seen=seen)


def list_tokens(*, everybody: bool = False) -> Call[Tokens]:
    """One's own tokens, or everybody's."""
    return Call("GET", f"{API}/tokens", Tokens, (("everybody", "true"),) if everybody else ())


def create_token(
    name: str, *, roles: Iterable[str] = (), platforms: Iterable[str] = (), lasts: Length = "P90D", user: str = ""
) -> Call[NewToken]:
    """Make a token, narrowed to roles and platforms; none: all that its owner has."""
    body = {
        "name": name, "roles": list(roles), "platforms": list(platforms), "lasts": lasts, "user": user or None,
    }  # fmt: skip
    return Call("POST", f"{API}/tokens", NewToken, body=body)


def revoke_token(ident: str) -> Call[None]:
    """End a token now."""
    return Call("DELETE", f"{API}/tokens/{quote(ident, safe='')}", NoneType)


def rights(
    roles: Iterable[str], on: Mapping[str, Iterable[str]] | None = None, scopes: Iterable[str] = ()
) -> dict[str, Any]:
    """What somebody may do: roles everywhere, further ones per platform, and security scopes."""
    there = {platform: list(held) for platform, held in (on or {}).items()}
    return {"roles": list(roles), "on": there, "scopes": list(scopes)}


def _user(named: str) -> str:
    return f"{API}/users/{quote(named, safe='')}"
