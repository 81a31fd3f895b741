# SPDX-License-Identifier: Apache-2.0
"""Services that orders make: what they are, whether they are up, and what was done to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from preroll.api.audits import AuditsShown, audits_shown
from preroll.api.door import Asked, Asking, Ident
from preroll.api.history import ChangeShown, change_shown
from preroll.api.idempotency import carried_out, read_response
from preroll.api.problems import can
from preroll.api.schemas import Bare, Nothing
from preroll.api.services_shown import (
    AbandonGiven,
    AcceptGiven,
    ApproveGiven,
    DisapproveGiven,
    ServicePageShown,
    ServiceShown,
    ServicesQueried,
    service_shown,
    service_summary,
)
from preroll.app.asking import Ask
from preroll.app.service_audits import Approved
from preroll.app.services import ServiceDetails
from preroll.gate import paging
from preroll.gate.door import By, UseCases
from preroll.ports.orders import ServiceFilter

SERVICES = "/api/v1/services"
router = APIRouter(prefix=SERVICES, tags=["services"])

NOTHING = Nothing()
_COMMAND = can(400, 403, 404, 409, 412, 413, 422, 503)
_READ = can(403, 404, 422, 503)
Do = Callable[[Ask[ServiceDetails] | None], Awaitable[ServiceDetails]]


async def _answered(asked: Asked, do: Do, status: int = 200) -> Response:
    return await carried_out(asked, do, service_shown, SERVICES, status, moving=True)


@router.get("", responses=_READ)
async def list_services(asks: Annotated[ServicesQueried, Query()], app: UseCases, by: By) -> ServicePageShown:
    """Services, newest first; without a filter of states also those that are gone."""
    platform = (await app.platforms.get(by, asks.platform)).key if asks.platform is not None else None
    where = ServiceFilter(platform, frozenset(asks.state))
    after = paging.decode(asks.cursor, where)
    page = await app.services.page(by, where, after[0] if after else None, asks.limit)
    homes = {p.key: p.name for p in await app.platforms.list(by)}
    return ServicePageShown(
        items=[service_summary(s, homes[s.platform]) for s in page.items],
        next=paging.encode((page.next, ""), where) if page.next is not None else None,
    )


@router.get("/{ident}", response_model=ServiceShown, responses=_READ | {304: {"description": "you have it"}})
async def get_service(
    ident: Ident, app: UseCases, by: By, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """One service: its revisions, what it holds, what its audits say, and which orders can be made for it."""
    shown = service_shown(await app.services.get(by, ident))
    return read_response(shown, SERVICES, if_none_match)


@router.post("/{ident}/audit", status_code=202, response_model=ServiceShown, responses=_COMMAND)
async def audit_service(ident: Ident, app: UseCases, asked: Asking, _: Bare = NOTHING) -> Response:
    """Have all checks of its service definition made now; `audits` tells what they found."""
    return await _answered(asked, lambda ask: app.services.audit(asked.by, ident, ask), 202)


@router.get("/{ident}/audits", responses=_READ)
async def list_service_audits(ident: Ident, app: UseCases, by: By) -> AuditsShown:
    """What its audits found, the newest round first."""
    return audits_shown(await app.services.audits(by, ident))


@router.post("/{ident}/abandon", response_model=ServiceShown, responses=_COMMAND)
async def abandon_service(ident: Ident, body: AbandonGiven, app: UseCases, asked: Asking) -> Response:
    """Give up one that failed to deploy, without touching a device: it exists no more, its resources are free."""
    return await _answered(
        asked, lambda ask: app.services.abandon(asked.by, ident, asked.seen, body.name, body.why, ask)
    )


@router.post("/{ident}/accept", response_model=ServiceShown, responses=_COMMAND)
async def accept_service(ident: Ident, body: AcceptGiven, app: UseCases, asked: Asking) -> Response:
    """Have it be what its devices have: a new revision, deployed already. No device is touched."""
    return await _answered(
        asked, lambda ask: app.service_audits.accept(asked.by, ident, asked.seen, body.drift, body.reason, ask)
    )


@router.post("/{ident}/approve", response_model=ServiceShown, responses=_COMMAND)
async def approve_differences(ident: Ident, body: ApproveGiven, app: UseCases, asked: Asking) -> Response:
    """Let differences be until an instant: shown as approved, no alarm, until then or until they are others."""
    only = tuple((place.node, place.path) for place in body.only)
    approved = Approved(body.drift, body.reason, body.until, only)
    return await _answered(asked, lambda ask: app.service_audits.approve(asked.by, ident, asked.seen, approved, ask))


@router.post("/{ident}/disapprove", response_model=ServiceShown, responses=_COMMAND)
async def disapprove_differences(ident: Ident, body: DisapproveGiven, app: UseCases, asked: Asking) -> Response:
    """Take all approvals of its differences back."""
    return await _answered(
        asked, lambda ask: app.service_audits.disapprove(asked.by, ident, asked.seen, body.reason, ask)
    )


@router.get("/{ident}/changes", responses=_READ)
async def list_service_changes(ident: Ident, app: UseCases, by: By) -> list[ChangeShown]:
    """Everything that happened to it, oldest first: who, when, what, from, to, why."""
    return [change_shown(change) for change in await app.services.history(by, ident)]
