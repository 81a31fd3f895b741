# SPDX-License-Identifier: Apache-2.0
"""Service states: the shipped table, the mapping, and every gap between the two."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.machine import Outcome
from preroll.domain.service import (
    DEFAULT_TRANSITIONS,
    SHIPPED_STATES,
    ServiceStates,
    Stage,
    StageMapping,
    action_for,
)

CONTRACT = (
    "STOP->STANDBY, STOP->START, STANDBY->START, STANDBY->STOP, START->PAUSE, START->STANDBY, START->STOP, "
    "PAUSE->STOP, PAUSE->STANDBY, STANDBY->PAUSE, STOP->PAUSE, FAILED->STOP, FAILED->STANDBY, FAILED->START, "
    "FAILED->PAUSE"
)
ALLOWED = {tuple(pair.split("->")) for pair in CONTRACT.split(", ")}


@pytest.mark.parametrize(("before", "after"), list(permutations(SHIPPED_STATES, 2)))
def test_every_pair_is_allowed_or_not_as_the_contract_says(before, after):
    assert ServiceStates().allows(before, after) == ((before, after) in ALLOWED)


def test_the_shipped_table_lists_nothing_twice_and_no_way_into_failed():
    assert len(DEFAULT_TRANSITIONS) == len(set(DEFAULT_TRANSITIONS)) == len(ALLOWED)
    assert not any(after == "FAILED" for _, after in DEFAULT_TRANSITIONS)


@pytest.mark.parametrize("state", [*SHIPPED_STATES, "CALIBRATE"])
def test_staying_is_no_transition(state):
    assert ServiceStates(transitions=()).allows(state, state)


def test_the_shipped_mapping():
    assert dict(StageMapping().items()) == {
        Stage.INITIAL: "STOP",
        Stage.PRE_ROLL: "STANDBY",
        Stage.SERVICE_ACTIVE: "START",
        Stage.POST_ROLL: "PAUSE",
        Stage.ENDED: "STOP",
    }


def test_what_is_shipped_has_no_gaps():
    assert ServiceStates().gaps() == []


@pytest.mark.parametrize("pair", [
    ("STOP", "STANDBY"), ("STANDBY", "START"), ("START", "PAUSE"), ("PAUSE", "STOP"), ("STANDBY", "STOP"),
    ("FAILED", "STANDBY"), ("FAILED", "START"), ("FAILED", "PAUSE"), ("FAILED", "STOP"),
])  # fmt: skip
def test_a_transition_that_the_mapping_needs_is_named_when_it_is_cut(pair):
    cut = tuple(row for row in DEFAULT_TRANSITIONS if row != pair)
    assert ServiceStates(transitions=cut).gaps() == [pair]


def test_a_transition_that_the_mapping_does_not_need_may_be_cut():
    spare = {("STOP", "START"), ("START", "STANDBY"), ("START", "STOP"), ("PAUSE", "STANDBY"),
             ("STANDBY", "PAUSE"), ("STOP", "PAUSE")}  # fmt: skip
    assert ServiceStates(transitions=tuple(row for row in DEFAULT_TRANSITIONS if row not in spare)).gaps() == []


def test_a_disabled_stage_makes_its_neighbours_meet():
    without_rolls = StageMapping(preroll=None, postroll=None)
    assert ServiceStates(without_rolls).gaps() == []
    assert ServiceStates(without_rolls, transitions=()).gaps() == [
        ("STOP", "START"), ("START", "STOP"), ("FAILED", "START"), ("FAILED", "STOP"),
    ]  # fmt: skip


def test_every_missing_pair_is_named_once():
    gaps = ServiceStates(transitions=()).gaps()
    assert len(gaps) == len(set(gaps)) == 9


@given(
    st.builds(StageMapping, *[st.none() | st.sampled_from(("STOP", "STANDBY", "START", "PAUSE"))] * 5),
    st.frozensets(st.tuples(*[st.sampled_from(SHIPPED_STATES)] * 2)),
)
def test_without_gaps_every_walk_of_the_stages_is_allowed_with_failures_anywhere(mapping, table):
    states = ServiceStates(mapping, tuple(sorted(table)))
    gaps = states.gaps()
    assert not any(states.allows(*pair) for pair in gaps)
    stages = [state for _, state in mapping.items() if state]
    if gaps:
        return
    assert all(states.allows(before, after) for before, after in pairwise(stages))
    assert all(states.allows("FAILED", s) for stage, s in mapping.items() if s and stage is not Stage.INITIAL)


def test_as_a_machine_each_failure_leads_to_failed():
    machine = ServiceStates().machine()
    assert machine.fire("STOP", "STANDBY") == "STANDBY"
    assert {machine.fire(e.source, e.trigger, Outcome.FAILED) for e in machine} == {"FAILED"}
    assert machine.terminal == frozenset()


def test_actions_are_found_whatever_the_case():
    assert action_for({"Standby": "warm-up"}, "STANDBY") == "warm-up"
    assert action_for({"Standby": "warm-up"}, "STAND") is None


def test_a_platforms_own_states_are_known_whatever_their_case():
    states = ServiceStates(
        StageMapping(preroll="warm"), (*DEFAULT_TRANSITIONS, ("stop", "Warm"), ("WARM", "start")), ("Warm",)
    ).spelled()
    assert states.mapping.preroll == "Warm"
    assert states.transitions[-2:] == (("STOP", "Warm"), ("Warm", "START"))
    assert states.mistakes("s") == []
    assert "Warm" in states.machine().states
    assert ServiceStates(transitions=(("STOP", "start"), ("Stop", "START"))).spelled().transitions == (
        ("STOP", "START"),
    )


@pytest.mark.parametrize(
    ("states", "where", "what"),
    [
        (ServiceStates(StageMapping(preroll="WARM")), "s.mapping.preroll", "WARM is no state of the platform"),
        (ServiceStates(StageMapping(ended="FAILED")), "s.mapping.ended", "is set by the engine alone"),
        (ServiceStates(transitions=(("STOP", "WARM"),)), "s.transitions.0", "WARM is no state of the platform"),
        (ServiceStates(transitions=(("STOP", "STOP"),)), "s.transitions.0", "STOP -> STOP is no transition"),
        (ServiceStates(transitions=(("STOP", "FAILED"),)), "s.transitions.0", "FAILED is set by the engine alone"),
        (ServiceStates(states=("start",)), "s.states.0", "start is a state already"),
        (ServiceStates(states=("A", "a")), "s.states.1", "a is a state already"),
        (ServiceStates(states=(" ",)), "s.states.0", "is empty"),
    ],
)
def test_a_row_that_means_nothing_is_a_mistake(states, where, what):
    (found,) = states.mistakes("s")
    assert (found.where, found.what) == (where, what)
    assert found.expected
