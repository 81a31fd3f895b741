# SPDX-License-Identifier: Apache-2.0
"""The booking's life cycle, held against the contract's table written out a second time."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.booking import (
    ENDED,
    FAILED_EVENT,
    LIFE_CYCLE,
    RUNNING,
    WAITING,
    State,
    Trigger,
)
from preroll.domain.errors import TransitionNotAllowed
from preroll.domain.machine import Outcome

CONTRACT = """
Partial, On-Hold, Quarantined            | confirm                       | Confirmed      | Partial
Confirmed                                | demote                        | Partial        |
Partial, Confirmed, Quarantined          | hold                          | On-Hold        |
Partial, Confirmed, On-Hold              | quarantine                    | Quarantined    |
Quarantined                              | leave quarantine              | Partial        |
Quarantined                              | leave quarantine, was On-Hold | On-Hold        |
Partial, Confirmed, On-Hold, Quarantined | cancel                        | Canceled       |
Confirmed                                | start of pre-roll             | Pre-roll       | Failed Service Pre-Roll
Pre-roll, Failed Service Pre-Roll        | end of pre-roll               | Service Active | Failed Service Active
Service Active, Failed Service Active    | start of post-roll            | Post-roll      | Failed Service Post-Roll
Post-roll, Failed Service Post-Roll      | end of post-roll              | Completed      | Failed Completed
Pre-roll, Failed Service Pre-Roll        | finish                        | Completed      | Failed Completed
Confirmed                                | cannot be initiated           | Failed         |
Failed Service Pre-Roll                  | retry                         | Pre-roll       | Failed Service Pre-Roll
Failed Service Active                    | retry                         | Service Active | Failed Service Active
Failed Service Post-Roll                 | retry                         | Post-roll      | Failed Service Post-Roll
Failed Completed                         | retry                         | Completed      | Failed Completed
Failed Service Pre-Roll                  | acknowledge                   | Pre-roll       |
Failed Service Active                    | acknowledge                   | Service Active |
Failed Service Post-Roll                 | acknowledge                   | Post-roll      |
Failed Completed                         | acknowledge                   | Completed      |
"""


def contract() -> dict[tuple[str, str], tuple[str, str]]:
    pairs = {}
    for line in CONTRACT.strip().splitlines():
        sources, trigger, ok, failed = (cell.strip() for cell in line.split("|"))
        for source in sources.split(", "):
            pairs[source, trigger] = (ok, failed)
    return pairs


PAIRS = contract()


@pytest.mark.parametrize(("state", "trigger"), list(product(State, Trigger)), ids=lambda word: word.value)
def test_every_pair_is_accepted_or_refused_as_the_contract_says(state, trigger):
    if (state.value, trigger.value) not in PAIRS:
        assert not LIFE_CYCLE.may(state, trigger)
        for outcome in Outcome:
            with pytest.raises(TransitionNotAllowed):
                LIFE_CYCLE.fire(state, trigger, outcome)
        return
    ok, failed = PAIRS[state.value, trigger.value]
    assert LIFE_CYCLE.may(state, trigger)
    assert LIFE_CYCLE.fire(state, trigger) == ok
    if failed:
        assert LIFE_CYCLE.fire(state, trigger, Outcome.FAILED) == failed
    else:
        with pytest.raises(TransitionNotAllowed):
            LIFE_CYCLE.fire(state, trigger, Outcome.FAILED)


def test_the_contract_and_the_enumerations_use_the_same_words():
    assert len(State) == 14
    assert {trigger for _, trigger in PAIRS} == {trigger.value for trigger in Trigger}
    assert {state for state, _ in PAIRS} | {state for pair in PAIRS.values() for state in pair if state} == {
        state.value for state in State
    }


def test_a_booking_begins_partial():
    assert LIFE_CYCLE.initial is State.PARTIAL


def test_only_completed_canceled_and_failed_have_no_way_out():
    assert LIFE_CYCLE.terminal == {State.COMPLETED, State.CANCELED, State.FAILED}


def test_every_state_can_be_reached():
    reached, todo = set(), [LIFE_CYCLE.initial]
    while todo:
        state = todo.pop()
        if state not in reached:
            reached.add(state)
            todo += [after for e in LIFE_CYCLE if e.source == state for after in (e.ok, e.failed) if after]
    assert reached == set(State)


def test_every_state_is_waiting_running_or_ended_and_only_one_of_them():
    assert set(State) == WAITING | RUNNING | ENDED
    assert not WAITING & RUNNING
    assert not (WAITING | RUNNING) & ENDED


def test_every_failed_event_can_be_retried_and_acknowledged_and_nothing_else_can():
    for trigger in (Trigger.RETRY, Trigger.ACKNOWLEDGE):
        assert {state for state in State if LIFE_CYCLE.may(state, trigger)} == FAILED_EVENT


def test_a_refusal_says_what_is_possible():
    with pytest.raises(TransitionNotAllowed) as refused:
        LIFE_CYCLE.fire(State.CONFIRMED, Trigger.END_OF_POST_ROLL)
    assert "end of post-roll is not possible in state Confirmed" in str(refused.value)
    assert "start of pre-roll" in refused.value.hint


walks = st.lists(st.tuples(st.sampled_from(Trigger), st.sampled_from(Outcome)), max_size=40)


@given(walks)
def test_no_walk_leaves_the_contract(walk):
    state, events = LIFE_CYCLE.initial, []
    for trigger, outcome in walk:
        expected = PAIRS.get((state.value, trigger.value), ("", ""))[outcome is Outcome.FAILED]
        try:
            after = LIFE_CYCLE.fire(state, trigger, outcome)
        except TransitionNotAllowed:
            assert not expected
            continue
        assert after.value == expected
        if "pre-roll" in trigger or "post-roll" in trigger:
            events.append(trigger)
        state = after
    order = [Trigger.START_OF_PRE_ROLL, Trigger.END_OF_PRE_ROLL, Trigger.START_OF_POST_ROLL, Trigger.END_OF_POST_ROLL]
    assert events == order[: len(events)], "the events of a booking come in order, each at most once"
