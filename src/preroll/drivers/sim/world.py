# SPDX-License-Identifier: Apache-2.0
"""The simulated devices of one process, in memory. Tests set faults here and read here what was really applied."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager

from preroll.drivers.sim.device import EFFECTS, Device, Entry
from preroll.drivers.sim.faults import Fault, FaultKind, strike

_KEPT = 100_000
"""So many entries are remembered."""


def wall_us() -> int:
    """Microseconds of UTC since 1970."""
    return time.time_ns() // 1000


class World:
    """Devices by name. A device exists from the moment somebody looks at it.

    Args:
        now_us: the devices' clock, microseconds of UTC.
        sleep: how a slow device waits, seconds; virtual in a simulation.
    """

    def __init__(
        self, *, now_us: Callable[[], int] = wall_us, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self.now_us, self.sleep = now_us, sleep
        self._devices: dict[str, Device] = {}
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._faults: defaultdict[str, list[Fault]] = defaultdict(list)

    @contextmanager
    def hold(self, name: str) -> Iterator[Device]:
        """A device, with all done that was due, for as long as nobody else may touch it. Never await inside."""
        device = self._devices.get(name)
        if device is None:
            device = self._devices[name] = Device(name, record=self._entries.append)
        device.settle(self.now_us())
        yield device

    def introduce(self, name: str, values: Mapping[str, object]) -> None:
        """The values that a device begins with; nothing when it has a history already."""
        with self.hold(name) as device:
            if device.serial == 0 and values:
                device.put(values, self.now_us(), "introduced")

    def fault(
        self,
        name: str,
        kind: FaultKind | str,
        *,
        on: str | frozenset[str] = frozenset(),
        times: int | None = None,
        seconds: float = 5.0,
    ) -> None:
        """Give a device a fault, after those that it has. ``on`` is one call or several; see Fault."""
        calls = frozenset({on}) if isinstance(on, str) else on
        self._set_faults(name, [*self._faults_of(name), Fault(FaultKind(kind), calls, times, seconds)])

    def clear(self, name: str) -> None:
        """Repair a device."""
        self._set_faults(name, [])

    def strike(self, name: str, call: str, *, used_up: bool = True) -> Fault | None:
        """The fault that a call meets; it is used up once unless only looked at."""
        faults = self._faults.get(name)
        if not faults:
            return None
        struck, left = strike(faults, call)
        if used_up:
            self._faults[name] = left
        return struck

    def values(self, name: str) -> dict[str, object]:
        """What the device really holds."""
        with self.hold(name) as device:
            return dict(device.active)

    def tamper(self, name: str, values: Mapping[str, object]) -> None:
        """Change values behind everybody's back; None takes a path away."""
        with self.hold(name) as device:
            device.put(values, self.now_us(), "tampered")

    def log(self, name: str) -> list[Entry]:
        """Every effect on a device, oldest first."""
        with self.hold(name):
            return [entry for entry in self._entries if entry.device == name]

    def applied(self, name: str) -> list[Entry]:
        """The effects that some ``apply`` asked for: what was really applied, and with which key."""
        return [entry for entry in self.log(name) if entry.what in EFFECTS]

    def _faults_of(self, name: str) -> list[Fault]:
        return self._faults[name]

    def _set_faults(self, name: str, faults: list[Fault]) -> None:
        self._faults[name] = faults


MEMORY = World()
"""The world of addresses that name no other."""
