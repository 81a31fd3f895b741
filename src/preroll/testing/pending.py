# SPDX-License-Identifier: Apache-2.0
"""The part of the conformance suite on what is pending: confirmed, undone, taken back, by whichever process."""
# ruff: noqa: S101

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from preroll.sdk import Applied, Driver, RefusedByDevice, Reverted, TimedOut
from preroll.testing.promises import Promises
from preroll.testing.rig import Rig


class Pending(Promises):
    """Promises that a change of several devices rests on."""

    async def test_what_cannot_revert_by_itself_is_not_pending(self, rig: Rig, driver: Driver) -> None:
        if "confirmed-commit" in driver.caps:
            pytest.skip("this device reverts by itself")
        applied = await driver.apply(await driver.plan(rig.first), revert_in=60)
        assert not applied.pending
        assert {change.path: change.new for change in applied.undo} == rig.initial

    async def test_what_is_not_confirmed_reverts(self, rig: Rig, driver: Driver) -> None:
        self._need(driver, "confirmed-commit")
        applied = await driver.apply(await driver.plan(rig.first), revert_in=rig.window, key="1:1:0:a")
        assert applied.pending
        assert await driver.read(list(rig.first)) == rig.first
        await rig.pass_time(rig.window)
        assert await driver.read(list(rig.initial)) == rig.initial

    async def test_too_late_to_confirm_is_told(self, rig: Rig, driver: Driver) -> None:
        self._need(driver, "confirmed-commit")
        applied = await driver.apply(await driver.plan(rig.first), revert_in=rig.window, key="1:1:0:a")
        await rig.pass_time(rig.window)
        for _ in range(2):
            with pytest.raises(Reverted):
                await driver.confirm(applied)
        await driver.rollback(applied)
        assert await driver.read(list(rig.initial)) == rig.initial

    async def test_what_is_confirmed_stays(self, rig: Rig, driver: Driver) -> None:
        self._need(driver, "confirmed-commit")
        applied = await driver.apply(await driver.plan(rig.first), revert_in=rig.window, key="1:1:0:a")
        await driver.confirm(applied)
        await driver.confirm(applied)
        await rig.pass_time(2 * rig.window)
        assert await driver.read(list(rig.first)) == rig.first
        await driver.confirm(applied)

    async def test_a_lost_answer_to_a_confirm_is_no_harm(self, rig: Rig, driver: Driver) -> None:
        self._need(driver, "confirmed-commit")
        self._need_fault(rig, "late")
        applied = await driver.apply(await driver.plan(rig.first), revert_in=rig.window, key="1:1:0:a")
        await self._break(rig, "late")
        with pytest.raises(TimedOut) as caught:
            await driver.confirm(applied)
        assert caught.value.maybe_applied
        await rig.mend()
        await driver.confirm(applied)
        await rig.pass_time(2 * rig.window)
        assert await driver.read(list(rig.first)) == rig.first

    async def test_a_confirm_that_is_refused_is_told(self, rig: Rig, driver: Driver) -> None:
        self._need(driver, "confirmed-commit")
        self._need_fault(rig, "refuses")
        applied = await driver.apply(await driver.plan(rig.first), revert_in=rig.window, key="1:1:0:a")
        await self._break(rig, "refuses")
        with pytest.raises(RefusedByDevice):
            await driver.confirm(applied)
        await rig.mend()
        await driver.confirm(applied)
        await rig.pass_time(2 * rig.window)
        assert await driver.read(list(rig.first)) == rig.first

    async def test_what_is_pending_can_be_undone(self, rig: Rig, driver: Driver) -> None:
        self._need(driver, "confirmed-commit")
        applied = await driver.apply(await driver.plan(rig.first), revert_in=rig.window, key="1:1:0:a")
        await driver.rollback(applied)
        await driver.rollback(applied)
        assert await driver.read(list(rig.initial)) == rig.initial
        with pytest.raises(Reverted):
            await driver.confirm(applied)

    async def test_what_was_confirmed_can_be_undone(self, rig: Rig, driver: Driver) -> None:
        self._need(driver, "confirmed-commit")
        applied = await driver.apply(await driver.plan(rig.first), revert_in=rig.window, key="1:1:0:a")
        await driver.confirm(applied)
        await driver.rollback(applied)
        assert await driver.read(list(rig.initial)) == rig.initial

    async def test_another_change_can_follow_a_confirmed_one(self, rig: Rig, driver: Driver) -> None:
        self._need(driver, "confirmed-commit")
        for key, values in (("1:1:0:a", rig.first), ("1:1:0:b", rig.second)):
            await driver.confirm(await driver.apply(await driver.plan(values), revert_in=rig.window, key=key))
        await rig.pass_time(2 * rig.window)
        assert await driver.read(list(rig.second)) == rig.second

    # Another process, with what was written down

    async def test_another_session_can_confirm(self, rig: Rig, driver: Driver) -> None:
        self._need(driver, "confirmed-commit")
        applied = await driver.apply(await driver.plan(rig.first), revert_in=rig.window, key="1:1:0:a")
        assert applied.token == "1:1:0:a", "the key is the handle"  # noqa: S105
        await driver.close()
        async with _another(rig) as other:
            assert await other.read(list(rig.first)) == rig.first, "it outlives its session"
            await other.confirm(_written_down(applied))
            await rig.pass_time(2 * rig.window)
            assert await other.read(list(rig.first)) == rig.first

    async def test_another_session_can_undo(self, rig: Rig, driver: Driver) -> None:
        self._need(driver, "confirmed-commit")
        applied = await driver.apply(await driver.plan(rig.first), revert_in=rig.window, key="1:1:0:a")
        await driver.close()
        async with _another(rig) as other:
            await other.rollback(_written_down(applied))
            assert await other.read(list(rig.initial)) == rig.initial

    async def test_an_apply_whose_answer_nobody_saw_can_be_undone(self, rig: Rig, driver: Driver) -> None:
        plan = await driver.plan(rig.first)
        await driver.apply(plan, revert_in=rig.window, key="1:1:0:a")
        await driver.close()
        async with _another(rig) as other:
            await other.rollback(_written_down(Applied.unseen(plan, "1:1:0:a")))
            assert await other.read(list(rig.initial)) == rig.initial

    async def test_an_apply_that_never_came_can_be_undone(self, rig: Rig, driver: Driver) -> None:
        plan = await driver.plan(rig.first)
        before = await rig.count_applied()
        await driver.rollback(Applied.unseen(plan, "1:1:0:a"))
        assert await rig.count_applied() == before
        assert await driver.read(list(rig.initial)) == rig.initial


@contextlib.asynccontextmanager
async def _another(rig: Rig) -> AsyncIterator[Driver]:
    """A session of another process."""
    driver = rig.driver()
    await driver.open()
    try:
        yield driver
    finally:
        await driver.close()


def _written_down(applied: Applied) -> Applied:
    """As a journal gives it back."""
    return msgspec.json.decode(msgspec.json.encode(applied), type=Applied)
