# SPDX-License-Identifier: Apache-2.0
"""Use cases: one class a noun, one method an action, one unit a method. Doors call these and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from preroll.app.audits import Auditing
from preroll.app.availability import Availability
from preroll.app.bookings import Bookings
from preroll.app.catalogue import Catalogue, ScriptKinds
from preroll.app.definitions import Definitions
from preroll.app.free_busy import FreeBusy
from preroll.app.openid import OpenId
from preroll.app.orchestration import Orchestration
from preroll.app.platforms import Platforms
from preroll.app.resources import Resources
from preroll.app.sessions import Sessions
from preroll.app.tokens import Tokens
from preroll.app.users import NoPasswords, Users
from preroll.app.views import Views
from preroll.app.workers import Workers
from preroll.domain.account import SessionLimits
from preroll.ports.accounts import Passwords
from preroll.ports.scripts import ScriptRunner
from preroll.ports.store import Store

__all__ = ["App", "build"]


@dataclass(frozen=True, slots=True)
class App:
    """All use cases."""

    bookings: Bookings
    availability: Availability
    free_busy: FreeBusy
    audits: Auditing
    catalogue: Catalogue
    definitions: Definitions
    resources: Resources
    platforms: Platforms
    views: Views
    workers: Workers
    users: Users
    tokens: Tokens
    sessions: Sessions
    openid: OpenId
    orchestration: Orchestration


def build(
    store: Store,
    runner: ScriptRunner | None,
    passwords: Passwords | None = None,
    limits: SessionLimits = SessionLimits(),  # noqa: B008 - a value
) -> App:
    """The use cases on a store.

    Args:
        runner: without one (a process that only serves requests) nothing checks script names.
        passwords: without them nobody can sign in by name and password.
        limits: of sessions.
    """
    passwords = passwords or NoPasswords()
    sessions = Sessions(store, passwords, limits)
    installed: Callable[[], Collection[str] | None] = (
        (lambda: None) if runner is None else (lambda: {script.name for script in runner.installed()})
    )
    kinds: ScriptKinds = (
        (lambda: None) if runner is None else (lambda: {script.name: script.kind for script in runner.installed()})
    )
    availability = Availability(store)
    return App(
        bookings=Bookings(store, installed, availability.ways_out, availability.spare),
        availability=availability,
        free_busy=FreeBusy(store),
        audits=Auditing(store),
        catalogue=Catalogue(store, kinds),
        definitions=Definitions(store),
        resources=Resources(store),
        platforms=Platforms(store, installed),
        views=Views(store),
        workers=Workers(store),
        users=Users(store, passwords),
        tokens=Tokens(store),
        sessions=sessions,
        openid=OpenId(store, sessions, None, ()),
        orchestration=Orchestration(store, runner),
    )
