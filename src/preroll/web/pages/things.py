# SPDX-License-Identifier: Apache-2.0
"""The lists of orders and of services: filtered, sorted, page by page; all of it stands in the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from preroll.domain.order import OrderKind, OrderState
from preroll.domain.service_instance import EXISTS, Provisioned
from preroll.gate import paging
from preroll.ports.orders import NEWEST, OF_ORDERS, OF_SERVICES, OrderFilter, Place, ServiceFilter, Sorting
from preroll.web.columns import aria_sort, sort_word
from preroll.web.frame import Frame, TheFrame
from preroll.web.things_shown import ORDERS, SERVICES, Row, Shelf, address, order_rows, service_rows, sorted_by

router = APIRouter()

PAGE = 40
"""A screen of them, and some."""
KINDS = tuple(OrderKind)


class Look(BaseModel):
    """What of a list is looked at."""

    q: str = Field("", max_length=200)
    state: list[str] = Field([], max_length=20)
    kind: list[str] = Field([], max_length=len(OrderKind))
    """Of orders."""
    service: str = Field("", max_length=64)
    """Only orders on this service, by its id."""
    sort: str = Field("", max_length=20)
    """By which column; with a minus turned round."""
    after: str = Field("", max_length=2000)
    """Where the list goes on."""
    platform: str = Field("", max_length=200)

    @property
    def narrowed(self) -> bool:
        """Is not simply everything asked for?"""
        return bool(self.q or self.state or self.kind or self.service)


@dataclass(frozen=True, slots=True)
class Found:
    """A part of a list."""

    shelf: Shelf
    rows: Sequence[Row]
    sorting: Sorting
    where: object
    last: Place | None
    gone: str = ""
    """Where those are that are no longer, if no other is there; else empty."""


@router.get("/orders")
async def orders(frame: TheFrame, look: Annotated[Look, Query()]) -> Response:
    """The orders of a platform."""
    states = frozenset(one for one in OrderState if one.value in look.state)
    kinds = frozenset(one for one in OrderKind if one.value in look.kind)
    where = OrderFilter(frame.platform.key, states, look.service, kinds=kinds, text=look.q.strip())
    sorting = sorted_by(look.sort, OF_ORDERS)
    page = await frame.door.app.ordered.orders(frame.by, where, sorting, _place(look, where, sorting), PAGE)
    return _shown(frame, look, Found(ORDERS, order_rows(page.items), sorting, where, page.last))


@router.get("/services")
async def services(frame: TheFrame, look: Annotated[Look, Query()]) -> Response:
    """The services of a platform; those that are gone only where they are asked for."""
    states = frozenset(one for one in Provisioned if one.value in look.state) or EXISTS
    where = ServiceFilter(frame.platform.key, states, text=look.q.strip())
    sorting = sorted_by(look.sort, OF_SERVICES)
    shelf = await frame.door.app.ordered.services(frame.by, where, sorting, _place(look, where, sorting), PAGE)
    gone = "" if shelf.page.items or look.narrowed else await _gone(frame)
    return _shown(frame, look, Found(SERVICES, service_rows(shelf), sorting, where, shelf.page.last, gone))


async def _gone(frame: Frame) -> str:
    """Where those are that are no longer; empty: there never was one."""
    where = ServiceFilter(frame.platform.key, frozenset({Provisioned.DECOMMISSIONED}))
    found = await frame.door.app.ordered.services(frame.by, where, NEWEST, None, 1)
    home = {"platform": frame.platform.name, "state": Provisioned.DECOMMISSIONED.value}
    return address(SERVICES.path, home) if found.page.items else ""


def _place(look: Look, where: object, sorting: Sorting) -> Place | None:
    return paging.place(look.after or None, (where, sorting), sorting.kind)


def _shown(frame: Frame, look: Look, found: Found) -> Response:
    shelf, home = found.shelf, {"platform": frame.platform.name}
    said = look.model_dump(exclude_defaults=True, exclude={"after", "platform"}) | home

    def at(**other: object) -> str:
        return address(shelf.path, said | other)

    values: dict[str, Any] = {
        "shelf": shelf, "rows": found.rows, "look": look, "first": at(),
        "kinds": KINDS if shelf is ORDERS else (), "aria_sort": partial(aria_sort, order=found.sorting),
        "sorting": lambda column: at(sort=_word(sort_word(column, found.sorting))),
        "later": at(after=paging.encode(found.last, (found.where, found.sorting))) if found.last else "",
        "all": address(shelf.path, home), "gone": found.gone,
    }  # fmt: skip
    return frame.part("_things.html", **values) if frame.partial else frame.page("things.html", **values)


def _word(sort: str) -> str:
    """The usual order needs no word."""
    return "" if sort == f"-{NEWEST.by.value}" else sort
