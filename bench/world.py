# SPDX-License-Identifier: Apache-2.0
"""Bookings for the bench, put straight into a store: thousands in a unit, due to the microsecond."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from preroll.domain.booking import Booking, NodeChoice, State, Timing
from preroll.domain.boundaries import retime
from preroll.domain.config import Limits, Platform, PlatformConfig
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.errors import NotFound
from preroll.domain.parameter import Parameter, ValueType
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.domain.usage import Need
from preroll.domain.window import SECOND
from preroll.ports.store import Store, Tx

HOUR = 3_600 * SECOND
UNIT = 500
"""Bookings in one transaction."""
PATHS = ("frequency", "rate")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be booked: one booking per instant, whose first event is due then; its others are an hour off."""

    instants: Sequence[int]
    script: str = ""
    """Name of the LSO script of every action; empty: nothing is to be run."""
    name: str = "bench"
    resources: int = 0
    """Simulated resources of each booking."""
    properties: Mapping[str, object] = field(default_factory=dict)
    bound: int = 100
    """LSO scripts at once."""


async def book(store: Store, plan: Plan) -> None:
    """Store the bookings, confirmed and armed."""
    platform = await store.write(lambda tx: _platform(tx, plan.bound))
    definition = await store.write(lambda tx: _definition(tx, platform, plan))
    pending = enumerate(plan.instants)
    while batch := list(islice(pending, UNIT)):

        def unit(tx: Tx, batch: list[tuple[int, int]] = batch) -> None:
            for number, due in batch:
                _booking(tx, platform, definition, plan, number, due)

        await store.write(unit)


def _platform(tx: Tx, bound: int) -> Platform:
    config = PlatformConfig(limits=Limits(simultaneous_lso=bound))
    try:
        found = tx.platforms.get("default")
    except NotFound:
        return tx.platforms.put(Platform("default", config=config))
    return tx.platforms.put(replace(found, config=config))


def _definition(tx: Tx, platform: Platform, plan: Plan) -> ServiceDefinition:
    if plan.resources:
        parameters = tuple(Parameter(path, ValueType.NUMBER) for path in PATHS)
        tx.catalogue.put_profile_definition(ProfileDefinition("bench", parameters, platform=platform.key))
        values = dict.fromkeys(PATHS, 1)
        tx.catalogue.put_profile_instance(ProfileInstance("bench", "bench", values, platform=platform.key))
    nodes = tuple(Node(f"node {i}", profile="bench", default_profile="bench") for i in range(plan.resources))
    states = ("STANDBY", "START", "PAUSE", "STOP") if plan.script else ()
    actions = dict.fromkeys(states, plan.script)
    return tx.catalogue.put_definition(
        ServiceDefinition(plan.name, nodes=nodes, actions=actions, platform=platform.key)
    )


def _booking(tx: Tx, home: Platform, definition: ServiceDefinition, plan: Plan, number: int, due: int) -> None:
    held = [
        tx.catalogue.put_resource(
            Resource(f"{plan.name}-{number}-{i}", address={"device": f"{plan.name}-{number}-{i}"}, platform=home.key)
        )
        for i in range(plan.resources)
    ]
    choices: dict[str, NodeChoice] = {
        node.label: NodeChoice(resource.id) for node, resource in zip(definition.nodes, held, strict=True)
    }
    timing = Timing(due + HOUR, due + 2 * HOUR, pre_roll=HOUR)
    booking = tx.bookings.add(
        Booking(
            key=0, id=tx.new_id(), platform=home.key, name=f"{plan.name} {number}", state=State.CONFIRMED,
            timing=timing, definition=definition.key, nodes=choices, properties=plan.properties,
            service_state="STOP", created_us=tx.now, created_by="bench", changed_us=tx.now,
        )
    )  # fmt: skip
    if held:
        tx.reservations.hold(booking, [Need(resource) for resource in held])
    tx.boundaries.upsert(retime([], booking.key, timing, armed=True))


def spaced(first_us: int, every_us: int, count: int) -> Iterator[int]:
    """So many instants, evenly spaced."""
    return (first_us + i * every_us for i in range(count))


def same(instant_us: int, count: int) -> Iterable[int]:
    """One instant, so many times."""
    return (instant_us,) * count
