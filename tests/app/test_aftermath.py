# SPDX-License-Identifier: Apache-2.0
"""What a plan says that a change of the catalogue would cost, and what applying it then does: the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.bookings import NewBooking
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.bundle import Bundle
from preroll.domain.capacity import UNIT
from preroll.domain.errors import Conflict, InUse
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileInstance
from preroll.domain.quarantine import Reason
from preroll.domain.resource import Mode
from preroll.domain.window import MINUTE
from tests.app.test_quarantine import LINK, RATE, held, link
from tests.builders import NOON

BUNDLE = Bundle("links")
PROFILES = RATE, ProfileInstance("Link", "Link")


async def plan(stage, *documents, **more):
    return await stage.app.catalogue.plan(LOCAL, "default", documents, **more)


async def apply(stage, *documents, **more):
    return await stage.app.catalogue.apply(LOCAL, "default", documents, **more)


async def costs(stage, *documents, **more) -> list[tuple[str, str, float, str]]:
    """What the plan lists, which is what applying it refuses with; neither changes anything."""
    before = await held(stage)
    listed = (await plan(stage, *documents, **more)).losing
    if listed:
        with pytest.raises(Conflict) as refused:
            await apply(stage, *documents, **more)
        assert list(refused.value.losing) == list(listed)
    assert await held(stage) == before
    return [(one.name, one.resource, one.amount, one.reason) for one in listed]


async def test_a_plan_lists_who_would_lose_what(stage):
    await apply(stage, BUNDLE, *PROFILES, LINK)
    first, second = await link(stage, "First", 6), await link(stage, "Second", 3, own="enc-2")
    assert await costs(stage, replace(LINK, priority=7)) == []
    lower = replace(LINK, capacities={"rate": 8})
    (one,) = (await plan(stage, lower)).losing
    assert (one.booking, one.start_us, one.end_us, one.runs) == (second, NOON, NOON + 60 * MINUTE, False)
    assert await costs(stage, lower) == [("Second", "link", 1, Reason.CAPACITY_LOWERED)]
    closed = replace(LINK, mode=Mode.MAINTENANCE)
    assert {name for name, *_ in await costs(stage, closed)} == {"First", "Second"}
    await apply(stage, lower, force=True)
    assert await stage.state(first) is State.PARTIAL
    assert await stage.state(second) is State.QUARANTINED


async def test_a_resource_that_waiting_bookings_have_is_removed_in_two_steps(stage):
    await apply(stage, BUNDLE, *PROFILES, LINK)
    ident = await link(stage, "News", 6)
    assert await costs(stage, BUNDLE, *PROFILES, prune=True) == [
        ("News", "link", 1, Reason.RESOURCE_DELETED), ("News", "link", 6, Reason.RESOURCE_DELETED),
    ]  # fmt: skip
    await apply(stage, BUNDLE, *PROFILES, prune=True, force=True)
    assert await held(stage) == {"enc-1": {"News": 1}}
    shown = await stage.app.bookings.get(LOCAL, ident)
    assert shown.booking.state is State.QUARANTINED
    assert shown.booking.nodes["Link"].resource is None
    assert {str(loss) for loss in shown.lot.losses} == {"link: it was removed"}
    left = await stage.app.bookings.leave_quarantine(LOCAL, ident, None)
    assert left.booking.state is State.PARTIAL


async def remove(stage, *, by_id: bool, **more):
    """Take the link out, by name or by id."""
    if not by_id:
        return await stage.app.catalogue.remove(LOCAL, "default", ("resource", "link"), **more)
    (found,) = [r for r in await stage.app.catalogue.resources(LOCAL, "default") if r.name == "link"]
    return await stage.app.catalogue.remove_resource(LOCAL, found.id, **more)


@pytest.mark.parametrize("by_id", [False, True])
async def test_taken_out_alone_it_costs_the_same_as_by_a_bundle(stage, by_id):
    await apply(stage, BUNDLE, *PROFILES, LINK)
    ident = await link(stage, "News", 6)
    listed, before = (await plan(stage, BUNDLE, *PROFILES, prune=True)).losing, await held(stage)
    with pytest.raises(Conflict) as refused:
        await remove(stage, by_id=by_id)
    assert list(refused.value.losing) == list(listed)
    assert await held(stage) == before
    assert (await remove(stage, by_id=by_id, force=True)).change == "removed"
    assert await held(stage) == {"enc-1": {"News": 1}}
    shown = await stage.app.bookings.get(LOCAL, ident)
    assert (shown.booking.state, shown.booking.nodes["Link"].resource) == (State.QUARANTINED, None)
    assert {loss.reason for loss in shown.lot.losses} == {Reason.RESOURCE_DELETED}


@pytest.mark.parametrize("by_id", [False, True])
async def test_one_on_which_a_booking_runs_is_not_taken_out_by_force(stage, by_id):
    await apply(stage, BUNDLE, *PROFILES, LINK)
    await link(stage, "News", 6, confirm=True)
    await stage.to(60)
    with pytest.raises(InUse, match="resource link: is used by booking News"):
        await remove(stage, by_id=by_id, force=True)
    assert "link" in {r.name for r in await stage.app.catalogue.resources(LOCAL, "default")}


async def test_one_on_which_a_booking_runs_stays(stage):
    await apply(stage, BUNDLE, *PROFILES, LINK)
    await link(stage, "News", 6, confirm=True)
    await stage.to(60)
    found = await plan(stage, BUNDLE, *PROFILES, prune=True, force=True)
    ((user,),) = [step.users for step in found.steps if step.after is None]
    assert user.startswith("booking News")
    with pytest.raises(InUse, match="resource link: is used by booking News"):
        await apply(stage, BUNDLE, *PROFILES, prune=True, force=True)


async def test_a_running_one_that_would_be_in_conflict_is_listed(stage):
    await apply(stage, BUNDLE, *PROFILES, LINK)
    await link(stage, "News", 6, confirm=True)
    await stage.to(60)
    (one,) = (await plan(stage, replace(LINK, capacities={"rate": 4}))).losing
    assert (one.name, one.runs) == ("News", True)


async def test_what_is_over_counts_for_nothing(stage):
    await apply(stage, BUNDLE, *PROFILES, LINK)
    timing = Timing(NOON, NOON + MINUTE)
    made = NewBooking("News", timing, nodes={"Link": NodeChoice("link", "Link", {"rate": 6})})
    await stage.app.bookings.create(LOCAL, made)
    await stage.to(300)
    assert await costs(stage, replace(LINK, capacities={"rate": 4})) == []


@pytest.fixture
def meanwhile(stage, monkeypatch):
    """Has something happen between the look at the bookings and the change of the catalogue."""
    store = stage.rig.store
    write = store.write

    def first(happens):
        async def written(unit):
            monkeypatch.setattr(store, "write", write)
            await happens()
            return await write(unit)

        monkeypatch.setattr(store, "write", written)

    return first


async def test_who_books_in_the_meantime_is_reckoned_with(stage, meanwhile):
    await apply(stage, BUNDLE, *PROFILES, LINK)
    first = await link(stage, "First", 6)
    lower = replace(LINK, capacities={"rate": 8})
    meanwhile(lambda: link(stage, "Second", 3, own="enc-2"))
    with pytest.raises(Conflict) as refused:
        await apply(stage, lower)
    assert [(one.name, one.amount) for one in refused.value.losing] == [("Second", 1)]
    meanwhile(lambda: link(stage, "Third", 1, own="enc-3"))
    await apply(stage, lower, force=True)
    assert await stage.state(first) is State.PARTIAL
    rates = {name: n // UNIT for name, n in (await held(stage))["link"].items() if name.endswith("rate")}
    assert rates == {"First rate": 6, "Second rate": 1, "Third rate": 1}


async def test_who_lets_go_in_the_meantime_spares_the_others(stage, meanwhile):
    await apply(stage, BUNDLE, *PROFILES, LINK)
    first, second = await link(stage, "First", 6), await link(stage, "Second", 3, own="enc-2")
    meanwhile(lambda: stage.app.bookings.cancel(LOCAL, first, None))
    await apply(stage, replace(LINK, capacities={"rate": 8}), force=True)
    assert await stage.state(second) is State.PARTIAL
