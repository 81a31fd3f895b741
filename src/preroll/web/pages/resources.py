# SPDX-License-Identifier: Apache-2.0
"""Resources: a list of them; of one what it is, who has it, its mode, and a profile applied to it now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from preroll.app.free_busy import Which
from preroll.app.resources import ResourceFilter, SortBy
from preroll.domain.automation import Part, Wanted
from preroll.domain.errors import InUse, Refused
from preroll.domain.resource import Mode, Resource
from preroll.gate import paging
from preroll.web import fields as asking
from preroll.web import resources_shown as shown
from preroll.web.command import Ways
from preroll.web.dialog import revision_seen
from preroll.web.fields import Kind, Option
from preroll.web.frame import Frame, TheFrame
from preroll.web.refusals_shown import Refusal, disputed, refusal_of
from preroll.web.said import Said

router = APIRouter()

Ident = Annotated[str, Path(max_length=64)]
PAGE = 60
PARTS = {
    Part.WHOLE: "the profile's values, and those of the state on top",
    Part.STATE: "only the values of the state",
    Part.DEFAULTS: "the defaults of the parameters",
}


class Looked(BaseModel):
    """Which resources are looked at: all of it stands in the address."""

    q: str = Field("", max_length=200)
    pool: str = Field("", max_length=200)
    function: str = Field("", max_length=200)
    state: str = Field("", max_length=40)
    """One of ``resources_shown.STATES``; empty: any."""
    after: str = Field("", max_length=2000)
    platform: str = Field("", max_length=200)

    @property
    def narrowed(self) -> bool:
        """Is not simply everything asked for?"""
        return bool(self.q.strip() or self.pool or self.function or self.state)

    def where(self) -> ResourceFilter:
        """As the use case has it."""
        modes = frozenset(mode for mode in Mode if mode.value == self.state)
        off = True if self.state == shown.HANDS_OFF else None
        return ResourceFilter(self.q.strip(), self.pool, self.function, modes, hands_off=off)


@router.get("/resources")
async def resources(frame: TheFrame, look: Annotated[Looked, Query()]) -> Response:
    """The resources of a platform; as a part, the list."""
    app, name = frame.door.app, frame.platform.name
    if not frame.platform.key:
        return frame.page("resources.html", lines=[], look=look, more="", pools=[], functions=[], choices=shown.STATES)
    key = look.model_dump(exclude={"after", "platform"}) | {"platform": name}
    where, after = look.where(), paging.decode(look.after or None, key)
    found, last = await app.resources.page(frame.by, name, where, SortBy.NAME, after, PAGE)
    courses = await _courses(frame, found)
    said = {word: value for word, value in key.items() if value}
    values: dict[str, Any] = {
        "lines": [shown.line(one, courses[one.id]) for one in found], "look": look,
        "more": urlencode(said | {"after": paging.encode(last, key)}) if last else "", "begin": urlencode(said),
    }  # fmt: skip
    if frame.partial:
        return frame.part("_resources.html", **values)
    pools, functions = await app.resources.pools(frame.by, name), await app.resources.functions(frame.by, name)
    values |= {"pools": [one.name for one, _ in pools], "functions": [one.name for one, _ in functions]}
    return frame.page("resources.html", **values, choices=shown.STATES)


async def _courses(frame: Frame, found: Sequence[Resource]) -> dict[str, Any]:
    """Id -> the stretches ahead."""
    if not found:
        return {}
    which = Which(frame.platform.name, named=[one.id for one in found])
    return {one.id: ahead for one, ahead in await frame.door.app.free_busy.ahead(frame.by, which, shown.AHEAD)}


@router.get("/resources/{ident}")
async def resource(frame: TheFrame, ident: Ident, said: Said) -> Response:
    """One resource; as a part, who has it and how it stands."""
    frame, found = await _at_home(frame, ident)
    if frame.partial:
        return frame.part("_resource_held.html", **await _held(frame, found))
    return await _page(frame, found, said)


@router.post("/resources/{ident}")
async def change(frame: TheFrame, ident: Ident, said: Said) -> Response:
    """Set its mode, and whether anything is sent to it, as it was when it was shown."""
    frame, found = await _at_home(frame, ident)
    fields = {"mode": Mode(said.get("mode", "")) if said.get("mode") in list(Mode) else found.mode,
              "hands_off": bool(said.get("hands_off"))}  # fmt: skip
    try:
        await frame.door.app.catalogue.change(
            frame.by, ident, fields, seen=revision_seen(said), force=bool(said.get("force"))
        )
    except Refused as refused:
        dispute = disputed(refused, {}, Ways.FORCE, frame.may)
        told = refusal_of(refused, ("mode", "hands_off"), dispute)
        return await _page(frame, (await _at_home(frame, ident))[1], said, told, "change")
    return RedirectResponse(f"/resources/{ident}", 303)


@router.post("/resources/{ident}/apply")
async def apply(frame: TheFrame, ident: Ident, said: Said) -> Response:
    """Apply a profile to it now, outside of any booking."""
    frame, found = await _at_home(frame, ident)
    part = Part(said.get("part", "")) if said.get("part") in list(Part) else Part.WHOLE
    wanted = Wanted(said.get("profile", ""), said.get("state", ""), part, why=said.get("why", "").strip())
    try:
        made = await frame.door.app.automation.apply(frame.by, ident, wanted, force=bool(said.get("force")))
    except Refused as refused:
        told = refusal_of(refused, {one.name for one in await _asked(frame, ident)})
        return await _page(frame, found, said, told, "apply", held=isinstance(refused, InUse))
    return RedirectResponse(f"/applied/{made.booking.id}", 303)


@router.get("/applied/{ident}")
async def applied(frame: TheFrame, ident: Ident) -> Response:
    """What became of a profile that was applied to a resource."""
    found = await frame.door.app.automation.get(frame.by, ident)
    values: dict[str, Any] = {"found": found, "over": found.boundary.ended_us is not None}
    return frame.part("_applied.html", **values) if frame.partial else frame.page("applied.html", **values)


async def _at_home(frame: Frame, ident: str) -> tuple[Frame, Resource]:
    """A resource, and the frame in the zone of its platform."""
    found = await frame.door.app.catalogue.resource(frame.by, ident)
    home = next(one for one in frame.platforms if one.key == found.platform)
    return replace(frame, platform=home), found


async def _page(
    frame: Frame, found: Resource, said: Said, refused: Refusal | None = None, tried: str = "", *, held: bool = False
) -> Response:
    """The page of a resource.

    Args:
        tried: the form that was refused.
        held: it is refused only because others have the resource.
    """
    values = {
        **await _held(frame, found), "facts": [one for one in shown.facts(found) if one[1]],
        "hours": list(shown.hours(found.availability)), "modes": list(Mode), "fields": await _asked(frame, found.id),
        "said": said, "refused": refused, "tried": tried, "forcible": held and frame.may("booking.force"),
    }  # fmt: skip
    return frame.page("resource.html", refused.status if refused else 200, **values)


async def _held(frame: Frame, found: Resource) -> dict[str, Any]:
    """How it stands, who has it and when it is closed."""
    ahead = (await _courses(frame, [found]))[found.id]
    return {
        "resource": found, "line": shown.line(found, ahead), "begin_us": ahead[0].start,
        "until_us": ahead[-1].end, "holders": shown.holders(ahead)[: shown.SOON],
        "closed": shown.closed(ahead)[: shown.SOON],
    }  # fmt: skip


async def _asked(frame: Frame, ident: str) -> list[asking.Field]:
    """What is asked before a profile is applied."""
    instances = await frame.door.app.automation.proposed(frame.by, ident)
    states = sorted({name for one in instances for name in (*one.states, *one.variants)})
    return [
        asking.Field("profile", "Profile", Kind.CHOICE,
                     options=[Option(one.name, f"{one.name} · {one.definition}") for one in instances]),
        asking.Field("state", "Service state", Kind.CHOICE, needed=False,
                     options=[Option("", "in general"), *(Option(name, name) for name in states)]),
        asking.Field("part", "What of it", Kind.CHOICE, options=[Option(p.value, about) for p, about in PARTS.items()]),
        asking.Field("why", "Why", needed=False),
    ]  # fmt: skip
