# SPDX-License-Identifier: Apache-2.0
"""The lists of orders and of services: a table of columns each, in a form that one template shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from preroll.app.ordered_views import ServiceShelf
from preroll.domain.audit import Verdict
from preroll.domain.order import OrderState
from preroll.domain.order_concern import OrderConcern, matter
from preroll.domain.ordered import Order, Service
from preroll.domain.service_instance import Provisioned
from preroll.ports.orders import NEWEST, SortBy, Sorting
from preroll.web.columns import Column, Kind

NAMES: Mapping[int, str] = {}
"""Orders have no definition of their own."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A service in its list."""

    service: Service
    known: Verdict | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a list."""

    ident: str
    href: str
    cells: Sequence[tuple[Column[Any, Any], object]]


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a list is of: words and columns of its page."""

    path: str
    noun: str
    title: str
    columns: Sequence[Column[Any, SortBy]]
    states: Sequence[str]
    teaches: str
    """What one of them is, where there is none yet."""


K, S = Kind, SortBy
# fmt: off
ORDER_COLUMNS: Sequence[Column[Order, SortBy]] = (
    Column("name",       "Name",       lambda o, _: o.name,                    K.LINK,  S.NAME),
    Column("state",      "State",      lambda o, _: o.state.value,             K.STATE, S.STATE),
    Column("items",      "What",       lambda o, _: kinds_said(o)),
    Column("due",        "Due",        lambda o, _: o.due_us,                  K.WHEN,  S.DUE),
    Column("why",        "Why",        lambda o, _: why_said(o)),
    Column("by",         "Ordered by", lambda o, _: o.created_by),
    Column("created",    "Ordered",    lambda o, _: o.created_us,              K.TIME,  S.CREATED),
    Column("changed",    "Changed",    lambda o, _: o.changed_us,              K.TIME,  S.CHANGED),
)
SERVICE_COLUMNS: Sequence[Column[Listed, SortBy]] = (
    Column("name",       "Name",       lambda x, _: x.service.name,            K.LINK,  S.NAME),
    Column("state",      "State",      lambda x, _: x.service.state.value,     K.STATE, S.STATE),
    Column("runs",       "Runs as",    lambda x, _: x.service.runs,            K.TEXT,  S.RUNS),
    Column("known",      "Audits",     lambda x, _: audits_said(x.known)),
    Column("definition", "Service",    lambda x, names: names.get(x.service.definition, "")),
    Column("revision",   "Revision",   lambda x, _: revision_said(x.service)),
    Column("created",    "Made",       lambda x, _: x.service.created_us,      K.TIME,  S.CREATED),
    Column("changed",    "Changed",    lambda x, _: x.service.changed_us,      K.TIME,  S.CHANGED),
)
# fmt: on
ORDERS = Shelf(
    "/orders",
    "order",
    "Orders",
    ORDER_COLUMNS,
    tuple(OrderState),
    "An order makes, changes or removes a service on its devices, now or at a time.",
)  # fmt: skip
SERVICES = Shelf(
    "/services", "service", "Services", SERVICE_COLUMNS, tuple(s for s in Provisioned if s is not Provisioned.NONE),
    "A service exists from its first completed order on, until it is decommissioned.",
)  # fmt: skip


def order_rows(items: Sequence[Order]) -> list[Row]:
    """Orders as rows."""
    return [Row(o.id, f"/orders/{o.id}", [(c, c.of(o, NAMES)) for c in ORDER_COLUMNS]) for o in items]


def service_rows(shelf: ServiceShelf) -> list[Row]:
    """Services as rows."""
    listed = [Listed(service, shelf.known.get(service.id)) for service in shelf.page.items]
    return [
        Row(one.service.id, f"/services/{one.service.id}", [(c, c.of(one, shelf.definitions)) for c in SERVICE_COLUMNS])
        for one in listed
    ]


def kinds_said(order: Order) -> str:
    """What an order does, in words: ``provision, 2 x modify``."""
    kinds = [item.kind.value for item in order.items]
    return ", ".join(k if kinds.count(k) == 1 else f"{kinds.count(k)} x {k}" for k in dict.fromkeys(kinds))


def why_said(order: Order) -> str:
    """Why it is as it is."""
    return f"on hold: {matter(order, OrderConcern.ON_HOLD)}" if order.hold else order.why


def audits_said(known: Verdict | None) -> str:
    """What its audits say, in words."""
    return "none" if known is None else ", ".join(filter(None, (known.status, known.configuration)))


def revision_said(service: Service) -> str:
    """Which revision it should have, and which it has."""
    if service.state is Provisioned.DECOMMISSIONED or service.deployed == service.desired:
        return str(service.desired)
    return f"{service.desired}, deployed {service.deployed or 'unknown'}"


def sorted_by(text: str, known: Collection[SortBy]) -> Sorting:
    """An order as the address says it: ``name``, turned round with a minus; anything else is the newest first."""
    by = text.removeprefix("-")
    return Sorting(SortBy(by), text.startswith("-")) if by in {one.value for one in known} else NEWEST


def address(path: str, words: Mapping[str, object]) -> str:
    """A list as an address."""
    return f"{path}?{urlencode({name: value for name, value in words.items() if value}, doseq=True)}"
