# SPDX-License-Identifier: Apache-2.0
"""``async def`` scripts: a face of the context that knows which of its calls are not over when the script is.

A call that was forgotten would leave a device as it was, in a run that says ok; one that goes on beside the end of its
run would touch a device that the next run has. The same holds for a task that the author has begun and not awaited: it
is stopped, and named in the action log. The run stays ok, as with a watcher that was meant to end with its script; the
log tells the author whose work was cut off.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from preroll.scripts.steps import AuthorError

STOPPING = 5.0
"""Seconds that a task of a script has to end when it is stopped."""
_MADE: contextvars.ContextVar[set[asyncio.Task[Any]] | None] = contextvars.ContextVar("preroll_made", default=None)
"""The tasks that the script has made which is running here, as long as they are not over; None: nobody asks."""


def note(task: asyncio.Task[Any]) -> None:
    """A task was made; the loop's task factory tells."""
    if (made := _MADE.get()) is not None:
        made.add(task)
        task.add_done_callback(made.discard)


@contextmanager
def not_the_script() -> Iterator[None]:
    """What is made in here is not the script's: a driver keeps tasks for as long as its session is open."""
    before = _MADE.get()
    _MADE.set(None)
    try:
        yield
    finally:
        _MADE.set(before)


class Attended:
    """A context or driver, for one script: ``async with`` it around the script.

    As in a TaskGroup: what the script has begun is waited for, or stopped when the script fails. Tasks of its own that
    it leaves running are stopped, and told.

    Raises:
        AuthorError: the script has ended, and one of its calls was never begun.
        Exception: what a call raised that the script had not awaited.
    """

    def __init__(self, inner: object, whose: str = "ctx", calls: dict[_Call, None] | None = None) -> None:
        self._inner, self._whose = inner, whose
        self._calls: dict[_Call, None] = {} if calls is None else calls
        """Those that are not over, in their order."""
        self._made: set[asyncio.Task[Any]] = set()
        self._before: set[asyncio.Task[Any]] | None = None

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if inspect.iscoroutinefunction(value):
            value = functools.partial(self._begin, name, value)
        elif name == "driver":
            value = Attended(value, f"{self._whose}.{name}", self._calls)
        self.__dict__[name] = value
        return value

    def _begin(
        self, name: str, do: Callable[..., Any], /, *args: object, **options: object
    ) -> Coroutine[Any, Any, Any]:
        call = _Call(f"{self._whose}.{name}", args)
        self._calls[call] = None
        call.work = self._follow(call, do, args, options)
        return call.work

    async def _follow(self, call: _Call, do: Callable[..., Any], args: Any, options: Any) -> Any:
        call.task = asyncio.current_task()
        try:
            if self._whose == "ctx":
                return await do(*args, **options)
            with not_the_script():
                return await do(*args, **options)
        finally:
            self._calls.pop(call, None)

    async def __aenter__(self) -> Attended:
        self._before = _MADE.get()
        _MADE.set(self._made)
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        _MADE.set(self._before)
        try:
            await self._calls_over(error)
        finally:
            if self._made:
                await self._stop_the_rest(tell=error is None)

    async def _stop_the_rest(self, *, tell: bool) -> None:
        """Stop the tasks that the script has left running, and tell which; one that does not end is left behind."""
        await asyncio.sleep(0)  # what has just become ready to end does so
        left = {task for task in self._made if not task.done()}
        if not left:
            return
        if tell and (names := sorted({_name(task) for task in left if not task.cancelling()})):
            it, was = ("it", "was") if len(names) == 1 else ("they", "were")
            told = f"the script ended while {', '.join(names)} still ran, begun and not awaited: {it} {was} stopped"
            self._inner.log.warning(f"{told}; await every task before the script ends")  # type: ignore[attr-defined] # noqa: G004
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=STOPPING)
        for task in left:
            _ = not task.done() or task.cancelled() or task.exception()

    async def _calls_over(self, error: BaseException | None) -> None:
        """Wait for the calls that were begun; complain of those that were not."""
        if not self._calls:
            return
        forgotten = [call for call in self._calls if call.task is None]
        for call in forgotten:
            del self._calls[call]
            if call.work is not None:
                call.work.close()
        begun = {call.task for call in self._calls if call.task is not None}
        await _over(begun, stop=error is not None or bool(forgotten))
        if error is not None:
            return
        if forgotten:
            names = ", ".join(str(call) for call in forgotten)
            raise AuthorError(f"the script ended without {names}, which it called and did not await")
        for task in begun:
            task.result()


class _Call:
    """One call of the context."""

    __slots__ = ("args", "name", "task", "work")

    def __init__(self, name: str, args: tuple[object, ...]) -> None:
        self.name, self.args = name, args
        self.work: Coroutine[Any, Any, Any] | None = None
        self.task: asyncio.Task[Any] | None = None
        """Who has begun to await it."""

    def __str__(self) -> str:
        match self.args:
            case ():
                return f"{self.name}()"
            case (str(label), *_):
                return f"{self.name}({label!r})"
        return f"{self.name}(...)"


def _name(task: asyncio.Task[Any]) -> str:
    """The function that a task runs."""
    work = task.get_coro()
    return getattr(work, "__qualname__", None) or type(work).__name__


async def _over(tasks: set[asyncio.Task[Any]], *, stop: bool) -> None:
    """Return when they are over; whoever cancels this cancels them."""
    cancelled = False
    while pending := {task for task in tasks if not task.done()}:
        if stop:
            stop = False
            for task in pending:
                task.cancel()
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError:
            cancelled = stop = True
    for task in tasks:
        _ = task.cancelled() or task.exception()
    if cancelled:
        raise asyncio.CancelledError
