# SPDX-License-Identifier: Apache-2.0
"""Service orders for the bench, put into a store by the hundred: due at one instant, or only requested."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from bench.world import PATHS
from preroll.app.order_placing import NOW, added
from preroll.domain.config import Platform
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.order import OrderItem, OrderKind
from preroll.domain.ordered import Order
from preroll.domain.parameter import Parameter, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.ports.store import Store, Tx

UNIT = 100
"""Orders in one transaction."""


async def due(store: Store, count: int) -> None:
    """So many orders, each of a service on a simulated resource of its own, Scheduled for now."""
    platform = await store.write(_catalogue)
    await _in_units(store, platform, count, lambda tx, order: added(tx, LOCAL, order, NOW))


async def requested(store: Store, count: int) -> None:
    """The same, as rows only: nothing is looked up, and nothing is held."""
    platform = await store.write(_catalogue)
    await _in_units(store, platform, count, lambda tx, order: tx.orders.add(order))


async def _in_units(store: Store, platform: int, count: int, place: Callable[[Tx, Order], object]) -> None:
    numbers = iter(range(count))
    while batch := list(islice(numbers, UNIT)):

        def unit(tx: Tx, batch: list[int] = batch) -> None:
            for order in _orders(tx, platform, batch):
                place(tx, order)

        await store.write(unit)


def _orders(tx: Tx, platform: int, numbers: list[int]) -> Iterator[Order]:
    for number in numbers:
        name = f"line {number}"
        tx.catalogue.put_resource(Resource(name, address={"device": name}, platform=platform))
        nodes = {"end": {"resource": name}}
        values = {"definition": "line", "name": name, "nodes": nodes}
        yield Order(name, platform, (OrderItem("1", OrderKind.PROVISION, "", values=values),), created_by="bench")


def _catalogue(tx: Tx) -> int:
    platform = tx.platforms.put(Platform("default")).key
    parameters = tuple(Parameter(path, ValueType.NUMBER) for path in PATHS)
    tx.catalogue.put_profile_definition(ProfileDefinition("bench", parameters, platform=platform))
    values = dict.fromkeys(PATHS, 1)
    tx.catalogue.put_profile_instance(ProfileInstance("bench", "bench", values, platform=platform))
    node = Node("end", profile="bench", default_profile="bench")
    tx.catalogue.put_definition(ServiceDefinition("line", nodes=(node,), platform=platform))
    return platform
