# SPDX-License-Identifier: Apache-2.0
"""What the steps of a deployment say, what an item says, and what an order needs on top of what its service has."""

from __future__ import annotations

import pytest

from preroll.domain.boundaries import Boundary, BoundaryState, Kind
from preroll.domain.capacity import Wish, beyond
from preroll.domain.deployment import JournalStep, Reached, armed, checking, decided, part_end, phase_of, plan_of
from preroll.domain.order import OrderItem, OrderKind, OrderPhase
from preroll.domain.order_content import content_of


def steps(*names: str, part: str = "deploy") -> list[JournalStep]:
    """Done, unless the name ends with an exclamation mark."""
    return [
        JournalStep(f"change:{part}:{n.rstrip('!')}", not n.endswith("!"), error="no" * n.endswith("!")) for n in names
    ]


# fmt: off
P, R = OrderPhase, Reached
STORIES = [
    # steps                                                                       reached       phase
    ((),                                                                          R.UNTOUCHED,   P.PRECHECKING),
    (("plan",),                                                                   R.UNTOUCHED,   P.PRECHECKING),
    (("plan", "apply:A", "apply:B!"),                                             R.OPEN,        P.APPLYING),
    (("plan", "apply:A", "apply:B", "verify:A"),                                  R.OPEN,        P.VERIFYING),
    (("plan", "apply:A", "decided:commit", "confirm:A!"),                         R.OPEN,        P.CONFIRMING),
    (("plan", "apply:A", "decided:commit", "confirm:A", "new"),                   R.NEW,         P.CONFIRMING),
    (("plan", "apply:A", "apply:B!", "decided:revert", "undo:A!"),                R.OPEN,        P.ROLLING_BACK),
    (("plan", "apply:A", "apply:B!", "decided:revert", "undo:B", "undo:A", "old"), R.OLD,        P.ROLLING_BACK),
]
# fmt: on


@pytest.mark.parametrize(("names", "reached", "phase"), STORIES)
def test_the_steps_tell_how_the_devices_stand_and_how_far_it_is(names, reached, phase):
    story = steps(*names)
    assert (part_end(story, "deploy").reached, phase_of(story, lost=False)) == (reached, phase)
    assert part_end(story, "another").reached is Reached.UNTOUCHED
    assert decided(story) == ("decided:commit" in names)
    assert phase_of(story, lost=True) is P.INTERRUPTED


def test_what_is_left_is_named_and_the_last_round_counts():
    back = part_end(steps("plan", "apply:A", "apply:B", "decided:revert", "undo:B", "undo:A!"), "deploy")
    assert back.residue == {"A": "left to undo: no"}
    on = part_end(steps("plan", "apply:A", "decided:commit", "confirm:A!"), "deploy")
    assert on.residue == {"A": "left to confirm: no"}
    again = [
        *steps("plan", "apply:A", "decided:revert", "undo:A", "old"),
        *steps("plan", "apply:A", "new", part="deploy#2"),
    ]
    assert part_end(again, "deploy").reached is Reached.NEW


def test_a_plan_has_the_same_hash_whatever_the_order_of_its_devices():
    def step(*devices: tuple[str, int]) -> JournalStep:
        rows = [{"resource": name, "changes": [["rate", 1, new]]} for name, new in devices]
        return JournalStep("change:deploy:plan", done=True, result={"devices": rows})

    one, other = plan_of([step(("a", 2), ("b", 3))]), plan_of([step(("b", 3), ("a", 2))])
    assert (one.hash, one.empty) == (other.hash, False)
    assert one.hash != plan_of([step(("a", 2), ("b", 4))]).hash
    assert plan_of([]).empty


def test_an_order_is_looked_at_at_one_time_alone():
    running = Boundary(1, 7, Kind.ORDER, 5, BoundaryState.RUNNING)
    waiting = Boundary(2, 7, Kind.ORDER, 9, BoundaryState.ARMED, generation=3)
    other = Boundary(3, 7, Kind.ORDER, 11, BoundaryState.ARMED)
    moved = armed([running, waiting, other], 7, 20)
    assert [(b.key, b.state, b.due_us, b.generation) for b in moved] == [
        (2, BoundaryState.ARMED, 20, 4), (3, BoundaryState.DISARMED, 11, 1),
    ]  # fmt: skip
    assert [b.key for b in armed([running], 7, 20)] == [0]
    check = Boundary(4, 7, Kind.CHECK, 5, BoundaryState.DONE)
    assert [(b.key, b.generation) for b in checking([check], 7, 20, "eve")] == [(4, 2)]
    assert checking([Boundary(4, 7, Kind.CHECK, 5, BoundaryState.RUNNING)], 7, 20, "eve") == []


def test_only_what_is_not_had_is_needed():
    had = [Wish("A", {"rate": 5})]
    (same,) = beyond([Wish("A", {"rate": 5})], had)
    assert (same.amounts, same.places) == ({"rate": 0}, 0)
    more, new = beyond([Wish("A", {"rate": 8}), Wish("B", {"rate": 1})], had)
    assert (more.amounts, more.places, new.amounts, new.places) == ({"rate": 3}, 0, {"rate": 1}, 1)
    assert beyond([Wish("A", {"rate": 5})], ()) == (Wish("A", {"rate": 5}),)


# fmt: off
WRONG = [
    # kind                  values                                           where
    (OrderKind.PROVISION,   {},                                              "x.values.definition"),
    (OrderKind.PROVISION,   {"definition": "L", "version": 0},               "x.values.version"),
    (OrderKind.PROVISION,   {"definition": "L", "nodes": {"A": 3}},          "x.values.nodes.A"),
    (OrderKind.PROVISION,   {"definition": "L", "nodes": {"A": {"b": 1}}},   "x.values.nodes.A.b"),
    (OrderKind.PROVISION,   {"definition": "L", "nodes": {"A": {"resource": 1}}}, "x.values.nodes.A.resource"),
    (OrderKind.REDEPLOY,    {"revision": "newest"},                          "x.values.revision"),
    (OrderKind.ACTIVATE,    {"state": 3},                                    "x.values.state"),
    (OrderKind.DECOMMISSION, {"force": True},                                "x.values.force"),
]
# fmt: on


@pytest.mark.parametrize(("kind", "values", "where"), WRONG)
def test_what_an_item_says_wrong_is_told_with_its_place(kind, values, where):
    _, mistakes = content_of(OrderItem("x", kind, "s", values=values), "x")
    assert [mistake.where for mistake in mistakes] == [where]
