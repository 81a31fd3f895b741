# SPDX-License-Identifier: Apache-2.0
"""One apply: brings one resource to its values, by the profile's own script or by the shipped one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from preroll.ports.scripts import Equipment, ScriptKind
from preroll.scripts.catalogue import Loaded
from preroll.scripts.readonly import read_only
from preroll.scripts.steps import Book, Diff, Step, Steps, as_json
from preroll.scripts.veil import Devices
from preroll.sdk import (
    Applied,
    Context,
    DeviceError,
    Driver,
    GiveUp,
    InvalidValue,
    Mismatch,
    Plan,
    TimedOut,
    Tolerance,
    load,
)

APPLIED, GIVEN = "applied", "given"
"""What the journal keeps of an apply: the values by the driver's paths, and what the profile-load script gave."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What a run works with."""

    book: Book
    steps: Steps
    devices: Devices
    find: Callable[[ScriptKind, str], Loaded]
    """Raises GiveUp when there is no such script."""
    call: Callable[[Loaded, object], Awaitable[object]]
    """Runs a script with its context; a plain ``def`` in a thread."""


class Apply:
    """One apply, as a step."""

    def __init__(
        self, kit: Kit, run: Context, name: str, equipment: Equipment, values: Mapping[str, object], *, check: bool
    ) -> None:
        self._kit, self._run, self._equipment, self._values, self._check = kit, run, equipment, values, check
        self._changes: list[Plan] = []
        self.step = Step(
            name, self._do, self._is_so, resource=equipment.id, where=equipment.name, diff=self._diff
        )  # fmt: skip

    async def _resolved(self) -> tuple[dict[str, object], dict[str, object]]:
        """The values by parameter name and by the driver's paths; an error of a reference is one of the step."""
        values = await self._kit.devices.resolved(self._equipment, self._values)
        return values, {self._equipment.paths.get(n, n): value for n, value in values.items()}

    def _diff(self) -> Diff:
        first: dict[str, object] = {}
        last: dict[str, object] = {}
        for change in (change for plan in self._changes for change in plan.changes):
            first.setdefault(change.path, change.old)
            last[change.path] = change.new
        return tuple((path, before, last[path]) for path, before in first.items())

    async def _is_so(self) -> bool:
        _, desired = await self._resolved()
        self.step.so = {APPLIED: as_json(desired, "what is wanted")}
        async with self._kit.devices.use(self._equipment) as driver:
            try:
                return (await driver.plan(desired)).empty
            except InvalidValue:
                if self._equipment.load:
                    return False
                raise

    async def _do(self, key: str) -> object:
        run, kit, equipment = self._run, self._kit, self._equipment
        values, desired = await self._resolved()
        async with kit.devices.use(equipment) as session:
            driver = WatchedDriver(session, self._changes, dry_run=run.dry_run)
            if not equipment.load:
                await load(driver, desired, check=self._check and not run.dry_run, key=key)
                return {APPLIED: desired}
            script = kit.find(ScriptKind.PROFILE_LOAD, equipment.load)
            context = LoadingContext(run, equipment, driver, values, desired, check=self._check, key=key)
            await kit.call(script, context)
            return {APPLIED: desired, GIVEN: context.given}


class LoadingContext:
    """The LoadContext of one apply."""

    def __init__(
        self,
        run: Context,
        equipment: Equipment,
        driver: Driver,
        values: Mapping[str, object],
        desired: Mapping[str, object],
        *,
        check: bool,
        key: str,
    ) -> None:
        self.event, self.target, self.booking, self.log = run.event, run.target, run.booking, run.log
        self.dry_run, self.check, self.key = run.dry_run, check, key
        self.resource = run.resources[equipment.label]
        self.driver, self.values, self.desired = driver, read_only(values), read_only(desired)
        self.given: dict[str, object] = {}

    def give(self, key: str, value: object) -> None:
        """Hand a value back to the LSO script. Raises AuthorError for what is no JSON."""
        self.given[key] = as_json(value, f"give({key!r})")

    async def load(self) -> None:
        """Plan, apply, read back and compare."""
        await load(self.driver, self.desired, check=self.check and not self.dry_run, key=self.key)


class WatchedDriver:
    """A driver whose applies are noted down, and in a dry run not sent."""

    def __init__(self, driver: Driver, changes: list[Plan], *, dry_run: bool) -> None:
        self._driver, self._changes, self._dry_run = driver, changes, dry_run
        self.caps = driver.caps

    async def apply(
        self, plan: Plan, *, revert_in: float | None = None, at: datetime | None = None, key: str = ""
    ) -> Applied:
        """Note it down and, unless it is a dry run, make it so."""
        if self._dry_run:
            self._changes.append(plan)
            return Applied(plan)
        try:
            applied = await self._driver.apply(plan, revert_in=revert_in, at=at, key=key)
        except BaseException as error:
            if not isinstance(error, DeviceError) or (isinstance(error, TimedOut) and error.maybe_applied):
                self._changes.append(plan)
            raise
        self._changes.append(plan)
        return applied

    async def plan(self, desired: Mapping[str, object]) -> Plan:
        """The driver's."""
        return await self._driver.plan(desired)

    async def read(self, paths: Sequence[str] | None = None) -> Mapping[str, object]:
        """The driver's."""
        return await self._driver.read(paths)

    async def verify(self, desired: Mapping[str, object], *, tolerance: Tolerance | None = None) -> list[Mismatch]:
        """The driver's; in a dry run nothing differs."""
        return [] if self._dry_run else await self._driver.verify(desired, tolerance=tolerance)

    async def confirm(self, applied: Applied) -> None:
        """The driver's."""
        if not self._dry_run:
            await self._driver.confirm(applied)

    async def rollback(self, applied: Applied) -> None:
        """The driver's."""
        if not self._dry_run:
            await self._driver.rollback(applied)

    async def alive(self) -> bool:
        """The driver's."""
        return await self._driver.alive()

    async def open(self) -> None:
        """Open already: the host does that."""

    async def close(self) -> None:
        """The host does that."""

    def __getattr__(self, name: str) -> Any:
        if self._dry_run:
            raise GiveUp(f"driver.{name} cannot be used in a dry run")
        return getattr(self._driver, name)
