# SPDX-License-Identifier: Apache-2.0
"""Several people at one booking at once: nobody's change is lost, and who comes too late is told so; both databases."""

from __future__ import annotations

import asyncio
import random

from preroll.app import build
from preroll.app.bookings import Edit
from preroll.domain.errors import Stale
from preroll.domain.permission import LOCAL


async def test_of_two_on_the_same_revision_one_wins_and_the_other_is_told_what_is_stored(world):
    app, made = build(world.store, None), await world.book(on=[])
    asked = [app.bookings.edit(LOCAL, made.id, made.revision, Edit(name=name), None) for name in ("First", "Second")]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    (lost,) = [a for a in answers if isinstance(a, Stale)]
    assert (lost.seen, lost.stored) == (made.revision, made.revision + 1)
    assert "read it again" in lost.hint
    stored = (await app.bookings.get(LOCAL, made.id)).booking
    assert (stored.revision, stored.name) in {(made.revision + 1, "First"), (made.revision + 1, "Second")}


async def test_of_many_edits_at_once_none_is_lost(world):
    app, made = build(world.store, None), await world.book(on=[])
    chance = random.Random(7)

    async def change(n: int) -> str:
        name = f"p{n}"
        for _ in range(200):
            try:
                if chance.random() < 0.5:
                    await app.bookings.set_properties(LOCAL, made.id, None, {name: n})
                else:
                    await app.bookings.edit(LOCAL, made.id, None, Edit(properties={name: n}))
            except Stale:
                continue
            return name
        raise AssertionError("never served")

    names = await asyncio.gather(*(change(n) for n in range(100)))
    stored = (await app.bookings.get(LOCAL, made.id)).booking
    assert stored.properties == {name: n for n, name in enumerate(names)}
    assert stored.revision == made.revision + 100
