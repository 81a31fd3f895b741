# SPDX-License-Identifier: Apache-2.0
"""Several devices, one change: all new or all old, whoever dies meanwhile.

A row ``decided:commit`` stands between the two. Before it is durable there is only a way back, after it only a way
forward; so whoever resumes the run needs nothing but the journal to know where to go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from preroll.ports.rows import Severity
from preroll.ports.scripts import Order
from preroll.scripts.course import Course
from preroll.scripts.intents import Intent, Past
from preroll.scripts.loading import Kit
from preroll.scripts.looking import Look, Scenery, look
from preroll.scripts.planning import Asked, Planning
from preroll.scripts.steps import AuthorError
from preroll.sdk import Check, Logger, WhenDown


class Changes:
    """The changes of one run: those of the script, and before it starts those that a dead host or engine left."""

    def __init__(self, order: Order, kit: Kit) -> None:
        self._order, self._kit = order, kit
        self._past = Past(order.steps)
        self._names: set[str] = set()
        self._under_way = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def quiet(self) -> None:
        """Return when no change is under way; that of a script which has ended or was stopped may still go back."""
        await self._quiet.wait()

    async def recover(self) -> None:
        """Bring what was under way to its end, if that was decided, else back.

        Raises:
            ChangeFailed: that could not be done everywhere.
        """
        for intent in self._past.latest.values():
            course = self._course(intent)
            if course.committed:
                await course.resume_forward()
            else:
                await course.resume_back()

    async def make(self, asked: Asked, log: Logger, applied: Sequence[tuple[str, Mapping[str, object]]]) -> Intent:
        """Bring devices to their values as one; what is recorded as done is not done again.

        Args:
            applied: what the run has applied before, by resource; for audits.

        Raises:
            GiveUp: it cannot be done so. ChangeFailed: it did not come about.
        """
        if asked.name in self._names:
            raise AuthorError(f"two changes of this run are named {asked.name}: give each a name (name=...)")
        self._names.add(asked.name)
        self._under_way += 1
        self._quiet.clear()
        try:
            return await self._make(asked, log, applied)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._quiet.set()

    async def _make(self, asked: Asked, log: Logger, applied: Sequence[tuple[str, Mapping[str, object]]]) -> Intent:
        known = self._past.latest.get(asked.name)
        if known is not None and self._course(known).committed and self._is_on(known, asked):
            return known
        intent = await Planning(asked, self._past.title(asked.name), self._order, self._kit).plan()
        if self._order.dry_run:
            self._kit.book.log(Severity.INFO, f"dry run: {intent.title} is left out", {})
            return intent
        newer = [*applied, *((t.resource, t.desired) for t in intent.targets)]
        scene, limit = Scenery(self._order, self._kit, newer), self._order.step_timeout_us / 1e6

        async def audit(check: Check, step: str) -> None:
            await look(self._kit, log, scene, Look(check, asked.within, WhenDown.FAIL, step, limit))

        await self._course(intent).run(asked.audits, asked.within, audit)
        return intent

    def _is_on(self, intent: Intent, asked: Asked) -> bool:
        """Was it made on the resources that the nodes have now? One may have been swapped before a retry."""
        made = {target.label: target.resource for target in intent.targets}
        return all(made.get(e.label) == e.id for e in self._order.equipment if e.label in asked.desired)

    def _course(self, intent: Intent) -> Course:
        return Course(intent, self._past, self._kit, self._order)
