# SPDX-License-Identifier: Apache-2.0
"""A profile applied outside of any booking, on both databases: asked for, claimed, held apart, taken over, told."""

from __future__ import annotations

import pytest

from preroll.app.automation import Automation
from preroll.app.catalogue import Catalogue
from preroll.app.orchestration import Orchestration
from preroll.domain.automation import Wanted
from preroll.domain.booking import State
from preroll.domain.boundaries import BoundaryState, Kind
from preroll.domain.errors import InUse
from preroll.domain.machine import Outcome
from preroll.domain.parameter import Parameter, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.window import MINUTE
from preroll.ports.rows import Claimed
from preroll.ports.store import BookingFilter
from tests.store.test_reach import place, worker
from tests.store.world import LEASE, OFF_AIR, ON_AIR, PRE_ROLL, World

EARLY = PRE_ROLL - 20 * MINUTE
DOCUMENTS = [
    ProfileDefinition("Video", (Parameter("rate", ValueType.NUMBER, default=0),)),
    ProfileInstance("HD", "Video", {"rate": 8}),
]


async def apply(world: World, on: str = "enc-1", *, force: bool = False, at: int = EARLY) -> str:
    world.clock.us = at
    await Catalogue(world.store).apply(LOCAL, "tv", DOCUMENTS)
    made = await Automation(world.store).apply(LOCAL, world.resources[on].id, Wanted("HD"), force=force)
    return made.booking.id


async def claimed(world: World, at: int | None = None, by: int | None = None) -> list[Claimed]:
    world.clock.us = world.clock.us if at is None else at
    decide = Orchestration(world.store, None).decide
    return list((await world.store.journal.claim(world.worker if by is None else by, LEASE, decide, 100)).runs)


async def state(world: World, ident: str) -> tuple[BoundaryState, str]:
    found = await Automation(world.store).get(LOCAL, ident)
    return found.boundary.state, found.boundary.message


async def test_it_is_claimed_at_once_with_its_device_and_ends_without_a_trace_among_bookings(world):
    ident = await apply(world)
    (run,) = await claimed(world)
    assert run.judged.boundary.kind is Kind.APPLY
    assert await world.holds() == {world.resources["enc-1"].held_as: run.judged.boundary.key}
    await world.settle(run)
    assert (await state(world, ident), await world.holds()) == ((BoundaryState.DONE, ""), {})
    page = await world.store.read(lambda tx: tx.bookings.page(BookingFilter(), None, 10))
    assert page.items == ()
    changes = await world.store.read(lambda tx: tx.changes.of(world.resources["enc-1"].id))
    assert [(c.kind, c.actor) for c in changes if "appl" in c.kind] == [
        ("resource.apply", "local"), ("resource.applied", "engine"),
    ]  # fmt: skip


async def test_it_holds_nothing_of_the_resource(world):
    await apply(world)
    rows = await world.raw("select live, unreset from reservation")
    assert rows == [(0, 0)]


async def test_one_that_failed_says_so_and_is_no_failed_booking(world):
    ident = await apply(world)
    (run,) = await claimed(world)
    await world.settle(run, Outcome.FAILED, message="no answer")
    assert await state(world, ident) == (BoundaryState.FAILED, "no answer")
    assert (await world.booking(run.judged.booking)).state is State.COMPLETED
    assert await claimed(world, EARLY + MINUTE) == []


async def test_it_waits_for_whoever_has_the_device_and_others_wait_for_it(world):
    made = await world.book(on=["enc-1"])
    (busy,) = await claimed(world, PRE_ROLL)
    with pytest.raises(InUse, match="held by News"):
        await apply(world, at=PRE_ROLL)
    ident = await apply(world, force=True, at=PRE_ROLL)
    assert await claimed(world) == []
    assert "waits for News" in (await Automation(world.store).get(LOCAL, ident)).waiting
    await world.settle(busy)
    (run,) = await claimed(world)
    assert run.judged.boundary.kind is Kind.APPLY
    assert await claimed(world, ON_AIR) == []
    assert (await world.boundary(made, Kind.END_OF_PRE_ROLL)).waits_for == run.judged.boundary.key
    await world.settle(run)
    assert [r.judged.boundary.kind for r in await claimed(world)] == [Kind.END_OF_PRE_ROLL]


async def test_nothing_stops_it_while_it_runs(world):
    """Its booking is over, and it goes up: neither is a reason."""
    await apply(world)
    (run,) = await claimed(world)
    claims = await world.store.journal.claim(world.worker, LEASE, Orchestration(world.store, None).decide, 100)
    assert (claims.cancel, claims.runs) == ((), ())
    await world.settle(run)


async def test_it_is_run_by_a_worker_that_reaches_the_device_and_by_no_other(world):
    await place(world, enc_1="site=north")
    far, near = await worker(world, "site=south"), await worker(world, "site=north")
    await apply(world)
    assert await claimed(world, by=far) == []
    assert len(await claimed(world, by=near)) == 1


async def test_a_worker_that_dies_leaves_it_to_the_next_with_its_steps(world):
    await apply(world)
    (run,) = await claimed(world)
    await world.begin(run, "load:enc-1")
    heir = await world.enlist()
    (again,) = await claimed(world, EARLY + 2 * LEASE, by=heir)
    assert (again.run, again.epoch, again.resumed) == (run.run, 2, True)
    assert [s.name for s in again.steps] == ["load:enc-1"]


async def test_on_a_paused_platform_it_waits_and_no_up_run_gives_way(world):
    await world.book(on=["enc-2"])
    await world.drain(PRE_ROLL)
    (up,) = await claimed(world, ON_AIR)
    await world.configure(paused=True)
    ident = await apply(world, at=ON_AIR)
    claims = await world.store.journal.claim(world.worker, LEASE, Orchestration(world.store, None).decide, 100)
    assert (claims.runs, (await state(world, ident))[0]) == ((), BoundaryState.ARMED)
    assert (await world.claim(OFF_AIR)).cancel == ()
    await world.configure(paused=False)
    assert (await world.claim(OFF_AIR)).cancel == (up.fence,)
