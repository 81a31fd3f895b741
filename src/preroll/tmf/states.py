# SPDX-License-Identifier: Apache-2.0
"""States and actions in the words of the TM Forum: one table each, and what they do not list is not said.

TMF641 v4.1 ``ServiceOrderStateType`` and ``OrderItemActionType``, TMF638 v4.0 ``ServiceStateType``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from preroll.domain.order import OrderKind, OrderPhase, OrderState
from preroll.domain.service import START
from preroll.domain.service_instance import EXISTS, Provisioned
from preroll.ports.orders import ServiceFilter

_S, _P, _K = OrderState, OrderPhase, OrderKind
# fmt: off
ORDER_STATES: Mapping[OrderState, str] = {
    _S.REQUESTED:     "acknowledged",
    _S.SCHEDULED:     "acknowledged",
    _S.IN_PROGRESS:   "inProgress",
    _S.COMPLETED:     "completed",
    _S.INVALID:       "rejected",
    _S.FAILED_DEPLOY: "failed",
    _S.CANCELED:      "cancelled",
}
PHASES: Mapping[OrderPhase, str] = {
    _P.AWAITING_OPERATOR: "pending",
    _P.INTERRUPTED:       "held",
}
"""Of an order In Progress; in every other phase it is ``inProgress``."""
ACTIONS: Mapping[OrderKind, str] = {
    _K.PROVISION:     "add",
    _K.MODIFY:        "modify",
    _K.DECOMMISSION:  "delete",
    _K.REDEPLOY:      "modify",
    _K.ACTIVATE:      "modify",
    _K.DEACTIVATE:    "modify",
    _K.VALIDATE:      "noChange",
}
SERVICE_STATES: Mapping[str, ServiceFilter] = {
    "active":     ServiceFilter(states=EXISTS, runs=START),
    "inactive":   ServiceFilter(states=EXISTS, idle=START),
    "terminated": ServiceFilter(states=frozenset({Provisioned.DECOMMISSIONED})),
}
# fmt: on
"""Which services are in one of their states."""
CANCELLATIONS: Mapping[OrderState, str] = dict.fromkeys(OrderState, "done") | {
    _S.FAILED_DEPLOY: "terminatedWithError",
}
"""What has become of the cancellation of an order by the state that it is in, unless it is just being undone; ``done``
says that the cancellation is over, and the order whether it was canceled (TMF641 v4.1, ``completionMessage``)."""
PARTIAL, ASSESSING, UNDOING = "partial", "assessingCancellation", "pendingCancellation"
WORDS = frozenset({*ORDER_STATES.values(), *PHASES.values(), PARTIAL, ASSESSING, UNDOING})
"""Every state that an order can be in here."""


def order_state(
    state: OrderState, phase: OrderPhase | None = None, items: Collection[OrderState] = (), *, canceling: bool = False
) -> str:
    """The state of an order.

    Args:
        phase: how far one In Progress is.
        items: where its items are.
        canceling: it was canceled while it was In Progress.
    """
    if state is OrderState.IN_PROGRESS:
        if canceling:
            return UNDOING if phase is OrderPhase.ROLLING_BACK else ASSESSING
        return PHASES.get(phase, ORDER_STATES[state]) if phase else ORDER_STATES[state]
    mixed = state is OrderState.FAILED_DEPLOY and OrderState.COMPLETED in items
    return PARTIAL if mixed else ORDER_STATES[state]


def natives(word: str) -> frozenset[OrderState]:
    """The native states in which an order can be in one of theirs; empty: there is no such state."""
    found = {state for state, told in ORDER_STATES.items() if told == word}
    if word in {*PHASES.values(), ASSESSING, UNDOING}:
        found.add(OrderState.IN_PROGRESS)
    if word == PARTIAL:
        found.add(OrderState.FAILED_DEPLOY)
    return frozenset(found)


def service_state(state: Provisioned, runs: str) -> str:
    """The state of a service that is made, and runs so."""
    if state is Provisioned.DECOMMISSIONED:
        return "terminated"
    return "active" if runs == START else "inactive"
