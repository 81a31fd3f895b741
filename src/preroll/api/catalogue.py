# SPDX-License-Identifier: Apache-2.0
"""The catalogue: lists of what can be booked, and one way to change it, by document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import APIRouter, Query
from pydantic import Field

from preroll.api.documents_shown import (
    DocumentShown,
    ProfileDefinitionShown,
    ProfileInstanceShown,
    ResolvedShown,
    ServiceDefinitionShown,
    profile_definition_shown,
    profile_instance_shown,
    resolved_shown,
    service_definition_shown,
)
from preroll.api.door import Ident
from preroll.api.fields import Name, Queried, Shown, Word
from preroll.api.problems import LosingProblem, can, losing_shown
from preroll.api.sent import Documents
from preroll.api.written import differences, written
from preroll.app.catalogue import Applied
from preroll.app.comparison import Plan, Step
from preroll.domain.errors import Invalid, Mistake
from preroll.domain.naming import counted
from preroll.gate import paging
from preroll.gate.door import By, UseCases

router = APIRouter(prefix="/api/v1", tags=["catalogue"])

_LIST = can(403, 404, 422, 503)

Kind = Literal[
    "platform", "pool", "profile_definition", "function", "profile_instance", "resource", "service_definition"
]
S = TypeVar("S", bound=DocumentShown)


class CatalogueQueried(Queried):
    """Of which platform, and from where."""

    platform: Name = "default"
    cursor: Annotated[str, Field(max_length=500)] | None = Field(default=None, description="`next` of the page before")
    limit: Annotated[int, Field(ge=1, le=paging.MOST)] = paging.DEFAULT


class DocumentsOfPlan(Documents):
    """Documents to be stored by name, all or none, as a plan showed it."""

    version: Annotated[int, Field(ge=0, le=2**53)] | None = Field(
        default=None, description="that of the plan: refused if the catalogue is another one now; null: as it is"
    )
    force: bool = Field(default=False, description="bookings that then have too little are quarantined")


class DifferenceShown(Shown):
    """One field that changes."""

    field: str = Field(examples=["parameters.rate.maximum"])
    before: Any
    after: Any


class StepShown(Shown):
    """What happens to one document."""

    kind: str
    name: str
    change: str = Field(examples=["added", "changed", "removed"])
    fields: list[DifferenceShown] = Field(description="of a document that is changed")
    users: list[str] = Field(description="who still needs what would be removed: nothing is done as long as one does")


class GapShown(Shown):
    """A script that a document names and that cannot be run for it."""

    kind: str
    name: str
    field: str = Field(examples=["actions.START"])
    script: str
    problem: str = Field(examples=["is not installed"])


class PlanShown(Shown):
    """What documents would do to a catalogue."""

    platform: str
    bundle: str
    version: int = Field(description="of the catalogue; sent along with the documents, it makes sure of the plan")
    steps: list[StepShown] = Field(description="what would be added, changed and removed, in this order")
    unchanged: int = Field(description="how many documents are there already as they are")
    losing: list[LosingProblem] = Field(
        description="what bookings would lose, and which that run would be in conflict: nothing is done without force"
    )
    scripts: list[GapShown] | None = Field(
        description="scripts that are missing or of another kind; null: this server does not know the scripts"
    )


class ExportQueried(Queried):
    """Which documents."""

    platform: Name = "default"
    kind: list[Kind] = Field(default=[], max_length=10)
    name: list[Name] = Field(default=[], max_length=1000)
    bundle: Word = Field(default="", description="only what this bundle created")


class Export(Shown):
    """Documents as a bundle has them: each can be sent back as it is."""

    platform: str
    documents: list[dict[str, Any]]


class AppliedShown(Shown):
    """One document as it is stored now."""

    kind: str
    name: str
    id: str
    change: str = Field(examples=["added", "changed", "removed", "unchanged"])


class AppliedPage(Shown):
    """All documents, as they are stored now."""

    items: list[AppliedShown]


class DocumentPage(Shown, Generic[S]):
    """One page of a list, sorted by name and revision."""

    items: list[S]
    next: str | None = Field(description="cursor of the next page; null: this is the last")


Asks = Annotated[CatalogueQueried, Query()]


@router.post("/catalogue", responses=can(400, 403, 404, 409, 412, 413, 422, 503))
async def apply_catalogue(body: DocumentsOfPlan, app: UseCases, by: By) -> AppliedPage:
    """Store documents by name in one transaction, or none of them. A repeat changes nothing."""
    with _in_the_body():
        applied = await app.catalogue.apply(
            by, body.platform, body.things(), prune=body.prune, version=body.version, force=body.force
        )
    return AppliedPage(items=[applied_shown(a) for a in applied])


@router.post("/catalogue/plan", responses=can(400, 403, 404, 413, 422, 503))
async def plan_catalogue(body: Documents, app: UseCases, by: By) -> PlanShown:
    """What storing these documents would add, change and remove. Nothing is written."""
    with _in_the_body():
        plan = await app.catalogue.plan(by, body.platform, body.things(), prune=body.prune)
    return _plan_shown(plan)


@router.get("/catalogue", responses=_LIST)
async def export_catalogue(asks: Annotated[ExportQueried, Query()], app: UseCases, by: By) -> Export:
    """The platform and its catalogue as documents of a bundle; of a service definition the newest version."""
    found = await app.catalogue.export(by, asks.platform, kinds=asks.kind, names=asks.name, bundle=asks.bundle)
    return Export(platform=asks.platform, documents=[written(thing) for thing in found])


class Removal(Queried):
    """Which document."""

    platform: Name = "default"
    kind: Literal["pool", "profile_definition", "function", "profile_instance", "resource", "service_definition"]
    name: Name
    force: bool = Field(default=False, description="bookings that wait and have the resource are quarantined")


@router.delete("/catalogue", responses=can(403, 404, 409, 412, 422, 503))
async def remove_document(asks: Annotated[Removal, Query()], app: UseCases, by: By) -> AppliedShown:
    """Take one document out; refused as long as bookings or other documents need it."""
    return applied_shown(await app.catalogue.remove(by, asks.platform, (asks.kind, asks.name), force=asks.force))


def applied_shown(a: Applied) -> AppliedShown:
    """One document as it is stored now."""
    return AppliedShown(kind=a.kind, name=a.name, id=a.id, change=a.change)


@contextmanager
def _in_the_body() -> Iterator[None]:
    """Mistakes of documents are told with their place in the request."""
    try:
        yield
    except Invalid as error:
        found = [
            Mistake(f"documents.{m.where}" if m.where[:1].isdigit() else m.where, m.what, m.expected)
            for m in error.mistakes
        ]
        raise Invalid(found, hint=error.hint) from None


def _plan_shown(plan: Plan) -> PlanShown:
    gaps = plan.gaps
    return PlanShown(
        platform=plan.platform, bundle=plan.bundle, version=plan.version, steps=[_step_shown(s) for s in plan.doing],
        unchanged=len(plan.steps) - len(plan.doing), losing=[losing_shown(one) for one in plan.losing],
        scripts=None if gaps is None else [
            GapShown(kind=g.kind, name=g.name, field=g.field, script=g.script, problem=g.problem) for g in gaps
        ],
    )  # fmt: skip


def _step_shown(step: Step) -> StepShown:
    kind, name = step.title
    found = differences(step.before, step.after) if step.before and step.after else []
    fields = [DifferenceShown(field=d.field, before=d.before, after=d.after) for d in found]
    return StepShown(kind=kind, name=name, change=step.change.value, fields=fields, users=list(step.users))


@router.get("/profile-definitions", responses=_LIST)
async def list_profile_definitions(asks: Asks, app: UseCases, by: By) -> DocumentPage[ProfileDefinitionShown]:
    """The profile definitions of a platform."""
    found = await app.catalogue.profile_definitions(by, asks.platform)
    return page(asks, [profile_definition_shown(p) for p in found])


@router.get("/profile-instances", responses=_LIST)
async def list_profile_instances(asks: Asks, app: UseCases, by: By) -> DocumentPage[ProfileInstanceShown]:
    """The profile instances of a platform."""
    found = await app.catalogue.profile_instances(by, asks.platform)
    return page(asks, [profile_instance_shown(i) for i in found])


@router.get("/profile-instances/{ident}/resolved", responses=_LIST)
async def get_resolved_profile(ident: Ident, app: UseCases, by: By) -> ResolvedShown:
    """What a profile instance says with all that it inherits, and in which instance each value stands."""
    return resolved_shown(*await app.catalogue.profile(by, ident))


@router.get("/service-definitions", responses=_LIST)
async def list_service_definitions(asks: Asks, app: UseCases, by: By) -> DocumentPage[ServiceDefinitionShown]:
    """All versions of the service definitions of a platform."""
    found = await app.catalogue.definitions(by, asks.platform)
    return page(asks, [service_definition_shown(d) for d in found])


def page(asks: CatalogueQueried, documents: Sequence[S]) -> DocumentPage[S]:
    """One page of documents, in the order of their names."""
    after = paging.decode(asks.cursor, asks.platform)
    rows = sorted(documents, key=lambda d: (counted(d.name), d.revision))
    if after is not None:
        rows = [d for d in rows if (counted(d.name), d.revision) > (counted(after[1]), after[0])]
    shown = rows[: asks.limit]
    more = paging.encode((shown[-1].revision, shown[-1].name), asks.platform) if len(rows) > len(shown) else None
    return DocumentPage(items=shown, next=more)
