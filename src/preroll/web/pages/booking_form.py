# SPDX-License-Identifier: Apache-2.0
"""The form in which a booking is made, and changed: one page that works with and without a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from preroll.app.availability import NodeAnswer, Question, Wanted
from preroll.app.proposals import Proposal
from preroll.app.views import BookingDetails
from preroll.domain.booking import Timing
from preroll.domain.changes import Change
from preroll.domain.config import AskedTiming
from preroll.domain.errors import Conflict, Invalid, NotFound, Refused, Stale
from preroll.domain.permission import may
from preroll.domain.window import MINUTE
from preroll.web import bookings_shown as shown
from preroll.web.command import Ways
from preroll.web.dialog import revision_seen
from preroll.web.draft import RESOURCE, Draft, as_it_is, beside, filled, with_way_taken
from preroll.web.draft_shown import free_rows, lasts, main_fields, node_rows
from preroll.web.frame import Frame, TheFrame
from preroll.web.night_shown import NO_DEFINITIONS, NO_RESOURCES, Lesson
from preroll.web.pages.booking import Ident, at_home, details, looking
from preroll.web.pages.overlay import change_overlay, edit_overlay
from preroll.web.refusals_shown import Refusal, disputed, refusal_of
from preroll.web.said import Said

router = APIRouter()

ALL_WAYS = Ways.NODE | Ways.TIME | Ways.FORCE
ANY = "any"
"""The place of a free list's empty rows among the nodes that are asked for."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form that is filled in."""

    frame: Frame
    draft: Draft
    path: str
    found: BookingDetails | None = None
    """The booking that is edited; None: a new one."""


@router.get("/bookings/new")
async def new(frame: TheFrame, said: Said) -> Response:
    """The form for a new booking, with what the address says in it, else what the platform proposes."""
    return await _shown(await _new(frame, said))


@router.post("/bookings/new")
async def create(frame: TheFrame, said: Said) -> Response:
    """Book what the form says; or only look what is free for it."""
    form = await _new(frame, with_way_taken(said, frame.zone))
    if said.get("look") or said.get("shift"):
        return await _shown(form)
    app, by = frame.door.app, frame.by
    try:
        found = await app.bookings.create(by, form.draft.booking(frame.platform.name))
    except Refused as refused:
        if await _made(form):
            return RedirectResponse(f"/bookings/{said['id']}", 303)
        return await _shown(form, refused)
    return await _confirmed(form, found) if said.get("then") == "confirm" else _to(found)


@router.get("/bookings/{ident}/edit")
async def edit(frame: TheFrame, ident: Ident) -> Response:
    """The form with a booking in it."""
    frame, found = await at_home(frame, ident)
    if found.booking.overlays:
        return await edit_overlay(frame, found)
    return await _shown(await _of(frame, found, as_it_is(found.booking, found.resources, frame.zone)))


@router.post("/bookings/{ident}/edit")
async def change(frame: TheFrame, ident: Ident, said: Said) -> Response:
    """Change a booking to what the form says; or only look what is free for it."""
    frame, found = await at_home(frame, ident)
    if found.booking.overlays:
        return await change_overlay(frame, found, said)
    form = await _of(frame, found, with_way_taken(said, frame.zone))
    if said.get("look") or said.get("shift"):
        return await _shown(form)
    try:
        edited = form.draft.edit(found.resources)
        done = await frame.door.app.bookings.edit(frame.by, ident, revision_seen(said), edited)
    except Refused as refused:
        return await _shown(form, refused)
    return _to(done)


async def _new(frame: Frame, said: Mapping[str, str]) -> Form:
    config = frame.platform.config
    proposal = await frame.door.app.proposals.of(frame.by, frame.platform.name, AskedTiming())
    name = said.get("definition", config.defaults.definition or next(iter(proposal.definitions), ""))
    if name and name not in proposal.definitions:
        raise NotFound("service that can be booked", name)
    words = {"id": str(uuid4()), "definition": name, **filled(_whole_minute(proposal.timing), frame.zone), **said}
    draft = Draft(words, frame.zone, proposal, proposal.definitions.get(name))
    return Form(frame, draft, f"/bookings/new?{urlencode({'platform': frame.platform.name})}")


async def _of(frame: Frame, found: BookingDetails, said: Mapping[str, str]) -> Form:
    proposal: Proposal = await frame.door.app.proposals.of(frame.by, found.platform, AskedTiming())
    words = {**as_it_is(found.booking, found.resources, frame.zone), **said}
    draft = Draft(words, frame.zone, proposal, found.definition, found.booking)
    return Form(frame, draft, f"/bookings/{found.booking.id}/edit", found)


async def _shown(form: Form, refused: Refused | None = None) -> Response:
    frame, draft, found = form.frame, form.draft, form.found
    if refused is not None and found is not None:
        found = await frame.door.app.bookings.get(frame.by, found.booking.id)
    timing, answers, mistaken = await _answers(form)
    fields = main_fields(draft, began=found is not None and found.booking.began)
    rows = node_rows(draft, answers)
    known = {field.name for field in fields} | {field.name for row in rows for field in row.values}
    refusal = await _refusal(form, refused or mistaken, known | {"name", "priority"})
    why_not = shown.why_not(found, "edit", looking(frame)) if found else _may_not_book(frame)
    values: dict[str, Any] = {
        "draft": draft, "said": draft.said, "found": found, "path": form.path, "fields": fields, "rows": rows,
        "free": free_rows(draft, answers.get(ANY)) if draft.definition is None else (), "refused": refusal,
        "timing": timing, "lasts": lasts(timing) if timing else None, "why_not": why_not,
        "all_the_same": isinstance(refused, Stale), "looked": refused is None, "no_service": NO_DEFINITIONS,
        "lesson": None if found else await _lesson(form),
    }  # fmt: skip
    status = refusal.status if refused and refusal else 200
    if frame.partial:
        return frame.part("_booking_form.html", status, **values)
    return frame.page("booking_form.html", status, **values)


async def _lesson(form: Form) -> Lesson | None:
    """What there has to be before a resource can be chosen; None: it is there."""
    frame = form.frame
    if form.draft.definition is not None or not frame.platform.key:
        return None
    filled = await frame.door.app.nights.filled(frame.by, frame.platform.name)
    return None if filled.resources else NO_RESOURCES


async def _answers(form: Form) -> tuple[Timing | None, Mapping[str, NodeAnswer], Refused | None]:
    """When it would be, what there is for each node then, and what keeps one from knowing."""
    draft, frame, app = form.draft, form.frame, form.frame.door.app
    try:
        proposal = await app.proposals.of(frame.by, frame.platform.name, draft.asked_timing)
        wanted = draft.wanted if draft.definition else {label: Wanted() for label in (*draft.labels, ANY)}
        question = Question(
            proposal.timing, frame.platform.name, draft.definition.name if draft.definition else None,
            draft.definition.version if draft.definition else None, wanted, explain=True,
            ignore=form.found.booking.id if form.found else "",
        )  # fmt: skip
        return proposal.timing, await app.availability.eligible(frame.by, question), None
    except Invalid as mistaken:
        return None, {}, mistaken


async def _refusal(form: Form, refused: Refused | None, fields: set[str]) -> Refusal | None:
    if refused is None:
        return None
    ident, dispute = form.found.booking.id if form.found else "", None
    if isinstance(refused, Conflict):
        dispute = disputed(refused, _taken(form.draft), ALL_WAYS, form.frame.may)
    history: Sequence[Change] = ()
    if isinstance(refused, Stale):
        history = await form.frame.door.app.views.booking_history(form.frame.by, ident)
    return refusal_of(beside(refused, fields), fields, dispute, history)


def _taken(draft: Draft) -> Mapping[str, list[str]]:
    """Name of each resource that is asked for -> its nodes."""
    found: dict[str, list[str]] = {}
    for name, resource in draft.said.items():
        if name.startswith(RESOURCE) and resource:
            found.setdefault(resource, []).append(name.removeprefix(RESOURCE))
    return found


async def _confirmed(form: Form, found: BookingDetails) -> Response:
    """The new booking, confirmed if it can be; what it lacks is told on its page."""
    bookings, by, ident = form.frame.door.app.bookings, form.frame.by, found.booking.id
    try:
        await bookings.confirm(by, ident, found.booking.revision)
    except Refused as refused:
        refusal = refusal_of(refused, ())
        return await details(
            form.frame,
            await bookings.get(by, ident),
            replace(refusal, title=f"Booked, but not confirmed: {refusal.title}"),
        )
    return _to(found)


async def _made(form: Form) -> bool:
    """Is the booking there already, as the form was sent twice?"""
    try:
        await form.frame.door.app.bookings.get(form.frame.by, form.draft.said.get("id", ""))
    except NotFound:
        return False
    return True


def _may_not_book(frame: Frame) -> str:
    return "" if frame.may("booking.create") else f"it needs the role {' or '.join(may('booking.create'))}"


def _whole_minute(timing: Timing) -> Timing:
    """The same a little later, on a whole minute."""
    later = -timing.start % MINUTE
    return replace(timing, start=timing.start + later, end=None if timing.end is None else timing.end + later)


def _to(found: BookingDetails) -> Response:
    return RedirectResponse(f"/bookings/{found.booking.id}", 303)
