# SPDX-License-Identifier: Apache-2.0
"""What bookings lost in conflicts: one row a dimension of a resource, closed when it is over, never deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from preroll.domain.booking import State
from preroll.domain.quarantine import Kind, Loss, Reason, Rival
from preroll.store.documents import Codec, clean
from preroll.store.sql import Row
from preroll.store.work import Work

RIVALS: Codec[tuple[Rival, ...]] = Codec(tuple[Rival, ...])

_FIELDS = (
    "booking bigint, resource bigint, dimension text, amount bigint, start_us bigint, end_us bigint, kind text,"
    " about text, why text, rivals text, reason text, held bigint, was text, at_us bigint"
)
_NAMES = ", ".join(field.split()[0] for field in _FIELDS.split(","))
_ADD = f"insert into loss ({_NAMES}) select {_NAMES} from given({_FIELDS}) g"
OPEN = (
    "select l.booking, l.resource, s.name, l.dimension, l.amount, l.start_us, l.end_us, l.kind, l.about, l.why,"
    " l.rivals, l.reason, l.held, l.was, l.at_us from loss l join resource s on s.key = l.resource"
    " where l.closed_us is null and"
)
"""What is lost and not got back; the rest of the condition follows."""
_TAKEN = "given(booking bigint, resource bigint, dimension text, amount bigint) g"
_OF_DIMENSION = (
    "r.booking = g.booking and r.resource + 0 = g.resource and r.live = 1"
    " and r.dimension = case when g.dimension = '' then 0"
    " else (select d.key from dimension d where d.name = g.dimension) end"
)
"""By the few rows of the booking: the sum keeps SQLite from those of a resource that thousands hold."""
_GONE = f"select r.key from {_TAKEN} cross join reservation r where {_OF_DIMENSION} and r.amount <= g.amount"
_LESS = (
    f"update reservation set amount = reservation.amount - g.amount from {_TAKEN}"
    f" where {_OF_DIMENSION.replace('r.', 'reservation.')}"
)


class Losses:
    """The losses of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add(self, booking: int, losses: Sequence[Loss]) -> None:
        self.add_all([(booking, losses)])

    def add_all(self, losses: Sequence[tuple[int, Sequence[Loss]]]) -> None:
        each = [(booking, loss) for booking, several in losses for loss in several]
        if not each:
            return
        self._work.db.send(_ADD, [_row(booking, loss, self._work.now) for booking, loss in each])
        taken: Counter[tuple[int, int, str]] = Counter()
        for booking, loss in each:
            if not loss.held:
                taken[booking, loss.resource, loss.dimension] += loss.amount
        if rows := [(*where, amount) for where, amount in taken.items()]:
            self._work.db.send(f"delete from reservation where key in ({_GONE})", rows)
            self._work.db.send(_LESS, rows)

    def of(self, booking: int) -> list[Loss]:
        return [loss_of(row[1:]) for row in self._work.db.all(f"{OPEN} l.booking = ? order by l.key", booking)]

    def open_of(self, bookings: Collection[int]) -> set[int]:
        sql = "select distinct booking from loss where booking in ?ints and closed_us is null"
        return {key for (key,) in self._work.db.all(sql, sorted(bookings))}

    def was(self, booking: int) -> State | None:
        row = self._work.db.one("select was from loss where booking = ? order by key desc limit 1", booking)
        return None if row is None else State(row[0])

    def close(self, bookings: Sequence[int]) -> None:
        self._work.db.send(
            "update loss set closed_us = ? where booking in ?ints and closed_us is null", self._work.now, list(bookings)
        )


def _row(booking: int, loss: Loss, now: int) -> Row:
    return (
        booking, loss.resource, loss.dimension, loss.amount, loss.start, loss.end, loss.kind.value, loss.about,
        clean(loss.why), RIVALS.encode(loss.rivals), loss.reason.value, int(loss.held), loss.was.value,
        loss.at_us or now,
    )  # fmt: skip


def loss_of(row: Row) -> Loss:
    """The loss that a row of OPEN holds, after its booking."""
    resource, name, dimension, amount, start, end, kind, about, why, rivals, reason, held, was, at_us = row
    return Loss(
        resource, name, dimension, amount, start, end, Kind(kind), about, why, RIVALS.decode(rivals), Reason(reason),
        bool(held), State(was), at_us,
    )  # fmt: skip
