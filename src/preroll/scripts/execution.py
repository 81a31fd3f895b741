# SPDX-License-Identifier: Apache-2.0
"""One order from its script to its end: whatever the author's code does, a Finish comes out."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from preroll.domain.boundaries import Reason
from preroll.ports.scripts import KIND_WORDS, Order, Reach, ScriptKind, nowhere
from preroll.scripts.attended import Attended
from preroll.scripts.blocking import in_thread
from preroll.scripts.catalogue import Loaded
from preroll.scripts.changes import Changes
from preroll.scripts.context import RunContext
from preroll.scripts.created import actions_of
from preroll.scripts.deploying import deployment_of
from preroll.scripts.frames import Finish
from preroll.scripts.free_list import list_of
from preroll.scripts.loading import Kit
from preroll.scripts.rounds import round_of
from preroll.scripts.sessions import Sessions
from preroll.scripts.steps import Book, Sleep, Steps, message_of
from preroll.scripts.veil import CoveredBook, Devices, Veil
from preroll.sdk import GiveUp


class Missing(GiveUp):
    """The script that is asked for cannot be had."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What all runs of a host share."""

    scripts: Mapping[str, Loaded]
    sessions: Sessions
    threads: Executor | None = None
    sleep: Sleep = asyncio.sleep
    reach: Reach = nowhere
    fresh: float = math.inf
    """Seconds for which the answer to a step's begin holds."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Kind of check -> ``module:attribute`` of its class."""

    def find(self, kind: ScriptKind, name: str) -> Loaded:
        """A script of this kind.

        Raises:
            Missing: there is none of that name, or it is of another kind.
        """
        found = self.scripts.get(name)
        if found is None:
            raise Missing(f"the script {name} is not installed")
        if found.installed.kind is not kind:
            raise Missing(f"the script {name} is {KIND_WORDS[found.installed.kind]}, not {KIND_WORDS[kind]}")
        return found

    async def call(self, script: Loaded, context: object) -> None:
        """Run a script: on the loop, or in a thread when it is a plain ``def``."""
        if script.asynchronous:
            async with Attended(context) as face:
                await script.function(face)  # type: ignore[misc]
        else:
            await in_thread(script.function, context, self.threads)

    async def perform(self, order: Order, book: Book, attempts: Mapping[str, int] | None = None) -> Finish:
        """Run an order to its end; ``attempts`` are those that the same worker has made already, by step.

        Raises:
            asyncio.CancelledError: the run was cancelled.
            MemoryError: the process is out of memory.
        """
        try:
            script = self._chosen(order)
        except Missing as missing:
            return Finish(order.run, ok=False, reason=Reason.SCRIPT_MISSING, message=str(missing))
        version = script.installed.version
        veil = Veil()
        book = CoveredBook(book, veil)
        steps = Steps(order, book, attempts, sleep=self.sleep, reach=self.reach, fresh=self.fresh)
        kit = Kit(book, steps, Devices(self.sessions, veil), self.find, self.call)
        changes = Changes(order, kit)
        context = RunContext(order, kit, changes)
        self.reach("host.started")
        try:
            failure = await _raised(self._play(script, context, changes))
            failure = await _raised(context.leave()) or failure
        finally:
            steps.close()
            self.reach("host.finishing")
        left = {label: veil.covered(problem) for label, problem in context.left.items()}
        if failure is not None:
            why = veil.covered(message_of(failure))
            return Finish(order.run, ok=False, reason=Reason.LSO_FAILED, message=why, version=version, left=left)
        returned, properties = veil.covered(context.returned), veil.covered(context.properties)
        return Finish(order.run, ok=True, version=version, returned=returned, properties=properties, left=left)

    async def _play(self, script: Loaded, context: RunContext, changes: Changes) -> None:
        """Bring what was left on its way to its end, then the script to its own, with the changes that it began."""
        await changes.recover()
        try:
            await self.call(script, context)
        finally:
            await changes.quiet()

    def _chosen(self, order: Order) -> Loaded:
        if order.kind is ScriptKind.AUDIT:
            return round_of(order, self.kinds)
        if order.kind is ScriptKind.ORDER:
            return deployment_of(order, self.kinds)
        if order.kind is ScriptKind.FREE_LIST:
            return list_of(order)
        created = order.kind is ScriptKind.CREATED
        script = actions_of(order, self) if created else self.find(order.kind, order.script)
        if order.version and order.version != script.installed.version:
            raise Missing(
                f"ScriptChanged: the run began with version {order.version} of {order.script}, "
                f"and version {script.installed.version} is installed now"
            )
        return script


async def _raised(work: Coroutine[object, object, None]) -> BaseException | None:
    """What the author's code raised."""
    try:
        await work
    except (MemoryError, KeyboardInterrupt, asyncio.CancelledError):
        raise
    except BaseException as error:  # noqa: BLE001 - author code
        return error
    return None
