# SPDX-License-Identifier: Apache-2.0
"""The first step of a change of several devices: what each has and is to have is read and written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from preroll.ports.scripts import Equipment, Order
from preroll.scripts.course import RESERVE
from preroll.scripts.intents import PREFIX, Intent, Target
from preroll.scripts.loading import Kit
from preroll.scripts.steps import MAX_NAME, AuthorError, Diff, Step, message_of
from preroll.scripts.together import all_of
from preroll.sdk import ChangeFailed, Check, GiveUp, Stand, Turns


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


class Planning:
    """Plans what is asked for; nothing is written to any device."""

    def __init__(self, asked: Asked, title: str, order: Order, kit: Kit) -> None:
        self._asked, self._title, self._order, self._kit = asked, title, order, kit
        self._step = Step(f"{title}:plan", self._do, repeatable=True, diff=self._diff)
        self._devices: list[Equipment] = []
        self._wrong: list[tuple[Equipment, Exception]] = []
        self.intent = Intent(title, asked.window, asked.turns, ())

    async def plan(self) -> Intent:
        """Take the step.

        Raises:
            AuthorError, GiveUp: it cannot be done so. ChangeFailed: a device could not be planned.
        """
        self._devices = self._admitted()
        try:
            await self._kit.steps.take(self._step)
        except MemoryError:
            raise
        except Exception as error:
            why = message_of(error).removeprefix(f"{self._title}:")
            text = f"{self._title}: {why}; nothing was written: {_all(len(self._devices))} old"
            raise ChangeFailed(text, Stand.OLD) from error
        self._refuse_short_window()
        return self.intent

    def _admitted(self) -> list[Equipment]:
        asked, named = self._asked, f"{PREFIX}{self._asked.name}"
        if not asked.name or ":" in asked.name or "#" in asked.name:
            raise AuthorError(f"a change cannot be named {asked.name!r}: give it a name without : and #")
        if not asked.desired:
            raise AuthorError(f"{named}: there is no device to change")
        longest = max(map(len, asked.desired)) + len(f"{self._title}:confirm:")
        if longest > MAX_NAME:
            raise AuthorError(f"{named}: name and label together are {longest} characters, at most {MAX_NAME} fit")
        equipment = [next(e for e in self._order.equipment if e.label == label) for label in asked.desired]
        own = [f"{e.label} ({e.load})" for e in equipment if e.load]
        if own:
            raise GiveUp(
                f"{named}: the profile of {', '.join(own)} has a profile-load script of its own; "
                "only values can be changed as one"
            )
        return equipment

    async def _do(self, _: str) -> object:
        self._wrong.clear()
        try:
            targets = await all_of([self._target(equipment) for equipment in self._devices])
        except Exception:  # noqa: BLE001 - raised again, with its device
            equipment, error = self._wrong[0]
            self._step.where = equipment.name
            raise error from None
        self.intent = Intent(self._title, self._asked.window, self._asked.turns, tuple(targets))
        return self.intent.document()

    async def _target(self, equipment: Equipment) -> Target:
        desired = self._asked.desired[equipment.label]
        try:
            async with self._kit.devices.use(equipment) as driver:
                plan = await driver.plan(desired)
                able = self._asked.window > 0 and "confirmed-commit" in driver.caps
        except Exception as error:
            self._wrong.append((equipment, error))
            raise
        key = f"{self._order.key_prefix}:{self._title}:{equipment.label}"
        return Target(
            equipment.label, equipment.id, equipment.name, desired, plan.changes, key,
            reverts=able and not self._is_shared(equipment), undo=plan.undo,
        )  # fmt: skip

    def _is_shared(self, equipment: Equipment) -> bool:
        """Is there another node on the same device? A device has one pending change at a time."""
        return bool(equipment.device) and sum(e.device == equipment.device for e in self._devices) > 1

    def _diff(self) -> Diff:
        return tuple((f"{t.label}: {path}", old, new) for t in self.intent.targets for path, old, new in t.diff)

    def _refuse_short_window(self) -> None:
        asked = self._asked
        need, have = asked.within * len(asked.audits), asked.window * (1 - RESERVE)
        if need >= have and any(t.reverts and t.changes for t in self.intent.targets):
            raise GiveUp(
                f"{self._title}: the window of {asked.window:g} s would end before the audit can be done, which may "
                f"take {need:g} s: nothing was written; give it more (window=...) or look for less long (within=...)"
            )


def _all(count: int) -> str:
    return {1: "the device is", 2: "both are"}.get(count, f"all {count} are")
