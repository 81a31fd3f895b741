# SPDX-License-Identifier: Apache-2.0
"""Why an order or a service needs somebody, the most urgent first, and what to do about it: two tables.

The pages of orders and services, the home page, ``GET /api/v1/night`` and ``preroll night`` tell it by these rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from preroll.domain.concern import Remedy
from preroll.domain.order import HoldReason, OrderPhase, OrderState
from preroll.domain.ordered import Order
from preroll.domain.service_instance import Provisioned


class OrderConcern(StrEnum):
    """Why an order, or the service that it left behind, needs somebody."""

    AWAITS_OPERATOR = "awaits_operator"
    SERVICE_FAILED = "service_failed"
    FAILED_DEPLOY = "failed_deploy"
    INVALID = "invalid"
    ON_HOLD = "on_hold"
    UNAPPROVED = "unapproved"
    MISSED = "missed"


C, H = OrderConcern, HoldReason
# fmt: off
ORDER_CONCERNS: Mapping[OrderConcern, Remedy] = {
    # concern            what is the matter                what to do about it, and by which actions
    C.AWAITS_OPERATOR:  Remedy("Waits for an operator",    "look at the devices that it asks about, and answer what they have, or give it up",         ("answer",)),
    C.SERVICE_FAILED:   Remedy("Service failed to deploy", "redeploy it as it should be or as it was last good, or decommission it",                   ("redeploy", "decommission")),
    C.FAILED_DEPLOY:    Remedy("Failed to deploy",         "mend the device or its connection, then retry it; what is left on devices is listed",      ("retry", "cancel")),
    C.INVALID:          Remedy("Invalid",                  "edit it: what it says cannot be; no device was touched",                                   ("edit", "cancel")),
    C.ON_HOLD:          Remedy("On hold",                  "",                                                                                         ("approve", "reschedule", "unschedule", "cancel")),
    C.UNAPPROVED:       Remedy("Not approved",             "a second person looks at its plan and approves it before its time",                        ("approve", "unschedule")),
    C.MISSED:           Remedy("Missed its window",        "clone it and give the clone a new time, if it is still wanted",                            ("clone",)),
}
HOLDS: Mapping[HoldReason, tuple[str, str]] = {
    # reason         what keeps it                                          what to do about it
    H.LOCK:         ("another order works on its service",                  "wait until that one has ended, or cancel one of the two"),
    H.APPROVAL:     ("nobody but who ordered it has approved it",           "have a second person look at its plan and approve it"),
    H.BLACKOUT:     ("a resource is in maintenance, or hands off",          "make the resource available again, or reschedule the order"),
    H.CAPACITY:     ("it lost what it held to somebody stronger",           "reschedule it, or unschedule it and give it other resources"),
    H.DEPENDENCY:   ("a service that it depends on is not deployed",        "deploy that service first"),
    H.PLAN:         ("its plan is another one than the one that was seen",  "look at the new plan and approve it, or cancel the order"),
}
# fmt: on
MISSED = "not begun by its latest start"
"""Why an order is Canceled that has missed its window."""


def order_concern(order: Order, *, unapproved: bool, phase: OrderPhase | None = None) -> OrderConcern | None:
    """Why an order needs somebody; None: it does not.

    Args:
        unapproved: its platform asks for a second person, and none has approved it.
        phase: how far one In Progress is.
    """
    if phase is OrderPhase.AWAITING_OPERATOR:
        return C.AWAITS_OPERATOR
    if order.hold is not None:
        return C.ON_HOLD
    if order.state is OrderState.SCHEDULED and unapproved:
        return C.UNAPPROVED
    if order.state is OrderState.CANCELED and order.why == MISSED:
        return C.MISSED
    return {OrderState.FAILED_DEPLOY: C.FAILED_DEPLOY, OrderState.INVALID: C.INVALID}.get(order.state)


def service_concern(state: Provisioned) -> OrderConcern | None:
    """Why a service needs somebody; None: it does not."""
    return C.SERVICE_FAILED if state is Provisioned.FAIL_DEPLOY else None


def matter(order: Order, concern: OrderConcern) -> str:
    """What is the matter with an order, in words."""
    if concern is C.ON_HOLD and order.hold is not None:
        return HOLDS[order.hold][0]
    return order.why or ORDER_CONCERNS[concern].title.lower()


def remedy(order: Order, concern: OrderConcern) -> str:
    """What to do about it."""
    if concern is C.ON_HOLD and order.hold is not None:
        return HOLDS[order.hold][1]
    return ORDER_CONCERNS[concern].to_do
