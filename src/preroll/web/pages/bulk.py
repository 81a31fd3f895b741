# SPDX-License-Identifier: Apache-2.0
"""Several bookings at once: what is possible for how many of them, and a report of what came of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Response

from preroll.domain.errors import Invalid, Mistake, NotFound, Refused
from preroll.gate import paging
from preroll.web import bookings_shown as shown
from preroll.web.asked import Asked
from preroll.web.commands import COMMANDS, BookingCommand
from preroll.web.frame import Frame, TheFrame
from preroll.web.pages.booking import looking
from preroll.web.said import clean

router = APIRouter()

Picked = list[Annotated[str, Query(max_length=100)]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it for one booking."""

    ident: str
    name: str
    why: str = ""
    """Empty: it is done."""


@router.get("/bookings/bulk")
async def possible(frame: TheFrame, pick: Annotated[Picked, Query(max_length=paging.MOST)] = []) -> Response:  # noqa: B006
    """For how many of the chosen bookings each action is possible now."""
    picked = dict(_picked(pick))
    found = await frame.door.app.lists.several(frame.by, list(picked))
    commands = commands_for(frame)
    counts = {c.name: sum(not shown.why_not(one, c.name, looking(frame)) for one in found) for c in commands}
    return frame.part("_bulk.html", commands=commands, counts=counts if picked else None, chosen=len(found))


@router.post("/bookings/bulk")
async def act(
    frame: TheFrame,
    do: Annotated[str, Form(max_length=40)],
    pick: Annotated[list[str], Form(max_length=paging.MOST)] = [],  # noqa: B006
    why: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Do the same with each of the chosen bookings, as they were when they were shown."""
    command = next((one for one in commands_for(frame) if one.name == do), None)
    if command is None:
        raise NotFound("action for several bookings", do)
    if not pick:
        raise Invalid([Mistake("pick", "is empty", "at least one booking")])
    seen, said = dict(_picked(pick)), clean({"why": why})
    found = await frame.door.app.lists.several(frame.by, list(seen))
    asked = [Asked(frame.door.app, frame.by, one, frame.zone, said, seen[one.booking.id]) for one in found]
    outcomes = [await _done(frame, command, one) for one in asked]
    failed = [one for one in outcomes if one.why]
    values: dict[str, Any] = {"command": command, "done": [one for one in outcomes if not one.why], "failed": failed}
    return frame.part("_bulk_report.html", **values) if frame.partial else frame.page("bulk.html", **values)


def commands_for(frame: Frame) -> Sequence[BookingCommand]:
    """What who looks may do with several bookings."""
    return [command for command in COMMANDS.values() if command.bulk and frame.may(f"booking.{command.name}")]


def _picked(words: Sequence[str]) -> Iterator[tuple[str, int]]:
    """(id, revision that was shown) of each.

    Raises:
        Invalid: one of them is none.
    """
    for word in dict.fromkeys(words):
        ident, tilde, revision = word.partition("~")
        if not tilde or not revision.isdecimal() or len(revision) > len(str(2**31)) or not ident.isprintable():
            raise Invalid([Mistake("pick", f"{word[:50]!r} is no booking of the list", "what the list says")])
        yield ident, int(revision)


async def _done(frame: Frame, command: BookingCommand, asked: Asked) -> Outcome:
    booking = asked.found.booking
    why = shown.why_not(asked.found, command.name, looking(frame))
    if not why:
        try:
            await command.do(asked)
        except Refused as refused:
            why = str(refused)
    return Outcome(booking.id, booking.name, why)
