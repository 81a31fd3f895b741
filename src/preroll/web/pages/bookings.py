# SPDX-License-Identifier: Apache-2.0
"""Bookings: over time, as a list, and one of them beside."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, partial
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from preroll.domain.booking import State
from preroll.domain.errors import NotFound
from preroll.domain.window import HOUR, SECOND
from preroll.gate import paging
from preroll.ports.lists import BookingFilter, Order, Page, Place
from preroll.web import list_shown as listed
from preroll.web.columns import aria_sort, sort_word
from preroll.web.frame import YEAR_S, Frame, TheFrame
from preroll.web.list_shown import MOST
from preroll.web.night_shown import NO_RESOURCES
from preroll.web.pages.booking import everything
from preroll.web.pages.bulk import commands_for
from preroll.web.timeline_shown import First

router = APIRouter()

PAGE = 40
"""A screen of them, and some."""
USUAL = listed.columns_of(listed.USUAL)
REMEMBERS = "preroll_columns"
"""Cookie with the columns that were chosen last."""
LATELY = 8 * HOUR
"""A list of all, that nobody has moved, begins so long before now."""


class Look(BaseModel):
    """What of the bookings is looked at: all of it stands in the address."""

    q: str = Field("", max_length=200)
    state: list[str] = Field([], max_length=len(State))
    over: bool = False
    """Also what is over, where nothing else says which."""
    begin: AwareDatetime | None = Field(None, alias="from")
    """Where the view begins; None: shortly before now."""
    span: float | None = Field(None, gt=0, le=2400)
    """How many hours of the timeline are seen."""
    rows: str = Field("", max_length=20)
    """What a row of the timeline is."""
    booking: str = Field("", max_length=64)
    """The one that is looked at closely."""
    sort: str = Field("", max_length=20)
    """By which column; with a minus turned round."""
    cols: list[Annotated[str, Field(max_length=200)]] = Field([], max_length=2 * MOST)
    """The columns of the list; none: those of last time."""
    after: str = Field("", max_length=2000)
    """Where the list goes on."""
    before: str = Field("", max_length=2000)
    """Where it goes on towards its begin."""
    platform: str = Field("", max_length=200)

    @property
    def states(self) -> frozenset[State]:
        """Those that are asked for; none: any."""
        return frozenset(one for one in State if one.value in self.state)

    @property
    def narrowed(self) -> bool:
        """Is not simply everything asked for?"""
        return bool(self.q or self.states)

    @property
    def usual(self) -> bool:
        """Is nothing said of which ones, nor of when?"""
        return not (self.narrowed or self.begin)

    def where(self, platform: int) -> BookingFilter:
        """What is asked for; of what is simply there, only what runs or is to come."""
        ahead = self.usual and not self.over
        return BookingFilter(platform, self.states, self.q.strip(), over_us=0 if ahead else None)

    def address(self, **other: object) -> str:
        """It, in an address, at the begin of the list.

        Args:
            other: what differs.
        """
        return urlencode({name: value for name, value in (self.said | other).items() if value}, doseq=True)

    @cached_property
    def said(self) -> dict[str, Any]:
        """What differs from the usual, word by word."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"after", "before"})

    @property
    def words(self) -> list[tuple[str, str]]:
        """The same but for the columns, word by word, for a form that chooses those."""
        return parse_qsl(self.address(cols=""))


@router.get("/bookings")
async def bookings(frame: TheFrame, look: Annotated[Look, Query()]) -> Response:
    """The bookings of a platform over time and as a list, and one of them; as a part, the list."""
    order = listed.sorted_by(look.sort)
    page = await _page(frame, look, order)
    chosen = look.cols or frame.request.cookies.get(REMEMBERS, "").split(",")
    columns = listed.columns_of(word for word in map(unquote, chosen) if word) if any(chosen) else USUAL
    services = any(column.key == "service" for column in columns)
    definitions = await frame.door.app.catalogue.definitions(frame.by, frame.platform.name) if services else []
    names = {definition.key: definition.name for definition in definitions}
    values: dict[str, Any] = {
        "rows": [listed.row(one, columns, names, frame.zone, chosen=one.id == look.booking) for one in page.items],
        "look": look, "columns": columns, "shown": {column.key for column in columns},
        "offered": listed.offered(page.items, columns),
        "commands": commands_for(frame), "counts": None, **await _nothing(frame, look, page),
        **_links(frame, look, page, order),
    }  # fmt: skip
    if frame.partial:
        response = frame.part("_list.html", **values)
    else:
        begin = None if look.begin is None else int(look.begin.timestamp()) * SECOND
        first = First.of(frame.platform.name, page.now_us, begin, look.span)
        response = frame.page("bookings.html", **values, first=first, beside=await _beside(frame, look.booking))
    if look.cols:
        remembered = ",".join(quote(column.key, safe="") for column in columns)
        response.set_cookie(REMEMBERS, remembered, YEAR_S, samesite="lax", httponly=True)
    return response


async def _page(frame: Frame, look: Look, order: Order) -> Page:
    """A part of the list. One of all by start, of which nobody has said where it begins, begins shortly before now."""
    where, app = look.where(frame.platform.key), frame.door.app
    key = (where, order)
    place = paging.place(look.after or look.before or None, key, order.kind)
    if look.before:
        page = await app.lists.page(frame.by, where, place, PAGE, order, back=True)
        return page if page.items else await app.lists.page(frame.by, where, None, PAGE, order)
    by_time = order == Order() and not (place or look.narrowed)
    if by_time and look.begin is not None:
        place = int(look.begin.timestamp()) * SECOND, ""
    elif by_time and look.over:
        page = await app.lists.page(frame.by, replace(where, lately_us=LATELY), None, PAGE, order)
        return replace(page, before=order.place(page.items[0]) if page.items else None)
    return await app.lists.page(frame.by, where, place, PAGE, order)


def _links(frame: Frame, look: Look, page: Page, order: Order) -> dict[str, Any]:
    """Where the list goes on, both ways, and how else it could be sorted."""
    key, home = (look.where(frame.platform.key), order), {"platform": frame.platform.name}

    def onward(name: str, place: Place | None) -> str:
        return look.address(**home, **{name: paging.encode(place, key)}) if place else ""

    def sorting(column: listed.BookingColumn) -> str:
        word = sort_word(column, order)
        return look.address(**home, sort="" if word == Order().by.value else word)

    earlier, later = onward("before", page.before), onward("after", page.next)
    return {"earlier": earlier, "later": later, "sorting": sorting, "aria_sort": partial(aria_sort, order=order)}


async def _nothing(frame: Frame, look: Look, page: Page) -> dict[str, Any]:
    """Why there is nothing to show: what there has to be before anything can be booked, or all of it is over."""
    if page.items or not look.usual or not frame.platform.key:
        return {"lesson": None, "booked": False}
    filled = await frame.door.app.nights.filled(frame.by, frame.platform.name)
    return {"lesson": None if filled.resources else NO_RESOURCES, "booked": filled.bookings}


async def _beside(frame: Frame, ident: str) -> dict[str, Any] | None:
    """The booking beside the timeline; None: there is none, or not any more."""
    try:
        return await everything(frame, await frame.door.app.bookings.get(frame.by, ident)) if ident else None
    except NotFound:
        return None
