# SPDX-License-Identifier: Apache-2.0
"""Is the device as we left it? What it is configured to be now, against the values that were last applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from preroll.audits.parameters import Parameters, Share, Text
from preroll.domain.errors import Mistake
from preroll.sdk import Audit, AuditState, DeviceError, Driver, GiveUp, Mismatch, Scene, Tolerance


@dataclass(frozen=True)
class Config(Parameters):
    """Reads devices through their drivers and compares; changes nothing.

    Up when every value is as it was left; Down with the differences; Unknown when a device cannot be read, or nothing
    was applied to it for this booking.
    """

    kind: ClassVar = "config"
    node: Text = ""
    """Label of the node; empty: every node of the booking to which something was applied."""
    values: Mapping[str, object] = field(default_factory=dict)
    """What is expected, by the driver's paths; empty: the values last applied for this booking."""
    ignore: Sequence[str] = ()
    """Paths that may differ."""
    only: Sequence[str] = ()
    """What paths begin with under which nothing else may be on the device: what is there besides is *extra*."""
    tolerance: Share = 0.0
    """By what part of it a number may differ."""

    def contradictions(self) -> list[Mistake]:
        """Values belong to one device."""
        alone = bool(self.values) and not self.node
        return [Mistake("node", "is missing", "the label of the node that has the values")] if alone else []

    @property
    def what(self) -> str:
        return f"config of {self.node or 'all nodes'}"

    async def look(self, scene: Scene | None = None, /) -> Audit:
        """Read once."""
        if scene is None:
            return self._unknown("a device can be read only in a run")
        wanted = self._wanted(scene)
        if not wanted:
            return self._unknown(f"nothing was applied to {self.node or 'any node'} for this booking")
        differences: dict[str, list[Mismatch]] = {}
        unread: dict[str, str] = {}
        for label, values in wanted.items():
            try:
                async with scene.driver(label) as driver:
                    found = await driver.verify(values, tolerance=Tolerance(relative=self.tolerance))
                    extra = await self._extra(driver, values)
            except (DeviceError, GiveUp) as error:
                unread[label] = str(error)
            else:
                differences[label] = [*found, *extra]
        return self._audit(wanted, differences, unread)

    async def _extra(self, driver: Driver, wanted: Mapping[str, object]) -> list[Mismatch]:
        """What the device has under these paths that nobody has given it."""
        if not self.only:
            return []
        there = await driver.read()
        known = {*wanted, *self.ignore}
        return [
            Mismatch(path, None, value)
            for path, value in sorted(there.items())
            if path not in known and value is not None and path.startswith(tuple(self.only))
        ]

    def _wanted(self, scene: Scene) -> dict[str, dict[str, object]]:
        labels = [self.node] if self.node else list(scene.nodes())
        expected = {label: self.values or scene.applied(label) for label in labels}
        kept = {
            label: {path: value for path, value in values.items() if path not in self.ignore}
            for label, values in expected.items()
        }
        return {label: values for label, values in kept.items() if values}

    def _audit(
        self, wanted: Mapping[str, Mapping[str, object]], found: Mapping[str, list[Mismatch]], unread: Mapping[str, str]
    ) -> Audit:
        count = sum(map(len, wanted.values()))
        expected = f"{count} values as they were left on {', '.join(wanted)}"
        evidence: dict[str, object] = {
            "values": count,
            "differences": [
                {"node": label, "path": m.path, "expected": m.expected, "found": m.found}
                for label, mismatches in found.items()
                for m in mismatches
            ],
        }
        wrong = [f"{label}: {m}" for label, mismatches in found.items() for m in mismatches]
        blind = [f"{label} cannot be read: {why}" for label, why in unread.items()]
        if unread:
            evidence["unread"] = dict(unread)
        state = AuditState.DOWN if wrong else AuditState.UNKNOWN if blind else AuditState.UP
        told = "; ".join(wrong + blind)
        return Audit(state, evidence, told, self.what, expected, told or "no difference")

    def _unknown(self, why: str) -> Audit:
        return Audit(AuditState.UNKNOWN, {}, why, self.what, "values as they were left")
