# SPDX-License-Identifier: Apache-2.0
"""Who needs whom: rings are found, and what is needed comes first, or goes last."""

from __future__ import annotations

from preroll.domain.dependencies import circle, with_turns
from preroll.domain.order import OrderItem, OrderKind, in_turn

K = OrderKind
NEEDS = {"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set(), "x": {"y"}, "y": {"z"}, "z": {"x"}, "w": {"x"}}


def test_a_ring_is_told_from_its_beginning_to_its_end():
    assert circle("a", lambda s: NEEDS[s]) == ()
    assert circle("x", lambda s: NEEDS[s]) == ("x", "y", "z", "x")
    assert circle("w", lambda s: NEEDS[s]) == ()


def test_what_is_needed_comes_first_and_goes_last():
    made = [OrderItem("b", K.PROVISION, "a"), OrderItem("c", K.PROVISION, "b"), OrderItem("d", K.PROVISION, "d")]
    turn = in_turn(with_turns(made, {"a": {"b"}, "b": {"d"}}))
    assert [item.service for item in turn] == ["d", "b", "a"]
    gone = [OrderItem(s, K.DECOMMISSION, s) for s in ("d", "b", "a")]
    assert [item.service for item in in_turn(with_turns(gone, {"a": {"b"}, "b": {"d"}}))] == ["a", "b", "d"]


def test_what_lets_go_of_a_service_comes_before_its_end():
    items = [OrderItem("end", K.DECOMMISSION, "b"), OrderItem("free", K.MODIFY, "a", needs=())]
    assert [item.name for item in in_turn(with_turns(items, {"a": {"b"}}))] == ["free", "end"]
