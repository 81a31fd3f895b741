# SPDX-License-Identifier: Apache-2.0
"""The driver of simulated devices."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from preroll.drivers.sim.device import Timer
from preroll.drivers.sim.faults import CHANGING, Fault, FaultKind
from preroll.drivers.sim.files import FileWorld
from preroll.drivers.sim.world import MEMORY, World
from preroll.sdk import (
    Applied,
    Busy,
    Change,
    CheckFailed,
    DeviceError,
    Driver,
    DriverFactory,
    InvalidValue,
    Mismatch,
    Plan,
    RefusedByDevice,
    Reverted,
    TimedOut,
    Tolerance,
    Unreachable,
)

CAPS = frozenset({"candidate", "confirmed-commit", "schedule", "validate"})
"""What a simulated device can be told to have."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What an address says about its device."""

    device: str
    timeout: float | None = None
    """Seconds after which the driver gives up waiting for an answer; None: it waits for ever."""
    caps: frozenset[str] = frozenset()
    initial: Mapping[str, object] = field(default_factory=dict)
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Path -> {minimum, maximum, choices}: what the device takes; other values are InvalidValue."""
    keys: bool = False
    """The device knows idempotency keys: a key that it took is not done again."""


class SimDriver:
    """One session to one simulated device."""

    def __init__(self, world: World, traits: Traits) -> None:
        self.caps = traits.caps
        self._world, self._traits, self._name = world, traits, traits.device
        self._connected = False

    async def open(self) -> None:
        """Connect."""
        self._connected = True
        try:
            await self._meet("open")
        except DeviceError:
            self._connected = False
            raise
        self._world.introduce(self._name, self._traits.initial)

    async def close(self) -> None:
        """Disconnect."""
        self._connected = False

    async def alive(self) -> bool:
        """Does the device answer within its time-out?"""
        fault = self._world.strike(self._name, "read", used_up=False)
        return self._connected and (fault is None or fault.kind not in (FaultKind.HANGS, FaultKind.VANISHES))

    async def read(self, paths: Sequence[str] | None = None) -> Mapping[str, object]:
        """The active values."""
        await self._meet("read")
        values = self._world.values(self._name)
        return values if paths is None else {path: values[path] for path in paths if path in values}

    async def plan(self, desired: Mapping[str, object]) -> Plan:
        """What an apply would change. A device with ``validate`` refuses here what it would refuse later."""
        await self._meet("plan")
        if "validate" in self.caps:
            self._validate(desired)
        with self._world.hold(self._name) as device:
            return _plan(desired, device.active, device.scheduled)

    async def apply(
        self, plan: Plan, *, revert_in: float | None = None, at: datetime | None = None, key: str = ""
    ) -> Applied:
        """Make it so."""
        wanted = {change.path: change.new for change in plan.changes}
        self._validate(wanted)
        due_us = self._due(at)
        if plan.empty:
            return Applied(plan)
        fault = await self._meet("apply", wanted, key)
        now = self._world.now_us()
        later = due_us if due_us is not None and due_us > now else None
        pending = revert_in is not None and later is None and "confirmed-commit" in self.caps
        with self._world.hold(self._name) as device:
            undo = tuple(Change(path, new, device.active.get(path)) for path, new in wanted.items())
            token = key if pending and key else f"{self._name}/{device.serial}" if pending or later else ""
            applied = Applied(plan, undo, pending=pending, at=at if later else None, token=token)
            if (fault and fault.kind is FaultKind.LIES) or (self._traits.keys and key and key in device.keys):
                return applied
            if (other := device.pending) and other.token != token:
                raise Busy(f"{other.token} is not confirmed yet", device=self._name, holder=other.token)
            device.supersede(wanted, now)
            if later:
                device.plan_later(Timer(later, "activated", wanted, token, key), now)
                return applied
            device.put(wanted, now, "applied", key)
            if pending and revert_in is not None:
                before = {change.path: change.new for change in undo}
                device.revert_later(Timer(now + round(revert_in * 1e6), "reverted", before, token, key), now)
        if fault and fault.kind is FaultKind.LATE:
            raise TimedOut("the answer got lost", device=self._name, maybe_applied=True)
        return applied

    async def verify(self, desired: Mapping[str, object], *, tolerance: Tolerance | None = None) -> list[Mismatch]:
        """The check set."""
        await self._meet("verify")
        return self._mismatches(desired, tolerance or Tolerance())

    async def confirm(self, applied: Applied) -> None:
        """Keep what is pending. Raises Reverted when the device has taken it back already."""
        if not applied.pending:
            return
        fault = await self._meet("confirm")
        with self._world.hold(self._name) as device:
            lies = fault is not None and fault.kind is FaultKind.LIES
            kept = lies or device.forget(applied.token, self._world.now_us(), "confirmed")
        if fault and fault.kind is FaultKind.LATE:
            raise TimedOut("the answer got lost", device=self._name, maybe_applied=True)
        wanted = {change.path: change.new for change in applied.plan.changes}
        if not kept and (mismatches := self._mismatches(wanted, Tolerance())):
            raise Reverted(mismatches, device=self._name)

    async def rollback(self, applied: Applied) -> None:
        """Undo: what is only scheduled is cancelled, what is active is written back. Raises CheckFailed."""
        fault = await self._meet("rollback")
        before = {change.path: change.new for change in applied.undo}
        if not (fault and fault.kind is FaultKind.LIES):
            self._undo(applied, before)
        if mismatches := self._mismatches(before, Tolerance()):
            raise CheckFailed(mismatches, device=self._name)

    def _undo(self, applied: Applied, before: Mapping[str, object]) -> None:
        now = self._world.now_us()
        with self._world.hold(self._name) as device:
            if applied.token:
                device.forget(applied.token, now, "cancelled")
            if any(device.active.get(path) != value for path, value in before.items()):
                device.put(before, now, "rolled back")

    def _mismatches(self, desired: Mapping[str, object], tolerance: Tolerance) -> list[Mismatch]:
        with self._world.hold(self._name) as device:
            return tolerance.mismatches(desired, device.active)

    def _validate(self, values: Mapping[str, object]) -> None:
        for path, limit in self._traits.limits.items():
            value = values.get(path)
            if value is not None and (reason := _beyond(limit, value)):
                raise InvalidValue(path, reason, device=self._name)

    def _due(self, at: datetime | None) -> int | None:
        if at is None:
            return None
        if "schedule" not in self.caps:
            raise RefusedByDevice("the device cannot activate at a later time", device=self._name)
        return round(at.timestamp() * 1e6)

    async def _meet(self, call: str, wanted: Mapping[str, object] | None = None, key: str = "") -> Fault | None:
        """Be struck by the device's fault for this call, if any; a lie or a lost answer is the caller's to play."""
        if not self._connected:
            raise Unreachable("not connected: open() comes first", device=self._name)
        fault = self._world.strike(self._name, call)
        if fault is None:
            return None
        match fault.kind:
            case FaultKind.REFUSES:
                raise RefusedByDevice(f"{call}: no", device=self._name)
            case FaultKind.BUSY:
                raise Busy("locked by operator console", device=self._name, holder="operator console")
            case FaultKind.VANISHES:
                raise Unreachable("connection refused", device=self._name)
            case FaultKind.GARBAGE:
                raise DeviceError(f"{call}: the answer makes no sense: '<<%$#'", device=self._name)
            case FaultKind.DIES:
                self._break_off(wanted or {}, key)
            case FaultKind.HANGS | FaultKind.SLOW:
                await self._wait(fault, call, wanted or {}, key)
        return fault

    def _break_off(self, wanted: Mapping[str, object], key: str) -> None:
        if wanted and "candidate" not in self.caps:
            half = dict(list(wanted.items())[: (len(wanted) + 1) // 2])
            with self._world.hold(self._name) as device:
                device.put(half, self._world.now_us(), "applied", key)
        raise Unreachable("the connection broke in the middle", device=self._name)

    async def _wait(self, fault: Fault, call: str, wanted: Mapping[str, object], key: str) -> None:
        world, patience = self._world, self._traits.timeout
        if fault.kind is FaultKind.SLOW and (patience is None or fault.seconds <= patience):
            await world.sleep(fault.seconds)
            return
        if fault.kind is FaultKind.SLOW and wanted:
            now = world.now_us()
            with world.hold(self._name) as device:
                device.plan_later(Timer(now + round(fault.seconds * 1e6), "arrived", wanted, "", key), now, "slow")
        if patience is None:
            await asyncio.get_running_loop().create_future()
        else:
            await world.sleep(patience)
        raise TimedOut(f"{call}: no answer in {patience} s", device=self._name, maybe_applied=call in CHANGING)


def _plan(desired: Mapping[str, object], active: Mapping[str, object], scheduled: Mapping[str, object]) -> Plan:
    """What is not as desired, or will not stay so because something else is scheduled."""
    found = []
    for path, value in desired.items():
        now = active.get(path)
        later = scheduled.get(path, value)
        if now != value or later != value:
            found.append(Change(path, now if now != value else later, value))
    return Plan(tuple(found))


def _beyond(limit: Mapping[str, Any], value: Any) -> str:
    """Why a value is outside of a limit; empty when it is not."""
    if "choices" in limit and value not in limit["choices"]:
        return f"is {value!r}, not one of {', '.join(map(str, limit['choices']))}"
    if ("minimum" in limit or "maximum" in limit) and (isinstance(value, bool) or not isinstance(value, int | float)):
        return f"is {value!r}, not a number"
    if "minimum" in limit and value < limit["minimum"]:
        return f"is {value}, less than {limit['minimum']}"
    if "maximum" in limit and value > limit["maximum"]:
        return f"is {value}, more than {limit['maximum']}"
    return ""


def _traits(name: str, address: Mapping[str, Any]) -> Traits:
    unknown = address.keys() - {"device", "world", "timeout", "caps", "initial", "limits", "keys"}
    if unknown:
        raise InvalidValue(f"address.{min(unknown)}", "is not known to the sim driver", device=name)
    caps = frozenset(address.get("caps", ()))
    if not caps <= CAPS:
        raise InvalidValue("address.caps", f"{min(caps - CAPS)} is not one of {', '.join(sorted(CAPS))}", device=name)
    return Traits(
        str(address.get("device") or name),
        address.get("timeout"),
        caps,
        address.get("initial", {}),
        address.get("limits", {}),
        bool(address.get("keys", False)),
    )


def sim_in(world: World) -> DriverFactory:
    """A factory for the devices of one world, whatever world their address names."""

    def make(name: str, address: Mapping[str, object]) -> Driver:
        return SimDriver(world, _traits(name, address))

    return make


def sim(name: str, address: Mapping[str, object]) -> Driver:
    """A driver of a simulated device; see the README for the fields of its address."""
    directory = address.get("world")
    return SimDriver(FileWorld(str(directory)) if directory else MEMORY, _traits(name, address))
