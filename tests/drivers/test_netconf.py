# SPDX-License-Identifier: Apache-2.0
"""What the NETCONF driver and our own device do beyond the conformance suite."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from preroll.drivers.netconf import NetconfDriver, netconf
from preroll.drivers.netconf.mapping import Tree
from preroll.drivers.netconf.values import Form, Kind
from preroll.sdk import (
    Applied,
    AuthFailed,
    Busy,
    Change,
    DeviceError,
    InvalidValue,
    Plan,
    RefusedByDevice,
    Secret,
    TimedOut,
    Unreachable,
    load,
)
from preroll.testing.netconf_device import Invalid, NetconfDevice, entries
from tests.drivers.netconf_rigs import (
    CIRCUIT,
    FIRST,
    INITIAL,
    KEYS,
    LIMITS,
    PARAMETERS,
    NetconfRig,
    address_of,
    circuit,
    silent,
    until,
)
from tests.drivers.patience import ANSWERS

RATE = "circuit.c1.rate"


@pytest.fixture
async def rig() -> AsyncIterator[NetconfRig]:
    rig = NetconfRig()
    async with rig.device:
        yield rig


@pytest.fixture
async def driver(rig: NetconfRig) -> AsyncIterator[NetconfDriver]:
    driver = opened(rig.device)
    await driver.open()
    yield driver
    await driver.close()


def opened(device: NetconfDevice, **more: object) -> NetconfDriver:
    driver = netconf("PE 1", address_of(device, **more))
    assert isinstance(driver, NetconfDriver)
    return driver


# Addresses


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("host", "", "is missing"),
        ("username", None, "is missing"),
        ("password", "secret words", "is no reference such as env:NAME or file:PATH"),
        ("password", None, "is missing, and so is private_key"),
        ("port", "830", "no port"),
        ("timeout", 0, "not a number of seconds"),
        ("parameters", ["rate"], "is no mapping"),
        ("colour", "red", "is not known to the netconf driver"),
        ("validation", "maybe", "is not one of test-then-set, explicit, none"),
        ("parameters", {"rate": {"type": "number"}}, "needs a leaf"),
        ("parameters", {"rate": {"leaf": "/a/b", "kind": "number"}}, "kind is not one of leaf, type, values"),
        ("parameters", {"rate": {"leaf": "/a/b", "type": "colour"}}, "type is 'colour'"),
        ("parameters", {"rate": "a/b"}, "is no path such as"),
        ("parameters", {"rate": "/if:a/b"}, "address.namespaces has no if"),
        ("parameters", {"rate": "/a[name='{name}']/b"}, "do not have the same variables"),
        ("namespace", "", "has no namespace"),
    ],
)
def test_an_address_that_makes_no_sense_is_told(field: str, value: object, reason: str) -> None:
    said: dict[str, Any] = {"host": "x", "username": "u", "password": Secret("p"), "namespace": CIRCUIT}
    with pytest.raises(InvalidValue, match=r"address\.") as caught:
        netconf("PE 1", {"parameters": {"rate": "/a/b"}, **said, field: value})
    assert reason in str(caught.value)


@pytest.mark.parametrize("key", ["nonsense", ""])
async def test_a_private_key_that_is_none_is_told_without_it(rig: NetconfRig, key: str) -> None:
    with pytest.raises(AuthFailed, match="is none, or its passphrase is wrong"):
        await opened(rig.device, private_key=Secret(key), passphrase=Secret("x")).open()


async def test_a_wrong_password_and_a_stranger_are_refused(rig: NetconfRig) -> None:
    other = NetconfDevice()
    for more in ({"password": Secret("wrong")}, {"host_key": other.address["host_key"]}):
        with pytest.raises(AuthFailed) as caught:
            await opened(rig.device, **more).open()
        assert "wrong" not in str(caught.value)


async def test_who_accepts_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = {"host": "127.0.0.1", "port": silent.getsockname()[1], "username": "u", "password": Secret("p")}
        with pytest.raises(TimedOut) as caught:
            await netconf("PE 1", {**address, "timeout": 0.2}).open()
    assert not caught.value.maybe_applied


async def test_the_log_holds_no_configuration(driver: NetconfDriver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await load(driver, FIRST)
    assert "10.0.1.2" not in caplog.text


# Planning and applying


async def test_a_plan_is_the_devices_own_diff_and_leaves_nothing_behind(rig: NetconfRig, driver: NetconfDriver) -> None:
    plan = await driver.plan({RATE: 4000})
    assert plan.changes == (Change(RATE, 2000, 4000),)
    assert "-      <rate-kbit>2000</rate-kbit>\n+      <rate-kbit>4000</rate-kbit>" in plan.native_diff
    stores = rig.device.stores
    assert (stores.locks, stores.log) == ({}, [])
    assert etree.tostring(stores.candidate) == etree.tostring(stores.running)


async def test_a_plan_refuses_what_the_device_cannot_take(rig: NetconfRig, driver: NetconfDriver) -> None:
    with pytest.raises(InvalidValue) as caught:
        await driver.plan({"circuit.c1.address": "10.9.9.9/24", RATE: 1})
    assert (caught.value.path, caught.value.device) == (RATE, "PE 1")
    assert rig.device.stores.locks == {}


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (RATE, "fast", "is 'fast', not a number"),
        (RATE, True, "is True, not a number"),
        ("circuit.c1", "yes", "neither true nor false"),
        ("circuit.c1.remote", "a\x00b", "XML cannot write that"),
        ("circuit.c\x01.remote", "a", "address.parameters does not have it"),
        ("vlan.7", 1, "address.parameters does not have it"),
    ],
)
async def test_a_value_that_fits_no_leaf_is_never_sent(
    rig: NetconfRig, driver: NetconfDriver, path: str, value: object, reason: str
) -> None:
    with pytest.raises(InvalidValue, match=reason) as caught:
        await driver.plan({path: value})
    assert caught.value.path == path
    assert "edit-config" not in [operation for _, operation in rig.device.requests]


async def test_an_entry_comes_and_goes_whole(rig: NetconfRig, driver: NetconfDriver) -> None:
    wanted: dict[str, Any] = {"circuit.c2.address": "10.0.2.1/24", "circuit.c2.rate": 512, "circuit.c2.remote": "pe-2"}
    applied = await driver.apply(await driver.plan(wanted))
    assert {"name": "c2", "address": "10.0.2.1/24", "rate-kbit": "512", "remote": "pe-2"} in rig.device.entries(
        "circuit"
    )
    await driver.rollback(applied)
    assert [row["name"] for row in rig.device.entries("circuit")] == ["c1"], "no empty entry is left"
    await load(driver, wanted)
    gone = await driver.apply(await driver.plan({"circuit.c2": False}))
    assert [row["name"] for row in rig.device.entries("circuit")] == ["c1"]
    await driver.rollback(gone)
    assert await driver.read(list(wanted)) == wanted, "what was in it is back"


async def test_reads_every_entry_and_ways_of_ones_own(rig: NetconfRig, driver: NetconfDriver) -> None:
    await rig.device.put(circuit("c2.main", "10.0.2.1/24", 64))
    assert await driver.read() == {
        **INITIAL, "circuit.c1": True, "circuit.c2.main": True, "circuit.c2.main.address": "10.0.2.1/24",
        "circuit.c2.main.rate": 64,
    }  # fmt: skip
    way = "/circuits/circuit[name='c2.main']/rate-kbit"
    assert await driver.read([way, "/circuits/circuit[name='c3']"]) == {way: "64"}


async def test_what_somebody_else_changed_is_planned_from(rig: NetconfRig, driver: NetconfDriver) -> None:
    await rig.tamper(FIRST)
    plan = await load(driver, {RATE: 64})
    assert plan.changes == (Change(RATE, FIRST[RATE], 64),)


async def test_none_takes_a_leaf_away(rig: NetconfRig, driver: NetconfDriver) -> None:
    await load(driver, {RATE: None})
    assert rig.device.entries("circuit") == [{"name": "c1", "address": "10.0.1.1/24"}]
    assert (await driver.plan({RATE: None})).empty


async def test_the_data_plane_has_a_say(rig: NetconfRig, driver: NetconfDriver) -> None:
    seen: list[Any] = []

    async def plane(config: etree._Element) -> None:
        seen.append(entries(config, "circuit"))
        if len(seen) == 1:
            raise OSError("no such interface")

    rig.device.stores.on_commit = plane
    with pytest.raises(RefusedByDevice, match="no such interface"):
        await load(driver, {RATE: 4000})
    assert await driver.read([RATE]) == {RATE: 2000}
    await load(driver, {RATE: 4000})
    assert seen[1] == [{"name": "c1", "address": "10.0.1.1/24", "rate-kbit": "4000"}]


async def test_a_check_of_the_devices_own(rig: NetconfRig) -> None:
    def check(config: etree._Element) -> None:
        for row in entries(config, "circuit"):
            if "/" not in row["address"]:
                raise Invalid(f"/circuits/circuit[name='{row['name']}']/address", "has no mask")

    async with NetconfDevice(circuit(), keys=KEYS, check=check) as device:
        driver = opened(device)
        await driver.open()
        with pytest.raises(InvalidValue, match=r"circuit\.c1\.address: has no mask"):
            await driver.plan({"circuit.c1.address": "10.0.0.1"})
        await driver.close()


@pytest.mark.parametrize("abilities", [("candidate",), ("candidate", "validate"), ("writable-running", "validate")])
async def test_a_server_that_can_do_less(abilities: tuple[str, ...]) -> None:
    async with NetconfDevice(circuit(), keys=KEYS, limits=LIMITS, abilities=abilities) as device:
        driver = opened(device)
        await driver.open()
        assert "confirmed-commit" not in driver.caps
        with pytest.raises(InvalidValue, match=r"circuit\.c1\.rate: 1 is outside"):
            await load(driver, {RATE: 1})
        applied = await driver.apply(await driver.plan(FIRST), revert_in=60, key="1:1:0:a")
        assert not applied.pending
        await driver.confirm(applied)
        assert await driver.read(list(FIRST)) == FIRST
        await driver.rollback(applied)
        assert await driver.read(list(FIRST)) == INITIAL
        assert device.stores.locks == {}
        await driver.close()


# Locks and sessions


async def test_who_holds_the_lock_is_told(rig: NetconfRig, driver: NetconfDriver) -> None:
    other = opened(rig.device)
    await other.open()
    plan = await driver.plan(FIRST)
    await other.rpc("<lock xmlns='urn:ietf:params:xml:ns:netconf:base:1.0'><target><candidate/></target></lock>")
    for doing in (driver.apply(plan), driver.plan(FIRST)):
        with pytest.raises(Busy) as caught:
            await doing
        assert caught.value.holder == f"session {rig.device.stores.locks['candidate']}"
    await other.close()
    await until(lambda: rig.device.stores.locks == {})
    await driver.apply(plan)


@pytest.mark.parametrize("fault", ["refuse", "auth", "garbage"])
@pytest.mark.parametrize("operation", ["edit-config", "commit"])
async def test_whatever_fails_the_lock_is_given_back(
    rig: NetconfRig, driver: NetconfDriver, fault: str, operation: str
) -> None:
    plan = await driver.plan(FIRST)
    rig.device.fault(fault, times=1, on=operation)
    with pytest.raises(DeviceError):
        await driver.apply(plan)
    stores = rig.device.stores
    assert (stores.locks, stores.log) == ({}, [])
    await driver.apply(plan)
    assert stores.log == ["committed"]


async def test_after_a_time_out_the_same_session_tidies_up(rig: NetconfRig, driver: NetconfDriver) -> None:
    plan = await driver.plan(FIRST)
    rig.device.fault("hang", times=1, on="edit-config")
    silent(driver, rig.device, "edit_config")
    with pytest.raises(TimedOut) as caught:
        await driver.apply(plan)
    assert not caught.value.maybe_applied, "the candidate is not in force"
    rig.device.fault("none")
    await driver.apply(plan)
    assert rig.device.stores.log == ["committed"]
    assert rig.device.stores.locks == {}


async def test_a_discard_that_is_refused_keeps_no_lock(rig: NetconfRig, driver: NetconfDriver) -> None:
    plan = await driver.plan(FIRST)
    rig.device.fault("refuse", times=1, on="discard-changes")
    await driver.apply(plan)
    assert (rig.device.stores.locks, rig.device.stores.log) == ({}, ["committed"])


async def test_a_lock_whose_answer_got_lost_is_given_back(rig: NetconfRig, driver: NetconfDriver) -> None:
    plan = await driver.plan(FIRST)
    rig.device.fault("late", times=1, on="lock")
    silent(driver, rig.device, "lock")
    with pytest.raises(TimedOut):
        await driver.apply(plan)
    await until(lambda: list(rig.device.stores.locks) == ["candidate"])
    await driver.apply(plan)
    assert rig.device.stores.locks == {}


@pytest.mark.parametrize(("operation", "maybe"), [("edit-config", False), ("commit", True)])
async def test_a_session_that_is_lost(rig: NetconfRig, driver: NetconfDriver, operation: str, *, maybe: bool) -> None:
    plan = await driver.plan(FIRST)
    rig.device.fault("drop", times=1, on=operation)
    with pytest.raises(TimedOut if maybe else Unreachable) as caught:
        await driver.apply(plan)
    assert caught.value.retryable
    assert not await driver.alive()
    await until(lambda: rig.device.stores.locks == {})
    await driver.open()
    await driver.apply(plan)


async def test_a_cancelled_change_sends_nothing_more(rig: NetconfRig, driver: NetconfDriver) -> None:
    plan = await driver.plan(FIRST)
    rig.device.fault("hang", on="edit-config")
    applying = asyncio.create_task(driver.apply(plan))
    await until(lambda: rig.device.requests[-1][1] == "edit-config")
    applying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await applying
    await driver.close()
    rig.device.fault("none")
    await until(lambda: rig.device.stores.locks == {})
    assert "commit" not in [operation for _, operation in rig.device.requests]
    assert rig.device.stores.log == []


async def test_who_hangs_up_leaves_no_thread_waiting(rig: NetconfRig) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
    driver = opened(rig.device, timeout=3600)
    await driver.open()
    rig.device.fault("hang")
    reading = asyncio.create_task(driver.read([RATE]))
    await until(lambda: rig.device.requests[-1:] == [(1, "get-config")])
    reading.cancel()
    await driver.close()
    both = threading.Barrier(2)
    async with asyncio.timeout(ANSWERS):
        await asyncio.gather(asyncio.to_thread(both.wait), asyncio.to_thread(both.wait))


PROCESS = """
import asyncio, json, sys
import msgspec
from preroll.drivers.netconf import netconf
from preroll.sdk import Secret

async def main():
    address = json.loads(sys.argv[1])
    driver = netconf("PE 1", {**address, "password": Secret(address["password"])})
    await driver.open()
    plan = await driver.plan(json.loads(sys.argv[2]))
    applied = await driver.apply(plan, revert_in=60, key="1:1:0:a")
    print(msgspec.json.encode([plan, applied]).decode(), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("end", ["confirm", "rollback", "unseen", "nothing"])
async def test_a_killed_process_leaves_a_change_that_another_ends(
    rig: NetconfRig, driver: NetconfDriver, end: str
) -> None:
    address = {**address_of(rig.device), "password": rig.device.password}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROCESS, json.dumps(address), json.dumps(FIRST), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout
        told = await asyncio.wait_for(process.stdout.readline(), ANSWERS)
    finally:
        process.kill()
        await process.communicate()
    plan, applied = msgspec.json.decode(told, type=tuple[Plan, Applied])
    await until(lambda: len(rig.device._lines) == 1)
    assert rig.device.stores.log == ["pending"], "it outlives its session"
    match end:
        case "confirm":
            await driver.confirm(applied)
        case "rollback":
            await driver.rollback(applied)
        case "unseen":
            await driver.rollback(Applied.unseen(plan, "1:1:0:a"))
        case "nothing":
            await rig.pass_time(60)
    assert await driver.read(list(FIRST)) == (FIRST if end == "confirm" else INITIAL)
    assert len(rig.device.stores.log) == 2


async def test_a_plan_holds_what_takes_it_back(rig: NetconfRig, driver: NetconfDriver) -> None:
    plan = await driver.plan({"circuit.c2.address": "10.0.2.1/24"})
    await driver.apply(plan)
    await driver.rollback(Applied.unseen(plan, "1:1:0:a"))
    assert [row["name"] for row in rig.device.entries("circuit")] == ["c1"], "no empty entry is left"


async def test_without_a_key_a_pending_change_has_a_handle_too(rig: NetconfRig, driver: NetconfDriver) -> None:
    applied = await driver.apply(await driver.plan(FIRST), revert_in=0.2)
    assert applied.pending
    assert applied.token
    await driver.confirm(applied)
    assert rig.device.stores.log == ["pending", "confirmed"]


async def test_nothing_else_is_committed_while_something_is_pending(rig: NetconfRig, driver: NetconfDriver) -> None:
    applied = await driver.apply(await driver.plan(FIRST), revert_in=60, key="1:1:0:a")
    with pytest.raises(Busy):
        await driver.apply(await driver.plan({RATE: 64}))
    assert await driver.read(list(FIRST)) == FIRST
    await driver.confirm(applied)


async def test_a_confirm_waits_for_who_edits_the_candidate(rig: NetconfRig, driver: NetconfDriver) -> None:
    applied = await driver.apply(await driver.plan(FIRST), revert_in=60, key="1:1:0:a")
    rig.device.stores.candidate.append(etree.fromstring("<foreign xmlns='urn:x'/>"))
    with pytest.raises(Busy):
        await driver.confirm(applied)
    assert rig.device.stores.log == ["pending"], "a confirming commit would have taken it along"


async def test_what_was_not_made_persistent_goes_with_its_session(rig: NetconfRig, driver: NetconfDriver) -> None:
    base = "xmlns='urn:ietf:params:xml:ns:netconf:base:1.0'"
    config = circuit(rate=64)
    await driver.rpc(f"<edit-config {base}><target><candidate/></target><config>{config}</config></edit-config>")
    await driver.rpc(f"<commit {base}><confirmed/></commit>")
    assert await driver.read([RATE]) == {RATE: 64}
    await driver.close()
    await until(lambda: rig.device.stores.log == ["pending", "reverted"])
    await driver.open()
    assert await driver.read([RATE]) == {RATE: 2000}


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_hundred_thousand_characters_in_both_framings(*, chunked: bool) -> None:
    async with NetconfDevice(circuit(), keys=KEYS, chunked=chunked) as device:
        driver = opened(device)
        await driver.open()
        await load(driver, {"circuit.c1.remote": "ä€" * 50_000})
        await driver.close()


async def test_what_the_device_cannot_do_it_refuses(driver: NetconfDriver) -> None:
    with pytest.raises(RefusedByDevice, match="operation-not-supported"):
        await driver.rpc("<reboot xmlns='urn:x'/>")
    with pytest.raises(InvalidValue):
        await driver.rpc("<reboot")


async def test_a_device_knows_its_faults() -> None:
    with pytest.raises(ValueError, match="'sulks' is not one of none, refuse"):
        NetconfDevice().fault("sulks")


# Leaves

NAMESPACES = {"if": "urn:if", "ip": "urn:ip"}


def test_steps_inherit_their_namespace() -> None:
    tree = Tree({"mtu": "/if:interfaces/interface[name='e0']/ip:ipv4/mtu"}, "urn:none", NAMESPACES)
    node = tree.node("mtu")
    assert node is not None
    assert [step.tag for step in node.way] == ["{urn:if}interfaces", "{urn:if}interface", "{urn:ip}ipv4", "{urn:ip}mtu"]
    assert node.way[1].keys == (("{urn:if}name", "e0"),)


def test_variables_stand_for_what_differs_between_devices() -> None:
    tree = Tree({"mtu": {"leaf": "/port[name='{port}']/mtu", "type": "integer"}}, "urn:x", variables={"port": "e0"})
    node = tree.node("mtu")
    assert node is not None
    assert node.way[0].keys == (("{urn:x}name", "e0"),)
    with pytest.raises(InvalidValue, match=r"is 1\.5, not a whole number"):
        tree.edit([(node, 1.5)])


def test_the_most_exact_path_counts() -> None:
    tree = Tree(PARAMETERS, CIRCUIT)
    found = {path: tree.node(path) for path in ("circuit.c1", "circuit.c1.rate", "circuit.a.b.rate")}
    assert [node and node.way[-1].tag.rpartition("}")[2] for node in found.values()] == [
        "circuit", "rate-kbit", "rate-kbit",
    ]  # fmt: skip
    last = found["circuit.a.b.rate"]
    assert last is not None
    assert last.way[1].keys[0][1] == "a.b"


def test_an_error_path_is_told_in_our_words() -> None:
    tree = Tree(PARAMETERS, CIRCUIT)
    nodes = [node for path in ("circuit.c1.rate", "circuit.c2.rate") if (node := tree.node(path))]
    said = '/nc:rpc/nc:edit-config/nc:config/dc:circuits/dc:circuit[dc:name="c2"]/dc:rate-kbit'
    assert tree.named(said, nodes) == "circuit.c2.rate"
    assert tree.named("/dc:circuits/dc:circuit[dc:name='c9']/dc:rate-kbit", nodes).startswith("/dc:circuits")
    assert tree.named("?", nodes) == "?"


names = st.text("abc-/.09", min_size=1, max_size=8)
rates = st.integers(0, 2**32) | st.floats(-1e6, 1e6).map(lambda x: round(x, 6))


@given(st.dictionaries(names, rates, min_size=1, max_size=4))
def test_what_is_edited_is_read_back(wanted: dict[str, float]) -> None:
    tree = Tree(PARAMETERS, CIRCUIT)
    pairs = [(node, value) for name, value in wanted.items() if (node := tree.node(f"circuit.{name}.rate"))]
    config = tree.edit(pairs)
    assert {node.path: node.value(config) for node, _ in pairs} == {node.path: value for node, value in pairs}
    found = {node.path for leaf in tree.leaves for node in leaf.nodes(config)}
    assert {node.path for node, _ in pairs} <= found


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        (Form(), "x", "x"),
        (Form(Kind.NUMBER), 4000.0, "4000"),
        (Form(Kind.NUMBER), 1e-7, "0.0000001"),
        (Form(Kind.BOOLEAN), True, "true"),
        (Form(words={"up": True, "down": False}), False, "down"),
    ],
)
def test_values_and_texts(form: Form, value: object, text: str) -> None:
    assert form.text(value) == text
    assert form.value(text) == value


def test_a_text_that_means_nothing_is_not_lost() -> None:
    assert Form(Kind.NUMBER).value("fast") == "fast"
    assert Form(Kind.BOOLEAN).value("maybe") == "maybe"
    assert Form(words={"up": True}).value("testing") == "testing"


async def test_an_empty_plan_asks_the_device_nothing(rig: NetconfRig, driver: NetconfDriver) -> None:
    before = len(rig.device.requests)
    await driver.apply(Plan())
    assert len(rig.device.requests) == before
