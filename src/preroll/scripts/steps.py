# SPDX-License-Identifier: Apache-2.0
"""Steps of a run: recorded before they start and when they end, retried, and after a crash probed before a repeat."""

from __future__ import annotations

import asyncio
import math
import os
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from preroll import sdk
from preroll.ports.rows import RecordedStep, Severity, StepState, Verdict
from preroll.ports.scripts import Order, Reach, nowhere
from preroll.scripts.frames import MAX_DIFF, MAX_OUTPUT
from preroll.sdk import DeviceError, Retry, ScriptError, Secret, StepUnknown, TimedOut

Sleep = Callable[[float], Awaitable[object]]
Diff = tuple[tuple[str, object, object], ...]
_NOT_THE_AUTHORS = tuple(os.path.dirname(file) for file in (__file__, sdk.__file__, os.__file__))  # noqa: PTH120 - compared with file names
_ROOM_FOR_THE_CUT = 200
MAX_TEXT = 10_000
"""Characters of a message or of a line of the log."""
DIGEST = "digest"
MAX_NAME = 200
"""Characters of a step's name."""
ASK_AGAIN = 0.2
"""Seconds after which a store that does not answer is asked again."""


class Book(Protocol):
    """A run's line to the engine."""

    async def begin(self, name: str, resource: str, attempt: int) -> Verdict | None:
        """Durable when it returns; None: the store does not answer."""
        ...

    async def end(self, name: str, state: StepState, result: object, diff: Diff, error: str) -> Verdict | None:
        """Durable when it returns, however long the store does not answer."""
        ...

    def log(self, severity: Severity, text: str, data: Mapping[str, object]) -> None:
        """A line of the action log."""
        ...


class Over(BaseException):
    """The run may not go on: another worker owns it, or it has ended.

    Not an Exception, so that no author's ``except Exception`` holds it up.
    """


class AuthorError(Exception):
    """A script used its context in a way that cannot be."""


@dataclass(slots=True)
class Step:
    """One thing to do."""

    name: str
    do: Callable[[str], Awaitable[object]]
    """Gets the idempotency key; returns the result."""
    probe: Callable[[], Awaitable[bool]] | None = None
    repeatable: bool = False
    resource: str = ""
    """Id of the resource that it touches."""
    where: str = ""
    """Name of the resource, for messages."""
    diff: Callable[[], Diff] = tuple
    """What has been changed so far."""
    so: object = None
    """The result when the probe tells that it has taken effect."""
    evidence: Callable[[], object] = lambda: None
    """What is kept when it fails."""


class Steps:
    """The steps of one run."""

    def __init__(
        self,
        order: Order,
        book: Book,
        attempts: Mapping[str, int] | None = None,
        *,
        sleep: Sleep = asyncio.sleep,
        reach: Reach = nowhere,
        fresh: float = math.inf,
    ) -> None:
        self._order, self._book, self._sleep, self._reach, self._fresh = order, book, sleep, reach, fresh
        self._attempts = attempts or {}
        self._names: set[str] = set()
        self._recorded: dict[str, RecordedStep] = {s.name: s for s in order.steps}
        self._over = ""
        self._output = 0

    async def pause(self, seconds: float) -> None:
        """Wait between two looks of a step."""
        await self._sleep(seconds)

    async def take(self, step: Step) -> object:
        """Do it once and return its result; what an earlier run has done already is not done again.

        Raises:
            AuthorError: the name was used before in this run, or the result is no JSON.
            StepUnknown: see ``preroll.sdk.Context.step``.
            Exception: what the last attempt raised, with a note that says what, where and how often.
        """
        if not isinstance(step.name, str) or not 0 < len(step.name) <= MAX_NAME or step.name != clean(step.name):
            raise AuthorError(f"step name {clean(repr(step.name))[:MAX_NAME]}: give it 1 to {MAX_NAME} characters")
        if step.name in self._names:
            raise AuthorError(f"step name {step.name} is used twice in one run: give each use a name (step=...)")
        self._names.add(step.name)
        known = self._recorded.get(step.name)
        if known is not None and known.state is StepState.DONE:
            return known.result
        state = known.state if known is not None else None
        return await self._persist(
            step,
            first=self._attempts.get(step.name, 0 if known is None else 1) + 1,
            doubt=state in (StepState.BEGUN, StepState.UNKNOWN),
            asked=state is StepState.UNKNOWN,
        )

    async def _persist(self, step: Step, *, first: int, doubt: bool, asked: bool) -> object:
        attempt, number = first, 0
        while True:
            attempt = await self._begin(step, attempt) + 1
            number += 1
            try:
                result = await self._attempt(step, doubt=doubt, asked=asked)
            except MemoryError:
                raise
            except Exception as error:
                doubt = doubt or (isinstance(error, TimedOut) and error.maybe_applied)
                settled = not doubt or asked or step.repeatable or step.probe is not None
                if not (settled and retryable(error) and number < self._order.attempts):
                    await self._fail(step, error, number, StepState.FAILED if settled else StepState.UNKNOWN)
                    raise
                await self._pause(step, error, number)
            else:
                self._reach("host.applied")
                await self._end(step, StepState.DONE, result, "")
                return result

    async def _begin(self, step: Step, attempt: int) -> int:
        """Returns under which attempt the step may go on; asks again when there is no answer, or one that is stale."""
        clock = asyncio.get_running_loop().time
        while True:
            self._refuse_if_over()
            asked = clock()
            verdict = await self._book.begin(step.name, step.resource, attempt)
            if verdict is None:
                await self._sleep(ASK_AGAIN)
            else:
                self._guard(verdict, step)
                if clock() - asked <= self._fresh:
                    return attempt
            attempt += 1

    async def _attempt(self, step: Step, *, doubt: bool, asked: bool) -> object:
        self._reach("host.begun")
        limit = self._order.step_timeout_us / 1e6
        timer = asyncio.timeout(limit)
        try:
            async with timer:
                if doubt and await self._took_effect(step, asked=asked):
                    return step.so
                return self._checked(await step.do(f"{self._order.key_prefix}:{step.name}"))
        except TimeoutError as error:
            if not timer.expired():
                raise
            raise TimedOut(f"no answer within {limit:g} s", maybe_applied=True) from error

    async def _took_effect(self, step: Step, *, asked: bool) -> bool:
        if step.probe is not None:
            return bool(await step.probe())
        if step.repeatable or asked:
            return False
        raise StepUnknown(step.name)

    def _checked(self, result: object) -> object:
        """The result as the journal will have it, so that a resumed run gets the same."""
        if result is None or result is True or result is False:
            return result
        plain = as_json(result, "what the step returned")
        self.spend(len(msgspec.json.encode(plain)), "the result of a step")
        return plain

    def spend(self, size: int, what: str) -> None:
        """Count output of the run.

        Raises:
            AuthorError: it is over the cap.
        """
        if self._output + size > MAX_OUTPUT:
            raise AuthorError(f"{what} takes the run's output over {MAX_OUTPUT // 1000} kB")
        self._output += size

    async def _fail(self, step: Step, error: Exception, attempts: int, state: StepState) -> None:
        text = failure(step, error, attempts)
        error.add_note(text)
        await self._end(step, state, step.evidence(), text)

    async def _end(self, step: Step, state: StepState, result: object, error: str) -> None:
        self._guard(await self._book.end(step.name, state, result, capped(step.diff()), error), step)
        self._reach("host.ended")

    async def _pause(self, step: Step, error: Exception, number: int) -> None:
        after = error.after if isinstance(error, Retry) else None
        wait = self._order.backoff_us / 1e6 * 2 ** (number - 1) if after is None else after
        text = f"{failure(step, error, 1)}: attempt {number} of {self._order.attempts}, again in {wait:g} s"
        self._book.log(Severity.WARNING, text, {"step": step.name})
        await self._sleep(wait)

    def _guard(self, verdict: Verdict | None, step: Step) -> None:
        if verdict is Verdict.FENCED:
            self._over = "another worker owns this run now"
            self._refuse_if_over()
        if verdict is Verdict.DUPLICATE:
            raise AuthorError(f"step {step.name} is recorded in this run already: give each use a name (step=...)")

    def _refuse_if_over(self) -> None:
        if self._over:
            raise Over(self._over)

    def close(self) -> None:
        """The run has ended: what its author left running can take no more steps."""
        self._over = self._over or "the run has ended"


def retryable(error: Exception) -> bool:
    """Is another attempt worth while?"""
    return isinstance(error, Retry) or (isinstance(error, DeviceError) and error.retryable)


def failure(step: Step, error: Exception, attempts: int) -> str:
    """What failed, where, and what was expected and found."""
    where = f" on {step.where}" if step.where else ""
    times = f" ({attempts} attempts)" if attempts > 1 else ""
    return f"{step.name}{where}: {describe(error)}{times}"


def clean(text: object) -> str:
    """A text that can be sent and kept: no half characters, not endless."""
    return str(text)[:MAX_TEXT].encode("utf-8", "replace").decode()


def message_of(error: BaseException) -> str:
    """What an operator is told about the error that ended a run."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(dict.fromkeys(message_of(inner) for inner in error.exceptions))
    notes: list[str] = getattr(error, "__notes__", [])
    if isinstance(error, Retry) and not notes:
        return f"{describe(error)} (Retry was raised outside of a step, where nothing is tried again)"
    return notes[-1] if notes else describe(error)


def describe(error: BaseException) -> str:
    """An error for an operator: the message of one that is meant for people, type and line of any other."""
    return clean(_described(error))


def _described(error: BaseException) -> str:
    if isinstance(error, ScriptError | DeviceError | AuthorError | Over):
        return str(error)
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    trace = traceback.extract_tb(error.__traceback__)
    places = [f for f in trace if not f.filename.startswith(_NOT_THE_AUTHORS)]
    return f"{text} ({places[-1].filename.rpartition('/')[2]}, line {places[-1].lineno})" if places else text


def capped(diff: Diff) -> Diff:
    """The diff as it is kept: plain values, cut where it gets too long."""
    kept: list[tuple[str, object, object]] = []
    size = 0
    for path, before, after in diff:
        change = (clean(path), _plain(before), _plain(after))
        size += len(msgspec.msgpack.encode(change))
        if size > MAX_DIFF - _ROOM_FOR_THE_CUT:
            left = len(diff) - len(kept)
            return (*kept, ("...", None, f"{left} more changes, not kept: the diff is over {MAX_DIFF // 1000} kB"))
        kept.append(change)
    return tuple(kept)


def as_json(value: object, what: str) -> object:
    """The value as JSON gives it back.

    Raises:
        AuthorError: it is no JSON.
    """
    try:
        plain: object = msgspec.json.decode(msgspec.json.encode(value, enc_hook=digest_of))
        msgspec.msgpack.encode(plain)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise AuthorError(f"{what} is {type(value).__name__}, which is no JSON: {error}") from error
    return plain


def digest_of(value: object) -> dict[str, str]:
    """A Secret as the journal has it.

    Raises:
        TypeError: it is none.
    """
    if isinstance(value, Secret):
        return {DIGEST: value.digest}
    raise TypeError(f"Encoding objects of type {type(value).__name__} is unsupported")


def is_digest(value: object) -> bool:
    """Is it what the journal has of a Secret?"""
    return isinstance(value, dict) and value.keys() == {DIGEST}


def as_told(value: object) -> object:
    """The value as JSON gives it back, or as text when it is none."""
    try:
        return as_json(value, "")
    except AuthorError:
        return clean(value)


def _plain(value: object) -> object:
    if isinstance(value, Secret):
        return digest_of(value)
    try:
        msgspec.json.encode(value)
        msgspec.msgpack.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return clean(value)
    return value
