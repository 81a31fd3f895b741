# SPDX-License-Identifier: Apache-2.0
"""The REST API as one application, built from values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from starlette.routing import BaseRoute

from preroll import __version__
from preroll.api import (
    actions,
    audits,
    automation,
    availability,
    bookings,
    catalogue,
    changes,
    definitions,
    free_busy,
    health,
    imports,
    metrics,
    night,
    openid,
    orders,
    platforms,
    problems,
    refitting,
    resources,
    runs,
    services,
    sessions,
    subscriptions,
    tokens,
    users,
    workers,
)
from preroll.api.door import Door, Scripts
from preroll.app import App
from preroll.gate.gates import BODY_LIMIT, LOOPBACK, BodyLimit, Counted, Counters, OwnHostOnly
from preroll.gate.guard import Guard
from preroll.gate.health import Health

DESCRIPTION = """\
Books resources over time and takes the service that they form on the air, and off again, on time.

Times are ISO 8601 with a zone, in whole seconds; answers are in UTC. Every error is a problem (RFC 9457). A change of
a booking may name the revision that it is made on (`If-Match`), and a command may carry an `Idempotency-Key`.
"""


def create_app(
    app: App,
    *,
    ready: Callable[[], Health] = lambda: Health(ready=True),
    scripts: Scripts = lambda: ((), ()),
    stopping: Callable[[], bool] = lambda: False,
    registry: CollectorRegistry | None = None,
    hosts: Collection[str] | None = LOOPBACK,
    body_limit: int = BODY_LIMIT,
    if_match_needed: bool = False,
    guard: Guard | None = None,
    counters: Counters | None = None,
) -> FastAPI:
    """The API on a set of use cases.

    Args:
        app: the use cases.
        ready: can the process do its work? Asked by ``/readyz``.
        scripts: what is installed, and what cannot be used.
        stopping: is the server going down? Open streams then end by themselves, within a second.
        registry: what ``/metrics`` prints.
        hosts: the names by which the server may be called, against DNS rebinding; None: any.
        body_limit: in bytes; a larger body is refused with 413.
        if_match_needed: a change without ``If-Match`` is refused with 428.
        guard: who tells who asks; None: people sign in as soon as there is an account.
        counters: of requests; None: new ones, in the registry.
    """
    api = _routes()
    api.state.door = Door(app, guard or Guard(app), ready, scripts, stopping, if_match_needed)
    api.state.registry = registry if registry is not None else CollectorRegistry()
    api.add_middleware(BodyLimit, limit=body_limit, refuse=problems.refused_at_the_gate)
    api.add_middleware(
        OwnHostOnly, hosts=None if hosts is None else frozenset(hosts), refuse=problems.refused_at_the_gate
    )
    api.add_middleware(Counted, counters=counters or Counters(api.state.registry))
    return api


@cache
def contract() -> dict[str, Any]:
    """The OpenAPI 3.1 description, as it is checked in at ``docs/reference/openapi.json``.

    All applications have the same routes: it is worked out once, and is to be read only.
    """
    return problems.describe(FastAPI.openapi(_routes()))


def _routes() -> FastAPI:
    api = FastAPI(
        title="Preroll",
        version=__version__,
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        routes=[*_nouns()],
    )
    problems.install(api)
    api.openapi = contract  # type: ignore[method-assign]
    return api


@cache
def _nouns() -> Sequence[BaseRoute]:
    """The routes of every noun; what they take and answer is worked out once, at their first request."""
    together = APIRouter(generate_unique_id_function=_operation_id)
    for noun in (
        bookings, orders, services, actions, refitting, availability, free_busy, audits, runs, changes, catalogue,
        imports, resources, automation, definitions, platforms, workers, night, sessions, openid, users, tokens,
        subscriptions, health, metrics,
    ):  # fmt: skip
        together.include_router(noun.router)
    return together.routes


def _operation_id(route: APIRoute) -> str:
    return route.name
