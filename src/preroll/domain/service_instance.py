# SPDX-License-Identifier: Apache-2.0
"""The service that an order makes: whether it exists, and what an order's end does to it.

Seed: "Service States"; transitions: facts, orders 4.3. How the service runs (START, STOP ...) is ``domain/service``,
whether it is up and as it was left is ``domain/audit``.
"""

from __future__ import annotations

from enum import StrEnum

from preroll.domain.machine import Machine, Outcome
from preroll.domain.order import OrderKind, OrderState


class Provisioned(StrEnum):
    """Does the service exist, and has its last change come about?"""

    NONE = "does not exist"
    DEPLOYED = "Deployed"
    FAIL_DEPLOY = "Fail Deploy"
    """A change of it failed: redeploy it or delete it."""
    DECOMMISSIONED = "Decommissioned"
    """It does not exist any more; its history stays."""


class ServiceTrigger(StrEnum):
    """What can happen to a service: an order of a kind has ended, or an operator decides."""

    PROVISION = "provision"
    MODIFY = "modify"
    RETRY = "retried modify"
    REDEPLOY = "redeploy"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    DECOMMISSION = "decommission"
    ABANDON = "abandon"
    ACCEPT = "accept actual"
    TAKE_OVER = "take over"


_S, _T = Provisioned, ServiceTrigger
# fmt: off
PROVISIONED: Machine[Provisioned, ServiceTrigger] = Machine("provisioned service", _S.NONE, (
    # from                               trigger            ok                   failed           guard; effect
    ({_S.NONE},                          _T.PROVISION,      _S.DEPLOYED,         _S.NONE,         "revision 1 is deployed, audits are pending; failed: it does not exist, the residue stays with the order"),
    ({_S.NONE},                          _T.TAKE_OVER,      _S.DEPLOYED,         None,            "it was found on devices; revision 1 is what they have"),
    ({_S.DEPLOYED},                      _T.MODIFY,         _S.DEPLOYED,         _S.FAIL_DEPLOY,  "its base is the deployed revision; a new one is deployed; failed: the old one stays the last good"),
    ({_S.FAIL_DEPLOY},                   _T.RETRY,          _S.DEPLOYED,         _S.FAIL_DEPLOY,  "only the order that failed on it; the desired revision is deployed"),
    ({_S.DEPLOYED, _S.FAIL_DEPLOY},      _T.REDEPLOY,       _S.DEPLOYED,         _S.FAIL_DEPLOY,  "the desired or the last good revision is deployed"),
    ({_S.DEPLOYED},                      _T.ACTIVATE,       _S.DEPLOYED,         _S.FAIL_DEPLOY,  "the platform's table allows it; failed: it runs as FAILED"),
    ({_S.DEPLOYED},                      _T.DEACTIVATE,     _S.DEPLOYED,         _S.FAIL_DEPLOY,  "the platform's table allows it; failed: it runs as FAILED"),
    ({_S.DEPLOYED, _S.FAIL_DEPLOY},      _T.DECOMMISSION,   _S.DECOMMISSIONED,   _S.FAIL_DEPLOY,  "no service depends on it; its resources are released, its name is free"),
    ({_S.FAIL_DEPLOY},                   _T.ABANDON,        _S.DECOMMISSIONED,   None,            "an operator, confirmed by name; no device is touched, what is left on them is listed"),
    ({_S.DEPLOYED, _S.FAIL_DEPLOY},      _T.ACCEPT,         _S.DEPLOYED,         None,            "a fresh configuration audit; what the devices have is a new revision"),
), states=Provisioned)
# fmt: on
EXISTS = frozenset({_S.DEPLOYED, _S.FAIL_DEPLOY})
"""In which states does the service exist?"""


def triggered(kind: OrderKind, state: Provisioned) -> ServiceTrigger | None:
    """The row that an order of this kind takes in this state; None: it has none."""
    if kind is OrderKind.VALIDATE:
        return None
    retried = kind is OrderKind.MODIFY and state is Provisioned.FAIL_DEPLOY
    trigger = ServiceTrigger.RETRY if retried else ServiceTrigger(kind.value)
    return trigger if PROVISIONED.may(state, trigger) else None


def admits(state: Provisioned, kind: OrderKind) -> bool:
    """May a new order of this kind be made for a service in this state? A failed modify is retried, not repeated."""
    if kind is OrderKind.VALIDATE:
        return state in EXISTS
    return PROVISIONED.may(state, ServiceTrigger(kind.value))


def possible_orders(state: Provisioned) -> tuple[OrderKind, ...]:
    """The kinds of orders that can be made for a service in this state."""
    return tuple(kind for kind in OrderKind if admits(state, kind))


def after_order(state: Provisioned, kind: OrderKind, ended: OrderState) -> Provisioned:
    """The service once an order on it has ended. Invalid and Canceled leave it as it was, an audit always does.

    Raises:
        TransitionNotAllowed: the table has no such row: the order should never have begun.
    """
    if kind is OrderKind.VALIDATE or ended not in (OrderState.COMPLETED, OrderState.FAILED_DEPLOY):
        return state
    trigger = triggered(kind, state) or ServiceTrigger(kind.value)
    return PROVISIONED.fire(state, trigger, Outcome.OK if ended is OrderState.COMPLETED else Outcome.FAILED)
