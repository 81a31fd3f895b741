# SPDX-License-Identifier: Apache-2.0
"""The pages as one application, built from values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute

from preroll.app import App
from preroll.gate.gates import BODY_LIMIT, LOOPBACK, BodyLimit, Counted, Counters, OwnHostOnly
from preroll.gate.guard import Guard
from preroll.gate.health import Health
from preroll.web import problems
from preroll.web.door import Door
from preroll.web.files import FilesFirst, shipped
from preroll.web.live import Hub
from preroll.web.pages import (
    account,
    booking,
    booking_form,
    bookings,
    bulk,
    config,
    config_general,
    config_history,
    config_services,
    home,
    live,
    order,
    order_form,
    people,
    platforms,
    resources,
    service,
    signin,
    subscriptions,
    things,
    timeline,
    tokens,
)
from preroll.web.seal import Sealed
from preroll.web.shelf import Shelf

PAGES = (
    live,
    timeline,
    home,
    bookings,
    bulk,
    booking_form,
    booking,
    things,
    order_form,
    order,
    service,
    config,
    config_general,
    config_services,
    config_history,
    people,
    tokens,
    resources,
    platforms,
    subscriptions,
    signin,
    account,
)

LEVEL = 3
"""Of compression of a page: 5 makes it a fifteenth smaller and takes twice as long."""


def create_pages(
    app: App,
    *,
    ready: Callable[[], Health] = lambda: Health(ready=True),
    stopping: Callable[[], bool] = lambda: False,
    hosts: Collection[str] | None = LOOPBACK,
    body_limit: int = BODY_LIMIT,
    guard: Guard | None = None,
    counters: Counters | None = None,
    shelf: Shelf | None = None,
) -> FastAPI:
    """The pages on a set of use cases. Any process serves any request: nothing is kept of who looks.

    Args:
        app: the use cases.
        ready: can the process do its work?
        stopping: is the server going down? Open streams then end by themselves, within a second.
        hosts: the names by which the server may be called, against DNS rebinding; None: any.
        body_limit: in bytes; a larger body is refused with 413.
        guard: who tells who asks; None: people sign in as soon as there is an account.
        counters: of requests; None: new ones that nobody reads.
        shelf: of answers that many ask for; None: a new one.
    """
    pages = FastAPI(title="Preroll", openapi_url=None, docs_url=None, redoc_url=None, routes=[*_pages()])
    pages.state.door = Door(app, guard or Guard(app), ready, Hub(app, stopping), shelf or Shelf())
    problems.install(pages)
    refuse = problems.refused_at_the_gate
    pages.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=LEVEL)
    pages.add_middleware(BodyLimit, limit=body_limit, refuse=refuse)
    pages.add_middleware(OwnHostOnly, hosts=None if hosts is None else frozenset(hosts), refuse=refuse)
    pages.add_middleware(Counted, counters=counters or Counters(CollectorRegistry()))
    pages.add_middleware(Sealed)
    pages.add_middleware(FilesFirst, files=shipped())
    return pages


@cache
def _pages() -> Sequence[BaseRoute]:
    """The routes of every page; what they take is worked out once, at their first request."""
    together = APIRouter()
    for page in PAGES:
        together.include_router(page.router)
    return together.routes
