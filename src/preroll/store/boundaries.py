# SPDX-License-Identifier: Apache-2.0
"""The timetable: one row a boundary."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from preroll.domain.booking import Trigger
from preroll.domain.boundaries import Boundary, BoundaryState, Direction, Kind, Reason
from preroll.domain.errors import NotFound
from preroll.store.documents import clean
from preroll.store.sql import Row
from preroll.store.work import Work

NAMES = (
    "key", "booking", "kind", "due_us", "state", "generation", "try_", "epoch", "worker", "fires", "planned_us",
    "began_us", "ended_us", "reason", "message", "waits_for",
)  # fmt: skip
WIDTH = len(NAMES)
DUE = NAMES.index("due_us")
RANK = {Direction.DOWN: 0, Direction.UP: 1, Direction.ASIDE: 2}
"""Down events are claimed first."""
_KINDS = {kind.value: kind for kind in Kind}
_STATES = {state.value: state for state in BoundaryState}
_TRIGGERS: dict[str | None, Trigger | None] = {None: None, **{trigger.value: trigger for trigger in Trigger}}
_REASONS: dict[str | None, Reason | None] = {None: None, **{reason.value: reason for reason in Reason}}


def columns(alias: str) -> str:
    """The boundary's columns for a join, in the order in which ``boundary_of`` reads them."""
    return ", ".join(f"{alias}.{name}" for name in NAMES)


def boundary_of(row: Row) -> Boundary:
    """The boundary that a row of ``columns`` holds."""
    (
        key, booking, kind, due, state, generation, try_, epoch, worker, fires, planned, began, ended, reason, message,
        waits_for,
    ) = row  # fmt: skip
    return Boundary(
        key, booking, _KINDS[kind], due, _STATES[state], generation, try_, epoch, worker, _TRIGGERS[fires], planned,
        began, ended, _REASONS[reason], message, waits_for,
    )  # fmt: skip


def claimed(b: Boundary, worker: int, now_us: int) -> Boundary:
    """The boundary in a worker's hands; only an aside keeps its reason, which it was made for."""
    aside = b.event.direction is Direction.ASIDE
    return Boundary(
        b.key, b.booking, b.kind, b.due_us, BoundaryState.RUNNING, b.generation, b.try_, b.epoch + 1, worker, b.trigger,
        b.planned_us, now_us, None, b.reason if aside else None, b.message if aside else "", None,
    )  # fmt: skip


_WRITTEN = (
    "booking bigint, kind text, ordinal bigint, rank bigint, due_us bigint, state text, generation bigint, try_ bigint,"
    " epoch bigint, worker bigint, fires text, planned_us bigint, began_us bigint, ended_us bigint, reason text,"
    " message text"
)
_MOVED = ("due_us", "state", "generation", "try_", "fires", "planned_us", "began_us", "ended_us", "reason", "message")
"""What a command may change; the claim's own columns (epoch, worker) belong to the journal."""
_INSERT = (
    "insert into boundary (platform, scripted, {names}) select k.platform,"
    " case when g.rank = 2 or g.kind = 'order' then 1 else coalesce(d.scripted, k.orchestrated) end, {picked}"
    f" from given({_WRITTEN}) g join booking k on k.key = g.booking"
    " left join service_definition d on d.key = k.definition"
).format(
    names=", ".join(c.split()[0] for c in _WRITTEN.split(",")),
    picked=", ".join("g." + c.split()[0] for c in _WRITTEN.split(",")),
)
_UPDATE = (
    f"update boundary set {', '.join(f'{name} = g.{name}' for name in _MOVED)}, waits_for = null"
    f" from given(key bigint, {_WRITTEN}) g where boundary.key = g.key and boundary.state <> 'running'"
)
"""One that is running belongs to the journal: no command moves it."""
_DISARM = (
    "update boundary set state = 'disarmed', waits_for = null where booking in ?ints and state = 'armed' and rank < 2"
)
_WAIT_NO_MORE = (
    "update boundary set waits_for = null"
    " where waits_for in (select b.key from boundary b where b.booking in ?ints and b.rank < 2)"
)


class Boundaries:
    """The timetable of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def of(self, booking: int) -> list[Boundary]:
        return self.of_all([booking]).get(booking, [])

    def of_all(self, bookings: Collection[int]) -> dict[int, list[Boundary]]:
        return self.ask(bookings)()

    def ask(self, bookings: Collection[int]) -> Callable[[], dict[int, list[Boundary]]]:
        """The same, when it is wanted."""
        rows = self._work.db.later(
            f"select {columns('b')} from boundary b where b.booking in ?ints order by b.booking, b.ordinal, b.key",
            sorted(bookings),
        )

        def found() -> dict[int, list[Boundary]]:
            of: dict[int, list[Boundary]] = {}
            for boundary in map(boundary_of, rows()):
                of.setdefault(boundary.booking, []).append(boundary)
            return of

        return found

    def booking_of(self, key: int) -> int:
        row = self._work.db.one("select booking from boundary where key = ?", key)
        if row is None:
            raise NotFound("boundary", key)
        return int(row[0])

    def stop(self, key: int) -> None:
        self._work.db.run("update boundary set stopping = 1 where key = ? and state = 'running'", key)
        self._work.due = True

    def upsert(self, boundaries: Iterable[Boundary]) -> None:
        new, old = [], []
        for boundary in boundaries:
            if boundary.key:
                old.append((boundary.key, *_row(boundary)))
            else:
                new.append(_row(boundary))
        db = self._work.db
        if new:
            db.send(_INSERT, new)
        if old:
            db.send(_UPDATE, old)
            db.send("update boundary set waits_for = null where waits_for in ?ints", [row[0] for row in old])
        self._work.due = True

    def disarm(self, bookings: Collection[int]) -> None:
        if not bookings:
            return
        for sql in (_DISARM, _WAIT_NO_MORE):
            self._work.db.send(sql, list(bookings))
        self._work.due = True


def _row(b: Boundary) -> Row:
    event = b.event
    return (
        b.booking, b.kind.value, event.ordinal, RANK[event.direction], b.due_us, b.state.value, b.generation, b.try_,
        b.epoch, b.worker, None if b.trigger is None else b.trigger.value, b.planned_us, b.began_us, b.ended_us,
        None if b.reason is None else b.reason.value, clean(b.message),
    )  # fmt: skip
