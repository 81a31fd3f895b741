# SPDX-License-Identifier: Apache-2.0
"""A command is carried out once per key; a repeat gets the first one's answer, marked as replayed (SPEC 11)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Protocol, TypeVar

from fastapi import Header, Response

from preroll.api import etag
from preroll.api.door import Asked
from preroll.api.schemas import BookingShown, booking_shown
from preroll.app.asking import Ask, Replayed
from preroll.app.views import BookingDetails
from preroll.gate.repeats import REPLAYED
from preroll.gate.statuses import BadHeader
from preroll.ports.store import StoredAnswer

BOOKINGS = "/api/v1/bookings"

Command = Callable[[Ask[BookingDetails] | None], Awaitable[BookingDetails]]
R = TypeVar("R")


class Thing(Protocol):
    """What an answer shows: it has an address and an entity tag."""

    @property
    def id(self) -> str: ...
    @property
    def revision(self) -> int: ...
    def model_dump_json(self) -> str:
        """As JSON."""
        ...


async def answered(asked: Asked, do: Command, *, status: int = 200) -> Response:
    """Carry out a command on a booking and answer with the booking as it is now."""
    return await carried_out(asked, do, booking_shown, BOOKINGS, status)


async def carried_out(
    asked: Asked,
    do: Callable[[Ask[R] | None], Awaitable[R]],
    show: Callable[[R], Thing],
    where: str,
    status: int = 200,
    *,
    moving: bool = False,
) -> Response:
    """Carry out a command and answer with what it was about as it is now.

    Args:
        where: the address of the list that it is in.
        moving: what is shown of it changes though nobody edits it, and its entity tag with it.
    """

    def render(found: R) -> StoredAnswer:
        return StoredAnswer(asked.digest, status, show(found).model_dump_json())

    ask = Ask(asked.route, asked.key, asked.digest, render) if asked.key else None
    try:
        return response_of(show(await do(ask)), where, status, moving=moving)
    except Replayed as before:
        told = json.loads(before.answer.body)
        response = _response(
            before.answer.body, told["id"], told["revision"], where, before.answer.status, moving=moving
        )
        response.headers[REPLAYED] = "true"
        return response


def booking_response(shown: BookingShown, status: int = 200) -> Response:
    """A booking with its entity tag and, when it is new, its address."""
    return response_of(shown, BOOKINGS, status)


def response_of(shown: Thing, where: str, status: int = 200, *, moving: bool = False) -> Response:
    """Something with its entity tag and, when it is new, its address."""
    return _response(shown.model_dump_json(), shown.id, shown.revision, where, status, moving=moving)


def read_response(shown: Thing, where: str, if_none_match: str | None) -> Response:
    """Something that changes though nobody edits it, or that the client has it as it is."""
    response = response_of(shown, where, moving=True)
    if etag.unchanged(if_none_match, shown.revision, shown.model_dump_json()):
        return Response(status_code=304, headers={"ETag": response.headers["ETag"]})
    return response


def _response(body: str, ident: str, revision: int, where: str, status: int, *, moving: bool) -> Response:
    headers = {"ETag": etag.tag(revision, body if moving else "")}
    if status in (201, 202):
        headers["Location"] = f"{where}/{ident}"
    return Response(body, status, headers, media_type="application/json")


def as_answered(answer: Response, later: Response) -> Response:
    """A later answer to a command, which says as the first one does whether that was a repetition."""
    if REPLAYED in answer.headers:
        later.headers[REPLAYED] = answer.headers[REPLAYED]
    return later


async def patience(
    prefer: Annotated[str | None, Header(description="`wait=10`: seconds to wait for created booking actions")] = None,
) -> float:
    """Seconds to wait for what a command has started (RFC 7240, ``wait``): 30 unless asked otherwise, 60 at most.

    Raises:
        BadHeader: the number cannot be read.
    """
    asked = next((part.strip() for part in (prefer or "").split(",") if part.strip().startswith("wait=")), "wait=30")
    number = asked.removeprefix("wait=").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < 9):
        raise BadHeader("Prefer: wait is not a number of seconds", hint="send Prefer: wait=10")
    return float(min(int(number), 60))
