# SPDX-License-Identifier: Apache-2.0
"""Steps and the action log: fenced, and durable before a device is touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from preroll.domain.boundaries import BoundaryState
from preroll.ports.rows import LogLine, StepBegin, StepEnd, StepState, Verdict
from preroll.store.documents import ANYTHING, DIFF, NO_VALUES, VALUES, clean
from preroll.store.sql import Row
from preroll.store.work import Work

_FENCE = (
    "select g.place, b.state, b.epoch, b.generation, b.try_, s.state, s.epoch, s.attempts, s.began_us"
    " from given(place bigint, boundary bigint, name text) g join boundary b on b.key = g.boundary"
    " left join step s on s.boundary = b.key and s.generation = b.generation and s.try_ = b.try_ and s.name = g.name"
    " for no key update of b by b.key, g.place"
)
_BEGIN = (
    "insert into step (boundary, generation, try_, name, resource, state, attempts, epoch, began_us, version, error)"
    " select boundary, generation, try_, name, resource, 'begun', attempts, epoch, began_us, version, ''"
    " from given(boundary bigint, generation bigint, try_ bigint, name text, resource text, attempts bigint,"
    " epoch bigint, began_us bigint, version text) g where true"
    " on conflict (boundary, generation, try_, name) do update set"
    " resource = excluded.resource, state = 'begun', attempts = excluded.attempts, epoch = excluded.epoch,"
    " began_us = excluded.began_us, version = excluded.version, ended_us = null, error = ''"
)
_END = (
    "update step set state = g.state, epoch = g.epoch, ended_us = g.ended_us, result = g.result, diff = g.diff,"
    " error = g.error from given(boundary bigint, generation bigint, try_ bigint, name text, state text, epoch bigint,"
    " ended_us bigint, result text, diff text, error text) g where step.boundary = g.boundary"
    " and step.generation = g.generation and step.try_ = g.try_ and step.name = g.name"
)
_LOG = (
    "insert into action_log (booking, run, severity, text, at_us, data) select booking, run, severity, text, at_us,"
    " data from given(booking bigint, run text, severity text, text text, at_us bigint, data text) g"
)
_RUNNING = BoundaryState.RUNNING.value
_DONE = StepState.DONE.value


def _fences(work: Work, steps: Sequence[Any]) -> dict[int, Row]:
    """What is known about the boundary and the step of each call, by its place; the fenced ones are absent."""
    work.expect_now()
    asked = [(place, step.fence.boundary, clean(step.name)) for place, step in enumerate(steps)]
    return {
        row[0]: row for row in work.db.all(_FENCE, asked) if row[1] == _RUNNING and row[2] == steps[row[0]].fence.epoch
    }


def begin(work: Work, steps: Sequence[StepBegin]) -> list[Verdict]:
    """Record that steps are about to touch devices."""
    known = _fences(work, steps)
    verdicts: list[Verdict] = []
    writes: dict[tuple[int, str], Row] = {}
    for place, step in enumerate(steps):
        row = known.get(place)
        if row is None:
            verdicts.append(Verdict.FENCED)
        elif (step.fence.boundary, step.name) in writes or _used(row, step, work.attempts):
            verdicts.append(Verdict.DUPLICATE)
        else:
            verdicts.append(Verdict.OK)
            writes[step.fence.boundary, step.name] = (
                step.fence.boundary, row[3], row[4], clean(step.name), step.resource, step.attempt, step.fence.epoch,
                work.now, step.version,
            )  # fmt: skip
    if writes:
        work.db.send(_BEGIN, list(writes.values()))
    return verdicts


def _used(row: Row, step: StepBegin, attempts: set[int]) -> bool:
    """Was the name used before? A further attempt may use it again, and a resumed run what did not get done."""
    state, epoch, attempt, began = row[5:9]
    if state is None:
        return False
    if epoch != step.fence.epoch:
        return bool(state == _DONE)
    return step.attempt <= attempt and began not in attempts


def end(work: Work, steps: Sequence[StepEnd]) -> list[Verdict]:
    """Record how steps ended. The same end twice is the same end."""
    known = _fences(work, steps)
    verdicts: list[Verdict] = []
    writes: dict[tuple[int, str], Row] = {}
    for place, step in enumerate(steps):
        row = known.get(place)
        if row is None or row[5] is None:
            verdicts.append(Verdict.FENCED)
        elif row[5] == _DONE and row[6] != step.fence.epoch:
            verdicts.append(Verdict.DUPLICATE)
        else:
            verdicts.append(Verdict.OK)
            writes[step.fence.boundary, step.name] = (
                step.fence.boundary, row[3], row[4], clean(step.name), step.state.value, step.fence.epoch, work.now,
                None if step.result is None else ANYTHING.encode(step.result),
                DIFF.encode(step.diff) if step.diff else None, clean(step.error),
            )  # fmt: skip
    if writes:
        work.db.send(_END, list(writes.values()))
    return verdicts


def log(work: Work, lines: Sequence[LogLine]) -> list[None]:
    """Add lines to action logs."""
    rows = [
        (
            line.booking, line.run, line.severity.value, clean(line.text), line.at_us or work.now,
            VALUES.encode(line.data) if line.data else NO_VALUES,
        )
        for line in lines
    ]  # fmt: skip
    if rows:
        work.db.send(_LOG, rows)
    return [None] * len(lines)
