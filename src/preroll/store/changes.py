# SPDX-License-Identifier: Apache-2.0
"""The change log: written in the transaction of what it tells, read by an opaque cursor.

On SQLite a cursor is the row's id. On PostgreSQL ids alone would lose rows of transactions that commit late, so it is
the number of the transaction and the id, read only below the snapshot's oldest running transaction.
"""

from __future__ import annotations

from collections.abc import Sequence

from preroll.domain.changes import A_POSITION, Change
from preroll.domain.errors import Invalid, Mistake
from preroll.store.documents import clean
from preroll.store.sql import Row
from preroll.store.work import Work

_FIELDS = "kind, subject, platform, actor, was, became, why, cause, revision, at_us"
_NAME = "coalesce({}, '')".format(
    ", ".join(f"(select name from {table} where id = subject)" for table in ("booking", "service_order", "resource"))
)
_ADD = (
    "insert into change_log (kind, subject, platform, actor, was, became, why, cause, revision, at_us)"
    f" select {_FIELDS} from given(kind text, subject text, platform bigint, actor text, was text, became text,"
    " why text, cause text, revision bigint, at_us bigint) g"
)
_POSITION = {False: "cast(id as text)", True: "xid::text || '.' || id"}
_BELOW = {False: "1 = 1", True: "xid < pg_snapshot_xmin(pg_current_snapshot())"}
_AFTER = {False: "id > ?", True: "(xid, id) > (?::xid8, ?)"}
_ORDER = {False: "id", True: "xid, id"}


class Changes:
    """The change log of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add(self, change: Change) -> None:
        self.add_all([change])

    def add_all(self, changes: Sequence[Change]) -> None:
        """Write facts down, in this order."""
        now = self._work.now
        self._work.db.send(
            _ADD,
            [
                (
                    c.kind, c.subject, c.platform, c.actor, clean(c.before), clean(c.after), clean(c.why),
                    clean(c.cause), c.revision, c.at_us or now,
                )
                for c in changes
            ],
        )  # fmt: skip
        self._work.changed = True

    def of(self, subject: str, limit: int = 1000) -> list[Change]:
        rows = self._work.db.all(
            f"select {_row(postgres=self._work.db.postgres)} from (select * from change_log where subject = ?"
            " order by id desc limit ?) newest order by id",
            subject, limit,
        )  # fmt: skip
        return [change_of(row) for row in rows]

    def tail(self) -> str:
        return tail(self._work)


def _row(*, postgres: bool) -> str:
    return f"{_FIELDS}, {_POSITION[postgres]}, {_NAME}"


def change_of(row: Row) -> Change:
    """The change that a row holds."""
    kind, subject, platform, actor, was, became, why, cause, revision, at_us, position, name = row
    return Change(kind, subject, platform, actor, was, became, why, cause, revision, at_us, position, name)


def _cursor(after: str, *, postgres: bool) -> tuple[object, ...]:
    """A cursor as values for a query. Raises Invalid for anything that never was one."""
    parts = (after or ("0.0" if postgres else "0")).split(".")
    if len(parts) != (2 if postgres else 1) or not all(part.isascii() and part.isdigit() for part in parts):
        raise Invalid([Mistake("after", f"is {after!r}, which is no cursor of the change log", A_POSITION)])
    return (parts[0], int(parts[1])) if postgres else (int(parts[0]),)


def read(work: Work, after: str, limit: int, platform: int | None) -> list[Change]:
    """Changes after a cursor, oldest first, none of them skipped by what commits later."""
    postgres = work.db.postgres
    own = () if platform is None else (platform,)
    rows = work.db.all(
        f"select {_row(postgres=postgres)} from change_log where {_AFTER[postgres]} and {_BELOW[postgres]}"
        f"{' and platform = ?' if own else ''} order by {_ORDER[postgres]} limit ?",
        *_cursor(after, postgres=postgres), *own, limit,
    )  # fmt: skip
    return [change_of(row) for row in rows]


def tail(work: Work) -> str:
    """The cursor of the newest change that ``read`` can see."""
    postgres = work.db.postgres
    order = ", ".join(f"{column} desc" for column in _ORDER[postgres].split(", "))
    row = work.db.one(f"select {_POSITION[postgres]} from change_log where {_BELOW[postgres]} order by {order} limit 1")
    return "" if row is None else str(row[0])


def beyond(work: Work, after: str) -> bool:
    """Is there any change after the cursor, even one that cannot be read yet?"""
    postgres = work.db.postgres
    row = work.db.one(
        f"select 1 from change_log where {_AFTER[postgres]} limit 1",
        *_cursor(after, postgres=postgres),
    )
    return row is not None
