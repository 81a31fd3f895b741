# SPDX-License-Identifier: Apache-2.0
"""The conformance suite on every driver: simulated in memory and in files, JSON and NETCONF over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from preroll.drivers.http.driver import http
from preroll.drivers.http.values import nested
from preroll.drivers.sim import FileWorld, World, sim_in
from preroll.sdk import Driver
from preroll.testing import HttpDevice, ManualClock
from preroll.testing.conformance import DriverConformance, Rig
from tests.drivers.netconf_rigs import NetconfRig
from tests.drivers.patience import ANSWERS, SILENCE, Made

INITIAL = {"size": "640x360", "kbit": 800, "out.port": 9000, "enabled": False}
FIRST = {"size": "1280x720", "kbit": 2000, "out.port": 9001, "enabled": True}
SECOND = {"size": "320x180", "kbit": 300, "out.port": 9002, "enabled": "standby"}


class Bench(Rig):
    initial, first, second, invalid = INITIAL, FIRST, SECOND, ("kbit", 99_999)

    def __init__(self) -> None:
        self.clock = ManualClock()

    async def pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now_us() / 1e6, UTC)


class SimRig(Bench):
    faults: ClassVar = frozenset({"refuses", "busy", "lies", "late", "hangs", "vanishes", "garbage"})

    def __init__(self, caps: tuple[str, ...], root: Path | None = None) -> None:
        super().__init__()
        time: Any = {"now_us": self.clock.now_us, "sleep": self._sleep}
        self.world = World(**time) if root is None else FileWorld(root, **time)
        self.address = {
            "device": "enc-1", "timeout": 1, "caps": caps, "initial": INITIAL, "limits": {"kbit": {"maximum": 10_000}},
        }  # fmt: skip

    async def _sleep(self, seconds: float) -> None:
        self.clock.us += round(seconds * 1e6)

    def driver(self) -> Driver:
        return sim_in(self.world)("Encoder 1", self.address)

    async def tamper(self, values: Mapping[str, object]) -> None:
        self.world.tamper("enc-1", values)

    async def break_(self, fault: str) -> None:
        self.world.fault("enc-1", fault)

    async def mend(self) -> None:
        self.world.clear("enc-1")

    async def count_applied(self) -> int:
        return len(self.world.applied("enc-1"))


class TestSimInMemory(DriverConformance):
    @pytest.fixture
    def rig(self) -> Rig:
        return SimRig(())


class TestSimWithEveryAbility(DriverConformance):
    @pytest.fixture
    def rig(self) -> Rig:
        return SimRig(("candidate", "confirmed-commit", "schedule", "validate"))


class TestSimInFiles(DriverConformance):
    @pytest.fixture
    def rig(self, tmp_path: Path) -> Rig:
        return SimRig(("confirmed-commit", "schedule"), tmp_path)


class HttpRig(Bench):
    faults: ClassVar = frozenset({"refuses", "busy", "auth", "lies", "late", "hangs", "vanishes", "garbage"})
    words: ClassVar = {"refuses": "refuse", "lies": "lie", "hangs": "hang"}

    def __init__(self) -> None:
        super().__init__()
        self.made = Made()
        self.device = HttpDevice(nested(INITIAL), limits={"kbit": {"maximum": 10_000}}, now_us=self.clock.now_us)
        self.device.start()

    def driver(self) -> Driver:
        make = partial(http, now_us=self.clock.now_us)
        return self.made.one(make("Encoder 1", {"url": self.device.url}))

    async def tamper(self, values: Mapping[str, object]) -> None:
        self.device.staging.tamper(nested(values))

    async def break_(self, fault: str) -> None:
        if fault == "vanishes":
            self.device.close()
        else:
            self.device.fault(self.words.get(fault, fault))
        if fault == "hangs":
            self.made.wait(SILENCE)

    async def mend(self) -> None:
        self.device.fault("none")
        self.made.wait(ANSWERS)
        if not self.device.serving:
            self.device.start()

    async def count_applied(self) -> int:
        return self.device.staging.activations

    async def close(self) -> None:
        self.device.close()


class TestHttp(DriverConformance):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        rig = HttpRig()
        yield rig
        await rig.close()


class TestNetconf(DriverConformance):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        rig = NetconfRig()
        async with rig.device:
            yield rig


class TestNetconfWithWritableRunning(DriverConformance):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        rig = NetconfRig(abilities=("writable-running", "rollback-on-error"), chunked=False)
        async with rig.device:
            yield rig
