# SPDX-License-Identifier: Apache-2.0
"""``async def`` scripts: a face of the context that knows which of its calls are not over when the script is.

A call that was forgotten would leave a device as it was, in a run that says ok; one that goes on beside the end of its
run would touch a device that the next run has.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from preroll.scripts.steps import AuthorError


class Attended:
    """A context or driver, for one script: ``async with`` it around the script.

    As in a TaskGroup: what the script has begun is waited for, or stopped when the script fails.

    Raises:
        AuthorError: the script has ended, and one of its calls was never begun.
        Exception: what a call raised that the script had not awaited.
    """

    def __init__(self, inner: object, whose: str = "ctx", calls: dict[_Call, None] | None = None) -> None:
        self._inner, self._whose = inner, whose
        self._calls: dict[_Call, None] = {} if calls is None else calls
        """Those that are not over, in their order."""

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
            return await do(*args, **options)
        finally:
            self._calls.pop(call, None)

    async def __aenter__(self) -> Attended:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
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
