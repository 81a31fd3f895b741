# SPDX-License-Identifier: Apache-2.0
"""Changes: stored facts. Who, when, what, from, to, why, and what caused it."""

from __future__ import annotations

from preroll.domain.values import dataclass

A_POSITION = (
    "the id of an event, or the position (next) that a list told, as it was given; or leave it away: a stream then "
    "begins now, a list at the beginning"
)
"""What is expected where somebody says how far it has read the changes."""


@dataclass(frozen=True, slots=True)
class Change:
    """One fact of the change log, written in the transaction of what it tells."""

    kind: str
    """What happened, in dotted words: ``booking.created``, ``booking.state``, ``resource.changed``."""
    subject: str
    """Id of the thing that changed."""
    platform: int
    actor: str
    """Who: a person, a token, or ``engine``."""
    before: str = ""
    after: str = ""
    why: str = ""
    cause: str = ""
    """What led to it: an event's name, a run's id, a request's id."""
    revision: int = 0
    at_us: int = 0
    """Set by the store."""
    position: str = ""
    """Opaque cursor of this change; set by the store."""
    name: str = ""
    """What the thing is called now, if it is a booking, an order or a resource; set by the store."""
