# SPDX-License-Identifier: Apache-2.0
"""The driver of command lines: the conformance suite on a real SSH server, and what it does beyond the suite."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import ClassVar

import asyncssh
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.drivers import SHIPPED as SHIPPED_DRIVERS
from preroll.drivers.ssh import ssh
from preroll.drivers.ssh.address import Address
from preroll.drivers.ssh.answers import require_accepted
from preroll.drivers.ssh.dialect import SHIPPED
from preroll.drivers.ssh.parameters import Line, Parameter, parameters
from preroll.drivers.ssh.shell import Shell
from preroll.ports.scripts import Equipment
from preroll.scripts.secrets import Secrets
from preroll.scripts.sessions import Sessions, find_driver
from preroll.sdk import (
    AuthFailed,
    Busy,
    Change,
    DeviceError,
    Driver,
    InvalidValue,
    RefusedByDevice,
    Secret,
    Unreachable,
    load,
)
from preroll.testing import ManualClock
from preroll.testing.conformance import DriverConformance, Rig
from preroll.testing.ssh_device import PASSWORD, SshDevice
from tests.drivers.patience import ANSWERS, SILENCE, Made

LET_IN = Secret(PASSWORD)
INITIAL = {"size": "640x360", "kbit": 800, "out.port": 9000, "mode": "off"}
LIMITS = {"kbit": {"maximum": 10_000}}


class SshRig(Rig):
    faults: ClassVar = frozenset({"refuses", "busy", "auth", "lies", "late", "hangs", "vanishes", "garbage"})
    words: ClassVar = {"refuses": "refuse", "lies": "lie", "hangs": "hang"}
    initial = INITIAL
    first: ClassVar = {"size": "1280x720", "kbit": 2000, "out.port": 9001, "mode": "on air"}
    second: ClassVar = {"size": "320x180", "kbit": 300, "out.port": 9002, "mode": "standby"}
    invalid = ("kbit", 99_999)

    def __init__(self, device: SshDevice, clock: ManualClock) -> None:
        self.device, self.clock, self.made = device, clock, Made()

    def driver(self) -> Driver:
        return self.made.one(ssh("Router 1", self.device.address(password=LET_IN)))

    async def tamper(self, values: Mapping[str, object]) -> None:
        self.device.values.update({path: str(value) for path, value in values.items()})

    async def break_(self, fault: str) -> None:
        if fault == "vanishes":
            await self.device.close()
        else:
            self.device.fault(self.words.get(fault, fault))
        if fault == "hangs":
            self.made.wait(SILENCE)

    async def mend(self) -> None:
        self.device.fault("none")
        self.made.wait(ANSWERS)
        if not self.device.serving:
            await self.device.start()

    async def count_applied(self) -> int:
        return self.device.changes

    async def pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds)


class TestSsh(DriverConformance):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        async with SshDevice(INITIAL, limits=LIMITS) as device:
            yield SshRig(device, ManualClock())


class TestSshWithCandidate(DriverConformance):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        clock = ManualClock()
        async with SshDevice(INITIAL, limits=LIMITS, candidate=True, now_us=clock.now_us) as device:
            yield SshRig(device, clock)


@pytest.fixture
async def device() -> AsyncIterator[SshDevice]:
    async with SshDevice(INITIAL, limits=LIMITS) as device:
        yield device


@pytest.fixture
async def driver(device: SshDevice) -> AsyncIterator[Driver]:
    driver = ssh("r-1", device.address(timeout=ANSWERS, password=LET_IN))
    await driver.open()
    yield driver
    await driver.close()


# The session


async def test_one_session_serves_many_exchanges(device: SshDevice, driver: Driver) -> None:
    for number in range(5):
        await load(driver, {"kbit": number})
    assert device.sessions == 1
    assert device.lines.count("terminal length 0") == 1


async def test_a_session_that_was_cut_is_made_anew(device: SshDevice, driver: Driver) -> None:
    device.cut()
    with pytest.raises(Unreachable):
        await driver.read()
    assert await driver.read() == INITIAL
    assert device.lines.count("terminal length 0") == 2


async def test_a_cancelled_exchange_leaves_nothing_behind(device: SshDevice, driver: Driver) -> None:
    """What is still under way on the old session must not be taken for the answer to the next command."""
    device.fault("hang")
    reading = asyncio.ensure_future(driver.read())
    while "show configuration" not in device.lines:
        await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    device.fault("none")
    assert await driver.read() == INITIAL


async def test_a_change_before_whose_first_line_the_session_broke_was_not_applied(
    device: SshDevice, driver: Driver
) -> None:
    plan = await driver.plan({"kbit": 5})
    device.fault("drop")
    with pytest.raises(Unreachable):
        await driver.apply(plan)


async def test_who_is_not_let_in_is_told(device: SshDevice) -> None:
    with pytest.raises(AuthFailed) as caught:
        await ssh("r-1", device.address(timeout=ANSWERS, password=Secret("guessed"))).open()
    assert "guessed" not in repr(caught.value)


async def test_another_device_at_the_address_is_not_spoken_to(device: SshDevice) -> None:
    async with SshDevice({}) as other:
        address = device.address(timeout=ANSWERS, password=LET_IN, host_key=other.host_key)
    with pytest.raises(AuthFailed, match=r"[Hh]ost key"):
        await ssh("r-1", address).open()
    assert device.lines == []


class Pieces:
    """A connection on which what the device says comes in pieces, as a network makes them."""

    def __init__(self, greeting: list[str], answers: dict[str, list[str]]) -> None:
        self._coming, self._answers = deque(greeting), answers
        self.stdin = self.stdout = self

    def write(self, line: str) -> None:
        self._coming += self._answers[line.strip()]

    async def read(self, most: int) -> str:
        return self._coming.popleft()


async def test_a_greeting_in_pieces_that_look_like_prompts_is_no_prompt(device: SshDevice) -> None:
    line = Pieces(
        ["####", "####\r\n# no trespassing #", "\r\n####", "\r\nr-", "1#", " "],
        {
            "terminal length 0": ["terminal ", "length 0\r\n", "r-1# "],
            "show": ["show\r\nuplink#", " and \x1b[1mmore\r\nr-1", "(config-if)#", " "],
            "next": ["nex", "t\r\nr-1(config-if)#", " "],
        },
    )
    address = Address.of("r-1", device.address())
    shell = Shell("r-1", address, None, line)  # type: ignore[arg-type]
    await shell._begin()
    assert await shell.ask("show", changing=False) == ("uplink# and more", "")
    assert await shell.ask(" next", changing=False) == ("", "")


async def test_a_key_opens_as_well(device: SshDevice) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    device.authorized = key.export_public_key().decode()
    for text, phrase in (
        (key.export_private_key().decode().strip(), None),
        (key.export_private_key(passphrase="phrase").decode(), Secret("phrase")),
    ):
        driver = ssh("r-1", device.address(timeout=ANSWERS, private_key=Secret(text), passphrase=phrase))
        await driver.open()
        assert await driver.read() == INITIAL
        await driver.close()
    broken = ssh("r-1", device.address(timeout=ANSWERS, private_key=Secret("no key at all")))
    with pytest.raises(AuthFailed):
        await broken.open()


async def test_more_rights_are_asked_for_with_a_password(device: SshDevice) -> None:
    dialect = {"like": "cisco", "prepare": ["enable", "terminal length 0"]}
    driver = ssh("r-1", device.address(timeout=ANSWERS, password=LET_IN, enable=Secret("more"), dialect=dialect))
    await driver.open()
    assert await driver.read() == INITIAL
    assert device.lines[:3] == ["enable", "more", "terminal length 0"]
    await driver.close()


async def test_a_script_host_keeps_a_session_and_reads_a_refused_password_again(
    device: SshDevice, tmp_path: Path
) -> None:
    """As it is used: found by its name, credentials by reference."""
    (tmp_path / "r-1").write_text("of last year\n")
    sessions = Sessions(find_driver(SHIPPED_DRIVERS), Secrets(str(tmp_path)))
    router = Equipment("Router", "7", "r-1", "ssh", device.address(timeout=ANSWERS, password="file:r-1"))
    with pytest.raises(AuthFailed):
        async with sessions.use(router):
            pass
    (tmp_path / "r-1").write_text(f"{PASSWORD}\n")
    for number in range(3):
        async with sessions.use(router) as driver:
            await load(driver, {"kbit": number})
    assert device.sessions == device.lines.count("terminal length 0") == 1
    device.cut()
    with pytest.raises(Unreachable):
        async with sessions.use(router) as driver:
            await driver.read()
    async with sessions.use(router) as driver:
        assert (await driver.read(["kbit"])) == {"kbit": 2}
    await sessions.close_idle(0)


# What is sent


async def test_commands_come_in_the_declared_order_and_are_undone_backwards(device: SshDevice, driver: Driver) -> None:
    applied = await driver.apply(await driver.plan({"mode": "on", "kbit": 1, "size": "2x2"}))
    await driver.rollback(applied)
    changing = [line for line in device.lines if line.startswith("set ")]
    assert changing == ["set size 2x2", "set kbit 1", "set mode on", "set mode off", "set kbit 800", "set size 640x360"]


async def test_only_what_differs_is_sent(device: SshDevice, driver: Driver) -> None:
    await load(driver, {**INITIAL, "kbit": 1})
    assert [line for line in device.lines if line.startswith("set ")] == ["set kbit 1"]


async def test_one_command_shows_all_parameters_that_it_shows(device: SshDevice, driver: Driver) -> None:
    before = len(device.lines)
    await driver.read()
    assert device.lines[before:] == ["show configuration"]


async def test_what_was_not_there_is_taken_away_by_the_undo(device: SshDevice) -> None:
    driver = ssh("r-1", device.address([*INITIAL, "tone"], timeout=ANSWERS, password=LET_IN))
    await driver.open()
    applied = await driver.apply(await driver.plan({"tone": "1 kHz"}))
    assert applied.undo == (Change("tone", "1 kHz", None),)
    await driver.rollback(applied)
    assert "tone" not in device.values
    await driver.close()


async def test_when_a_later_line_is_refused_the_earlier_ones_are_taken_back(device: SshDevice, driver: Driver) -> None:
    with pytest.raises(InvalidValue) as caught:
        await load(driver, {"size": "9x9", "kbit": 99_999})
    assert (caught.value.path, caught.value.device) == ("kbit", "r-1")
    assert "set size 9x9" in device.lines
    assert device.values["size"] == "640x360"
    assert device.lines.count("configure terminal") == device.lines.count("end") == 2


async def test_with_a_candidate_a_refusal_leaves_no_trace() -> None:
    async with SshDevice(INITIAL, limits=LIMITS, candidate=True) as device:
        driver = ssh("r-1", device.address(timeout=ANSWERS, password=LET_IN))
        await driver.open()
        with pytest.raises(InvalidValue):
            await load(driver, {"size": "9x9", "kbit": 99_999})
        assert device.changes == 0
        assert device.lines[-3:-1] == ["discard", "end"]
        await load(driver, {"size": "9x9"})
        assert device.changes == 1
        await driver.close()


@pytest.mark.parametrize(("asked", "sent"), [("{seconds}", "commit confirmed 61"), ("{minutes}", "commit confirmed 2")])
async def test_the_time_to_confirm_is_rounded_up(asked: str, sent: str) -> None:
    async with SshDevice(INITIAL, candidate=True) as device:
        address = device.address(timeout=ANSWERS, password=LET_IN)
        address["dialect"] |= {"commit_within": f"commit confirmed {asked}"}
        driver = ssh("r-1", address)
        await driver.open()
        assert (await driver.apply(await driver.plan({"kbit": 1}), revert_in=60.2)).pending
        assert sent in device.lines
        await driver.close()


async def test_what_cannot_be_taken_back_is_told(device: SshDevice) -> None:
    address = device.address(["size", "kbit"], timeout=ANSWERS, password=LET_IN)
    address["parameters"]["size"]["set"] = ["set size {value}", "no mode", "unheard of"]
    driver = ssh("r-1", address)
    await driver.open()
    with pytest.raises(DeviceError, match=r"unheard of.*could not be taken back.*unheard of") as caught:
        await load(driver, {"size": "9x9"})
    assert not caught.value.retryable
    await driver.close()


async def test_a_command_that_is_saved_is_saved(device: SshDevice) -> None:
    dialect = {"like": "cisco", "save": "show configuration"}
    driver = ssh("r-1", device.address(timeout=ANSWERS, password=LET_IN, dialect=dialect))
    await driver.open()
    await driver.apply(await driver.plan({"kbit": 1}))
    assert device.lines[-2:] == ["end", "show configuration"]
    await driver.close()


# Parameters


SHOWN = """\
interface eth0
 description to pe2, 10G
 ip address 192.0.2.1/31
  mtu 9000
interface eth1
 shutdown
 description spare
"""


def one(**spec: object) -> Parameter:
    return parameters({"x": {"read": "show", **spec}}, {"port": "eth0", "net": "192.0.2.1"}, "r-1")["x"]


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ({}, "interface eth0"),
        ({"match": "^ description (.+)$"}, "to pe2, 10G"),
        ({"match": "^ description (.+)$", "within": "^interface eth1$"}, "spare"),
        ({"match": "^ description (.+)$", "within": "^interface {port}$"}, "to pe2, 10G"),
        ({"match": "^ description (.+)$", "within": "^interface eth7$"}, None),
        ({"match": r"mtu (\d+)", "type": "integer"}, 9000),
        ({"match": r"mtu (\d+)", "within": "^interface eth1"}, None),
        ({"match": "^ ip address {net}/(\\d+)$", "type": "number"}, 31),
        ({"match": "^ (shutdown)$", "within": "^interface eth0", "absent": True}, True),
        ({"match": "^ (shutdown)$", "within": "^interface eth1", "values": {"shutdown": False}}, False),
    ],
)
def test_a_value_is_found_in_an_answer(spec: dict[str, object], value: object) -> None:
    assert one(**spec).found_in(SHOWN) == value


@pytest.mark.parametrize(
    "spec",
    [
        {"match": "description (.+)", "type": "integer"},
        {"match": "description (.+)", "type": "boolean"},
        {"match": "description (.+)", "values": {"spare": 1}},
    ],
)
def test_what_is_no_value_is_an_error(spec: dict[str, object]) -> None:
    with pytest.raises(DeviceError, match="'show' shows 'to pe2, 10G'"):
        one(**spec).found_in(SHOWN)


@pytest.mark.parametrize(
    ("spec", "value", "lines"),
    [
        ({"set": "mtu {value}"}, 9000, ["mtu 9000"]),
        ({"set": "mtu {value}", "type": "integer"}, 9000.0, ["mtu 9000"]),
        ({"set": "power {value}", "type": "number"}, -3.5, ["power -3.5"]),
        ({"set": ["interface {port}", "description {value}"]}, "to pe3", ["interface eth0", "description to pe3"]),
        ({"set": "{value}", "values": {"no shutdown": True, "shutdown": False}}, True, ["no shutdown"]),
        ({"set": "x {value}", "unset": "no x {old}"}, None, ["no x before"]),
        ({"set": ["no x {old}", "x {value}"]}, "after", ["no x before", "x after"]),
        ({"set": "a{1,2} {value}"}, "b", ["a{1,2} b"]),
    ],
)
def test_a_value_becomes_commands(spec: dict[str, object], value: object, lines: list[str]) -> None:
    assert one(**spec).refused(value) == ""
    assert [line.text for line in one(**spec).lines(value, "before")] == lines


def test_without_an_old_value_nothing_is_taken_away_first() -> None:
    assert [line.text for line in one(set=["no x {old}", "x {value}"]).lines("after", None)] == ["x after"]


@pytest.mark.parametrize(
    ("spec", "value", "why"),
    [
        ({}, "x", "can only be read"),
        ({"set": "x {value}"}, None, "cannot be taken away"),
        ({"set": "x {value}"}, "a\nreload", "does not match|control characters"),
        ({"set": "x {value}", "pattern": "(?s).*"}, "a\rreload", "control characters"),
        ({"set": "x {value}", "pattern": "(?s).*"}, "a\u2028reload", "control characters"),
        ({"set": "x {value}"}, "a; reload", "does not match"),
        ({"set": "x {value}"}, "$(reload)", "does not match"),
        ({"set": "x {value}", "type": "integer"}, "5", "not a number"),
        ({"set": "x {value}", "type": "integer"}, True, "not a number"),
        ({"set": "x {value}", "type": "integer"}, 1.5, "not a whole number"),
        ({"set": "x {value}", "type": "integer", "minimum": 3}, 2, "less than 3"),
        ({"set": "x {value}", "type": "number", "maximum": 3}, 3.5, "more than 3"),
        ({"set": "x {value}", "values": {"on": True}}, False, "not one of True"),
        ({"set": "x {value}", "values": {"on": 1}}, True, "not one of 1"),
    ],
)
def test_what_the_device_is_not_even_asked(spec: dict[str, object], value: object, why: str) -> None:
    assert re.search(why, one(**spec).refused(value))


@given(st.text())
def test_no_text_is_ever_more_than_one_line(text: str) -> None:
    parameter = one(set="x {value}", pattern="(?s).*")
    if not parameter.refused(text):
        (line,) = parameter.lines(text, None)
        assert len(line.text.splitlines()) == 1


# The declaration


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"host": ""}, "host"),
        ({"password": "in plain text"}, "password"),
        ({"colour": "red"}, "colour"),
        ({"dialect": "klingon"}, "dialect"),
        ({"dialect": {"like": "cisco", "mood": "good"}}, "dialect.mood"),
        ({"dialect": {"refused": ["("]}}, "dialect.refused"),
        ({"dialect": {"echo": "yes"}}, "dialect.echo"),
        ({"dialect": {"commit": [1]}}, "dialect.commit"),
        ({"parameters": {}}, "parameters"),
        ({"parameters": {"x": {}}}, "parameters.x.read"),
        ({"parameters": {"x": {"read": "show", "match": "("}}}, "parameters.x.match"),
        ({"parameters": {"x": {"read": "show {port}"}}}, "parameters.x.read"),
        ({"parameters": {"x": {"read": "show", "set": "x {worth}"}}}, "parameters.x.set"),
        ({"parameters": {"x": {"read": "a\nb"}}}, "parameters.x.read"),
        ({"parameters": {"x": {"read": "show", "type": "float"}}}, "parameters.x.type"),
        ({"parameters": {"x": {"read": "show", "write": "x"}}}, "parameters.x.write"),
        ({"parameters": {"x": {"read": "show", "values": {"a\nb": 1}}}}, "parameters.x.values"),
    ],
)
def test_an_address_is_checked(change: dict[str, object], field: str) -> None:
    fine = {"host": "r-1.example", "password": LET_IN, "parameters": {"x": {"read": "show"}}}
    ssh("r-1", fine)
    with pytest.raises(InvalidValue) as caught:
        ssh("r-1", {**fine, **change})
    assert caught.value.path == f"address.{field}"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("% Invalid input detected at '^' marker.", InvalidValue),
        ("% Unknown command: x 1", InvalidValue),
        ("% Incomplete command.", RefusedByDevice),
        ("Error: no such thing", RefusedByDevice),
        ("% Configuration mode is locked by process 7", Busy),
        ("% Authorization failed.", AuthFailed),
        ("% Warning: this may take a while", None),
        ("100 % done", None),
        ("", None),
    ],
)
def test_what_a_relative_of_ios_means(answer: str, error: type[DeviceError] | None) -> None:
    line = Line("x 1", "x")
    if error is None:
        require_accepted(SHIPPED["cisco"], "r-1", line, answer)
    else:
        with pytest.raises(error, match=re.escape(answer)):
            require_accepted(SHIPPED["cisco"], "r-1", line, f"some banner\n{answer}\n")


def test_a_line_without_a_value_cannot_hold_a_wrong_one() -> None:
    with pytest.raises(RefusedByDevice):
        require_accepted(SHIPPED["cisco"], "r-1", Line("interface eth0"), "% Invalid input")


def test_the_driver_is_light_until_it_is_used() -> None:
    """Every host makes every shipped driver known; the SSH library takes half a second to load."""
    code = "import sys; from preroll.drivers.ssh import ssh; assert 'asyncssh' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
