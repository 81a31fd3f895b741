# SPDX-License-Identifier: Apache-2.0
"""Accounts, their sessions and tokens, and failed sign-ins. Of what is secret there are only hashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from preroll.domain.account import Failures, Session, Token, User
from preroll.domain.errors import NameInUse, NotFound
from preroll.domain.permission import Bounds, Rights
from preroll.ports.accounts import Pending
from preroll.store.documents import Codec, clean
from preroll.store.races import LostRace
from preroll.store.sql import Row
from preroll.store.work import Work

RIGHTS: Codec[Rights] = Codec(Rights)
BOUNDS: Codec[Bounds] = Codec(Bounds)

_USER = (
    "a.key, a.id, a.name, a.full_name, a.password, a.rights, a.disabled, a.issuer, a.subject, a.revision,"
    " a.created_us, a.changed_us"
)
_SESSION = "s.key, s.account, s.digest, s.began_us, s.seen_us"
_TOKEN = "t.key, t.id, t.account, t.name, t.digest, t.bounds, t.ends_us, t.created_us, t.used_us"  # noqa: S105
_TOKENS = f"select {_TOKEN}, {_USER} from token t join account a on a.key = t.account"
_AGAINST = (
    "about = 'an account' and who = ?"
    " or about = 'an account from an address' and substr(who, 1, cast(? as integer)) = ?"
)
_WIDTHS = len(_SESSION.split(",")), len(_TOKEN.split(","))


class Accounts:
    """The accounts of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    # ------------------------------------------------------------------ people

    def any(self) -> bool:
        return self._work.db.one("select 1 from account where disabled = 0 limit 1") is not None

    def users(self) -> list[User]:
        return [_user(row) for row in self._work.db.all(f"select {_USER} from account a order by a.folded")]

    def user(self, named: str) -> User:
        found = self._one("a.id = ? or a.folded = ?", named, clean(named).casefold())
        if found is None:
            raise NotFound("user", named)
        return found

    def find(self, name: str) -> User | None:
        return self._one("a.folded = ?", clean(name).casefold())

    def vouched(self, issuer: str, subject: str) -> User | None:
        return self._one("a.issuer = ? and a.subject = ? and a.subject <> ''", issuer, clean(subject))

    def _one(self, where: str, *values: object) -> User | None:
        row = self._work.db.one(f"select {_USER} from account a where {where}", *values)
        return None if row is None else _user(row)

    def add(self, user: User) -> User:
        now = self._work.now
        new = replace(user, id=user.id or self._work.new_id(), revision=1, created_us=now, changed_us=now)
        row = self._work.db.one(
            "insert into account (id, created_us, name, folded, full_name, password, rights, disabled, issuer, subject,"
            " revision, changed_us) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (folded) do nothing"
            " returning key",
            new.id, new.created_us, *_written(new),
        )  # fmt: skip
        if row is None:
            raise NameInUse(f"there is a user {new.name} already", hint="use another name, or change that user")
        return replace(new, key=row[0])

    def put(self, user: User) -> User:
        now = replace(user, revision=user.revision + 1, changed_us=self._work.now)
        touched = self._work.db.run(
            "update account set name = ?, folded = ?, full_name = ?, password = ?, rights = ?, disabled = ?,"
            " issuer = ?, subject = ?, revision = ?, changed_us = ? where key = ? and revision = ?",
            *_written(now), now.key, user.revision,
        )  # fmt: skip
        if not touched:
            stored = self.user(user.id).revision
            raise LostRace(f"user {user.name}", user.revision, stored, ("account", user.key))
        return now

    def remove(self, key: int) -> None:
        self.end_sessions(key)
        self._work.db.run("delete from token where account = ?", key)
        self._work.db.run("delete from account where key = ?", key)

    # ------------------------------------------------------------------ sessions

    def begin_session(self, session: Session) -> None:
        self._work.db.run(
            "insert into session (account, digest, began_us, seen_us) values (?, ?, ?, ?)",
            session.user, session.digest, session.began_us, session.seen_us,
        )  # fmt: skip

    def session(self, digest: str) -> tuple[Session, User] | None:
        row = self._work.db.one(
            f"select {_SESSION}, {_USER} from session s join account a on a.key = s.account where s.digest = ?", digest
        )
        if row is None:
            return None
        key, user, digest, began, seen = row[: _WIDTHS[0]]
        return Session(user, digest, began, seen, key), _user(row[_WIDTHS[0] :])

    def seen(self, key: int) -> None:
        self._work.db.run("update session set seen_us = ? where key = ?", self._work.now, key)

    def sessions(self, user: int) -> list[Session]:
        rows = self._work.db.all(f"select {_SESSION} from session s where s.account = ? order by s.seen_us desc", user)
        return [Session(owner, digest, began, seen, key) for key, owner, digest, began, seen in rows]

    def end_session(self, digest: str) -> None:
        self._work.db.run("delete from session where digest = ?", digest)

    def end_sessions(self, user: int) -> None:
        self._work.db.run("delete from session where account = ?", user)

    # ------------------------------------------------------------------ tokens

    def tokens(self, user: int | None = None) -> list[tuple[Token, User]]:
        own = () if user is None else (user,)
        where = "where t.account = ?" if own else ""
        return [_token(row) for row in self._work.db.all(f"{_TOKENS} {where} order by a.folded, t.name", *own)]

    def token(self, ident: str) -> tuple[Token, User]:
        row = self._work.db.one(f"{_TOKENS} where t.id = ?", ident)
        if row is None:
            raise NotFound("token", ident)
        return _token(row)

    def token_of(self, digest: str) -> tuple[Token, User] | None:
        row = self._work.db.one(f"{_TOKENS} where t.digest = ?", digest)
        return None if row is None else _token(row)

    def add_token(self, token: Token) -> Token:
        new = replace(token, id=self._work.new_id(), created_us=self._work.now)
        row = self._work.db.one(
            "insert into token (id, account, name, digest, bounds, ends_us, created_us) values (?, ?, ?, ?, ?, ?, ?)"
            " on conflict (account, name) do nothing returning key",
            new.id, new.user, clean(new.name), new.digest, BOUNDS.encode(new.bounds), new.ends_us, new.created_us,
        )  # fmt: skip
        if row is None:
            raise NameInUse(f"there is a token {token.name} already", hint="use another name, or revoke that one first")
        return replace(new, key=row[0])

    def used(self, key: int) -> None:
        self._work.db.run("update token set used_us = ? where key = ?", self._work.now, key)

    def remove_token(self, key: int) -> None:
        self._work.db.run("delete from token where key = ?", key)

    # ------------------------------------------------------------------ failed sign-ins

    def failures(self, about: str, who: str) -> Failures:
        row = self._work.db.one(
            "select count, since_us, locked_until_us from failed_sign_in where about = ? and who = ? for no key update",
            about, clean(who),
        )  # fmt: skip
        return Failures(who, about, *(row or ()))

    def count(self, failures: Sequence[Failures]) -> None:
        for one in failures:
            self._work.db.run(
                "insert into failed_sign_in (about, who, count, since_us, locked_until_us, at_us)"
                " values (?, ?, ?, ?, ?, ?) on conflict (about, who) do update set count = excluded.count,"
                " since_us = excluded.since_us, locked_until_us = excluded.locked_until_us, at_us = excluded.at_us",
                one.about, clean(one.of), one.count, one.since_us, one.locked_until_us, self._work.now,
            )  # fmt: skip

    def forgive(self, about: str, who: str) -> None:
        self._work.db.run("delete from failed_sign_in where about = ? and who = ?", about, clean(who))

    def against(self, name: str) -> list[Failures]:
        rows = self._work.db.all(
            f"select who, about, count, since_us, locked_until_us from failed_sign_in where {_AGAINST}", *_against(name)
        )
        return [Failures(*row) for row in rows]

    def unlock(self, name: str) -> None:
        self._work.db.run(f"delete from failed_sign_in where {_AGAINST}", *_against(name))

    def begin_pending(self, pending: Pending) -> None:
        self._work.db.run(
            "insert into pending_sign_in (digest, nonce, verifier, returns, at_us) values (?, ?, ?, ?, ?)",
            pending.digest, pending.nonce, pending.verifier, clean(pending.returns), self._work.now,
        )  # fmt: skip

    def take_pending(self, digest: str, oldest_us: int) -> Pending | None:
        row = self._work.db.one(
            "delete from pending_sign_in where digest = ? returning digest, nonce, verifier, returns, at_us", digest
        )
        return None if row is None or row[4] < oldest_us else Pending(*row[:4])

    def tidy(self, session_us: int, other_us: int) -> None:
        self._work.db.run("delete from session where seen_us < ?", session_us)
        self._work.db.run("delete from token where ends_us < ?", other_us)
        for table in ("failed_sign_in", "pending_sign_in"):
            self._work.db.run(f"delete from {table} where at_us < ?", other_us)


def _against(name: str) -> Row:
    """What ``counted_for`` names an account by; a name has no spaces."""
    account = name.casefold()[:100]
    return account, len(account) + 6, f"{account} from "


def _written(user: User) -> Row:
    return (
        user.name, user.name.casefold(), clean(user.full_name), user.password, RIGHTS.encode(user.rights),
        int(user.disabled), user.issuer, clean(user.subject), user.revision, user.changed_us,
    )  # fmt: skip


def _user(row: Row) -> User:
    key, ident, name, full_name, password, rights, disabled, issuer, subject, revision, created, changed = row
    return User(
        name, RIGHTS.decode(rights), full_name, password, bool(disabled), issuer, subject, ident, key, revision,
        created, changed,
    )  # fmt: skip


def _token(row: Row) -> tuple[Token, User]:
    key, ident, user, name, digest, bounds, ends, created, used = row[: _WIDTHS[1]]
    owner = _user(row[_WIDTHS[1] :])
    return Token(name, user, digest, ends, BOUNDS.decode(bounds), ident, key, created, used), owner
