# SPDX-License-Identifier: Apache-2.0
"""What the reader of tables promises, on a table of two rows."""

from __future__ import annotations

import pytest

from preroll.domain.errors import TransitionNotAllowed
from preroll.domain.machine import Machine, Outcome
from preroll.domain.machines import ALL_MACHINES

DOOR: Machine[str, str] = Machine(
    "door",
    "open",
    (
        ({"open"}, "close", "closed", "jammed", "somebody pushes"),
        ({"closed", "jammed"}, "open", "open", None, "somebody pulls"),
    ),
)


def test_a_row_with_several_sources_stands_for_each_of_them():
    assert DOOR.fire("closed", "open") == DOOR.fire("jammed", "open") == "open"


def test_the_outcome_picks_the_column():
    assert DOOR.fire("open", "close") == "closed"
    assert DOOR.fire("open", "close", Outcome.FAILED) == "jammed"


def test_what_cannot_fail_has_no_failed_column():
    with pytest.raises(TransitionNotAllowed):
        DOOR.fire("closed", "open", Outcome.FAILED)


def test_it_knows_its_states_and_triggers_in_the_order_of_the_table():
    assert DOOR.states == ("open", "closed", "jammed")
    assert DOOR.triggers == ("close", "open")
    assert DOOR.possible("closed") == ("open",)
    assert DOOR.terminal == frozenset()


def test_a_pair_may_stand_in_one_row_only():
    with pytest.raises(ValueError, match="two rows"):
        Machine("twice", "a", (({"a"}, "go", "b", None, ""), ({"a"}, "go", "c", None, "")))


@pytest.mark.parametrize("machine", ALL_MACHINES, ids=str)
def test_every_machine_names_a_reason_on_each_row_and_reaches_each_state(machine):
    assert all(edge.why for edge in machine)
    reached = {machine.initial} | {after for edge in machine for after in (edge.ok, edge.failed) if after}
    # a disarmed boundary is written by a use case when a booking is created, before any trigger
    assert set(machine.states) == reached
