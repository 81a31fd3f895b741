# SPDX-License-Identifier: Apache-2.0
"""What bookings lost in conflicts: one row a dimension of a resource, closed when it is over, never deleted."""

from __future__ import annotations

from collections.abc import Sequence

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
_OPEN = (
    "select l.resource, s.name, l.dimension, l.amount, l.start_us, l.end_us, l.kind, l.about, l.why, l.rivals,"
    " l.reason, l.held, l.was, l.at_us from loss l join resource s on s.key = l.resource"
    " where l.booking = ? and l.closed_us is null order by l.key"
)
_OF_DIMENSION = (
    " where booking = ? and resource = ? and live = 1"
    " and dimension in (select 0 where ? = '' union all select key from dimension where name = ?)"
)


class Losses:
    """The losses of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add(self, booking: int, losses: Sequence[Loss]) -> None:
        if losses:
            self._work.db.send(_ADD, [_row(booking, loss, self._work.now) for loss in losses])
        for loss in losses:
            if not loss.held:
                self._take(booking, loss)

    def _take(self, booking: int, loss: Loss) -> None:
        where = booking, loss.resource, loss.dimension, loss.dimension
        self._work.db.send(f"delete from reservation{_OF_DIMENSION} and amount <= ?", *where, loss.amount)
        self._work.db.send(f"update reservation set amount = amount - ?{_OF_DIMENSION}", loss.amount, *where)

    def of(self, booking: int) -> list[Loss]:
        return [_loss(row) for row in self._work.db.all(_OPEN, booking)]

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


def _loss(row: Row) -> Loss:
    resource, name, dimension, amount, start, end, kind, about, why, rivals, reason, held, was, at_us = row
    return Loss(
        resource, name, dimension, amount, start, end, Kind(kind), about, why, RIVALS.decode(rivals), Reason(reason),
        bool(held), State(was), at_us,
    )  # fmt: skip
