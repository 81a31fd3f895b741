# SPDX-License-Identifier: Apache-2.0
"""Service orders and services: the calls, and what they answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import NoneType
from typing import Any
from urllib.parse import quote

from preroll.client.calls import API, Call, Length, Moment
from preroll.client.things import Action, Audits, Change, Known, Line, Page, Run


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """A service order in a list."""

    id: str
    name: str
    platform: str
    state: str
    hold: str | None
    """Why one that is due does not begin."""
    due: datetime | None
    together: str
    priority: int
    external: str
    why: str
    revision: int
    created: datetime
    created_by: str
    changed: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """One item of an order, and where it is."""

    name: str
    kind: str
    service: str
    base: int | None
    after: list[str]
    values: dict[str, Any]
    state: str
    message: str
    needs: list[str] | None = None
    """Ids of the services that must be Deployed first; None: those that its service needs already."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a plan would change on one device: path, before, after."""

    resource: str
    changes: list[tuple[str, Any, Any]]


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """What an order would do, as its last good check saw it."""

    hash: str
    empty: bool
    at: datetime
    devices: list[Planned]


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody has let an order be deployed."""

    by: str
    at: datetime
    plan: str


@dataclass(frozen=True, slots=True)
class Question:
    """A device of which nothing tells whether it has the old or the new."""

    node: str
    device: str
    about: str


@dataclass(frozen=True, slots=True)
class Order(OrderSummary):
    """A service order with all that is known of it."""

    items: list[Item]
    phase: str | None
    """How far one In Progress is."""
    checking: bool
    canceling: bool
    plan: OrderPlan | None
    approvals: list[Approval]
    unapproved: bool
    attempt: int
    residue: dict[str, str]
    """Node -> what is left on its device."""
    run: str
    questions: list[Question]
    """What it asks an operator before it goes on."""
    answer_by: datetime | None
    actions: list[Action]


@dataclass(frozen=True, slots=True)
class ServiceSummary:
    """A service in a list."""

    id: str
    name: str
    platform: str
    state: str
    runs: str
    """Its service state, such as START."""
    desired: int
    deployed: int | None
    last_good: int | None
    revision: int
    created: datetime
    created_by: str
    changed: datetime


@dataclass(frozen=True, slots=True)
class Revision:
    """What a service is, or was, made of."""

    number: int
    nodes: dict[str, dict[str, Any]]
    properties: dict[str, Any]
    order: str
    at: datetime
    needs: list[str]
    """Ids of the services that it needed."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A service that another one needs, or is needed by."""

    id: str
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Overlay:
    """A booking that changes a service for a while."""

    id: str
    name: str
    state: str
    start: datetime
    end: datetime | None
    nodes: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ServiceDifference:
    """One value of one device that is not as it was left."""

    node: str
    path: str
    gap: str
    expected: Any
    found: Any
    since: datetime
    approved_by: str
    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that somebody has to look at."""

    kind: str
    what: str
    to_do: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Service(ServiceSummary):
    """A service with all that is known of it."""

    definition: str
    definition_version: int
    nodes: dict[str, dict[str, Any]]
    properties: dict[str, Any]
    revisions: list[Revision]
    known: Known | None
    auditing: bool
    differences: list[ServiceDifference]
    drift: str
    """Hash of the differences: whoever accepts or approves them names it."""
    alarms: list[Alarm]
    next_audit: datetime | None
    conflicts: list[str]
    orders: list[str]
    """The kinds of orders that can be made for it now."""
    needs: list[Neighbour]
    """The services that it needs."""
    needed_by: list[Neighbour]
    """Those that need it: while there are any, it stays."""
    overlays: list[Overlay]
    """What changes it for a while and is not over, the first first."""


def create_order(name: str, items: Sequence[Mapping[str, Any]], **more: Any) -> Call[Order]:
    """Order. An item has ``name``, ``kind``, ``service``, ``after``, ``needs`` and ``values``; ``more``: ``platform``,
    ``together``, ``priority``, ``latest_start``, ``external``, ``scopes``, ``deploy`` (``at``, ``latest_start``,
    ``force``: it has its time at once, or is not kept)."""
    return Call("POST", f"{API}/orders", Order, body={"name": name, "items": [dict(item) for item in items], **more})


def get_order(ident: str) -> Call[Order]:
    """One order."""
    return Call("GET", _order(ident), Order)


def list_orders(
    *,
    platform: str | None = None,
    states: Iterable[str] = (),
    service: str = "",
    external: str = "",
    limit: int | None = None,
) -> Call[Page[OrderSummary]]:
    """Orders, newest first."""
    said = {"platform": platform, "service": service, "external": external, "limit": limit}
    query = tuple((name, str(value)) for name, value in said.items() if value)
    return Call("GET", f"{API}/orders", Page[OrderSummary], query + tuple(("state", state) for state in states))


def edit_order(ident: str, change: Mapping[str, Any], *, seen: int | None = None) -> Call[Order]:
    """Change the fields that are given; items are replaced as a whole."""
    return Call("PATCH", _order(ident), Order, body=dict(change), seen=seen)


def delete_order(ident: str, *, seen: int | None = None) -> Call[None]:
    """Hide an order."""
    return Call("DELETE", _order(ident), NoneType, seen=seen)


def time_order(
    ident: str,
    action: str,
    at: Moment | None = None,
    *,
    latest_start: Length | None = None,
    force: bool = False,
    seen: int | None = None,
) -> Call[Order]:
    """``schedule``, ``reschedule`` or ``retry`` an order: at a time, or now."""
    said = {"at": at, "latest_start": latest_start, "force": force or None}
    body = {name: value for name, value in said.items() if value is not None}
    return Call("POST", f"{_order(ident)}/{action}", Order, body=body, seen=seen)


def act_on_order(
    ident: str, action: str, body: Mapping[str, Any] | None = None, *, seen: int | None = None
) -> Call[Order]:
    """``check``, ``unschedule``, ``approve``, ``cancel`` (with ``why``) or ``clone`` (with ``name``) an order."""
    return Call("POST", f"{_order(ident)}/{action}", Order, body=dict(body) if body else None, seen=seen)


def answer_order(
    ident: str,
    has: Mapping[str, str] | None = None,
    *,
    every: str | None = None,
    give_up: bool = False,
    seen: int | None = None,
) -> Call[Order]:
    """Tell what each device has that an order asks about (node -> ``old`` or ``new``), or that nobody can tell."""
    body = {"has": dict(has or {}), "every": every, "give_up": give_up}
    return Call("POST", f"{_order(ident)}/answer", Order, body=body, seen=seen)


def take_over_order(ident: str, plan: str, reason: str, *, seen: int | None = None) -> Call[Order]:
    """Have what an order provisions exist as the devices have it; ``plan`` is the hash of its plan as it was seen."""
    return Call("POST", f"{_order(ident)}/take-over", Order, body={"plan": plan, "reason": reason}, seen=seen)


def order_runs(ident: str) -> Call[list[Run]]:
    """The checks and deployments of an order, oldest first."""
    return Call("GET", f"{_order(ident)}/runs", list[Run])


def order_log(ident: str) -> Call[list[Line]]:
    """What its checks and deployments said, oldest first."""
    return Call("GET", f"{_order(ident)}/log", list[Line])


def order_changes(ident: str) -> Call[list[Change]]:
    """Everything that happened to an order, oldest first."""
    return Call("GET", f"{_order(ident)}/changes", list[Change])


def get_service(ident: str) -> Call[Service]:
    """One service."""
    return Call("GET", _service(ident), Service)


def list_services(
    *, platform: str | None = None, states: Iterable[str] = (), limit: int | None = None
) -> Call[Page[ServiceSummary]]:
    """Services, newest first; without states also those that are gone."""
    query = tuple((name, str(value)) for name, value in (("platform", platform), ("limit", limit)) if value)
    return Call("GET", f"{API}/services", Page[ServiceSummary], query + tuple(("state", state) for state in states))


def audit_service(ident: str) -> Call[Service]:
    """Have all checks of a service made now; ``service_audits`` tells what they found."""
    return Call("POST", f"{_service(ident)}/audit", Service)


def service_audits(ident: str) -> Call[Audits]:
    """What the audits of a service found, the newest round first."""
    return Call("GET", f"{_service(ident)}/audits", Audits)


def abandon_service(ident: str, name: str, why: str = "", *, seen: int | None = None) -> Call[Service]:
    """Give up a service that failed to deploy, without touching a device; its name once more, to confirm it."""
    return Call("POST", f"{_service(ident)}/abandon", Service, body={"name": name, "why": why}, seen=seen)


def accept_service(ident: str, drift: str, reason: str, *, seen: int | None = None) -> Call[Service]:
    """Have a service be what its devices have; ``drift`` is the hash of the differences as they were seen."""
    body = {"drift": drift, "reason": reason}
    return Call("POST", f"{_service(ident)}/accept", Service, body=body, seen=seen)


def approve_differences(
    ident: str,
    drift: str,
    reason: str,
    until: Moment,
    only: Iterable[tuple[str, str]] = (),
    *,
    seen: int | None = None,
) -> Call[Service]:
    """Let the differences of a service be until an instant; ``only`` some of them, each by node and path."""
    places = [{"node": node, "path": path} for node, path in only]
    body = {"drift": drift, "reason": reason, "until": until, "only": places}
    return Call("POST", f"{_service(ident)}/approve", Service, body=body, seen=seen)


def disapprove_differences(ident: str, reason: str = "", *, seen: int | None = None) -> Call[Service]:
    """Take all approvals of a service's differences back."""
    return Call("POST", f"{_service(ident)}/disapprove", Service, body={"reason": reason}, seen=seen)


def service_changes(ident: str) -> Call[list[Change]]:
    """Everything that happened to a service, oldest first."""
    return Call("GET", f"{_service(ident)}/changes", list[Change])


def _order(ident: str) -> str:
    return f"{API}/orders/{quote(ident, safe='')}"


def _service(ident: str) -> str:
    return f"{API}/services/{quote(ident, safe='')}"
