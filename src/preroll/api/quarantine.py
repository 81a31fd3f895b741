# SPDX-License-Identifier: Apache-2.0
"""What a booking lost in conflicts, as the API shows it."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from preroll.api.fields import Shown, maybe_when, when
from preroll.api.problems import ClashProblem, clash_shown
from preroll.app.quarantine import Lot
from preroll.domain.booking import State
from preroll.domain.quarantine import Loss
from preroll.domain.window import FOREVER


class RivalShown(Shown):
    """A booking that has what another one lost."""

    id: str
    name: str


class LossShown(Shown):
    """What a booking lost of one dimension of a resource."""

    resource: str
    dimension: str = Field(description="empty: its place among those that hold the resource at once")
    amount: float
    start: datetime
    end: datetime | None
    type: str = Field(description="of conflict", examples=["CapacityOverflow"])
    reason: str = Field(examples=["ReservationInstanceUpdated"])
    why: str = Field(description="empty when it is a matter of amounts")
    rivals: list[RivalShown]
    at: datetime
    held: bool = Field(description="it runs: it keeps this, and is in conflict")


class QuarantineShown(Shown):
    """What a booking lost in conflicts, or what it holds in conflict while it runs."""

    was: State = Field(description="what it was before; it becomes that again when it leaves")
    can_leave: bool = Field(description="nothing is in the way any more")
    lost: list[LossShown]
    clashes: list[ClashProblem] = Field(description="what is in the way now")


def quarantine_shown(lot: Lot | None) -> QuarantineShown | None:
    """What a booking lost, and whether that must still be so."""
    if lot is None:
        return None
    return QuarantineShown(
        was=lot.was, can_leave=not lot.in_the_way, lost=[_loss(loss) for loss in lot.losses],
        clashes=[clash_shown(clash) for clash in lot.in_the_way],
    )  # fmt: skip


def _loss(loss: Loss) -> LossShown:
    return LossShown(
        resource=loss.resource_name, dimension=loss.dimension, amount=loss.shown, start=when(loss.start),
        end=maybe_when(None if loss.end >= FOREVER else loss.end), type=loss.kind, reason=loss.reason, why=loss.why,
        rivals=[RivalShown(id=rival.id, name=rival.name) for rival in loss.rivals], at=when(loss.at_us),
        held=loss.held,
    )  # fmt: skip
