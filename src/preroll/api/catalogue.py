# SPDX-License-Identifier: Apache-2.0
"""The catalogue: lists of what can be booked, and one way to change it, by document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import APIRouter, Query
from pydantic import Field

from preroll.api import paging
from preroll.api.documents import (
    DocumentGiven,
    DocumentShown,
    ProfileDefinitionShown,
    ProfileInstanceShown,
    ResourceShown,
    ServiceDefinitionShown,
    profile_definition_shown,
    profile_instance_shown,
    resource_shown,
    service_definition_shown,
)
from preroll.api.door import By, Ident, UseCases
from preroll.api.fields import Given, Name, Queried, Shown
from preroll.api.problems import can
from preroll.domain.errors import Invalid, Mistake

router = APIRouter(prefix="/api/v1", tags=["catalogue"])

MOST_DOCUMENTS = 10_000
_LIST = can(403, 404, 422, 503)

S = TypeVar("S", bound=DocumentShown)


class CatalogueQueried(Queried):
    """Of which platform, and from where."""

    platform: Name = "default"
    cursor: Annotated[str, Field(max_length=500)] | None = Field(default=None, description="`next` of the page before")
    limit: Annotated[int, Field(ge=1, le=paging.MOST)] = paging.DEFAULT


class Documents(Given):
    """Documents to be stored by name, all or none."""

    platform: Name = "default"
    documents: Annotated[list[DocumentGiven], Field(max_length=MOST_DOCUMENTS)]


class AppliedShown(Shown):
    """One document as it is stored now."""

    kind: str
    name: str
    id: str
    change: str = Field(examples=["added", "changed", "unchanged"])


class AppliedPage(Shown):
    """All documents, as they are stored now."""

    items: list[AppliedShown]


class DocumentPage(Shown, Generic[S]):
    """One page of a list, sorted by name and revision."""

    items: list[S]
    next: str | None = Field(description="cursor of the next page; null: this is the last")


Asks = Annotated[CatalogueQueried, Query()]


@router.post("/catalogue", responses=can(400, 403, 404, 409, 413, 422, 503))
async def apply_catalogue(body: Documents, app: UseCases, by: By) -> AppliedPage:
    """Store documents by name in one transaction, or none of them. A repeat changes nothing."""
    try:
        applied = await app.catalogue.apply(by, body.platform, [d.thing() for d in body.documents])
    except Invalid as error:
        found = [Mistake(f"documents.{m.where}", m.what, m.expected) for m in error.mistakes]
        raise Invalid(found, hint=error.hint) from None
    return AppliedPage(items=[AppliedShown(kind=a.kind, name=a.name, id=a.id, change=a.change) for a in applied])


@router.get("/resources", responses=_LIST)
async def list_resources(asks: Asks, app: UseCases, by: By) -> DocumentPage[ResourceShown]:
    """The resources of a platform."""
    return _page(asks, [resource_shown(r) for r in await app.catalogue.resources(by, asks.platform)])


@router.get("/resources/{ident}", responses=_LIST)
async def get_resource(ident: Ident, app: UseCases, by: By) -> ResourceShown:
    """One resource."""
    return resource_shown(await app.catalogue.resource(by, ident))


@router.get("/profile-definitions", responses=_LIST)
async def list_profile_definitions(asks: Asks, app: UseCases, by: By) -> DocumentPage[ProfileDefinitionShown]:
    """The profile definitions of a platform."""
    found = await app.catalogue.profile_definitions(by, asks.platform)
    return _page(asks, [profile_definition_shown(p) for p in found])


@router.get("/profile-instances", responses=_LIST)
async def list_profile_instances(asks: Asks, app: UseCases, by: By) -> DocumentPage[ProfileInstanceShown]:
    """The profile instances of a platform."""
    found = await app.catalogue.profile_instances(by, asks.platform)
    return _page(asks, [profile_instance_shown(i) for i in found])


@router.get("/service-definitions", responses=_LIST)
async def list_service_definitions(asks: Asks, app: UseCases, by: By) -> DocumentPage[ServiceDefinitionShown]:
    """All versions of the service definitions of a platform."""
    found = await app.catalogue.definitions(by, asks.platform)
    return _page(asks, [service_definition_shown(d) for d in found])


def _page(asks: CatalogueQueried, documents: Sequence[S]) -> DocumentPage[S]:
    after = paging.decode(asks.cursor, asks.platform)
    keys = [(d.name, d.revision) for d in documents]
    rows = sorted(zip(keys, documents, strict=True), key=lambda row: row[0])
    rows = [row for row in rows if after is None or row[0] > (after[1], after[0])]
    shown = rows[: asks.limit]
    more = paging.encode((shown[-1][0][1], shown[-1][0][0]), asks.platform) if len(rows) > len(shown) else None
    return DocumentPage(items=[document for _, document in shown], next=more)
