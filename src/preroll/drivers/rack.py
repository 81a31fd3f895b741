# SPDX-License-Identifier: Apache-2.0
"""The rack: one open driver per device, kept for the next who needs it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from preroll.sdk import Driver, DriverFactory, InvalidValue


@dataclass(slots=True)
class _Slot:
    driver: Driver
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    opened: bool = False
    used: float = 0.0


class Rack:
    """Opens drivers and keeps them open while they are in use.

    Args:
        factories: kind of driver -> its factory.
        trusted: a driver that was used in the last ``trusted`` seconds is handed out unasked; an older one is asked
            whether it is alive, and re-opened when it is not.
        idle: a driver that nobody asked for in ``idle`` seconds is closed; longer than any step may take.
        monotonic: seconds, for the two above.
    """

    def __init__(
        self,
        factories: Mapping[str, DriverFactory],
        *,
        trusted: float = 5.0,
        idle: float = 900.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._factories, self._trusted, self._idle, self._monotonic = factories, trusted, idle, monotonic
        self._slots: dict[tuple[str, str], _Slot] = {}

    async def driver(self, name: str, kind: str, address: Mapping[str, object]) -> Driver:
        """The open driver of a device.

        Raises:
            InvalidValue: there is no such kind of driver, or the address lacks what it needs.
            DeviceError: the device could not be reached.
        """
        await self._close_idle()
        slot = self._slot(name, kind, address)
        async with slot.lock:
            now = self._monotonic()
            if slot.opened and now - slot.used > self._trusted and not await slot.driver.alive():
                slot.opened = False
                await slot.driver.close()
            if not slot.opened:
                await slot.driver.open()
                slot.opened = True
            slot.used = self._monotonic()
        return slot.driver

    async def close(self) -> None:
        """Close all. The rack can be used again."""
        slots = list(self._slots.values())
        self._slots.clear()
        await asyncio.gather(*(slot.driver.close() for slot in slots if slot.opened), return_exceptions=True)

    def _slot(self, name: str, kind: str, address: Mapping[str, object]) -> _Slot:
        place = kind, json.dumps([name, address], sort_keys=True, default=str)
        if place not in self._slots:
            self._slots[place] = _Slot(self._factory(kind, name)(name, address))
        return self._slots[place]

    def _factory(self, kind: str, name: str) -> DriverFactory:
        try:
            return self._factories[kind]
        except KeyError:
            known = ", ".join(sorted(self._factories))
            raise InvalidValue("driver", f"{kind} is not installed (there is {known})", device=name) from None

    async def _close_idle(self) -> None:
        now = self._monotonic()
        old = [p for p, s in self._slots.items() if now - s.used > self._idle and s.opened and not s.lock.locked()]
        for place in old:
            await self._slots.pop(place).driver.close()
