# SPDX-License-Identifier: Apache-2.0
"""The conformance suite on an independent server: netconfd (yuma123) behind OpenSSH, both of Debian."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from preroll.drivers.netconf import NetconfDriver, netconf
from preroll.sdk import Applied, Change, CheckFailed, Driver, InvalidValue, Plan, Secret, load
from preroll.testing.conformance import DriverConformance, Rig
from tests.drivers.debian import Daemons, folder, free_port, need, run
from tests.drivers.netconf_rigs import CIRCUIT, FIRST, INITIAL, PARAMETERS, SECOND

YANG = f"""module demo-circuit {{ yang-version 1.1; namespace "{CIRCUIT}"; prefix dc; revision 2026-11-21;
 container circuits {{ list circuit {{ key name; leaf name {{ type string; }}
  leaf address {{ type string {{ pattern '[0-9.]+/[0-9]+'; }} mandatory true; }}
  leaf remote {{ type string; }}
  leaf rate-kbit {{ type uint32 {{ range "64..10000000"; }} }} }} }} }}"""
SSHD = """Port {port}
ListenAddress 127.0.0.1
HostKey {place}/host
AuthorizedKeysFile {place}/client.pub
StrictModes no
UsePAM no
PidFile none
PermitRootLogin yes
Subsystem netconf "/usr/sbin/netconf-subsystem --ncxserver-sockname={port}@{place}/ncx.sock"
"""
NETCONFD = (
    "exec netconfd --target=candidate --superuser=root --no-startup --port={port} --ncxserver-sockname={place}/ncx.sock"
    " --log={place}/netconfd.log --modpath={place}:/usr/share/yuma/modules --module=demo-circuit"
)
BEFORE = {"circuit.c2": False, **INITIAL}
TICK = 1.2
"""Seconds in which netconfd surely looks at its timers once more."""


class Netconfd:
    """The two programs: the server, and OpenSSH in front of it. Each has the folder as its home: it writes files."""

    def __init__(self, place: Path) -> None:
        self.place, self.port = place, free_port(socket.SOCK_STREAM)
        (place / "demo-circuit.yang").write_text(YANG)
        (place / "sshd_config").write_text(SSHD.format(port=self.port, place=place))
        for key in ("host", "client"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(place / key))
        Path("/run/sshd").mkdir(exist_ok=True)
        command = NETCONFD.format(port=self.port, place=place)
        self.server = Daemons(command, place, {"HOME": str(place)}, alone=False)
        self.server.await_("test", "-S", str(place / "ncx.sock"))
        self.open_door()
        self.hand = self.driver()
        """A session of somebody else."""

    def open_door(self) -> None:
        command = f"exec /usr/sbin/sshd -D -e -f {self.place}/sshd_config"
        self.door = Daemons(command, self.place, alone=False)
        self.door.await_("bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{self.port}")

    def shut_door(self) -> None:
        """Nobody gets in any more, and every session is cut: each has a process of its own."""
        sessions = run("ps", "-o", "pid=", "--ppid", str(self.door._process.pid)).split()
        self.door.stop()
        for pid in sessions:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def stop(self) -> None:
        asyncio.run(self.hand.close())
        self.door.stop()
        self.server.signal(signal.SIGCONT)
        self.server.stop()

    def driver(self, **more: object) -> NetconfDriver:
        driver = netconf("PE 1", {
            "host": "127.0.0.1", "port": self.port, "username": "root", "timeout": 4.0,
            "private_key": Secret((self.place / "client").read_text()),
            "host_key": (self.place / "host.pub").read_text(),
            "namespace": CIRCUIT, "parameters": PARAMETERS, **more,
        })  # fmt: skip
        assert isinstance(driver, NetconfDriver)
        return driver


class NetconfdRig(Rig):
    initial, first, second, invalid = INITIAL, FIRST, SECOND, ("circuit.c1.rate", 99_999_999)
    faults: ClassVar = frozenset({"hangs", "vanishes"})
    window = 1.0

    def __init__(self, device: Netconfd, hand: NetconfDriver) -> None:
        self.device, self.hand = device, hand
        self.shut = False

    def driver(self) -> Driver:
        return self.device.driver()

    async def tamper(self, values: Mapping[str, object]) -> None:
        await load(self.hand, values)

    async def break_(self, fault: str) -> None:
        if fault == "hangs":
            self.device.server.signal(signal.SIGSTOP)
        else:
            self.device.shut_door()
            self.shut = True

    async def mend(self) -> None:
        self.device.server.signal(signal.SIGCONT)
        if self.shut:
            self.device.open_door()
            self.shut = False

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds + TICK)


@pytest.fixture(scope="module")
def server() -> Iterator[Netconfd]:
    need("netconfd", "/usr/sbin/sshd", "/usr/sbin/netconf-subsystem", "ssh-keygen")
    with folder() as place:
        netconfd = Netconfd(place)
        try:
            yield netconfd
        finally:
            netconfd.stop()


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
