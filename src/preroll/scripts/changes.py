# SPDX-License-Identifier: Apache-2.0
"""Several devices, one change: all new or all old, whoever dies meanwhile.

A row ``decided:commit`` stands between the two. Before it is durable there is only a way back, after it only a way
forward; so whoever resumes the run needs nothing but the journal to know where to go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from preroll.ports.rows import Severity
from preroll.ports.scripts import Equipment, Order
from preroll.scripts.course import RESERVE, Course
from preroll.scripts.intents import PREFIX, Intent, Past, Target
from preroll.scripts.loading import Kit
from preroll.scripts.looking import Look, Scenery, look
from preroll.scripts.steps import MAX_NAME, AuthorError, Step
from preroll.scripts.together import all_of
from preroll.sdk import Check, GiveUp, Logger, Turns, WhenDown


@dataclass(frozen=True, slots=True)
class Asked:
    """What an author asks for."""

    name: str
    desired: Mapping[str, Mapping[str, object]]
    """Node label -> path -> value."""
    audits: tuple[Check, ...]
    within: float
    """Seconds."""
    window: float
    """Seconds."""
    turns: Turns


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
        self._admit(asked)
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
        if known is not None and self._course(known).committed:
            return known
        intent = await self._plan(asked)
        if self._order.dry_run:
            self._kit.book.log(Severity.INFO, f"dry run: {intent.title} is left out", {})
            return intent
        newer = [*applied, *((t.resource, t.desired) for t in intent.targets)]
        scene, limit = Scenery(self._order, self._kit, newer), self._order.step_timeout_us / 1e6

        async def audit(check: Check, step: str) -> None:
            await look(self._kit, log, scene, Look(check, asked.within, WhenDown.FAIL, step, limit))

        await self._course(intent).run(asked.audits, asked.within, audit)
        return intent

    def _admit(self, asked: Asked) -> None:
        if not asked.name or ":" in asked.name or "#" in asked.name:
            raise AuthorError(f"a change cannot be named {asked.name!r}: give it a name without : and #")
        if asked.name in self._names:
            raise AuthorError(f"two changes of this run are named {asked.name}: give each a name (name=...)")
        self._names.add(asked.name)
        longest = max(map(len, asked.desired), default=0) + len(f"{self._past.title(asked.name)}:confirm:")
        if not asked.desired or longest > MAX_NAME:
            raise GiveUp(f"{PREFIX}{asked.name} names no device" if not asked.desired else "a label is too long")
        own = [f"{e.label} ({e.load})" for e in map(self._equipment, asked.desired) if e.load]
        if own:
            raise GiveUp(
                f"{PREFIX}{asked.name}: the profile of {', '.join(own)} has a profile-load script of its own; "
                "only values can be changed as one"
            )

    def _equipment(self, label: str) -> Equipment:
        return next(e for e in self._order.equipment if e.label == label)

    async def _plan(self, asked: Asked) -> Intent:
        title = self._past.title(asked.name)
        planned: list[Intent] = []
        step = Step(f"{title}:plan", lambda _: do(), repeatable=True, diff=lambda: _diff(planned))

        async def do() -> object:
            work = [self._target(title, self._equipment(label), values, asked, step)
                    for label, values in asked.desired.items()]  # fmt: skip
            targets = await all_of(work)
            planned[:] = [Intent(title, asked.window, asked.turns, tuple(targets))]
            return planned[0].document()

        await self._kit.steps.take(step)
        self._refuse_short_window(planned[0], asked)
        return planned[0]

    async def _target(
        self, title: str, equipment: Equipment, desired: Mapping[str, object], asked: Asked, step: Step
    ) -> Target:
        try:
            async with self._kit.sessions.use(equipment) as driver:
                plan = await driver.plan(desired)
                reverts = asked.window > 0 and "confirmed-commit" in driver.caps
        except Exception:
            step.where = equipment.name
            raise
        key = f"{self._order.key_prefix}:{title}:{equipment.label}"
        return Target(equipment.label, equipment.id, equipment.name, desired, plan.changes, key, reverts)

    def _refuse_short_window(self, intent: Intent, asked: Asked) -> None:
        need, have = asked.within * len(asked.audits), asked.window * (1 - RESERVE)
        if need >= have and any(t.reverts and t.changes for t in intent.targets):
            raise GiveUp(
                f"{intent.title}: the window of {asked.window:g} s would end before the audit can be done, which may "
                f"take {need:g} s: nothing was written; give it more (window=...) or look for less long (within=...)"
            )

    def _course(self, intent: Intent) -> Course:
        return Course(intent, self._past, self._kit, self._order)


def _diff(planned: Iterable[Intent]) -> Any:
    return tuple((f"{t.label}: {path}", old, new) for i in planned for t in i.targets for path, old, new in t.diff)
