# SPDX-License-Identifier: Apache-2.0
"""Signing in and out, and who it is that asks with a session or a token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from secrets import token_urlsafe

from preroll.app.tokens import digest_of
from preroll.app.users import EVERYWHERE
from preroll.domain.account import Failures, Session, SessionLimits, User, counted_for
from preroll.domain.changes import Change
from preroll.domain.errors import NotSignedIn, SignInLocked
from preroll.domain.permission import Actor
from preroll.domain.window import DAY, MINUTE, SECOND
from preroll.ports.accounts import Passwords
from preroll.ports.store import Store, Tx

FRESH = MINUTE
"""When a session or a token was last used is written down once in this time."""
WRONG = "the name or the password is wrong"


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that has begun."""

    user: User
    secret: str = field(repr=False)
    """For the cookie; stored nowhere."""


@dataclass(frozen=True, slots=True)
class Known:
    """Who asks, and by what."""

    actor: Actor
    session: int | None = None
    token: int | None = None
    stale: bool = False
    """That it is in use should be written down."""


class Sessions:
    """Sign in, sign out; tell who asks."""

    def __init__(self, store: Store, passwords: Passwords, limits: SessionLimits) -> None:
        self._store, self._passwords, self.limits = store, passwords, limits

    async def sign_in(self, name: str, password: str, address: str, replaces: str = "") -> Opened:
        """Begin a session under a new id.

        The attempt counts as failed before the password is looked at, so that many at once are counted as well.

        Args:
            address: from where.
            replaces: the secret of a session that the browser has; it ends.

        Raises:
            NotSignedIn: name or password are wrong, or the account is disabled; never which of them.
            SignInLocked: too many have failed for this account or from this address.
        """
        user = await self._store.write(lambda tx: _attempt(tx, name, address))
        checked = await self._passwords.check(password, user.password if user else "")
        if user is None or not checked.right or user.disabled:
            raise NotSignedIn(WRONG, hint="try again; an admin can set a new password")
        return await self.begin(user, address, replaces, renewed=checked.renewed, counted=name)

    async def begin(
        self, user: User, address: str, replaces: str = "", *, renewed: str = "", counted: str = ""
    ) -> Opened:
        """Begin a session of somebody who has proved who it is.

        Args:
            renewed: a stronger hash of the password.
            counted: the name under which the attempt was counted as failed; that is taken back.
        """
        secret = token_urlsafe(32)

        def unit(tx: Tx) -> Opened:
            now = tx.now
            if counted:
                _forgive(tx, counted, address)
            stored = tx.accounts.user(user.id)
            if stored.disabled or stored.password != user.password:
                raise NotSignedIn(WRONG)
            if renewed:
                stored = tx.accounts.put(replace(stored, password=renewed))
            if replaces:
                tx.accounts.end_session(digest_of(replaces))
            tx.accounts.tidy(now - self.limits.longest_us, now - DAY)
            tx.accounts.begin_session(Session(stored.key, digest_of(secret), now, now))
            tx.changes.add(Change("user.signed_in", stored.id, EVERYWHERE, stored.name, why=f"from {address}"))
            return Opened(stored, secret)

        return await self._store.write(unit)

    async def sign_out(self, secret: str) -> None:
        """End a session."""
        await self._store.write(lambda tx: tx.accounts.end_session(digest_of(secret)))

    async def of_session(self, secret: str) -> Known:
        """Who asks with this cookie.

        Raises:
            NotSignedIn: there is no such session, it is over, or its account is disabled.
        """
        digest = digest_of(secret)

        def query(tx: Tx) -> Known:
            found = tx.accounts.session(digest)
            if found is None or not compare_digest(found[0].digest, digest):
                raise NotSignedIn("the session is not known")
            session, user = found
            if user.disabled or self.limits.over(session, tx.now):
                raise NotSignedIn("the session is over")
            return Known(user.actor, session=session.key, stale=tx.now - session.seen_us >= FRESH)

        return await self._store.read(query)

    async def of_token(self, secret: str) -> Known:
        """Who asks with this token.

        Raises:
            NotSignedIn: there is no such token, it is over, or its owner is disabled.
        """
        digest = digest_of(secret)

        def query(tx: Tx) -> Known:
            found = tx.accounts.token_of(digest)
            if found is None or not compare_digest(found[0].digest, digest):
                raise NotSignedIn("the token is not known")
            token, owner = found
            if owner.disabled or tx.now >= token.ends_us:
                raise NotSignedIn("the token is over")
            return Known(token.actor(owner), token=token.key, stale=tx.now - (token.used_us or 0) >= FRESH)

        return await self._store.read(query)

    async def in_use(self, known: Known) -> None:
        """Write down that a session or a token is in use."""

        def unit(tx: Tx) -> None:
            if known.session is not None:
                tx.accounts.seen(known.session)
            if known.token is not None:
                tx.accounts.used(known.token)

        await self._store.write(unit)


def _attempt(tx: Tx, name: str, address: str) -> User | None:
    """Count an attempt; returns the account, if there is one."""
    counted = _counted(tx, name, address)
    if left := max(failures.left_us(tx.now) for failures in counted):
        raise SignInLocked(-(-left // SECOND))
    after = [failures.and_one(tx.now) for failures in counted]
    tx.accounts.count(after)
    user = tx.accounts.find(name)
    if user is not None and any(failures.locked_until_us for failures in after):
        tx.changes.add(Change("user.locked", user.id, EVERYWHERE, user.name, why=f"sign-ins from {address} failed"))
    return user


def _forgive(tx: Tx, name: str, address: str) -> None:
    """The attempt was none that failed: the account from this address starts again, the others count one less."""
    pair, *others = _counted(tx, name, address)
    tx.accounts.forgive(pair.about, pair.of)
    tx.accounts.count([failures.but_one() for failures in others])


def _counted(tx: Tx, name: str, address: str) -> Sequence[Failures]:
    return [tx.accounts.failures(about, who) for about, who in counted_for(name, address)]
