# SPDX-License-Identifier: Apache-2.0
"""Who stood still between asking and acting asks again: another worker may own the run by now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from preroll.bootstrap.virtual import VirtualLoop, run_virtual
from preroll.ports.rows import StepState, Verdict
from preroll.ports.scripts import BookingView, Order, ScriptKind
from preroll.scripts.steps import Over, Step, Steps

ORDER = Order(
    "run-1", "1:1:0", ScriptKind.LSO, "warm-up", "", "START", "START", "STANDBY",
    BookingView("b-1", "News", "default", 0, None, 0, 0, "Pre-roll"),
)  # fmt: skip


class SlowBook:
    """Answers begins after the given times, with the given verdicts."""

    def __init__(self, *answers: tuple[float, Verdict]) -> None:
        self._answers: Iterator[tuple[float, Verdict]] = iter(answers)
        self.attempts: list[int] = []

    async def begin(self, name: str, resource: str, attempt: int) -> Verdict:
        self.attempts.append(attempt)
        wait, verdict = next(self._answers)
        await asyncio.sleep(wait)
        return verdict

    async def end(self, name: str, state: StepState, result: object, diff: object, error: str) -> Verdict:
        return Verdict.OK

    def log(self, *line: object) -> None: ...


def take(book: SlowBook) -> list[str]:
    """Take one step whose begin holds for a second; returns the keys with which it was done."""
    done: list[str] = []

    async def do(key: str) -> None:
        done.append(key)

    async def main() -> None:
        await Steps(ORDER, book, fresh=1.0).take(Step("set level", do))

    run_virtual(main(), loop=VirtualLoop(0))
    return done


def test_a_fresh_answer_holds() -> None:
    book = SlowBook((0.9, Verdict.OK))
    assert take(book) == ["1:1:0:set level"]
    assert book.attempts == [1]


def test_an_old_answer_is_asked_for_again() -> None:
    book = SlowBook((1.1, Verdict.OK), (60.0, Verdict.OK), (0.1, Verdict.OK))
    assert take(book) == ["1:1:0:set level"]
    assert book.attempts == [1, 2, 3]


def test_who_lost_the_run_meanwhile_touches_nothing() -> None:
    book = SlowBook((1.1, Verdict.OK), (0.0, Verdict.FENCED))
    with pytest.raises(Over):
        take(book)
    assert book.attempts == [1, 2]
