# SPDX-License-Identifier: Apache-2.0
"""Subscriptions, their places in the change log, who delivers them, and their dead letters."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from preroll.domain.errors import NameInUse, NotFound, Stale
from preroll.domain.permission import Bounds
from preroll.domain.subscription import DeadLetter, Filter, Kind, Progress, Status, Subscription
from preroll.store.documents import Codec, clean
from preroll.store.sql import Row
from preroll.store.work import Work

FILTER: Codec[Filter] = Codec(Filter)
BOUNDS: Codec[Bounds] = Codec(Bounds)

_COLUMNS = (
    "key, id, owner, name, kind, address, secret, filter, bounds, status, position, attempts, next_us, taken_us,"
    " failed_us, error, revision, created_us, created_by"
)
_LETTER = "id, position, kind, subject, body, attempts, error, at_us"


class Subscriptions:
    """The subscriptions of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def all(self, owner: str | None = None) -> list[Subscription]:
        own = () if owner is None else (owner,)
        where = "where owner = ?" if own else ""
        rows = self._work.db.all(f"select {_COLUMNS} from subscription {where} order by owner, name", *own)
        return [_subscription(row) for row in rows]

    def get(self, ident: str) -> Subscription:
        row = self._work.db.one(f"select {_COLUMNS} from subscription where id = ?", ident)
        if row is None:
            raise NotFound("subscription", ident)
        return _subscription(row)

    def add(self, subscription: Subscription) -> Subscription:
        new = replace(subscription, id=self._work.new_id(), created_us=self._work.now, revision=1)
        place = new.progress
        row = self._work.db.one(
            "insert into subscription (id, created_us, created_by, owner, name, kind, address, secret, filter, bounds,"
            " status, position, attempts, next_us, taken_us, failed_us, error, revision)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (owner, name) do nothing"
            " returning key",
            new.id, new.created_us, new.created_by, new.owner, clean(new.name), new.kind.value, new.to, new.secret,
            FILTER.encode(new.filter), BOUNDS.encode(new.bounds), new.status.value, place.cursor, place.attempts,
            place.next_us, place.taken_us, place.failed_us, clean(place.error), new.revision,
        )  # fmt: skip
        if row is None:
            raise _taken(new.name)
        return replace(new, key=row[0])

    def put(self, subscription: Subscription) -> Subscription:
        progress = replace(subscription.progress, attempts=0, next_us=0)
        now = replace(subscription, revision=subscription.revision + 1, progress=progress)
        other = self._work.db.one(
            "select 1 from subscription where owner = ? and name = ? and key <> ?", now.owner, clean(now.name), now.key
        )
        if other is not None:
            raise _taken(now.name)
        touched = self._work.db.run(
            "update subscription set name = ?, address = ?, secret = ?, filter = ?, status = ?, revision = ?,"
            " attempts = 0, next_us = 0 where key = ? and revision = ?",
            clean(now.name), now.to, now.secret, FILTER.encode(now.filter), now.status.value, now.revision, now.key,
            subscription.revision,
        )  # fmt: skip
        if not touched:
            stored = self.get(subscription.id).revision
            raise Stale(f"subscription {subscription.name}", subscription.revision, stored)
        return now

    def remove(self, key: int) -> None:
        self._work.db.run("delete from dead_letter where subscription = ?", key)
        self._work.db.run("delete from subscription where key = ?", key)

    # ------------------------------------------------------------------ delivering

    def claimable(self, holder: str, kinds: Set[Kind]) -> set[tuple[int, int]]:
        where, values = _claimable(holder, kinds, self._work.now)
        rows = self._work.db.all(f"select key, revision from subscription where {where}", *values)
        return {(key, revision) for key, revision in rows}

    def claim(self, holder: str, kinds: Set[Kind], lease_us: int) -> list[Subscription]:
        where, values = _claimable(holder, kinds, self._work.now)
        rows = self._work.db.all(
            f"update subscription set holder = ?, lease_us = ? where {where} returning {_COLUMNS}",
            holder, self._work.now + lease_us, *values,
        )  # fmt: skip
        return sorted((_subscription(row) for row in rows), key=lambda found: found.key)

    def release(self, holder: str | None) -> None:
        whose = () if holder is None else (holder,)
        where = "holder = ?" if whose else "holder <> ''"
        self._work.db.run(f"update subscription set holder = '', lease_us = 0 where {where}", *whose)

    def move(self, key: int, holder: str, status: Status, progress: Progress) -> bool:
        touched = self._work.db.run(
            "update subscription set status = ?, position = ?, attempts = ?, next_us = ?, taken_us = ?, failed_us = ?,"
            " error = ? where key = ? and holder = ? and status <> 'paused'",
            status.value, progress.cursor, progress.attempts, progress.next_us, progress.taken_us, progress.failed_us,
            clean(progress.error), key, holder,
        )  # fmt: skip
        return bool(touched)

    def bury(self, key: int, letter: DeadLetter) -> None:
        self._work.db.run(
            f"insert into dead_letter (subscription, {_LETTER}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " on conflict (subscription, id) do nothing",
            key, letter.id, letter.position, letter.kind, letter.subject, clean(letter.body), letter.attempts,
            clean(letter.error), self._work.now,
        )  # fmt: skip

    def letters(self, key: int, limit: int = 100) -> list[DeadLetter]:
        rows = self._work.db.all(
            f"select {_LETTER} from dead_letter where subscription = ? order by key limit ?", key, limit
        )
        return [DeadLetter(*row) for row in rows]

    def unbury(self, key: int, ident: str) -> None:
        self._work.db.run("delete from dead_letter where subscription = ? and id = ?", key, ident)


def _claimable(holder: str, kinds: Set[Kind], now: int) -> tuple[str, tuple[object, ...]]:
    """Which subscriptions a process may deliver, as a condition and its values."""
    marks = ", ".join("?" for _ in kinds) or "''"
    where = f"status <> 'paused' and kind in ({marks}) and (holder = ? or lease_us <= ?)"
    return where, (*sorted(kinds), holder, now)


def _taken(name: str) -> NameInUse:
    return NameInUse(f"there is a subscription {name} already", hint="use another name, or change that one")


def _subscription(row: Row) -> Subscription:
    (
        key, ident, owner, name, kind, to, secret, filter_, bounds, status, cursor, attempts, next_us, taken, failed,
        error, revision, created, created_by,
    ) = row  # fmt: skip
    return Subscription(
        name, Kind(kind), to, FILTER.decode(filter_), secret, owner, BOUNDS.decode(bounds), Status(status),
        Progress(cursor, attempts, next_us, taken, failed, error), ident, key, revision, created, created_by,
    )  # fmt: skip
