# SPDX-License-Identifier: Apache-2.0
"""Home for the night on both databases: who is listed, why, and that it asks no more for more bookings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.night import LISTED, Night, Nights
from preroll.domain.booking import State
from preroll.domain.concern import Concern
from preroll.domain.permission import LOCAL, Actor
from preroll.domain.window import DAY, MINUTE
from preroll.store.sqlite import SqliteConnection
from tests import builders
from tests.builders import NOON
from tests.store.world import ON_AIR, PRE_ROLL, World


async def look(world: World, by: Actor = LOCAL, installed: frozenset[str] | None = None) -> Night:
    return await Nights(world.store, lambda: installed, lambda: ()).of(by, "tv")


def concerns(night: Night) -> list[tuple[str, Concern]]:
    return [(trouble.booking.name, trouble.concern) for trouble in night.needing.troubles]


async def test_what_comes_next_and_what_it_lacks(world: World):
    ready = await world.book("Ready", ["enc-1"])
    lacking = await world.book("Half", ["enc-2"], armed=False, state=State.PARTIAL)
    night = await look(world, installed=frozenset({"warm-up", "on-air", "wind-down"}))
    assert [one.booking.id for one in night.coming] == [ready.id, lacking.id]
    told = {one.booking.name: [str(lack) for lack in one.lacks] for one in night.coming}
    assert "state: is Partial (expected Confirmed)" in told["Half"]
    assert any("definition.actions.STOP: script reset is not installed" in line for line in told["Ready"])
    assert all("Confirmed" not in line for line in told["Ready"])
    assert night.needing.troubles == ()


async def test_a_paused_platform_and_hands_off_are_told(world: World):
    await world.book("News", ["enc-1"])
    await world.store.write(lambda tx: tx.catalogue.put_resource(replace(world.resources["enc-1"], hands_off=True)))
    await world.configure(paused=True)
    night = await look(world)
    told = [f"{lack.where}: {lack.what}" for lack in night.coming[0].lacks]
    assert "resource enc-1: is hands off: nothing is sent to it" in told
    assert "platform: is paused: nothing begins on it" in told
    assert [ailment.part for ailment in night.ailments if ailment.part == "platform"] == ["platform"]


async def test_on_the_air_with_its_next_event(world: World):
    await world.book("News", ["enc-1"])
    await world.drain(PRE_ROLL)
    await world.drain(ON_AIR)
    (one,) = (await look(world)).on_air
    assert (one.booking.state, one.next_event, one.next_us) == (State.ACTIVE, "STOP", NOON + 60 * MINUTE)


async def test_what_failed_says_why_and_what_to_do(world: World):
    await world.book("News", ["enc-1"])
    await world.fail(await world.only(PRE_ROLL))
    (trouble,) = (await look(world)).needing.troubles
    assert trouble.concern is Concern.FAILED
    assert trouble.what == "START_BOOKING_WITH_PREROLL: it would not"
    assert trouble.actions[:2] == ("retry", "acknowledge")


async def test_late_when_nobody_runs_it(world: World):
    await world.book("News", ["enc-1"])
    world.clock.us = PRE_ROLL + MINUTE
    night = await look(world)
    assert concerns(night) == [("News", Concern.LATE)]
    assert "engine" in {ailment.part for ailment in night.ailments}, "the lease is over"


async def test_near_air_lapsed_and_quarantined(world: World):
    await world.book("Near", armed=False, state=State.PARTIAL)
    old = builders.timing(start=NOON - DAY, end=NOON - DAY + MINUTE)
    await world.book("Old", armed=False, state=State.ON_HOLD, timing=old)
    later = builders.timing(start=NOON + DAY, end=NOON + DAY + MINUTE)
    await world.book("Lost", armed=False, state=State.QUARANTINED, timing=later)
    world.clock.us = PRE_ROLL - MINUTE
    assert concerns(await look(world)) == [
        ("Near", Concern.NEAR_AIR), ("Lost", Concern.QUARANTINED), ("Old", Concern.LAPSED)
    ]  # fmt: skip


async def test_who_may_not_see_a_booking_is_not_told_of_it(world: World):
    await world.book("Secret", scopes=("news",))
    viewer = Actor("v", on={world.platform.key: frozenset({"viewer"})})
    assert (await look(world, viewer)).coming == ()
    assert len((await look(world, replace(viewer, scopes=frozenset({"news"})))).coming) == 1


async def test_lists_are_bounded(world: World):
    for n in range(3):
        await world.book(f"B{n}", armed=False, state=State.PARTIAL)
    world.clock.us = PRE_ROLL
    nights = Nights(world.store, lambda: None, lambda: ())
    short = await nights.of(LOCAL, "tv", limit=2)
    assert (len(short.needing.troubles), short.needing.more, str(short.needing)) == (2, True, "2+")
    assert not (await nights.of(LOCAL, "tv", limit=LISTED)).needing.more


async def test_more_bookings_ask_no_more_questions(inline: World, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    whole = SqliteConnection.all

    def counted(self: SqliteConnection, sql: str, *values: object) -> list[tuple[object, ...]]:
        asked.append(sql)
        return whole(self, sql, *values)

    monkeypatch.setattr(SqliteConnection, "all", counted)
    counts = []
    for more in (1, 10):
        for n in range(more):
            await inline.book(f"Next {more} {n}", ["mux"], timing=builders.timing(start=NOON + DAY, end=NOON + 2 * DAY))
            await inline.book(f"Due {more} {n}", [])
        inline.clock.us = ON_AIR
        await look(inline)  # reads the catalogue, which is remembered
        asked.clear()
        await look(inline)
        counts.append(len(asked))
    assert counts[0] == counts[1], asked
