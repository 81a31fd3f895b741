# SPDX-License-Identifier: Apache-2.0
"""Lists of bookings, as far as somebody sees them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from preroll.app.veil import veiled
from preroll.app.views import BookingDetails, details
from preroll.domain.permission import Actor, permit
from preroll.ports.lists import BY_START, BookingFilter, Order, Page, Place
from preroll.ports.store import Store, Tx


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

    async def count(self, by: Actor, where: BookingFilter) -> int:
        """How many bookings of a list there are."""

        def query(tx: Tx) -> int:
            permit(by, "view", where.platform)
            return tx.bookings.count(replace(where, sight=by.sight))

        return await self._store.read(query)

    async def several(self, by: Actor, idents: Collection[str]) -> list[BookingDetails]:
        """Those of these bookings that the actor sees, in the order in which they are asked for."""

        def query(tx: Tx) -> list[BookingDetails]:
            permit(by, "view")
            found = {b.id: b for b in tx.bookings.several(idents) if not b.hidden and by.sees(b.platform, b.scopes)}
            return [veiled(tx, by, details(tx, found[ident])) for ident in dict.fromkeys(idents) if ident in found]

        return await self._store.read(query)
