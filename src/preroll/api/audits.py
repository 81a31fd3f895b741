# SPDX-License-Identifier: Apache-2.0
"""Audits of a booking: have its service looked at now, and what was found."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import Field

from preroll.api.door import Asking, Ident
from preroll.api.fields import Shown, maybe_when, when
from preroll.api.idempotency import BOOKINGS, answered
from preroll.api.problems import can
from preroll.api.schemas import BookingShown, KnownShown, Nothing, known_shown
from preroll.app.audits import Audits, Check, Round
from preroll.domain.audit import Configuration, Finding, Status
from preroll.gate.door import By, UseCases

router = APIRouter(prefix=BOOKINGS, tags=["audits"])

NOTHING = Nothing()
Bare = Annotated[Nothing, Body(description="nothing, or an empty object")]


class CheckShown(Shown):
    """One check of a round."""

    name: str
    kind: str = Field(examples=["stream"])
    state: Finding | None = Field(description="null: its turn has not come")
    what: str = Field(description="what was looked at")
    expected: str
    found: str
    message: str = Field(description="what is wrong, or why the check could not be made")
    evidence: dict[str, Any] = Field(description="what was measured")
    tries: int = Field(description="how often it was looked at within its window")
    at: datetime | None


class RoundShown(Shown):
    """One round of checks, with what it says about the service as it was then."""

    run: str = Field(description="id of the run that made it")
    asked: str = Field(description="the event after which it was made, or who asked", examples=["START"])
    service_state: str
    began: datetime
    ended: datetime | None = Field(description="null: it is under way")
    status: Status | None = Field(description="null: no check of it looks at the service, or it is under way")
    configuration: Configuration | None = Field(description="null: no check of it reads devices, or it is under way")
    checks: list[CheckShown]


class AuditsShown(Shown):
    """What is known of a booking's service, and how."""

    booking: str
    known: KnownShown | None = Field(description="null: there is no service now, or nothing that looks at it")
    waiting: bool = Field(description="an audit is due or under way: there will be a newer round")
    rounds: list[RoundShown] = Field(description="newest first, at most 20")


@router.post(
    "/{ident}/audit", status_code=202, response_model=BookingShown,
    responses=can(400, 403, 404, 409, 412, 413, 422, 503),
)  # fmt: skip
async def audit_booking(ident: Ident, app: UseCases, asked: Asking, _: Bare = NOTHING) -> Response:
    """Have all checks of its service definition made now; `audits` tells what they found."""
    return await answered(asked, lambda ask: app.audits.ask(asked.by, ident, ask), status=202)


@router.get("/{ident}/audits", responses=can(403, 404, 422, 503))
async def list_booking_audits(ident: Ident, app: UseCases, by: By) -> AuditsShown:
    """What the audits of its service found, the newest round first."""
    return audits_shown(await app.audits.of(by, ident))


def audits_shown(found: Audits) -> AuditsShown:
    """The audits of a booking."""
    return AuditsShown(
        booking=found.booking, known=known_shown(found.known), waiting=found.waiting,
        rounds=[_round(one) for one in found.rounds],
    )  # fmt: skip


def _round(r: Round) -> RoundShown:
    return RoundShown(
        run=r.run, asked=r.asked, service_state=r.service_state, began=when(r.began_us), ended=maybe_when(r.ended_us),
        status=r.status, configuration=r.configuration, checks=[_check(c) for c in r.checks],
    )  # fmt: skip


def _check(c: Check) -> CheckShown:
    return CheckShown(
        name=c.name, kind=c.kind, state=c.state, what=c.what, expected=c.expected, found=c.found, message=c.message,
        evidence=dict(c.evidence), tries=c.tries, at=maybe_when(c.at_us),
    )  # fmt: skip
