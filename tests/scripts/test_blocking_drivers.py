# SPDX-License-Identifier: Apache-2.0
"""Drivers that block: each call has a thread of the host, so a stuck device holds up nobody but its own booking."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from preroll.ports.rows import StepState
from preroll.ports.scripts import Equipment
from preroll.scripts.pool import Pool
from preroll.testing.netconf_device import NetconfDevice
from tests.drivers.netconf_rigs import CIRCUIT, KEYS, LIMITS, PARAMETERS, circuit, until
from tests.scripts.rig import Room

STUCK = 40
"""More devices than a loop has threads of its own."""
UP = """
@lso
async def up(ctx):
    await ctx.apply_profile("pe")
"""


@pytest.fixture
async def pool(room: Room, tmp_path: Path) -> Pool:
    room.write("up.py", UP)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "pe").write_text("preroll\n")
    return await room.pool(
        drivers={"netconf": "preroll.drivers.netconf:netconf"}, secrets=str(tmp_path / "secrets"), memory_limit=0
    )


@pytest.fixture
async def device() -> AsyncIterator[NetconfDevice]:
    async with NetconfDevice(circuit(), keys=KEYS, limits=LIMITS) as device:
        yield device


def equipment(device: NetconfDevice, name: str = "pe-1", rate: int = 4000) -> Equipment:
    address = {**device.address, "password": "file:pe", "namespace": CIRCUIT, "parameters": PARAMETERS, "timeout": 60}
    return Equipment(
        "pe", f"id-{name}", name, "netconf", address, profile="p", values={"rate": rate},
        paths={"rate": "circuit.c1.rate"},
    )  # fmt: skip


async def test_a_profile_reaches_a_netconf_device_by_a_secret(room: Room, pool: Pool, device: NetconfDevice) -> None:
    report = await room.report(pool, room.order("up", equipment(device)))
    assert report.message == ""
    step = room.ledger.step("apply_profile:pe")
    assert (step.state, step.diff) == (StepState.DONE, (("circuit.c1.rate", 2000, 4000),))
    assert device.entries("circuit")[0]["rate-kbit"] == "4000"
    again = await room.report(pool, room.order("up", equipment(device, rate=8000)))
    assert again.message == ""
    assert {session for session, _ in device.requests} == {1}, "one session a device, kept"


async def test_what_a_device_refuses_is_told_in_our_words(room: Room, pool: Pool, device: NetconfDevice) -> None:
    report = await room.report(pool, room.order("up", equipment(device, rate=1)))
    assert "circuit.c1.rate: 1 is outside of 64 to 1e+07" in report.message
    assert device.stores.locks == {}


async def test_stuck_devices_delay_no_other_booking(room: Room, pool: Pool, device: NetconfDevice) -> None:
    async with NetconfDevice(circuit(), keys=KEYS) as stuck:
        stuck.fault("hang")
        waiting = [room.run(pool, room.order("up", equipment(stuck, f"stuck-{n}"))) for n in range(STUCK)]
        try:
            await until(lambda: len(stuck._lines) == STUCK)
            report = await room.report(pool, room.order("up", equipment(device)))
            assert report.message == ""
            assert not any(run.done() for run in waiting)
        finally:
            for n in range(STUCK):
                pool.cancel(f"run-{n + 1}")
            stuck.fault("none")
        assert all([(await run).cancelled for run in waiting])
