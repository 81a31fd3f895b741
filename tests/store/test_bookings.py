# SPDX-License-Identifier: Apache-2.0
"""Bookings come back as they went in; whoever writes says what they saw."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial

import pytest

from preroll.domain.booking import Booking, Carries, NodeChoice, State, Timing
from preroll.domain.errors import NotFound, Refused, Stale
from preroll.domain.order import OrderItem, OrderKind
from preroll.domain.ordered import Order as ServiceOrder
from preroll.domain.window import MINUTE
from preroll.ports.lists import BookingFilter, Order, SortBy
from preroll.store.bookings import COLUMNS, entered
from tests import builders
from tests.builders import NOON


async def test_comes_back_as_it_went_in(world):
    rich = builders.booking(
        State.ON_HOLD, id="b-7", key=0, platform=world.platform.key, definition=world.definition.key, name="Zürich ☀",
        nodes={"Encoder": NodeChoice("r-1", "HD", {"bitrate": 8.5, "label": None}), "Empty": NodeChoice()},
        properties={"colour": "blue", "depth": [1, {"a": None}]}, priority=-3, service_state="PAUSE", began=True,
        entering="Pre-roll", not_reset=True, zone="Europe/Zurich", revision=4, state_version=9, created_us=1,
        created_by="someone", changed_us=2,
    )  # fmt: skip
    stored = await world.store.write(lambda tx: tx.bookings.add(rich))
    assert stored == replace(rich, key=stored.key)
    assert stored.key > 0
    assert await world.store.read(lambda tx: tx.bookings.get("b-7")) == stored
    assert await world.store.read(lambda tx: tx.bookings.by_key(stored.key)) == stored


def test_nothing_is_lost_when_an_event_begins():
    seen = Booking(**{field.name: object() for field in fields(Booking)} | {"state_version": 4})
    assert entered(seen, "Pre-roll") == replace(seen, began=True, entering="Pre-roll", state_version=5)


async def test_without_end_comes_back_without_end(world):
    made = await world.book(timing=builders.timing(end=None, post_roll=0))
    assert (await world.booking(made)).timing.end is None


async def test_what_is_not_there_is_not_found(world):
    with pytest.raises(NotFound, match="no booking b-0"):
        await world.store.read(lambda tx: tx.bookings.get("b-0"))
    with pytest.raises(NotFound):
        await world.store.read(lambda tx: tx.bookings.by_key(4711))


async def test_an_id_is_taken_once(world):
    made = await world.book()
    with pytest.raises(Refused, match=made.id):
        await world.store.write(lambda tx: tx.bookings.add(replace(made, key=0, name="Another")))
    assert (await world.booking(made)).name == "News"


@pytest.mark.parametrize("counter", ["revision", "state_version"])
async def test_a_lost_race_is_stale(world, counter):
    seen = await world.book()
    first = replace(seen, name="First", **{counter: 2})
    await world.store.write(lambda tx: tx.bookings.put(first, seen=seen))
    with pytest.raises(Stale):
        await world.store.write(lambda tx: tx.bookings.put(replace(seen, name="Second"), seen=seen))
    assert (await world.booking(seen)).name == "First"


async def test_stale_says_what_is_stored(world):
    seen = await world.book()
    await world.store.write(lambda tx: tx.bookings.put(replace(seen, revision=2), seen=seen))
    with pytest.raises(Stale) as caught:
        await world.store.write(lambda tx: tx.bookings.put(seen, seen=seen))
    assert (caught.value.seen, caught.value.stored) == (1, 2)


async def test_a_change_of_the_definition_reaches_the_timetable(world):
    bare = await world.unscripted()
    made = await world.book()
    await world.store.write(lambda tx: tx.bookings.put(replace(made, definition=bare.key), seen=made))
    claims = await world.claim(NOON)
    assert (claims.settled, claims.runs) == (1, ())


async def shelf(world):
    """Six bookings, an hour apart, the last two at the same time."""
    hours = (0, 1, 2, 3, 4, 4)
    return [
        await world.book(
            f"Show {i}", timing=Timing(NOON + h * 60 * MINUTE, NOON + (h + 1) * 60 * MINUTE),
            state=State.PARTIAL if i % 2 else State.CONFIRMED,
        )
        for i, h in enumerate(hours)
    ]  # fmt: skip


async def page(world, after=None, limit=100, **where):
    return await world.store.read(lambda tx: tx.bookings.page(BookingFilter(**where), after, limit))


async def test_pages_follow_each_other_without_gap_or_repeat(world):
    made = await shelf(world)
    seen, after = [], None
    while True:
        found = await page(world, after, 2)
        seen += [b.id for b in found.items]
        after = found.next
        if after is None:
            break
    assert seen == [b.id for b in sorted(made, key=lambda b: (b.timing.start, b.id))]


@pytest.mark.parametrize("by", list(SortBy))
@pytest.mark.parametrize("down", [False, True])
async def test_every_order_goes_on_without_gap_or_repeat(world, by, down):
    made, order = await shelf(world), Order(by, down)
    seen, after = [], None
    while True:
        found = await world.store.read(
            partial(lambda tx, at: tx.bookings.page(BookingFilter(), at, 4, order), at=after)
        )
        seen += [b.id for b in found.items]
        after = found.next
        if after is None:
            break
    assert seen == [b.id for b in sorted(made, key=order.place, reverse=down)]


async def test_those_that_are_not_over_are_few_steps_away(world):
    if world.store._backend.version is None:
        pytest.skip("the plan is read from SQLite")
    ident = (await world.book()).id
    again = ", ".join("id || n" if name == "id" else name for name in COLUMNS.split(", ") if name != "key")
    names = COLUMNS.removeprefix("key, ") + ", folded, live, held_start_us, held_end_us"
    again += ", folded, live, held_start_us, held_end_us"

    def look(tx):
        db, asked = tx._work.db, []
        db.run(
            f"with recursive i(n) as (select 1 union all select n + 1 from i where n < 2000)"
            f" insert into booking ({names}) select {again} from i join booking on id = ?", ident,
        )  # fmt: skip
        db.run("analyze")
        listened, db.all = db.all, lambda sql, *values: (asked.append((sql, values)), listened(sql, *values))[1]
        try:
            tx.bookings.page(BookingFilter(1, over_us=0), None, 5)
        finally:
            db.all = listened
        return [row[3] for sql, values in asked for row in db.all(f"explain query plan {sql}", *values)]

    plan = await world.store.write(look)
    assert any("ix_booking_start_us_id (start_us>?)" in line for line in plan), plan
    assert any("ix_booking_lasting (platform=? AND held_end_us>?)" in line for line in plan), plan
    assert not any(line.startswith("SCAN booking") for line in plan), plan


async def test_a_full_last_page_has_no_next(world):
    await shelf(world)
    assert (await page(world, limit=6)).next is None
    assert (await page(world, limit=5)).next is not None


async def test_lists_are_filtered(world):
    made = await shelf(world)
    names = lambda found: [b.name for b in found.items]  # noqa: E731
    assert names(await page(world, states=frozenset({State.PARTIAL}))) == ["Show 1", "Show 3", "Show 5"]
    assert names(await page(world, text="SHOW 2")) == ["Show 2"]
    assert names(await page(world, text="_how")) == [], "a wildcard of the database is an ordinary character"
    inside = (made[1].timing.start, made[1].timing.end)
    assert names(await page(world, overlaps=inside)) == ["Show 1"], "windows that only touch do not overlap"
    assert names(await page(world, platform=world.platform.key + 1)) == []


async def named(world, name="news", start=NOON, end=NOON + 60 * MINUTE, but=None):
    found = await world.store.read(lambda tx: tx.bookings.named(world.platform.key, name, start, end, but))
    return found and found.id


async def test_a_name_is_looked_up_folded_and_by_the_held_window(world):
    made = await world.book("STRASSE", timing=Timing(NOON, NOON + 60 * MINUTE, 5 * MINUTE, 5 * MINUTE))
    assert await named(world, "Straße") == made.id
    assert await named(world, "straße", start=NOON - 10 * MINUTE, end=NOON - 4 * MINUTE) == made.id
    assert await named(world, "straße", start=NOON - 10 * MINUTE, end=NOON - 5 * MINUTE) is None
    assert await named(world, "straße", start=NOON + 65 * MINUTE, end=None) is None
    assert await named(world, "straße", but=made.key) is None
    assert await named(world, "weg") is None


async def test_a_permanent_booking_has_its_name_for_ever(world):
    made = await world.book(timing=builders.timing(end=None, post_roll=0))
    assert await named(world, start=NOON + 10**15, end=NOON + 10**15 + 1) == made.id


async def test_neither_the_ended_nor_those_without_a_service_have_a_name(world):
    await world.book(state=State.CANCELED)
    await world.book(state=State.FAILED_COMPLETED)
    loose = builders.booking(id="loose", name="News", platform=world.platform.key, definition=None)
    await world.store.write(lambda tx: tx.bookings.add(loose))
    assert await named(world) is None


async def test_overlays_are_found_by_their_service_while_they_live(world):
    first, other = (replace(builders.booking(id=i, key=0, platform=world.platform.key), overlays=s, definition=None)
                    for i, s in (("b-8", "s-1"), ("b-9", "s-2")))  # fmt: skip
    stored = await world.store.write(lambda tx: tx.bookings.add(first))
    await world.store.write(lambda tx: tx.bookings.add(replace(other, name="Other")))
    assert await world.store.read(lambda tx: tx.bookings.overlays("s-1")) == [stored]
    assert stored.overlays == "s-1"
    items = [OrderItem("it", OrderKind.MODIFY, "s-1")]
    ordered, draft = [
        await world.store.write(lambda tx: tx.orders.add(ServiceOrder("More", 1, tuple(items)))) for _ in "ab"
    ]
    carrier = replace(stored, id=ordered.id, key=0, overlays="", name="More", carries=Carries.ORDER)
    carrier = await world.store.write(lambda tx: tx.bookings.add(carrier))
    await world.store.write(lambda tx: tx.bookings.add(replace(carrier, id=draft.id, state=State.PARTIAL)))
    for ask in (world.store.read, world.store.write):
        assert await ask(lambda tx: tx.bookings.on_top("s-1")) == [stored, carrier]
    ended = replace(stored, state=State.CANCELED, revision=2, state_version=2)
    await world.store.write(lambda tx: tx.bookings.put(ended, seen=stored))
    assert await world.store.read(lambda tx: tx.bookings.overlays("s-1")) == []
    assert await world.store.read(lambda tx: tx.bookings.on_top("s-1")) == [carrier]
