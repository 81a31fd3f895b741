# SPDX-License-Identifier: Apache-2.0
"""What a booking lost in conflicts, as typed values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from preroll.client.problems import Clash


@dataclass(frozen=True, slots=True)
class Rival:
    """A booking that has what another one lost."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Loss:
    """What a booking lost of one dimension of a resource; ``dimension`` empty: its place on it."""

    resource: str
    dimension: str
    amount: float
    start: datetime
    end: datetime | None
    type: str
    """Of conflict."""
    reason: str
    why: str
    rivals: list[Rival]
    at: datetime
    held: bool
    """It runs: it keeps this, and is in conflict."""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """What a booking lost in conflicts, or holds in conflict while it runs."""

    was: str
    can_leave: bool
    lost: list[Loss]
    clashes: list[Clash]
    """What is in the way now."""
