# SPDX-License-Identifier: Apache-2.0
"""The REST API as one application, built from values."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry

from preroll import __version__
from preroll.api import (
    actions,
    audits,
    availability,
    bookings,
    catalogue,
    changes,
    definitions,
    free_busy,
    health,
    imports,
    metrics,
    openid,
    platforms,
    problems,
    refitting,
    resources,
    runs,
    sessions,
    tokens,
    users,
    workers,
)
from preroll.api.door import Door, Scripts
from preroll.api.gates import BodyLimit, Counted, OwnHostOnly
from preroll.api.guard import FRESH_S, Guard
from preroll.api.health import Health
from preroll.app import App
from preroll.domain.account import SignIn

BODY_LIMIT = 10_000_000
"""Bytes of a request's body, if nothing else is set."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")

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
    sign_in: SignIn = SignIn.AUTO,
    fresh_s: float = FRESH_S,
) -> FastAPI:
    """The API on a set of use cases.

    Args:
        app: the use cases.
        ready: can the process do its work? Asked by ``/readyz``.
        scripts: what is installed, and what cannot be used.
        stopping: is the server going down? Open streams then end by themselves, within a second.
        registry: what ``/metrics`` prints; the API's own counters are added to it.
        hosts: the names by which the server may be called, against DNS rebinding; None: any.
        body_limit: in bytes; a larger body is refused with 413.
        if_match_needed: a change without ``If-Match`` is refused with 428.
        sign_in: must people sign in?
        fresh_s: seconds for which it is remembered who a token or a session is.
    """
    api = _routes()
    api.state.door = Door(app, ready, scripts, stopping, if_match_needed, Guard(app, sign_in, fresh_s))
    api.state.registry = registry if registry is not None else CollectorRegistry()
    api.add_middleware(BodyLimit, limit=body_limit)
    api.add_middleware(OwnHostOnly, hosts=None if hosts is None else frozenset(hosts))
    api.add_middleware(Counted, registry=api.state.registry)
    return api


def contract() -> dict[str, Any]:
    """The OpenAPI 3.1 description, as it is checked in at ``docs/reference/openapi.json``."""
    return _routes().openapi()


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
    )
    for noun in (
        bookings, actions, refitting, availability, free_busy, audits, runs, changes, catalogue, imports, resources,
        definitions, platforms, workers, sessions, openid, users, tokens, health, metrics,
    ):  # fmt: skip
        api.include_router(noun.router)
    problems.install(api)
    describe = api.openapi
    api.openapi = lambda: problems.describe(describe())  # type: ignore[method-assign]
    return api


def _operation_id(route: APIRoute) -> str:
    return route.name
