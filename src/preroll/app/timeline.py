# SPDX-License-Identifier: Apache-2.0
"""What a timeline shows: bookings over a window with what marks them, and what a move would come to before it is made.

The answer to a move is the same as that of the edit which carries it out, as far as a look without locks can tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from preroll.app import choosing, holding, quarantine, sight
from preroll.app.availability import by_node
from preroll.app.choosing import Attempt
from preroll.app.edits import Edit, open_booking, prepared
from preroll.domain.attention import Attention, attention
from preroll.domain.booking import ENDED, Booking, NodeChoice, Timing
from preroll.domain.boundaries import orchestrates
from preroll.domain.config import Platform
from preroll.domain.edits import Handle, handles
from preroll.domain.errors import Clash, Invalid, Mistake
from preroll.domain.permission import Actor, permit
from preroll.domain.window import DAY
from preroll.ports.store import Store, Tx
from preroll.ports.timeline import Due, Placed, Played

WIDEST = 100 * DAY
"""The longest window that is shown at once."""
FINE = 8 * DAY
"""In a longer window than this nobody could see by how much an event was late: the times that were played are left
out."""


class Mark(StrEnum):
    """What a block of a timeline says beside its state."""

    WAITING = "waiting"
    """Its event is due, and somebody must give way first."""
    LATE = "late"
    CONFLICT = "in conflict"
    NOT_RESET = "not reset"
    NEAR_AIR = "near air"
    LAPSED = "lapsed"
    OVERLAY = "overlay"
    """It is more of a service for a while."""


NEEDED = {Attention.NEAR_AIR: Mark.NEAR_AIR, Attention.LAPSED: Mark.LAPSED}


@dataclass(frozen=True, slots=True)
class Block:
    """A booking on a timeline."""

    placed: Placed
    marks: tuple[Mark, ...] = ()
    handles: frozenset[Handle] = frozenset()
    played: Played | None = None
    """None: nothing of it has run, or the window is too long to tell."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """A part of a timeline."""

    blocks: tuple[Block, ...]
    now_us: int


@dataclass(frozen=True, slots=True)
class Move:
    """Where a booking is to be; what is None stays as it is."""

    timing: Timing | None = None
    source: str | None = None
    """The resource that it is to leave, by id or name."""
    target: str | None = None
    """The resource that takes its place."""
    nodes: Mapping[str, str] = field(default_factory=dict)
    """Node -> the resource that it is to take, whatever else is said of it."""

    def edit(self, tx: Tx, booking: Booking) -> Edit:
        """It as an edit of the booking as it is stored.

        Raises:
            Invalid: the booking does not have the resource that it is to leave, or the node that is to take another.
        """
        nodes = self._swapped(tx, booking)
        if strange := [label for label in self.nodes if label not in booking.nodes]:
            known = ", ".join(booking.nodes)
            raise Invalid([Mistake("node", f"the booking has no node {label}", known) for label in strange])
        nodes |= {label: replace(booking.nodes[label], resource=name) for label, name in self.nodes.items()}
        return Edit(timing=self.timing, nodes=nodes or None)

    def _swapped(self, tx: Tx, booking: Booking) -> dict[str, NodeChoice | None]:
        """The nodes that are to take the other resource."""
        if self.source is None or self.target is None or self.source == self.target:
            return {}
        names = {r.id: r.name for r in tx.catalogue.resources(booking.platform, ids=booking.resources)}
        nodes: dict[str, NodeChoice | None] = {
            label: replace(choice, resource=self.target)
            for label, choice in booking.nodes.items()
            if choice.resource and self.source in (choice.resource, names.get(choice.resource))
        }
        if not nodes:
            what = f"the booking does not have {self.source}"
            raise Invalid([Mistake("source", what, ", ".join(names.values()) or "a resource of the booking")])
        return nodes


class Timeline:
    """Bookings over time."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def within(self, by: Actor, platform: str, start_us: int, end_us: int) -> Blocks:
        """What overlaps a window, of what the actor sees, by start and id.

        Raises:
            Invalid: the window is empty or too long. NotFound: no such platform.
        """
        if not start_us < end_us <= start_us + WIDEST:
            raise Invalid([Mistake("to", "is not after from, or too far from it", "at most 100 days after from")])

        def query(tx: Tx) -> Blocks:
            home = sight.platform(tx, by, platform)
            placed = tx.timeline.within(home.key, start_us, end_us, by.sight)
            return blocks_of(tx, home, placed, fine=end_us - start_us <= FINE)

        return await self._store.read(query)

    async def several(self, by: Actor, platform: int, idents: Collection[str]) -> Blocks:
        """Those of these bookings that are there and that the actor sees.

        Args:
            platform: its key.
        """

        def query(tx: Tx) -> Blocks:
            home = tx.platforms.by_key(platform)
            permit(by, "view", platform)
            return blocks_of(tx, home, tx.timeline.several(home.key, idents, by.sight), fine=True)

        return await self._store.read(query)

    async def check(self, by: Actor, ident: str, seen: int | None, move: Move) -> Sequence[Clash]:
        """What is in the way of a move; empty: nothing, as things are now. Nothing is written.

        Raises:
            Invalid: every mistake, what is frozen included. NameInUse. ActionNotPossible. Stale.
        """

        def query(tx: Tx) -> Sequence[Clash]:
            before = open_booking(tx, by, ident, seen, "edit")
            change = move.edit(tx, before)
            after, definition, _ = prepared(tx, before, change)
            choice = choosing.on_edit(tx, before, after, definition, change.nodes or {}, Attempt())
            found = quarantine.foreseen(tx, by, before, choice.booking)
            found = by_node(found, holding.needs_of(tx, choice.booking)) if found else found
            return sight.clashes(tx, by, after.platform, found)

        return await self._store.read(query)


def blocks_of(tx: Tx, home: Platform, found: Sequence[Placed], *, fine: bool) -> Blocks:
    """What is drawn of some bookings of a platform.

    Args:
        fine: with the times at which they were played.
    """
    began, due = [placed for placed in found if placed.began], tx.timeline.due(home.key)
    disputed = tx.timeline.disputed([placed.key for placed in began if placed.state not in ENDED])
    played = tx.timeline.played([placed.key for placed in began]) if fine else {}
    return Blocks(
        tuple(
            Block(
                placed,
                tuple(_marks(home, placed, due.get(placed.key), tx.now, disputed)),
                handles(placed.state, began=placed.began, entering=placed.entering),
                played.get(placed.key),
            )
            for placed in found
        ),
        tx.now,
    )


def _marks(home: Platform, placed: Placed, due: Due | None, now: int, disputed: Collection[int]) -> Iterator[Mark]:
    if due is not None and orchestrates(placed.state) and not placed.entering:
        yield Mark.WAITING if due.waits or home.config.paused else Mark.LATE
    if placed.key in disputed:
        yield Mark.CONFLICT
    if placed.not_reset:
        yield Mark.NOT_RESET
    if (needed := attention(placed, now, home.config.limits.near_air_us)) is not None:
        yield NEEDED[needed]
    if placed.overlays:
        yield Mark.OVERLAY
