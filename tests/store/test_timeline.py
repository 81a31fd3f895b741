# SPDX-License-Identifier: Apache-2.0
"""A window of bookings: who is in it, who may know, what is due, and when its events ran."""

from __future__ import annotations

import pytest

from preroll.domain.booking import NodeChoice, State
from preroll.domain.permission import Sight
from preroll.domain.window import DAY, MINUTE
from preroll.ports.timeline import Due
from tests import builders
from tests.builders import NOON
from tests.store.world import END, OFF_AIR, ON_AIR, PRE_ROLL


async def names(world, start, end, sight=None):
    found = await world.store.read(lambda tx: tx.timeline.within(world.platform.key, start, end, sight))
    return [placed.name for placed in found]


async def test_a_row_says_where_when_and_on_what(world):
    made = await world.book(on=["enc-1", "mux"], scopes=("gold",))
    (found,) = await world.store.read(lambda tx: tx.timeline.within(world.platform.key, PRE_ROLL, END, None))
    assert found.resources == (world.resources["enc-1"].id, world.resources["mux"].id)
    assert (found.key, found.id, found.name, found.state) == (made.key, made.id, "News", State.CONFIRMED)
    assert (found.timing, found.scopes, found.began) == (made.timing, ("gold",), False)


async def test_the_window_is_half_open_and_counts_the_rolls(world):
    await world.book()
    assert await names(world, END - 1, END + MINUTE) == ["News"]
    assert await names(world, END, END + MINUTE) == []
    assert await names(world, PRE_ROLL - MINUTE, PRE_ROLL) == []
    assert await names(world, PRE_ROLL - MINUTE, PRE_ROLL + 1) == ["News"]


async def test_long_ones_and_those_without_end_are_in_every_window_that_they_cross(world):
    await world.book("Week", timing=builders.timing(end=NOON + 7 * DAY))
    await world.book("Ever", timing=builders.timing(start=NOON + DAY, end=None, post_roll=0))
    await world.book("Two days", timing=builders.timing(end=NOON + 2 * DAY - 10 * MINUTE))
    await world.book("A bit more", timing=builders.timing(end=NOON + 2 * DAY))
    everybody = ["A bit more", "Ever", "Two days", "Week"]
    assert sorted(await names(world, NOON + 2 * DAY - 11 * MINUTE, NOON + 3 * DAY)) == everybody
    assert sorted(await names(world, NOON + 5 * DAY, NOON + 6 * DAY)) == ["Ever", "Week"]
    assert await names(world, NOON + 90 * DAY, NOON + 91 * DAY) == ["Ever"]
    assert await names(world, NOON - 3 * DAY, NOON - DAY) == []


async def test_deleted_ones_and_other_platforms_are_not_in_it(world):
    await world.book("Gone", hidden=True)
    await world.book("Here")
    assert await names(world, PRE_ROLL, END) == ["Here"]
    assert await world.store.read(lambda tx: tx.timeline.within(world.platform.key + 1, PRE_ROLL, END, None)) == []


@pytest.mark.parametrize(("scopes", "seen"), [(set(), ["Open"]), ({"gold"}, ["Gold", "Open"]), ({"silver"}, ["Open"])])
async def test_who_lacks_the_scope_does_not_see_it(world, scopes, seen):
    await world.book("Open")
    gold = await world.book("Gold", scopes=("gold",))
    sight = Sight(platforms=frozenset({world.platform.key}), whole=frozenset(), scopes=frozenset(scopes))
    assert sorted(await names(world, PRE_ROLL, END, sight)) == seen
    one = await world.store.read(lambda tx: tx.timeline.several(world.platform.key, {gold.id}, sight))
    assert [placed.name for placed in one] == (["Gold"] if "gold" in scopes else [])


async def test_what_is_due_and_what_has_run(world):
    made, other = (
        await world.book(on=["enc-1"]),
        await world.book("Later", timing=builders.timing(start=NOON + DAY, end=NOON + 2 * DAY)),
    )
    read = world.store.read
    assert await read(lambda tx: tx.timeline.due(world.platform.key)) == {}
    world.clock.us = ON_AIR
    assert await read(lambda tx: tx.timeline.due(world.platform.key)) == {made.key: Due(PRE_ROLL, waits=False)}
    await world.drain(ON_AIR)
    (played,) = (await read(lambda tx: tx.timeline.played([made.key, other.key]))).values()
    assert (played.began, played.on_air, played.off_air, played.ended) == (ON_AIR, ON_AIR, None, None)
    await world.play(END)
    played = (await read(lambda tx: tx.timeline.played([made.key])))[made.key]
    assert (played.off_air, played.ended) == (OFF_AIR, END)
    assert await read(lambda tx: tx.timeline.disputed([made.key])) == frozenset()


async def test_who_waits_for_another_is_told_apart_from_who_is_late(world):
    first, second = await world.book("First", on=["card-a"]), await world.book("Second", on=["card-b"])
    await world.only(PRE_ROLL)
    assert await world.store.read(lambda tx: tx.timeline.due(world.platform.key)) == {
        second.key: Due(PRE_ROLL, waits=True)
    }
    assert first.key != second.key


async def test_nodes_without_a_resource_and_resources_twice(world):
    enc = world.resources["enc-1"].id
    await world.book(nodes={"A": NodeChoice(enc), "B": NodeChoice(), "C": NodeChoice(enc)})
    (found,) = await world.store.read(lambda tx: tx.timeline.within(world.platform.key, PRE_ROLL, END, None))
    assert found.resources == (enc,)
