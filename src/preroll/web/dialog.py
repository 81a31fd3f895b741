# SPDX-License-Identifier: Apache-2.0
"""The dialog in which an action asks something: as a part in its place on the page, else as a page of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from fastapi import Response
from fastapi.responses import RedirectResponse

from preroll.domain.changes import Change
from preroll.domain.errors import Conflict, Invalid, Mistake, NameInUse, NotFound, Refused, Stale
from preroll.web.command import Command, Subject, Ways
from preroll.web.draft import beside
from preroll.web.fields import Field
from preroll.web.frame import Frame
from preroll.web.refusals_shown import Refusal, disputed, refusal_of

IN_A_DIALOG = (Conflict, NameInUse, Stale)
"""What is refused so has something to choose from, also where the action asked nothing."""
History = Callable[[], Awaitable[Sequence[Change]]]
C = TypeVar("C", bound=Command[Any, Any])


def command_of(table: Mapping[str, C], name: str) -> C:
    """A command that a dialog, or a button alone, can give.

    Raises:
        NotFound: there is none of that name, or it has a page of its own.
    """
    command = table.get(name)
    if command is None or command.call is None:
        raise NotFound("action", name)
    return command


def asks_again(command: Command[Any, Any], refused: Refused) -> bool:
    """Is a refusal told in the dialog of the command?"""
    return command.asks is not None or isinstance(refused, IN_A_DIALOG)


def dialog(
    frame: Frame,
    command: Command[Any, Any],
    subject: Subject,
    fields: Sequence[Field],
    said: Mapping[str, str],
    *,
    why_not: str = "",
    refused: Refusal | None = None,
    carried: Mapping[str, str] | None = None,
) -> Response:
    """What a command asks.

    Args:
        said: what stands in the fields already.
        why_not: why it is not possible now.
        refused: what came of it when it was tried.
        carried: what the form goes on saying beside its fields.
    """
    values: dict[str, Any] = {
        "command": command, "subject": subject, "fields": fields, "said": said, "refused": refused,
        "carried": carried or {}, "why_not": why_not,
    }  # fmt: skip
    status = refused.status if refused else 200
    if not frame.partial:
        return frame.page("ask.html", status, **values)
    answer = frame.part("_ask.html", status, **values)
    answer.headers.update({"HX-Retarget": "#ask", "HX-Reswap": "innerHTML"})
    return answer


async def told(
    frame: Frame,
    refused: Refused,
    fields: Sequence[Field],
    ways: Ways,
    history: History,
    *,
    taken: Mapping[str, Sequence[str]] | None = None,
    ident: str = "",
) -> Refusal:
    """A refusal as the dialog shows it that was sent: its ways out, and what others did since it was opened.

    Args:
        fields: of the dialog.
        ways: which ways out can be taken by asking again.
        history: reads all that happened to what it is about, oldest first.
        taken: the name of each resource that is asked for -> its nodes.
        ident: of the booking that it is about.
    """
    dispute = disputed(refused, taken or {}, ways, frame.may, ident)
    since = await history() if isinstance(refused, Stale) else ()
    names = {field.name for field in fields}
    return refusal_of(beside(refused, names), names, dispute, since)


def elsewhere(frame: Frame, path: str) -> Response:
    """On to another page."""
    if frame.partial:
        return Response(status_code=204, headers={"HX-Redirect": path})
    return RedirectResponse(path, 303)


def revision_seen(said: Mapping[str, str]) -> int:
    """The revision that a form was made for.

    Raises:
        Invalid: it does not say.
    """
    text = said.get("revision", "")
    if not text.isdecimal() or len(text) > len(str(2**31)):
        raise Invalid([Mistake("revision", "is missing", "the revision that was shown")])
    return int(text)
