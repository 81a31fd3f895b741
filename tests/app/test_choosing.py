# SPDX-License-Identifier: Apache-2.0
"""Nodes that take resources by themselves: when a booking is made, when it is edited, and when they do not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from preroll.app import App, build
from preroll.app.bookings import Edit, NewBooking
from preroll.app.views import BookingDetails
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.config import Ordering, Platform, PlatformConfig
from preroll.domain.definition import AutoSelect, Node, ServiceDefinition
from preroll.domain.errors import Conflict, NotReady
from preroll.domain.parameter import Parameter, ParameterKind, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.domain.window import MINUTE
from preroll.store import open_inline_store
from tests.builders import NOON
from tests.store.world import StoppedClock

HOUR = 60 * MINUTE
LINK = ProfileDefinition("Link", (Parameter("rate", ValueType.NUMBER, kinds=(ParameterKind.CAPACITY,), default=0),))
ENCODERS = [
    Resource("ENC 1", pools=("encoders",), priority=2, capacities={"rate": 20}),
    Resource("ENC 2", pools=("encoders",), priority=1, capacities={"rate": 10}),
    Resource("ENC 3", pools=("encoders", "studio"), priority=3, capacities={"rate": 10}),
]


def at(start: int, hours: int = 1) -> Timing:
    return Timing(NOON + start * HOUR, NOON + (start + hours) * HOUR)


@dataclass
class Desk:
    """Books, and shows who has what."""

    app: App
    names: dict[str, str]

    async def define(self, *nodes: Node) -> None:
        await self.app.catalogue.apply(LOCAL, "default", [ServiceDefinition("Contribution", nodes=nodes)])

    async def book(self, name: str = "News", timing: Timing | None = None, **more: Any) -> BookingDetails:
        new = NewBooking(name, timing or at(1), definition="Contribution", **more)
        return await self.app.bookings.create(LOCAL, new)

    async def edit(self, made: BookingDetails, **change: Any) -> BookingDetails:
        return await self.app.bookings.edit(LOCAL, made.booking.id, None, Edit(**change))

    def has(self, made: BookingDetails) -> dict[str, str]:
        return {label: self.names[n.resource] for label, n in made.booking.nodes.items() if n.resource}

    async def why(self, made: BookingDetails) -> str:
        return (await self.app.views.history(LOCAL, made.booking.id))[-1].why


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    store = open_inline_store(StoppedClock(NOON))
    app = build(store, None)
    await app.platforms.put(LOCAL, Platform("default"))
    profiles = [LINK, ProfileInstance("HD", "Link", {"rate": 8}), ProfileInstance("UHD", "Link", {"rate": 15})]
    await app.catalogue.apply(LOCAL, "default", [*profiles, *ENCODERS])
    yield Desk(app, {r.id: r.name for r in await app.catalogue.resources(LOCAL, "default")})
    store.close()


MAIN = Node("main", pool="encoders", profile="Link", default_profile="HD")


async def test_a_new_booking_takes_the_best_ones(desk: Desk):
    await desk.define(MAIN, replace(MAIN, label="spare", order=1))
    made = await desk.book()
    assert desk.has(made) == {"main": "ENC 2", "spare": "ENC 1"}
    assert made.booking.state is State.PARTIAL
    expected = "main: ENC 2, the best of 3 eligible by priority; spare: ENC 1, number 2 of 3 eligible by priority"
    assert await desk.why(made) == expected
    other = await desk.book("Sports")
    assert desk.has(other) == {"main": "ENC 3"}
    assert (await desk.why(other)).endswith("spare: left as it is, no place for it on any of 3 candidates")


async def test_it_must_be_large_enough_and_free(desk: Desk):
    await desk.define(MAIN)
    assert desk.has(await desk.book(nodes={"main": NodeChoice(profile="UHD")})) == {"main": "ENC 1"}
    assert desk.has(await desk.book("Sports", nodes={"main": NodeChoice(profile="UHD")})) == {}
    assert desk.has(await desk.book("Talk", at(2), nodes={"main": NodeChoice(values={"rate": 12})})) == {
        "main": "ENC 1"
    }


async def test_an_earlier_choice_moves_over_for_a_node_that_has_no_other(desk: Desk):
    await desk.define(MAIN, replace(MAIN, label="large", default_profile="UHD", order=1))
    await desk.app.catalogue.apply(LOCAL, "default", [replace(ENCODERS[0], priority=0)])
    assert desk.has(await desk.book()) == {"main": "ENC 2", "large": "ENC 1"}


async def test_it_goes_by_the_order_of_the_platform(desk: Desk):
    await desk.define(MAIN)
    await desk.app.platforms.put(LOCAL, Platform("default", config=PlatformConfig(ordering=Ordering.LEFT)))
    assert desk.has(await desk.book()) == {"main": "ENC 1"}
    await desk.app.platforms.put(LOCAL, Platform("default", config=PlatformConfig(ordering=Ordering.NAME)))
    assert desk.has(await desk.book("Sports", at(3))) == {"main": "ENC 1"}


async def test_what_is_free_around_it_too_comes_first(desk: Desk):
    await desk.define(MAIN)
    await desk.app.platforms.put(LOCAL, Platform("default", config=PlatformConfig(guard_us=HOUR)))
    await desk.book(timing=at(1), nodes={"main": NodeChoice("ENC 2")})
    assert desk.has(await desk.book("Sports", at(2))) == {"main": "ENC 1"}
    assert desk.has(await desk.book("Talk", at(4))) == {"main": "ENC 2"}


async def test_what_is_named_is_kept_and_counts(desk: Desk):
    await desk.define(MAIN, replace(MAIN, label="spare"))
    made = await desk.book(nodes={"spare": NodeChoice("ENC 2")})
    assert desk.has(made) == {"main": "ENC 1", "spare": "ENC 2"}


async def test_some_nodes_never_do(desk: Desk):
    await desk.define(
        replace(MAIN, auto_select=AutoSelect.NEVER), replace(MAIN, label="optional", optional=True), Node("anything"),
        replace(MAIN, label="extra", optional=True, auto_select=AutoSelect.CREATE),
    )  # fmt: skip
    assert desk.has(await desk.book()) == {"extra": "ENC 2"}
    await desk.define(MAIN)
    assert desk.has(await desk.book("Sports", auto_select=False)) == {}


async def test_without_any_it_is_partial_and_cannot_be_confirmed(desk: Desk):
    await desk.define(replace(MAIN, pool="studio"))
    await desk.book()
    made = await desk.book("Sports")
    assert (made.booking.state, desk.has(made)) == (State.PARTIAL, {})
    with pytest.raises(NotReady, match=r"nodes\.main\.resource: is missing"):
        await desk.app.bookings.confirm(LOCAL, made.booking.id, None)


async def test_force_takes_nothing_that_was_not_named(desk: Desk):
    await desk.define(replace(MAIN, pool="studio"))
    first = await desk.book()
    assert desk.has(await desk.book("Sports", priority=9, force=True)) == {}
    assert (await desk.app.bookings.get(LOCAL, first.booking.id)).booking.state is State.PARTIAL


async def test_always_replaces_what_does_not_fit_any_more(desk: Desk):
    await desk.define(replace(MAIN, auto_select=AutoSelect.ALWAYS))
    await desk.book("Sports", at(5))
    made = await desk.book()
    assert desk.has(made) == {"main": "ENC 2"}
    moved = await desk.edit(made, timing=at(5))
    assert desk.has(moved) == {"main": "ENC 1"}
    assert await desk.why(moved) == "timing, nodes; main: ENC 1, the best of 2 eligible by priority"
    back = await desk.edit(moved, timing=at(1))
    assert desk.has(back) == {"main": "ENC 1"}, "what fits is kept"


async def test_always_fills_what_is_open_unless_somebody_opened_it(desk: Desk):
    await desk.define(replace(MAIN, auto_select=AutoSelect.ALWAYS))
    made = await desk.book(auto_select=False)
    assert desk.has(made) == {}
    filled = await desk.edit(made, priority=1)
    assert desk.has(filled) == {"main": "ENC 2"}
    assert desk.has(await desk.edit(filled, nodes={"main": None})) == {}
    assert desk.has(await desk.edit(filled, nodes={"main": NodeChoice(profile="UHD")})) == {"main": "ENC 1"}
    assert desk.has(await desk.edit(filled, nodes={"main": NodeChoice("ENC 3")})) == {"main": "ENC 3"}


async def test_on_create_means_on_create(desk: Desk):
    await desk.define(MAIN)
    await desk.book("Sports", at(5))
    made = await desk.book()
    with pytest.raises(Conflict):
        await desk.edit(made, timing=at(5))
    opened = await desk.edit(made, nodes={"main": None})
    assert desk.has(await desk.edit(opened, timing=at(3))) == {}


async def test_when_nothing_else_fits_the_conflict_is_told(desk: Desk):
    await desk.define(replace(MAIN, pool="studio", auto_select=AutoSelect.ALWAYS))
    await desk.book("Sports", at(5))
    made = await desk.book()
    with pytest.raises(Conflict, match="ENC 3 is held by Sports"):
        await desk.edit(made, timing=at(5))
