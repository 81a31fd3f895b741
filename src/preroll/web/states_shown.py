# SPDX-License-Identifier: Apache-2.0
"""How the states of orders and services look: each like the life cycle state that means nearly the same to people.

So they follow the colours that a platform chose, and need no second set of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from preroll.domain.booking import State
from preroll.domain.order import OrderState
from preroll.domain.service_instance import Provisioned

# fmt: off
ALIKE: Mapping[str, State] = {state.value: state for state in State} | {
    OrderState.REQUESTED:         State.PARTIAL,
    OrderState.SCHEDULED:         State.CONFIRMED,
    OrderState.IN_PROGRESS:       State.PRE_ROLL,
    OrderState.INVALID:           State.QUARANTINED,
    OrderState.FAILED_DEPLOY:     State.FAILED,
    Provisioned.NONE:             State.PARTIAL,
    Provisioned.DEPLOYED:         State.ACTIVE,
    Provisioned.FAIL_DEPLOY:      State.FAILED_ACTIVE,
    Provisioned.DECOMMISSIONED:   State.COMPLETED,
}
# fmt: on
"""A state of a booking, an order or a service -> the life cycle state that it looks like."""


def slug(state: str) -> str:
    """A state as the name of a class: ``failed-service-active``."""
    return state.lower().replace(" ", "-")
