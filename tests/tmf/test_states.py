# SPDX-License-Identifier: Apache-2.0
"""The words of the TM Forum: every state of ours has one, and every one of theirs is found again."""

from __future__ import annotations

from itertools import product

import pytest

from preroll.domain.order import OrderKind, OrderPhase, OrderState
from preroll.domain.service_instance import Provisioned
from preroll.tmf.states import ACTIONS, ORDER_STATES, SERVICE_STATES, WORDS, natives, order_state, service_state

# TMF641 v4.1, ServiceOrderStateType
PUBLISHED = {
    "acknowledged", "rejected", "pending", "held", "inProgress", "cancelled", "completed", "failed", "partial",
    "assessingCancellation", "pendingCancellation",
}  # fmt: skip


def test_every_state_has_a_published_word_and_every_published_word_can_be_asked_for():
    assert set(ORDER_STATES) == set(OrderState)
    assert set(ACTIONS) == set(OrderKind)
    assert WORDS == PUBLISHED
    for state, phase, canceling in product(OrderState, [None, *OrderPhase], [False, True]):
        for items in ([], [OrderState.COMPLETED, OrderState.FAILED_DEPLOY]):
            word = order_state(state, phase, items, canceling=canceling)
            assert state in natives(word), (state, phase, canceling, word)
    assert natives("deferred") == frozenset()


@pytest.mark.parametrize(
    ("state", "phase", "canceling", "word"),
    [
        (OrderState.IN_PROGRESS, OrderPhase.APPLYING, False, "inProgress"),
        (OrderState.IN_PROGRESS, OrderPhase.AWAITING_OPERATOR, False, "pending"),
        (OrderState.IN_PROGRESS, OrderPhase.INTERRUPTED, False, "held"),
        (OrderState.IN_PROGRESS, OrderPhase.APPLYING, True, "assessingCancellation"),
        (OrderState.IN_PROGRESS, OrderPhase.ROLLING_BACK, True, "pendingCancellation"),
        (OrderState.SCHEDULED, None, False, "acknowledged"),
        (OrderState.INVALID, None, False, "rejected"),
    ],
)
def test_how_far_an_order_is_decides_its_word(state, phase, canceling, word):
    assert order_state(state, phase, canceling=canceling) == word


def test_a_failed_order_of_which_a_part_was_done_is_partial():
    ends = [OrderState.COMPLETED, OrderState.FAILED_DEPLOY]
    assert order_state(OrderState.FAILED_DEPLOY, None, ends) == "partial"
    assert order_state(OrderState.COMPLETED, None, [OrderState.COMPLETED]) == "completed"


@pytest.mark.parametrize(
    ("state", "runs", "word"),
    [
        (Provisioned.DEPLOYED, "START", "active"),
        (Provisioned.DEPLOYED, "STANDBY", "inactive"),
        (Provisioned.FAIL_DEPLOY, "START", "active"),
        (Provisioned.DECOMMISSIONED, "", "terminated"),
    ],
)
def test_a_service_is_active_inactive_or_terminated(state, runs, word):
    assert service_state(state, runs) == word
    assert state in SERVICE_STATES[word].states
