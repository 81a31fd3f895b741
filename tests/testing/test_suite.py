# SPDX-License-Identifier: Apache-2.0
"""The conformance suite itself: a driver that breaks a promise fails the test that states it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from preroll.drivers.sim import SimDriver, World
from preroll.drivers.sim.driver import Traits
from preroll.sdk import Applied, Change, DeviceError, Driver, Mismatch, Plan, Tolerance
from preroll.testing.conformance import DriverConformance, Rig

INITIAL = {"a": 1, "b": 2}


class Honest(SimDriver):
    pass


class PlanApplies(SimDriver):
    async def plan(self, desired: Mapping[str, object]) -> Plan:
        plan = await super().plan(desired)
        await super().apply(plan)
        return plan


class PlanSendsAll(SimDriver):
    async def plan(self, desired: Mapping[str, object]) -> Plan:
        values = await self.read()
        return Plan(tuple(Change(path, values.get(path), new) for path, new in desired.items()))


class BelievesTheDevice(SimDriver):
    async def verify(self, desired: Mapping[str, object], *, tolerance: Tolerance | None = None) -> list[Mismatch]:
        return []


class ForgetsHowToUndo(SimDriver):
    async def apply(
        self, plan: Plan, *, revert_in: float | None = None, at: datetime | None = None, key: str = ""
    ) -> Applied:
        return replace(await super().apply(plan, revert_in=revert_in, at=at, key=key), undo=())


class RollsBackBlindly(SimDriver):
    async def rollback(self, applied: Applied) -> None:
        await self.apply(Plan(applied.undo))


class MakesPathsUp(SimDriver):
    async def read(self, paths: Sequence[str] | None = None) -> Mapping[str, object]:
        values = await super().read(paths)
        return values if paths is None else {path: values.get(path) for path in paths}


class AliveRaises(SimDriver):
    async def alive(self) -> bool:
        await self.read()
        return True


class UntypedErrors(SimDriver):
    async def read(self, paths: Sequence[str] | None = None) -> Mapping[str, object]:
        try:
            return await super().read(paths)
        except DeviceError as error:
            raise OSError(str(error)) from error


class AppliesAtOnce(SimDriver):
    async def apply(
        self, plan: Plan, *, revert_in: float | None = None, at: datetime | None = None, key: str = ""
    ) -> Applied:
        return await super().apply(plan, revert_in=revert_in, key=key)


class SimRig(Rig):
    faults = frozenset({"refuses", "busy", "lies", "late", "hangs", "vanishes", "garbage"})
    initial, first, second, invalid = INITIAL, {"a": 10, "b": 20}, {"a": 11, "b": 21}, ("a", 99)

    def __init__(self, kind: type[SimDriver]) -> None:
        self.kind, self.world = kind, World(sleep=_at_once)

    def driver(self) -> Driver:
        return self.kind(self.world, Traits("x", timeout=1, initial=INITIAL, limits={"a": {"maximum": 50}}))

    async def tamper(self, values: Mapping[str, object]) -> None:
        self.world.tamper("x", values)

    async def break_(self, fault: str) -> None:
        self.world.fault("x", fault)

    async def mend(self) -> None:
        self.world.clear("x")

    async def count_applied(self) -> int:
        return len(self.world.applied("x"))


async def _at_once(_: float) -> None:
    pass


def promises() -> dict[str, Callable[..., Awaitable[None]]]:
    return {name: test for name, test in inspect.getmembers(DriverConformance()) if name.startswith("test_")}


async def broken_promises(kind: type[SimDriver]) -> set[str]:
    found = set()
    for name, test in promises().items():
        rig = SimRig(kind)
        given: dict[str, object] = {"rig": rig, "fault": "refuses", "error": DeviceError}
        if "driver" in (wanted := inspect.signature(test).parameters):
            driver = given["driver"] = rig.driver()
            await driver.open()
        try:
            await test(**{key: given[key] for key in wanted})
        except pytest.skip.Exception:
            continue
        except (Exception, pytest.fail.Exception):  # noqa: BLE001 - any failure counts
            found.add(name)
    return found


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (PlanApplies, "test_a_plan_applies_nothing"),
        (PlanSendsAll, "test_a_second_plan_of_the_same_values_is_empty"),
        (BelievesTheDevice, "test_verify_finds_a_lie"),
        (ForgetsHowToUndo, "test_rollback_restores"),
        (RollsBackBlindly, "test_rollback_is_verified"),
        (MakesPathsUp, "test_leaves_out_a_path_that_the_device_does_not_have"),
        (AliveRaises, "test_alive_never_raises"),
        (UntypedErrors, "test_a_vanished_device_is_unreachable"),
        (AppliesAtOnce, "test_a_device_that_cannot_schedule_says_so"),
    ],
)
async def test_a_broken_promise_is_found(kind: type[SimDriver], promise: str) -> None:
    assert promise in await broken_promises(kind)


async def test_an_honest_driver_breaks_none() -> None:
    assert await broken_promises(Honest) == set()
    assert len(promises()) > 35
