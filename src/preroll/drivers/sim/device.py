# SPDX-License-Identifier: Apache-2.0
"""A simulated device's memory, and the entries of the log in which every effect on it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

EFFECTS = frozenset({"applied", "activated", "arrived"})
"""Which entries are changes that some apply asked for?"""


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that the device will do by itself."""

    due_us: int
    what: str
    """``activated`` (scheduled), ``reverted`` (not confirmed), ``arrived`` (a slow change)."""
    values: Mapping[str, object]
    """Path -> value; None takes the path away."""
    token: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One effect on a device."""

    device: str
    at_us: int
    what: str
    """An effect (``applied``, ``activated``, ``arrived``), a plan for later (``scheduled``, ``pending``, ``slow``), its
    end (``confirmed``, ``cancelled``), an undo (``reverted``, ``rolled back``), or ``introduced``, ``tampered``."""
    key: str = ""
    """The idempotency key that came with it."""
    changes: tuple[tuple[str, object, object], ...] = ()
    """(path, before, after) of each value that is different now."""


@dataclass(slots=True)
class Device:
    """What a device holds. Changed only through its methods, which tell ``record`` of every effect."""

    name: str
    active: dict[str, object] = field(default_factory=dict)
    timers: list[Timer] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """The keys of the changes that it took, newest last."""
    serial: int = 0
    record: Callable[[Entry], None] = lambda _: None

    def settle(self, now_us: int) -> None:
        """Do what has become due."""
        if not self.timers or self.timers[0].due_us > now_us:
            return
        due = [timer for timer in self.timers if timer.due_us <= now_us]
        self.timers = self.timers[len(due) :]
        for timer in due:
            self.put(timer.values, timer.due_us, timer.what, timer.key)

    def put(self, values: Mapping[str, object], at_us: int, what: str, key: str = "") -> None:
        """Set values (None takes a path away) and record it."""
        changes = []
        for path, new in values.items():
            old = self.active.get(path)
            if new is None:
                self.active.pop(path, None)
            else:
                self.active[path] = new
            if old != new:
                changes.append((path, old, new))
        self.serial += 1
        if key and what in EFFECTS:
            self.keys = [*self.keys[-99:], key]
        self.record(Entry(self.name, at_us, what, key, tuple(changes)))

    def plan_later(self, timer: Timer, now_us: int, what: str = "scheduled") -> None:
        """Set a timer and record it."""
        self.timers = sorted([*self.timers, timer], key=lambda t: t.due_us)
        self.put({}, now_us, what, timer.key)

    def revert_later(self, timer: Timer, now_us: int) -> None:
        """Set the end of the time to confirm; what is pending already keeps the values that it goes back to."""
        if before := self.pending:
            timer = replace(timer, values={**timer.values, **before.values})
            self.timers = [other for other in self.timers if other is not before]
        self.plan_later(timer, now_us, "pending")

    @property
    def pending(self) -> Timer | None:
        """What it takes back unless it is confirmed."""
        return next((timer for timer in self.timers if timer.what == "reverted"), None)

    @property
    def scheduled(self) -> dict[str, object]:
        """The values that scheduled changes will set."""
        return {path: value for t in self.timers if t.what == "activated" for path, value in t.values.items()}

    def supersede(self, values: Mapping[str, object], now_us: int) -> None:
        """Call off what is scheduled for any of these paths: the newest order counts."""
        for timer in self.timers:
            if timer.what == "activated" and not timer.values.keys().isdisjoint(values):
                self.forget(timer.token, now_us, "cancelled")

    def forget(self, token: str, now_us: int, what: str) -> bool:
        """Take a timer away and record it; False when it is not there any more."""
        left = [timer for timer in self.timers if timer.token != token]
        if len(left) == len(self.timers):
            return False
        self.timers = left
        self.put({}, now_us, what)
        return True

    def json(self) -> dict[str, Any]:
        """All that it holds, as it is written to a file."""
        timers = [[t.due_us, t.what, dict(t.values), t.token, t.key] for t in self.timers]
        return {"active": self.active, "timers": timers, "keys": self.keys, "serial": self.serial}

    @classmethod
    def of(cls, name: str, row: Mapping[str, Any]) -> Device:
        """Read what ``json`` wrote."""
        return cls(name, row["active"], [Timer(*timer) for timer in row["timers"]], row["keys"], row["serial"])
