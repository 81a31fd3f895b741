# SPDX-License-Identifier: Apache-2.0
"""Actions on the resources and the service state of a booking, also while it runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from preroll.api.door import Asking, Ident
from preroll.api.fields import Given, JsonObject, Name, Prose
from preroll.api.idempotency import BOOKINGS, answered
from preroll.api.problems import can
from preroll.api.schemas import BookingShown, Force, Why
from preroll.app.bookings import Refit
from preroll.gate.door import UseCases

router = APIRouter(prefix=BOOKINGS, tags=["bookings"])
_COMMAND = can(400, 403, 404, 409, 412, 413, 422, 503)

NO_WHY = Why()
ApplyNow = Annotated[bool, Field(description="configure the devices at once; needed while the booking runs")]


class RefitGiven(Given):
    """What is to be on a node."""

    node: Name = Field(description="the node's label")
    resource: Name | None = Field(default=None, description="id or name; default: the best one that is free, a spare")
    profile: Name | None = Field(default=None, description="a profile instance; default: as it is")
    values: JsonObject = Field(default={}, description="own values; default: as they are")
    apply_now: ApplyNow = False
    force: Force = False

    def refit(self) -> Refit:
        """As the use case takes it."""
        return Refit(self.node, self.resource, self.profile, self.values, self.apply_now, self.force)


class RemoveGiven(Given):
    """Which node loses its resource."""

    node: Name = Field(description="the node's label")
    apply_now: ApplyNow = False


class ForcedGiven(Given):
    """The service state that is forced."""

    state: Name = Field(examples=["STANDBY"])
    why: Prose = ""
    anyway: bool = Field(default=False, description="also when the next event would be forbidden after it")


@router.post("/{ident}/add", response_model=BookingShown, responses=_COMMAND)
async def add_resource(ident: Ident, body: RefitGiven, app: UseCases, asked: Asking) -> Response:
    """Put a resource on a node that has none; while the booking runs, it is configured at once."""
    return await answered(asked, lambda ask: app.bookings.add(asked.by, ident, asked.seen, body.refit(), ask))


@router.post("/{ident}/swap", response_model=BookingShown, responses=_COMMAND)
async def swap_resource(ident: Ident, body: RefitGiven, app: UseCases, asked: Asking) -> Response:
    """Put another resource, or a spare, on a node.

    While the booking runs the new one is configured to the service state as it is; then the one that was taken out is
    brought to its ended state and released. The booking's events tell when.
    """
    return await answered(asked, lambda ask: app.bookings.swap(asked.by, ident, asked.seen, body.refit(), ask))


@router.post("/{ident}/remove", response_model=BookingShown, responses=_COMMAND)
async def remove_resource(ident: Ident, body: RemoveGiven, app: UseCases, asked: Asking) -> Response:
    """Take a node's resource away; while the booking runs, it is brought to its ended state before it is free."""
    change = Refit(body.node, apply_now=body.apply_now)
    return await answered(asked, lambda ask: app.bookings.remove(asked.by, ident, asked.seen, change, ask))


@router.post("/{ident}/apply-now", response_model=BookingShown, responses=_COMMAND)
async def apply_profiles_now(ident: Ident, app: UseCases, asked: Asking, body: Why = NO_WHY) -> Response:
    """Bring changed profiles to a running booking, which kept them as they were when it began."""
    return await answered(asked, lambda ask: app.bookings.apply_now(asked.by, ident, asked.seen, body.why, ask))


@router.post("/{ident}/force-state", response_model=BookingShown, responses=_COMMAND)
async def force_service_state(ident: Ident, body: ForcedGiven, app: UseCases, asked: Asking) -> Response:
    """Have the definition's action for a service state run now; the life cycle stays."""
    return await answered(
        asked,
        lambda ask: app.bookings.force_state(
            asked.by, ident, asked.seen, body.state, why=body.why, anyway=body.anyway, ask=ask
        ),
    )
