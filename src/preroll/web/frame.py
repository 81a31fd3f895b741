# SPDX-License-Identifier: Apache-2.0
"""What is around every page: who looks, at which platform, in which zone; and how a template becomes an answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse

from preroll.domain.config import Platform
from preroll.domain.permission import PERMISSIONS, Actor, Role
from preroll.gate.door import caller
from preroll.gate.guard import Caller, Way, csrf_of
from preroll.web.appearance import wished
from preroll.web.door import Door, door
from preroll.web.shelf import FRESH_S
from preroll.web.templating import render

REMEMBERS = "preroll_platform"
"""Cookie with the platform that was looked at last."""
YEAR_S = 31_536_000
NAVIGATION = (
    ("/", "Tonight"), ("/bookings", "Bookings"), ("/orders", "Orders"), ("/services", "Services"),
    ("/resources", "Resources"),
    ("/config", "Config"), ("/people", "People"),
)  # fmt: skip
"""Path -> name of what the header leads to."""
Named = Annotated[str, Query(max_length=200)]
"""A platform, by its name; empty: the one that was looked at last."""
FOR_ADMINS = frozenset({"/people"})
"""Of these: what only an admin everywhere is led to."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What is around a page."""

    request: Request
    door: Door
    calling: Caller
    """Whoever sent the request."""
    by: Actor
    """Who that is."""
    platforms: tuple[Platform, ...]
    """All that the actor sees."""
    platform: Platform
    """The one that is looked at."""
    csrf: str
    position: str
    """In the change log, before anything of the page was read."""
    needing: str = ""
    """How many of what is there need somebody; of a part of a page it is not known."""

    @property
    def zone(self) -> str:
        """The zone in which times are told."""
        return self.platform.zone

    @property
    def partial(self) -> bool:
        """Is only a part of the page asked for?"""
        return self.request.headers.get("hx-request") == "true"

    @property
    def navigation(self) -> list[tuple[str, str]]:
        """What the header leads to."""
        admin = Role.ADMIN in self.by.roles
        return [(path, name) for path, name in NAVIGATION if admin or path not in FOR_ADMINS]

    def may(self, action: str) -> bool:
        """May the actor do this on the platform? What it may not do is not offered; the use case decides."""
        held = self.by.roles_on(self.platform.key)
        return Role.ADMIN in held or bool(held & PERMISSIONS.get(action, frozenset()))

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A whole page: a template that extends ``base.html``."""
        response = self.part(template, status, **values)
        response.set_cookie(REMEMBERS, self.platform.name.encode().hex(), YEAR_S, samesite="lax", httponly=True)
        return response

    def part(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A part of a page: a template whose name begins with ``_``."""
        around = {
            "frame": self,
            "wished": wished(self.request),
            "zone": self.zone,
            "navigation": self.navigation,
            "path": self.request.url.path,
        }
        return HTMLResponse(render(template, {**around, **values}), status, {"Cache-Control": "no-store"})


async def bare(request: Request, platform: Named = "") -> Frame:
    """Who asks, and for which platform: all that is needed where no header is shown.

    Raises:
        NotSignedIn. NotFound: there is no such platform, or the actor does not see it.
    """
    return await _around(request, platform, whole=False)


BareFrame = Annotated[Frame, Depends(bare)]


async def frame(request: Request, platform: Named = "") -> Frame:
    """What is around the page that is asked for."""
    return await _around(request, platform, whole=request.headers.get("hx-request") != "true")


async def _around(request: Request, platform: str, *, whole: bool) -> Frame:
    """It looks for itself, once: a chain of small dependencies costs more than what they find."""
    through, calling = await door(request), await caller(request)
    by = await calling.actor()
    around = await through.app.lists.around(by, platform, _remembered(request))
    said = calling.credential
    csrf = csrf_of(said.secret) if said.way is Way.SESSION else ""
    made = Frame(request, through, calling, by, around.platforms, around.platform, csrf, around.position)
    return replace(made, needing=await needing(made)) if whole and made.platform.key else made


async def needing(frame: Frame) -> str:
    """How many of what is on the platform need somebody; made once for all who see the same."""
    by, home = frame.by, frame.platform

    async def make() -> bytes:
        return str(await frame.door.app.nights.needing(by, home.name)).encode()

    key = ("needing", by.sight, home.key, frame.position)
    return (await frame.door.shelf.get(key, make, FRESH_S)).plain.decode()


def _remembered(request: Request) -> str:
    """The platform of last time; empty: it is not known."""
    try:
        return bytes.fromhex(request.cookies.get(REMEMBERS, "")).decode()
    except ValueError:
        return ""


TheFrame = Annotated[Frame, Depends(frame)]
