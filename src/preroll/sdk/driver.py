# SPDX-License-Identifier: Apache-2.0
"""The interface of a driver: read, plan, apply, verify, confirm, rollback.

The words are NAPALM's and NETCONF's. Parameters are flat paths (``profile.size``, ``interface.eth0.rate``) with typed
values. What a device cannot do natively the driver emulates; ``caps`` says what is native.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from preroll.sdk.errors import CheckFailed, Mismatch, TimedOut


@dataclass(frozen=True, slots=True)
class Change:
    """One value that an apply would change."""

    path: str
    old: object
    new: object

    def __str__(self) -> str:
        return f"{self.path}: {self.old!r} -> {self.new!r}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What would change, and nothing has."""

    changes: tuple[Change, ...] = ()
    native_diff: str = ""
    """The device's own diff, when it can make one."""
    undo: tuple[Change, ...] = ()
    """What takes it back where that is more than writing the old values (then it is empty)."""

    @classmethod
    def between(cls, active: Mapping[str, object], desired: Mapping[str, object]) -> Plan:
        """What brings a device from its active values to the desired ones."""
        return cls(tuple(Change(p, active.get(p), new) for p, new in desired.items() if active.get(p) != new))

    @property
    def empty(self) -> bool:
        """Is the device already as wanted?"""
        return not self.changes

    def __str__(self) -> str:
        return self.native_diff or "\n".join(map(str, self.changes)) or "no change"


@dataclass(frozen=True, slots=True)
class Applied:
    """What was applied, and how to undo it."""

    plan: Plan
    undo: tuple[Change, ...] = ()
    pending: bool = False
    """The device reverts by itself unless confirmed."""
    at: datetime | None = None
    """The instant at which the device will activate it, when it was scheduled."""
    token: str = ""
    """The driver's own handle; of what is pending it is the key that ``apply`` was given."""

    @classmethod
    def unseen(cls, plan: Plan, key: str) -> Applied:
        """What an apply with this key may have done, for whoever never saw its answer; enough for ``rollback``."""
        undo = plan.undo or tuple(Change(change.path, change.new, change.old) for change in plan.changes)
        return cls(plan, undo, pending=True, token=key)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a number may be off: absolutely, or relative to what was expected."""

    absolute: float = 0.0
    relative: float = 0.0

    def accepts(self, expected: object, found: object) -> bool:
        """Is the value near enough?"""
        if expected == found:
            return True
        if isinstance(expected, bool) or not isinstance(expected, int | float):
            return False
        if isinstance(found, bool) or not isinstance(found, int | float):
            return False
        return abs(expected - found) <= max(self.absolute, self.relative * abs(expected))

    def mismatches(self, desired: Mapping[str, object], active: Mapping[str, object]) -> list[Mismatch]:
        """The values that are not near enough; one that the device does not have is found as None."""
        return [
            Mismatch(p, want, active.get(p)) for p, want in desired.items() if not self.accepts(want, active.get(p))
        ]


class Driver(Protocol):
    """One session to one device. Every method may raise a DeviceError."""

    caps: frozenset[str]
    """What it can do natively, of ``candidate``, ``confirmed-commit``, ``schedule``, ``validate``, ``subscribe``."""

    async def open(self) -> None:
        """Connect; may be called again after ``close``."""
        ...

    async def close(self) -> None:
        """Disconnect; closing twice is no error."""
        ...

    async def alive(self) -> bool:
        """Does the device answer? Never raises."""
        ...

    async def read(self, paths: Sequence[str] | None = None) -> Mapping[str, object]:
        """The active values, of these paths or of all; a path that the device does not have is left out."""
        ...

    async def plan(self, desired: Mapping[str, object]) -> Plan:
        """What an apply would change; applies nothing."""
        ...

    async def apply(
        self, plan: Plan, *, revert_in: float | None = None, at: datetime | None = None, key: str = ""
    ) -> Applied:
        """Make it so; all or nothing.

        Args:
            revert_in: seconds after which the device reverts unless it is confirmed, also when this session is lost.
                A device that cannot do that says so by ``Applied.pending``.
            at: instant at which the device shall activate it (capability ``schedule``).
            key: idempotency key; a device that knows keys does the same key once.
        """
        ...

    async def verify(self, desired: Mapping[str, object], *, tolerance: Tolerance | None = None) -> list[Mismatch]:
        """The check set: read again and compare; empty when all is as desired."""
        ...

    async def confirm(self, applied: Applied) -> None:
        """Keep what is pending. From any session, also of another process; twice is no error.

        Raises:
            Reverted: it was too late.
        """
        ...

    async def rollback(self, applied: Applied) -> None:
        """Undo, and check that it is undone. From any session; what was never done, or is undone already, is no error.

        Raises:
            CheckFailed: the device does not have its old values.
        """
        ...


class DriverFactory(Protocol):
    """Makes a driver from a resource's address. A package offers one under the entry point ``preroll.drivers``."""

    def __call__(self, name: str, address: Mapping[str, object]) -> Driver:
        """Raises InvalidValue when the address lacks what the driver needs."""
        ...


async def load(
    driver: Driver, desired: Mapping[str, object], *, check: bool = True, key: str = "", dry_run: bool = False
) -> Plan:
    """Bring a device to the desired values: plan, nothing when it is so already, apply, read back and compare.

    After a time-out that may have been applied the device is read before anything is sent again.

    Returns:
        The plan that was applied; empty when nothing had to change.

    Raises:
        DeviceError: whatever the driver raises; CheckFailed when the values read back differ.
    """
    plan = await driver.plan(desired)
    if plan.empty or dry_run:
        return plan
    try:
        await driver.apply(plan, key=key)
    except TimedOut as late:
        if not late.maybe_applied or not (await driver.plan(desired)).empty:
            raise
    if check and (mismatches := await driver.verify(desired)):
        raise CheckFailed(mismatches)
    return plan
