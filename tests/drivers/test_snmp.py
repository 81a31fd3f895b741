# SPDX-License-Identifier: Apache-2.0
"""The driver of SNMP: the conformance suite on a small agent, and what it does beyond the suite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import ClassVar

import pytest

from preroll.drivers.snmp import SnmpDriver, snmp
from preroll.drivers.snmp.address import Address
from preroll.drivers.snmp.objects import Object, objects
from preroll.sdk import AuthFailed, DeviceError, Driver, InvalidValue, RefusedByDevice, Secret, Unreachable, load
from preroll.testing.conformance import DriverConformance, Rig
from preroll.testing.snmp_device import COMMUNITY, SnmpDevice
from tests.drivers.patience import ANSWERS, SILENCE, Made, hasten

INITIAL = {"size": "640x360", "kbit": 800, "out.port": 9000, "contact": "nobody"}
LIMITS = {"kbit": {"maximum": 10_000}}
USERS = {"operator": ("authentication", "encryption")}
V2 = {"community": Secret(COMMUNITY)}
V3 = {
    "username": "operator", "auth": "sha", "auth_password": Secret(USERS["operator"][0]),
    "priv": "aes", "priv_password": Secret(USERS["operator"][1]),
}  # fmt: skip


class SnmpRig(Rig):
    faults: ClassVar = frozenset({"refuses", "busy", "auth", "lies", "late", "hangs", "vanishes", "garbage"})
    words: ClassVar = {"refuses": "refuse", "lies": "lie", "hangs": "hang"}
    initial = INITIAL
    first: ClassVar = {"size": "1280x720", "kbit": 2000, "out.port": 9001, "contact": "playout"}
    second: ClassVar = {"size": "320x180", "kbit": 300, "out.port": 9002, "contact": "night shift"}
    invalid = ("kbit", 99_999)

    def __init__(self, device: SnmpDevice, credentials: Mapping[str, object]) -> None:
        self.device, self.credentials, self.made = device, credentials, Made()

    def driver(self) -> Driver:
        return self.made.one(snmp("Modulator 1", self.device.address(retries=1, **self.credentials)))

    async def tamper(self, values: Mapping[str, object]) -> None:
        self.device.values.update(values)  # type: ignore[arg-type]

    async def break_(self, fault: str) -> None:
        if fault == "vanishes":
            await self.device.close()
        else:
            self.device.fault(self.words.get(fault, fault))
        if fault == "hangs":
            self.made.wait(SILENCE)
        if fault == "late":
            for driver in self.made:
                hasten(driver, driver, "_set", lambda *_: self.device.broken == "late")

    async def mend(self) -> None:
        self.device.fault("none")
        self.made.wait(ANSWERS)
        if not self.device.serving:
            await self.device.start()

    async def count_applied(self) -> int:
        return self.device.changes


class TestSnmp(DriverConformance):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        async with SnmpDevice(INITIAL, limits=LIMITS) as device:
            yield SnmpRig(device, V2)


@pytest.fixture
async def device() -> AsyncIterator[SnmpDevice]:
    async with SnmpDevice(INITIAL, limits=LIMITS, users=USERS) as device:
        yield device


@pytest.fixture
async def driver(device: SnmpDevice) -> AsyncIterator[Driver]:
    driver = snmp("Modulator 1", device.address(timeout=ANSWERS, **V3))
    await driver.open()
    yield driver
    await driver.close()


async def test_version_3_is_signed_and_encrypted(device: SnmpDevice, driver: Driver) -> None:
    applied = await driver.apply(await driver.plan({"kbit": 900, "size": "1x1"}))
    assert (device.values["kbit"], device.values["size"]) == (900, "1x1")
    await driver.rollback(applied)
    assert device.values == INITIAL
    device.fault("late")
    hasten(driver, driver, "_set")
    await load(driver, {"kbit": 901})
    assert device.values["kbit"] == 901


@pytest.mark.parametrize("wrong", [{"username": "nobody"}, {"auth_password": Secret("something else")}])
async def test_wrong_credentials_of_version_3_are_told(device: SnmpDevice, wrong: Mapping[str, object]) -> None:
    driver = snmp("Modulator 1", device.address(timeout=ANSWERS, **{**V3, **wrong}))
    with pytest.raises(AuthFailed):
        await driver.open()


async def test_a_wrong_community_is_silence(device: SnmpDevice) -> None:
    driver = snmp("Modulator 1", device.address(timeout=0.1, community=Secret("guessed")))
    with pytest.raises(Unreachable, match="does it know us") as caught:
        await driver.open()
    assert "guessed" not in repr(caught.value)


async def test_a_set_is_all_or_nothing_in_one_question(device: SnmpDevice, driver: Driver) -> None:
    await load(driver, {"kbit": 1, "out.port": 2, "size": "3"})
    assert device.changes == 1
    with pytest.raises(InvalidValue) as caught:
        await load(driver, {"size": "4", "kbit": 99_999})
    assert (caught.value.path, caught.value.device) == ("kbit", "Modulator 1")
    assert (device.changes, device.values["size"]) == (1, "3")


async def test_a_question_that_was_given_up_is_not_asked_again(device: SnmpDevice) -> None:
    driver = SnmpDriver("Modulator 1", Address.of("Modulator 1", device.address(timeout=0.1, retries=600, **V2)))
    await driver.open()
    plan = await driver.plan({"kbit": 5})
    device.fault("late")
    wire = driver._wire
    applying = asyncio.ensure_future(driver.apply(plan))
    while device.changes < 2:
        await asyncio.sleep(0)
    applying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await applying
    assert wire is not None
    assert wire.closed
    assert await driver.read(["kbit"]) == {"kbit": 5}
    assert driver._wire is not wire
    await driver.close()


async def test_more_objects_than_fit_one_question_are_read() -> None:
    initial = {f"port.{number}": number for number in range(35)}
    async with SnmpDevice(initial) as device:
        driver = snmp("Switch", device.address(timeout=ANSWERS, **V2))
        await driver.open()
        assert await driver.read() == initial
        await driver.close()


async def test_an_object_that_is_not_there_is_left_out_and_cannot_be_set(device: SnmpDevice) -> None:
    address = device.address(timeout=ANSWERS, **V2)
    address["parameters"]["ghost"] = {"oid": "1.3.6.1.4.1.8072.9999.9999.77.0"}
    driver = snmp("Modulator 1", address)
    await driver.open()
    assert await driver.read() == INITIAL
    with pytest.raises(RefusedByDevice, match="ghost: notWritable"):
        await load(driver, {"kbit": 5, "ghost": 1})
    assert device.values["kbit"] == INITIAL["kbit"]
    await driver.close()


# Values


def one(**spec: object) -> Object:
    return objects({"x": {"oid": "1.3.6.1.{index}", **spec}}, {"index": 7}, "m-1")["x"]


@pytest.mark.parametrize(
    ("spec", "value", "raw"),
    [
        ({}, -5, -5),
        ({"type": "unsigned"}, 4_000_000_000, 4_000_000_000),
        ({"type": "integer"}, 5.0, 5),
        ({"type": "text"}, "Münster", "Münster".encode()),
        ({"type": "hex"}, "00:1a:ff", b"\x00\x1a\xff"),
        ({"type": "address"}, "192.0.2.1", "192.0.2.1"),
        ({"type": "oid"}, "1.3.6.1", "1.3.6.1"),
        ({"type": "boolean"}, True, 1),
        ({"type": "boolean"}, False, 2),
        ({"values": {"1": "up", "2": "down"}}, "down", 2),
        ({"type": "text", "values": {"1080i": "HD"}}, "HD", b"1080i"),
    ],
)
def test_a_value_and_what_the_device_has_for_it(spec: dict[str, object], value: object, raw: object) -> None:
    assert one(**spec).refused(value) == ""
    assert one(**spec).raw(value) == raw
    assert one(**spec).value_of(raw) == value


@pytest.mark.parametrize(
    ("spec", "value", "why"),
    [
        ({}, "5", "no integer"),
        ({}, True, "no integer"),
        ({}, 5.5, "no integer"),
        ({}, 2**31, "not within -2147483648 to 2147483647"),
        ({"maximum": 10}, 11, "not within -2147483648 to 10"),
        ({"minimum": 1}, 0, "not within 1 to 2147483647"),
        ({"type": "unsigned"}, -1, "not within 0 to 4294967295"),
        ({"values": {"1": "up"}}, "down", "not one of 'up'"),
        ({"type": "address"}, "300.1.1.1", "no address"),
        ({"type": "oid"}, "one.two", "no oid"),
        ({"type": "hex"}, "0g", "no hex"),
        ({"type": "boolean"}, 3, "no boolean"),
        ({"writable": False}, 1, "can only be read"),
        ({}, None, "cannot be taken away"),
    ],
)
def test_what_the_device_is_not_even_asked(spec: dict[str, object], value: object, why: str) -> None:
    assert why in one(**spec).refused(value)


@pytest.mark.parametrize(
    ("spec", "raw"), [({}, b"5"), ({"type": "text"}, 5), ({"type": "boolean"}, 3), ({"values": {"1": "up"}}, 2)]
)
def test_noise_is_no_value(spec: dict[str, object], raw: object) -> None:
    with pytest.raises(DeviceError, match="x: "):
        one(**spec).value_of(raw)


FINE = {"host": "m-1.example", "community": Secret("c"), "parameters": {"x": "1.3.6.1"}}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"host": ""}, "host"),
        ({"community": "public"}, "community"),
        ({"community": None}, "community"),
        ({"community": None, "username": "u", "auth": "rot13"}, "auth"),
        ({"colour": "red"}, "colour"),
        ({"parameters": {}}, "parameters"),
        ({"parameters": {"x": "sysName"}}, "parameters.x.oid"),
        ({"parameters": {"x": "1.3.{port}"}}, "parameters.x.oid"),
        ({"parameters": {"x": {"oid": "1.3", "type": "float"}}}, "parameters.x.type"),
        ({"parameters": {"x": {"oid": "1.3", "kind": "text"}}}, "parameters.x.kind"),
    ],
)
def test_an_address_is_checked(change: dict[str, object], field: str) -> None:
    snmp("m-1", FINE)
    with pytest.raises(InvalidValue) as caught:
        snmp("m-1", {**FINE, **change})
    assert caught.value.path == f"address.{field}"
