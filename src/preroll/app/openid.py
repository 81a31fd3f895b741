# SPDX-License-Identifier: Apache-2.0
"""Signing in at an OpenID Connect provider, whose groups decide what a person may do here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from preroll.app.sessions import Opened, Sessions
from preroll.app.tokens import digest_of
from preroll.app.users import EVERYWHERE
from preroll.domain.account import User, name_mistakes
from preroll.domain.changes import Change
from preroll.domain.errors import NotFound, NotSignedIn
from preroll.domain.permission import Rights
from preroll.domain.window import MINUTE
from preroll.ports.accounts import Pending, Provider, Vouched
from preroll.ports.store import Store, Tx

PATIENCE = 10 * MINUTE
"""How long somebody may take at the provider."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a group of the provider may do here."""

    group: str
    role: str
    platform: str = ""
    """Empty: everywhere."""


class OpenId:
    """Sign in at a provider; without one there is nothing to sign in at.

    Args:
        grants: what groups may do. Rights of people that the provider vouches for are what their groups give, at each
            sign-in anew.
    """

    def __init__(self, store: Store, sessions: Sessions, provider: Provider | None, grants: Sequence[Grant]) -> None:
        self._store, self._sessions, self._provider, self._grants = store, sessions, provider, grants

    @property
    def offered(self) -> bool:
        """Is there a provider?"""
        return self._provider is not None

    async def begin(self, redirect: str, returns: str) -> tuple[str, str]:
        """Begin: where the browser is sent, and the state that only this browser knows.

        Raises:
            NotFound: there is no provider. ProviderUnavailable.
        """
        errand = await self._known().begin(redirect)
        pending = Pending(digest_of(errand.state), errand.nonce, errand.verifier, returns)
        await self._store.write(lambda tx: tx.accounts.begin_pending(pending))
        return errand.url, errand.state

    async def finish(
        self, redirect: str, state: str, code: str, address: str, replaces: str = ""
    ) -> tuple[Opened, str]:
        """End: a session, and the path to which the browser goes. A state is good once.

        Raises:
            NotSignedIn: nobody began this, the provider does not vouch, or the account is disabled.
            ProviderUnavailable.
        """
        provider, digest = self._known(), digest_of(state)
        pending = await self._store.write(lambda tx: tx.accounts.take_pending(digest, tx.now - PATIENCE))
        if pending is None:
            raise NotSignedIn("this sign-in was not begun here, or took too long", hint="sign in again")
        vouched = await provider.finish(redirect, code, pending)
        user = await self._store.write(lambda tx: self._welcomed(tx, vouched))
        return await self._sessions.begin(user, address, replaces), pending.returns

    def _known(self) -> Provider:
        if self._provider is None:
            raise NotFound("OpenID Connect provider", "here", hint="sign in with a password")
        return self._provider

    def _welcomed(self, tx: Tx, vouched: Vouched) -> User:
        """The account of a person, with the rights of now; made at the first sign-in."""
        rights = self._rights(tx, vouched)
        known = tx.accounts.vouched(vouched.issuer, vouched.subject)
        if known is None:
            if name_mistakes(vouched.name):
                raise NotSignedIn(f"the provider calls this person {vouched.name[:100]!r}, which is no name here")
            if tx.accounts.find(vouched.name):
                hint = "an admin can remove that user, or the provider can say another name"
                raise NotSignedIn(f"there is a user {vouched.name} whom the provider does not vouch for", hint=hint)
            new = User(vouched.name, rights, vouched.full_name, issuer=vouched.issuer, subject=vouched.subject)
            user = tx.accounts.add(new)
            tx.changes.add(Change("user.created", user.id, EVERYWHERE, user.name, why=f"by {vouched.issuer}"))
            return user
        if (known.rights, known.full_name) == (rights, vouched.full_name):
            return known
        tx.changes.add(Change("user.changed", known.id, EVERYWHERE, known.name, why=f"by {vouched.issuer}"))
        return tx.accounts.put(replace(known, rights=rights, full_name=vouched.full_name))

    def _rights(self, tx: Tx, vouched: Vouched) -> Rights:
        keys: Mapping[str, int] = {platform.name: platform.key for platform in tx.platforms.all()}
        held = [grant for grant in self._grants if grant.group in vouched.groups]
        if not held:
            raise NotSignedIn("none of this person's groups may do anything here", hint="ask an admin for a group")
        there: dict[int, frozenset[str]] = {}
        for grant in held:
            if grant.platform in keys:
                key = keys[grant.platform]
                there[key] = there.get(key, frozenset()) | {grant.role}
        return Rights(frozenset(grant.role for grant in held if not grant.platform), there)
