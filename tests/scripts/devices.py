# SPDX-License-Identifier: Apache-2.0
"""A device in a file: every apply is a line, so that a test sees what was done, by which host, how often."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from preroll.sdk import Applied, Change, InvalidValue, Mismatch, Plan, RefusedByDevice, TimedOut, Tolerance, Unreachable


class FileDevice:
    """Address: ``file``; faults: ``lies`` {path: value}, ``refuses``, ``hangs``, ``away`` (how many opens fail)."""

    caps: frozenset[str] = frozenset()

    def __init__(self, name: str, address: Mapping[str, object]) -> None:
        if "file" not in address:
            raise InvalidValue("file", "is missing", device=name)
        self.name, self.address = name, address
        self.file = Path(str(address["file"]))

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []

    def note(self, **line: object) -> None:
        with self.file.open("a") as file:
            file.write(json.dumps(line) + "\n")

    async def open(self) -> None:
        self.note(what="open")
        opens = sum(line["what"] == "open" for line in self.lines())
        if opens <= int(str(self.address.get("away", 0))):
            raise Unreachable(f"{self.name}: connection refused")

    async def close(self) -> None:
        self.note(what="close")

    async def alive(self) -> bool:
        return True

    def values(self) -> dict[str, object]:
        values: dict[str, object] = {}
        for line in self.lines():
            if line["what"] == "apply":
                values.update(line["values"])  # type: ignore[call-overload]
        return values

    async def read(self, paths: Sequence[str] | None = None) -> Mapping[str, object]:
        lies = self.address.get("lies") or {}
        values = self.values()
        values.update({k: v for k, v in lies.items() if k in values})  # type: ignore[attr-defined]
        return {k: v for k, v in values.items() if paths is None or k in paths}

    async def plan(self, desired: Mapping[str, object]) -> Plan:
        values = await self.read()
        return Plan(tuple(Change(p, values.get(p), v) for p, v in desired.items() if values.get(p) != v))

    async def apply(
        self, plan: Plan, *, revert_in: float | None = None, at: datetime | None = None, key: str = ""
    ) -> Applied:
        if self.address.get("refuses"):
            raise RefusedByDevice(f"{self.name}: 409 Conflict")
        if self.address.get("hangs"):
            await asyncio.Event().wait()
        self.note(what="apply", key=key, values={c.path: c.new for c in plan.changes})
        if self.address.get("silent"):
            raise TimedOut("no answer", maybe_applied=True)
        return Applied(plan)

    async def verify(self, desired: Mapping[str, object], *, tolerance: Tolerance | None = None) -> list[Mismatch]:
        found = await self.read()
        return [Mismatch(p, v, found.get(p)) for p, v in desired.items() if found.get(p) != v]

    async def confirm(self, applied: Applied) -> None: ...

    async def rollback(self, applied: Applied) -> None: ...
