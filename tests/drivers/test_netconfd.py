# SPDX-License-Identifier: Apache-2.0
"""The conformance suite on an independent server: netconfd (yuma123) behind OpenSSH, both of Debian."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, ClassVar

import pytest

from preroll.drivers.netconf import NetconfDriver
from preroll.sdk import Applied, Change, CheckFailed, Driver, InvalidValue, Plan, load
from preroll.testing.conformance import DriverConformance, Rig
from tests.drivers.netconf_rigs import FIRST, INITIAL, SECOND
from tests.drivers.netconfd import Netconfd, netconfd
from tests.drivers.patience import ANSWERS, SILENCE, Made

BEFORE = {"circuit.c2": False, **INITIAL}


class NetconfdRig(Rig):
    initial, first, second, invalid = INITIAL, FIRST, SECOND, ("circuit.c1.rate", 99_999_999)
    faults: ClassVar = frozenset({"hangs", "vanishes"})

    def __init__(self, device: Netconfd, hand: NetconfDriver) -> None:
        self.device, self.hand = device, hand
        self.shut, self.made = False, Made()

    def driver(self) -> Driver:
        return self.made.one(self.device.driver())

    async def tamper(self, values: Mapping[str, object]) -> None:
        await load(self.hand, values)

    async def break_(self, fault: str) -> None:
        if fault == "hangs":
            self.device.server.signal(signal.SIGSTOP)
            self.made.wait(SILENCE)
        else:
            self.device.shut_door()
            self.shut = True

    async def mend(self) -> None:
        self.device.server.signal(signal.SIGCONT)
        self.made.wait(ANSWERS)
        if self.shut:
            self.device.open_door()
            self.shut = False

    async def pass_time(self, seconds: float) -> None:
        await self.device.pass_time(seconds)


@pytest.fixture(scope="module")
def server() -> Iterator[Netconfd]:
    with netconfd() as found:
        yield found


@pytest.fixture
async def device(server: Netconfd) -> AsyncIterator[NetconfdRig]:
    """The server with the initial values."""
    hand = server.hand
    if not await hand.alive():
        await hand.open()
    await hand.rollback(Applied.unseen(Plan(tuple(Change(p, old, None) for p, old in BEFORE.items())), "1:1:0:a"))
    rig = NetconfdRig(server, hand)
    try:
        yield rig
    finally:
        await rig.mend()


class TestNetconfd(DriverConformance):
    @pytest.fixture
    def rig(self, device: NetconfdRig) -> Rig:
        return device


async def test_an_explicit_validate_makes_the_server_lie_and_the_check_set_finds_it(device: NetconfdRig) -> None:
    """netconfd 2.13: edit-config, validate, commit -> ok three times, and running is as it was."""
    driver = device.device.driver(validation="explicit")
    await driver.open()
    try:
        plan = await driver.plan(FIRST)
        await driver.apply(plan)
        assert await driver.read(list(INITIAL)) == INITIAL, "mended? then say so in the README of the driver"
        with pytest.raises(CheckFailed):
            await load(driver, FIRST)
    finally:
        await driver.close()
    await load(device.hand, FIRST)
    assert await device.hand.read(list(FIRST)) == FIRST


async def test_an_entry_comes_and_goes_whole(device: NetconfdRig) -> None:
    hand = device.hand
    wanted: dict[str, Any] = {"circuit.c2.address": "10.0.2.1/24", "circuit.c2.rate": 512, "circuit.c2.remote": "pe-2"}
    applied = await hand.apply(await hand.plan(wanted))
    assert await hand.read(list(wanted)) == wanted
    await hand.rollback(applied)
    assert await hand.read(["circuit.c2"]) == {"circuit.c2": False}
    await load(hand, wanted)
    gone = await hand.apply(await hand.plan({"circuit.c2": False}))
    assert Change("circuit.c2.rate", None, 512) in gone.undo
    await hand.rollback(gone)
    assert await hand.read(list(wanted)) == wanted


async def test_the_plan_is_the_servers_own_diff(device: NetconfdRig) -> None:
    plan = await device.hand.plan({"circuit.c1.rate": 4000})
    lines = plan.native_diff.splitlines()
    assert [line.strip() for line in lines if line.startswith(("-  ", "+  "))] == [
        "-      <rate-kbit>2000</rate-kbit>",
        "+      <rate-kbit>4000</rate-kbit>",
    ]


async def test_a_request_of_the_authors_own(device: NetconfdRig) -> None:
    monitoring = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
    request = f"<get-schema xmlns='{monitoring}'><identifier>demo-circuit</identifier></get-schema>"
    assert "leaf rate-kbit" in await device.hand.rpc(request)
    with pytest.raises(InvalidValue, match="unknown namespace"):
        await device.hand.rpc("<nonsense xmlns='urn:nonsense'/>")
