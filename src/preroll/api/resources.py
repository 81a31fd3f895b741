# SPDX-License-Identifier: Apache-2.0
"""Resources as people look for them, one of them changed at once, and the pools and functions that they make up."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from preroll.api import etag
from preroll.api.catalogue import AppliedShown, Asks, CatalogueQueried, DocumentPage, applied_shown, page
from preroll.api.documents import Choice
from preroll.api.documents_shown import (
    FunctionShown,
    PoolShown,
    ResourceShown,
    function_shown,
    pool_shown,
    resource_shown,
)
from preroll.api.door import Asking, Ident
from preroll.api.fields import Given, Queried, Word
from preroll.api.problems import can
from preroll.app.resources import ResourceFilter, SortBy
from preroll.domain.errors import Invalid, Mistake
from preroll.domain.resource import Mode, Resource
from preroll.formats.bundle import plain
from preroll.gate import paging
from preroll.gate.door import By, UseCases

router = APIRouter(prefix="/api/v1", tags=["catalogue"])

_LIST = can(403, 404, 422, 503)
Pairs = Annotated[list[Word], Field(max_length=20)]


class ResourcesQueried(CatalogueQueried):
    """Which resources, in which order; all of it must apply."""

    text: Word = Field(default="", description="part of the name")
    pool: Word = ""
    function: Word = ""
    mode: list[Mode] = Field(default=[], max_length=3, description="one of these")
    capability: Pairs = Field(default=[], description="one it has, as `codec`, or a value it can do, as `codec=HEVC`")
    label: Pairs = Field(default=[], description="one it has, as `site=north`")
    hands_off: bool | None = None
    sort: SortBy = SortBy.NAME

    def filter(self) -> ResourceFilter:
        """As the use case has it.

        Raises:
            Invalid: a label has no value.
        """
        found = [
            Mistake(f"query.label.{index}", "has no value", "NAME=VALUE")
            for index, label in enumerate(self.label)
            if "=" not in label
        ]
        if found:
            raise Invalid(found)
        capabilities = {
            name: plain(value) if is_ else None for name, is_, value in (c.partition("=") for c in self.capability)
        }
        labels = {name: value for name, _, value in (word.partition("=") for word in self.label)}
        return ResourceFilter(
            self.text, self.pool, self.function, frozenset(self.mode), capabilities, labels, self.hands_off
        )


class ResourceChange(Given):
    """What changes from one hour to the next; the rest is changed by document."""

    mode: Annotated[Mode, Choice] | None = None
    hands_off: bool | None = None
    force: bool = Field(default=False, description="bookings that then have too little are quarantined")


class ResourceRemoval(Queried):
    """At what price."""

    force: bool = Field(default=False, description="bookings that wait and have it are quarantined")


class PoolListed(PoolShown):
    """A pool and how many resources are in it; revision 0: no document describes it, resources bear its name."""

    resources: int


class FunctionListed(FunctionShown):
    """A function and how many resources have it; revision 0: no document describes it, resources bear its name."""

    resources: int


@router.get("/resources", responses=_LIST)
async def list_resources(
    asks: Annotated[ResourcesQueried, Query()], app: UseCases, by: By
) -> DocumentPage[ResourceShown]:
    """The resources of a platform."""
    where = asks.filter()
    key = asks.model_dump(mode="json", exclude={"cursor", "limit"})
    found, last = await app.resources.page(
        by, asks.platform, where, asks.sort, paging.decode(asks.cursor, key), asks.limit
    )
    return DocumentPage(items=[resource_shown(r) for r in found], next=paging.encode(last, key) if last else None)


@router.get("/resources/{ident}", responses=_LIST)
async def get_resource(ident: Ident, app: UseCases, by: By, response: Response) -> ResourceShown:
    """One resource."""
    return _answered(await app.catalogue.resource(by, ident), response)


@router.patch("/resources/{ident}", responses=can(400, 403, 404, 409, 412, 413, 422, 428, 503))
async def change_resource(
    ident: Ident, body: ResourceChange, app: UseCases, asked: Asking, response: Response
) -> ResourceShown:
    """Set a resource's mode, or take the engine's hands off it."""
    fields = body.model_dump(exclude={"force"}, exclude_none=True)
    found = await app.catalogue.change(asked.by, ident, fields, seen=asked.seen, force=body.force)
    return _answered(found, response)


def _answered(resource: Resource, response: Response) -> ResourceShown:
    response.headers["ETag"] = etag.tag(resource.revision)
    return resource_shown(resource)


@router.delete("/resources/{ident}", responses=can(403, 404, 409, 412, 422, 503))
async def delete_resource(
    ident: Ident, asks: Annotated[ResourceRemoval, Query()], app: UseCases, by: By
) -> AppliedShown:
    """Take a resource out; refused while bookings have it. By force those that wait are quarantined.

    One on which a booking runs stays, force or not. Added again under its name it has its old id.
    """
    return applied_shown(await app.catalogue.remove_resource(by, ident, force=asks.force))


@router.get("/pools", responses=_LIST)
async def list_pools(asks: Asks, app: UseCases, by: By) -> DocumentPage[PoolListed]:
    """The pools of a platform: those of documents, and those that resources name."""
    found = await app.resources.pools(by, asks.platform)
    return page(asks, [PoolListed(**pool_shown(p).model_dump(), resources=count) for p, count in found])


@router.get("/functions", responses=_LIST)
async def list_functions(asks: Asks, app: UseCases, by: By) -> DocumentPage[FunctionListed]:
    """The functions of a platform: those of documents, and those that resources name."""
    found = await app.resources.functions(by, asks.platform)
    return page(asks, [FunctionListed(**function_shown(f).model_dump(), resources=count) for f, count in found])
