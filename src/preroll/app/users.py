# SPDX-License-Identifier: Apache-2.0
"""People: who they are, and what they may do where."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from secrets import token_urlsafe

from preroll.domain.account import SessionLimits, User, name_mistakes, password_mistakes, role_mistakes, scope_mistakes
from preroll.domain.changes import Change
from preroll.domain.errors import Invalid, Mistake, NotPermitted, Refused, require_seen
from preroll.domain.permission import Actor, Rights, Role, permit
from preroll.ports.accounts import Checked, Passwords
from preroll.ports.store import Store, Tx

EVERYWHERE = 0
"""Platform of changes that are about people; only an admin everywhere sees them."""


def made_up() -> str:
    """A password that nobody has to think of; to be shown once."""
    return token_urlsafe(15)


class NoPasswords:
    """Of a process in which nobody signs in: no password fits."""

    async def hash(self, password: str) -> str:  # noqa: ARG002 - the port's
        raise Refused("this process keeps no passwords", hint="ask the server")

    async def check(self, password: str, stored: str) -> Checked:  # noqa: ARG002 - the port's
        return Checked(right=False)


@dataclass(frozen=True, slots=True)
class NamedRights:
    """Rights as people write them: platforms by name."""

    roles: Collection[str] = ()
    on: Mapping[str, Collection[str]] = field(default_factory=dict)
    scopes: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class NewUser:
    """Who is to be added. Without a password this person signs in by OpenID Connect, or not at all."""

    name: str
    rights: NamedRights = field(default_factory=NamedRights)
    full_name: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class UserEdit:
    """What is to change; None leaves a thing alone."""

    rights: NamedRights | None = None
    full_name: str | None = None
    password: str | None = None
    disabled: bool | None = None


@dataclass(frozen=True, slots=True)
class UserDetails:
    """A person, and the names of the platforms."""

    user: User
    platforms: Mapping[int, str]
    sessions: int = 0
    """Of its browsers that are not over; when it was asked for alone."""
    locked_us: int = 0
    """How long no sign-in is tried; when it was asked for alone."""


class Users:
    """List, add, change and remove people; change one's own password.

    Everything but the last needs the role admin everywhere. Each method raises NotFound and NotPermitted.
    """

    def __init__(self, store: Store, passwords: Passwords, limits: SessionLimits) -> None:
        self._store, self._passwords, self._limits = store, passwords, limits

    async def any(self) -> bool:
        """Is there an account that can sign in?"""
        return await self._store.read(lambda tx: tx.accounts.any())

    async def list(self, by: Actor) -> list[UserDetails]:
        """All people, by name."""

        def query(tx: Tx) -> list[UserDetails]:
            permit(by, "user.view")
            names = _names(tx)
            return [UserDetails(user, names) for user in tx.accounts.users()]

        return await self._store.read(query)

    async def get(self, by: Actor, named: str) -> UserDetails:
        """One person, by id or name; oneself without a role."""

        def query(tx: Tx) -> UserDetails:
            if not by.user or named.casefold() not in (by.user, by.name.casefold()):
                permit(by, "user.view")
            user = tx.accounts.user(named)
            sessions = [one for one in tx.accounts.sessions(user.key) if not self._limits.over(one, tx.now)]
            locked = max((one.left_us(tx.now) for one in tx.accounts.against(user.name)), default=0)
            return replace(_details(tx, user), sessions=len(sessions), locked_us=locked)

        return await self._store.read(query)

    async def create(self, by: Actor, new: NewUser) -> UserDetails:
        """Add a person.

        Raises:
            Invalid: every mistake. NameInUse.
        """
        _require_sound(name_mistakes(new.name) + _password_mistakes(new.password, new.name))
        permit(by, "user.change")
        hashed = await self._passwords.hash(new.password) if new.password else ""

        def unit(tx: Tx) -> UserDetails:
            permit(by, "user.change")
            user = User(new.name, _rights(tx, new.rights), new.full_name.strip(), hashed)
            user = tx.accounts.add(user)
            _tell(tx, by, "user.created", user, told(tx, user))
            return _details(tx, user)

        return await self._store.write(unit)

    async def edit(self, by: Actor, named: str, seen: int | None, change: UserEdit) -> UserDetails:
        """Change a person; with another password, or disabled, all sessions of this person end.

        Raises:
            Invalid: every mistake. Stale. Refused: nobody would be left who may do everything.
        """
        permit(by, "user.change")
        _require_sound(_password_mistakes(change.password or "", named))
        hashed = await self._passwords.hash(change.password) if change.password else None

        def unit(tx: Tx) -> UserDetails:
            permit(by, "user.change")
            before = tx.accounts.user(named)
            require_seen(f"user {before.name}", seen, before.revision)
            after = _edited(tx, before, change, hashed)
            if after == before:
                return _details(tx, before)
            after = tx.accounts.put(after)
            _require_an_admin(tx)
            if hashed is not None or after.disabled:
                tx.accounts.end_sessions(after.key)
            _tell(tx, by, "user.changed", after, told(tx, after), told(tx, before))
            return _details(tx, after)

        return await self._store.write(unit)

    async def remove(self, by: Actor, named: str, seen: int | None = None) -> None:
        """Remove a person with all sessions and tokens; the change log keeps the name.

        Raises:
            Stale. Refused: nobody would be left who may do everything.
        """

        def unit(tx: Tx) -> None:
            permit(by, "user.change")
            user = tx.accounts.user(named)
            require_seen(f"user {user.name}", seen, user.revision)
            tx.accounts.remove(user.key)
            _require_an_admin(tx)
            _tell(tx, by, "user.removed", user, "", told(tx, user))

        await self._store.write(unit)

    async def sign_out(self, by: Actor, named: str) -> None:
        """End all sessions of a person; the tokens go on."""

        def unit(tx: Tx) -> None:
            permit(by, "user.change")
            user = tx.accounts.user(named)
            tx.accounts.end_sessions(user.key)
            _tell(tx, by, "user.signed_out", user)

        await self._store.write(unit)

    async def unlock(self, by: Actor, named: str) -> None:
        """Forget the failed sign-ins of a person, so that the next one is tried at once."""

        def unit(tx: Tx) -> None:
            permit(by, "user.change")
            user = tx.accounts.user(named)
            tx.accounts.unlock(user.name)
            _tell(tx, by, "user.unlocked", user)

        await self._store.write(unit)

    async def change_password(self, by: Actor, old: str, new: str) -> None:
        """Change one's own password; all one's sessions end.

        Raises:
            NotPermitted: the actor has no account, or the old password is wrong. Invalid: the new one will not do.
        """
        if not by.user:
            raise NotPermitted(f"{by.name} has no account", hint="sign in as a person")
        user = await self._store.read(lambda tx: tx.accounts.user(by.user))
        _require_sound(password_mistakes(new, user.name))
        if not (await self._passwords.check(old, user.password)).right:
            raise NotPermitted("the old password is wrong", hint="an admin can set a new one")
        hashed = await self._passwords.hash(new)

        def unit(tx: Tx) -> None:
            tx.accounts.put(replace(user, password=hashed))
            tx.accounts.end_sessions(user.key)
            _tell(tx, by, "user.changed", user, "password")

        await self._store.write(unit)

    async def make_admin(self, by: Actor, name: str, password: str) -> User:
        """Have this account with this password, enabled, as an admin everywhere: the first one, or one to the rescue.

        Raises:
            Invalid: every mistake.
        """
        _require_sound(name_mistakes(name) + password_mistakes(password, name))
        hashed = await self._passwords.hash(password)

        def unit(tx: Tx) -> User:
            permit(by, "user.change")
            known = tx.accounts.find(name)
            before = known or User(name)
            rights = replace(before.rights, roles=before.rights.roles | {Role.ADMIN.value})
            after = replace(before, password=hashed, rights=rights, disabled=False)
            user = tx.accounts.put(after) if known else tx.accounts.add(after)
            tx.accounts.end_sessions(user.key)
            _tell(tx, by, "user.changed" if known else "user.created", user, told(tx, user))
            return user

        return await self._store.write(unit)


def told(tx: Tx, user: User) -> str:
    """What a person may do, in words for the change log."""
    names, rights = _names(tx), user.rights
    parts = [" ".join(sorted(rights.roles))]
    parts += [f"{' '.join(sorted(roles))} on {names.get(p, p)}" for p, roles in sorted(rights.on.items()) if roles]
    parts += [f"scope {scope}" for scope in sorted(rights.scopes)]
    return ", ".join(part for part in [*parts, "disabled" if user.disabled else ""] if part)


def _rights(tx: Tx, given: NamedRights) -> Rights:
    """The rights with platforms by key.

    Raises:
        Invalid: every mistake.
    """
    keys = {platform.name: platform.key for platform in tx.platforms.all()}
    mistakes = role_mistakes("roles", given.roles) + scope_mistakes("scopes", given.scopes)
    for name, roles in given.on.items():
        mistakes += role_mistakes(f"on.{name}", roles)
        if name not in keys:
            mistakes.append(Mistake(f"on.{name}", f"there is no platform {name}", ", ".join(keys)))
    _require_sound(mistakes)
    on = {keys[name]: frozenset(roles) for name, roles in given.on.items() if roles}
    return Rights(frozenset(given.roles), on, frozenset(given.scopes))


def _edited(tx: Tx, before: User, change: UserEdit, hashed: str | None) -> User:
    return replace(
        before,
        rights=before.rights if change.rights is None else _rights(tx, change.rights),
        full_name=before.full_name if change.full_name is None else change.full_name.strip(),
        password=before.password if hashed is None else hashed,
        disabled=before.disabled if change.disabled is None else change.disabled,
    )


def _require_an_admin(tx: Tx) -> None:
    if not any(Role.ADMIN in user.rights.roles and not user.disabled for user in tx.accounts.users()):
        raise Refused("nobody would be left who may do everything", hint="make another admin first")


def _require_sound(mistakes: Sequence[Mistake]) -> None:
    if mistakes:
        raise Invalid(mistakes)


def _password_mistakes(password: str, name: str) -> list[Mistake]:
    return password_mistakes(password, name) if password else []


def _names(tx: Tx) -> dict[int, str]:
    return {platform.key: platform.name for platform in tx.platforms.all()}


def _details(tx: Tx, user: User) -> UserDetails:
    return UserDetails(user, _names(tx))


def _tell(tx: Tx, by: Actor, kind: str, user: User, after: str = "", before: str = "") -> None:
    tx.changes.add(Change(kind, user.id, EVERYWHERE, by.name, before, after, user.name, revision=user.revision))
