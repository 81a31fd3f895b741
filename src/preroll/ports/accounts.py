# SPDX-License-Identifier: Apache-2.0
"""What the middle asks of those who keep accounts, check passwords, and vouch for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from preroll.domain.account import Failures, Session, Token, User


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in that is under way at an OpenID Connect provider."""

    digest: str
    """SHA-256 of its state."""
    nonce: str
    verifier: str
    """Of PKCE: the code is worth nothing without it."""
    returns: str
    """Path to which the browser goes in the end."""


class Accounts(Protocol):
    """The accounts of a transaction."""

    def any(self) -> bool:
        """Is there an account that can sign in?"""
        ...

    def users(self) -> list[User]:
        """All, by name."""
        ...

    def user(self, named: str) -> User:
        """By id or by name. Raises NotFound."""
        ...

    def find(self, name: str) -> User | None:
        """By name, case-folded."""
        ...

    def vouched(self, issuer: str, subject: str) -> User | None:
        """By the id that an OpenID Connect provider has given."""
        ...

    def add(self, user: User) -> User:
        """Store a new one. A name that is taken raises NameInUse."""
        ...

    def put(self, user: User) -> User:
        """Store a changed one, name and id as before, under its next revision. Raises Stale."""
        ...

    def remove(self, key: int) -> None:
        """With sessions and tokens."""
        ...

    def begin_session(self, session: Session) -> None: ...
    def session(self, digest: str) -> tuple[Session, User] | None: ...
    def seen(self, key: int) -> None:
        """The session is in use."""
        ...

    def end_session(self, digest: str) -> None: ...
    def end_sessions(self, user: int) -> None:
        """All of a person."""
        ...

    def tokens(self, user: int | None = None) -> list[tuple[Token, User]]:
        """Of one person, or of all; with their owners, by owner and name."""
        ...

    def token(self, ident: str) -> tuple[Token, User]:
        """By id. Raises NotFound."""
        ...

    def token_of(self, digest: str) -> tuple[Token, User] | None: ...
    def add_token(self, token: Token) -> Token:
        """Store a new one. A name that its owner has used raises NameInUse."""
        ...

    def used(self, key: int) -> None:
        """The token is in use."""
        ...

    def remove_token(self, key: int) -> None: ...

    def failures(self, about: str, who: str) -> Failures:
        """What is counted; locked against others until the transaction ends."""
        ...

    def count(self, failures: Sequence[Failures]) -> None: ...
    def forgive(self, about: str, who: str) -> None: ...
    def against(self, name: str) -> list[Failures]:
        """All that is counted for an account, from any address."""
        ...

    def unlock(self, name: str) -> None:
        """Forgive all that is counted for an account, from any address."""
        ...

    def sessions(self, user: int) -> list[Session]:
        """Of a person, the one that was used last first."""
        ...

    def begin_pending(self, pending: Pending) -> None: ...
    def take_pending(self, digest: str, oldest_us: int) -> Pending | None:
        """Take it out; None: it is not known, was taken before, or began before ``oldest_us``."""
        ...

    def tidy(self, session_us: int, other_us: int) -> None:
        """Remove sessions unused since the one instant, tokens and counts that were over before the other."""
        ...


@dataclass(frozen=True, slots=True)
class Checked:
    """What a password came to."""

    right: bool
    renewed: str = ""
    """A new hash to be stored, when the stored one is weaker than they are made now."""


class Passwords(Protocol):
    """Makes hashes of passwords, and checks them; both take a while on purpose, in a thread of their own."""

    async def hash(self, password: str) -> str: ...

    async def check(self, password: str, stored: str) -> Checked:
        """As long for an empty ``stored``, which no password fits, as for any other."""
        ...


@dataclass(frozen=True, slots=True)
class Errand:
    """Where a browser is sent to sign in, and what only this sign-in knows."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom a provider vouches for."""

    issuer: str
    subject: str
    name: str
    full_name: str
    groups: frozenset[str]


class Provider(Protocol):
    """An OpenID Connect provider."""

    async def begin(self, redirect: str) -> Errand:
        """Raises ProviderUnavailable."""
        ...

    async def finish(self, redirect: str, code: str, pending: Pending) -> Vouched:
        """Raises ProviderUnavailable, or NotSignedIn: it does not vouch for anybody."""
        ...
