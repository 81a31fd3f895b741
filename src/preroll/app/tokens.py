# SPDX-License-Identifier: Apache-2.0
"""Tokens: keys for programs, shown once, narrowed to roles and platforms, and never without an end."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe

from preroll.app.users import EVERYWHERE
from preroll.domain.account import LONGEST_TOKEN, Token, User, role_mistakes
from preroll.domain.changes import Change
from preroll.domain.errors import Invalid, Mistake, NotFound, NotPermitted
from preroll.domain.permission import Actor, Bounds, Role, permit
from preroll.domain.window import DAY
from preroll.ports.store import Store, Tx

PREFIX = "preroll_"
"""Begins every token, so that scanners of repositories and logs can find one."""


def digest_of(secret: str) -> str:
    """What is stored of a secret of 256 random bits; a slow hash would add nothing."""
    return sha256(secret.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class NewToken:
    """What a token is to be for."""

    name: str
    user: str = ""
    """Id or name of its owner; empty: who asks."""
    roles: Collection[str] = ()
    """Empty: all that its owner has."""
    platforms: Collection[str] = ()
    """Empty: all."""
    lasts_us: int = 90 * DAY


@dataclass(frozen=True, slots=True)
class TokenDetails:
    """A token, its owner, and the names of the platforms."""

    token: Token
    owner: User
    platforms: Mapping[int, str]


class Tokens:
    """List, make and revoke tokens: one's own, and with the role admin everywhere anybody's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(self, by: Actor, *, everybody: bool = False) -> list[TokenDetails]:
        """One's own tokens, or everybody's, by owner and name."""

        def query(tx: Tx) -> list[TokenDetails]:
            names = {platform.key: platform.name for platform in tx.platforms.all()}
            if everybody:
                permit(by, "user.view")
                found = tx.accounts.tokens()
            else:
                found = tx.accounts.tokens(_owner(tx, by, "").key) if by.user else []
            return [TokenDetails(token, owner, names) for token, owner in found]

        return await self._store.read(query)

    async def create(self, by: Actor, new: NewToken) -> tuple[TokenDetails, str]:
        """Make a token; returns it with the secret, which is shown here and never again.

        A token may make another one, which does no more and lasts no longer than itself.

        Raises:
            Invalid: every mistake. NameInUse: its owner has one of that name. NotPermitted. NotFound.
        """
        secret = PREFIX + token_urlsafe(32)

        def unit(tx: Tx) -> TokenDetails:
            owner = _owner(tx, by, new.user)
            names = {platform.key: platform.name for platform in tx.platforms.all()}
            bounds = _bounds(by, new, names)
            ends = tx.now + new.lasts_us
            if by.ends_us is not None and by.user == owner.id:
                ends = min(ends, by.ends_us)
            token = tx.accounts.add_token(Token(new.name.strip(), owner.key, digest_of(secret), ends, bounds))
            _tell(tx, by, "token.created", token, owner)
            return TokenDetails(token, owner, names)

        return await self._store.write(unit), secret

    async def revoke(self, by: Actor, ident: str) -> None:
        """End a token now.

        Raises:
            NotFound: there is none, or it is somebody else's and the actor may not know of it.
        """

        def unit(tx: Tx) -> None:
            token, owner = tx.accounts.token(ident)
            if owner.id != by.user and Role.ADMIN not in by.roles:
                raise NotFound("token", ident)
            tx.accounts.remove_token(token.key)
            _tell(tx, by, "token.revoked", token, owner)

        await self._store.write(unit)


def _owner(tx: Tx, by: Actor, named: str) -> User:
    if not named and not by.user:
        raise NotPermitted(f"{by.name} has no account to own a token", hint="name its owner")
    owner = tx.accounts.user(named or by.user)
    if owner.id != by.user:
        permit(by, "user.change")
    return owner


def _bounds(by: Actor, new: NewToken, names: Mapping[int, str]) -> Bounds:
    keys = {name: key for key, name in names.items()}
    mistakes = role_mistakes("roles", new.roles)
    mistakes += [
        Mistake("platforms", f"there is no platform {name}", ", ".join(sorted(keys)))
        for name in new.platforms
        if name not in keys
    ]
    if not new.name.strip() or len(new.name) > 100:
        mistakes.append(Mistake("name", "is empty or too long", "1 to 100 characters: what it is for"))
    if not 0 < new.lasts_us <= LONGEST_TOKEN:
        mistakes.append(Mistake("lasts", f"is {new.lasts_us / DAY:g} days", f"up to {LONGEST_TOKEN // DAY} days"))
    if mistakes:
        raise Invalid(mistakes)
    asked = Bounds(frozenset(new.roles), frozenset(keys[name] for name in new.platforms))
    found = asked.within(by.bounds)
    if found is None:
        raise NotPermitted(f"{by.name} is narrowed to less than that", hint="sign in, or use a wider token")
    return found


def _tell(tx: Tx, by: Actor, kind: str, token: Token, owner: User) -> None:
    tx.changes.add(Change(kind, token.id, EVERYWHERE, by.name, after=f"{owner.name}/{token.name}"))
