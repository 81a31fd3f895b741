# SPDX-License-Identifier: Apache-2.0
"""What a plan says that a change of the catalogue would cost, and what applying it then does: the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.bookings import NewBooking
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.bundle import Bundle
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
