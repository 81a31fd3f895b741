# SPDX-License-Identifier: Apache-2.0
"""What the engine wrote, to be read: runs, steps and the action log."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from preroll.domain.audit import Round
from preroll.domain.auditing import ORDINAL
from preroll.domain.boundaries import Kind
from preroll.domain.errors import NotFound
from preroll.ports.rows import LogLine, Severity, StepState
from preroll.ports.store import RunRow, StepRow
from preroll.store.audits import rounds
from preroll.store.documents import ANYTHING, DIFF, VALUES
from preroll.store.sql import Row
from preroll.store.work import Work

VERSION = (
    "coalesce(nullif(r.version, ''), (select s.version from step s where s.boundary = r.boundary"
    " and s.generation = r.generation and s.try_ = r.try_ and s.version <> '' limit 1), '')"
)
"""The script's version: a run has it when it is settled, its steps have it from the first on."""
_RUNS = (
    f"select r.id, r.boundary, k.id, r.kind, r.event, r.script, {VERSION}, r.target, r.previous, r.generation, r.try_,"
    " r.epoch, r.config_version, coalesce(w.name, ''), r.began_us, r.ended_us, r.outcome, r.reason, r.message,"
    " r.returned from run r join booking k on k.key = r.booking left join worker w on w.key = r.worker"
)
_OF_BOOKING = "r.boundary in (select b.key from boundary b where b.booking = ?)"
_STEP = (
    "r.id, s.name, s.resource, s.state, s.attempts, s.epoch, s.began_us, s.ended_us, s.result, s.diff, s.error,"
    " coalesce((select q.name from resource q where q.id = s.resource), '')"
)
_OF_RUN = "join step s on s.boundary = r.boundary and s.generation = r.generation and s.try_ = r.try_"
_STEPS = f"select {_STEP} from run r {_OF_RUN} where r.id in ?texts order by s.began_us, s.name"
_LIFE = (
    f"select this.id, {_STEP}, r.try_ from run this"
    f" join run r on r.boundary = this.boundary and r.generation = this.generation and r.try_ <= this.try_"
    f" {_OF_RUN} where this.id in ?texts order by this.id, s.began_us, s.name"
)

_APPLIED = (
    "select s.resource, s.result from step s where s.boundary in (select b.key from boundary b where b.booking = ?)"
    " and s.state = 'done' and s.resource <> '' and s.result is not null order by s.ended_us, s.began_us, s.name"
)


class Records:
    """The engine's records of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def runs(self, booking: int) -> list[RunRow]:
        rows = self._work.db.all(f"{_RUNS} where {_OF_BOOKING} order by r.began_us, r.boundary, r.try_", booking)
        return [_run(row) for row in rows]

    def newest(self, bookings: Collection[int], kind: Kind) -> dict[str, RunRow]:
        rows = self._work.db.all(
            f"{_RUNS} where r.boundary in (select b.key from boundary b where b.booking in ?ints) and r.kind = ?"
            " order by r.began_us, r.boundary, r.try_",
            sorted(bookings), kind.value,
        )  # fmt: skip
        return {run.booking: run for run in map(_run, rows)}

    def run(self, ident: str) -> RunRow:
        row = self._work.db.one(f"{_RUNS} where r.id = ?", ident)
        if row is None:
            raise NotFound("run", ident)
        return _run(row)

    def steps(self, runs: Sequence[str]) -> list[StepRow]:
        return [_step(row) for row in self._work.db.all(_STEPS, list(runs))]

    def lives(self, runs: Sequence[str]) -> Callable[[], Mapping[str, list[StepRow]]]:
        rows = self._work.db.later(_LIFE, list(runs))
        return lambda: {run: _newest([row[1:] for row in its]) for run, its in groupby(rows(), key=itemgetter(0))}

    def audits(self, booking: int, limit: int = 20) -> list[RunRow]:
        rows = self._work.db.all(
            f"{_RUNS} where r.boundary in (select b.key from boundary b where b.booking = ? and b.ordinal = ?)"
            " order by r.began_us desc, r.id desc limit ?",
            booking, ORDINAL, limit,
        )  # fmt: skip
        return [_run(row) for row in rows]

    def rounds(self, booking: int) -> list[Round]:
        return rounds(self._work, booking)

    def applied(self, booking: int) -> list[tuple[str, Mapping[str, object]]]:
        rows = self._work.db.all(_APPLIED, booking)
        found = [(resource, ANYTHING.decode(result)) for resource, result in rows]
        return [(resource, result["applied"]) for resource, result in found
                if isinstance(result, dict) and isinstance(result.get("applied"), dict)]  # fmt: skip

    def log(self, booking: int, *, run: str | None = None, limit: int = 1000) -> list[LogLine]:
        rows = self._work.db.all(
            "select booking, run, severity, text, at_us, data from (select * from action_log where booking = ?"
            " and (? = '' or run = ?) order by key desc limit ?) newest order by key",
            booking, run or "", run or "", limit,
        )  # fmt: skip
        return [
            LogLine(booking, run, Severity(severity), text, at_us, VALUES.decode(data))
            for booking, run, severity, text, at_us, data in rows
        ]


def _run(row: Row) -> RunRow:
    (
        ident, boundary, booking, kind, event, script, version, target, previous, generation, try_, epoch,
        config_version, worker, began, ended, outcome, reason, message, returned,
    ) = row  # fmt: skip
    return RunRow(
        ident, boundary, booking, Kind(kind), event, script, version, target, previous, generation, try_, epoch,
        config_version, worker, began, ended, outcome, reason, message, VALUES.decode(returned),
    )  # fmt: skip


def _newest(rows: Sequence[Row]) -> list[StepRow]:
    """Each step as it was in the last try that had it."""
    newest = {row[1]: row for row in sorted(rows, key=itemgetter(-1))}
    return [_step(row[:-1]) for row in rows if newest[row[1]] is row]


def _step(row: Row) -> StepRow:
    run, name, resource, state, attempts, epoch, began, ended, result, diff, error, called = row
    return StepRow(
        run, name, resource, StepState(state), attempts, epoch, began, ended,
        None if result is None else ANYTHING.decode(result), () if diff is None else DIFF.decode(diff), error,
        called,
    )  # fmt: skip
