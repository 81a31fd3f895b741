# SPDX-License-Identifier: Apache-2.0
"""Which resources fill open nodes: never a dead end, an earlier node first, each its best if the others allow."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.capacity import UNIT, Wish
from preroll.domain.choosing import Candidates, Opening, choose, ranking
from preroll.domain.config import Ordering
from preroll.domain.definition import AutoSelect, Node
from preroll.domain.resource import Resource
from preroll.domain.usage import CONCURRENCY, Left, clashes
from preroll.domain.window import Window

HELD = Window(0, 3_600_000_000)


def fits(resource, wishes):
    return not clashes(resource, wishes, HELD, ())


def opening(label, *eligible, rate=0):
    return Opening(Wish(label, {"rate": rate * UNIT} if rate else {}), tuple(eligible))


def resource(number, concurrency=1, rate=0):
    return Resource(f"R{number}", key=number, concurrency=concurrency, capacities={"rate": rate} if rate else {})


def chosen(*openings):
    return {label: r.name for label, r in choose(openings, fits).items()}


def test_each_takes_the_best_that_is_left():
    one, two = resource(1), resource(2)
    assert chosen(opening("a", one, two), opening("b", one, two)) == {"a": "R1", "b": "R2"}


def test_who_has_another_place_moves_over():
    one, two, three = resource(1), resource(2), resource(3)
    assert chosen(opening("a", one, two), opening("b", one)) == {"a": "R2", "b": "R1"}
    found = chosen(opening("a", one, two), opening("b", two, three), opening("c", one), opening("d", two))
    assert found == {"a": "R1", "b": "R3", "d": "R2"} or found == {"a": "R2", "b": "R3", "c": "R1"}
    assert {"a", "b", "c"} == set(found), "an earlier node is not left open for a later one"


def test_nobody_sits_where_there_is_no_place():
    one = resource(1, concurrency=2)
    assert chosen(*(opening(label, one) for label in "abc")) == {"a": "R1", "b": "R1"}
    assert chosen() == {}
    assert chosen(opening("a")) == {}


def test_two_may_have_to_move_for_one():
    """The large one is best for all, and fills up with what would fit the small one."""
    large, small = resource(1, 9, rate=10), resource(2, 9, rate=6)
    wanted = {"a": 5, "b": 3, "c": 3, "d": 5}
    found = choose([opening(label, large, small, rate=rate) for label, rate in wanted.items()], fits)
    assert set(found) == set(wanted)


PLACES = st.lists(st.integers(1, 2), min_size=1, max_size=4)


@given(places=PLACES, wanted=st.lists(st.lists(st.integers(0, 3), unique=True, max_size=4), max_size=5))
def test_as_many_as_can_be_filled(places, wanted):
    """Against all ways: as many nodes, and of the ways that fill so many none has earlier ones."""
    there = [resource(number, concurrency) for number, concurrency in enumerate(places)]
    openings = [opening(str(n), *(there[k] for k in eligible if k < len(there))) for n, eligible in enumerate(wanted)]
    found = choose(openings, fits)
    filled = sorted(int(label) for label in found)
    assert all(r in openings[int(label)].eligible for label, r in found.items())
    assert all(fits(r, [Wish(label) for label, x in found.items() if x is r]) for r in there)
    ways = []
    for way in product(*((None, *o.eligible) for o in openings)):
        if all(sum(x is r for x in way) <= r.concurrency for r in there):
            ways.append([n for n, x in enumerate(way) if x])
    assert filled == min(ways, key=lambda way: (-len(way), way))


@given(
    rates=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    limits=st.lists(st.integers(4, 10), min_size=2, max_size=2),
)
def test_nodes_of_different_size_are_all_filled_if_that_can_be(rates, limits):
    there = [resource(number, 9, rate=limit) for number, limit in enumerate(limits)]
    found = choose([opening(str(n), *there, rate=rate) for n, rate in enumerate(rates)], fits)
    possible = any(
        all(sum(rate for rate, x in zip(rates, way, strict=True) if x is r) <= limits[k] for k, r in enumerate(there))
        for way in product(there, repeat=len(rates))
    )
    assert (len(found) == len(rates)) is possible
    for r in there:
        assert fits(r, [Wish(label, {"rate": rates[int(label)] * UNIT}) for label, x in found.items() if x is r])


def test_they_are_sorted_as_the_platform_says():
    cheap, dear = Resource("z", priority=1), Resource("a", priority=2)
    some, more = [Left("rate", 10, 3), Left(CONCURRENCY, 2, 2)], [Left("rate", 10, 7), Left(CONCURRENCY, 2, 1)]
    rate, none = Wish("n", {"rate": 1}), Wish("n")

    def first(order, wish):
        left = {cheap.name: some, dear.name: more}
        return min((cheap, dear), key=ranking(wish, order, lambda r: left[r.name])).name

    assert [first(Ordering.PRIORITY, none), first(Ordering.NAME, none)] == ["z", "a"]
    assert [first(Ordering.LEFT, rate), first(Ordering.LEFT, none)] == ["a", "z"]


@pytest.mark.parametrize("order", Ordering)
def test_of_those_that_are_alike_the_first_is_the_first_that_people_count(order: Ordering):
    found = [Resource(f"enc-{n}") for n in (10, 2, 1)]
    found.sort(key=ranking(Wish("n"), order, lambda _: ()))
    assert [r.name for r in found] == ["enc-1", "enc-2", "enc-10"]


def test_candidates_go_by_function_and_pool():
    found = [Resource("a", function="f", pools=("p",)), Resource("b", function="f"), Resource("c", function="g")]
    every = Candidates(found)
    assert [r.name for r in every.of(Node("n", "f"))] == ["a", "b"]
    assert [r.name for r in every.of(Node("n", "f", "p"))] == ["a"]
    assert [r.name for r in every.of(Node("n"))] == ["a", "b", "c"]


def test_when_a_node_takes_one_by_itself():
    assert Node("n", "f").selects is AutoSelect.CREATE
    assert Node("n", pool="p", auto_select=AutoSelect.ALWAYS).selects is AutoSelect.ALWAYS
    assert Node("n", "f", optional=True).selects is AutoSelect.NEVER, "only if it says so"
    assert Node("n", "f", optional=True, auto_select=AutoSelect.CREATE).selects is AutoSelect.CREATE
    assert Node("n", auto_select=AutoSelect.ALWAYS).selects is AutoSelect.NEVER, "not just anything"
