# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a simulated device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import cast


class FaultKind(StrEnum):
    """One way to fail, and what the caller gets."""

    REFUSES = "refuses"
    """Says no: RefusedByDevice."""
    BUSY = "busy"
    """Locked by somebody else: Busy."""
    LIES = "lies"
    """Says ok and does nothing; only the check set sees it."""
    HANGS = "hangs"
    """Never answers: TimedOut when the address has a ``timeout``, else it waits until it is cancelled."""
    SLOW = "slow"
    """Answers after ``seconds``; a change that times out arrives all the same, later."""
    VANISHES = "vanishes"
    """There is no connection: Unreachable."""
    GARBAGE = "garbage"
    """Answers nonsense: DeviceError."""
    LATE = "late"
    """Does it, and the answer is lost: TimedOut(maybe_applied)."""
    DIES = "dies"
    """Breaks off in the middle of a change: half of it is done (nothing with a candidate), then Unreachable."""


CALLS = frozenset({"open", "read", "plan", "apply", "verify", "confirm", "rollback"})
CHANGING = frozenset({"apply", "confirm", "rollback"})
_EVERYWHERE = {FaultKind.HANGS, FaultKind.SLOW, FaultKind.VANISHES, FaultKind.GARBAGE}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault as it is set: which calls it strikes, and how often."""

    kind: FaultKind
    on: frozenset[str] = frozenset()
    """Calls of the driver; empty: all for hangs, slow, vanishes and garbage, else those that change something."""
    times: int | None = None
    """It strikes so many calls, then all is well; None: until it is cleared."""
    seconds: float = 5.0
    """How slow."""

    @property
    def calls(self) -> frozenset[str]:
        """The calls that it strikes."""
        return self.on or (CALLS if self.kind in _EVERYWHERE else CHANGING)

    def json(self) -> dict[str, object]:
        """As it is written in ``faults.json``."""
        return {"kind": self.kind.value, "on": sorted(self.on), "times": self.times, "seconds": self.seconds}

    @classmethod
    def of(cls, row: Mapping[str, object]) -> Fault:
        """Read one row of ``faults.json``. Raises ValueError when the kind is not known."""
        on = frozenset(cast(Iterable[str], row.get("on") or ()))
        times, seconds = row.get("times"), row.get("seconds", 5.0)
        return cls(FaultKind(str(row["kind"])), on, cast("int | None", times), float(cast(float, seconds)))


def strike(faults: list[Fault], call: str) -> tuple[Fault | None, list[Fault]]:
    """The fault that a call meets (the first that fits), and the faults that are left."""
    for place, fault in enumerate(faults):
        if call in fault.calls:
            if fault.times is None:
                return fault, faults
            left = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
            return fault, [*faults[:place], *left, *faults[place + 1 :]]
    return None, faults
