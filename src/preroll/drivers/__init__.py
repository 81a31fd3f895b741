# SPDX-License-Identifier: Apache-2.0
"""Machines: what speaks to a device. Drivers do not know each other, and are loaded only when one is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from preroll.sdk import DriverFactory

GROUP = "preroll.drivers"
"""The entry point group under which a package offers drivers: name -> ``module:attribute``."""

SHIPPED: dict[str, str] = {
    "sim": "preroll.drivers.sim:sim",
    "http": "preroll.drivers.http:http",
    "netconf": "preroll.drivers.netconf:netconf",
    "ssh": "preroll.drivers.ssh:ssh",
    "snmp": "preroll.drivers.snmp:snmp",
}
"""Kind of driver -> where its factory is."""


class Installed(Mapping[str, DriverFactory]):
    """The drivers of this machine by kind, shipped ones first; each is imported when it is first looked up."""

    def __init__(self, shipped: Mapping[str, str] = SHIPPED) -> None:
        found = {point.name: point for point in entry_points(group=GROUP)}
        self._points = found | {name: EntryPoint(name, place, GROUP) for name, place in shipped.items()}
        self._loaded: dict[str, DriverFactory] = {}

    def __getitem__(self, kind: str) -> DriverFactory:
        """The factory of a kind of driver.

        Raises:
            KeyError: no such driver is installed.
            ImportError: its package is broken, or lacks what it needs.
        """
        if kind not in self._loaded:
            point = self._points[kind]
            module = import_module(point.module)
            self._loaded[kind] = cast(DriverFactory, getattr(module, point.attr))
        return self._loaded[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._points)

    def __len__(self) -> int:
        return len(self._points)


__all__ = ["GROUP", "SHIPPED", "Installed"]
