# SPDX-License-Identifier: Apache-2.0
"""What a route of any door needs: the use cases, and who asks.

All of it are coroutines, the shortest as well: any other function is called in a thread, which costs more than it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.routing import Match

from preroll.app import App
from preroll.domain.permission import Actor
from preroll.gate.guard import CSRF_FIELD, Caller, Guard, credential
from preroll.gate.health import Health

METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
"""Those that doors have routes for."""
A_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Door:
    """What every door is built from."""

    app: App
    guard: Guard
    ready: Callable[[], Health]


def door(request: Request) -> Door:
    """The door that the request came through."""
    found: Door = request.app.state.door
    return found


def methods_at(request: Request) -> list[str]:
    """What all routes of an address know together; the framework tells those of the first one."""
    asked = [(method, {**request.scope, "method": method}) for method in METHODS]
    return [m for m, scope in asked if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)]


async def use_cases(request: Request) -> App:
    """The use cases behind the door."""
    return door(request).app


async def caller(request: Request) -> Caller:
    """Whoever sent the request, as far as it says."""
    proof = ""
    if request.method == "POST" and request.headers.get("content-type", "").startswith(A_FORM):
        found = (await request.form()).get(CSRF_FIELD)
        proof = found if isinstance(found, str) else ""
    return Caller(door(request).guard, credential(request, proof))


async def actor(caller: Annotated[Caller, Depends(caller)]) -> Actor:
    """Who asks.

    Raises:
        NotSignedIn: nobody knows. NotPermitted: a page of another site may have sent it.
    """
    return await caller.actor()


UseCases = Annotated[App, Depends(use_cases)]
By = Annotated[Actor, Depends(actor)]
Calling = Annotated[Caller, Depends(caller)]
