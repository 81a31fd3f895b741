# SPDX-License-Identifier: Apache-2.0
"""``sdk.load``: plan, nothing when it is so, apply, read back and compare."""

from __future__ import annotations

import pytest

from preroll.drivers.sim import SimDriver, World, sim_in
from preroll.sdk import (
    AuthFailed,
    Busy,
    CheckFailed,
    DeviceError,
    GiveUp,
    InvalidValue,
    Mismatch,
    RefusedByDevice,
    StepUnknown,
    TimedOut,
    Tolerance,
    Unreachable,
    load,
)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def driver(world: World) -> SimDriver:
    driver = sim_in(world)("enc-1", {"timeout": 0, "initial": {"kbit": 1, "on": False}})
    assert isinstance(driver, SimDriver)
    await driver.open()
    return driver


async def test_returns_what_it_changed(driver: SimDriver, world: World) -> None:
    plan = await load(driver, {"kbit": 2, "on": False}, key="k")
    assert str(plan) == "kbit: 1 -> 2"
    assert [entry.key for entry in world.applied("enc-1")] == ["k"]


async def test_sends_nothing_when_it_is_so(driver: SimDriver, world: World) -> None:
    world.fault("enc-1", "refuses")
    assert (await load(driver, {"kbit": 1})).empty


async def test_a_dry_run_only_plans(driver: SimDriver, world: World) -> None:
    assert not (await load(driver, {"kbit": 2}, dry_run=True)).empty
    assert world.values("enc-1")["kbit"] == 1


async def test_a_lie_fails_the_check_with_expected_and_found(driver: SimDriver, world: World) -> None:
    world.fault("enc-1", "lies")
    with pytest.raises(CheckFailed) as caught:
        await load(driver, {"kbit": 2, "on": True})
    assert caught.value.mismatches == (Mismatch("kbit", 2, 1), Mismatch("on", True, False))
    assert str(caught.value) == "check set failed: kbit: expected 2, found 1; on: expected True, found False"


async def test_without_the_check_a_lie_goes_unseen(driver: SimDriver, world: World) -> None:
    world.fault("enc-1", "lies")
    await load(driver, {"kbit": 2}, check=False)
    assert world.values("enc-1")["kbit"] == 1


async def test_a_lost_answer_is_looked_up_and_not_repeated(driver: SimDriver, world: World) -> None:
    world.fault("enc-1", "late", times=1)
    await load(driver, {"kbit": 2})
    assert len(world.applied("enc-1")) == 1


async def test_a_time_out_that_was_not_applied_is_passed_on(driver: SimDriver, world: World) -> None:
    world.fault("enc-1", "hangs", on="apply", times=1)
    with pytest.raises(TimedOut) as caught:
        await load(driver, {"kbit": 2})
    assert caught.value.maybe_applied
    assert world.applied("enc-1") == []


async def test_a_device_that_vanishes_after_the_change_is_unreachable(driver: SimDriver, world: World) -> None:
    world.fault("enc-1", "vanishes", on="verify")
    with pytest.raises(Unreachable):
        await load(driver, {"kbit": 2})


@pytest.mark.parametrize(
    ("expected", "found", "accepted"),
    [
        (100, 100, True), (100, 105, True), (100, 95, True), (100, 106, False), (100, "100", False), (100, None, False),
        (True, 1.04, False), (1.0, True, True), ("a", "a", True), ("a", "b", False), (-100, -105, True), (0, 2, True),
    ],
)  # fmt: skip
def test_a_tolerance_is_for_numbers(expected: object, found: object, accepted: bool) -> None:
    assert Tolerance(absolute=2, relative=0.05).accepts(expected, found) is accepted


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (Unreachable(), True), (TimedOut(maybe_applied=False), True), (Busy(), True), (CheckFailed([]), True),
        (RefusedByDevice(), False), (InvalidValue("p", "r"), False), (AuthFailed(), False), (DeviceError(), False),
    ],
)  # fmt: skip
def test_which_errors_are_worth_another_attempt(error: DeviceError, retryable: bool) -> None:
    assert error.retryable is retryable
    assert str(error)


def test_what_an_author_raises_says_what_to_do() -> None:
    assert "look at the device" in str(StepUnknown("arm"))
    assert str(GiveUp("no signal")) == "no signal"
