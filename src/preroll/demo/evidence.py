# SPDX-License-Identifier: Apache-2.0
"""What the demo has seen: the change log, the journal, and what the nodes say of themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from preroll.client import AsyncClient, calls, orders
from preroll.client.orders import Order, OrderPlan, Service
from preroll.client.things import Booking, Change, Round, Run, Step
from preroll.demo.cast import BOTH, LINKS, PLATFORM, Half
from preroll.demo.network import Configured
from preroll.demo.world import World
from preroll.sdk import Audit


@dataclass(frozen=True, slots=True)
class Record:
    """All that Preroll tells of a booking."""

    booking: Booking
    changes: list[Change]
    runs: list[Run]

    @property
    def states(self) -> tuple[str, ...]:
        """Its life cycle states, in order."""
        return tuple(c.after for c in self.changes if c.kind in ("booking.created", "booking.state"))

    def runs_of(self, kind: str) -> list[Run]:
        """The runs of one of its events, the first try first."""
        return sorted((r for r in self.runs if r.kind == kind), key=lambda r: r.retry)

    @property
    def finished(self) -> datetime | None:
        """When somebody asked that it ends now."""
        return next((c.at for c in self.changes if c.kind == "booking.finished"), None)


@dataclass(frozen=True, slots=True)
class Node:
    """What a node said of itself at one moment."""

    pid: int | None
    """Of its FFmpeg."""
    restarts: int
    activations: int
    """How often it has put values into force."""
    orders: tuple[str, ...]
    """Idempotency keys of what it was sent."""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Node:
        """From its ``/status``."""
        return cls(said["pid"], said["restarts"], said["activations"], tuple(said["orders"]))


@dataclass(frozen=True, slots=True)
class Crash:
    """A run that was under way when the engine was killed, and the step that it was taking."""

    run: Run
    step: Step


@dataclass(frozen=True, slots=True)
class Outage:
    """The engine was killed, and started again."""

    killed: datetime
    ready: datetime
    before: Mapping[str, Node]
    after: Mapping[str, Node]
    """When it is about to be started again."""
    crashes: list[Crash]
    picture: Audit | None = None
    """Of what was on the air, looked at while the engine was dead."""
    circuit: Audit | None = None
    """Of the circuit that was up, measured while the engine was dead."""


@dataclass(frozen=True, slots=True)
class Harm:
    """A device was broken when a circuit was booked over it and another one."""

    before: Mapping[str, Configured]
    """Device -> what it was configured to carry before the booking."""
    after: Mapping[str, Configured]
    """And when the booking had come up, or failed."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An order was checked: the plan that was made, and what the devices were configured to carry before and after."""

    plan: OrderPlan | None
    before: Mapping[str, Configured]
    after: Mapping[str, Configured]


@dataclass(frozen=True, slots=True)
class Ordered:
    """All that Preroll tells of an order."""

    order: Order
    changes: list[Change]
    runs: list[Run]

    @property
    def states(self) -> tuple[str, ...]:
        """Its states, in order."""
        return tuple(c.after for c in self.changes if c.kind in ("order.created", "order.state"))


@dataclass(slots=True)
class Evidence:
    """Everything that the verdicts are made from."""

    records: dict[str, Record] = field(default_factory=dict)
    """By the booking's name."""
    outages: list[Outage] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    """At the end, by name."""
    resources: dict[str, str] = field(default_factory=dict)
    """Id -> name."""
    refusal: str = ""
    """What was said to the booking that wanted resources which another one held."""
    halves: frozenset[Half] = BOTH
    """What was told."""
    plane: str = ""
    """Who carried the circuits' traffic."""
    harms: dict[str, Harm] = field(default_factory=dict)
    """By the name of the booking that was hit."""
    rounds: dict[str, list[Round]] = field(default_factory=dict)
    """The audits of the circuits, by the booking's name, the oldest first."""
    steady: list[Round] = field(default_factory=list)
    """What was found of the circuit that was up, after each fault of a device."""
    left: Mapping[str, Configured] = field(default_factory=dict)
    """What the devices of the circuits were configured to carry at the end."""
    orders: dict[str, Ordered] = field(default_factory=dict)
    """The orders of the line, by name."""
    checked: Checked | None = None
    """Of the order that made it."""
    looks: dict[str, Round] = field(default_factory=dict)
    """What was found of the line: by the order that it was looked at after, and ``kept`` and ``tampered``."""
    kept: Service | None = None
    """The line when a change of it had failed."""
    cleared: Audit | None = None
    """What got through when it was taken away."""
    incidents: list[str] = field(default_factory=list)
    """What did not go as the story has it."""
    tempo: float = 1.0
    closed: datetime | None = None

    @property
    def orchestrated(self) -> list[Record]:
        """The bookings of which anything ran."""
        return [record for record in self.records.values() if record.runs]


async def gather(into: Evidence, client: AsyncClient, world: World) -> None:
    """Read all that is needed for the verdicts."""
    listed = [b async for b in client.each(calls.list_bookings(platform=PLATFORM))]
    into.records = {b.name: await record(client, b.id) for b in listed}
    call = calls.list_catalogue("resources", platform=PLATFORM)
    into.resources = {r["id"]: r["name"] async for r in client.each(call)}
    into.nodes = await nodes(world, world.nodes)
    async for found in client.each(orders.list_orders(platform=PLATFORM)):
        into.orders[found.name] = await ordered(client, found.id)
    for link in LINKS:
        if link.name in into.records:
            audits = await client.send(calls.booking_audits(into.records[link.name].booking.id))
            into.rounds[link.name] = audits.rounds[::-1]


async def record(client: AsyncClient, ident: str) -> Record:
    """All that Preroll tells of a booking."""
    return Record(
        await client.send(calls.get_booking(ident)),
        await client.send(calls.booking_changes(ident)),
        await client.send(calls.booking_runs(ident)),
    )


async def ordered(client: AsyncClient, ident: str) -> Ordered:
    """All that Preroll tells of an order."""
    return Ordered(
        await client.send(orders.get_order(ident)),
        await client.send(orders.order_changes(ident)),
        await client.send(orders.order_runs(ident)),
    )


async def crashes(client: AsyncClient) -> list[Crash]:
    """The steps that are under way now: what a kill would crash."""
    entering = [b.id async for b in client.each(calls.list_bookings(platform=PLATFORM)) if b.entering]
    runs = [run for ident in entering for run in await client.send(calls.booking_runs(ident))]
    return [Crash(run, step) for run in runs for step in run.steps if step.state == "begun"]


async def nodes(world: World, names: Iterable[str]) -> dict[str, Node]:
    """What these nodes say of themselves now."""
    return {name: Node.of(await world.status(name)) for name in names}
