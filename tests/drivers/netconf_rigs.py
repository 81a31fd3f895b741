# SPDX-License-Identifier: Apache-2.0
"""NETCONF devices on the bench: our own server, with what it can do cut down as needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from preroll.drivers.netconf import netconf
from preroll.sdk import Driver, Secret
from preroll.testing import ManualClock
from preroll.testing.conformance import Rig
from preroll.testing.netconf_device import NetconfDevice
from tests.drivers.patience import ANSWERS, SILENCE, Made, hasten

CIRCUIT = "urn:demo:circuit"
PARAMETERS: dict[str, Any] = {
    "circuit.{name}": {"leaf": "/circuits/circuit[name='{name}']", "type": "presence"},
    "circuit.{name}.address": "/circuits/circuit[name='{name}']/address",
    "circuit.{name}.rate": {"leaf": "/circuits/circuit[name='{name}']/rate-kbit", "type": "number"},
    "circuit.{name}.remote": "/circuits/circuit[name='{name}']/remote",
}
INITIAL = {"circuit.c1.address": "10.0.1.1/24", "circuit.c1.rate": 2000}
FIRST = {"circuit.c1.address": "10.0.1.2/24", "circuit.c1.rate": 4000}
SECOND = {"circuit.c1.address": "10.0.1.3/24", "circuit.c1.rate": 8000}
KEYS = {"circuit": ("name",)}
LIMITS = {"rate-kbit": {"minimum": 64, "maximum": 10_000_000}}


def circuit(name: str = "c1", address: str = "10.0.1.1/24", rate: object = 2000) -> str:
    return (
        f'<circuits xmlns="{CIRCUIT}"><circuit><name>{name}</name><address>{address}</address>'
        f"<rate-kbit>{rate}</rate-kbit></circuit></circuits>"
    )


def address_of(device: NetconfDevice, **more: object) -> dict[str, object]:
    said = {"password": Secret(device.password), "namespace": CIRCUIT, "parameters": PARAMETERS, "timeout": ANSWERS}
    return {**device.address, **said, **more}


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a device has done what it does by itself."""
    async with asyncio.timeout(ANSWERS):
        while not condition():
            await asyncio.sleep(0.001)


def silent(driver: Driver, device: NetconfDevice, *requests: str) -> None:
    """While the device is broken no answer comes to these requests, by their names in ncclient."""
    broken = device._fault
    hasten(driver, driver._open, "ask", lambda request, *_: device._fault is broken and request in requests)  # type: ignore[attr-defined]


class NetconfRig(Rig):
    initial, first, second, invalid = INITIAL, FIRST, SECOND, ("circuit.c1.rate", 99_999_999)
    faults: ClassVar = frozenset({"refuses", "busy", "auth", "lies", "late", "hangs", "vanishes", "garbage"})
    words: ClassVar = {"refuses": "refuse", "lies": "lie", "hangs": "hang"}

    def __init__(self, **traits: Any) -> None:
        self.clock, self.made = ManualClock(), Made()
        self.device = NetconfDevice(circuit(), keys=KEYS, limits=LIMITS, sleep=self.clock.sleep, **traits)

    def driver(self) -> Driver:
        return self.made.one(netconf("PE 1", address_of(self.device)))

    async def tamper(self, values: Mapping[str, object]) -> None:
        await self.device.put(circuit(address=str(values["circuit.c1.address"]), rate=values["circuit.c1.rate"]))

    async def break_(self, fault: str) -> None:
        if fault == "vanishes":
            await self.device.close()
        else:
            writes = "candidate" not in self.device.stores.abilities and fault in ("lies", "late")
            self.device.fault(self.words.get(fault, fault), on="edit-config" if writes else "")
        if fault == "hangs":
            self.made.wait(SILENCE)
        if fault == "late":
            for driver in self.made:
                silent(driver, self.device, *(["edit_config"] if writes else ["commit", "cancel_commit"]))

    async def mend(self) -> None:
        self.device.fault("none")
        self.made.wait(ANSWERS)
        if not self.device.serving:
            await self.device.start()

    async def pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now_us() / 1e6, UTC)

    async def count_applied(self) -> int:
        return len(self.device.stores.log)
