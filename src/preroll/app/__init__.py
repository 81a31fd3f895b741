# SPDX-License-Identifier: Apache-2.0
"""Use cases: one class a noun, one method an action, one unit a method. Doors call these and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from preroll.app.audits import Auditing
from preroll.app.automation import Automation
from preroll.app.availability import Availability
from preroll.app.bookings import Bookings
from preroll.app.catalogue import Catalogue
from preroll.app.definitions import Definitions
from preroll.app.free_busy import FreeBusy
from preroll.app.housekeeping import Housekeeping
from preroll.app.lists import Lists
from preroll.app.live import Live
from preroll.app.night import Nights
from preroll.app.openid import OpenId
from preroll.app.orchestration import Orchestration
from preroll.app.order_questions import OrderQuestions
from preroll.app.ordered_views import OrderedViews
from preroll.app.orders import Orders
from preroll.app.platforms import Platforms
from preroll.app.proposals import Proposals
from preroll.app.resources import Resources
from preroll.app.service_audits import ServiceAudits
from preroll.app.service_watch import ServiceWatch
from preroll.app.services import Services
from preroll.app.sessions import Sessions
from preroll.app.subscriptions import NoOutbox, Subscriptions
from preroll.app.taking_over import TakingOver
from preroll.app.timeline import Timeline
from preroll.app.tokens import Tokens
from preroll.app.users import NoPasswords, Users
from preroll.app.views import Views
from preroll.app.workers import Workers
from preroll.domain.account import SessionLimits
from preroll.ports.accounts import Passwords
from preroll.ports.outbox import Outbox
from preroll.ports.scripts import ScriptKinds, ScriptRunner
from preroll.ports.store import Store

__all__ = ["App", "build"]


@dataclass(frozen=True, slots=True)
class App:
    """All use cases."""

    bookings: Bookings
    lists: Lists
    timeline: Timeline
    live: Live
    availability: Availability
    free_busy: FreeBusy
    audits: Auditing
    automation: Automation
    catalogue: Catalogue
    definitions: Definitions
    resources: Resources
    platforms: Platforms
    proposals: Proposals
    views: Views
    workers: Workers
    nights: Nights
    orders: Orders
    order_questions: OrderQuestions
    taking_over: TakingOver
    services: Services
    service_audits: ServiceAudits
    service_watch: ServiceWatch
    ordered: OrderedViews
    users: Users
    tokens: Tokens
    subscriptions: Subscriptions
    sessions: Sessions
    openid: OpenId
    orchestration: Orchestration
    housekeeping: Housekeeping


def build(
    store: Store,
    runner: ScriptRunner | None,
    passwords: Passwords | None = None,
    limits: SessionLimits = SessionLimits(),  # noqa: B008 - a value
    outbox: Outbox | None = None,
) -> App:
    """The use cases on a store.

    Args:
        runner: without one (a process that only serves requests) nothing checks script names.
        passwords: without them nobody can sign in by name and password.
        limits: of sessions.
        outbox: without one no subscription can be made or tried.
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
        lists=Lists(store),
        timeline=Timeline(store),
        live=Live(store),
        availability=availability,
        free_busy=FreeBusy(store),
        audits=Auditing(store),
        automation=Automation(store),
        catalogue=Catalogue(store, kinds),
        definitions=Definitions(store),
        resources=Resources(store),
        platforms=Platforms(store, kinds),
        proposals=Proposals(store),
        views=Views(store),
        workers=Workers(store),
        nights=Nights(store, installed, (lambda: ()) if runner is None else runner.broken),
        orders=Orders(store),
        order_questions=OrderQuestions(store),
        taking_over=TakingOver(store),
        services=Services(store),
        service_audits=ServiceAudits(store),
        service_watch=ServiceWatch(store),
        ordered=OrderedViews(store),
        users=Users(store, passwords, limits),
        tokens=Tokens(store),
        subscriptions=Subscriptions(store, outbox or NoOutbox()),
        sessions=sessions,
        openid=OpenId(store, sessions, None, ()),
        orchestration=Orchestration(store, runner),
        housekeeping=Housekeeping(store),
    )
