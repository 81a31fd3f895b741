# SPDX-License-Identifier: Apache-2.0
"""The driver of command lines: the conformance suite on a real SSH server, and what it does beyond the suite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import ClassVar

import pytest

from preroll.drivers.ssh import ssh
from preroll.sdk import (
    Driver,
    Secret,
)
from preroll.testing.conformance import DriverConformance, Rig
from preroll.testing.ssh_device import PASSWORD, SshDevice

INITIAL = {"size": "640x360", "kbit": 800, "out.port": 9000, "mode": "off"}
LIMITS = {"kbit": {"maximum": 10_000}}


class SshRig(Rig):
    faults: ClassVar = frozenset({"refuses", "busy", "auth", "lies", "late", "hangs", "vanishes", "garbage"})
    words: ClassVar = {"refuses": "refuse", "lies": "lie", "hangs": "hang"}
    initial = INITIAL
    first: ClassVar = {"size": "1280x720", "kbit": 2000, "out.port": 9001, "mode": "on air"}
    second: ClassVar = {"size": "320x180", "kbit": 300, "out.port": 9002, "mode": "standby"}
    invalid = ("kbit", 99_999)

    def __init__(self, device: SshDevice) -> None:
        self.device = device

    def driver(self) -> Driver:
        return ssh("Router 1", self.device.address(timeout=0.5, password=Secret(PASSWORD)))

    async def tamper(self, values: Mapping[str, object]) -> None:
        self.device.values.update({path: str(value) for path, value in values.items()})

    async def break_(self, fault: str) -> None:
        if fault == "vanishes":
            await self.device.close()
        else:
            self.device.fault(self.words.get(fault, fault))

    async def mend(self) -> None:
        self.device.fault("none")
        if not self.device.serving:
            await self.device.start()

    async def count_applied(self) -> int:
        return self.device.changes


class TestSsh(DriverConformance):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        async with SshDevice(INITIAL, limits=LIMITS) as device:
            yield SshRig(device)


class TestSshWithCandidate(DriverConformance):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        async with SshDevice(INITIAL, limits=LIMITS, candidate=True) as device:
            yield SshRig(device)
