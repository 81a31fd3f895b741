# SPDX-License-Identifier: Apache-2.0
"""What every driver has to hold. Subclass the suite, give it a rig, and run pytest::

    class TestMine(DriverConformance):
        @pytest.fixture
        async def rig(self) -> AsyncIterator[Rig]:
            ...
            yield MyRig(...)

A rig is a driver's device on the bench: it can be broken, tampered with, and its time can be moved. What a rig cannot
do it does not list, and the tests that need it are skipped with that reason.
"""
# ruff: noqa: S101

from __future__ import annotations

from datetime import timedelta

import pytest

from preroll.sdk import (
    AuthFailed,
    Busy,
    Change,
    CheckFailed,
    DeviceError,
    Driver,
    InvalidValue,
    Plan,
    RefusedByDevice,
    TimedOut,
    Unreachable,
    load,
)
from preroll.testing.pending import Pending
from preroll.testing.rig import Rig

__all__ = ["DriverConformance", "Rig"]

PASSING = (TimedOut, Unreachable, Busy, CheckFailed)
"""Errors that another attempt may not meet again."""


class DriverConformance(Pending):
    """The suite. Every test is one promise of ``preroll.sdk.Driver``."""

    # Reading and planning

    async def test_reads_what_the_device_holds(self, rig: Rig, driver: Driver) -> None:
        values = await driver.read()
        assert {path: values[path] for path in rig.initial} == rig.initial

    async def test_reads_only_what_was_asked_for(self, rig: Rig, driver: Driver) -> None:
        path, value = next(iter(rig.initial.items()))
        assert await driver.read([path]) == {path: value}

    async def test_leaves_out_a_path_that_the_device_does_not_have(self, driver: Driver) -> None:
        assert await driver.read(["no.such.path"]) == {}

    async def test_reads_what_others_changed(self, rig: Rig, driver: Driver) -> None:
        await driver.read()
        await rig.tamper(rig.second)
        assert await driver.read(list(rig.second)) == rig.second

    async def test_a_plan_names_each_change_with_old_and_new(self, rig: Rig, driver: Driver) -> None:
        plan = await driver.plan(rig.first)
        assert set(plan.changes) == {Change(path, rig.initial[path], new) for path, new in rig.first.items()}

    async def test_a_plan_leaves_out_what_is_so_already(self, rig: Rig, driver: Driver) -> None:
        path, new = next(iter(rig.first.items()))
        plan = await driver.plan({**rig.initial, path: new})
        assert [change.path for change in plan.changes] == [path]

    async def test_a_plan_applies_nothing(self, rig: Rig, driver: Driver) -> None:
        await driver.plan(rig.first)
        assert await driver.read(list(rig.initial)) == rig.initial

    # Applying

    async def test_applies(self, rig: Rig, driver: Driver) -> None:
        applied = await driver.apply(await driver.plan(rig.first))
        assert not applied.pending
        assert await driver.read(list(rig.first)) == rig.first

    async def test_tells_how_to_undo(self, rig: Rig, driver: Driver) -> None:
        applied = await driver.apply(await driver.plan(rig.first))
        assert {change.path: change.new for change in applied.undo} == rig.initial

    async def test_a_second_plan_of_the_same_values_is_empty(self, rig: Rig, driver: Driver) -> None:
        await driver.apply(await driver.plan(rig.first))
        assert (await driver.plan(rig.first)).empty

    async def test_applying_an_empty_plan_changes_nothing(self, rig: Rig, driver: Driver) -> None:
        before = await rig.count_applied()
        applied = await driver.apply(Plan())
        assert applied.undo == ()
        assert await rig.count_applied() == before
        assert await driver.read(list(rig.initial)) == rig.initial

    async def test_applying_the_same_plan_twice_ends_the_same(self, rig: Rig, driver: Driver) -> None:
        plan = await driver.plan(rig.first)
        await driver.apply(plan, key="1:1:0:a")
        await driver.apply(plan, key="1:1:0:a")
        assert await driver.read(list(rig.first)) == rig.first

    async def test_loading_what_is_so_sends_nothing(self, rig: Rig, driver: Driver) -> None:
        await load(driver, rig.first)
        before = await rig.count_applied()
        assert (await load(driver, rig.first)).empty
        assert await rig.count_applied() == before

    async def test_other_paths_stay_as_they_are(self, rig: Rig, driver: Driver) -> None:
        path, *others = rig.initial
        await driver.apply(await driver.plan({path: rig.first[path]}))
        assert await driver.read(others) == {other: rig.initial[other] for other in others}

    # Checking

    async def test_verify_is_content_with_what_was_applied(self, rig: Rig, driver: Driver) -> None:
        await driver.apply(await driver.plan(rig.first))
        assert await driver.verify(rig.first) == []

    async def test_verify_names_path_expected_and_found(self, rig: Rig, driver: Driver) -> None:
        path, value = next(iter(rig.first.items()))
        (mismatch,) = await driver.verify({path: value})
        assert (mismatch.path, mismatch.expected, mismatch.found) == (path, value, rig.initial[path])

    async def test_verify_misses_a_path_that_is_not_there(self, driver: Driver) -> None:
        (mismatch,) = await driver.verify({"no.such.path": 1})
        assert mismatch.found is None

    async def test_verify_finds_what_others_changed(self, rig: Rig, driver: Driver) -> None:
        await load(driver, rig.first)
        await rig.tamper(rig.second)
        assert {m.path for m in await driver.verify(rig.first)} == set(rig.first)

    async def test_verify_finds_a_lie(self, rig: Rig, driver: Driver) -> None:
        await self._break(rig, "lies")
        await driver.apply(await driver.plan(rig.first))
        assert {m.path for m in await driver.verify(rig.first)} == set(rig.first)
        with pytest.raises(CheckFailed):
            await load(driver, rig.first)

    # Undoing

    async def test_rollback_restores(self, rig: Rig, driver: Driver) -> None:
        await load(driver, rig.first)
        applied = await driver.apply(await driver.plan(rig.second))
        await driver.rollback(applied)
        assert await driver.read(list(rig.first)) == rig.first

    async def test_rollback_twice_is_no_error(self, rig: Rig, driver: Driver) -> None:
        applied = await driver.apply(await driver.plan(rig.first))
        await driver.rollback(applied)
        await driver.rollback(applied)
        assert await driver.read(list(rig.initial)) == rig.initial

    async def test_rollback_is_verified(self, rig: Rig, driver: Driver) -> None:
        applied = await driver.apply(await driver.plan(rig.first))
        await self._break(rig, "lies")
        with pytest.raises(CheckFailed):
            await driver.rollback(applied)

    async def test_confirming_what_is_not_pending_is_no_error(self, rig: Rig, driver: Driver) -> None:
        await driver.confirm(await driver.apply(await driver.plan(rig.first)))
        assert await driver.read(list(rig.first)) == rig.first

    # Errors

    @pytest.mark.parametrize(
        ("fault", "error"),
        [("refuses", RefusedByDevice), ("busy", Busy), ("auth", AuthFailed), ("garbage", DeviceError)],
    )
    async def test_a_refusal_is_typed_and_applies_nothing(
        self, rig: Rig, driver: Driver, fault: str, error: type[DeviceError]
    ) -> None:
        plan = await driver.plan(rig.first)
        await self._break(rig, fault)
        with pytest.raises(error) as caught:
            await driver.apply(plan)
        assert isinstance(caught.value, PASSING) == caught.value.retryable
        assert str(caught.value)
        await rig.mend()
        assert await driver.read(list(rig.initial)) == rig.initial

    async def test_garbage_is_never_taken_for_values(self, rig: Rig, driver: Driver) -> None:
        await self._break(rig, "garbage")
        with pytest.raises(DeviceError):
            await driver.read()
        with pytest.raises(DeviceError):
            await driver.plan(rig.first)
        with pytest.raises(DeviceError):
            await driver.verify(rig.first)

    async def test_an_invalid_value_is_named_and_applies_nothing(self, rig: Rig, driver: Driver) -> None:
        if rig.invalid is None:
            pytest.skip("this device takes any value")
        path, value = rig.invalid
        with pytest.raises(InvalidValue) as caught:
            await driver.apply(await driver.plan({**rig.first, path: value}))
        assert path in caught.value.path
        assert caught.value.reason
        assert await driver.read(list(rig.initial)) == rig.initial

    async def test_a_lost_answer_may_have_been_applied(self, rig: Rig, driver: Driver) -> None:
        plan = await driver.plan(rig.first)
        await self._break(rig, "late")
        with pytest.raises(TimedOut) as caught:
            await driver.apply(plan)
        assert caught.value.maybe_applied
        await rig.mend()
        assert await driver.read(list(rig.first)) == rig.first

    async def test_loading_reads_before_it_sends_again(self, rig: Rig, driver: Driver) -> None:
        await self._break(rig, "late")
        await load(driver, rig.first)
        await rig.mend()
        assert await driver.read(list(rig.first)) == rig.first

    async def test_a_hanging_device_is_slow_and_not_gone(self, rig: Rig, driver: Driver) -> None:
        plan = await driver.plan(rig.first)
        await self._break(rig, "hangs")
        assert not await driver.alive()
        with pytest.raises(TimedOut) as reading:
            await driver.read()
        assert not reading.value.maybe_applied, "a read applies nothing"
        with pytest.raises(TimedOut):
            await driver.apply(plan)
        await rig.mend()
        assert await driver.alive(), "the same session is good again"

    async def test_a_vanished_device_is_unreachable(self, rig: Rig, driver: Driver) -> None:
        await self._break(rig, "vanishes")
        assert not await driver.alive()
        with pytest.raises(Unreachable):
            await driver.read()
        fresh = rig.driver()
        with pytest.raises(Unreachable):
            await fresh.open()
        await fresh.close()

    async def test_a_device_that_is_back_can_be_used(self, rig: Rig, driver: Driver) -> None:
        await self._break(rig, "vanishes")
        with pytest.raises(DeviceError):
            await driver.read()
        await rig.mend()
        await driver.close()
        await driver.open()
        assert await driver.read(list(rig.initial)) == rig.initial

    # The session

    async def test_alive_never_raises(self, rig: Rig) -> None:
        driver = rig.driver()
        assert not await driver.alive(), "not open yet"
        await driver.open()
        assert await driver.alive()
        await driver.close()
        assert not await driver.alive()

    async def test_closes_twice_and_opens_again(self, rig: Rig) -> None:
        driver = rig.driver()
        await driver.close()
        await driver.open()
        await driver.close()
        await driver.close()
        with pytest.raises(DeviceError):
            await driver.read()
        await driver.open()
        assert await driver.read(list(rig.initial)) == rig.initial
        await driver.close()

    # Abilities

    async def test_a_device_that_cannot_schedule_says_so(self, rig: Rig, driver: Driver) -> None:
        if "schedule" in driver.caps:
            pytest.skip("this device can schedule")
        with pytest.raises(DeviceError):
            await driver.apply(await driver.plan(rig.first), at=rig.now() + timedelta(seconds=60))
        assert await driver.read(list(rig.initial)) == rig.initial

    async def test_a_scheduled_change_comes_at_its_time(self, rig: Rig, driver: Driver) -> None:
        self._need(driver, "schedule")
        at = rig.now() + timedelta(seconds=60)
        applied = await driver.apply(await driver.plan(rig.first), at=at)
        assert applied.at == at
        await rig.pass_time(59)
        assert await driver.read(list(rig.initial)) == rig.initial
        await rig.pass_time(1)
        assert await driver.read(list(rig.first)) == rig.first

    async def test_a_time_that_has_passed_means_now(self, rig: Rig, driver: Driver) -> None:
        self._need(driver, "schedule")
        await driver.apply(await driver.plan(rig.first), at=rig.now() - timedelta(seconds=60))
        assert await driver.read(list(rig.first)) == rig.first

    async def test_a_scheduled_change_can_be_called_off(self, rig: Rig, driver: Driver) -> None:
        self._need(driver, "schedule")
        applied = await driver.apply(await driver.plan(rig.first), at=rig.now() + timedelta(seconds=60))
        await driver.rollback(applied)
        await rig.pass_time(120)
        assert await driver.read(list(rig.initial)) == rig.initial

    async def test_what_will_not_stay_so_is_a_change(self, rig: Rig, driver: Driver) -> None:
        self._need(driver, "schedule")
        await driver.apply(await driver.plan(rig.first), at=rig.now() + timedelta(seconds=60))
        assert {c.path for c in (await load(driver, rig.initial)).changes} == set(rig.initial)
        await rig.pass_time(120)
        assert await driver.read(list(rig.initial)) == rig.initial

    async def test_scheduling_again_is_no_error(self, rig: Rig, driver: Driver) -> None:
        self._need(driver, "schedule")
        at = rig.now() + timedelta(seconds=60)
        for key in ("1:1:0:arm", "1:1:0:arm", "1:1:1:arm"):
            await driver.apply(await driver.plan(rig.first), at=at, key=key)
        await rig.pass_time(60)
        assert await driver.read(list(rig.first)) == rig.first

    async def test_a_scheduled_change_that_came_can_be_undone(self, rig: Rig, driver: Driver) -> None:
        self._need(driver, "schedule")
        applied = await driver.apply(await driver.plan(rig.first), at=rig.now() + timedelta(seconds=60))
        await rig.pass_time(61)
        await driver.rollback(applied)
        assert await driver.read(list(rig.initial)) == rig.initial
