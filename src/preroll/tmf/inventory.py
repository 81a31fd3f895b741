# SPDX-License-Identifier: Apache-2.0
"""TMF638 Service Inventory v4: ``service`` to be read. A service is changed by an order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fastapi import APIRouter, Request, Response

from preroll.domain.errors import Invalid, Mistake
from preroll.gate.door import By, UseCases
from preroll.ports.orders import ServiceFilter
from preroll.tmf.contract import FIELDS, LIMIT, OFFSET, filtered, says
from preroll.tmf.door import Document, Ident, page
from preroll.tmf.lists import fields_of, listing, selected
from preroll.tmf.resources import SERVICE
from preroll.tmf.services import INVENTORY, service_document
from preroll.tmf.states import SERVICE_STATES

router = APIRouter(prefix=f"{INVENTORY}/service")

FILTERS = ("category", "state")


@router.get(
    "", **says(SERVICE, many=True, parameters=(FIELDS, OFFSET, LIMIT, *map(filtered, FILTERS))),
    operation_id="listService",
)  # fmt: skip
async def list_services(request: Request, app: UseCases, by: By) -> Response:
    """Services that the client sees, newest first."""
    asked = listing(request.query_params.multi_items(), FILTERS)
    platforms = {p.key: p.name for p in await app.platforms.list(by)}
    where = _where(asked.where, platforms)
    if where is None:
        return page(request, asked, 0, ())
    total, found = await app.services.listing(by, where, asked.offset, asked.limit)
    return page(request, asked, total, [service_document(one) for one in found])


@router.get("/{id}", **says(SERVICE, parameters=(FIELDS,)), operation_id="retrieveService")
async def get_service(ident: Ident, request: Request, app: UseCases, by: By) -> Response:
    """One service."""
    found = service_document(await app.services.get(by, ident))
    return Document(selected(found, fields_of(request.query_params.get("fields"))))


def _where(said: Mapping[str, str], platforms: Mapping[int, str]) -> ServiceFilter | None:
    """The native filter; None: no service is so.

    Raises:
        Invalid: there is no such state.
    """
    state, category = said.get("state"), said.get("category")
    if state is not None and state not in SERVICE_STATES:
        raise Invalid([Mistake("state", f"is {state[:50]!r}", ", ".join(SERVICE_STATES))])
    named = {name: key for key, name in platforms.items()}
    if category is not None and category not in named:
        return None
    found = SERVICE_STATES[state] if state else ServiceFilter()
    return replace(found, platform=named[category] if category else None)
