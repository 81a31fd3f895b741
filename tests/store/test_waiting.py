# SPDX-License-Identifier: Apache-2.0
"""One device, one run; down before up; and whoever waits says for whom."""

from __future__ import annotations

from preroll.domain.booking import State, Timing
from preroll.domain.boundaries import BoundaryState, Kind
from preroll.domain.window import MINUTE, SECOND
from tests.builders import NOON
from tests.store.world import END, LEASE, OFF_AIR, ON_AIR, PRE_ROLL

AFTER = Timing(END + 5 * MINUTE, END + 65 * MINUTE, 5 * MINUTE, 5 * MINUTE)
"""The booking that comes right after ``builders.timing()``."""


async def test_a_run_holds_its_devices_until_it_is_settled(world):
    await world.book(on=["enc-1", "card-a"])
    run = await world.only(PRE_ROLL)
    key = run.judged.boundary.key
    assert await world.holds() == {f"resource:{world.resources['enc-1'].id}": key, "device:chassis": key}
    await world.settle(run)
    assert await world.holds() == {}


async def test_two_cards_of_one_chassis_are_never_configured_at_once(world):
    one, two = await world.book("one", on=["card-a"]), await world.book("two", on=["card-b"])
    run = await world.only(PRE_ROLL)
    assert run.judged.booking.key == one.key
    waiting = await world.boundary(two, Kind.START_OF_PRE_ROLL)
    assert (waiting.state, waiting.waits_for) == (BoundaryState.ARMED, run.judged.boundary.key)
    await world.settle(run)
    assert (await world.boundary(two, Kind.START_OF_PRE_ROLL)).waits_for is None
    assert (await world.only()).judged.booking.key == two.key


async def test_all_or_none(world):
    """What cannot have both devices takes neither."""
    await world.book("one", on=["enc-1"])
    first = await world.only(PRE_ROLL)
    await world.book("both", on=["enc-1", "enc-2"])
    await world.book("two", on=["enc-2"])
    claims = await world.claim()
    assert [run.judged.booking.name for run in claims.runs] == ["two"]
    await world.settle(first)
    assert (await world.claim()).runs == ()
    await world.settle(claims.runs[0])
    assert (await world.only()).judged.booking.name == "both"


async def test_one_that_waits_keeps_nobody_else_waiting(world):
    await world.configure(limits={"simultaneous_lso": 3})
    await world.book("holder", on=["enc-1"])
    for i in range(4):
        await world.book(f"blocked {i}", on=["enc-1"])
    free = await world.book("free", on=["enc-2"])
    seen: list[str] = []
    while True:
        claims = await world.claim(PRE_ROLL)
        seen += [run.judged.booking.name for run in claims.runs]
        if not claims.more:
            break
    assert sorted(seen) == ["free", "holder"]
    assert (await world.booking(free)).entering == "Pre-roll"


async def test_down_before_up_even_when_the_down_event_is_not_claimed_yet(world):
    """Both due at one instant: the one that goes down is served first, by name."""
    before = await world.book("before", on=["enc-1"])
    await world.play(OFF_AIR)
    after = await world.book("after", on=["enc-1"], timing=AFTER)
    await world.configure(limits={"simultaneous_lso": 1})
    await world.book("elsewhere", timing=Timing(END - MINUTE, END + MINUTE))
    blocking = await world.only(END - MINUTE)
    claims = await world.claim(END)
    assert claims.runs == (), "no room for the down event"
    await world.configure(limits={"simultaneous_lso": 5})
    claims = await world.claim()
    assert [run.judged.booking.name for run in claims.runs] == ["before"]
    down = await world.boundary(before, Kind.END_OF_POST_ROLL)
    assert (await world.boundary(after, Kind.START_OF_PRE_ROLL)).waits_for == down.key
    await world.settle(claims.runs[0])
    assert (await world.only()).judged.booking.name == "after"
    await world.settle(blocking)


async def test_an_up_event_waits_for_both_down_events_of_one_that_is_late(world):
    late = await world.book("late", on=["enc-1"])
    await world.drain(ON_AIR)
    after = await world.book("after", on=["enc-1"], timing=AFTER)
    order = []
    while len(order) < 3:
        run = await world.only(END)
        order.append((run.judged.booking.name, run.judged.boundary.kind))
        await world.settle(run)
    assert order == [
        ("late", Kind.START_OF_POST_ROLL),
        ("late", Kind.END_OF_POST_ROLL),
        ("after", Kind.START_OF_PRE_ROLL),
    ]
    assert await world.state(late) is State.COMPLETED
    assert await world.state(after) is State.PRE_ROLL


async def test_an_up_event_does_not_wait_for_a_down_event_of_later(world):
    await world.book("one", on=["mux"])
    await world.drain(ON_AIR)
    await world.book("two", on=["mux"], timing=Timing(NOON + MINUTE, NOON + 2 * MINUTE))
    assert (await world.only(NOON + MINUTE)).judged.booking.name == "two"


async def test_who_waits_is_free_again_when_the_other_is_moved(world):
    """The down event for which it waits is put off: nobody settles it, and still the wait is over."""
    before = await world.book("before", on=["enc-1"])
    await world.play(OFF_AIR)
    after = await world.book("after", on=["enc-1"], timing=AFTER)
    await world.configure(limits={"simultaneous_lso": 1})
    other = await world.book("other", timing=Timing(END - MINUTE, END + 10 * MINUTE)) and await world.only(END - MINUTE)
    await world.configure(limits={"simultaneous_lso": 2})
    await world.store.write(lambda tx: tx._work.db.run(
        "update boundary set waits_for = (select key from boundary where booking = ? and ordinal = 4) where booking = ?"
        " and ordinal = 1", before.key, after.key,
    ))  # fmt: skip
    prolonged = Timing(NOON, NOON + 60 * MINUTE, 5 * MINUTE, 30 * MINUTE)
    await world.retime(before, prolonged)
    assert (await world.boundary(after, Kind.START_OF_PRE_ROLL)).waits_for is None
    assert (await world.only(END)).judged.booking.name == "after"
    await world.settle(other)


async def test_nobody_waits_for_what_is_over(world):
    """Whatever led to it, the next claim puts it right."""
    made = await world.book(on=["enc-1"])
    await world.store.write(
        lambda tx: tx._work.db.run("update boundary set waits_for = 4711 where booking = ?", made.key)
    )
    assert (await world.only(PRE_ROLL)).judged.booking.key == made.key


async def test_one_that_waits_past_its_end_is_missed_and_comes_down(world):
    hog = await world.book("hog", on=["enc-1"])
    holding = await world.only(PRE_ROLL)
    short = await world.book("short", on=["enc-1"], timing=Timing(NOON, NOON + MINUTE, MINUTE, MINUTE))
    await world.claim(NOON - MINUTE)
    assert (await world.boundary(short, Kind.START_OF_PRE_ROLL)).waits_for == holding.judged.boundary.key
    await world.claim(NOON + MINUTE)
    assert await world.state(short) is State.FAILED
    assert await world.state(hog) is State.CONFIRMED


async def test_a_due_down_event_cancels_the_up_run_of_its_booking(world):
    made = await world.book()
    run = await world.only(PRE_ROLL)
    await world.settle(run)
    up = await world.only(ON_AIR)
    assert (await world.claim(OFF_AIR - 1)).cancel == ()
    assert (await world.claim(OFF_AIR)).cancel == (up.fence,)
    assert (await world.claim()).cancel == (up.fence,), "until it is settled"
    settled = await world.fail(up, unknown_steps=("dial",))
    assert settled.state is State.FAILED_ACTIVE
    assert (await world.claim()).cancel == ()
    (row,) = [row for row in await world.runs(made) if row.id == up.run]
    assert row.outcome == "cancelled"


async def test_the_owner_hears_of_it_whoever_claims(world, opened):
    other = opened()
    await other.like(world)
    await world.book()
    await world.drain(PRE_ROLL)
    up = await world.only(ON_AIR)
    await world.claim(OFF_AIR - 1)
    assert (await other.claim(OFF_AIR)).cancel == ()
    assert (await world.claim()).cancel == (up.fence,)


async def test_devices_of_a_dead_worker_stay_held_until_somebody_takes_over(world):
    await world.book("one", on=["enc-1"], timing=Timing(NOON, NOON + 60 * MINUTE))
    await world.only(NOON)
    two = await world.book("two", on=["enc-1"], timing=Timing(NOON + SECOND, NOON + 60 * MINUTE))
    other = await world.enlist()
    claims = await world.claim(NOON + LEASE, worker=other)
    assert [(run.judged.booking.name, run.resumed) for run in claims.runs] == [("one", True)]
    assert (await world.boundary(two, Kind.START_OF_PRE_ROLL)).waits_for == claims.runs[0].judged.boundary.key


async def test_the_wait_of_an_aside_is_no_ones(world):
    """A start failure script takes no device, and holds up no event."""
    await world.configure(start_failure_script="alarm")
    made = await world.book(on=["enc-1"])
    await world.fail(await world.only(PRE_ROLL))
    aside = await world.only()
    assert await world.holds() == {}
    assert (await world.only(ON_AIR)).judged.boundary.kind is Kind.END_OF_PRE_ROLL
    settled = await world.settle(aside)
    assert settled.state is State.FAILED_PRE_ROLL
    assert (await world.booking(made)).entering == "Service Active"


async def told(world, booking) -> list[str]:
    found = await world.store.read(lambda tx: tx.changes.of(booking.id))
    return [change.why for change in found if change.kind == "booking.waiting"]


async def test_who_waits_raises_one_alarm_when_it_is_late(world):
    one, two = await world.book("one", on=["card-a"]), await world.book("two", on=["card-b"])
    run = await world.only(PRE_ROLL)
    await world.claim(PRE_ROLL + SECOND)
    assert await told(world, two) == [], "a hand-over takes a moment"
    await world.claim(PRE_ROLL + 2 * SECOND)
    await world.claim(PRE_ROLL + 10 * SECOND)
    (why,) = await told(world, two)
    assert why == (
        f"START_BOOKING_WITH_PREROLL waits for one ({one.id}) to give way;"
        " finish the booking that it waits for, or give one of the two another resource"
    )
    assert await told(world, one) == []
    await world.settle(run)
    assert (await world.only(PRE_ROLL + 11 * SECOND)).judged.booking.key == two.key
    await world.claim(PRE_ROLL + 20 * SECOND)
    assert len(await told(world, two)) == 1


async def test_the_alarm_names_nobody_whom_not_everybody_may_see(world):
    await world.book("one", on=["card-a"], scopes=("secret",))
    two = await world.book("two", on=["card-b"])
    await world.only(PRE_ROLL)
    await world.claim(PRE_ROLL + 2 * SECOND)
    (why,) = await told(world, two)
    assert why.startswith("START_BOOKING_WITH_PREROLL waits for another booking to give way;")


async def test_on_a_paused_platform_nobody_is_late_for_another(world):
    await world.book("one", on=["card-a"])
    two = await world.book("two", on=["card-b"])
    await world.only(PRE_ROLL)
    await world.configure(paused=True)
    await world.claim(PRE_ROLL + 5 * SECOND)
    assert await told(world, two) == []
