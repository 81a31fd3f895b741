# SPDX-License-Identifier: Apache-2.0
"""The list of bookings as its page shows it: one table of columns, of which everybody chooses some."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from markupsafe import Markup

from preroll.domain.booking import Booking
from preroll.domain.lengths import length_said
from preroll.ports.lists import Order, SortBy
from preroll.web.asked import written
from preroll.web.columns import Column, Kind
from preroll.web.templating import moment, render

PROPERTY = "property."
"""Before the name of a property that is a column."""
MOST = 20
"""Columns at once."""


BookingColumn = Column[Booking, SortBy]


def _service(booking: Booking, names: Mapping[int, str]) -> str:
    return names.get(booking.definition, "") if booking.definition else "a free list"


K, S = Kind, SortBy
# fmt: off
_TABLE: Sequence[BookingColumn] = (
    Column("name",       "Name",        lambda b, _: b.name,                            K.LINK,  S.NAME),
    Column("state",      "State",       lambda b, _: b.state.value,                     K.STATE, S.STATE),
    Column("start",      "On air from", lambda b, _: b.timing.start,                    K.TIME,  S.START),
    Column("end",        "To",          lambda b, _: b.timing.end,                      K.TIME,  S.END),
    Column("owner",      "Owner",       lambda b, _: b.owner or b.created_by),
    Column("service",    "Service",     _service),
    Column("service-state", "Service state", lambda b, _: b.service_state),
    Column("held-from",  "Held from",   lambda b, _: b.timing.held.start,               K.TIME),
    Column("held-to",    "Held to",     lambda b, _: b.timing.held.end,                 K.TIME),
    Column("pre-roll",   "Pre-roll",    lambda b, _: length_said(b.timing.pre_roll)),
    Column("post-roll",  "Post-roll",   lambda b, _: length_said(b.timing.post_roll)),
    Column("priority",   "Priority",    lambda b, _: b.priority,                        K.TEXT,  S.PRIORITY),
    Column("created",    "Booked",      lambda b, _: b.created_us,                      K.TIME,  S.CREATED),
    Column("created-by", "Booked by",   lambda b, _: b.created_by),
    Column("changed",    "Changed",     lambda b, _: b.changed_us,                      K.TIME,  S.CHANGED),
    Column("id",         "Id",          lambda b, _: b.id),
)
# fmt: on
COLUMNS: Mapping[str, BookingColumn] = {column.key: column for column in _TABLE}
"""Everything that can be a column, besides properties."""
USUAL = ("name", "state", "start", "end", "owner")


def columns_of(chosen: Iterable[str]) -> list[BookingColumn]:
    """The columns that are shown: the name first, then those that are chosen, in the order of the table."""
    wanted = list(dict.fromkeys(chosen))[:MOST]
    known = [column for key, column in COLUMNS.items() if key in wanted or key == "name"]
    return known + [_property(word) for word in wanted if word.startswith(PROPERTY) and len(word) > len(PROPERTY)]


def offered(items: Sequence[Booking], shown: Sequence[BookingColumn]) -> list[BookingColumn]:
    """Everything that can be a column of these bookings."""
    names = dict.fromkeys(PROPERTY + name for booking in items for name in booking.properties)
    return [*COLUMNS.values(), *columns_of([*(c.key for c in shown if c.key.startswith(PROPERTY)), *names])[1:]]


def row(
    booking: Booking, columns: Iterable[BookingColumn], services: Mapping[int, str], zone: str, *, chosen: bool
) -> Markup:
    """A booking as a row of the list; one that looks as it did is not made again.

    Args:
        services: names of service definitions by key.
        zone: in which times are told.
        chosen: it is the one that is looked at closely.
    """
    cells = tuple((one.kind, one.key, one.label.lower(), _shown(one, booking, services, zone)) for one in columns)
    return _row(booking.id, booking.revision, booking.name, cells, chosen=chosen)


def _shown(column: BookingColumn, booking: Booking, services: Mapping[int, str], zone: str) -> str:
    found = column.of(booking, services)
    if column.kind is Kind.TIME and (found is None or isinstance(found, int)):
        return moment(found, zone)
    return str(found)


Cell = tuple[Kind, str, str, str]
"""How it is shown, the column's key and what it is called in a line, and what it says."""


@lru_cache(4096)
def _row(ident: str, revision: int, name: str, cells: tuple[Cell, ...], *, chosen: bool) -> Markup:
    values = {"id": ident, "revision": revision, "name": name, "chosen": chosen, "cells": cells}
    return Markup(render("_row.html", values))  # noqa: S704 - the template escapes


def sorted_by(text: str) -> Order:
    """An order as the address says it: ``name``, and with a minus turned round; anything else is the usual one."""
    by = text.removeprefix("-")
    return Order(SortBy(by), down=text.startswith("-")) if by in set(SortBy) else Order()


def _property(word: str) -> BookingColumn:
    name = word.removeprefix(PROPERTY)
    return Column(word, name, lambda b, _: written(b.properties[name]) if name in b.properties else "")
