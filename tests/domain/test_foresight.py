# SPDX-License-Identifier: Apache-2.0
"""Events that would fail with a platform's settings, seen before they happen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.booking import State
from preroll.domain.boundaries import EVENTS, STANDARD, Refusal
from preroll.domain.config import PlatformConfig
from preroll.domain.decisions import decide
from preroll.domain.definition import ServiceDefinition
from preroll.domain.foresight import Ahead, Standing, fails
from preroll.domain.service import DEFAULT_TRANSITIONS, ServiceStates, StageMapping
from tests.builders import booking, boundary

ACTIONS = dict.fromkeys(("START", "STOP", "STANDBY", "PAUSE"), "lso")


def standing(state: State = State.CONFIRMED, service: str = "STOP", *, entering: bool = False) -> Standing:
    return Standing(1, state, service, entering)


def test_with_the_shipped_settings_nothing_fails():
    assert fails(standing(), ServiceStates(), ACTIONS) is None


@pytest.mark.parametrize(
    ("gone", "event"),
    [
        (("STOP", "STANDBY"), "START_BOOKING_WITH_PREROLL"), (("STANDBY", "START"), "START"),
        (("START", "PAUSE"), "STOP"), (("PAUSE", "STOP"), "STOP_BOOKING_WITH_POSTROLL"),
    ],
)  # fmt: skip
def test_a_missing_row_fails_its_event(gone: tuple[str, str], event: str):
    states = ServiceStates(transitions=tuple(row for row in DEFAULT_TRANSITIONS if row != gone))
    assert fails(standing(), states, ACTIONS) == Ahead(event, f"{gone[0]} -> {gone[1]} is not allowed")


def test_a_missing_action_fails_its_event():
    actions = {name: script for name, script in ACTIONS.items() if name != "PAUSE"}
    assert fails(standing(), ServiceStates(), actions) == Ahead("STOP", "the definition has no action for PAUSE")
    assert fails(standing(), ServiceStates(StageMapping(postroll=None)), actions) is None


def test_what_is_over_or_under_way_does_not_fail_any_more():
    states = ServiceStates(transitions=tuple(row for row in DEFAULT_TRANSITIONS if row != ("STOP", "STANDBY")))
    assert fails(standing(entering=True), states, ACTIONS) is None
    assert fails(standing(State.PRE_ROLL, "STANDBY"), states, ACTIONS) is None


def test_without_actions_nothing_fails():
    assert fails(standing(), ServiceStates(transitions=()), {}) is None


STATES = st.sampled_from(("START", "STOP", "STANDBY", "PAUSE"))


@given(
    st.builds(StageMapping, *[st.none() | STATES] * 5),
    st.sets(st.tuples(STATES, STATES)),
    st.sets(STATES),
)
def test_it_says_what_the_events_will_say(mapping: StageMapping, rows: set[tuple[str, str]], known: set[str]):
    """Played event by event with the rule that the engine uses, the first refusal is the one that was foreseen."""
    states, service, refused = ServiceStates(mapping, tuple(sorted(rows))), "STOP", None
    actions = dict.fromkeys(sorted(known), "lso")
    definition, config = ServiceDefinition("x", actions=actions), PlatformConfig(states)
    for kind in STANDARD:
        made = booking(state=State.CONFIRMED, service_state=service)
        decision = decide(boundary(kind), made, definition, config, made.timing.held.start)
        if isinstance(decision, Refusal):
            refused = EVENTS[kind].name
            break
        service = mapping.state(EVENTS[kind].stage) or service
    found = fails(standing(), states, actions)
    assert (found.event if found else None) == refused


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (State.CONFIRMED, "START_BOOKING_WITH_PREROLL"), (State.PRE_ROLL, "START"),
        (State.FAILED_PRE_ROLL, "START"), (State.ACTIVE, "STOP"), (State.FAILED_ACTIVE, "STOP"),
        (State.POST_ROLL, "STOP_BOOKING_WITH_POSTROLL"), (State.FAILED_POST_ROLL, "STOP_BOOKING_WITH_POSTROLL"),
    ],
)  # fmt: skip
def test_the_events_ahead_follow_from_the_state(state: State, event: str):
    ahead = fails(standing(state, "NOWHERE"), ServiceStates(transitions=()), ACTIONS)
    assert ahead is not None
    assert ahead.event == event
