# SPDX-License-Identifier: Apache-2.0
"""The script host: ``python -m preroll.scripts.child SOCKET`` runs author code so that the engine need not.

It ends at once when the engine's end of the socket is closed: without an engine nothing may touch a device.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import os
import resource
import select
import signal
import socket
import sys
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import msgspec

from preroll.domain.boundaries import Reason
from preroll.ports.rows import Severity, StepState, Verdict
from preroll.ports.scripts import Order, Reach, nowhere
from preroll.scripts import attended, catalogue, frames
from preroll.scripts.execution import Workshop
from preroll.scripts.secrets import Secrets
from preroll.scripts.sessions import Sessions, find_driver
from preroll.scripts.steps import Diff, describe

THREADS = 256
"""Plain ``def`` scripts that may run at once in one host, and as many calls of drivers that block."""
SWITCH = 0.001
"""Seconds after which a burning thread lets others in."""
_RUN: contextvars.ContextVar[str] = contextvars.ContextVar("preroll_run", default="")


class HostEnd(asyncio.Protocol):
    """The host's end of the socket, and the runs behind it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, reach: Reach = nowhere) -> None:
        self._loop, self._reach = loop, reach
        self._splitter = frames.Splitter()
        self._runs: dict[str, _Book] = {}
        self._stopping = False
        self._hello = frames.Hello()
        self._workshop: Workshop
        self._transport: asyncio.Transport
        self._outbox: frames.Outbox
        self._thread = threading.get_ident()
        self.beats = 0
        self.ready = False
        self._housework: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast(asyncio.Transport, transport)
        self._outbox = frames.Outbox(self._loop.call_soon, self._transport.write)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's
        """The engine is gone: so are we, with all threads."""
        os._exit(0)

    def data_received(self, data: bytes) -> None:
        """Frames from the engine."""
        for body in self._splitter.feed(data):
            self._take(frames.at_host.decode(body))

    def _take(self, frame: frames.ToHost) -> None:
        match frame:
            case frames.Begun() | frames.Ended():
                if book := self._runs.get(frame.run):
                    book.answer(frame)
            case frames.Start():
                self._start(frame)
            case frames.Cancel(run):
                if (book := self._runs.get(run)) and book.task:
                    book.stopped = True
                    book.task.cancel()
            case frames.Hello():
                self._begin_work(frame)
            case frames.Stop():
                self._stopping = True
                self._leave_if_done()

    def _begin_work(self, hello: frames.Hello) -> None:
        self._hello = hello
        _limit_memory(hello.address_space)
        threading.Thread(target=watch, args=(self, self._transport), name="watchdog", daemon=True).start()
        self._loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="driver"))
        found = catalogue.load(hello.folder, without=hello.broken, about_to=self._announce)
        self._workshop = Workshop(
            found.scripts,
            Sessions(find_driver(hello.drivers), Secrets(hello.secrets)),
            ThreadPoolExecutor(THREADS, thread_name_prefix="script"),
            reach=self._reach,
            fresh=hello.fresh,
            kinds=hello.checks,
        )
        self.send(frames.Ready(found.installed, tuple(found.broken)))
        self._beat()
        self.ready = True
        self._keep(self._close_idle())

    def _announce(self, source: str) -> None:
        self.send(frames.Loading(source))
        self._outbox.flush()

    def _start(self, start: frames.Start) -> None:
        order = start.order
        book = self._runs[order.run] = _Book(self, order.run)
        context = contextvars.copy_context()
        context.run(_RUN.set, order.run)
        work = self._workshop.perform(order, book, start.attempts)
        book.task = self._loop.create_task(work, context=context)
        book.task.add_done_callback(functools.partial(self._over, order))

    def _over(self, order: Order, task: asyncio.Task[frames.Finish]) -> None:
        book = self._runs.pop(order.run)
        self.send(self._finish_of(order, task, stopped=book.stopped))
        self._leave_if_done()

    def _finish_of(self, order: Order, task: asyncio.Task[frames.Finish], *, stopped: bool) -> frames.Finish:
        """How a run ended; only the engine cancels one, ``Task.cancelling`` is also raised by a script's TaskGroup."""
        if not task.cancelled() and (error := task.exception()):
            if isinstance(error, MemoryError):
                os._exit(frames.EXIT_MEMORY)
            return frames.Finish(order.run, ok=False, reason=Reason.UNEXPECTED, message=describe(error))
        if not (stopped or task.cancelled()):
            return task.result()
        how = "cancelled" if stopped else "ended by a CancelledError of its own"
        return frames.Finish(order.run, ok=False, reason=Reason.LSO_FAILED, message=f"{order.script}: {how}")

    def send(self, frame: frames.ToEngine) -> None:
        """Send with the others of this turn; from any thread."""
        if threading.get_ident() == self._thread:
            self._outbox.put(frame)
        else:
            self._loop.call_soon_threadsafe(self._outbox.put, frame)

    def _leave_if_done(self) -> None:
        if self._stopping and not self._runs:
            self._keep(self._leave())

    async def _leave(self) -> None:
        await self._workshop.sessions.close_idle(0)
        self._outbox.flush()
        self._transport.close()

    async def _close_idle(self) -> None:
        while True:
            await asyncio.sleep(self._hello.idle / 2)
            await self._workshop.sessions.close_idle(self._hello.idle)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._housework.add(task)
        task.add_done_callback(self._housework.discard)

    def _beat(self) -> None:
        self.beats += 1
        self.send(frames.Pulse())
        self._loop.call_later(self._hello.pulse, self._beat)

    @property
    def hello(self) -> frames.Hello:
        """How this host is to work."""
        return self._hello

    def last_words(self) -> bytes:
        """From the watchdog: what was still to be sent, and the run that the loop is stuck in, if it can be told."""
        task = asyncio.current_task(self._loop)
        name = task.get_name() if task else ""
        return self._outbox.take() + frames.pack(frames.Stalled(name if name in self._runs else ""))


class _Book:
    """One run's line to the engine."""

    def __init__(self, host: HostEnd, run: str) -> None:
        self._host, self._run = host, run
        self._waiting: dict[tuple[str, type], asyncio.Future[Verdict | None]] = {}
        self.task: asyncio.Task[frames.Finish] | None = None
        self.stopped = False
        """The engine has cancelled it."""

    async def begin(self, name: str, resource: str, attempt: int) -> Verdict | None:
        """Ask, and wait for Begun."""
        self._host.send(frames.StepBegin(self._run, name, resource, attempt))
        return await self._answer_to(name, frames.Begun)

    async def end(self, name: str, state: StepState, result: object, diff: Diff, error: str) -> Verdict | None:
        """Tell, and wait for Ended."""
        self._host.send(frames.StepEnd(self._run, name, state, result, diff, error))
        return await self._answer_to(name, frames.Ended)

    def log(self, severity: Severity, text: str, data: Mapping[str, object]) -> None:
        """A line of the action log."""
        self._host.send(frames.Log(self._run, severity, text, data))

    async def _answer_to(self, name: str, kind: type) -> Verdict | None:
        future: asyncio.Future[Verdict | None] = asyncio.get_running_loop().create_future()
        self._waiting[name, kind] = future
        return await future

    def answer(self, frame: frames.Begun | frames.Ended) -> None:
        """The engine has answered."""
        future = self._waiting.pop((frame.name, type(frame)), None)
        if future is not None and not future.done():
            future.set_result(frame.verdict)


def watch(host: HostEnd, transport: asyncio.Transport) -> None:
    """The watchdog's thread: ends the process when the engine is gone, or when the loop is stuck in somebody's code.

    A stuck loop is told by ticks, not by time, so that a machine that starves the whole process blames nobody.
    """
    peer: socket.socket = transport.get_extra_info("socket")
    poll = select.poll()
    poll.register(peer.fileno(), 0)
    pulse, seen, missed = host.hello.pulse, -1, 0
    while not poll.poll(pulse * 1000):
        if host.beats != seen or not host.ready:
            seen, missed = host.beats, 0
            continue
        missed += 1
        if missed * pulse > host.hello.stall and not host.hello.alone:
            if transport.get_write_buffer_size() == 0:
                with contextlib.suppress(OSError):
                    os.write(peer.fileno(), host.last_words())
            os._exit(frames.EXIT_STALLED)
    os._exit(0)


def _limit_memory(address_space: int) -> None:
    if not address_space or not sys.platform.startswith("linux"):
        return
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - one line
        mapped = int(statm.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (mapped + address_space, hard))


def _named_by_run(loop: asyncio.AbstractEventLoop, coroutine: Any, /, **options: Any) -> asyncio.Task[Any]:
    """A task that carries the name of its run, so that the watchdog can tell whose it is; its script's list has it."""
    if options.get("name") is None:
        context = options.get("context")
        options["name"] = context[_RUN] if context is not None and _RUN in context else _RUN.get()
    task = asyncio.Task(coroutine, loop=loop, **options)
    attended.note(task)
    return task


async def serve(peer: socket.socket, reach: Reach = nowhere) -> None:
    """Work until the engine says stop or goes away."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(_named_by_run)
    await loop.create_connection(lambda: HostEnd(loop, reach), sock=peer)
    await loop.create_future()


def _turn(work: Coroutine[Any, Any, None]) -> None:
    """Run the loop to the end of the work, whatever a task of a script raises.

    A ``sys.exit`` in a task that a script made, or a KeyboardInterrupt, leaves the loop. The task has it as its result,
    so whoever awaits that is told; the other runs of this host go on.
    """
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        task = loop.create_task(work)
        while not task.done():
            with contextlib.suppress(KeyboardInterrupt, SystemExit):
                loop.run_until_complete(task)


def _list(folder: str, without: str) -> None:
    """Print what is imported, then what there is; what authors print at import goes to the error output."""
    with os.fdopen(os.dup(1), "wb", buffering=0) as out:
        os.dup2(2, 1)

        def say(what: object) -> None:
            out.write(msgspec.json.encode(what) + b"\n")

        say(catalogue.load(folder, without=msgspec.json.decode(without, type=dict[str, str]), about_to=say).listing())


def _left_to_the_engine(number: int, frame: object) -> None:
    """A host ends with its engine; a handler, because a program that a script starts would inherit *ignore*."""


def main(arguments: list[str], reach: Reach = nowhere) -> None:
    """``SOCKET``: be a host at this inherited socket. ``--list FOLDER WITHOUT``: see ``catalogue.list_command``."""
    if arguments[0] == "--list":
        _list(*arguments[1:])
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _left_to_the_engine)
    os.dup2(2, 1)
    sys.setswitchinterval(SWITCH)
    peer = socket.socket(fileno=int(arguments[0]))
    peer.settimeout(0)
    peer.set_inheritable(False)
    _turn(serve(peer, reach))


if __name__ == "__main__":
    main(sys.argv[1:])
