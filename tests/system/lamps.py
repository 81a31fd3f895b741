# SPDX-License-Identifier: Apache-2.0
"""A check that answers as a test has told it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from preroll.domain.errors import Invalid, Mistake
from preroll.sdk import Audit, AuditState, Scene

LIT: dict[str, Callable[[], AuditState]] = {}
"""Name of a lamp -> what is seen when somebody looks."""
LOOKS: list[str] = []


@dataclass(frozen=True)
class Lamp:
    """Looks at a lamp."""

    name: str
    takes: float = 0.0

    @classmethod
    def of(cls, parameters: Mapping[str, Any], /) -> Lamp:
        if set(parameters) - {"name", "takes"}:
            raise Invalid([Mistake("colour", "is no parameter")])
        return cls(**parameters)

    @property
    def what(self) -> str:
        return f"lamp {self.name}"

    async def look(self, scene: Scene | None = None, /) -> Audit:
        LOOKS.append(self.name)
        await asyncio.sleep(self.takes)
        state = LIT.get(self.name, lambda: AuditState.DOWN)()
        return Audit(state, {"seen": self.name}, "" if state is AuditState.UP else "it is dark", self.what, "light")
