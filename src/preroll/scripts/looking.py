# SPDX-License-Identifier: Apache-2.0
"""One audit of a run: a step that is looked at until it is Up, and whose evidence stays whatever it finds."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from preroll.ports.scripts import Equipment, Order
from preroll.scripts.loading import Kit
from preroll.scripts.steps import AuthorError, Step, as_json, clean
from preroll.sdk import Audit, AuditFailed, AuditState, Check, Driver, GiveUp, Logger, WhenDown, watch

MOST_EVIDENCE = 64_000
"""Bytes of one audit's evidence."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is asked."""

    check: Check
    within: float
    """Seconds."""
    down: WhenDown
    step: str
    limit: float = math.inf
    """Seconds that the step may take."""


class Scenery:
    """The Scene of one run: devices to read, and what was last applied to them."""

    def __init__(self, order: Order, kit: Kit, applied: Sequence[tuple[str, Mapping[str, object]]] = ()) -> None:
        self._order, self._kit, self._applied = order, kit, applied

    def nodes(self) -> tuple[str, ...]:
        """Labels of the booking's nodes that have a resource."""
        return tuple(e.label for e in self._order.equipment)

    def applied(self, label: str) -> Mapping[str, object]:
        """What earlier runs applied, with what this one has on top."""
        equipment = self._equipment(label)
        values = dict(equipment.applied)
        for ident, newer in self._applied:
            if ident == equipment.id:
                values.update(newer)
        return values

    def driver(self, label: str) -> AbstractAsyncContextManager[Driver]:
        """A node's driver, open, for one user."""
        return self._kit.devices.use(self._equipment(label))

    def _equipment(self, label: str) -> Equipment:
        found = next((e for e in self._order.equipment if e.label == label), None)
        if found is None:
            raise GiveUp(f"no node is labelled {label!r} (the booking's nodes: {', '.join(self.nodes()) or 'none'})")
        return found


async def look(kit: Kit, log: Logger, scene: Scenery, asked: Look) -> Audit:
    """Make the audit as a step of the run.

    Raises:
        AuditFailed: it is not Up, and that is to fail the step.
        AuthorError: the window does not fit into the step.
    """
    if not 0 <= asked.within < asked.limit:
        raise AuthorError(f"{asked.step}: within={asked.within:g} s is not below the step's {asked.limit:g} s")
    loop = asyncio.get_running_loop()
    kept: dict[str, Any] = {}

    async def do(_: str) -> object:
        audit = await watch(asked.check, scene, within=asked.within, now=loop.time, pause=kit.steps.pause)
        kept.update(_bounded(audit))
        tell = log.info if audit.state is AuditState.UP else log.warning
        tell(str(audit), audit=asked.step, **kept)
        if audit.state is not AuditState.UP and asked.down is WhenDown.FAIL:
            raise AuditFailed(audit)
        return kept

    step = Step(asked.step, do, repeatable=True, evidence=lambda: kept or None)
    return audit_of(cast("Mapping[str, Any]", await kit.steps.take(step)))


def _bounded(audit: Audit) -> dict[str, Any]:
    """The audit as it is kept: JSON, and of a size.

    Raises:
        AuthorError: the evidence is no JSON.
    """
    document = cast("dict[str, Any]", as_json(audit.document(), "the evidence of an audit"))
    size = len(msgspec.json.encode(document["evidence"]))
    if size > MOST_EVIDENCE:
        document["evidence"] = {"left out": f"{size} bytes, at most {MOST_EVIDENCE} are kept"}
    return document | {key: clean(document[key]) for key in ("what", "expected", "found", "message")}


def audit_of(document: Mapping[str, Any]) -> Audit:
    """The audit that stands in the journal."""
    return Audit(**{**document, "state": AuditState(document["state"])})
