# SPDX-License-Identifier: Apache-2.0
"""What a due boundary asks for (decide), and what its end does to the booking (advance)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.booking import FAILED_EVENT, LIFE_CYCLE, State, Trigger, entering
from preroll.domain.boundaries import (
    BOUNDARY,
    EVENTS,
    STANDARD,
    BoundaryState,
    BoundaryTrigger,
    Decision,
    Direction,
    Kind,
    Nothing,
    Reason,
    Refusal,
    Run,
    advance,
    orchestrates,
)
from preroll.domain.config import Limits
from preroll.domain.decisions import decide
from preroll.domain.errors import TransitionNotAllowed
from preroll.domain.machine import Outcome
from preroll.domain.service import FAILED, PAUSE, STANDBY, START, STOP, ServiceStates, Stage, StageMapping
from preroll.domain.window import MINUTE, SECOND
from tests.builders import ACTIONS, NOON, booking, boundary, config, definition, timing

PRE, AIR, POST, END = STANDARD
END_OF_AIR = NOON + 60 * MINUTE

BEFORE = {
    PRE: (State.CONFIRMED, STOP),
    AIR: (State.PRE_ROLL, STANDBY),
    POST: (State.ACTIVE, START),
    END: (State.POST_ROLL, PAUSE),
}
"""Where a booking stands when an event is due and all went well so far."""


def standing(kind: Kind, **changes):
    state, service = BEFORE[kind]
    return booking(**{"state": state, "service_state": service, "began": kind is not PRE} | changes)


SHIPPED, CONTRIBUTION = config(), definition()


def asked(kind: Kind, *, it=None, using=CONTRIBUTION, settings=SHIPPED, at=None, **facts) -> Decision:
    due = boundary(kind)
    return decide(due, it or standing(kind), using, settings, due.due_us if at is None else at, **facts)


# ── the four events ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "run"),
    [
        (PRE, Run("warm-up", STANDBY, STOP)),
        (AIR, Run("on-air", START, STANDBY)),
        (POST, Run("wind-down", PAUSE, START)),
        (END, Run("reset", STOP, PAUSE)),
    ],
)
def test_an_event_runs_the_action_of_the_state_that_its_stage_maps_to(kind, run):
    assert asked(kind) == run


def test_the_events_have_the_seeds_names_and_directions():
    assert [(e.ordinal, e.name, e.direction) for e in map(EVENTS.__getitem__, STANDARD)] == [
        (1, "START_BOOKING_WITH_PREROLL", Direction.UP),
        (2, "START", Direction.UP),
        (3, "STOP", Direction.DOWN),
        (4, "STOP_BOOKING_WITH_POSTROLL", Direction.DOWN),
    ]


def test_an_event_after_a_failed_one_sees_the_previous_state_failed():
    assert asked(AIR, it=standing(AIR, state=State.FAILED_PRE_ROLL, service_state=FAILED)) == Run(
        "on-air", START, FAILED
    )


def test_staying_in_a_state_is_no_transition_and_its_action_runs():
    settings = config(states=ServiceStates(StageMapping(service_active=STANDBY), transitions=((STOP, STANDBY),)))
    assert asked(AIR, settings=settings) == Run("warm-up", STANDBY, STANDBY)


def test_actions_are_found_by_their_full_name_whatever_the_case():
    assert asked(PRE, using=definition(actions={"Standby": "warm-up"})) == Run("warm-up", STANDBY, STOP)
    assert isinstance(asked(PRE, using=definition(actions={"STANDBY 2": "warm-up"})), Refusal)


# ── nothing to run ───────────────────────────────────────────────────────────


def test_a_disabled_stage_runs_nothing_and_keeps_the_state():
    settings = config(states=ServiceStates(StageMapping(postroll=None)))
    assert asked(POST, settings=settings) == Nothing(None)
    after = advance(boundary(POST), standing(POST), settings, Nothing(None), Outcome.OK)
    assert (after.state, after.service_state) == (State.POST_ROLL, START)


def test_a_definition_without_actions_only_moves_the_states():
    assert asked(PRE, using=definition(actions={})) == Nothing(STANDBY)
    after = advance(boundary(PRE), standing(PRE), config(), Nothing(STANDBY), Outcome.OK)
    assert (after.state, after.service_state, after.boundary) == (State.PRE_ROLL, STANDBY, BoundaryState.DONE)


def test_a_free_list_of_resources_has_no_service_to_orchestrate():
    assert asked(PRE, using=None, it=standing(PRE, definition=None)) == Nothing(STANDBY)


# ── refused before anything runs ─────────────────────────────────────────────


@pytest.mark.parametrize("kind", STANDARD)
def test_a_transition_that_the_table_does_not_list_is_refused(kind):
    decision = asked(kind, settings=config(states=ServiceStates(transitions=())))
    assert isinstance(decision, Refusal)
    assert decision.reason is Reason.TRANSITION_NOT_ALLOWED
    assert f"{BEFORE[kind][1]} -> " in decision.message


@pytest.mark.parametrize("kind", STANDARD)
def test_a_state_without_an_action_is_refused_and_never_skipped(kind):
    decision = asked(kind, using=definition(actions={"OTHER": "other"}))
    assert isinstance(decision, Refusal)
    assert decision.reason is Reason.SCRIPT_MISSING
    assert "Contribution version 1 has no action for" in decision.message


@pytest.mark.parametrize("kind", STANDARD)
def test_an_action_whose_script_is_not_installed_is_refused(kind):
    decision = asked(kind, scripts=set())
    assert isinstance(decision, Refusal)
    assert decision.reason is Reason.SCRIPT_MISSING
    assert asked(kind, scripts=set(ACTIONS.values())) == asked(kind)


def test_the_first_event_looks_at_the_resources_and_at_the_name_and_later_ones_do_not():
    inactive, taken = asked(PRE, inactive=["Encoder 1", "Encoder 2"]), asked(PRE, name_taken_by="b-2")
    assert inactive == Refusal(Reason.RESOURCE_NOT_ACTIVE, "not available: Encoder 1, Encoder 2")
    assert isinstance(taken, Refusal)
    assert taken.reason is Reason.SERVICE_NAME_IN_USE
    for kind in (AIR, POST, END):
        assert isinstance(asked(kind, inactive=["Encoder 1"], name_taken_by="b-2"), Run)


# ── late ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [PRE, AIR])
def test_an_up_event_never_begins_at_or_after_the_on_air_end(kind):
    assert isinstance(asked(kind, at=END_OF_AIR - 1), Run)
    for at in (END_OF_AIR, END_OF_AIR + MINUTE):
        decision = asked(kind, at=at)
        assert isinstance(decision, Refusal)
        assert decision.reason is Reason.MISSED


@pytest.mark.parametrize("kind", [POST, END])
def test_a_down_event_runs_however_late(kind):
    assert isinstance(asked(kind, at=END_OF_AIR + 1_000_000 * MINUTE), Run)


def test_the_platforms_limit_is_about_the_first_event_alone():
    settings = config(limits=Limits(late_us=10 * SECOND))
    due = NOON - 5 * MINUTE
    assert isinstance(asked(PRE, settings=settings, at=due + 10 * SECOND), Run)
    decision = asked(PRE, settings=settings, at=due + 11 * SECOND)
    assert decision == Refusal(Reason.MISSED, "11 s late, the platform's limit is 10 s")
    assert isinstance(asked(AIR, settings=settings, at=NOON + MINUTE), Run)


def test_a_permanent_booking_is_never_too_late_by_its_end():
    forever = standing(PRE, timing=timing(end=None, post_roll=0))
    assert isinstance(asked(PRE, it=forever, at=NOON * 2), Run)


def test_a_retry_is_not_late_by_the_limit_but_by_the_on_air_end():
    settings, failed = (
        config(limits=Limits(late_us=SECOND)),
        standing(PRE, state=State.FAILED_PRE_ROLL, service_state=FAILED),
    )
    retry = boundary(PRE, try_=1, trigger=Trigger.RETRY)
    assert decide(retry, failed, definition(), settings, NOON) == Run("warm-up", STANDBY, FAILED)
    assert isinstance(decide(retry, failed, definition(), settings, END_OF_AIR), Refusal)


# ── what the end of an event does ────────────────────────────────────────────

OK_STATES = {PRE: State.PRE_ROLL, AIR: State.ACTIVE, POST: State.POST_ROLL, END: State.COMPLETED}
FAILED_STATES = {
    PRE: State.FAILED_PRE_ROLL,
    AIR: State.FAILED_ACTIVE,
    POST: State.FAILED_POST_ROLL,
    END: State.FAILED_COMPLETED,
}


@pytest.mark.parametrize("kind", STANDARD)
def test_a_script_that_succeeds_brings_both_states_about(kind):
    run = asked(kind)
    after = advance(boundary(kind), standing(kind), config(start_failure_script="report"), run, Outcome.OK)
    assert (after.state, after.service_state) == (OK_STATES[kind], run.target)
    assert (after.boundary, after.trigger) == (BoundaryState.DONE, EVENTS[kind].trigger)
    assert after.ended == (kind is END)
    assert not any((after.drops, after.not_reset, after.start_failure, after.abandons_retry))


@pytest.mark.parametrize("kind", STANDARD)
def test_a_script_that_fails_sets_failed_and_the_failed_state_of_its_event(kind):
    after = advance(boundary(kind), standing(kind), config(start_failure_script="report"), asked(kind), Outcome.FAILED)
    assert (after.state, after.service_state, after.boundary) == (FAILED_STATES[kind], FAILED, BoundaryState.FAILED)
    assert after.start_failure
    assert not after.drops, "later events still fire"
    assert (after.ended, after.not_reset) == (kind is END, kind is END)


@pytest.mark.parametrize("kind", STANDARD)
def test_the_life_cycle_goes_on_from_a_failed_state_as_from_a_good_one(kind):
    if kind is PRE:
        return
    failed = FAILED_STATES[STANDARD[STANDARD.index(kind) - 1]]
    it = standing(kind, state=failed, service_state=FAILED)
    after = advance(boundary(kind), it, config(), asked(kind, it=it), Outcome.OK)
    assert (after.state, after.not_reset) == (OK_STATES[kind], False)


@pytest.mark.parametrize("reason", Reason)
def test_a_refusal_of_the_very_first_event_means_that_it_could_not_be_initiated(reason):
    refusal = Refusal(reason, "because")
    after = advance(boundary(PRE), standing(PRE), config(start_failure_script="report"), refusal, Outcome.FAILED)
    assert (after.state, after.service_state, after.trigger) == (State.FAILED, FAILED, Trigger.CANNOT_INITIATE)
    assert after.ended
    assert after.drops
    assert after.start_failure
    assert not after.not_reset, "no device was touched"


@pytest.mark.parametrize("kind", [AIR, POST, END])
def test_a_refusal_later_on_is_the_failure_of_that_event(kind):
    after = advance(boundary(kind), standing(kind), config(), Refusal(Reason.SCRIPT_MISSING, "x"), Outcome.FAILED)
    assert (after.state, after.service_state, after.drops) == (FAILED_STATES[kind], FAILED, False)


def test_a_refusal_is_a_failure_even_when_the_outcome_says_ok():
    after = advance(boundary(AIR), standing(AIR), config(), Refusal(Reason.MISSED, "late"), Outcome.OK)
    assert after.state is State.FAILED_ACTIVE


@pytest.mark.parametrize("state", [State.PRE_ROLL, State.FAILED_PRE_ROLL])
def test_a_finish_in_pre_roll_goes_straight_to_the_end(state):
    it, abort = standing(AIR, state=state), boundary(END, trigger=Trigger.FINISH)
    run = decide(abort, it, definition(), config(), NOON - MINUTE)
    assert run == Run("reset", STOP, STANDBY)
    after = advance(abort, it, config(), run, Outcome.OK)
    assert (after.state, after.service_state, after.ended) == (State.COMPLETED, STOP, True)
    failed = advance(abort, it, config(), run, Outcome.FAILED)
    assert (failed.state, failed.not_reset) == (State.FAILED_COMPLETED, True)


def test_a_state_that_the_platform_does_not_know_runs_and_returns_to_the_previous_one():
    run = Run("calibrate", "CALIBRATE", START)
    after = advance(
        boundary(POST), standing(POST), config(), run, Outcome.OK, known_states={STOP, STANDBY, START, PAUSE}
    )
    assert after.service_state == START


def test_the_start_failure_script_runs_only_where_the_platform_has_one_and_wants_it():
    def runs(kind, decision, **changes):
        return advance(boundary(kind), standing(kind), config(**changes), decision, Outcome.FAILED).start_failure

    refusal = Refusal(Reason.MISSED, "late")
    assert not runs(PRE, refusal)
    assert not runs(AIR, asked(AIR))
    only_failed = {"start_failure_script": "report", "start_failure_on_failed_events": False}
    assert runs(PRE, refusal, **only_failed)
    assert not runs(AIR, asked(AIR), **only_failed)


def test_the_start_failure_script_moves_nothing():
    for outcome in Outcome:
        it = booking(State.FAILED, service_state=FAILED)
        aside = boundary(Kind.START_FAILURE)
        run = decide(aside, it, definition(), config(start_failure_script="report"), NOON)
        assert run == Run("report", FAILED, FAILED)
        after = advance(aside, it, config(start_failure_script="report"), run, outcome)
        assert (after.state, after.service_state, after.trigger) == (State.FAILED, FAILED, None)
        assert not any((after.ended, after.drops, after.start_failure, after.abandons_retry))


# ── retries ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", STANDARD)
def test_a_retry_that_succeeds_repairs_the_state_and_one_that_fails_changes_nothing(kind):
    it = standing(kind, state=FAILED_STATES[kind], service_state=FAILED, not_reset=kind is END)
    retry = boundary(kind, try_=1, trigger=Trigger.RETRY)
    run = decide(retry, it, definition(), config(), NOON)
    assert isinstance(run, Run)
    good = advance(retry, it, config(), run, Outcome.OK)
    assert (good.state, good.service_state, good.not_reset) == (OK_STATES[kind], run.target, False)
    bad = advance(retry, it, config(), run, Outcome.FAILED)
    assert (bad.state, bad.service_state, bad.not_reset) == (it.state, FAILED, kind is END)


def test_a_retry_of_the_first_event_that_is_refused_leaves_the_booking_running():
    it = standing(PRE, state=State.FAILED_PRE_ROLL, service_state=FAILED)
    retry = boundary(PRE, try_=1, trigger=Trigger.RETRY)
    after = advance(retry, it, config(), Refusal(Reason.MISSED, "late"), Outcome.FAILED)
    assert (after.state, after.drops, after.ended) == (State.FAILED_PRE_ROLL, False, False)


def test_an_earlier_failed_event_that_is_mended_on_the_way_moves_nothing():
    it = standing(AIR, state=State.FAILED_ACTIVE, service_state=FAILED)
    mend = boundary(PRE, try_=1, trigger=None)
    good = advance(mend, it, config(), asked(PRE), Outcome.OK)
    assert (good.state, good.service_state, good.boundary) == (State.FAILED_ACTIVE, FAILED, BoundaryState.DONE)
    assert not good.abandons_retry


def test_when_the_earlier_event_fails_again_the_retry_behind_it_is_over():
    it = standing(AIR, state=State.FAILED_ACTIVE, service_state=FAILED)
    mend = boundary(PRE, try_=1, trigger=None)
    after = advance(mend, it, config(start_failure_script="report"), asked(PRE), Outcome.FAILED)
    assert (after.state, after.boundary, after.abandons_retry) == (State.FAILED_ACTIVE, BoundaryState.FAILED, True)
    assert not after.start_failure


# ── over whole lives ─────────────────────────────────────────────────────────


@given(
    st.lists(st.sampled_from(Outcome), min_size=4, max_size=4), st.lists(st.integers(0, 7_200), min_size=4, max_size=4)
)
def test_whatever_fails_and_however_late_a_booking_that_begins_always_ends(outcomes, delays):
    it, settings = booking(), config()
    for kind, outcome, delay in zip(STANDARD, outcomes, delays, strict=True):
        due = boundary(kind)
        decision = decide(due, it, definition(), settings, due.due_us + delay * SECOND)
        after = advance(due, it, settings, decision, outcome)
        assert after.service_state == FAILED or isinstance(decision, Run)
        it = replace(it, state=after.state, service_state=after.service_state, began=True)
        if after.drops:
            assert kind is PRE
            break
    assert it.state in {State.COMPLETED, State.FAILED_COMPLETED, State.FAILED}
    assert (it.state is State.COMPLETED) == (it.state is not State.FAILED and outcomes[-1] is Outcome.OK)


@given(st.sampled_from(State), st.sampled_from(STANDARD), st.sampled_from(Outcome))
def test_no_event_moves_a_booking_where_the_life_cycle_does_not(state, kind, outcome):
    it = booking(state, service_state=FAILED)
    legal = LIFE_CYCLE.may(state, EVENTS[kind].trigger)
    try:
        after = advance(boundary(kind), it, config(), Run("x", STOP, FAILED), outcome)
    except TransitionNotAllowed:
        assert not legal
    else:
        assert after.state == LIFE_CYCLE.fire(state, EVENTS[kind].trigger, outcome)


# ── a boundary's own life ────────────────────────────────────────────────────


def test_what_has_begun_is_never_claimed_from_an_end_and_never_dropped():
    over = (BoundaryState.DONE, BoundaryState.FAILED, BoundaryState.DROPPED)
    assert not any(BOUNDARY.may(state, BoundaryTrigger.CLAIM) for state in over)
    assert not any(BOUNDARY.may(state, BoundaryTrigger.DROP) for state in (BoundaryState.RUNNING, *over))


def test_a_takeover_is_a_claim_of_what_runs():
    assert BOUNDARY.fire(BoundaryState.RUNNING, BoundaryTrigger.CLAIM) is BoundaryState.RUNNING


def test_while_it_is_under_way_a_booking_shows_what_it_is_entering():
    assert entering(boundary(PRE).trigger, standing(PRE)) == "Pre-roll"
    assert entering(boundary(END).trigger, standing(END)) == "Completed"
    assert entering(boundary(Kind.START_FAILURE).trigger, booking(State.FAILED)) == ""


def test_boundaries_fire_from_confirmed_to_the_end_and_in_no_other_state():
    firing = {state for state in State if orchestrates(state)}
    assert firing == {State.CONFIRMED, *OK_STATES.values(), *FAILED_STATES.values()} - {
        State.COMPLETED, State.FAILED_COMPLETED,
    }  # fmt: skip
    assert set(FAILED_STATES.values()) == FAILED_EVENT


def test_every_stage_but_the_initial_one_has_its_event():
    assert [EVENTS[kind].stage for kind in STANDARD] == [stage for stage in Stage if stage is not Stage.INITIAL]
