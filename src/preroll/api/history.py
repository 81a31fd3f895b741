# SPDX-License-Identifier: Apache-2.0
"""What happened, as the API shows it: changes, and what scripts said."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from preroll.api.fields import Shown, when
from preroll.domain.changes import Change
from preroll.ports.rows import LogLine, Severity


class LineShown(Shown):
    """One line of a booking's action log."""

    at: datetime
    run: str
    severity: Severity
    text: str
    data: dict[str, Any]


class ChangeShown(Shown):
    """One fact of the change log."""

    position: str = Field(description="opaque cursor of this change")
    at: datetime
    kind: str = Field(examples=["booking.state"])
    id: str = Field(description="of the thing that changed")
    name: str = Field(description="what it is called now, if it is a booking, an order or a resource")
    revision: int
    state: str = Field(description="the life cycle state after it, where the change tells of one")
    before: str
    after: str
    actor: str
    why: str
    cause: str


class ChangePage(Shown):
    """Changes, oldest first."""

    items: list[ChangeShown]
    next: str = Field(description="send it as `after` to go on from here")


def line_shown(line: LogLine) -> LineShown:
    """A line of the action log."""
    return LineShown(at=when(line.at_us), run=line.run, severity=line.severity, text=line.text, data=dict(line.data))


def change_shown(c: Change) -> ChangeShown:
    """A change."""
    return ChangeShown(
        position=c.position, at=when(c.at_us), kind=c.kind, id=c.subject, name=c.name, revision=c.revision,
        state=c.after if c.kind == "booking.state" or c.kind == "booking.created" else "", before=c.before,
        after=c.after, actor=c.actor, why=c.why, cause=c.cause,
    )  # fmt: skip
