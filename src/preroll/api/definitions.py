# SPDX-License-Identifier: Apache-2.0
"""Versions of service definitions: one of them, published or retired."""

from __future__ import annotations

from fastapi import APIRouter

from preroll.api.documents_shown import ServiceDefinitionShown, service_definition_shown
from preroll.api.door import Ident
from preroll.api.problems import can
from preroll.gate.door import By, UseCases

router = APIRouter(prefix="/api/v1/service-definitions/{ident}", tags=["catalogue"])

_MOVES = can(403, 404, 409, 422, 503)


@router.get("", responses=can(403, 404, 422, 503))
async def get_service_definition(ident: Ident, app: UseCases, by: By) -> ServiceDefinitionShown:
    """One version of a service definition."""
    return service_definition_shown(await app.definitions.get(by, ident))


@router.post("/publish", responses=_MOVES)
async def publish_service_definition(ident: Ident, app: UseCases, by: By) -> ServiceDefinitionShown:
    """Let a version be booked. What a version says never changes: a change is put in as a document."""
    return service_definition_shown(await app.definitions.publish(by, ident))


@router.post("/retire", responses=_MOVES)
async def retire_service_definition(ident: Ident, app: UseCases, by: By) -> ServiceDefinitionShown:
    """Let a version be booked no more. Bookings that have it keep it."""
    return service_definition_shown(await app.definitions.retire(by, ident))
