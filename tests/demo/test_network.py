# SPDX-License-Identifier: Apache-2.0
"""The devices' commits make circuits: real ones in namespaces, else relays; and nothing of them is left."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from preroll.audits import Ping, Tcp, Throughput
from preroll.demo.namespaces import Namespaces, NotHere
from preroll.demo.network import Network
from preroll.demo.plane import DEVICES, PORTS, Plane, side
from preroll.demo.relay import BURST, Bucket, Relay
from preroll.demo.world import read_bundle
from preroll.drivers.netconf import netconf
from preroll.sdk import Audit, AuditState, Check, Driver, InvalidValue, RefusedByDevice, Secret, load, watch
from preroll.testing import ManualClock
from tests.demo.conftest import left_behind

PATIENCE = 60.0
"""Seconds; a machine that has nothing else to do needs two."""
UP, DOWN = AuditState.UP, AuditState.DOWN


def relay(_: Path) -> Relay:
    return Relay("a test")


BOTH_KINDS = pytest.mark.parametrize("network", [Namespaces, relay], indirect=True)
REAL = pytest.mark.parametrize("network", [Namespaces], indirect=True)


@pytest.fixture
async def network(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Network]:
    make: Callable[[Path], Plane] = request.param
    try:
        async with Network(tmp_path, make(tmp_path)) as network:
            monkeypatch.setenv("PATH", network.environment.get("PATH", os.environ["PATH"]))
            yield network
    except NotHere as why:
        if os.environ.get("CI") == "true":
            pytest.fail(str(why))
        pytest.skip(str(why))
    assert left_behind(tmp_path) == []


@pytest.fixture
async def drivers(network: Network) -> AsyncIterator[dict[str, Driver]]:
    """The drivers of port 1 of both devices, as the bundle has them."""
    opened: dict[str, Driver] = {}
    try:
        for device in DEVICES:
            address = dict(resource(network, f"{device} port 1")["address"])
            opened[device] = netconf(
                device, address | {"password": Secret(network.devices[device].password), "timeout": PATIENCE}
            )
            await opened[device].open()
        yield opened
    finally:
        for driver in opened.values():
            await driver.close()


def resource(network: Network, name: str) -> dict[str, dict[str, object]]:
    (found,) = [d for d in read_bundle(network.bundle) if d["kind"] == "resource" and d["name"] == name]
    return found


def values(network: Network, device: str, kbit: int) -> dict[str, object]:
    name = f"{device} port 1"
    (profile,) = [d for d in read_bundle(network.bundle) if d["kind"] == "profile_instance" and d["name"] == name]
    return {**profile["values"], "rate-kbit": kbit}


def way_through(network: Network) -> Ping | Tcp:
    if network.plane.tools:
        return Ping(str(side("pe-2", 1).site[2]), patience=0.5)
    return Tcp("127.0.0.1", network.plane.doors[1])


async def measured(network: Network, kbit: int) -> Audit:
    return await soon(Throughput("127.0.0.1", network.plane.doors[1], kbit, tolerance=0.25))


async def soon(check: Check) -> Audit:
    """As a booking does it: a machine that is busy gets a second look."""
    return await watch(check, within=PATIENCE, now=time.monotonic, pause=asyncio.sleep)


async def at_once(check: Check) -> AuditState:
    """The state of now; a machine that is too busy to ask is asked again."""
    while (audit := await check.look()).state is AuditState.UNKNOWN:
        pass
    return audit.state


@BOTH_KINDS
async def test_commits_on_both_devices_make_a_circuit_of_the_rate_that_was_booked(network, drivers):
    assert await at_once(way_through(network)) is DOWN
    await load(drivers["pe-1"], values(network, "pe-1", 2000))
    assert await at_once(way_through(network)) is DOWN, "one end is no circuit"
    await load(drivers["pe-2"], values(network, "pe-2", 2000))
    assert (await soon(way_through(network))).state is UP
    slow = await measured(network, 2000)
    assert slow.state is UP, slow
    for device, driver in drivers.items():
        await load(driver, values(network, device, 6000))
    fast = await measured(network, 6000)
    assert fast.state is UP, fast
    assert network.configured() == {"pe-1": {1: 6000}, "pe-2": {1: 6000}}
    await load(drivers["pe-1"], {"circuit": False})
    assert await at_once(way_through(network)) is DOWN
    assert await at_once(Throughput("127.0.0.1", network.plane.doors[1], 2000, seconds=0.2)) is DOWN
    assert network.configured() == {"pe-1": {}, "pe-2": {1: 6000}}


@BOTH_KINDS
async def test_what_is_no_circuit_is_refused_by_the_device(network, drivers):
    with pytest.raises(InvalidValue, match="address"):
        await load(drivers["pe-1"], {**values(network, "pe-1", 2000), "address": "300.1.2.3/30"})
    with pytest.raises(InvalidValue, match="rate-kbit"):
        await load(drivers["pe-1"], values(network, "pe-1", 50_000))
    assert network.configured()["pe-1"] == {}


@REAL
async def test_what_the_data_plane_cannot_do_is_refused_and_nothing_has_changed(network, drivers):
    await load(drivers["pe-1"], values(network, "pe-1", 2000))
    with pytest.raises(RefusedByDevice, match="data plane"):
        await load(drivers["pe-1"], {**values(network, "pe-1", 2000), "next-hop": "8.8.8.8"})
    await load(drivers["pe-2"], values(network, "pe-2", 2000))
    assert (await soon(way_through(network))).state is UP


def test_every_port_has_addresses_of_its_own():
    sides = [side(device, port) for device in DEVICES for port in range(1, PORTS + 1)]
    addresses = [str(address) for one in sides for address in (one.site[1], one.site[2], one.core)]
    assert len(set(addresses)) == len(addresses)


async def test_a_bucket_lets_a_burst_pass_and_then_its_rate():
    clock = ManualClock()
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    bucket = Bucket(800, lambda: clock.now_us() / 1e6, pause)
    await bucket.take(BURST)
    assert waited == []
    await bucket.take(10_000)
    assert waited == [0.1], "10,000 bytes at 100,000 bytes a second"


def test_it_dies_with_whoever_started_it(tmp_path):
    story = (
        "import asyncio, pathlib, sys\n"
        "from preroll.demo.network import Network\n"
        "async def main():\n"
        "    async with Network(pathlib.Path(sys.argv[1])) as network:\n"
        "        print(network.what, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", story, tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            what = demo.stdout.readline()
            assert left_behind(tmp_path), what
        finally:
            demo.kill()
    until = time.monotonic() + PATIENCE
    while left_behind(tmp_path):
        assert time.monotonic() < until, left_behind(tmp_path)
