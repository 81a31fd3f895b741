# SPDX-License-Identifier: Apache-2.0
"""What bookings hold of resources, and what would be too much."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.availability import WEEKDAYS, Availability, Hours, Period
from preroll.domain.booking import Booking, State, Timing
from preroll.domain.capacity import UNIT, Capability, Wish
from preroll.domain.errors import Conflict
from preroll.domain.resource import Resource
from preroll.domain.usage import Held, Need, Step
from preroll.domain.window import DAY, MINUTE, Window
from preroll.store import open_inline_store, reservations
from preroll.store.reservations import TIERS, tier_of
from tests import builders
from tests.builders import NOON
from tests.store.world import OFF_AIR, PRE_ROLL, StoppedClock, World

HOUR = 60 * MINUTE


def at(start: int, hours: int | None = 1) -> Timing:
    """On air from so many hours after noon."""
    return Timing(NOON + start * HOUR, None if hours is None else NOON + (start + hours) * HOUR)


async def clashes(world, booking: Booking, *on: str):
    return await world.store.write(lambda tx: tx.reservations.clashes(booking, [Need(world.resources[r]) for r in on]))


def asking(timing: Timing) -> Booking:
    return builders.booking(key=0, id="new", timing=timing)


async def test_what_is_held_by_one_is_not_free_for_another(world):
    made = await world.book("News", on=["enc-1", "enc-2"], timing=at(0))
    (clash,) = await clashes(world, asking(at(0)), "enc-2", "mux")
    assert (clash.resource, clash.rival, clash.rival_name) == ("enc-2", made.id, "News")
    assert (clash.start_us, clash.end_us) == (NOON, NOON + HOUR)
    assert (clash.limit, clash.asked, clash.left) == (1, 1, 0)


async def test_a_clash_is_where_both_meet(world):
    await world.book(on=["enc-1"], timing=at(0, 2))
    (clash,) = await clashes(world, asking(at(1, 5)), "enc-1")
    assert (clash.start_us, clash.end_us) == (NOON + HOUR, NOON + 2 * HOUR)


async def test_what_changes_within_a_booking_is_held_step_by_step(world):
    made, none = await world.book("News", on=["enc-1"], timing=at(0, 3)), Wish(places=0)
    less = Need(world.resources["enc-1"], (Wish(),), (Step(NOON, (Wish(),)), Step(NOON + HOUR, (none,))))
    await world.store.write(lambda tx: tx.reservations.hold(made, [less]))
    assert await clashes(world, asking(at(1, 2)), "enc-1") == []
    (clash,) = await clashes(world, asking(at(0, 2)), "enc-1")
    assert (clash.start_us, clash.end_us) == (NOON, NOON + HOUR)
    await world.book("Late", on=["enc-1"], timing=at(2))
    late = replace(less, steps=(Step(NOON, (none,)), Step(NOON + HOUR, (Wish(),))))
    for need, rivals in ((less, []), (late, ["Late"]), (replace(late, steps=()), ["Late"])):
        found = await world.store.write(lambda tx, need=need: tx.reservations.clashes(made, [need]))
        assert [clash.rival_name for clash in found] == rivals


async def test_windows_that_only_touch_do_not_clash(world):
    await world.book(on=["enc-1"], timing=at(1))
    assert await clashes(world, asking(at(0)), "enc-1") == []
    assert await clashes(world, asking(at(2)), "enc-1") == []


async def test_the_rolls_are_held_too(world):
    await world.book(on=["enc-1"])
    late = Timing(NOON + 64 * MINUTE, NOON + 70 * MINUTE)
    assert len(await clashes(world, asking(late), "enc-1")) == 1
    assert await clashes(world, asking(replace(late, start=NOON + 65 * MINUTE)), "enc-1") == []


async def test_a_booking_does_not_clash_with_itself(world):
    made = await world.book(on=["enc-1"], timing=at(0))
    assert await clashes(world, made, "enc-1") == []


async def test_without_end_clashes_for_ever(world):
    await world.book("for ever", on=["enc-1"], timing=at(0, None))
    (clash,) = await clashes(world, asking(at(100_000)), "enc-1")
    assert clash.rival_name == "for ever"
    (clash,) = await clashes(world, asking(at(5, None)), "enc-1")
    assert clash.end_us is None


async def test_so_many_at_once_as_the_resource_admits(world):
    for hour in (0, 0, 1):
        await world.book(f"show {hour}", on=["mux"], timing=at(hour, 1))
    assert await clashes(world, asking(at(0, 2)), "mux") == [], "never three at one instant"
    await world.book("third", on=["mux"], timing=at(0, 1))
    found = await clashes(world, asking(at(0, 2)), "mux")
    assert sorted(c.rival_name for c in found) == ["show 0", "show 0", "third"], "the one of the other hour is no rival"
    assert {(c.limit, c.left) for c in found} == {(3, 0)}


async def test_what_was_released_is_free(world):
    made = await world.book(on=["enc-1"], timing=at(0))
    await world.store.write(lambda tx: tx.reservations.release(made.key))
    assert await clashes(world, asking(at(0)), "enc-1") == []


async def test_to_hold_again_is_to_hold_something_else(world):
    made = await world.book(on=["enc-1"], timing=at(0))
    moved = replace(made, timing=at(3))
    await world.store.write(
        lambda tx: tx.reservations.hold(moved, [Need(world.resources["enc-2"], (Wish("a"), Wish("b")))])
    )
    assert await clashes(world, asking(at(0)), "enc-1", "enc-2") == []
    assert len(await clashes(world, asking(at(3)), "enc-1", "enc-2")) == 1


async def test_a_dimension_has_its_name_whoever_added_it_and_none_from_what_was_rolled_back(opened):
    one, other = opened(), opened()
    await one.furnish()
    await other.like(one)
    made, mux = await one.book(on=["mux"], timing=at(0)), one.resources["mux"]

    def taking(name: str, error: Exception | None = None):
        def unit(tx):
            tx.reservations.hold(made, [Need(mux, (Wish("a", {name: 5}),))])
            if error:
                raise error

        return unit

    def held(tx):
        return {u.dimension: u.amount for u in tx.reservations.usages([mux], made.timing.held)[mux.key]}

    with pytest.raises(Conflict):
        await one.store.write(taking("never", Conflict([])))
    await other.store.write(taking("rate"))
    assert await one.store.read(held) == await other.store.read(held) == {"": 1, "rate": 5}
    await one.store.write(taking("seats"))
    assert await one.store.read(held) == await other.store.read(held) == {"": 1, "seats": 5}


async def test_a_resource_for_nobody_clashes_with_nobody_in_particular(world):
    await world.store.write(lambda tx: tx.catalogue.put_resource(replace(world.resources["enc-1"], concurrency=0)))
    (clash,) = await clashes(world, asking(at(0)), "enc-1")
    assert (clash.rival, clash.left, clash.limit) == ("", 0, 0)


async def test_the_commit_knows_the_hours_of_a_resource_in_the_zone_of_its_platform_as_it_is_now(world):
    nightly = Availability(weekly=(Hours(WEEKDAYS, 0, 8 * 60),))
    midnight = NOON - NOON % DAY + DAY
    at_night = asking(Timing(midnight, midnight + HOUR))

    async def zone(name: str) -> None:
        await world.store.write(lambda tx: tx.platforms.put(replace(world.platform, zone=name)))

    for name in ("enc-1", "mux"):
        hours = replace(nightly, zone="UTC") if name == "mux" else nightly
        changed = replace(world.resources[name], availability=hours)
        world.resources[name] = await world.store.write(lambda tx, r=changed: tx.catalogue.put_resource(r))
    assert await clashes(world, at_night, "enc-1", "mux") == []
    await zone("America/New_York")
    (clash,) = await clashes(world, at_night, "enc-1", "mux")
    assert "weekly hours, America/New_York" in clash.why
    (listed,) = await world.store.read(lambda tx: tx.catalogue.resources(world.platform.key, names=["enc-1"]))
    assert (listed.availability.zone, listed.availability.clock) == ("", "America/New_York")
    await zone("UTC")
    assert await clashes(world, at_night, "enc-1") == []


async def test_who_runs_on_the_same_resources(world):
    running = await world.book("running", on=["mux", "enc-1"])
    await world.drain(PRE_ROLL)
    await world.book("waiting", on=["mux"])
    ask = lambda booking: world.store.read(lambda tx: [b.name for b in tx.reservations.runs_on(booking)])  # noqa: E731
    over = await world.book("over", on=["mux", "enc-2"], state=State.FAILED_COMPLETED)
    assert await ask(over) == ["running"]
    assert await ask(running) == []
    assert await ask(await world.book("elsewhere", on=["enc-2"])) == []
    await world.play(OFF_AIR)
    await world.drain(OFF_AIR + HOUR)
    assert await ask(over) == []


def test_every_length_has_a_tier():
    lengths = [0, 1, *(t + d for t in TIERS[:-1] for d in (-1, 0, 1)), TIERS[-1]]
    for length in lengths:
        tier = tier_of(Window(NOON, NOON + length))
        assert length <= TIERS[tier]
        assert tier == 0 or length > TIERS[tier - 1]
    assert tier_of(Window(NOON, None)) == len(TIERS) - 1


windows = st.tuples(
    st.one_of(st.integers(0, 40), st.integers(60, 80), st.integers(700, 800)),
    st.one_of(st.integers(1, 8), st.sampled_from([16, 17, 64, 65, 720, 721])),
    st.integers(1, 3),
)


@given(held=st.lists(windows, max_size=12), asked=windows, limit=st.integers(1, 3))
def test_the_answer_is_that_of_counting_every_instant(held, asked, limit):
    """Against brute force: at no instant of the window more than the limit."""

    async def play():
        world = World(open_inline_store(StoppedClock()), StoppedClock(), "")
        await world.furnish()
        shared = await world.store.write(
            lambda tx: tx.catalogue.put_resource(Resource("shared", concurrency=limit, platform=world.platform.key))
        )
        world.resources["shared"] = shared
        for i, (start, hours, _) in enumerate(held):
            await world.book(f"show {i}", on=["shared"], timing=at(start, hours), armed=False)
        found = await clashes(world, asking(at(asked[0], asked[1])), "shared")
        world.store.close()
        return {c.rival_name for c in found}

    instants = range(asked[0], asked[0] + asked[1])
    there = {h: {i for i, (start, hours, _) in enumerate(held) if start <= h < start + hours} for h in instants}
    expected = {f"show {i}" for who in there.values() if len(who) + 1 > limit for i in who}
    assert asyncio.run(play()) == expected


async def take_at_once(world, together):
    """Two that look, wait for each other, and then take what they saw free.

    Args:
        together: seconds in which both have looked; few where one of them waits for the other's commit.
    """
    meet = threading.Barrier(2)

    def unit(number):
        def take(tx):
            booking = builders.booking(
                id=f"b-{number}-{tx.new_id()}", key=0, platform=world.platform.key, definition=None, timing=at(0)
            )
            found = tx.reservations.clashes(booking, [Need(world.resources["enc-1"])])
            with suppress(threading.BrokenBarrierError):
                meet.wait(together)
            if found:
                raise Conflict(found)
            tx.reservations.hold(tx.bookings.add(booking), [Need(world.resources["enc-1"])])

        return take

    await asyncio.gather(*(world.store.write(unit(n)) for n in (1, 2)), return_exceptions=True)
    ((taken,),) = await world.raw("select count(*) from reservation where live = 1")
    return taken


async def test_of_two_at_once_one_gets_it(world):
    assert await take_at_once(world, 0.3) == 1


async def test_without_the_lock_both_would_get_it(world, monkeypatch):
    """The control: it is the lock on the resource that keeps the second waiting."""
    if hasattr(world.store._backend, "_writer"):
        pytest.skip("SQLite has one writer: there is no lock to be taken away")
    monkeypatch.setattr(reservations, "_LOCK", reservations._LOCK.removesuffix("for no key update"))
    assert await take_at_once(world, 60) == 2


@pytest.mark.parametrize("change", ["blackout", "zone"])
async def test_who_books_while_the_hours_change_meets_the_new_ones(world, change):
    nightly, midnight = Availability(weekly=(Hours(WEEKDAYS, 0, 8 * 60),)), NOON - NOON % DAY + DAY
    opened = replace(world.resources["enc-1"], availability=nightly)
    resource = world.resources["enc-1"] = await world.store.write(lambda tx: tx.catalogue.put_resource(opened))
    changed, asked = threading.Event(), threading.Event()

    def close(tx):
        if change == "zone":
            tx.platforms.put(replace(world.platform, zone="America/New_York"))
            tx.reservations.lock([resource])
        else:
            sold = replace(nightly, blackouts=(Period(midnight, None, "sold"),))
            tx.catalogue.put_resource(replace(resource, availability=sold))
        changed.set()
        asked.wait(0.3)

    def book(tx):
        found = tx.reservations.clashes(asking(Timing(midnight, midnight + HOUR)), [Need(resource)])
        asked.set()
        return found

    closing = asyncio.ensure_future(world.store.write(close))
    await asyncio.to_thread(changed.wait, 60)
    (clash,) = await world.store.write(book)
    await closing
    assert ("America/New_York" if change == "zone" else "sold") in clash.why


async def test_capacities_are_shared_out_and_bookings_agree_on_what_depends_on_time(world):
    offered = replace(
        world.resources["mux"], capacities={"rate": 10}, capabilities={"polarisation": Capability(time_dependent=True)}
    )
    mux = await world.store.write(lambda tx: tx.catalogue.put_resource(offered))

    def need(rate: int, polarisation: str) -> list[Need]:
        return [Need(mux, (Wish("a", {"rate": rate * UNIT}, {"polarisation": polarisation}),))]

    def ask(timing: Timing, rate: int, polarisation: str):
        return world.store.write(lambda tx: tx.reservations.clashes(asking(timing), need(rate, polarisation)))

    made = await world.book("first", timing=at(0, 2))
    await world.store.write(lambda tx: tx.reservations.hold(made, need(8, "H")))
    assert await ask(at(1), 2, "H") == []
    (clash,) = await ask(at(1), 3, "H")
    assert (clash.dimension, clash.limit, clash.asked, clash.left, clash.rival) == ("rate", 10, 3, 2, made.id)
    (clash,) = await ask(at(1), 2, "V")
    assert (clash.dimension, clash.rival) == ("polarisation", made.id)
    assert await ask(at(2), 10, "V") == [], "windows that only touch"
    held = await world.store.read(lambda tx: tx.reservations.usages([mux], at(0).held))
    assert sorted((u.dimension, u.amount, u.agreed, u.name) for u in held[mux.key]) == [
        ("", 1, "", "first"), ("polarisation", 0, "H", "first"), ("rate", 8 * UNIT, "", "first"),
    ]  # fmt: skip
    other = await world.book("other", timing=at(0, 2))
    await world.store.write(lambda tx: tx.reservations.hold(other, need(1, "H")))
    parts = [Held(made.key, mux.key, "rate", 5 * UNIT, ""), Held(made.key, mux.key, "polarisation", 0, "V")]
    await world.store.write(lambda tx: tx.reservations.amend(parts))
    held = await world.store.read(lambda tx: tx.reservations.usages([mux], at(0).held))
    assert sorted((u.name, u.dimension, u.amount, u.agreed) for u in held[mux.key]) == [
        ("first", "", 1, ""), ("first", "polarisation", 0, "V"), ("first", "rate", 5 * UNIT, ""),
        ("other", "", 1, ""), ("other", "polarisation", 0, "H"), ("other", "rate", UNIT, ""),
    ], "the amount and what is agreed on, of this one alone"  # fmt: skip
