# SPDX-License-Identifier: Apache-2.0
"""The network of the demo: two NETCONF devices whose commits make circuits between two sites, and what books them."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Self

from preroll.audits.throughput import Throughput
from preroll.demo.namespaces import Namespaces, NotHere
from preroll.demo.plane import DEVICES, PORTS, Circuit, Plane, side
from preroll.demo.relay import Relay
from preroll.demo.world import HERE, Unavailable
from preroll.sdk import Audit, watch

if TYPE_CHECKING:
    from preroll.testing.netconf_device import NetconfDevice
    from preroll.testing.netconf_tree import Element

SECRET = "CIRCUIT"  # noqa: S105 - the name of one
"""Under this name the devices' password is referred to."""
NAMESPACE = "urn:demo:circuit"
KEYS = {"circuit": ("port",)}
LIMITS = {"port": {"minimum": 1, "maximum": PORTS}, "rate-kbit": {"minimum": 64, "maximum": 10_000}}
AGAIN = 0.1
"""Seconds after which somebody who is told that a device is locked tries again."""
LOOKS = 4.0
"""Seconds in which a further look at what gets through may begin."""
Configured = Mapping[int, int]
"""What a device is configured to carry: port -> kbit/s."""


class Network:
    """Two devices and two sites on this machine: ``async with Network(directory) as network``.

    Args:
        root: bundle and tools are written below it.
        plane: who carries the traffic; None: namespaces, or where there are none the relay.
    """

    def __init__(self, root: Path, plane: Plane | None = None) -> None:
        self._root, self._given = root, plane
        self.bundle = root / "bundle"
        self.devices: dict[str, NetconfDevice] = {}
        self._plane: Plane | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        require_parts()
        from preroll.testing.netconf_device import NetconfDevice

        try:
            self._plane = await self._opened()
            for name in DEVICES:
                carry = partial(self._committed, name)
                device = NetconfDevice(keys=KEYS, limits=LIMITS, check=_checked, on_commit=carry)
                self.devices[name] = await self._stack.enter_async_context(device)
            self._write_bundle()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    @property
    def what(self) -> str:
        """Who carries the traffic, in a line; empty: nobody has entered this network."""
        return self._plane.what if self._plane else ""

    @property
    def plane(self) -> Plane:
        """Who carries the traffic."""
        assert self._plane is not None  # noqa: S101 - the network was entered
        return self._plane

    @property
    def environment(self) -> Mapping[str, str]:
        """What the server needs to know: the devices' password and, first in its path, the ping of the near site."""
        known = {f"PREROLL_SECRET_{SECRET}": device.password for device in self.devices.values()}
        if self._plane and self._plane.tools:
            known["PATH"] = f"{self._plane.tools}:{os.environ.get('PATH', os.defpath)}"
        return known

    def choice(self, port: int, kbit: int) -> dict[str, dict[str, Any]]:
        """What a booking of *Circuit* chooses for its nodes."""
        chosen = {label: f"{device} port {port}" for label, device in zip(("near", "far"), DEVICES, strict=True)}
        return {
            label: {"resource": name, "profile": name, "values": {"rate-kbit": kbit}} for label, name in chosen.items()
        }

    async def measure(self, port: int, kbit: int, *, within: float = LOOKS) -> Audit:
        """What gets through a circuit now, seen from the near site; a machine that is busy gets a further look."""
        rate = Throughput("127.0.0.1", self.plane.doors[port], kbit, tolerance=0.3, seconds=1.0)
        return await watch(rate, within=within, now=time.monotonic, pause=asyncio.sleep)

    def configured(self) -> dict[str, Configured]:
        """Device -> what is in force on it."""
        return {
            name: {int(row["port"]): int(row["rate-kbit"]) for row in device.entries("circuit")}
            for name, device in self.devices.items()
        }

    async def tamper(self, device: str, port: int, kbit: int) -> None:
        """Somebody changes the rate of a circuit on one device, by hand."""
        rate = f"<circuit><port>{port}</port><rate-kbit>{kbit}</rate-kbit></circuit>"
        stores = self.devices[device].stores
        while stores.locks or stores.pending:  # a commit would take back what is changed beneath it
            await asyncio.sleep(AGAIN)
        await self.devices[device].put(f'<circuits xmlns="{NAMESPACE}">{rate}</circuits>')

    async def _opened(self) -> Plane:
        if self._given is not None:
            return await self._entered(self._given)
        try:
            return await self._entered(Namespaces(self._root))
        except NotHere as why:
            return await self._entered(Relay(str(why)))

    async def _entered(self, plane: Plane) -> Plane:
        return await self._stack.enter_async_context(plane)

    async def _committed(self, device: str, config: Element) -> None:
        """The data plane of a device: what it is configured to carry, it carries."""
        await self.plane.carry(device, {circuit.port: circuit for circuit in _circuits(config)})

    def _write_bundle(self) -> None:
        pinged = self.plane.tools is not None
        service = Template((HERE / "bundle" / "circuit.yaml").read_text())
        self._write("circuit", service.substitute(PINGED if pinged else ENTERED))
        port = Template((HERE / "bundle" / "port.yaml").read_text())
        for name, device in self.devices.items():
            for n in range(1, PORTS + 1):
                at = side(name, n)
                filled = port.substitute(
                    n=n, device=name, netconf=device.port, username=device.username,
                    host_key=device.address["host_key"], door=self.plane.doors[n], pinged=str(pinged).lower(),
                    customer=at.site[2], gateway=at.site[1], remote=at.remote, next_hop=at.next_hop,
                )  # fmt: skip
                self._write(f"{name}-port-{n}", filled)

    def _write(self, name: str, text: str) -> None:
        file = self.bundle / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


PINGED = {"reach": "ping", "where": '{host: "${far.properties.customer}", patience: 0.5}'}
"""How the near site asks for the far one."""
ENTERED = {"reach": "tcp", "where": '{host: 127.0.0.1, port: "${near.properties.door}"}'}
"""And how through the relay."""


def _circuits(config: Element) -> list[Circuit]:
    from preroll.testing.netconf_device import entries

    return [Circuit.of(row) for row in entries(config, "circuit")]


def _checked(config: Element) -> None:
    """Every circuit is complete, and its leaves are what they should be. Raises Invalid."""
    from preroll.testing.netconf_device import Invalid, entries

    kinds: dict[str, Callable[[str], object]] = {
        "address": ipaddress.IPv4Interface, "remote": ipaddress.IPv4Network, "next-hop": ipaddress.IPv4Address,
        "rate-kbit": int,
    }  # fmt: skip
    for row in entries(config, "circuit"):
        for leaf, kind in kinds.items():
            try:
                kind(row[leaf])
            except (KeyError, ValueError) as wrong:
                where = f"/circuits/circuit[port='{row.get('port', '')}']/{leaf}"
                raise Invalid(where, "is missing" if isinstance(wrong, KeyError) else str(wrong)) from None


def require_parts() -> None:
    """Raises Unavailable when what the devices or their driver need is not installed."""
    missing = [module for module in ("asyncssh", "lxml", "ncclient") if not find_spec(module)]
    if missing:
        raise Unavailable(f"not installed: {', '.join(missing)}; install preroll[demo]")
