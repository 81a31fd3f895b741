# SPDX-License-Identifier: Apache-2.0
"""A small studio for tests of the pages: decoders and encoders, one service of both, and bookings of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from preroll.app import App
from preroll.app.edits import NewBooking
from preroll.app.views import BookingDetails
from preroll.domain.booking import Booking, NodeChoice, State, Timing
from preroll.domain.boundaries import STANDARD, Boundary, BoundaryState
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.function import Function
from preroll.domain.parameter import Parameter, ParameterKind, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.domain.window import HOUR, MINUTE
from preroll.ports.store import Tx
from preroll.store import SqlStore
from tests.api.conftest import NOON

START = NOON + HOUR
"""14:00 on the clocks of Brussels, on 1 March 2026."""
FAILS = dict(
    zip(
        STANDARD,
        (State.FAILED_PRE_ROLL, State.FAILED_ACTIVE, State.FAILED_POST_ROLL, State.FAILED_COMPLETED),
        strict=True,
    )
)
"""What a booking is once that event of it has failed."""
NASTY = "<img src=x onerror=alert(1)>\"'&"
BITRATE = Parameter("bitrate", ValueType.NUMBER, unit="Mbit/s", minimum=1, kinds=(ParameterKind.CAPACITY,))
MODE = Parameter("mode", ValueType.DISCRETE, choices=("fast", "safe"))
CATALOGUE = (
    Function("decoder"),
    Function("encoder"),
    ProfileDefinition("Decode", (BITRATE, MODE)),
    ProfileInstance("HD", "Decode", {"bitrate": 10, "mode": "fast"}),
    ProfileInstance("UHD", "Decode", {"bitrate": 30}),
    Resource("Decoder 1", function="decoder", capacities={"bitrate": 40}, concurrency=2),
    Resource("Decoder 2", function="decoder", capacities={"bitrate": 20}, priority=1),
    Resource("Encoder 1", function="encoder"),
    Resource("Encoder 2", function="encoder", priority=1),
    ServiceDefinition(
        "Contribution",
        nodes=(
            Node("Source", "decoder", profile="Decode", default_profile="HD", order=1),
            Node("Sink", "encoder", order=2),
            Node("Monitor", "encoder", optional=True, order=3),
        ),
        actions=dict.fromkeys(("STANDBY", "START", "PAUSE", "STOP"), "configure"),
    ),
)

HOSTILE = (
    Function(f"{NASTY} function"),
    ProfileDefinition(f"{NASTY} profile", (replace(MODE, name=f"{NASTY} mode", choices=(NASTY, "safe")),)),
    ProfileInstance(f"{NASTY} instance", f"{NASTY} profile"),
    Resource(f"{NASTY} resource", function=f"{NASTY} function", pools=(f"{NASTY} pool",)),
    Resource(f"{NASTY} other", function=f"{NASTY} function", priority=1),
    ServiceDefinition(
        f"{NASTY} service",
        nodes=(Node(f"{NASTY} node", f"{NASTY} function", profile=f"{NASTY} profile"),),
        actions={f"{NASTY} state": "configure"},
    ),
)
"""A catalogue with markup in every name."""


async def furnish(app: App, *more: Any) -> None:
    """Put the studio on the platform."""
    await app.catalogue.apply(LOCAL, "default", [*CATALOGUE, *more])


async def book_hostile(app: App, name: str, start: int) -> BookingDetails:
    """Book the service with markup in every name."""
    nodes = {f"{NASTY} node": NodeChoice(f"{NASTY} resource", f"{NASTY} instance", {f"{NASTY} mode": NASTY})}
    timing, properties = Timing(start, start + HOUR), {f"{NASTY} property": NASTY}
    new = NewBooking(name, timing, definition=f"{NASTY} service", nodes=nodes, properties=properties)
    return await app.bookings.create(LOCAL, new)


async def book(
    app: App, name: str = "News", start: int = START, nodes: Mapping[str, str] | None = None, **more: Any
) -> BookingDetails:
    """Book the service for an hour; with no nodes, as it chooses by itself."""
    chosen = {label: NodeChoice(resource) for label, resource in (nodes or {}).items()}
    timing = Timing(start, start + HOUR, 5 * MINUTE, 5 * MINUTE)
    new = NewBooking(name, timing, definition="Contribution", nodes=chosen, **more)
    return await app.bookings.create(LOCAL, new)


async def running(
    store: SqlStore, found: BookingDetails, state: State = State.ACTIVE, *, began: bool = True, not_reset: bool = False
) -> Booking:
    """Have a booking run, or be in whatever state, without an engine."""

    def unit(tx: Tx) -> Booking:
        before = tx.bookings.get(found.booking.id)
        version = before.state_version + 1
        after = replace(before, state=state, began=began, not_reset=not_reset, state_version=version)
        tx.bookings.put(after, seen=before)
        if kind := next((one for one, failed in FAILS.items() if failed is state), None):
            tx.boundaries.upsert([Boundary(0, before.key, kind, tx.now, BoundaryState.FAILED)])
        return after

    return await store.write(unit)
