# SPDX-License-Identifier: Apache-2.0
"""How things stand: what is on the air, what comes next and what it lacks, what needs somebody."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from preroll.api.fields import Name, Queried, Shown, maybe_when, when
from preroll.api.problems import can
from preroll.api.services_shown import AlarmShown, alarm_shown
from preroll.app.night import Coming, Night, OnAir, Trouble
from preroll.app.night_orders import OrderTrouble
from preroll.domain.audit import Status
from preroll.domain.concern import Concern
from preroll.domain.order_concern import OrderConcern
from preroll.gate.door import By, UseCases
from preroll.ports.service_audits import Alarmed

router = APIRouter(prefix="/api/v1", tags=["workers"])


class NightQueried(Queried):
    """Of which platform."""

    platform: Name = "default"


class OnAirShown(Shown):
    """A booking that runs."""

    booking: str = Field(description="id")
    name: str
    state: str
    entering: str = Field(description="the state that a run is on its way to")
    end: datetime | None = Field(description="on air until; null: without end")
    next_event: str
    next_at: datetime | None
    service: Status | None = Field(description="what its audits say; null: it has none")


class LackShown(Shown):
    """One thing that keeps a booking from starting as planned."""

    where: str
    what: str
    expected: str


class ComingShown(Shown):
    """A booking that is to start; ready when it lacks nothing."""

    booking: str = Field(description="id")
    name: str
    state: str
    first_event: datetime
    start: datetime
    lacks: list[LackShown]


class TroubleShown(Shown):
    """A booking that needs somebody, and why; the most urgent first."""

    booking: str = Field(description="id")
    name: str
    state: str
    concern: Concern
    what: str
    to_do: str
    actions: list[str] = Field(description="actions that put it right, the first choice first")
    at: datetime = Field(description="the instant that it is about")
    rival: str = Field(description="id of the booking that is in the way; empty: none")


class AlarmedShown(AlarmShown):
    """A service that an audit has found not well."""

    service: str = Field(description="id")
    name: str


class OrderTroubleShown(Shown):
    """An order, or a service that failed to deploy, that needs somebody."""

    order: str = Field(description="id; empty: it is a service")
    service: str = Field(description="id; empty: it is an order")
    name: str
    state: str
    concern: OrderConcern
    what: str
    to_do: str
    actions: list[str] = Field(description="actions, or kinds of orders, that put it right, the first choice first")
    at: datetime = Field(description="the instant that it is about")


class AilmentShown(Shown):
    """Something wrong with what runs the bookings."""

    part: str
    what: str
    to_do: str


class NightShown(Shown):
    """How things stand on a platform."""

    platform: str
    now: datetime
    on_air: list[OnAirShown]
    coming: list[ComingShown]
    troubles: list[TroubleShown]
    services: list[AlarmedShown] = Field(description="that audits found not well, the oldest alarm first")
    orders: list[OrderTroubleShown] = Field(description="that need somebody, the most urgent first")
    ailments: list[AilmentShown]
    more: bool = Field(description="there is more of something than is listed")


@router.get("/night", responses=can(403, 404, 503))
async def get_night(app: UseCases, by: By, asked: Annotated[NightQueried, Query()]) -> NightShown:
    """What is on the air, what comes next and what it still lacks, what needs somebody and what to do about it."""
    return _night(await app.nights.of(by, asked.platform))


def _night(night: Night) -> NightShown:
    needing = night.needing
    return NightShown(
        platform=night.platform.name, now=when(night.now_us), on_air=[_on_air(one) for one in night.on_air],
        coming=[_coming(one) for one in night.coming], troubles=[_trouble(one) for one in needing.troubles],
        services=[_alarmed(one) for one in needing.alarmed], orders=[_order(one) for one in needing.orders],
        ailments=[AilmentShown(part=a.part, what=a.what, to_do=a.to_do) for a in night.ailments], more=needing.more,
    )  # fmt: skip


def _on_air(one: OnAir) -> OnAirShown:
    b = one.booking
    return OnAirShown(
        booking=b.id, name=b.name, state=b.state, entering=b.entering, end=maybe_when(b.timing.end),
        next_event=one.next_event, next_at=maybe_when(one.next_us), service=one.known.status if one.known else None,
    )  # fmt: skip


def _coming(one: Coming) -> ComingShown:
    b = one.booking
    return ComingShown(
        booking=b.id, name=b.name, state=b.state, first_event=when(b.timing.held.start), start=when(b.timing.start),
        lacks=[LackShown(where=m.where, what=m.what, expected=m.expected) for m in one.lacks],
    )  # fmt: skip


def _trouble(one: Trouble) -> TroubleShown:
    b = one.booking
    return TroubleShown(
        booking=b.id, name=b.name, state=b.state, concern=one.concern, what=one.what, to_do=one.to_do,
        actions=list(one.actions), at=when(one.at_us), rival=one.rival,
    )  # fmt: skip


def _order(one: OrderTrouble) -> OrderTroubleShown:
    return OrderTroubleShown(
        order="" if one.service else one.id, service=one.id if one.service else "", name=one.name, state=one.state,
        concern=one.concern, what=one.what, to_do=one.to_do, actions=list(one.actions), at=when(one.at_us),
    )  # fmt: skip


def _alarmed(one: Alarmed) -> AlarmedShown:
    return AlarmedShown(
        service=one.service.id, name=one.service.name, **alarm_shown(one.alarm).model_dump(),
    )  # fmt: skip
