# SPDX-License-Identifier: Apache-2.0
"""What can be done with a booking in which state, held against the contract's sentences written out a second time."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from preroll.domain.actions import ACTIONS, possible_actions, require_action, require_owner, why_not, why_not_owned
from preroll.domain.booking import Phase, State
from preroll.domain.errors import ActionNotPossible, TransitionNotAllowed
from tests.actions import CONTRACT
from tests.builders import booking


@pytest.mark.parametrize("state", State)
def test_the_actions_that_a_state_admits(state):
    assert possible_actions(replace(booking(state), hidden=True)) == ()
    assert set(possible_actions(booking(state))) == set(CONTRACT[state].split())


@pytest.mark.parametrize(("state", "action"), list(product(State, ACTIONS)), ids=str)
def test_what_is_offered_is_not_refused_and_what_is_not_is_refused_with_a_reason(state, action):
    it = booking(state)
    if action in CONTRACT[state].split():
        assert why_not(it, action) == ""
        require_action(it, action)
        return
    assert state in why_not(it, action) or it.phase in why_not(it, action)
    with pytest.raises((ActionNotPossible, TransitionNotAllowed)) as refused:
        require_action(it, action)
    assert refused.value.hint


@pytest.mark.parametrize("action", ["confirm", "hold", "cancel", "start-now"])
def test_from_the_claim_of_the_first_event_on_nothing_takes_a_booking_back(action):
    claimed = booking(State.CONFIRMED, began=True, entering=State.PRE_ROLL.value)
    assert claimed.phase is Phase.RUNNING
    with pytest.raises(ActionNotPossible, match="entering Pre-roll"):
        require_action(claimed, action)


def test_who_would_cancel_a_running_booking_is_told_to_finish_it():
    with pytest.raises(ActionNotPossible) as refused:
        require_action(booking(State.ACTIVE), "cancel")
    assert refused.value.hint == "finish it instead"


def test_a_phase_that_admits_the_action_still_asks_the_life_cycle():
    with pytest.raises(TransitionNotAllowed):
        require_action(booking(State.ACTIVE), "retry")


def test_what_is_not_reset_is_not_deleted():
    it = booking(State.FAILED_COMPLETED, not_reset=True)
    with pytest.raises(ActionNotPossible, match="not reset"):
        require_action(it, "delete")
    require_action(replace(it, not_reset=False), "delete")


# fmt: off
OWNERSHIP = [
    # locks  owner   action        by       refused with
    (False,  "",     "edit",       "anna",  ""),
    (False,  "bert", "edit",       "anna",  ""),
    (True,   "anna", "edit",       "anna",  ""),
    (True,   "bert", "edit",       "anna",  "bert has it"),
    (True,   "",     "edit",       "anna",  "nobody has it"),
    (True,   "bert", "duplicate",  "anna",  ""),
    (True,   "bert", "audit",      "anna",  ""),
    (True,   "",     "take",       "anna",  ""),
    (True,   "bert", "take",       "anna",  "bert has it"),
    (True,   "anna", "release",    "anna",  ""),
    (True,   "bert", "release",    "anna",  "bert has it"),
    (True,   "",     "release",    "anna",  "nobody has it"),
    (True,   "bert", "force-take", "anna",  ""),
    (True,   "",     "force-take", "anna",  "nobody has it"),
    (False,  "",     "take",       "anna",  "does not lock"),
    (False,  "anna", "release",    "anna",  "does not lock"),
    (False,  "bert", "force-take", "anna",  "does not lock"),
]
# fmt: on


@pytest.mark.parametrize(("locks", "owner", "action", "name", "reason"), OWNERSHIP)
def test_where_a_platform_locks_bookings_only_their_owner_changes_them(locks, owner, action, name, reason):
    it = booking(State.PARTIAL, owner=owner)
    if not reason:
        require_owner(it, action, name, locks=locks)
        assert why_not_owned(it.owner, action, locks=locks) == ""
        return
    with pytest.raises(ActionNotPossible, match=reason) as refused:
        require_owner(it, action, name, locks=locks)
    assert refused.value.hint
