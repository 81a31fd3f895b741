# SPDX-License-Identifier: Apache-2.0
"""What a timeline draws, as the middle asks the store for it: compact rows, a few questions for thousands of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from preroll.domain.booking import State, Timing
from preroll.domain.permission import Sight


class Placed(NamedTuple):
    """A booking as far as its place, its state and its resources go."""

    key: int
    id: str
    name: str
    state: State
    timing: Timing
    resources: tuple[str, ...]
    """Ids of those that it chose, and of those on their way out; each once, in node order."""
    revision: int
    began: bool
    entering: str
    not_reset: bool
    scopes: tuple[str, ...]
    overlays: str
    """Id of the service that has other values meanwhile; empty: it is no overlay."""


class Played(NamedTuple):
    """When its events ran, in microseconds; None: not yet, or never."""

    began: int | None = None
    """Its first event was claimed."""
    on_air: int | None = None
    """The event that put it on the air had ended."""
    off_air: int | None = None
    """The event that took it off began."""
    ended: int | None = None
    """Its last event had ended."""


class Due(NamedTuple):
    """The first event of a booking that is due and has not begun."""

    since_us: int
    waits: bool
    """For somebody who must give way first."""


class Timeline(Protocol):
    """The bookings of a platform over time."""

    def within(self, platform: int, start_us: int, end_us: int, sight: Sight | None) -> list[Placed]:
        """Those whose held window overlaps [start, end), by start and id; deleted ones are left out.

        Args:
            sight: only what somebody sees; None: everything.
        """
        ...

    def several(self, platform: int, idents: Collection[str], sight: Sight | None) -> list[Placed]:
        """Those of these ids that are there, by start and id."""
        ...

    def due(self, platform: int) -> Mapping[int, Due]:
        """By key of the booking: who has an event that is due and has not begun."""
        ...

    def played(self, bookings: Collection[int]) -> Mapping[int, Played]:
        """By key of the booking: when its events ran, of those that have begun."""
        ...

    def disputed(self, bookings: Collection[int]) -> frozenset[int]:
        """Those that hold what they lost: their resource changed beneath them while they ran."""
        ...
