# SPDX-License-Identifier: Apache-2.0
"""Driver sessions of a host: one per resource, opened when first used, closed when idle."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from importlib.metadata import entry_points

from preroll.ports.scripts import Equipment
from preroll.scripts.secrets import Secrets
from preroll.sdk import AuthFailed, DeviceError, Driver, DriverFactory, GiveUp, Secret, TimedOut, Unreachable

GROUP = "preroll.drivers"
TRUSTED = 5.0
"""Seconds after its last use in which a session is taken without asking whether the device still answers."""
CLOSING = 2.0
"""Seconds that a device may take to say goodbye."""
FindDriver = Callable[[str], DriverFactory]


def find_driver(drivers: Mapping[str, str]) -> FindDriver:
    """Factories by name: ``module:attribute`` of the mapping first, then the entry points.

    Those of the mapping are imported here, so that no run has to wait for that, and no host is taken for stuck.
    """
    known: dict[str, DriverFactory] = {}

    def find(name: str) -> DriverFactory:
        if name not in known:
            known[name] = _import(name, drivers)
        return known[name]

    for name in drivers:
        with contextlib.suppress(GiveUp):  # told when somebody wants to use it
            find(name)
    return find


def _import(name: str, drivers: Mapping[str, str]) -> DriverFactory:
    place = drivers.get(name) or next((p.value for p in entry_points(group=GROUP, name=name)), "")
    if not place:
        raise GiveUp(f"there is no driver {name} (configured: {', '.join(sorted(drivers)) or 'none'})")
    module, _, attribute = place.partition(":")
    try:
        factory: DriverFactory = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise GiveUp(f"driver {name} cannot be loaded from {place}: {error}") from error
    return factory


class _Session:
    """A driver; one user at a time."""

    def __init__(self, address: Mapping[str, object], lock: asyncio.Lock) -> None:
        self.address, self.lock = address, lock
        self.driver: Driver | None = None
        """Made before the next use if there is none: at first, and after the device refused its credentials."""
        self.secrets: tuple[Secret, ...] = ()
        """What the driver was made with."""
        self.open = False
        self.used = time.monotonic()

    @property
    def idle(self) -> float:
        """Seconds since its last use."""
        return time.monotonic() - self.used


class Sessions:
    """All sessions of this host, by resource."""

    def __init__(self, find: FindDriver, secrets: Secrets | None = None) -> None:
        self._find, self.secrets = find, secrets or Secrets()
        self._sessions: dict[str, _Session] = {}
        self._shared: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Device -> held by who uses one of the resources on it."""

    @contextlib.asynccontextmanager
    async def use(self, equipment: Equipment, seen: Callable[[Secret], object] | None = None) -> AsyncIterator[Driver]:
        """The resource's driver, open, for one user of its device. An exchange that was broken off closes it.

        Args:
            equipment: the resource.
            seen: is told each secret of the address before the driver does anything.

        Raises:
            GiveUp: there is no such driver. InvalidValue: the address names a secret that is not there.
            Any DeviceError of the driver.
        """
        session = await self._session(equipment)
        async with session.lock:
            try:
                driver = session.driver or await self._make(session, equipment)
                if seen is not None:
                    for secret in session.secrets:
                        seen(secret)
                if session.open and session.idle > TRUSTED and not await driver.alive():
                    await self._close(session)
                if not session.open:
                    await driver.open()
                    session.open = True
                yield driver
            except BaseException as error:
                if not isinstance(error, DeviceError) or isinstance(error, Unreachable | TimedOut | AuthFailed):
                    await self._close(session)
                if isinstance(error, AuthFailed):
                    session.driver = None
                    self.secrets.forget()
                raise
            finally:
                session.used = time.monotonic()

    async def _session(self, equipment: Equipment) -> _Session:
        session = self._sessions.get(equipment.id)
        if session is not None and session.address == equipment.address:
            return session
        if session is not None:
            await self._close(session)
        lock = self._shared[equipment.device] if equipment.device else asyncio.Lock()
        session = self._sessions[equipment.id] = _Session(equipment.address, lock)
        return session

    async def _make(self, session: _Session, equipment: Equipment) -> Driver:
        address = await self.secrets.resolve(equipment.name, equipment.address)
        session.secrets = tuple(value for value in address.values() if isinstance(value, Secret))
        session.driver = self._find(equipment.driver)(equipment.name, address)
        return session.driver

    async def _close(self, session: _Session) -> None:
        session.open = False
        if session.driver is None:
            return
        with contextlib.suppress(DeviceError, OSError):
            async with asyncio.timeout(CLOSING):
                await session.driver.close()

    async def close_idle(self, older: float) -> None:
        """Close what nobody has used for so many seconds; 0 closes everything that is free."""
        for key, session in list(self._sessions.items()):
            if session.idle >= older and not session.lock.locked():
                del self._sessions[key]
                await self._close(session)
