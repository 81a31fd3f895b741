# SPDX-License-Identifier: Apache-2.0
"""Saving by force, what it costs others, and the way back: by command, in virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.bookings import Edit, NewBooking
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.boundaries import STANDARD, BoundaryState
from preroll.domain.capacity import Capability
from preroll.domain.errors import Conflict, Invalid, NotPermitted, NotReady, TransitionNotAllowed
from preroll.domain.parameter import Parameter, ParameterKind, ValueType
from preroll.domain.permission import LOCAL, Actor
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.quarantine import Kind, Reason
from preroll.domain.resource import Mode, Resource
from preroll.domain.window import MINUTE, Window
from tests.builders import NOON

RATE = ProfileDefinition(
    "Link",
    (
        Parameter("rate", ValueType.NUMBER, kinds=(ParameterKind.CAPACITY,), default=0),
        Parameter("codec", ValueType.TEXT, kinds=(ParameterKind.CAPABILITY,)),
    ),
)
LINK = Resource("link", concurrency=9, capacities={"rate": 10}, capabilities={"codec": Capability(("avc", "hevc"))})


async def link(stage, name: str, rate: float, *, force: bool = False, confirm: bool = False, **changes) -> str:
    """A booking of the link and of an encoder of its own; its id."""
    start, minutes = changes.pop("start", 0), changes.pop("minutes", 60)
    timing = Timing(NOON + start * MINUTE, NOON + (start + minutes) * MINUTE)
    nodes = {"Link": NodeChoice("link", "Link", {"rate": rate}), "Own": NodeChoice(changes.pop("own", "enc-1"))}
    made = await stage.app.bookings.create(LOCAL, NewBooking(name, timing, nodes=nodes, force=force, **changes))
    if confirm:
        await stage.confirm(made.booking.id)
    return made.booking.id


async def put(stage, *documents, force: bool = False) -> None:
    await stage.app.catalogue.apply(LOCAL, "default", documents, force=force)


async def held(stage, *but: str) -> dict[str, dict[str, int]]:
    """Resource -> booking -> what it holds of it, all dimensions."""
    resources = await stage.app.catalogue.resources(LOCAL, "default")
    names = {r.key: r.name for r in resources}
    found = await stage.rig.store.read(lambda tx: tx.reservations.usages(resources, Window(0, None)))
    return {
        names[key]: {f"{u.name} {u.dimension}".strip(): u.amount for u in usages}
        for key, usages in sorted(found.items())
        if usages and names[key] not in but
    }


async def leave(stage, ident: str, **changes):
    return await stage.app.bookings.leave_quarantine(LOCAL, ident, None, Edit(**changes) if changes else None)


@pytest.fixture
async def stage(stage):
    await put(stage, RATE, ProfileInstance("Link", "Link"), LINK)
    return stage


MILLION = 1_000_000


async def test_a_refusal_lists_who_would_lose_what_and_changes_nothing(stage):
    await link(stage, "A", 6, own="enc-1")
    before = await held(stage)
    with pytest.raises(Conflict) as refused:
        await link(stage, "B", 6, own="enc-2", priority=1)
    (losing,) = refused.value.losing
    assert (losing.name, losing.state, losing.resource, losing.dimension, losing.amount) == (
        "A", "Partial", "link", "rate", 2,
    )  # fmt: skip
    assert losing.what == "link: 2 of rate to B"
    assert "with force it is saved, and quarantined: A" in refused.value.hint
    assert refused.value.ways, "what would solve it without force is told too"
    assert await held(stage) == before


async def test_forced_exactly_the_excess_is_lost_and_the_rest_stays_held(stage):
    first = await link(stage, "A", 6, own="enc-1", confirm=True)
    second = await link(stage, "B", 6, own="enc-2", priority=1, force=True)
    assert await stage.state(second) is State.PARTIAL
    assert await held(stage) == {
        "enc-1": {"A": 1}, "enc-2": {"B": 1},
        "link": {"A": 1, "A rate": 4 * MILLION, "B": 1, "B rate": 6 * MILLION},
    }  # fmt: skip
    seen = await stage.see(first)
    assert seen.booking.state is State.QUARANTINED
    (loss,) = seen.lot.losses
    assert (loss.kind, loss.reason, loss.shown, loss.was) == (Kind.CAPACITY, Reason.UPDATED, 2, State.CONFIRMED)
    assert [(rival.id, rival.name) for rival in loss.rivals] == [(second, "B")]
    assert loss.at_us == stage.now
    assert {b.state for b in seen.boundaries} == {BoundaryState.DISARMED}
    assert "leave-quarantine" not in seen.possible
    assert seen.warnings == ("lost link: 2 of rate to B",)
    change = (await stage.history(first))[-1]
    assert (change.before, change.after, change.cause) == ("Confirmed", "Quarantined", f"booking {second}")


async def test_a_quarantined_booking_is_not_orchestrated(stage):
    news = await stage.book()
    await stage.app.bookings.create(
        LOCAL,
        NewBooking("Cup", Timing(NOON, NOON + MINUTE), nodes={"a": NodeChoice("enc-1")}, priority=1, force=True),
    )
    await stage.to(7200)
    assert await stage.state(news) is State.QUARANTINED
    assert stage.cast.names("News") == []
    assert [w for w in (await stage.see(news)).warnings if w.startswith("lapsed")]


async def test_the_booking_that_is_saved_takes_part_and_may_be_the_loser(stage):
    await link(stage, "A", 6, own="enc-1", priority=5)
    second = await link(stage, "B", 6, own="enc-2", force=True)
    assert await stage.state(second) is State.QUARANTINED
    assert (await held(stage))["link"] == {"A": 1, "A rate": 6 * MILLION, "B": 1, "B rate": 4 * MILLION}
    assert [c.after for c in await stage.history(second)] == ["Partial", "Quarantined"]


async def test_against_a_running_booking_the_saved_one_loses(stage):
    news = await stage.book()
    await stage.to(60)
    nodes = {"a": NodeChoice("enc-1"), "b": NodeChoice("enc-2")}
    wanted = NewBooking("Cup", Timing(NOON + 2 * MINUTE, NOON + 9 * MINUTE), nodes=nodes, priority=99)
    with pytest.raises(Conflict) as refused:
        await stage.app.bookings.create(LOCAL, wanted)
    assert [line.name for line in refused.value.losing] == ["Cup"]
    made = await stage.app.bookings.create(LOCAL, replace(wanted, force=True))
    assert made.booking.state is State.QUARANTINED
    assert await stage.state(news) is State.ACTIVE
    assert await held(stage) == {"enc-1": {"News": 1}, "enc-2": {"Cup": 1}}


async def test_a_running_booking_is_extended_by_force_into_a_waiting_one(stage):
    first = await stage.book("First", minutes=10, definition="Plain", pre=0, post=0)
    second = await stage.book("Second", start=NOON + 10 * MINUTE, definition="Plain", pre=0, post=0)
    await stage.to(60)
    longer = Timing(NOON, NOON + 15 * MINUTE)
    with pytest.raises(Conflict, match="Second"):
        await stage.edit(first, timing=longer)
    await stage.edit(first, timing=longer, force=True)
    assert (await stage.state(first), await stage.state(second)) == (State.ACTIVE, State.QUARANTINED)


async def test_a_running_booking_is_never_extended_where_another_one_runs(stage):
    first = await link(stage, "A", 6, own="enc-1", confirm=True)
    await link(stage, "B", 4, own="enc-2", minutes=90, confirm=True)
    await stage.to(60)
    await put(stage, replace(LINK, capacities={"rate": 8}), force=True)
    with pytest.raises(Conflict) as refused:
        await stage.edit(first, timing=Timing(NOON, NOON + 80 * MINUTE), force=True)
    assert refused.value.losing == ()
    assert (await stage.retime(first, end=NOON + 50 * MINUTE)).booking.timing.end == NOON + 50 * MINUTE


async def test_force_needs_its_permission(stage):
    await link(stage, "A", 6)
    provisioner = Actor("p", frozenset({"provisioner"}))
    with pytest.raises(NotPermitted):
        await stage.app.bookings.create(provisioner, NewBooking("B", Timing(NOON, NOON + MINUTE), force=True))


# ── leaving ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("was", [State.PARTIAL, State.CONFIRMED, State.ON_HOLD])
async def test_leaving_restores_exactly_what_was(stage, was):
    first = await link(stage, "A", 6, own="enc-1", confirm=was is State.CONFIRMED)
    if was is State.ON_HOLD:
        await stage.hold(first)
    before, armed = await held(stage), [(b.due_us, b.state) for b in (await stage.see(first)).boundaries]
    second = await link(stage, "B", 6, own="enc-2", priority=1, force=True)
    with pytest.raises(Conflict, match="rate"):
        await leave(stage, first)
    await stage.cancel(second)
    seen = await stage.see(first)
    assert seen.booking.state is State.QUARANTINED, "leaving is offered, never automatic"
    assert "leave-quarantine" in seen.possible
    assert seen.warnings[-1] == "nothing is in its way any more: it can leave quarantine"
    after = await leave(stage, first)
    assert after.booking.state is was
    assert (after.lot, after.warnings) == (None, ())
    assert await held(stage) == before
    assert [(b.due_us, b.state) for b in after.boundaries] == armed
    assert (await stage.history(first))[-1].cause == "leave quarantine"


async def test_a_place_that_was_lost_with_all_that_it_held_is_restored(stage):
    await put(stage, replace(LINK, concurrency=1))
    first = await link(stage, "A", 6, own="enc-1")
    before = await held(stage)
    second = await link(stage, "B", 1, own="enc-2", priority=1, force=True)
    assert (await held(stage))["enc-1"] == {"A": 1}
    assert "A" not in (await held(stage))["link"]
    await stage.cancel(second)
    await leave(stage, first)
    assert await held(stage) == before


async def test_leaving_by_another_resource_time_or_profile(stage):
    await put(stage, replace(LINK, name="link 2"))
    await link(stage, "B", 10, own="enc-2", priority=1)
    resource = await link(stage, "A", 6, own="enc-1", force=True)
    made = await leave(stage, resource, nodes={"Link": NodeChoice("link 2", "Link", {"rate": 6})})
    assert made.booking.state is State.PARTIAL
    await stage.cancel(resource)
    time = await link(stage, "C", 6, own="enc-1", force=True)
    later = Timing(NOON + 60 * MINUTE, NOON + 120 * MINUTE)
    assert (await leave(stage, time, timing=later)).booking.timing == later
    await stage.cancel(time)
    rate = await link(stage, "D", 6, own="enc-1", force=True)
    made = await leave(stage, rate, nodes={"Link": NodeChoice("link", "Link", {"rate": 0})})
    assert made.booking.state is State.PARTIAL


async def test_one_that_was_confirmed_goes_through_the_confirm_validator(stage):
    news = await stage.book()
    cup = NewBooking("Cup", Timing(NOON, NOON + MINUTE), nodes={"a": NodeChoice("enc-1")}, priority=1, force=True)
    made = await stage.app.bookings.create(LOCAL, cup)
    await stage.cancel(made.booking.id)
    await stage.to(2 * 3600)
    with pytest.raises(NotReady, match="end has passed"):
        await leave(stage, news)
    with pytest.raises(NotReady, match="is missing"):
        await leave(stage, news, nodes={"Encoder": None}, timing=Timing(NOON + 300 * MINUTE, NOON + 310 * MINUTE))
    assert await stage.state(news) is State.QUARANTINED
    done = await leave(stage, news, timing=Timing(NOON + 300 * MINUTE, NOON + 310 * MINUTE))
    assert done.booking.state is State.CONFIRMED
    assert {b.state for b in done.boundaries if b.kind in STANDARD} == {BoundaryState.ARMED}
    await stage.to(400 * 60)
    assert await stage.state(news) is State.COMPLETED


async def test_only_a_quarantined_booking_can_leave_and_its_mistakes_are_told(stage):
    first = await link(stage, "A", 6)
    with pytest.raises(TransitionNotAllowed):
        await leave(stage, first)
    await link(stage, "B", 6, own="enc-2", priority=1, force=True)
    with pytest.raises(Invalid):
        await leave(stage, first, name=" ")


async def test_an_edit_that_has_room_holds_all_and_offers_to_leave(stage):
    await link(stage, "B", 10, own="enc-2", priority=1)
    first = await link(stage, "A", 6, own="enc-1", force=True)
    seen = await stage.edit(first, timing=Timing(NOON + 90 * MINUTE, NOON + 100 * MINUTE))
    assert (seen.booking.state, seen.lot.losses, seen.lot.in_the_way) == (State.QUARANTINED, (), ())
    assert (await held(stage))["link"]["A rate"] == 6 * MILLION
    assert (await leave(stage, first)).booking.state is State.PARTIAL


async def test_what_asks_for_no_more_is_not_weighed_again(stage):
    await link(stage, "B", 10, own="enc-2", priority=1)
    first = await link(stage, "A", 6, own="enc-1", force=True)
    before = await held(stage)
    named = await stage.edit(first, name="A, renamed")
    assert named.lot.losses[0].shown == 6
    shorter = await stage.retime(first, end=NOON + 30 * MINUTE)
    assert (shorter.booking.state, len(shorter.lot.losses)) == (State.QUARANTINED, 1)
    after = await held(stage)
    assert after["link"] == {"A, renamed": 1, **{k: v for k, v in before["link"].items() if k != "A"}}


async def test_a_booking_on_hold_keeps_its_losses_marked_and_they_block_confirm(stage):
    first = await link(stage, "A", 6, own="enc-1")
    second = await link(stage, "B", 6, own="enc-2", priority=1, force=True)
    kept = await stage.hold(first)
    assert (kept.booking.state, len(kept.lot.losses)) == (State.ON_HOLD, 1)
    with pytest.raises(NotReady, match="rate"):
        await stage.confirm(first)
    await stage.cancel(second)
    assert (await stage.confirm(first)).booking.state is State.CONFIRMED
    assert (await held(stage))["link"] == {"A": 1, "A rate": 6 * MILLION}


async def test_who_is_quarantined_already_loses_again_before_others(stage):
    first = await link(stage, "A", 6, own="enc-1", priority=1)
    await link(stage, "B", 6, own="enc-2", priority=2, force=True)
    third = await link(stage, "C", 3, own="enc-3", force=True)
    seen = await stage.see(first)
    assert [loss.shown for loss in seen.lot.losses] == [2, 3]
    assert await stage.state(third) is State.PARTIAL
    assert (await stage.history(first))[-1].kind == "booking.lost"


# ── changes of the catalogue ─────────────────────────────────────────────────


CHANGES = [
    ({"capacities": {"rate": 5}}, Kind.CAPACITY, Reason.CAPACITY_LOWERED),
    ({"capacities": {}}, Kind.CAPACITY, Reason.CAPACITY_DELETED),
    ({"mode": Mode.MAINTENANCE}, Kind.AVAILABILITY, Reason.MAINTENANCE),
]


@pytest.mark.parametrize(("change", "kind", "reason"), CHANGES)
async def test_a_change_of_a_resource_quarantines_in_two_steps(stage, change, kind, reason):
    first = await link(stage, "A", 6)
    before = await held(stage)
    with pytest.raises(Conflict) as refused:
        await put(stage, replace(LINK, **change))
    assert [line.name for line in refused.value.losing if line.dimension == "rate"] == ["A"]
    assert await stage.state(first) is State.PARTIAL
    await put(stage, replace(LINK, **change), force=True)
    seen = await stage.see(first)
    assert seen.booking.state is State.QUARANTINED
    assert {(loss.kind, loss.reason) for loss in seen.lot.losses} == {(kind, reason)}
    assert seen.lot.in_the_way
    with pytest.raises(Conflict):
        await link(stage, "B", 6, own="enc-2")
    await put(stage, LINK)
    assert (await leave(stage, first)).booking.state is State.PARTIAL
    assert await held(stage) == before


async def test_less_concurrency_takes_the_weakest_place(stage):
    for index, name in enumerate("ABC"):
        await link(stage, name, 1, own=f"enc-{index + 1}", priority=index)
    await put(stage, replace(LINK, concurrency=2), force=True)
    found = (await held(stage))["link"]
    assert set(found) == {"B", "B rate", "C", "C rate"}


async def test_a_capability_that_is_narrowed(stage):
    made = await stage.app.bookings.create(
        LOCAL,
        NewBooking("A", Timing(NOON, NOON + MINUTE), nodes={"L": NodeChoice("link", "Link", {"codec": "hevc"})}),
    )
    await link(stage, "B", 1)
    narrowed = replace(LINK, capabilities={"codec": Capability(("avc",))})
    with pytest.raises(Conflict) as refused:
        await put(stage, narrowed)
    assert {line.name for line in refused.value.losing} == {"A"}
    await put(stage, narrowed, force=True)
    (loss,) = (await stage.see(made.booking.id)).lot.losses
    assert (loss.kind, loss.reason) == (Kind.CAPABILITY, Reason.CAPABILITY_LOWERED)
    assert loss.why == "codec is one of avc, hevc asked"


async def test_a_running_booking_is_marked_in_conflict_and_goes_on(stage):
    news = await stage.book()
    await stage.to(60)
    encoder = next(r for r in await stage.app.catalogue.resources(LOCAL, "default") if r.name == "enc-1")
    closed = replace(encoder, mode=Mode.MAINTENANCE)
    with pytest.raises(Conflict) as refused:
        await put(stage, closed)
    assert [(line.name, line.runs) for line in refused.value.losing] == [("News", True)]
    await put(stage, closed, force=True)
    seen = await stage.see(news)
    assert seen.warnings == ("in conflict: enc-1: it is in maintenance",)
    assert [loss.held for loss in seen.lot.losses] == [True]
    assert await held(stage) == {"enc-1": {"News": 1}}
    await stage.edit(news, name="Late news")
    await put(stage, replace(closed, properties={"note": "an unrelated change asks no force again"}))
    await put(stage, encoder)
    assert (await stage.see(news)).lot is None
    await stage.to(7200)
    assert await stage.state(news) is State.COMPLETED


async def test_a_profile_by_reference_is_one_more_way_to_need_too_much(stage):
    await put(stage, ProfileInstance("Feed", "Link", {"rate": 4}))
    nodes = {"L": NodeChoice("link", "Feed")}
    idents = []
    for index, name in enumerate("AB"):
        new = NewBooking(name, Timing(NOON, NOON + MINUTE), nodes=nodes, priority=-index)
        idents.append((await stage.app.bookings.create(LOCAL, new)).booking.id)
    await put(stage, ProfileInstance("Feed", "Link", {"rate": 3}))
    assert (await held(stage))["link"] == {"A": 1, "A rate": 3 * MILLION, "B": 1, "B rate": 3 * MILLION}
    bigger = ProfileInstance("Feed", "Link", {"rate": 6})
    with pytest.raises(Conflict) as refused:
        await put(stage, bigger)
    assert [(line.name, line.amount) for line in refused.value.losing] == [("B", 2)]
    await put(stage, bigger, force=True)
    assert (await held(stage))["link"] == {"A": 1, "A rate": 6 * MILLION, "B": 1, "B rate": 4 * MILLION}
    assert [await stage.state(ident) for ident in idents] == [State.PARTIAL, State.QUARANTINED]


async def test_a_change_that_nobody_feels_needs_no_force(stage):
    await link(stage, "A", 6)
    await put(stage, replace(LINK, capacities={"rate": 6}), replace(LINK, name="another", capacities={}))
