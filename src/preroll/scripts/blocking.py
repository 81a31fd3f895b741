# SPDX-License-Identifier: Apache-2.0
"""Plain ``def`` scripts: each in a thread, with a blocking face of the same context. No second set of classes."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from queue import SimpleQueue
from typing import Any


class Blocking:
    """A context or driver whose asynchronous calls return when they are done.

    The call runs on the host's loop while the script's thread waits; what the author handed in as ``do`` or ``probe``
    is handed back to that thread and runs there.
    """

    def __init__(self, inner: object, loop: asyncio.AbstractEventLoop) -> None:
        self._inner, self._loop = inner, loop
        self._running: Future[Any] | None = None
        self._over = False

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if inspect.iscoroutinefunction(value):
            return functools.partial(self._wait_for, value)
        if name == "driver":
            return Blocking(value, self._loop)
        return value

    def stop(self) -> None:
        """From the loop: the run is cancelled. The call under way and every later one raises."""
        self._over = True
        if self._running is not None:
            self._running.cancel()

    def _wait_for(self, call: Callable[..., Any], *args: object, **options: object) -> Any:
        errands: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        here = functools.partial(self._errand, errands)
        args = tuple(here(a) if callable(a) else a for a in args)
        options = {k: here(v) if callable(v) else v for k, v in options.items()}
        if self._over:
            raise asyncio.CancelledError
        future = self._running = asyncio.run_coroutine_threadsafe(call(*args, **options), self._loop)
        future.add_done_callback(lambda _: errands.put(None))
        while (errand := errands.get()) is not None:
            errand()
        try:
            return future.result()
        except CancelledError:
            raise asyncio.CancelledError from None

    def _errand(
        self, errands: SimpleQueue[Callable[[], None] | None], do: Callable[..., object]
    ) -> Callable[..., object]:
        async def ask(*args: object) -> object:
            answer: Future[object] = Future()
            errands.put(functools.partial(_answer, answer, do, args))
            return await asyncio.wrap_future(answer)

        return ask


def _answer(answer: Future[object], do: Callable[..., object], args: tuple[object, ...]) -> None:
    if not answer.set_running_or_notify_cancel():
        return
    try:
        answer.set_result(do(*args))
    except BaseException as error:  # noqa: BLE001 - author code; the error goes to whoever waits for the answer
        answer.set_exception(error)


async def in_thread(function: Callable[..., object], context: object, threads: Executor | None) -> None:
    """Run a plain ``def`` script to its end; cancelling makes its calls raise, and still waits for its thread."""
    loop = asyncio.get_running_loop()
    face = Blocking(context, loop)
    work = loop.run_in_executor(threads, contextvars.copy_context().run, function, face)
    cancelled = False
    while not work.done():
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            cancelled = True
            face.stop()
        except BaseException:  # noqa: BLE001, S110 - author code; raised below, by result()
            pass
    if cancelled:
        work.exception()
        raise asyncio.CancelledError
    work.result()
