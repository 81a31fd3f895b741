# SPDX-License-Identifier: Apache-2.0
"""The form in which an overlay is changed: that of its making, with what it says now."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from fastapi import Response

from preroll.app.views import BookingDetails
from preroll.domain.errors import Refused
from preroll.web import bookings_shown as shown
from preroll.web.command import Asking, Ways
from preroll.web.commands import COMMANDS
from preroll.web.dialog import dialog, elsewhere, revision_seen, told
from preroll.web.draft import with_way_taken
from preroll.web.frame import Frame
from preroll.web.overlay_draft import Asked, as_said, changed, window_and_values
from preroll.web.pages.booking import looking, subject_of

WAYS = Ways.TIME | Ways.FORCE


async def edit_overlay(frame: Frame, found: BookingDetails) -> Response:
    """The form with an overlay in it."""
    return await _asking(frame, found, await _asked(frame, found, {}))


async def change_overlay(frame: Frame, found: BookingDetails, said: Mapping[str, str]) -> Response:
    """Change an overlay to what the form says; it stays one."""
    asked = await _asked(frame, found, with_way_taken(said, frame.zone))
    try:
        edit = await changed(asked, found.booking)
        await frame.door.app.bookings.edit(frame.by, found.booking.id, revision_seen(said), edit)
    except Refused as refused:
        return await _asking(frame, found, asked, refused)
    return elsewhere(frame, f"/bookings/{found.booking.id}")


async def _asked(frame: Frame, found: BookingDetails, said: Mapping[str, str]) -> Asked:
    service = await frame.door.app.services.get(frame.by, found.booking.overlays)
    words = said or as_said(found.booking, frame.zone)
    return Asking(frame.door.app, frame.by, service, frame.zone, words)


async def _asking(frame: Frame, found: BookingDetails, asked: Asked, refused: Refused | None = None) -> Response:
    fields, refusal, ident = await window_and_values(asked), None, found.booking.id
    if refused is not None:
        found = await frame.door.app.bookings.get(frame.by, ident)
        history = partial(frame.door.app.views.booking_history, frame.by, ident)
        refusal = await told(frame, refused, fields, WAYS, history)
    why_not = shown.why_not(found, "edit", looking(frame))
    return dialog(frame, COMMANDS["edit"], subject_of(found), fields, asked.said, why_not=why_not, refused=refusal)
