# SPDX-License-Identifier: Apache-2.0
"""Engines with a protection taken away, for the controls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from preroll.ports.rows import Claims, StepState, Verdict
from preroll.store import journal_steps


def apply(name: str, store: Any) -> None:
    """Take a protection away; the empty name takes none."""
    if name:
        _MUTANTS[name](store)


def _forgets_steps(store: Any) -> None:
    """A resumed run is not told what is recorded, and nothing is refused for being recorded."""
    claim = store.journal.claim

    async def forgetful(*asked: Any) -> Claims:
        claims: Claims = await claim(*asked)
        return replace(claims, runs=tuple(replace(run, steps=()) for run in claims.runs))

    def lenient(ask: Callable[[Any], Awaitable[Verdict]]) -> Callable[[Any], Awaitable[Verdict]]:
        async def asked(step: Any) -> Verdict:
            verdict = await ask(step)
            return Verdict.OK if verdict is Verdict.DUPLICATE else verdict

        return asked

    store.journal.claim = forgetful
    store.journal.begin, store.journal.end = lenient(store.journal.begin), lenient(store.journal.end)


def _no_fence(_: Any) -> None:
    """Steps of an older epoch are taken as if nobody else had been there."""

    def open_door(work: Any, steps: Sequence[Any]) -> dict[int, Any]:
        asked = [(place, step.fence.boundary, step.name) for place, step in enumerate(steps)]
        rows = work.db.all(journal_steps._FENCE, asked)
        begun = StepState.BEGUN.value
        return {row[0]: (*row[:5], begun, steps[row[0]].fence.epoch, 0, 0) for row in rows}

    journal_steps._fences = open_door  # type: ignore[assignment]


def _forgets_decisions(store: Any) -> None:
    """A resumed run is not told what was decided about its changes."""
    claim = store.journal.claim

    async def forgetful(*asked: Any) -> Claims:
        claims: Claims = await claim(*asked)
        runs = (replace(run, steps=tuple(s for s in run.steps if ":decided:" not in s.name)) for run in claims.runs)
        return replace(claims, runs=tuple(runs))

    store.journal.claim = forgetful


_MUTANTS = {"forgets steps": _forgets_steps, "no fence": _no_fence, "forgets decisions": _forgets_decisions}
