# SPDX-License-Identifier: Apache-2.0
"""What a timeline shows, and what it says to a move before it is made: the same as the move itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.bookings import NewBooking
from preroll.app.timeline import WIDEST, Mark, Move
from preroll.domain.booking import NodeChoice, Timing
from preroll.domain.edits import Handle
from preroll.domain.errors import Conflict, Invalid, NotFound, NotPermitted, Stale
from preroll.domain.permission import LOCAL, Actor
from preroll.domain.window import HOUR, MINUTE
from tests.builders import NOON


async def book(stage, name: str = "News", on: str = "enc-1", start: int = 0, **changes):
    timing = Timing(NOON + start * MINUTE, NOON + (start + 60) * MINUTE)
    made = await stage.app.bookings.create(
        LOCAL, NewBooking(name, timing, nodes={"Encoder": NodeChoice(on)}, **changes)
    )
    return made.booking


async def shown(stage, by: Actor = LOCAL, start: int = NOON - HOUR, end: int = NOON + 6 * HOUR):
    found = await stage.app.timeline.within(by, "default", start, end)
    return {block.placed.name: block for block in found.blocks}


def later(booking, minutes: int) -> Timing:
    shift = minutes * MINUTE
    assert booking.timing.end is not None
    return replace(booking.timing, start=booking.timing.start + shift, end=booking.timing.end + shift)


async def test_a_waiting_booking_can_be_moved_by_all_handles(stage):
    await book(stage)
    block = (await shown(stage))["News"]
    assert block.handles == frozenset(Handle)
    assert (block.marks, block.played) == ((), None)


async def test_what_is_in_the_way_is_told_and_nothing_is_written(stage):
    rival, mine = await book(stage, "Rival", start=90), await book(stage)
    (clash,) = await stage.app.timeline.check(LOCAL, mine.id, mine.revision, Move(later(mine, 60)))
    assert (clash.resource, clash.rival, clash.rival_name) == ("enc-1", rival.id, "Rival")
    assert await stage.app.timeline.check(LOCAL, mine.id, mine.revision, Move(later(mine, 30))) == []
    assert (await stage.app.bookings.get(LOCAL, mine.id)).booking == mine


async def test_the_move_itself_says_the_same_with_ways_out(stage):
    await book(stage, "Rival", start=90)
    mine = await book(stage)
    with pytest.raises(Conflict) as caught:
        await stage.app.bookings.move(LOCAL, mine.id, mine.revision, Move(later(mine, 60)))
    assert list(caught.value.clashes) == await stage.app.timeline.check(LOCAL, mine.id, None, Move(later(mine, 60)))
    assert caught.value.ways


async def test_another_row_is_another_resource_on_the_node_that_has_it(stage):
    mine = await book(stage)
    move = Move(later(mine, 15), source="enc-1", target="enc-2")
    moved = (await stage.app.bookings.move(LOCAL, mine.id, mine.revision, move)).booking
    assert moved.timing == later(mine, 15)
    (enc2,) = moved.resources
    assert enc2 != mine.resources[0]
    back = await stage.app.bookings.move(LOCAL, mine.id, moved.revision, Move(mine.timing, enc2, "enc-1"))
    assert (back.booking.timing, back.booking.resources) == (mine.timing, mine.resources)


async def test_a_resource_that_it_does_not_have_is_a_mistake(stage):
    mine = await book(stage)
    with pytest.raises(Invalid, match="does not have enc-3"):
        await stage.app.timeline.check(LOCAL, mine.id, None, Move(source="enc-3", target="enc-2"))


async def test_a_lost_race_is_stale(stage):
    mine = await book(stage)
    await stage.app.bookings.rename(LOCAL, mine.id, mine.revision, "Renamed")
    with pytest.raises(Stale):
        await stage.app.timeline.check(LOCAL, mine.id, mine.revision, Move(later(mine, 5)))


async def test_who_may_not_see_it_sees_neither_the_block_nor_the_name_of_a_rival(stage):
    await book(stage, "Secret", start=90, scopes=("gold",))
    mine = await book(stage)
    operator = Actor("olga", frozenset({"operator"}))
    assert set(await shown(stage, operator)) == {"News"}
    assert set(await shown(stage)) == {"News", "Secret"}
    (clash,) = await stage.app.timeline.check(operator, mine.id, None, Move(later(mine, 60)))
    assert (clash.rival, clash.rival_name) == ("", "a booking that you may not see")


async def test_who_only_looks_may_not_move(stage):
    mine = await book(stage)
    with pytest.raises(NotPermitted):
        await stage.app.timeline.check(Actor("vera", frozenset({"viewer"})), mine.id, None, Move(later(mine, 5)))


async def test_a_window_is_not_empty_and_not_endless(stage):
    for end in (NOON, NOON + WIDEST + 1):
        with pytest.raises(Invalid, match="100 days"):
            await shown(stage, start=NOON, end=end)
    with pytest.raises(NotFound):
        await stage.app.timeline.within(LOCAL, "elsewhere", NOON, NOON + HOUR)


async def test_one_whose_window_passed_unconfirmed_is_lapsed(stage):
    mine = await book(stage)
    await stage.rig.until(NOON - 5 * MINUTE)
    assert (await shown(stage))["News"].marks == (Mark.NEAR_AIR,)
    await stage.rig.until(NOON + 2 * HOUR)
    found = await stage.app.timeline.several(LOCAL, mine.platform, [mine.id])
    assert found.blocks[0].marks == (Mark.LAPSED,)
