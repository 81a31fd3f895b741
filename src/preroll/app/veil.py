# SPDX-License-Identifier: Apache-2.0
"""The details of a booking as somebody may see them: who is in its way has no name if that is a secret to them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from preroll.app import sight
from preroll.app.quarantine import Lot
from preroll.app.views import BookingDetails, Waiting
from preroll.domain.permission import Actor
from preroll.domain.quarantine import Rival
from preroll.ports.store import Tx

_ID = re.compile(r"\(([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\)")


def veiled(tx: Tx, by: Actor, found: BookingDetails) -> BookingDetails:
    """The same details, in which a booking that the actor may not see has no name."""
    if by.sight is None:
        return found
    said = [*found.warnings, *(w.what for w in found.waiting)]
    idents = {ident for text in said for ident in _ID.findall(text)}
    losses, in_the_way = (found.lot.losses, found.lot.in_the_way) if found.lot else ((), ())
    idents |= {c.rival for c in in_the_way} | {rival.id for loss in losses for rival in loss.rivals}
    hidden = sight.unseen(tx, by, found.booking.platform, idents)
    if not hidden:
        return found
    names = [name for b in tx.bookings.several(hidden) for name in (f"{b.name} ({b.id})", b.name)]
    return replace(
        found,
        waiting=tuple(_waiting(w, hidden, names) for w in found.waiting),
        warnings=tuple(_nameless(text, names) for text in found.warnings),
        lot=_lot(tx, by, found.booking.platform, found.lot, hidden) if found.lot else None,
    )


def _waiting(one: Waiting, hidden: Collection[str], names: Collection[str]) -> Waiting:
    if one.for_booking not in hidden:
        return one
    return replace(one, for_booking="", for_name=sight.SOMEBODY, what=_nameless(one.what, names))


def _lot(tx: Tx, by: Actor, platform: int, lot: Lot, hidden: Collection[str]) -> Lot:
    nobody = Rival("", sight.SOMEBODY)
    losses = [replace(x, rivals=tuple(nobody if r.id in hidden else r for r in x.rivals)) for x in lot.losses]
    return replace(lot, losses=tuple(losses), in_the_way=tuple(sight.clashes(tx, by, platform, lot.in_the_way)))


def _nameless(text: str, names: Collection[str]) -> str:
    for name in names:
        text = text.replace(name, sight.SOMEBODY)
    return text
