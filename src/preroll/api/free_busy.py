# SPDX-License-Identifier: Apache-2.0
"""The course of resources over time: who has how much, when they are closed and why, when they are free."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from preroll.api.fields import Instant, Name, Queried, Shown, Word, when
from preroll.api.problems import can
from preroll.app.free_busy import LONGEST_DAYS, MOST, Which
from preroll.domain.capacity import in_units
from preroll.domain.errors import Invalid, Mistake
from preroll.domain.free_busy import Stretch
from preroll.domain.resource import Resource
from preroll.domain.usage import CONCURRENCY, Usage
from preroll.domain.window import Window
from preroll.gate.door import By, UseCases

router = APIRouter(prefix="/api/v1/availability", tags=["availability"])


class FreeBusyQueried(Queried):
    """Of which resources, and when."""

    from_: Instant = Field(alias="from")
    to: Instant = Field(description=f"at most {LONGEST_DAYS} days later")
    platform: Name = "default"
    resource: list[Name] = Field(default=[], max_length=MOST, description="id or name; repeat it; none: all")
    function: Word = Field(default="", description="only resources with it")
    pool: Word = Field(default="", description="only resources of it")


class HolderShown(Shown):
    """What a booking has of a resource."""

    booking: str = Field(description="id")
    name: str
    concurrency: int = Field(description="of how many nodes it has the place")
    capacities: dict[str, float] = Field(description="parameter -> amount in its unit")
    agreed: dict[str, str] = Field(description="time-dependent capability -> value that others have to agree on")


class StretchShown(Shown):
    """A span of time in which nothing changes."""

    start: datetime
    end: datetime
    state: Literal["free", "busy", "closed"] = Field(
        description="closed: nobody can book it then; busy: somebody has it, and the rest may be enough"
    )
    closed: list[str] = Field(description="why it is closed", examples=[["blackout, new antenna"]])
    holders: list[HolderShown]
    concurrency_left: int
    capacities_left: dict[str, float] = Field(description="parameter -> amount in its unit")


class CourseShown(Shown):
    """The course of one resource, without a gap."""

    id: str
    name: str
    spans: list[StretchShown]


class FreeBusyShown(Shown):
    """The courses of resources, by name."""

    resources: list[CourseShown]


@router.get("/free-busy", responses=can(403, 404, 422, 503))
async def get_free_busy(asks: Annotated[FreeBusyQueried, Query()], app: UseCases, by: By) -> FreeBusyShown:
    """Who has how much of these resources when, when they are closed and why, and when they are free."""
    if asks.to <= asks.from_:
        raise Invalid([Mistake("query.to", "is not after from", "a later time")])
    which = Which(asks.platform, frozenset(asks.resource), asks.function, asks.pool)
    found = await app.free_busy.courses(by, which, Window(asks.from_, asks.to))
    return FreeBusyShown(resources=[_course(resource, stretches) for resource, stretches in found])


def _course(resource: Resource, stretches: Sequence[Stretch]) -> CourseShown:
    return CourseShown(id=resource.id, name=resource.name, spans=[_stretch(s) for s in stretches])


def _stretch(s: Stretch) -> StretchShown:
    left = {one.dimension: one.left for one in s.left}
    return StretchShown(
        start=when(s.start), end=when(s.end), state="closed" if s.closed else "busy" if s.holders else "free",
        closed=list(s.closed), holders=_holders(s.holders), concurrency_left=left.pop(CONCURRENCY),
        capacities_left={name: in_units(amount) for name, amount in left.items()},
    )  # fmt: skip


def _holders(usages: Sequence[Usage]) -> list[HolderShown]:
    found: dict[tuple[str, str], list[Usage]] = {}
    for usage in usages:
        found.setdefault((usage.booking, usage.name), []).append(usage)
    return [_holder(booking, name, held) for (booking, name), held in found.items()]


def _holder(booking: str, name: str, held: Sequence[Usage]) -> HolderShown:
    amounts: dict[str, int] = {}
    for usage in held:
        amounts[usage.dimension] = amounts.get(usage.dimension, 0) + usage.amount
    agreed = {u.dimension: u.agreed for u in held if u.agreed}
    return HolderShown(
        booking=booking, name=name, concurrency=amounts.get(CONCURRENCY, 0), agreed=agreed,
        capacities={n: in_units(a) for n, a in amounts.items() if n != CONCURRENCY and n not in agreed},
    )  # fmt: skip
