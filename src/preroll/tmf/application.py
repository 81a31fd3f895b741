# SPDX-License-Identifier: Apache-2.0
"""The TM Forum door as one application, built from values."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from preroll import __version__
from preroll.app import App
from preroll.gate.door import Door
from preroll.gate.gates import BODY_LIMIT, LOOPBACK, BodyLimit, Counted, Counters, OwnHostOnly
from preroll.gate.guard import Guard
from preroll.gate.health import Health
from preroll.ports.clock import Clock
from preroll.tmf import cancellations, inventory, ordering, problems
from preroll.tmf.contract import described
from preroll.tmf.hub_routes import hub_routes
from preroll.tmf.services import INVENTORY, ORDERING

DESCRIBED = "/tmf-api/openapi.json"
"""Where the description is."""


def create_tmf(
    app: App,
    clock: Clock,
    *,
    ready: Callable[[], Health] = lambda: Health(ready=True),
    hosts: Collection[str] | None = LOOPBACK,
    body_limit: int = BODY_LIMIT,
    guard: Guard | None = None,
    counters: Counters | None = None,
) -> FastAPI:
    """The TM Forum's APIs on a set of use cases.

    Args:
        app: the use cases.
        clock: says which start dates have passed.
        ready: can the process do its work?
        hosts: the names by which the server may be called, against DNS rebinding; None: any.
        body_limit: in bytes; a larger body is refused with 413.
        guard: who tells who asks; None: people sign in as soon as there is an account.
        counters: of requests; None: new ones that nobody reads.
    """
    door = _routes()
    door.state.door, door.state.clock = Door(app, guard or Guard(app), ready), clock
    refuse = problems.refused_at_the_gate
    door.add_middleware(BodyLimit, limit=body_limit, refuse=refuse)
    door.add_middleware(OwnHostOnly, hosts=None if hosts is None else frozenset(hosts), refuse=refuse)
    door.add_middleware(Counted, counters=counters or Counters(CollectorRegistry()))
    return door


def description() -> dict[str, Any]:
    """The door in OpenAPI 3.1; what is published is written in Swagger 2."""
    return _routes().openapi()


def _routes() -> FastAPI:
    door = FastAPI(
        title="Preroll, TM Forum", version=__version__, openapi_url=DESCRIBED, docs_url=None, redoc_url=None,
        description="TMF641 Service Ordering v4.1 and TMF638 Service Inventory v4.0.",
    )  # fmt: skip
    door.include_router(ordering.router, tags=["serviceOrder"])
    door.include_router(cancellations.router, tags=["cancelServiceOrder"])
    door.include_router(inventory.router, tags=["service"])
    for base, noun in ((ORDERING, "order"), (INVENTORY, "service")):
        door.include_router(hub_routes(base, noun), tags=["events subscription"])
    problems.install(door)
    found = door.openapi
    door.openapi = lambda: described(found())  # type: ignore[method-assign]
    return door
