# SPDX-License-Identifier: Apache-2.0
"""What a booking without a definition asks for at its events."""

from __future__ import annotations

from itertools import product

import pytest

from preroll.domain.booking import NodeChoice, State
from preroll.domain.boundaries import STANDARD, Kind, Nothing, Reason, Refusal, Run
from preroll.domain.decisions import decide
from preroll.domain.external import decide_external, needs_run
from preroll.domain.free_list import FREE_LIST, STATES, first_stage, states_of, values_in
from preroll.domain.service import FAILED, START, STOP, ServiceStates, Stage, StageMapping
from tests.builders import NOON, booking, boundary, config, definition

PRE, AIR, POST, END = STANDARD
OUT = {"A": NodeChoice("r-1", "HD")}


def a_list(state: State = State.CONFIRMED, service: str = STOP, **more):
    return booking(state, definition=None, orchestrated=True, service_state=service, **more)


@pytest.mark.parametrize(
    ("kind", "state", "service", "decision"),
    [
        (PRE, State.CONFIRMED, STOP, Nothing(None)),
        (AIR, State.PRE_ROLL, STOP, Run(FREE_LIST, START, STOP)),
        (AIR, State.FAILED_PRE_ROLL, FAILED, Run(FREE_LIST, START, FAILED)),
        (POST, State.ACTIVE, START, Run(FREE_LIST, STOP, START)),
        (POST, State.FAILED_ACTIVE, FAILED, Run(FREE_LIST, STOP, FAILED)),
        (POST, State.ACTIVE, STOP, Run(FREE_LIST, STOP, STOP)),
        (END, State.POST_ROLL, STOP, Nothing(STOP)),
        (END, State.PRE_ROLL, STOP, Nothing(STOP)),
        (END, State.FAILED_POST_ROLL, FAILED, Run(FREE_LIST, STOP, FAILED)),
        (END, State.POST_ROLL, START, Run(FREE_LIST, STOP, START)),
    ],
)
def test_it_is_loaded_at_start_and_at_stop_and_at_its_end_only_if_it_is_not_down(kind, state, service, decision):
    due = boundary(kind)
    assert decide(due, a_list(state, service), None, config(), due.due_us, scripts=()) == decision


def test_what_is_still_on_its_way_out_is_reset_at_the_end():
    held = a_list(State.POST_ROLL, STOP, leaving=OUT)
    assert decide(boundary(END), held, None, config(), NOON) == Run(FREE_LIST, STOP, STOP)


@pytest.mark.parametrize("kind", STANDARD)
def test_one_that_is_only_held_runs_nothing(kind):
    due = boundary(kind)
    states = {PRE: State.CONFIRMED, AIR: State.PRE_ROLL, POST: State.ACTIVE, END: State.POST_ROLL}
    held = booking(states[kind], definition=None)
    assert isinstance(decide(due, held, None, config(), due.due_us), Nothing)


def test_what_every_booking_needs_a_list_needs_too():
    due = boundary(PRE)
    refused = decide(due, a_list(), None, config(), due.due_us, inactive=["enc-1"])
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.RESOURCE_NOT_ACTIVE
    late = decide(boundary(AIR), a_list(State.PRE_ROLL), None, config(), a_list().timing.end)
    assert isinstance(late, Refusal)
    assert late.reason is Reason.MISSED


def test_its_own_table_allows_all_that_its_stages_need():
    assert STATES.gaps() == []
    assert STATES.mistakes("list") == []


def test_the_platform_s_settings_are_those_of_definitions():
    odd = config(states=ServiceStates(StageMapping(None, None, None, None, None), ()))
    assert states_of(a_list(), odd) is STATES
    assert states_of(booking(), odd) is odd.service_states
    assert (first_stage(a_list()), first_stage(booking())) == (Stage.SERVICE_ACTIVE, Stage.PRE_ROLL)


@pytest.mark.parametrize(
    ("held", "made_of", "needed"),
    [
        (a_list(State.PRE_ROLL), None, False),
        (a_list(State.ACTIVE), None, True),
        (a_list(State.FAILED_ACTIVE), None, True),
        (a_list(State.POST_ROLL), None, True),
        (booking(State.ACTIVE, definition=None), None, False),
        (booking(State.PRE_ROLL), definition(), True),
        (booking(State.PRE_ROLL), definition(actions={}), False),
    ],
)
def test_a_change_of_resources_needs_a_run_only_where_devices_are_configured(held, made_of, needed):
    assert needs_run(held, made_of) is needed


@pytest.mark.parametrize(("service", "target"), [(START, START), (STOP, STOP), (FAILED, START)])
def test_what_is_put_in_on_the_air_is_brought_to_the_state_as_it_is(service, target):
    change = boundary(Kind.CHANGE, trigger=None)
    held = a_list(State.ACTIVE, service)
    assert decide_external(change, held, None, config(), NOON, None) == Run(FREE_LIST, target, service)


def test_values_of_a_state_lie_on_top_of_the_profile_s_up_and_of_the_defaults_down():
    values, defaults = {"rate": 8, "input": "SDI"}, {"rate": 0, "input": "none"}
    states = {"start": {"rate": 9}, "Stop": {"input": "bars"}}
    assert values_in(START, values, states, defaults) == {"rate": 9, "input": "SDI"}
    assert values_in(STOP, values, states, defaults) == {"rate": 0, "input": "bars"}
    assert values_in("STANDBY", values, states, defaults) == values


@pytest.mark.parametrize(("event", "before"), list(product(STANDARD, (STOP, START, FAILED))))
def test_whatever_state_it_is_in_no_event_of_it_is_refused_by_a_table(event, before):
    states = {PRE: State.CONFIRMED, AIR: State.PRE_ROLL, POST: State.ACTIVE, END: State.POST_ROLL}
    due = boundary(event)
    assert not isinstance(decide(due, a_list(states[event], before), None, config(), due.due_us), Refusal)
