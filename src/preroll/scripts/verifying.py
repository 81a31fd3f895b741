# SPDX-License-Identifier: Apache-2.0
"""The checks of a service in the deployment of an order, where its nodes are labelled ``item/label``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from preroll.domain.audit import OnUnknown
from preroll.domain.order_content import LEAVING
from preroll.ports.scripts import Order, PartCheck
from preroll.scripts.course import RESERVE
from preroll.scripts.rounds import check_of
from preroll.scripts.steps import describe
from preroll.sdk import Audit, AuditState, Check, Driver, Scene

WINDOW = 120.0
"""Seconds after which devices take back what is not confirmed, at least."""
SLACK = 1.25


@dataclass(frozen=True, slots=True)
class Verification:
    """What a part is to pass before it is decided."""

    checks: Sequence[Check]
    within: float
    """Seconds in which a check may be looked at again."""

    @property
    def window(self) -> float:
        """Seconds for all of them, and for what is done besides."""
        return max(WINDOW, SLACK * self.within * len(self.checks) / (1 - RESERVE))


def verification_of(order: Order, asked: Sequence[PartCheck], kinds: Mapping[str, str]) -> Verification:
    """The checks of a part.

    Args:
        kinds: kind of check -> ``module:attribute`` of its class.
    """
    within = max((one.spec.within_us / 1e6 for one in asked), default=0.0)
    return Verification([_scoped(order, one, kinds) for one in asked], within)


def _scoped(order: Order, asked: PartCheck, kinds: Mapping[str, str]) -> Check:
    prefix = f"{asked.item}/"
    equipment = tuple(
        replace(e, label=e.label.removeprefix(prefix)) for e in order.equipment
        if e.label.startswith(prefix) and not e.label.endswith(LEAVING)
    )  # fmt: skip
    alone = replace(order, booking=asked.booking, equipment=equipment)
    open_ = asked.spec.unknown is OnUnknown.PENDING
    return _Scoped(check_of(asked.spec, alone, kinds), prefix, tuple(e.label for e in equipment), open_)


@dataclass(frozen=True, slots=True)
class _Scoped:
    """A check that sees the nodes of its own service alone, by their own labels."""

    check: Check
    prefix: str
    labels: tuple[str, ...]
    may_stay_open: bool
    """What cannot be looked at does not fail the deployment."""

    @property
    def what(self) -> str:
        return self.check.what

    async def look(self, scene: Scene | None = None, /) -> Audit:
        """Look once."""
        try:
            audit = await self.check.look(None if scene is None else _Part(scene, self.prefix, self.labels))
        except Exception as error:  # noqa: BLE001 - drivers and checks are author code: what they raise is no verdict
            audit = Audit(AuditState.UNKNOWN, message=describe(error), what=self.what)
        if audit.state is AuditState.UNKNOWN and self.may_stay_open:
            return replace(audit, state=AuditState.UP, message=f"left open: {audit.message}")
        return audit


@dataclass(frozen=True, slots=True)
class _Part:
    """The scene of one service."""

    scene: Scene
    prefix: str
    labels: tuple[str, ...]

    def nodes(self) -> tuple[str, ...]:
        return self.labels

    def applied(self, label: str) -> Mapping[str, object]:
        return self.scene.applied(f"{self.prefix}{label}")

    def driver(self, label: str) -> AbstractAsyncContextManager[Driver]:
        return self.scene.driver(f"{self.prefix}{label}")
