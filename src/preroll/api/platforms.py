# SPDX-License-Identifier: Apache-2.0
"""Platforms and their settings: read, changed setting by setting, undone, with their history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field, ValidationError

from preroll.api import etag, keys
from preroll.api.door import Asking
from preroll.api.fields import Given, JsonObject, Name, Prose, Queried, Shown, when
from preroll.api.platform_documents import (
    LookShown,
    Pair,
    PlatformGiven,
    PlatformShown,
    SettingsGiven,
    looks_shown,
    platform_shown,
)
from preroll.api.problems import can, mistakes_of
from preroll.api.written import whole
from preroll.app.platforms import Past, Unread
from preroll.domain.config import Platform
from preroll.domain.errors import Mistake
from preroll.gate.door import By, UseCases

router = APIRouter(prefix="/api/v1/platforms", tags=["platforms"])

Called = Annotated[Name, Path(description="the platform's name")]
Force = Annotated[
    bool,
    Field(
        description="save it although the transition table lacks rows, a script or a definition is named that is not "
        "there, or events of bookings would fail"
    ),
]
_CHANGE = can(400, 403, 404, 409, 412, 413, 422, 428, 503)


class TransitionsGiven(Given):
    """Rows of the transition table: *Add State*, *Delete State(s)*; a row is edited by doing both."""

    add: list[Pair] = Field(default=[], max_length=1000, examples=[[["PAUSE", "START"]]])
    remove: list[Pair] = Field(default=[], max_length=1000)


class SettingsChange(Given):
    """What is to change; every other setting stays as it is."""

    set: JsonObject = Field(default={}, description="dotted setting -> value", examples=[{"limits.lso": 300}])
    reset: list[Name] = Field(
        default=[], max_length=100, description="settings, or whole sections, that go back to what is shipped",
        examples=[["service_states.transitions", "lifecycle_colors.light.Confirmed"]],
    )  # fmt: skip
    transitions: TransitionsGiven = TransitionsGiven()
    force: Force = False
    why: Prose = Field(default="", description="kept in the history")

    def rule(self, before: Platform) -> Platform:
        """The platform with the change.

        Raises:
            Unread: settings do not exist, or are of another shape.
        """
        document, shipped = whole(before), whole(PlatformGiven(name=before.name).thing())
        wrong = [m for key, value in self.set.items() if (m := keys.put(document, key, value))]
        wrong += [m for key in self.reset if (m := keys.reset(document, shipped, key))]
        rows = document["service_states"]["transitions"]
        wrong += self._edited(rows)
        try:
            given = PlatformGiven.model_validate_json(json.dumps(document))
        except ValidationError as error:
            errors, was = error.errors(), whole(before)
            wrong += mistakes_of(errors, PlatformGiven)
            for one in errors:
                keys.put_back(document, was, one["loc"])
            given = PlatformGiven.model_validate_json(json.dumps(document))
        now = given.thing()
        after = replace(before, zone=now.zone, config=replace(now.config, version=before.config.version))
        if wrong:
            raise Unread(wrong, after)
        return after

    def _edited(self, rows: list[Any]) -> list[Mistake]:
        wrong = []
        for index, row in enumerate(self.transitions.remove):
            if row in rows:
                rows.remove(row)
            else:
                what = f"there is no row {' -> '.join(row)}"
                wrong.append(Mistake(f"transitions.remove.{index}", what, "a row of the table, spelled as it is there"))
        rows += self.transitions.add
        return wrong


class UndoGiven(Given):
    """Which version of the settings is to hold again."""

    to: Annotated[int, Field(ge=1, le=2**53)] | None = Field(default=None, description="null: the one before")
    force: Force = False


class DifferingShown(Shown):
    """One setting that a version changed."""

    setting: str = Field(examples=["limits.lso"])
    before: str = Field(description="empty: it was not there")
    after: str


class EditionShown(Shown):
    """A version of the settings."""

    version: int
    at: datetime
    actor: str
    why: str
    changed: list[DifferingShown]


class History(Shown):
    """Versions of the settings, the newest first."""

    items: list[EditionShown]
    next: int | None = Field(description="`before` of the next page; null: this is the last")


class HistoryQueried(Queried):
    """Which versions."""

    before: Annotated[int, Field(ge=1, le=2**53)] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100


@router.get("", responses=can(403, 503))
async def list_platforms(app: UseCases, by: By) -> list[PlatformShown]:
    """All platforms."""
    return [platform_shown(p) for p in await app.platforms.list(by)]


@router.get("/{name}", response_model=PlatformShown, responses=can(403, 404, 422, 503))
async def get_platform(name: Called, app: UseCases, by: By) -> Response:
    """One platform with its settings; the ETag is their version."""
    return _answered(await app.platforms.get(by, name))


@router.put("/{name}", response_model=PlatformShown, responses=_CHANGE)
async def put_platform(
    name: Called, body: SettingsGiven, app: UseCases, asked: Asking, *, force: Annotated[bool, Query()] = False
) -> Response:
    """Make a platform, or replace its settings: what is left out goes back to its default."""
    return _answered(await app.platforms.put(asked.by, body.platform(name), seen=asked.seen, force=force))


@router.patch("/{name}", response_model=PlatformShown, responses=_CHANGE)
async def change_platform(name: Called, body: SettingsChange, app: UseCases, asked: Asking) -> Response:
    """Change some settings, or take them back to what is shipped; all or none."""
    found = await app.platforms.change(asked.by, name, body.rule, seen=asked.seen, force=body.force, why=body.why)
    return _answered(found)


@router.get("/{name}/history", responses=can(403, 404, 422, 503))
async def platform_history(name: Called, asks: Annotated[HistoryQueried, Query()], app: UseCases, by: By) -> History:
    """Who changed which setting, when, from what to what and why."""
    found = await app.platforms.history(by, name, asks.before, asks.limit)
    last = found[-1].edition.platform.config.version if found else 1
    return History(items=_editions(found), next=last if last > 1 and len(found) == asks.limit else None)


@router.post("/{name}/undo", response_model=PlatformShown, responses=_CHANGE)
async def undo_platform(name: Called, body: UndoGiven, app: UseCases, asked: Asking) -> Response:
    """Have the settings of an earlier version again; they become a new version."""
    return _answered(await app.platforms.undo(asked.by, name, body.to, seen=asked.seen, force=body.force))


@router.get("/{name}/looks", responses=can(403, 404, 422, 503))
async def platform_looks(name: Called, app: UseCases, by: By) -> dict[str, LookShown]:
    """How each life cycle state is drawn: glyph, pattern, and in each theme its colour and that of a text on it."""
    return looks_shown((await app.platforms.get(by, name)).config.lifecycle_colors)


def _answered(platform: Platform) -> Response:
    shown = platform_shown(platform)
    headers = {"ETag": etag.tag(shown.revision)}
    return Response(shown.model_dump_json(), headers=headers, media_type="application/json")


def _editions(found: Sequence[Past]) -> list[EditionShown]:
    return [
        EditionShown(
            version=past.edition.platform.config.version, at=when(past.edition.at_us), actor=past.edition.actor,
            why=past.edition.why,
            changed=[DifferingShown(setting=d.key, before=d.before, after=d.after) for d in past.changed],
        )
        for past in found
    ]  # fmt: skip
