# SPDX-License-Identifier: Apache-2.0
"""What bookings lost is taken, written down, and closed; who refers to a profile; on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app import build
from preroll.app.bookings import NewBooking
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.boundaries import BoundaryState
from preroll.domain.capacity import UNIT, Wish
from preroll.domain.errors import Conflict, Stale
from preroll.domain.permission import LOCAL
from preroll.domain.quarantine import Kind, Loss, Reason, Rival
from preroll.domain.resource import Mode
from preroll.domain.usage import CONCURRENCY, Need
from preroll.domain.window import MINUTE, Window
from tests.builders import NOON

AIR = Timing(NOON, NOON + 60 * MINUTE)


def loss(resource, dimension: str, amount: int, **changes) -> Loss:
    kind = Kind.CAPACITY if dimension else Kind.CONCURRENCY
    whole = Loss(resource.key, resource.name, dimension, amount, AIR.start, AIR.end or 0, kind, dimension)
    return replace(whole, **changes)


@pytest.fixture
async def held(world):
    """A booking that holds three places of the mux and 5 of its rate, and an encoder."""
    made = await world.book(on=[], timing=AIR)
    mux, encoder = world.resources["mux"], world.resources["enc-1"]
    wishes = (Wish("a", {"rate": 5 * UNIT}), Wish("b"), Wish("c"))
    await world.store.write(lambda tx: tx.reservations.hold(made, [Need(mux, wishes), Need(encoder)]))
    return made


async def holds(world) -> dict[tuple[str, str], int]:
    resources = list(world.resources.values())
    found = await world.store.read(lambda tx: tx.reservations.usages(resources, Window(0, None)))
    names = {r.key: r.name for r in resources}
    return {(names[key], u.dimension): u.amount for key, usages in found.items() for u in usages}


async def test_what_is_lost_is_held_no_more_and_told(world, held):
    mux = world.resources["mux"]
    part = loss(mux, "rate", 2 * UNIT, rivals=(Rival("b-9", "Cup\0 final"),), why="so \ud800", was=State.ON_HOLD)
    place = loss(mux, CONCURRENCY, 3, reason=Reason.MAINTENANCE)
    await world.store.write(lambda tx: tx.losses.add(held.key, [part, place]))
    assert await holds(world) == {("mux", "rate"): 3 * UNIT, ("enc-1", CONCURRENCY): 1}
    found = await world.store.read(lambda tx: tx.losses.of(held.key))
    assert [(x.dimension, x.amount, x.reason, x.held) for x in found] == [
        ("rate", 2 * UNIT, Reason.UPDATED, False), (CONCURRENCY, 3, Reason.MAINTENANCE, False),
    ]  # fmt: skip
    assert found[0].at_us == world.clock.us
    assert (found[0].was, found[0].rivals[0].id, found[0].resource_name) == (State.ON_HOLD, "b-9", "mux")


async def test_what_a_running_booking_holds_in_conflict_is_only_marked(world, held):
    before = await holds(world)
    await world.store.write(lambda tx: tx.losses.add(held.key, [loss(world.resources["mux"], "rate", UNIT, held=True)]))
    assert await holds(world) == before
    assert [x.held for x in await world.store.read(lambda tx: tx.losses.of(held.key))] == [True]


async def test_losses_of_one_dimension_add_up_and_other_bookings_keep_theirs(world, held):
    mux, encoder = world.resources["mux"], world.resources["enc-1"]
    twice = [loss(mux, "rate", UNIT), loss(mux, "rate", 2 * UNIT), loss(mux, CONCURRENCY, 1)]
    other = await world.book(on=[], timing=Timing(NOON + 120 * MINUTE, NOON + 180 * MINUTE))
    await world.store.write(lambda tx: tx.reservations.hold(other, [Need(encoder)]))
    await world.store.write(lambda tx: tx.losses.add_all([(held.key, twice), (other.key, [])]))
    assert await holds(world) == {
        ("mux", "rate"): 2 * UNIT, ("mux", CONCURRENCY): 2, ("enc-1", CONCURRENCY): 1,
    }  # fmt: skip
    await world.store.write(lambda tx: tx.losses.add_all([(other.key, [loss(encoder, CONCURRENCY, 1)])]))
    found = await world.store.read(lambda tx: tx.reservations.usages([encoder], Window(0, None)))
    assert [u.booking for u in found[encoder.key]] == [held.id]


async def test_many_are_moved_together_or_none(world, held):
    other = await world.book(on=[], timing=Timing(NOON + 120 * MINUTE, NOON + 180 * MINUTE))
    seen = await world.store.read(lambda tx: [tx.bookings.by_key(key) for key in (held.key, other.key)])
    moved = [
        (b, replace(b, state=State.QUARANTINED, revision=b.revision + 1, state_version=b.state_version + 1))
        for b in seen
    ]
    await world.store.write(lambda tx: tx.bookings.put(moved[1][1], seen=seen[1]))
    with pytest.raises(Stale):
        await world.store.write(lambda tx: tx.bookings.move([moved[0], (seen[1], replace(seen[1], revision=9))]))
    assert (await world.store.read(lambda tx: tx.bookings.by_key(held.key))) == seen[0]
    await world.store.write(lambda tx: tx.bookings.move(moved[:1]))
    assert (await world.store.read(lambda tx: tx.bookings.by_key(held.key))).state is State.QUARANTINED


async def test_closed_losses_are_over_and_what_the_booking_was_is_known(world, held):
    assert await world.store.read(lambda tx: tx.losses.was(held.key)) is None
    lost = loss(world.resources["mux"], "rate", UNIT, was=State.CONFIRMED)
    await world.store.write(lambda tx: tx.losses.add(held.key, [lost]))
    await world.store.write(lambda tx: tx.losses.close([held.key]))
    assert await world.store.read(lambda tx: tx.losses.of(held.key)) == []
    assert await world.store.read(lambda tx: tx.losses.was(held.key)) is State.CONFIRMED


async def test_an_old_loss_keeps_its_time_when_it_is_written_again(world, held):
    await world.store.write(lambda tx: tx.losses.add(held.key, [loss(world.resources["mux"], "rate", UNIT, at_us=7)]))
    assert (await world.store.read(lambda tx: tx.losses.of(held.key)))[0].at_us == 7


async def test_bookings_that_use_a_profile_are_found_by_it(world):
    named = await world.book("A", nodes={"x": NodeChoice(profile='50% "HD"_1')}, definition=None)
    other = await world.book("B", nodes={"x": NodeChoice(profile='501 "HD"_1')}, definition=None)
    made_of = await world.book("C")
    await world.book("over", nodes={"x": NodeChoice(profile='50% "HD"_1')}, state=State.CANCELED, definition=None)

    def using(*names: str, of: tuple[int, ...] = ()):
        return lambda tx: [b.id for b in tx.bookings.using(world.platform.key, names, of)]

    assert await world.store.write(using('50% "HD"_1')) == [named.id]
    assert await world.store.write(using('50% "HD"_1', '501 "HD"_1')) == [named.id, other.id]
    assert await world.store.write(using("HD", of=(world.definition.key,))) == [made_of.id]
    assert await world.store.write(using()) == []


async def test_several_bookings_by_id_in_the_order_of_their_keys(world):
    made = [await world.book(name) for name in "ABC"]
    asked = [made[2].id, made[0].id, "nobody"]
    found = await world.store.write(lambda tx: tx.bookings.several(asked))
    assert [b.id for b in found] == [made[0].id, made[2].id]


async def test_force_and_the_way_back_through_the_use_cases(world):
    app, platform = build(world.store, None), world.platform.name
    nodes = {"a": NodeChoice("enc-1"), "b": NodeChoice("mux")}

    def new(name: str, **changes) -> NewBooking:
        return NewBooking(name, AIR, platform, nodes=nodes, **changes)

    first = (await app.bookings.create(LOCAL, new("A"))).booking.id
    before = await holds(world)
    with pytest.raises(Conflict) as refused:
        await app.bookings.create(LOCAL, new("B", priority=1))
    assert [line.name for line in refused.value.losing] == ["A"]
    second = (await app.bookings.create(LOCAL, new("B", priority=1, force=True))).booking.id
    seen = await app.bookings.get(LOCAL, first)
    assert (seen.booking.state, [x.resource_name for x in seen.lot.losses]) == (State.QUARANTINED, ["enc-1"])
    await app.bookings.cancel(LOCAL, second, None)
    left = await app.bookings.leave_quarantine(LOCAL, first, None)
    assert (left.booking.state, await holds(world)) == (State.PARTIAL, before)
    closed = replace(world.resources["mux"], mode=Mode.MAINTENANCE)
    with pytest.raises(Conflict):
        await app.catalogue.apply(LOCAL, platform, [closed])
    await app.catalogue.apply(LOCAL, platform, [closed], force=True)
    assert (await app.bookings.get(LOCAL, first)).lot.losses[0].reason is Reason.MAINTENANCE


async def test_who_holds_something_is_told_with_both_counters(world):
    mux = world.resources["mux"]
    held = [await world.book(name, on=["mux"], timing=AIR) for name in ("One", "Two")]
    await world.book("Other", on=["enc-1"], timing=AIR)
    await world.cancel(await world.book("Gone", on=["mux"], timing=AIR))
    every = Window(0, None)

    async def holders(window=every):
        return await world.store.read(lambda tx: tx.reservations.holders([mux.key], window))

    assert await holders() == {b.key: (b.revision, b.state_version) for b in held}
    assert await holders(Window(NOON + 90 * MINUTE, None)) == {}
    await world.store.write(lambda tx: tx.bookings.put(replace(held[0], revision=7, state_version=8), seen=held[0]))
    assert (await holders())[held[0].key] == (7, 8)


async def test_the_events_of_a_booking_are_disarmed_together(world):
    news, sports = await world.book("News", timing=AIR), await world.book("Sports", timing=AIR)
    await world.store.write(lambda tx: tx.boundaries.disarm([news.key]))
    assert {b.state for b in (await world.boundaries(news)).values()} == {BoundaryState.DISARMED}
    assert {b.state for b in (await world.boundaries(sports)).values()} == {BoundaryState.ARMED}
    assert await world.drain(AIR.start) != []
    assert await world.state(news) is news.state
