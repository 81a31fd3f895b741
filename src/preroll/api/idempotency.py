# SPDX-License-Identifier: Apache-2.0
"""A command is carried out once per key; a repeat gets the first one's answer, marked as replayed (SPEC 11)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Response

from preroll.api import etag
from preroll.api.door import Asked
from preroll.api.problems import BadHeader
from preroll.api.schemas import BookingShown, booking_shown
from preroll.app.asking import Ask, Replayed
from preroll.app.views import BookingDetails
from preroll.ports.store import StoredAnswer

REPLAYED = "Idempotency-Replayed"
BOOKINGS = "/api/v1/bookings"

Command = Callable[[Ask[BookingDetails] | None], Awaitable[BookingDetails]]


async def answered(asked: Asked, do: Command, *, status: int = 200) -> Response:
    """Carry out a command on a booking and answer with the booking as it is now."""

    def render(found: BookingDetails) -> StoredAnswer:
        return StoredAnswer(asked.digest, status, booking_shown(found).model_dump_json())

    ask = Ask(asked.route, asked.key, asked.digest, render) if asked.key else None
    try:
        return booking_response(booking_shown(await do(ask)), status)
    except Replayed as before:
        shown = BookingShown.model_validate_json(before.answer.body)
        response = booking_response(shown, before.answer.status)
        response.headers[REPLAYED] = "true"
        return response


def booking_response(shown: BookingShown, status: int = 200) -> Response:
    """A booking with its entity tag and, when it is new, its address."""
    headers = {"ETag": etag.tag(shown.revision)}
    if status in (201, 202):
        headers["Location"] = f"{BOOKINGS}/{shown.id}"
    return Response(shown.model_dump_json(), status, headers, media_type="application/json")


def waits(prefer: str | None) -> float:
    """Seconds to wait for what a command has started (RFC 7240, ``wait``): 30 unless asked otherwise, 60 at most.

    Raises:
        BadHeader: the number cannot be read.
    """
    asked = next((part.strip() for part in (prefer or "").split(",") if part.strip().startswith("wait=")), "wait=30")
    number = asked.removeprefix("wait=").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < 9):
        raise BadHeader("Prefer: wait is not a number of seconds", hint="send Prefer: wait=10")
    return float(min(int(number), 60))
