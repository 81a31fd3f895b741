# SPDX-License-Identifier: Apache-2.0
"""Resource automation: a profile applied to a resource now, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from preroll.api.door import Asking, Ident
from preroll.api.fields import Given, JsonObject, Name, Prose, Shown, maybe_when, when
from preroll.api.problems import can
from preroll.api.runs_shown import RunShown, run_shown
from preroll.app.asking import Ask, Replayed
from preroll.app.automation import Applying
from preroll.domain.automation import Part, Wanted
from preroll.domain.boundaries import BoundaryState
from preroll.gate.door import By, UseCases
from preroll.gate.repeats import REPLAYED
from preroll.ports.store import StoredAnswer

router = APIRouter(prefix="/api/v1", tags=["catalogue"])
APPLIED = "/api/v1/applied"


class ApplyGiven(Given):
    """What is to be applied to a resource."""

    profile: Name = Field(description="the name of a profile instance")
    state: Name | None = Field(default=None, description="a service state for which it has values: these on top")
    part: Annotated[Part, Field(strict=False)] = Field(
        default=Part.WHOLE,
        description="`whole`: the profile's values; `state`: only the state's; `defaults`: the parameters' defaults",
    )
    values: JsonObject = Field(default={}, description="own values, on top of all others")
    why: Prose = ""
    force: bool = Field(default=False, description="although bookings have the resource: it is applied beneath them")

    def wanted(self) -> Wanted:
        """As the use case takes it."""
        return Wanted(self.profile, self.state or "", self.part, self.values, self.why)


class ApplyingShown(Shown):
    """A profile that is applied to a resource, or was."""

    id: str
    resource: str = Field(description="id of the resource")
    name: str = Field(description="of the resource")
    profile: str
    state: str = Field(description="the service state whose values were on top; empty: none was named")
    part: Part
    outcome: BoundaryState = Field(description="`armed` and `running`: it is not over yet")
    message: str = Field(description="of one that failed: why")
    waiting: str = Field(description="why it has not begun; empty: it has")
    asked: datetime
    by: str
    why: str
    ended: datetime | None
    run: RunShown | None = Field(description="null: it has not begun")


@router.post(
    "/resources/{ident}/apply", status_code=202, response_model=ApplyingShown,
    responses=can(400, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def apply_profile(ident: Ident, body: ApplyGiven, app: UseCases, asked: Asking) -> Response:
    """Apply a profile to a resource now, outside of any booking; `Location` tells where to look how it went.

    Refused with every booking that has the resource, or will have it soon; by force it is applied all the same.
    """

    def render(made: Applying) -> StoredAnswer:
        return StoredAnswer(asked.digest, 202, made.booking.id)

    ask, headers = Ask(asked.route, asked.key, asked.digest, render) if asked.key else None, dict[str, str]()
    try:
        found = await app.automation.apply(asked.by, ident, body.wanted(), force=body.force, ask=ask)
    except Replayed as before:
        found, headers = await app.automation.get(asked.by, before.answer.body), {REPLAYED: "true"}
    shown = applying_shown(found)
    headers["Location"] = f"{APPLIED}/{shown.id}"
    return Response(shown.model_dump_json(), 202, headers, media_type="application/json")


@router.get("/applied/{ident}", responses=can(403, 404, 422, 503))
async def get_applied(ident: Ident, app: UseCases, by: By) -> ApplyingShown:
    """What became of a profile that was applied to a resource: its run, with each value that it changed."""
    return applying_shown(await app.automation.get(by, ident))


def applying_shown(found: Applying) -> ApplyingShown:
    """A profile that is applied to a resource."""
    booking, boundary = found.booking, found.boundary
    said = {name: str(booking.properties[name]) for name in ("state", "why")}
    (choice,) = booking.nodes.values()
    return ApplyingShown(
        id=booking.id, resource=found.resource, name=found.name, profile=choice.profile or "", part=found.part,
        outcome=boundary.state, message=boundary.message, waiting=found.waiting, asked=when(booking.created_us),
        by=booking.created_by, ended=maybe_when(boundary.ended_us), run=run_shown(found.run) if found.run else None,
        **said,
    )  # fmt: skip
