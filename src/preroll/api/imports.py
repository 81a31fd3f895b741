# SPDX-License-Identifier: Apache-2.0
"""Resources from a spreadsheet: each line becomes a document, and the way is that of a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, TypeAdapter, ValidationError

from preroll.api.catalogue import DifferenceShown
from preroll.api.documents import ResourceGiven
from preroll.api.fields import Given, Name, Shown
from preroll.api.problems import can, mistakes_of
from preroll.api.written import differences, written
from preroll.app import App
from preroll.app.comparison import ChangeKind, Plan, Step
from preroll.domain.config import Platform
from preroll.domain.errors import Invalid, Mistake, Stale
from preroll.domain.permission import Actor
from preroll.domain.resource import Resource
from preroll.formats import csv
from preroll.gate.door import By, UseCases

router = APIRouter(prefix="/api/v1/resources", tags=["catalogue"])

ROUNDS = 5
_RESOURCES: TypeAdapter[list[ResourceGiven]] = TypeAdapter(list[ResourceGiven])


class Sheet(Given):
    """A spreadsheet of resources."""

    platform: Name = "default"
    text: Annotated[str, Field(max_length=csv.MOST_TEXT)] = Field(
        description="CSV; the first line names the columns",
        examples=["name,function,capacity.bitrate\nENC 1,encoding,50\n"],
    )
    dry_run: bool = Field(default=False, description="only tell what would change")
    force: bool = Field(default=False, description="bookings that then have too little are quarantined")


class ImportedLine(Shown):
    """What became of one line."""

    line: int
    name: str
    change: str = Field(examples=["added", "changed", "unchanged"])
    fields: list[DifferenceShown] = Field(description="of a resource that is changed")


class Imported(Shown):
    """What became of a spreadsheet; nothing is taken out."""

    platform: str
    stored: bool = Field(description="false: it was a dry run")
    lines: list[ImportedLine]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A spreadsheet as it was sent, read."""

    platform: str
    sheet: csv.Sheet
    force: bool

    async def plan(self, app: App, by: Actor) -> tuple[Plan, list[Resource]]:
        """What it would change.

        Raises:
            Invalid: every mistake, each with line and column. Stale: the catalogue was changed meanwhile.
        """
        home, *known = await app.catalogue.export(by, self.platform, kinds=("platform", "resource"))
        assert isinstance(home, Platform)  # noqa: S101 - it is the first of an export
        stored = {thing.name: thing for thing in known if isinstance(thing, Resource)}
        lines = self.sheet.lines
        documents = [line.over(written(stored[line.name]) if line.name in stored else None) for line in lines]
        sound, mistakes = _sound(documents)
        resources = [sound.get(index, stored.get(line.name, Resource(line.name))) for index, line in enumerate(lines)]
        try:
            plan = await app.catalogue.plan(by, self.platform, resources, force=self.force)
        except Invalid as error:
            raise Invalid(self.sheet.refusal([*mistakes, *error.mistakes]), hint=error.hint) from None
        if refused := self.sheet.refusal(mistakes):
            raise Invalid(refused)
        if plan.version != home.catalogue_version:
            raise Stale(f"the catalogue of {self.platform}", home.catalogue_version, plan.version)
        return plan, resources

    async def carried_out(self, app: App, by: Actor, *, dry_run: bool) -> Plan:
        """Plan it and carry it out; again when the catalogue was changed in between."""
        rounds = count(1)
        while True:
            try:
                plan, resources = await self.plan(app, by)
                if not dry_run:
                    await app.catalogue.apply(by, self.platform, resources, version=plan.version, force=self.force)
                return plan
            except Stale:
                if next(rounds) == ROUNDS:
                    raise


def _sound(documents: Sequence[dict[str, Any]]) -> tuple[dict[int, Resource], list[Mistake]]:
    """The resources that these documents are, by index; and what is wrong with the others, as ``<index>.<field>``."""
    rest, mistakes = dict(enumerate(documents)), list[Mistake]()
    try:
        given = _RESOURCES.validate_python(documents)
    except ValidationError as error:
        errors = error.errors()
        mistakes = mistakes_of(errors, list[ResourceGiven])
        rest = {index: rest[index] for index in rest.keys() - {wrong["loc"][0] for wrong in errors}}
        given = _RESOURCES.validate_python(list(rest.values()))
    return {index: resource.thing() for index, resource in zip(rest, given, strict=True)}, mistakes


@router.post("/import", responses=can(400, 403, 404, 409, 412, 413, 422, 503))
async def import_resources(body: Sheet, app: UseCases, by: By) -> Imported:
    """Add and change resources from a spreadsheet, in one transaction or not at all; nothing is taken out."""
    asked = _Asked(body.platform, csv.read(body.text), body.force)
    plan = await asked.carried_out(app, by, dry_run=body.dry_run)
    return Imported(platform=body.platform, stored=not body.dry_run, lines=_lines(asked.sheet.lines, plan))


def _lines(lines: Sequence[csv.Line], plan: Plan) -> list[ImportedLine]:
    steps = {step.document.name: step for step in plan.steps}
    return [_line(line, steps[line.name]) for line in lines]


def _line(line: csv.Line, step: Step) -> ImportedLine:
    changed = step.change is ChangeKind.CHANGED
    fields = differences(step.before, step.after) if changed and step.before and step.after else []
    shown = [DifferenceShown(field=d.field, before=d.before, after=d.after) for d in fields]
    return ImportedLine(line=line.number, name=line.name, change=step.change.value, fields=shown)
