# SPDX-License-Identifier: Apache-2.0
"""What a simulated device does beyond the conformance suite: its faults, its log, its files."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from preroll.drivers.sim import FaultKind, FileWorld, SimDriver, World, sim, sim_in
from preroll.sdk import Busy, CheckFailed, InvalidValue, RefusedByDevice, Reverted, TimedOut, Unreachable, load
from preroll.testing import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", "files"])
def world(request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path) -> World:
    if request.param == "memory":
        return World(now_us=clock.now_us, sleep=clock.sleep)
    return FileWorld(tmp_path, now_us=clock.now_us, sleep=clock.sleep)


async def opened(world: World, **address: object) -> SimDriver:
    driver = sim_in(world)("enc-1", address)
    assert isinstance(driver, SimDriver)
    await driver.open()
    return driver


async def test_fails_so_many_times_and_then_works(world: World) -> None:
    driver = await opened(world)
    world.fault("enc-1", "busy", times=2)
    for _ in range(2):
        with pytest.raises(Busy):
            await load(driver, {"kbit": 1})
    await load(driver, {"kbit": 1})
    assert world.values("enc-1") == {"kbit": 1}


async def test_a_fault_strikes_the_calls_that_it_names(world: World) -> None:
    driver = await opened(world)
    world.fault("enc-1", FaultKind.REFUSES, on="verify")
    await driver.apply(await driver.plan({"kbit": 1}))
    with pytest.raises(RefusedByDevice):
        await driver.verify({"kbit": 1})


async def test_faults_come_in_order(world: World) -> None:
    driver = await opened(world)
    world.fault("enc-1", "busy", times=1)
    world.fault("enc-1", "lies", times=1)
    for error in (Busy, CheckFailed):
        with pytest.raises(error):
            await load(driver, {"kbit": 1})
    await load(driver, {"kbit": 1})


async def test_a_slow_device_answers_when_it_is_time(world: World, clock: ManualClock) -> None:
    driver = await opened(world)
    world.fault("enc-1", "slow", seconds=3)
    reading = asyncio.create_task(driver.read())
    await asyncio.sleep(0)
    await clock.advance(2.9)
    assert not reading.done()
    await clock.advance(0.1)
    assert await reading == {}


async def test_a_change_that_timed_out_arrives_later(world: World, clock: ManualClock) -> None:
    driver = await opened(world, timeout=1)
    world.fault("enc-1", "slow", seconds=3, on="apply", times=1)
    applying = asyncio.create_task(driver.apply(await driver.plan({"kbit": 1}), key="late"))
    await asyncio.sleep(0)
    await clock.advance(1)
    with pytest.raises(TimedOut) as caught:
        await applying
    assert caught.value.maybe_applied
    assert world.values("enc-1") == {}
    await clock.advance(2)
    assert world.values("enc-1") == {"kbit": 1}
    assert [(entry.what, entry.key) for entry in world.applied("enc-1")] == [("arrived", "late")]


async def test_a_device_that_hangs_waits_until_it_is_cancelled(world: World) -> None:
    driver = await opened(world)
    world.fault("enc-1", "hangs")
    reading = asyncio.create_task(driver.read())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not reading.done()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not await driver.alive()


@pytest.mark.parametrize(("caps", "done"), [((), {"a": 1, "b": 2}), (("candidate",), {})])
async def test_dying_in_the_middle_leaves_half_without_a_candidate(
    world: World, caps: tuple[str, ...], done: dict[str, int]
) -> None:
    driver = await opened(world, caps=caps)
    world.fault("enc-1", "dies", times=1)
    wanted = {"a": 1, "b": 2, "c": 3}
    with pytest.raises(Unreachable):
        await load(driver, wanted)
    assert world.values("enc-1") == done
    await load(driver, wanted)
    assert world.values("enc-1") == wanted


async def test_every_applied_change_is_logged_with_its_key(world: World) -> None:
    driver = await opened(world)
    await load(driver, {"kbit": 1, "size": "s"}, key="7:1:0:a")
    await load(driver, {"kbit": 2}, key="7:1:0:b")
    world.tamper("enc-1", {"kbit": 9})
    first, second = world.applied("enc-1")
    assert (first.key, first.changes) == ("7:1:0:a", (("kbit", None, 1), ("size", None, "s")))
    assert (second.key, second.changes) == ("7:1:0:b", (("kbit", 1, 2),))
    assert [entry.what for entry in world.log("enc-1")] == ["applied", "applied", "tampered"]


async def test_a_lie_is_not_logged(world: World) -> None:
    driver = await opened(world)
    world.fault("enc-1", "lies")
    with pytest.raises(CheckFailed):
        await load(driver, {"kbit": 1}, key="k")
    assert world.applied("enc-1") == []


async def test_a_device_that_knows_keys_does_a_key_once(world: World) -> None:
    driver = await opened(world, keys=True)
    plan = await driver.plan({"kbit": 1})
    await driver.apply(plan, key="k")
    world.tamper("enc-1", {"kbit": 9})
    await driver.apply(plan, key="k")
    assert world.values("enc-1") == {"kbit": 9}
    await driver.apply(plan, key="other")
    assert world.values("enc-1") == {"kbit": 1}


async def test_limits_and_choices(world: World) -> None:
    driver = await opened(world, limits={"kbit": {"minimum": 1, "maximum": 9}, "mode": {"choices": ["a", "b"]}})
    for path, value in (("kbit", 0), ("kbit", 10), ("kbit", "many"), ("kbit", True), ("mode", "c")):
        with pytest.raises(InvalidValue) as caught:
            await load(driver, {path: value, "other": 1})
        assert caught.value.path == path
    assert world.values("enc-1") == {}
    await load(driver, {"kbit": 9, "mode": "b"})


async def test_what_is_pending_lets_nothing_else_in(world: World, clock: ManualClock) -> None:
    driver = await opened(world, caps=("confirmed-commit",), initial={"kbit": 1})
    plan = await driver.plan({"kbit": 2})
    await driver.apply(plan, revert_in=60, key="a")
    with pytest.raises(Busy) as caught:
        await load(driver, {"kbit": 3})
    assert caught.value.holder == "a"
    await driver.apply(plan, revert_in=60, key="a")
    await clock.advance(60)
    assert world.values("enc-1") == {"kbit": 1}, "asked for twice, it goes back to what was before the first"
    await load(driver, {"kbit": 3})


async def test_a_confirm_can_be_a_lie(world: World, clock: ManualClock) -> None:
    driver = await opened(world, caps=("confirmed-commit",), initial={"kbit": 1})
    applied = await driver.apply(await driver.plan({"kbit": 2}), revert_in=60, key="a")
    world.fault("enc-1", "lies", on="confirm")
    await driver.confirm(applied)
    await clock.advance(60)
    assert world.values("enc-1") == {"kbit": 1}
    world.clear("enc-1")
    with pytest.raises(Reverted, match="kbit: expected 2, found 1"):
        await driver.confirm(applied)


async def test_initial_values_are_given_once(world: World) -> None:
    driver = await opened(world, initial={"kbit": 1})
    await load(driver, {"kbit": 2})
    await opened(world, initial={"kbit": 1})
    assert world.values("enc-1") == {"kbit": 2}


async def test_two_devices_share_nothing(world: World) -> None:
    await load(await opened(world, device="a"), {"kbit": 1})
    assert world.values("b") == {}


async def test_an_address_without_a_world_is_of_this_process() -> None:
    first, second = (sim("x", {"device": "test_sim.shared"}) for _ in range(2))
    await first.open()
    await second.open()
    await load(first, {"kbit": 5})
    assert await second.read() == {"kbit": 5}


def test_abilities_that_it_does_not_have_are_refused() -> None:
    with pytest.raises(InvalidValue, match="telepathy"):
        sim("x", {"caps": ["telepathy"]})


# Files


async def test_faults_can_be_written_by_hand(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text(json.dumps({"enc-1": [{"kind": "busy", "times": 1}]}))
    driver = sim("enc-1", {"world": str(tmp_path)})
    await driver.open()
    with pytest.raises(Busy):
        await load(driver, {"kbit": 1})
    await load(driver, {"kbit": 1})
    assert json.loads((tmp_path / "faults.json").read_text()) == {"enc-1": []}


async def test_a_device_name_is_no_path(tmp_path: Path) -> None:
    world = FileWorld(tmp_path / "world")
    await load(await opened(world, device="../out/side"), {"kbit": 1})
    assert world.devices() == ["../out/side"]
    assert [path.name for path in tmp_path.iterdir()] == ["world"]


async def test_a_long_state_is_read_back(tmp_path: Path) -> None:
    world = FileWorld(tmp_path)
    wanted = {f"path.{n}": "x" * 50 for n in range(1000)}
    await load(await opened(world), wanted)
    assert FileWorld(tmp_path).values("enc-1") == wanted


WRITER = """
import asyncio, sys
from preroll.drivers.sim import sim
from preroll.sdk import load

async def main():
    driver = sim("enc-1", {"world": sys.argv[1]})
    await driver.open()
    number = 0
    while True:
        number += 1
        await load(driver, {sys.argv[2]: number, "pair." + sys.argv[2]: number}, key=f"{sys.argv[2]}:{number}")
        print(number, flush=True)

asyncio.run(main())
"""


def test_two_processes_and_a_kill_leave_whole_changes(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name], stdout=subprocess.PIPE, text=True)
        for name in ("a", "b")
    ]
    said = {}
    try:
        for name, writer in zip("ab", writers, strict=True):
            assert writer.stdout is not None
            while int(said.setdefault(name, writer.stdout.readline())) < 50:
                said[name] = writer.stdout.readline()
    finally:
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            assert writer.stdout is not None
            writer.wait(60)
            writer.stdout.close()
    world = FileWorld(tmp_path)
    values, applied = world.values("enc-1"), world.applied("enc-1")
    for name in "ab":
        assert values[name] == values[f"pair.{name}"], "a change is whole or not there"
        keys = [entry.key for entry in applied if entry.key.startswith(name)]
        assert keys == [f"{name}:{number}" for number in range(1, int(str(values[name])) + 1)], "each once, in order"
