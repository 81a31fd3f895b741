# SPDX-License-Identifier: Apache-2.0
"""The checks of services that a deployment makes before it is decided, while the devices may still go back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from preroll.app.ordering import Target
from preroll.domain.audit import BEFORE_COMMIT
from preroll.domain.config import Platform
from preroll.domain.order import OrderKind, Together
from preroll.domain.ordered import Order
from preroll.domain.service import START
from preroll.ports.scripts import BookingView, DeploymentPart, PartCheck

CHECKED = frozenset({OrderKind.PROVISION, OrderKind.MODIFY, OrderKind.REDEPLOY, OrderKind.ACTIVATE})
"""After which kinds is the service to be up?"""


def with_checks(
    order: Order, parts: Sequence[DeploymentPart], found: Sequence[Target], home: Platform
) -> tuple[DeploymentPart, ...]:  # fmt: skip
    """The parts with the checks that are made of their services before they are decided.

    Those whose ``after`` names VERIFY, of every item whose service is to run.
    """
    checks = [check for one in found for check in _of_item(order, one, home)]
    whole = order.together is Together.ATOMIC
    return tuple(replace(part, checks=tuple(c for c in checks if whole or c.item == part.name)) for part in parts)


def _of_item(order: Order, one: Target, home: Platform) -> list[PartCheck]:
    up = home.config.service_states.mapping.service_active or START
    if one.item.kind not in CHECKED or one.runs.casefold() != up.casefold():
        return []
    view = BookingView(
        one.item.service, one.name, home.name, order.due_us or 0, None, 0, 0, "", one.definition.name,
        one.definition.version, one.properties,
    )  # fmt: skip
    return [PartCheck(one.item.name, spec, view) for spec in one.definition.audits if BEFORE_COMMIT in spec.after]
