# SPDX-License-Identifier: Apache-2.0
"""What a change of several devices is about to do, as it stands in the journal before the first device is written.

``change:NAME:plan`` holds it all: what each device has and is to have, and the key by which it will know the change. A
change that was taken back and starts anew is ``change:NAME#2``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from preroll.ports.rows import RecordedStep, StepState
from preroll.scripts.steps import Diff, digest_of, is_digest
from preroll.sdk import Applied, Change, Plan, Secret, Turns

PREFIX = "change:"
"""What the names of its steps begin with; no author's step may."""
COMMIT, REVERT = "decided:commit", "decided:revert"
_PLAN = re.compile(rf"{PREFIX}(?P<name>[^:#]+)(#\d+)?:plan")


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One device of a change."""

    label: str
    resource: str
    where: str
    """Name of the resource, for people."""
    desired: Mapping[str, object]
    changes: tuple[Change, ...]
    key: str
    reverts: bool
    """It takes back by itself what is not confirmed."""
    undo: tuple[Change, ...] = ()
    """What takes it back, where that is more than writing the old values."""
    lost: tuple[str, ...] = ()
    """Paths whose values are secrets, of which the journal has only a digest."""

    @property
    def plan(self) -> Plan:
        """What an apply changes."""
        return Plan(self.changes, undo=self.undo)

    @property
    def unseen(self) -> Applied:
        """What an apply may have done whose answer nobody saw."""
        return Applied.unseen(self.plan, self.key)

    @property
    def diff(self) -> Diff:
        """The same for the journal."""
        return tuple((c.path, c.old, c.new) for c in self.changes)

    def document(self) -> dict[str, object]:
        """As it is written down."""
        return {
            "label": self.label, "resource": self.resource, "where": self.where, "key": self.key,
            "reverts": self.reverts, "desired": {path: _written(value) for path, value in self.desired.items()},
            "changes": _rows(self.changes), "undo": _rows(self.undo),
        }  # fmt: skip

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Target:
        """As it was written down."""
        changes, undo = _changes(row["changes"]), _changes(row["undo"])
        lost = {c.path for c in (*changes, *undo) if _is_lost(c)}
        lost |= {path for path, value in row["desired"].items() if is_digest(value)}
        return cls(
            row["label"], row["resource"], row["where"],
            {path: value for path, value in row["desired"].items() if path not in lost},
            tuple(c for c in changes if c.path not in lost), row["key"], row["reverts"],
            tuple(c for c in undo if c.path not in lost), tuple(sorted(lost)),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Intent:
    """A change, planned."""

    title: str
    """``change:NAME``, from the second time on ``change:NAME#2``."""
    window: float
    """Seconds."""
    turns: Turns
    targets: tuple[Target, ...]

    def step(self, *words: str) -> str:
        """Name of one of its steps."""
        return ":".join((self.title, *words))

    @property
    def groups(self) -> tuple[tuple[Target, ...], ...]:
        """What is written at once, in order: who can take it back by itself first."""
        if self.turns is Turns.ONE_BY_ONE:
            return tuple((target,) for target in self.targets)
        able = tuple(t for t in self.targets if t.reverts)
        rest = tuple(t for t in self.targets if not t.reverts)
        return tuple(group for group in (able, rest) if group)

    def document(self) -> dict[str, object]:
        """As it is written down."""
        return {
            "window": self.window, "turns": self.turns.value, "devices": [target.document() for target in self.targets],
        }  # fmt: skip

    @classmethod
    def of(cls, title: str, row: Mapping[str, Any]) -> Intent:
        """As it was written down."""
        return cls(title, row["window"], Turns(row["turns"]), tuple(Target.of(device) for device in row["devices"]))


class Past:
    """What is recorded of the changes of a run: of each, the last time that it was planned."""

    def __init__(self, steps: Sequence[RecordedStep]) -> None:
        self._steps = {step.name: step for step in steps}
        self.latest: dict[str, Intent] = {}
        """By name."""
        self._count: dict[str, int] = {}
        for step in steps:
            found = _PLAN.fullmatch(step.name)
            if found and step.state is StepState.DONE and isinstance(step.result, Mapping):
                self._add(found["name"], Intent.of(step.name.removesuffix(":plan"), step.result))

    def _add(self, name: str, intent: Intent) -> None:
        number = int(intent.title.partition("#")[2] or 1)
        if number > self._count.get(name, 0):
            self.latest[name], self._count[name] = intent, number

    def title(self, name: str) -> str:
        """What the change is to be called when it is planned now."""
        count = self._count.get(name, 0)
        return f"{PREFIX}{name}" + (f"#{count + 1}" if count else "")

    def done(self, step: str) -> bool:
        """Is it recorded as done?"""
        return self.known(step) and self._steps[step].state is StepState.DONE

    def known(self, step: str) -> bool:
        """Has it ever begun?"""
        return step in self._steps

    def under_way(self, intent: Intent) -> list[str]:
        """Its steps that had begun and never ended."""
        return [
            step.name for step in self._steps.values()
            if step.name.startswith(f"{intent.title}:") and step.state in (StepState.BEGUN, StepState.UNKNOWN)
        ]  # fmt: skip

    def applied(self, target: Target, step: str) -> Applied:
        """What the device said that it had done; else what it may have done."""
        row: Any = self._steps[step].result if self.done(step) else None
        return target.unseen if row is None else remembered(target, row)


def noted(applied: Applied) -> dict[str, object]:
    """What is kept of an apply, besides its plan."""
    return {"undo": _rows(applied.undo), "pending": applied.pending, "token": applied.token}


def remembered(target: Target, row: Mapping[str, Any]) -> Applied:
    """The apply of which ``noted`` kept this; without the secrets."""
    known = tuple(change for change in _changes(row["undo"]) if not _is_lost(change))
    return Applied(target.plan, known, pending=row["pending"], token=row["token"])


def _rows(changes: Iterable[Change]) -> list[list[object]]:
    return [[change.path, _written(change.old), _written(change.new)] for change in changes]


def _changes(rows: Iterable[Sequence[Any]]) -> tuple[Change, ...]:
    return tuple(Change(*row) for row in rows)


def _is_lost(change: Change) -> bool:
    return is_digest(change.old) or is_digest(change.new)


def _written(value: object) -> object:
    """A value as the journal may have it."""
    return digest_of(value) if isinstance(value, Secret) else value
