# SPDX-License-Identifier: Apache-2.0
"""A depot for tests of the pages of orders: lines of two encoders, simulated, and a server that deploys them."""

from __future__ import annotations

from pathlib import Path

from preroll.app import App
from preroll.app.orders import NewOrder
from preroll.domain.audit import AuditSpec, OnUnknown
from preroll.domain.config import Platform
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.order import OrderItem, OrderKind
from preroll.domain.parameter import Parameter, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.drivers.sim import FileWorld

OFF = {"video.bitrate": 0, "video.input": "none"}
ENCODING = ProfileDefinition(
    "Encoding",
    (
        Parameter("bitrate", ValueType.NUMBER, path="video.bitrate", unit="Mbit/s", minimum=0, default=0),
        Parameter("input", ValueType.TEXT, path="video.input", default="none"),
    ),
)
LINE = ServiceDefinition(
    "Line",
    nodes=(
        Node("A", profile="Encoding", default_profile="HD", order=1),
        Node("B", profile="Encoding", default_profile="HD", order=2),
    ),
    audits=(AuditSpec("config", "config", unknown=OnUnknown.PENDING),),
)


def devices(folder: Path, count: int = 6) -> FileWorld:
    """Encoders that are off."""
    world = FileWorld(folder / "world")
    for number in range(1, count + 1):
        world.introduce(f"enc-{number}", OFF)
    return world


async def furnish(app: App, folder: Path, count: int = 6) -> None:
    """Put the lines and their encoders on the platform."""
    await app.platforms.put(LOCAL, Platform("default", zone="Europe/Brussels"))
    address = {"world": str(folder / "world"), "timeout": 2.0}
    names = [f"enc-{number}" for number in range(1, count + 1)]
    encoders = [Resource(name, address={"device": name, **address}) for name in names]
    hd = ProfileInstance("HD", "Encoding", {"bitrate": 8, "input": "SDI 1"})
    await app.catalogue.apply(LOCAL, "default", [*encoders, ENCODING, hd, LINE])


async def order(app: App, name: str, *ends: str, **values: object) -> str:
    """Order a line between two encoders; its id."""
    nodes = dict(zip("AB", ({"resource": end} for end in ends), strict=False))
    said = {"definition": "Line", "name": name, "nodes": nodes, **values}
    item = OrderItem("line", OrderKind.PROVISION, "", values=said)
    return (await app.orders.create(LOCAL, NewOrder("default", f"Order {name}", (item,)))).order.id
