# SPDX-License-Identifier: Apache-2.0
"""A resource that is booked whole: every place of it, and all of each capacity."""

from __future__ import annotations

import pytest

from preroll.app.bookings import Copy, NewBooking, Refit
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.errors import Conflict
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileInstance
from preroll.domain.window import MINUTE
from tests.app.test_quarantine import LINK, RATE, held, link, put
from tests.builders import NOON

HOUR = Timing(NOON, NOON + 60 * MINUTE)


async def book(stage, name: str = "Whole", **nodes: NodeChoice):
    chosen = nodes or {"Link": NodeChoice("link", whole=True)}
    return await stage.app.bookings.create(LOCAL, NewBooking(name, HOUR, nodes=chosen))


@pytest.fixture(autouse=True)
async def shared(stage) -> None:
    await put(stage, RATE, ProfileInstance("Link", "Link"), LINK)


async def test_nobody_else_has_any_of_it(stage):
    made = await book(stage)
    assert await held(stage) == {"link": {"Whole": 9, "Whole rate": 10_000_000}}
    with pytest.raises(Conflict, match="link is held by Whole") as refused:
        await book(stage, "Other", Link=NodeChoice("link"))
    assert {clash.left for clash in refused.value.clashes} == {0}
    await stage.cancel(made.booking.id)
    await book(stage, "Other", Link=NodeChoice("link"))


async def test_where_anybody_has_a_part_of_it_it_cannot_be_had_whole(stage):
    await book(stage, "Other", Link=NodeChoice("link"))
    with pytest.raises(Conflict, match="8 of 9 left, 9 asked"):
        await book(stage)


async def test_it_stays_whole_when_it_is_swapped_or_booked_once_more(stage):
    ident = (await book(stage)).booking.id
    await stage.app.bookings.swap(LOCAL, ident, None, Refit("Link", "enc-1"))
    assert await held(stage) == {"enc-1": {"Whole": 1}}
    await stage.app.bookings.swap(LOCAL, ident, None, Refit("Link", "link"))
    assert await held(stage) == {"link": {"Whole": 9, "Whole rate": 10_000_000}}
    again = await stage.app.bookings.duplicate(LOCAL, ident, Copy(start=NOON + 120 * MINUTE))
    assert again.booking.nodes["Link"].whole


async def test_who_runs_on_it_whole_is_not_pushed_aside_by_force(stage):
    ident = (await book(stage)).booking.id
    await stage.confirm(ident)
    await stage.to(60)
    other = await link(stage, "Other", 1, force=True)
    assert [await stage.state(i) for i in (ident, other)] == [State.ACTIVE, State.QUARANTINED]


async def test_two_nodes_that_both_want_it_whole_are_too_many(stage):
    with pytest.raises(Conflict, match="asked"):
        await book(stage, a=NodeChoice("link", whole=True), b=NodeChoice("link"))
