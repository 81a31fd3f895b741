# SPDX-License-Identifier: Apache-2.0
"""The driver of devices with SNMP: one question reads, one question sets all or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from preroll.drivers.snmp.address import Address
from preroll.sdk import (
    Applied,
    Change,
    CheckFailed,
    DeviceError,
    Driver,
    GiveUp,
    InvalidValue,
    Mismatch,
    Plan,
    RefusedByDevice,
    TimedOut,
    Tolerance,
    Unreachable,
)

if TYPE_CHECKING:
    from preroll.drivers.snmp.wire import Wire


class SnmpDriver:
    """One session to one device."""

    caps: frozenset[str] = frozenset()

    def __init__(self, name: str, address: Address) -> None:
        self._name, self._address = name, address
        self._wire: Wire | None = None
        self._opened = False

    async def open(self) -> None:
        """Connect: the device has to answer."""
        await self.close()
        self._opened = True
        try:
            await self._greet()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Disconnect."""
        wire, self._wire, self._opened = self._wire, None, False
        if wire and not wire.closed:
            wire.close()

    async def _greet(self) -> None:
        try:
            await self.read(list(self._address.parameters)[:1])
        except TimedOut as silence:
            raise Unreachable(f"{silence} (is it there, and does it know us?)", device=self._name) from silence

    async def alive(self) -> bool:
        """Does the device answer?"""
        try:
            await self.read(list(self._address.parameters)[:1])
        except DeviceError:
            return False
        return True

    async def read(self, paths: Sequence[str] | None = None) -> Mapping[str, object]:
        """The values of the declared objects."""
        declared = self._address.parameters
        chosen = list(declared.values()) if paths is None else [declared[path] for path in paths if path in declared]
        return await (await self._connected()).get(chosen)

    async def plan(self, desired: Mapping[str, object]) -> Plan:
        """Read and compare. Raises InvalidValue for what could not be sent."""
        plan = Plan.between(await self.read(list(desired)), desired)
        self._require_sendable({change.path: change.new for change in plan.changes})
        return plan

    async def apply(
        self, plan: Plan, *, revert_in: float | None = None, at: datetime | None = None, key: str = ""
    ) -> Applied:
        """Set all values in one question: the device takes all of them or none."""
        del revert_in, key  # SNMP knows neither; what is undone by whoever asked is in ``Applied.undo``
        if at is not None:
            raise RefusedByDevice("not scheduled: SNMP sets at once", device=self._name)
        if plan.empty:
            return Applied(plan)
        wanted = {change.path: change.new for change in plan.changes}
        self._require_sendable(wanted)
        before = await self.read(list(wanted))
        await self._set(wanted)
        return Applied(plan, tuple(Change(path, new, before.get(path)) for path, new in wanted.items()))

    async def verify(self, desired: Mapping[str, object], *, tolerance: Tolerance | None = None) -> list[Mismatch]:
        """The check set."""
        return (tolerance or Tolerance()).mismatches(desired, await self.read(list(desired)))

    async def confirm(self, applied: Applied) -> None:
        """Nothing is ever pending."""

    async def rollback(self, applied: Applied) -> None:
        """Undo: what is not as it was is set back, and read again."""
        before = {change.path: change.new for change in applied.undo}
        now = await self.read(list(before))
        wrong = {path: value for path, value in before.items() if now.get(path) != value}
        if not wrong:
            return
        self._require_sendable(wrong)
        await self._set(wrong)
        if mismatches := await self.verify(before):
            raise CheckFailed(mismatches, device=self._name)

    def _require_sendable(self, values: Mapping[str, object]) -> None:
        for path, value in values.items():
            one = self._address.parameters.get(path)
            if why := one.refused(value) if one else "is not among the address's parameters":
                raise InvalidValue(path, why, device=self._name)

    async def _set(self, values: Mapping[str, object]) -> None:
        declared = self._address.parameters
        wire = await self._connected()
        await wire.set([(one, values[path]) for path, one in declared.items() if path in values])

    async def _connected(self) -> Wire:
        """After a question that was given up, a new socket: its answer must not be taken for that of the next."""
        if not self._opened:
            raise Unreachable("not connected: open() comes first", device=self._name)
        if self._wire is None or self._wire.closed:
            # pysnmp takes a third of a second to load: not when a host starts that may not need it, nor on its loop.
            wire = await asyncio.to_thread(import_module, "preroll.drivers.snmp.wire")
            self._wire = await wire.Wire.open(self._name, self._address)
        return self._wire


def snmp(name: str, address: Mapping[str, object]) -> Driver:
    """A driver of a device with SNMP; see the README for the fields of its address.

    Raises:
        InvalidValue: the address is wrong. GiveUp: the extra ``snmp`` is not installed.
    """
    if find_spec("pysnmp") is None:
        raise GiveUp("the snmp driver needs pysnmp: pip install 'preroll[snmp]'")
    return SnmpDriver(name, Address.of(name, address))
