# SPDX-License-Identifier: Apache-2.0
"""The rack: one open driver per device."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from preroll.drivers import SHIPPED, Installed
from preroll.drivers.rack import Rack
from preroll.drivers.sim import SimDriver, World, sim_in
from preroll.sdk import Driver, InvalidValue, Unreachable


class Counted:
    """A factory that counts what its drivers do."""

    def __init__(self, world: World) -> None:
        self.make, self.calls = sim_in(world), []

    def __call__(self, name: str, address: Mapping[str, object]) -> Driver:
        driver, calls = self.make(name, address), self.calls

        class Watched(SimDriver):
            async def open(self) -> None:
                calls.append("open")
                await asyncio.sleep(0)
                await driver.open()

            async def close(self) -> None:
                calls.append("close")
                await driver.close()

            async def alive(self) -> bool:
                calls.append("alive")
                return await driver.alive()

        return Watched.__new__(Watched)


class Now:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def counted(world: World) -> Counted:
    return Counted(world)


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def rack(counted: Counted, now: Now) -> Rack:
    return Rack({"sim": counted}, trusted=5, idle=60, monotonic=now)


async def test_a_device_has_one_driver(rack: Rack, counted: Counted) -> None:
    first = await rack.driver("enc-1", "sim", {"device": "a"})
    assert await rack.driver("enc-1", "sim", {"device": "a"}) is first
    assert counted.calls == ["open"]


async def test_two_that_ask_at_once_get_the_same(rack: Rack, counted: Counted) -> None:
    first, second = await asyncio.gather(*(rack.driver("enc-1", "sim", {"device": "a"}) for _ in range(2)))
    assert first is second
    assert counted.calls == ["open"]


async def test_another_address_is_another_device(rack: Rack) -> None:
    first = await rack.driver("enc-1", "sim", {"device": "a"})
    assert await rack.driver("enc-1", "sim", {"device": "b"}) is not first


async def test_a_driver_that_has_rested_is_asked_whether_it_is_alive(rack: Rack, counted: Counted, now: Now) -> None:
    first = await rack.driver("enc-1", "sim", {})
    now.seconds = 6
    assert await rack.driver("enc-1", "sim", {}) is first
    assert counted.calls == ["open", "alive"]


async def test_a_dead_session_is_opened_again(rack: Rack, counted: Counted, now: Now, world: World) -> None:
    await rack.driver("enc-1", "sim", {})
    world.fault("enc-1", "vanishes")
    now.seconds = 6
    with pytest.raises(Unreachable):
        await rack.driver("enc-1", "sim", {})
    world.clear("enc-1")
    await rack.driver("enc-1", "sim", {})
    assert counted.calls == ["open", "alive", "close", "open", "open"]


async def test_a_driver_that_could_not_be_opened_is_tried_again(rack: Rack, world: World) -> None:
    world.fault("enc-1", "vanishes", times=1)
    with pytest.raises(Unreachable):
        await rack.driver("enc-1", "sim", {})
    assert await (await rack.driver("enc-1", "sim", {})).alive()


async def test_what_nobody_asks_for_is_closed(rack: Rack, counted: Counted, now: Now) -> None:
    await rack.driver("enc-1", "sim", {})
    now.seconds = 61
    await rack.driver("enc-2", "sim", {})
    assert counted.calls == ["open", "close", "open"]


async def test_close_closes_all_and_the_rack_can_be_used_again(rack: Rack, counted: Counted) -> None:
    await rack.driver("enc-1", "sim", {})
    await rack.driver("enc-2", "sim", {})
    await rack.close()
    await rack.close()
    await rack.driver("enc-1", "sim", {})
    assert counted.calls == ["open", "open", "close", "close", "open"]


async def test_an_unknown_kind_names_what_there_is(rack: Rack) -> None:
    with pytest.raises(InvalidValue, match=r"driver: telnet is not installed \(there is sim\)"):
        await rack.driver("enc-1", "telnet", {})


@pytest.mark.parametrize("kind", sorted(SHIPPED))
def test_every_shipped_driver_can_be_made(kind: str) -> None:
    address: dict[str, Any] = {"url": "http://127.0.0.1:1/x"} if kind == "http" else {}
    assert Installed()[kind]("enc-1", address).caps is not None


def test_an_unknown_address_field_is_named() -> None:
    for kind in SHIPPED:
        with pytest.raises(InvalidValue, match=r"address\.colour"):
            Installed()[kind]("enc-1", {"colour": "red"})


def test_looking_at_the_list_imports_nothing() -> None:
    installed = Installed({"gone": "no.such.module:attribute"})
    assert "gone" in list(installed)
    assert len(installed) >= 1
    with pytest.raises(ImportError):
        installed["gone"]
    with pytest.raises(KeyError):
        installed["never"]
