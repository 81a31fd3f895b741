# SPDX-License-Identifier: Apache-2.0
"""The conformance suite on real programs: FRR's vtysh and Open vSwitch behind SSH, and NET-SNMP's agent."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from preroll.drivers.snmp import snmp
from preroll.drivers.ssh import ssh
from preroll.formats import bundle
from preroll.sdk import AuthFailed, DeviceError, Driver, InvalidValue, RefusedByDevice, Secret, load
from preroll.testing.conformance import DriverConformance, Rig
from tests.drivers.debian import Daemons, folder, free_udp_port, need, run
from tests.drivers.front import Front
from tests.drivers.patience import ANSWERS, SILENCE, Made

PAGE = Path(__file__).parents[2] / "docs/how-to/drive-a-command-line.md"


def resource(name: str) -> Mapping[str, Any]:
    """The address of a resource of the how-to page: what people copy is what is tested."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    found = [document.content for block in blocks for document in bundle.read(block, PAGE.name)]
    return next(content["address"] for content in found if content["name"] == name)


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_what_is_missing_is_skipped_here_and_fails_the_build(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="no-such-daemon"):
        need("sh", "no-such-daemon", root=False)


class Behind(Rig):
    """A program behind an SSH server."""

    faults: ClassVar = frozenset({"hangs", "vanishes"})
    page: ClassVar[Mapping[str, Any]]

    def __init__(self, daemons: Daemons, front: Front) -> None:
        self.daemons, self.front, self.made = daemons, front, Made()

    def address(self) -> dict[str, Any]:
        told = {field: self.page[field] for field in ("dialect", "parameters", "variables")}
        return self.front.address(timeout=ANSWERS, **told)

    def driver(self) -> Driver:
        return self.made.one(ssh("Device", self.address()))

    async def break_(self, fault: str) -> None:
        match fault:
            case "hangs":
                self.daemons.signal(signal.SIGSTOP)
                self.made.wait(SILENCE)
            case "late":
                self.front.losing = b"end"
            case "vanishes":
                await self.front.close()

    async def mend(self) -> None:
        self.front.losing = b""
        self.daemons.signal(signal.SIGCONT)
        self.made.wait(ANSWERS)
        if not self.front.serving:
            await self.front.start()


# FRR

DAEMON = (
    "/usr/lib/frr/{0} --vty_socket {1} -A 127.0.0.1 -P 0 -u frr -g frr -i {1}/{0}.pid -z {1}/zserv.api -f {1}/{0}.conf"
)


class Router(Behind):
    faults: ClassVar = Behind.faults | {"late"}
    page = resource("PE1 uplink")
    initial: ClassVar = {"uplink.description": "unused", "uplink.bandwidth": 1000, "backup.distance": 20}
    first: ClassVar = {"uplink.description": "circuit 4711 to pe2", "uplink.bandwidth": 8000, "backup.distance": 30}
    second: ClassVar = {"uplink.description": "circuit 4712", "uplink.bandwidth": 2000, "backup.distance": 40}
    invalid = ("uplink.bandwidth", 100_000_000)

    def __init__(self, daemons: Daemons, front: Front, place: Path) -> None:
        super().__init__(daemons, front)
        self.place = place

    def vtysh(self, *lines: str) -> str:
        return run("vtysh", "--vty_socket", str(self.place), *(part for line in lines for part in ("-c", line)))

    async def tamper(self, values: Mapping[str, object]) -> None:
        self.vtysh(
            "configure terminal", "interface up0", f"description {values['uplink.description']}",
            f"bandwidth {values['uplink.bandwidth']}", "no shutdown", "exit",
            "no ip route 192.0.2.0/24 blackhole", f"ip route 192.0.2.0/24 blackhole {values['backup.distance']}",
        )  # fmt: skip


@pytest.fixture(scope="module")
def routing() -> Iterator[tuple[Daemons, Path]]:
    need("vtysh", DAEMON.format("zebra", "").split()[0], DAEMON.format("staticd", "").split()[0], "unshare")
    with folder("frr") as place:
        for name in ("zebra", "staticd"):
            (place / f"{name}.conf").touch()
        daemons = Daemons(
            "ip link add up0 type veth peer name up1;"
            f"{DAEMON.format('zebra', place)} & {DAEMON.format('staticd', place)} & wait", place,
        )  # fmt: skip
        try:
            for name in ("zebra", "staticd"):
                daemons.await_("vtysh", "--vty_socket", str(place), "-d", name, "-c", "show version")
            yield daemons, place
        finally:
            daemons.stop()


@pytest.fixture
async def router(routing: tuple[Daemons, Path]) -> AsyncIterator[Router]:
    daemons, place = routing
    async with Front(["vtysh", "--vty_socket", str(place)]) as front:
        rig = Router(daemons, front, place)
        await rig.tamper(rig.initial)
        yield rig
        await rig.mend()


class TestRouter(DriverConformance):
    @pytest.fixture
    def rig(self, router: Router) -> Rig:
        return router


async def test_a_router_takes_back_what_came_before_an_unknown_command(router: Router) -> None:
    address = router.address()
    wrong = {**Router.page["parameters"]["uplink.bandwidth"], "set": ["interface up0", "speed 1"]}
    driver = ssh("pe1", {**address, "parameters": {**Router.page["parameters"], "uplink.bandwidth": wrong}})
    await driver.open()
    with pytest.raises(RefusedByDevice, match="% Unknown command: speed 1"):
        await load(driver, Router.first)
    assert await driver.read(list(Router.initial)) == Router.initial
    await driver.close()


async def test_a_router_says_what_it_does_not_take(router: Router) -> None:
    driver = router.driver()
    await driver.open()
    with pytest.raises(InvalidValue, match="Unknown command: bandwidth 100000000") as caught:
        await load(driver, {"uplink.bandwidth": 100_000_000})
    assert caught.value.path == "uplink.bandwidth"
    await driver.close()


async def test_a_port_is_shut_and_opened(router: Router) -> None:
    driver = router.driver()
    await driver.open()
    applied = await driver.apply(await driver.plan({"uplink.enabled": False}))
    assert " shutdown" in router.vtysh("show running-config")
    await driver.rollback(applied)
    assert await driver.read(["uplink.enabled"]) == {"uplink.enabled": True}
    await driver.close()


async def test_what_was_not_there_is_taken_away_again(router: Router) -> None:
    router.vtysh("configure terminal", "no ip route 192.0.2.0/24 blackhole", "interface up0", "no description")
    driver = router.driver()
    await driver.open()
    applied = await driver.apply(await driver.plan({"uplink.description": "circuit", "backup.distance": 50}))
    assert "ip route 192.0.2.0/24 blackhole 50" in router.vtysh("show running-config")
    await driver.rollback(applied)
    assert "blackhole" not in router.vtysh("show running-config")
    assert await driver.read() == {"uplink.bandwidth": 1000, "uplink.enabled": True}
    await driver.close()


# Open vSwitch


class Switch(Behind):
    page = resource("Switch 1 port")
    initial: ClassVar = {"port.tag": 10, "port.vlan_mode": "access", "port.circuit": "c-1"}
    first: ClassVar = {"port.tag": 20, "port.vlan_mode": "native-tagged", "port.circuit": "c-2"}
    second: ClassVar = {"port.tag": 30, "port.vlan_mode": "native-untagged", "port.circuit": "c-3"}
    invalid = ("port.tag", 5000)

    def __init__(self, daemons: Daemons, front: Front, env: dict[str, str]) -> None:
        super().__init__(daemons, front)
        self.env = env

    async def tamper(self, values: Mapping[str, object]) -> None:
        run(
            "ovs-vsctl", "set", "port", "p1", f"tag={values['port.tag']}", f"vlan_mode={values['port.vlan_mode']}",
            f"external_ids:circuit={values['port.circuit']}", env=self.env,
        )  # fmt: skip


@pytest.fixture(scope="module")
def switching() -> Iterator[tuple[Daemons, dict[str, str]]]:
    need("ovs-vsctl", "ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "unshare")
    with folder() as place:
        env = {"OVS_RUNDIR": str(place), "OVS_LOGDIR": str(place), "OVS_DBDIR": str(place)}
        run("ovsdb-tool", "create", f"{place}/conf.db", "/usr/share/openvswitch/vswitch.ovsschema", env=env)
        daemons = Daemons(
            f"ip link add p1 type veth peer name p2; ovsdb-server {place}/conf.db --remote=punix:{place}/db.sock & "
            f"ovs-vswitchd unix:{place}/db.sock & wait", place, env,
        )  # fmt: skip
        try:
            daemons.await_("ovs-vsctl", "--no-wait", "init", env=env)
            run(
                "ovs-vsctl", "--timeout=60", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev",
                "--", "add-port", "br0", "p1", env=env,
            )  # fmt: skip
            yield daemons, env
        finally:
            daemons.stop()


@pytest.fixture
async def switch(switching: tuple[Daemons, dict[str, str]]) -> AsyncIterator[Switch]:
    daemons, env = switching
    async with Front(["bash", "--norc", "--noprofile"], env) as front:
        rig = Switch(daemons, front, env)
        await rig.tamper(rig.initial)
        yield rig
        await rig.mend()


class TestSwitch(DriverConformance):
    @pytest.fixture
    def rig(self, switch: Switch) -> Rig:
        return switch


async def test_a_switch_says_which_value_it_does_not_take(switch: Switch) -> None:
    driver = switch.driver()
    await driver.open()
    with pytest.raises(InvalidValue, match="not in the valid range") as caught:
        await load(driver, {"port.circuit": "c-9", "port.tag": 5000})
    assert caught.value.path == "port.tag"
    assert await driver.read(list(Switch.initial)) == Switch.initial
    await driver.close()


async def test_a_failing_command_without_a_word_is_a_refusal(switch: Switch) -> None:
    address = switch.address()
    address["parameters"] = {"port.tag": {**Switch.page["parameters"]["port.tag"], "set": "false {value}"}}
    driver = ssh("sw1", address)
    await driver.open()
    with pytest.raises(RefusedByDevice, match="status 1"):
        await load(driver, {"port.tag": 11})
    await driver.close()


@pytest.mark.parametrize("value", ["c-1; reboot", "$(reboot)", "`reboot`", "a\nreboot", "a|b", "x'y", "x > y", "x & y"])
async def test_a_value_is_never_a_command(switch: Switch, value: str) -> None:
    driver = switch.driver()
    await driver.open()
    with pytest.raises(InvalidValue, match=r"port\.circuit"):
        await load(driver, {"port.circuit": value})
    await driver.close()


@pytest.mark.parametrize(
    "value", ["two words", "a; echo b", "it's $(hostname)", "-n", "*", 'say "hello"', "`id`|cat>x&"]
)
async def test_a_value_is_one_word_of_a_shell(tmp_path: Path, value: str) -> None:
    file = {"read": "cat value", "match": "(?s)(.*)", "pattern": ".*", "set": "printf '%s\\n' {value} > value"}
    (tmp_path / "value").write_text("before\n")
    async with Front(["sh", "-c", f"cd {tmp_path} && exec sh -i"]) as front:
        driver = ssh("pc", front.address(dialect="shell", parameters={"value": file}, timeout=ANSWERS))
        await driver.open()
        await load(driver, {"value": value})
        assert await driver.read() == {"value": value}
        await driver.close()
    assert [path.name for path in tmp_path.iterdir()] == ["value"]
    assert (tmp_path / "value").read_text() == f"{value}\n"


# NET-SNMP

PLAYPEN = "1.3.6.1.4.1.8072.9999.9999"


SYNTAXES = {
    "unsigned": "uinteger 7",
    "ticks": "timeticks 100",
    "oid": "object_id 1.3.6.1.2",
    "hex": "octet_str 0x00ff",
    "boolean": "integer 2",
}


class Agent(Rig):
    faults: ClassVar = frozenset({"hangs", "vanishes"})
    page = resource("Modulator 1")
    initial: ClassVar = {"contact": "nobody", "location": "nowhere", "carrier.kbit": 800, "carrier.mode": "off"}
    first: ClassVar = {"contact": "playout", "location": "rack 7", "carrier.kbit": 4000, "carrier.mode": "on air"}
    second: ClassVar = {"contact": "night shift", "location": "rack 8", "carrier.kbit": 300, "carrier.mode": "test"}
    invalid = ("carrier.kbit", 200_000)

    def __init__(self, place: Path) -> None:
        self.place, self.port, self.made = place, free_udp_port(), Made()
        (place / "conf").write_text(
            "rwcommunity writing 127.0.0.1\nrocommunity reading 127.0.0.1\n"
            "createUser operator SHA authentication AES encryption\nrwuser operator priv\n"
            f"override -rw {PLAYPEN}.5.1.0 integer 800\noverride -rw {PLAYPEN}.5.2.0 integer 1\n"
            + "".join(f"override -rw {PLAYPEN}.6.{n}.0 {given}\n" for n, given in enumerate(SYNTAXES.values(), 1))
        )
        self.start()

    def start(self) -> None:
        self.daemons = Daemons(
            f"exec snmpd -f -C -c {self.place}/conf -p {self.place}/pid -Lo udp:127.0.0.1:{self.port}", self.place,
            {"MIBS": "", "SNMP_PERSISTENT_DIR": str(self.place)}, alone=False,
        )  # fmt: skip

    def address(self, **credentials: object) -> dict[str, object]:
        return {
            "host": "127.0.0.1", "port": self.port, "timeout": ANSWERS, "variables": self.page["variables"],
            "parameters": self.page["parameters"], **(credentials or {"community": Secret("writing")}),
        }  # fmt: skip

    def driver(self) -> Driver:
        return self.made.one(snmp("Modulator", self.address()))

    async def up(self) -> None:
        """Wait until it answers, and put its values in place."""
        driver = snmp("Modulator", {**self.address(), "timeout": 0.1, "retries": 600})
        for _ in range(100):
            try:
                await driver.open()
                break
            except DeviceError:
                await asyncio.sleep(0.05)
        await load(driver, self.initial)
        await driver.close()

    async def tamper(self, values: Mapping[str, object]) -> None:
        driver = self.driver()
        await driver.open()
        await load(driver, values)
        await driver.close()

    async def break_(self, fault: str) -> None:
        if fault == "hangs":
            self.daemons.signal(signal.SIGSTOP)
            self.made.wait(SILENCE)
        else:
            self.daemons.stop()
            self.gone = True

    gone = False

    async def mend(self) -> None:
        self.made.wait(ANSWERS)
        if self.gone:
            self.start()
            self.gone = False
            await self.up()
        else:
            self.daemons.signal(signal.SIGCONT)


@pytest.fixture(scope="module")
def answering() -> Iterator[Agent]:
    need("snmpd", root=False)
    with folder() as place:
        rig = Agent(place)
        try:
            yield rig
        finally:
            rig.daemons.stop()


@pytest.fixture
async def agent(answering: Agent) -> AsyncIterator[Agent]:
    await answering.up()
    yield answering
    await answering.mend()


class TestAgent(DriverConformance):
    @pytest.fixture
    def rig(self, agent: Agent) -> Rig:
        return agent


async def test_who_may_only_read_is_refused(agent: Agent) -> None:
    driver = snmp("Modulator", agent.address(community=Secret("reading")))
    await driver.open()
    with pytest.raises(RefusedByDevice, match="contact: noAccess"):
        await load(driver, {"contact": "me"})
    await driver.close()


async def test_what_cannot_be_written_is_refused_and_nothing_else_is_set(agent: Agent) -> None:
    address = agent.address()
    address["parameters"] = {**Agent.page["parameters"], "description": {"oid": "1.3.6.1.2.1.1.1.0", "type": "text"}}
    driver = snmp("Modulator", address)
    await driver.open()
    with pytest.raises(RefusedByDevice, match="description: notWritable"):
        await load(driver, {"carrier.kbit": 5, "description": "mine"})
    assert (await driver.read(["carrier.kbit"])) == {"carrier.kbit": 800}
    await driver.close()


async def test_version_3_with_the_agent(agent: Agent) -> None:
    secrets = {"auth_password": Secret("authentication"), "priv_password": Secret("encryption")}
    driver = snmp("Modulator", agent.address(username="operator", **secrets))
    await driver.open()
    await load(driver, {"carrier.mode": "test"})
    assert await driver.read(["carrier.mode"]) == {"carrier.mode": "test"}
    await driver.close()
    stranger = snmp("Modulator", agent.address(username="operator", **{**secrets, "auth_password": Secret("guessed!")}))
    with pytest.raises(AuthFailed):
        await stranger.open()


async def test_every_syntax_is_read_and_set(agent: Agent) -> None:
    objects: dict[str, object] = {
        kind: {"oid": f"{PLAYPEN}.6.{n}.0", "type": kind} for n, kind in enumerate(SYNTAXES, 1)
    }
    objects["address"] = {"oid": "1.3.6.1.2.1.4.20.1.1.127.0.0.1", "type": "address", "writable": False}
    driver = snmp("Modulator", {**agent.address(), "parameters": objects})
    await driver.open()
    before = await driver.read()
    assert (before["unsigned"], before["address"], before["oid"]) == (7, "127.0.0.1", "1.3.6.1.2")
    wanted = {
        "unsigned": 4_000_000_000, "ticks": 101, "oid": "1.3.6.1.4.1", "hex": "00:0a:ff",
        "boolean": True,
    }  # fmt: skip
    applied = await driver.apply(await driver.plan(wanted))
    assert await driver.read() == before | wanted
    await driver.rollback(applied)
    assert await driver.read() == before
    await driver.close()
