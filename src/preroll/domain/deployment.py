# SPDX-License-Identifier: Apache-2.0
"""How a service order is deployed: when its boundary is due, in which parts, and what the journal says of each.

A part is one change of several devices, all new or all old (``preroll.scripts.changes``): of an atomic order there is
one, of a best-effort order one for each item. What became of it is read off its steps, as a run that was stopped, or
whose host has died, returns nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from preroll.domain.boundaries import Boundary, BoundaryState, Kind
from preroll.domain.order import OrderPhase
from preroll.domain.ordered import Plan, PlannedDevice
from preroll.domain.window import SECOND

DEPLOYMENT = "deployment"
"""Stands in the place of a script's name where a run deploys an order."""
WHOLE = "deploy"
"""Name of the only part of an atomic order."""
RETRY_US = 30 * SECOND
"""An order that is held is looked at again after so long; at once when it is approved, or what it needs is there."""
_STEP = re.compile(r"change:(?P<part>[^:#]+)(#(?P<round>\d+))?:(?P<what>.+)")


class Fault(StrEnum):
    """Whose fault it is that a part did not come about."""

    ORDER = "order"
    """What it says cannot be: the order is Invalid."""
    WORLD = "world"
    """A device is down, or does not take it: Failed Deploy."""


class Has(StrEnum):
    """What a device has, by somebody's word."""

    OLD = "old"
    NEW = "new"


class Reached(StrEnum):
    """How the devices of a part stand."""

    UNTOUCHED = "untouched"
    """Nothing was written."""
    OLD = "old"
    """All is as it was: undone."""
    NEW = "new"
    """All is as it was asked for."""
    OPEN = "open"
    """Neither; what is left is listed."""


@dataclass(frozen=True, slots=True)
class JournalStep:
    """A step as far as this looks at it."""

    name: str
    done: bool
    result: object = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class PartEnd:
    """What became of one part."""

    reached: Reached
    residue: Mapping[str, str] = field(default_factory=dict)
    """Node label -> what is left to undo, or to confirm, on its device."""
    unknown: tuple[str, ...] = ()
    """Those of which nothing tells whether they have the old or the new: no apply, or no confirm, was seen to end."""

    @property
    def clean(self) -> bool:
        """Is every device either as it was, or as it was asked for?"""
        return self.reached is not Reached.OPEN


def part_end(steps: Iterable[JournalStep], part: str) -> PartEnd:
    """What became of a part, by its steps; of its rounds, the last that was planned."""
    made = _of_part(steps, part)
    applied = [what.removeprefix("apply:") for what in made if what.startswith("apply:")]
    if _done(made, "new"):
        return PartEnd(Reached.NEW)
    if not applied:
        return PartEnd(Reached.UNTOUCHED)
    if _done(made, "old"):
        return PartEnd(Reached.OLD)
    last, word = ("confirm", "to confirm") if _done(made, "decided:commit") else ("undo", "to undo")
    left = [label for label in applied if not _done(made, f"{last}:{label}")]
    unknown = tuple(label for label in left if last == "confirm" or not _done(made, f"apply:{label}"))
    return PartEnd(Reached.OPEN, {label: _why(made.get(f"{last}:{label}"), word) for label in left}, unknown)


def parts_in(steps: Iterable[JournalStep]) -> tuple[str, ...]:
    """The parts of which there are steps."""
    return tuple(dict.fromkeys(found["part"] for step in steps if (found := _STEP.fullmatch(step.name))))


def wheres(steps: Iterable[JournalStep]) -> Mapping[str, str]:
    """Node label -> name of its resource, as the plans have it."""
    documents = [step.result for step in steps if step.done and step.name.endswith(":plan")]
    devices = [d for document in documents if isinstance(document, Mapping) for d in document.get("devices", ())]
    return {device["label"]: device["where"] for device in devices}


def phase_of(steps: Sequence[JournalStep], *, lost: bool) -> OrderPhase:
    """How far an order In Progress is, by the steps of its run.

    Args:
        lost: nobody runs it now.
    """
    if lost:
        return OrderPhase.INTERRUPTED
    what = [found["what"] for step in steps if (found := _STEP.fullmatch(step.name))]
    if "decided:revert" in what:
        return OrderPhase.ROLLING_BACK
    if "decided:commit" in what:
        return OrderPhase.CONFIRMING
    if any(name.startswith(("verify:", "audit")) for name in what):
        return OrderPhase.VERIFYING
    return OrderPhase.APPLYING if any(n.startswith("apply:") for n in what) else OrderPhase.PRECHECKING


def decided(steps: Sequence[JournalStep]) -> bool:
    """Has the point of no return passed for any part?"""
    return any(step.name.startswith("change:") and step.name.endswith(":decided:commit") for step in steps)


def plan_of(steps: Iterable[JournalStep]) -> Plan:
    """The plan that a check has made, device by device in a fixed order, with its hash."""
    devices: dict[str, list[tuple[str, object, object]]] = {}
    for step in steps:
        document = step.result if step.done and step.name.endswith(":plan") else None
        for device in document.get("devices", ()) if isinstance(document, Mapping) else ():
            changes = devices.setdefault(device["resource"], [])
            changes += [(path, old, new) for path, old, new in device["changes"]]
    planned = tuple(PlannedDevice(ident, tuple(sorted(found, key=str))) for ident, found in sorted(devices.items()))
    written = json.dumps([[d.resource, d.changes] for d in planned], sort_keys=True, default=str)
    return Plan(hashlib.sha256(written.encode()).hexdigest()[:16], planned)


def armed(existing: Sequence[Boundary], booking: int, due_us: int) -> list[Boundary]:
    """The boundaries that have the order looked at then, and at no other time.

    Args:
        existing: all of the booking that carries it; one that runs now stays as it is.
    """
    looks = [b for b in existing if b.kind is Kind.ORDER and b.state is not BoundaryState.RUNNING]
    if not looks:
        return [Boundary(0, booking, Kind.ORDER, due_us, planned_us=due_us)]
    first, *others = looks
    again = replace(
        first, state=BoundaryState.ARMED, generation=first.generation + 1, worker=None, due_us=due_us,
        planned_us=due_us, began_us=None, ended_us=None, reason=None, message="",
    )  # fmt: skip
    return [again, *disarmed(others)]


def disarmed(existing: Sequence[Boundary]) -> list[Boundary]:
    """What is to be written so that the order is not looked at any more."""
    waiting = [b for b in existing if b.kind in (Kind.ORDER, Kind.CHECK) and b.state is BoundaryState.ARMED]
    return [replace(b, state=BoundaryState.DISARMED) for b in waiting]


def checking(existing: Sequence[Boundary], booking: int, now_us: int, by: str) -> list[Boundary]:
    """The boundary that has the order planned now; nothing when that is due, or under way, already."""
    checks = [b for b in existing if b.kind is Kind.CHECK]
    if any(b.state in (BoundaryState.ARMED, BoundaryState.RUNNING) for b in checks):
        return []
    if not checks:
        return [Boundary(0, booking, Kind.CHECK, now_us, planned_us=now_us, message=by)]
    return [
        replace(
            checks[0], state=BoundaryState.ARMED, generation=checks[0].generation + 1, worker=None, due_us=now_us,
            planned_us=now_us, began_us=None, ended_us=None, reason=None, message=by,
        )
    ]  # fmt: skip


def _of_part(steps: Iterable[JournalStep], part: str) -> dict[str, JournalStep]:
    """The steps of the last round of a part, by what they do."""
    rounds: dict[int, dict[str, JournalStep]] = {}
    for step in steps:
        found = _STEP.fullmatch(step.name)
        if found and found["part"] == part:
            rounds.setdefault(int(found["round"] or 1), {})[found["what"]] = step
    return rounds[max(rounds)] if rounds else {}


def _done(made: Mapping[str, JournalStep], what: str) -> bool:
    return what in made and made[what].done


def _why(step: JournalStep | None, word: str) -> str:
    return f"left {word}" + (f": {step.error}" if step and step.error else "")
