# SPDX-License-Identifier: Apache-2.0
"""Actions that change what is booked: when, under which name, with which properties; once more; not any more."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from preroll.api.door import Asking, Ident
from preroll.api.fields import Given, Instant, JsonObject, Length, Name
from preroll.api.idempotency import BOOKINGS, answered
from preroll.api.problems import can
from preroll.api.schemas import Bare, BookingShown, Force, Nothing
from preroll.app.bookings import Copy
from preroll.domain.booking import Timing
from preroll.domain.errors import Invalid, Mistake
from preroll.gate.door import UseCases

router = APIRouter(prefix=BOOKINGS, tags=["bookings"])
_COMMAND = can(400, 403, 404, 409, 412, 413, 422, 503)


class StartNowGiven(Given):
    """How it starts now."""

    pre_roll: Length | None = Field(default=None, description="another length of it; default: as booked")
    force: Force = False


class ExtendGiven(Given):
    """By how much, or until when."""

    by: Length | None = Field(default=None, description="so much longer")
    until: Instant | None = Field(default=None, description="or until then: on the air, in post-roll the end of it")
    force: Force = False


class TimesGiven(Given):
    """Its new times; what is left out stays."""

    start: Instant | None = None
    end: Instant | None = Field(default=None, description="null makes it permanent")
    pre_roll: Length | None = None
    post_roll: Length | None = None
    force: Force = False

    def timing(self, before: Timing) -> Timing:
        """The stored times with what was given."""
        given = {name: getattr(self, name) for name in ("start", "end", "pre_roll", "post_roll")}
        return replace(
            before, **{k: v for k, v in given.items() if v is not None or (k == "end" and k in self.model_fields_set)}
        )


class RenameGiven(Given):
    """Its new name."""

    name: Name


class CopyGiven(Given):
    """How the duplicate differs."""

    name: Name | None = Field(default=None, description="default: the original's name with ` Copy`")
    start: Instant | None = Field(default=None, description="default: the same time, or what is left of it")
    id: Annotated[UUID, Field(strict=False)] | None = Field(default=None, description="your own UUID")
    force: Force = False


AS_BOOKED, SAME, NOTHING = StartNowGiven(), CopyGiven(), Nothing()


@router.post("/{ident}/start-now", response_model=BookingShown, responses=_COMMAND)
async def start_booking_now(ident: Ident, app: UseCases, asked: Asking, body: StartNowGiven = AS_BOOKED) -> Response:
    """Begin a confirmed booking's pre-roll now; the end stays."""
    return await answered(
        asked,
        lambda ask: app.bookings.start_now(
            asked.by, ident, asked.seen, pre_roll=body.pre_roll, force=body.force, ask=ask
        ),
    )


@router.post("/{ident}/extend", response_model=BookingShown, responses=_COMMAND)
async def extend_booking(ident: Ident, body: ExtendGiven, app: UseCases, asked: Asking) -> Response:
    """Have a running booking end later; in post-roll, post-roll is prolonged."""
    if (body.by is None) == (body.until is None):
        raise Invalid([Mistake("by", "and until: one of them is needed", "either by or until")])
    return await answered(
        asked,
        lambda ask: app.bookings.extend(
            asked.by, ident, asked.seen, by_us=body.by, until_us=body.until, force=body.force, ask=ask
        ),
    )


@router.post("/{ident}/adjust", response_model=BookingShown, responses=_COMMAND)
async def adjust_booking(ident: Ident, body: TimesGiven, app: UseCases, asked: Asking) -> Response:
    """Change its times; while it runs only the end, and in post-roll only how long that lasts."""
    return await answered(
        asked,
        lambda ask: app.bookings.adjust(asked.by, ident, asked.seen, body.timing, force=body.force, ask=ask),
    )


@router.post("/{ident}/rename", response_model=BookingShown, responses=_COMMAND)
async def rename_booking(ident: Ident, body: RenameGiven, app: UseCases, asked: Asking) -> Response:
    """Give it another name."""
    return await answered(asked, lambda ask: app.bookings.rename(asked.by, ident, asked.seen, body.name, ask))


@router.patch("/{ident}/properties", response_model=BookingShown, responses=_COMMAND | can(428))
async def set_booking_properties(ident: Ident, body: JsonObject, app: UseCases, asked: Asking) -> Response:
    """Change the properties that are given, leave the others; null takes one away. In every state."""
    return await answered(asked, lambda ask: app.bookings.set_properties(asked.by, ident, asked.seen, body, ask))


@router.post("/{ident}/duplicate", status_code=201, response_model=BookingShown, responses=_COMMAND)
async def duplicate_booking(ident: Ident, app: UseCases, asked: Asking, body: CopyGiven = SAME) -> Response:
    """Book the same once more; answers with the new booking."""
    copy = Copy(body.name or "", body.start, str(body.id) if body.id else "", body.force)
    return await answered(asked, lambda ask: app.bookings.duplicate(asked.by, ident, copy, ask), status=201)


@router.post("/{ident}/take", response_model=BookingShown, responses=_COMMAND)
async def take_booking(ident: Ident, app: UseCases, asked: Asking, _: Bare = NOTHING) -> Response:
    """Own a booking that nobody has; where the platform locks bookings, only its owner may change it."""
    return await answered(asked, lambda ask: app.bookings.take(asked.by, ident, asked.seen, ask))


@router.post("/{ident}/release", response_model=BookingShown, responses=_COMMAND)
async def release_booking(ident: Ident, app: UseCases, asked: Asking, _: Bare = NOTHING) -> Response:
    """Own it no more: anybody may take it."""
    return await answered(asked, lambda ask: app.bookings.release(asked.by, ident, asked.seen, ask))


@router.post("/{ident}/force-take", response_model=BookingShown, responses=_COMMAND)
async def force_take_booking(ident: Ident, app: UseCases, asked: Asking, _: Bare = NOTHING) -> Response:
    """Take it from its owner."""
    return await answered(asked, lambda ask: app.bookings.force_take(asked.by, ident, asked.seen, ask))


@router.delete("/{ident}", response_model=BookingShown, responses=_COMMAND | can(428))
async def delete_booking(ident: Ident, app: UseCases, asked: Asking) -> Response:
    """Hide a booking that has ended and is reset; its runs, log and changes can still be read."""
    return await answered(asked, lambda ask: app.bookings.delete(asked.by, ident, asked.seen, ask=ask))
