# SPDX-License-Identifier: Apache-2.0
"""Who yields: against brute force in small cases, and by example."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.availability import Availability, Period
from preroll.domain.booking import State, Timing
from preroll.domain.capacity import UNIT, Capability, Wish
from preroll.domain.quarantine import (
    Contender,
    Kind,
    Reason,
    Share,
    limit,
    offers_another,
    reason_of,
    settle,
    share,
    standing,
)
from preroll.domain.resource import Mode, Resource
from preroll.domain.usage import CONCURRENCY, Need
from preroll.domain.window import SECOND, Window
from tests.builders import booking

LINK = Resource("link", concurrency=3, capacities={"rate": 10}, id="r-1", key=1)
DISH = Resource(
    "dish", concurrency=2, capabilities={"polarisation": Capability(time_dependent=True)}, id="r-2", key=2
)  # fmt: skip
HELD = Window(0, 10 * SECOND)
WAITING = (State.PARTIAL, State.CONFIRMED, State.ON_HOLD, State.QUARANTINED)


def contender(ident: str, *shares: Share, start: int = 0, end: int = 10, **changes) -> Contender:
    timing = Timing(start * SECOND, end * SECOND)
    named = {"id": ident, "name": ident, "key": hash(ident), "timing": timing}
    return Contender(booking(**named | changes), shares)


def on_link(rate: float, nodes: int = 1) -> Share:
    return share(Need(LINK, (Wish("a", {"rate": int(rate * UNIT)}), *(Wish(f"n{i}") for i in range(nodes - 1)))), HELD)


def on_dish(polarisation: str) -> Share:
    return share(Need(DISH, (Wish("a", {}, {"polarisation": polarisation}),)), HELD)


SHARES = st.one_of(
    st.builds(lambda rate, nodes: (on_link(rate, nodes),), st.integers(0, 12), st.integers(1, 2)),
    st.builds(lambda value: (on_dish(value),), st.sampled_from("HV")),
    st.builds(lambda rate, value: (on_link(rate), on_dish(value)), st.integers(1, 6), st.sampled_from("HV")),
)


@st.composite
def crowds(draw) -> list[Contender]:
    made = []
    for index in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, 6))
        state = draw(st.sampled_from(WAITING))
        made.append(
            contender(
                f"b{index}", *draw(SHARES), start=start, end=start + draw(st.integers(1, 5)), state=state,
                priority=draw(st.integers(0, 1)), began=state is State.CONFIRMED and draw(st.integers(0, 3)) == 0,
            )
        )  # fmt: skip
    return made


def fits(crowd: list[Contender]) -> bool:
    """Looked at instant by instant, without any sweep."""
    for instant in range(12):
        at = instant * SECOND
        here = [c for c in crowd if c.booking.timing.start <= at < c.booking.timing.end]
        for resource in (LINK, DISH):
            parts = [p for c in here for p in c.shares if p.resource == resource]
            for dimension in (CONCURRENCY, "rate"):
                if sum(p.amounts.get(dimension, (0, ""))[0] for p in parts) > limit(resource, dimension):
                    return False
            if len({p.amounts["polarisation"][1] for p in parts if "polarisation" in p.amounts}) > 1:
                return False
    return True


def after(crowd: list[Contender]) -> list[Contender]:
    """The crowd with what everyone has when the losers have yielded."""
    lost = {x.booking.id: {(i.resource, i.dimension): i.amount for i in x.losses if not i.held} for x in settle(crowd)}
    return [replace(c, shares=tuple(_less(p, lost.get(c.booking.id, {})) for p in c.shares)) for c in crowd]


def _less(part: Share, lost) -> Share:
    kept = {
        dimension: (amount - lost.get((part.resource.key, dimension), 0), agreed)
        for dimension, (amount, agreed) in part.amounts.items()
        if (part.resource.key, dimension) not in lost or amount > lost[part.resource.key, dimension]
    }
    return replace(part, amounts=kept)


@given(crowds())
def test_the_losers_are_those_of_brute_force(crowd):
    ranked = sorted(crowd, key=lambda c: standing(c.booking))
    running = [c for c in ranked if c.runs]
    waiting = [c for c in ranked if not c.runs]
    best = max(
        (
            kept
            for size in range(len(waiting) + 1)
            for kept in combinations(waiting, size)
            if all(fits_beside(running, list(kept), c) for c in kept)
        ),
        key=lambda kept: [c in kept for c in waiting],
    )
    losers = {loser.booking.id for loser in settle(crowd)} - {c.booking.id for c in running}
    assert losers == {c.booking.id for c in waiting} - {c.booking.id for c in best}


def fits_beside(running: list[Contender], kept: list[Contender], one: Contender) -> bool:
    """Would ``one`` be without fault: does every limit hold wherever it is?"""
    start, end = one.booking.timing.start, one.booking.timing.end
    mine = {p.resource.key for p in one.shares}
    meets = [
        replace(c, shares=tuple(p for p in c.shares if p.resource.key in mine),
                booking=replace(c.booking, timing=_clipped(c.booking.timing, start, end)))
        for c in (*running, *kept)
        if c.booking.timing.start < end and start < c.booking.timing.end
    ]  # fmt: skip
    return fits([replace(c, shares=tuple(_asked(p, one) for p in c.shares)) for c in meets])


def _clipped(timing: Timing, start: int, end: int | None) -> Timing:
    return Timing(max(timing.start, start), min(timing.end or 0, end or 0))


def _asked(part: Share, one: Contender) -> Share:
    """Only the dimensions that ``one`` wants too."""
    wanted = {d for p in one.shares if p.resource == part.resource for d in p.amounts}
    return replace(part, amounts={d: what for d, what in part.amounts.items() if d in wanted})


@given(crowds())
def test_afterwards_nothing_is_over_its_limit_unless_it_runs(crowd):
    if not any(c.runs for c in crowd):
        assert fits(after(crowd))
    for loser in settle(crowd):
        assert all(loss.held for loss in loser.losses) is (loser.booking.began)


@given(crowds())
def test_no_part_of_what_was_lost_could_have_been_kept(crowd):
    left = after(crowd)
    for loser in settle(crowd):
        if loser.booking.began or any(c.runs for c in crowd):
            continue
        for loss in loser.losses:
            if loss.kind is Kind.CAPACITY:
                assert not fits([_given_back(c, loss.resource, loss.dimension) if c.booking == loser.booking else c
                                 for c in left])  # fmt: skip


def _given_back(one: Contender, resource: int, dimension: str) -> Contender:
    parts = [
        replace(p, amounts=dict(p.amounts) | {dimension: (p.amounts.get(dimension, (0, ""))[0] + 1, "")})
        if p.resource.key == resource
        else p
        for p in one.shares
    ]
    return replace(one, shares=tuple(parts))


@given(crowds())
def test_who_fits_together_loses_nothing(crowd):
    if fits(crowd):
        assert settle(crowd) == []


def losers(*crowd: Contender) -> list[tuple[str, list[tuple[str, float]]]]:
    return [(x.booking.id, [(loss.dimension, loss.shown) for loss in x.losses]) for x in settle(crowd)]


def test_only_the_excess_of_a_capacity_is_lost():
    first, second = contender("a", on_link(4)), contender("b", on_link(4))
    assert losers(first, second, contender("c", on_link(3), priority=1)) == [("b", [("rate", 1)])]


def test_a_place_goes_with_all_that_is_held_of_the_resource():
    crowd = [contender(name, on_link(1, 2)) for name in "ab"]
    assert losers(*crowd) == [("b", [(CONCURRENCY, 2), ("rate", 1)])]


def test_what_is_lost_is_told_in_words():
    (loser,) = settle([contender("a", on_dish("H")), contender("b", on_dish("V"))])
    assert [str(loss) for loss in loser.losses] == ["dish: polarisation is H for a then, V asked"] * 2
    (loser,) = settle([contender(name, on_link(1, 2), on_dish("H")) for name in "ab"])
    assert [str(loss) for loss in loser.losses] == ["link: its place to a", "link: 1 of rate to a"]
    one = Resource("dish", capabilities=DISH.capabilities, id="r-2", key=2)
    (loser,) = settle([contender(name, replace(on_dish("H"), resource=one)) for name in "ab"])
    assert [str(loss) for loss in loser.losses] == ["dish: its place to a", "dish: its polarisation to a"]


def test_the_others_of_its_resources_stay():
    both = contender("b", on_link(1), on_dish("V"))
    (loser,) = settle([contender("a", on_dish("H")), both])
    assert {loss.resource_name for loss in loser.losses} == {"dish"}
    assert loser.losses[0].why == "polarisation is H for a then, V asked"


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        ({}, {"state": State.QUARANTINED, "priority": 9}),
        ({"priority": 1, "state": State.PARTIAL}, {}),
        ({"start": 1}, {"state": State.PARTIAL}),
        ({"start": 1}, {"state": State.ON_HOLD}),
        ({"name": "z"}, {"start": 1}),
        ({"name": "Alpha"}, {"name": "beta"}),
        ({"state": State.PARTIAL, "began": True, "start": 5}, {"priority": 9}),
    ],
)
def test_the_order(stronger, weaker):
    crowd = [contender("y", on_link(10), **stronger), contender("x", on_link(10), **weaker)]
    assert [ident for ident, _ in losers(*crowd)] == ["x"]
    assert [ident for ident, _ in losers(*crowd[::-1])] == ["x"]


def test_who_loses_anyway_spares_the_weaker():
    strong, saved, weak = contender("a", on_link(6)), contender("b", on_link(6)), contender("c", on_link(4))
    assert losers(strong, saved, weak) == [("b", [("rate", 6)])]


def test_a_running_one_keeps_what_it_has_and_is_in_conflict():
    crowd = [contender(name, on_link(6), began=True) for name in "ab"]
    (loser,) = settle(crowd)
    assert (loser.booking.id, [(loss.shown, loss.held) for loss in loser.losses]) == ("b", [(2, True)])


def test_who_a_loser_lost_to_and_who_only_meets_it_elsewhere():
    crowd = [
        contender("a", on_link(8), end=5),
        contender("b", on_link(8), start=4, end=9),
        contender("c", on_link(2), start=8),
    ]
    (loser,) = settle(crowd)
    assert [rival.name for loss in loser.losses for rival in loss.rivals] == ["a"]


def test_a_resource_in_maintenance_serves_nobody():
    closed = replace(LINK, mode=Mode.MAINTENANCE)
    (loser,) = settle([contender("a", share(Need(closed, (Wish("a", {"rate": UNIT}),)), HELD))])
    assert [(loss.dimension, loss.kind) for loss in loser.losses] == [
        (CONCURRENCY, Kind.AVAILABILITY), ("rate", Kind.AVAILABILITY),
    ]  # fmt: skip
    assert reason_of(loser.losses[0], LINK, closed) is Reason.MAINTENANCE


def test_a_resource_that_is_closed_then_is_lost_whole_and_who_runs_keeps_it():
    shut = replace(LINK, availability=Availability(blackouts=(Period(9 * SECOND, None, "sold"),)))
    needs = Need(shut, (Wish("a", {"rate": UNIT}),))
    crowd = [
        contender("ends before", share(needs, Window(0, 9 * SECOND)), end=9),
        contender("waits", share(needs, HELD)),
        contender("runs", share(needs, HELD), began=True),
    ]
    found = {x.booking.name: [(loss.dimension, loss.kind, loss.held) for loss in x.losses] for x in settle(crowd)}
    assert found == {
        "waits": [(CONCURRENCY, Kind.AVAILABILITY, False), ("rate", Kind.AVAILABILITY, False)],
        "runs": [(CONCURRENCY, Kind.AVAILABILITY, True)],
    }
    loss = settle(crowd)[0].losses[0]
    assert reason_of(loss, LINK, shut) is Reason.AVAILABILITY_CHANGED
    assert loss.why == "closed from 1970-01-01 00:00:09Z for good (blackout, sold)"
    assert offers_another(LINK, shut)
    assert not offers_another(LINK, replace(LINK, availability=Availability(days_ahead=1)))
    assert not offers_another(LINK, replace(LINK, mode=Mode.UNAVAILABLE))


@pytest.mark.parametrize(
    ("change", "needs", "reason"),
    [
        ({"capacities": {}}, Wish("a", {"rate": UNIT}), Reason.CAPACITY_DELETED),
        ({"capacities": {"rate": 1}}, Wish("a", {"rate": 2 * UNIT}), Reason.CAPACITY_LOWERED),
        ({"capabilities": {}}, Wish("a", {}, {"codec": "hevc"}), Reason.CAPABILITY_DELETED),
        (
            {"capabilities": {"codec": Capability(("avc",))}},
            Wish("a", {}, {"codec": "hevc"}),
            Reason.CAPABILITY_LOWERED,
        ),
    ],
)
def test_the_reason_of_a_change_of_a_resource(change, needs, reason):
    before = replace(LINK, capabilities={"codec": Capability(("avc", "hevc"))})
    changed = replace(before, **change)
    assert offers_another(before, changed)
    (loser,) = settle([contender("a", share(Need(changed, (needs,)), HELD))])
    assert {reason_of(loss, before, changed) for loss in loser.losses} == {reason}


def test_less_concurrency_is_its_own_reason():
    changed = replace(LINK, concurrency=1)
    crowd = [contender(name, share(Need(changed), HELD)) for name in "ab"]
    (loser,) = settle(crowd)
    assert reason_of(loser.losses[0], LINK, changed) is Reason.CONCURRENCY_LOWERED
    assert not offers_another(LINK, replace(LINK, properties={"rack": 2}))


def test_two_losers_share_what_is_left():
    crowd = [
        contender("a", on_link(8), end=5),
        contender("b", on_link(4), end=10),
        contender("c", on_link(8), start=5, end=10),
        contender("d", on_link(4), start=8, end=10, priority=1),
    ]
    assert losers(*crowd) == [("c", [("rate", 4)]), ("b", [("rate", 2)])]
