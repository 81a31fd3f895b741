# SPDX-License-Identifier: Apache-2.0
"""Lists of bookings, as far as somebody sees them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from preroll.app import sight
from preroll.app.veil import veiled
from preroll.app.views import BookingDetails, details
from preroll.domain.config import Platform
from preroll.domain.permission import Actor, permit
from preroll.ports.lists import BY_START, BookingFilter, Order, Page, Place
from preroll.ports.store import Store, Tx


@dataclass(frozen=True, slots=True)
class Around:
    """What is around a page, of one instant."""

    platforms: tuple[Platform, ...]
    """All that the actor sees."""
    platform: Platform
    """The one that was asked for, or the best to begin with; where there is none, an empty one."""
    position: str
    """The cursor of the newest change: whatever is read later is at least as new."""


class Lists:
    """Read many bookings at once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(
        self,
        by: Actor,
        where: BookingFilter,
        after: Place | None = None,
        limit: int = 100,
        order: Order = BY_START,
        *,
        back: bool = False,
    ) -> Page:
        """So many bookings after a place of a list.

        Args:
            back: those before that place instead.
        """

        def query(tx: Tx) -> Page:
            permit(by, "view", where.platform)
            seen = replace(where, sight=by.sight)
            if not back:
                found = tx.bookings.page(seen, after, limit, order)
                return replace(found, before=order.place(found.items[0]) if after and found.items else None)
            found = tx.bookings.page(seen, after, limit, order.turned)
            items = found.items[::-1]
            return Page(items, order.place(items[-1]) if items else None, found.now_us, found.next)

        return await self._store.read(query)

    async def several(self, by: Actor, idents: Collection[str]) -> list[BookingDetails]:
        """Those of these bookings that the actor sees, in the order in which they are asked for."""

        def query(tx: Tx) -> list[BookingDetails]:
            permit(by, "view")
            found = {b.id: b for b in tx.bookings.several(idents) if not b.hidden and by.sees(b.platform, b.scopes)}
            return [veiled(tx, by, details(tx, found[ident])) for ident in dict.fromkeys(idents) if ident in found]

        return await self._store.read(query)

    async def around(self, by: Actor, platform: str = "", last: str = "") -> Around:
        """The platforms that the actor sees, one of them, and how far the change log reaches.

        Args:
            platform: which one, by name; empty: the last one.
            last: the one of last time; not one that is seen: that with bookings, else with resources, else the first.

        Raises:
            NotFound: there is no such platform, or the actor does not see it.
        """

        def query(tx: Tx) -> Around:
            permit(by, "view")
            position = tx.changes.tail()
            seen = tuple(found for found in tx.platforms.all() if by.sees(found.key))
            looked_at = sight.platform(tx, by, platform) if platform else _first(tx, seen, last)
            return Around(seen, looked_at, position)

        return await self._store.read(query)


def _first(tx: Tx, platforms: Sequence[Platform], last: str) -> Platform:
    """The one of last time, else the first with bookings, else with resources, else any."""
    known = [one for one in platforms if one.name == last] or platforms
    if len(known) < 2:
        return next(iter(known), Platform(""))
    filled = {one.key: tx.nights.filled(one.key) for one in known}
    return max(known, key=lambda one: (filled[one.key].bookings, filled[one.key].resources))
