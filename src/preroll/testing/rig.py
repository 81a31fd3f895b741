# SPDX-License-Identifier: Apache-2.0
"""A device on the bench, as the conformance suite needs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar

from preroll.sdk import Driver


class Rig(ABC):
    """A device on the bench."""

    faults: ClassVar[frozenset[str]] = frozenset()
    """What ``break_`` can do: ``refuses``, ``busy``, ``auth``, ``lies``, ``late`` (does it, the answer is lost),
    ``hangs``, ``vanishes``, ``garbage``."""
    initial: Mapping[str, object]
    """Values that the device has at first."""
    first: Mapping[str, object]
    """Values of the same paths, at least two, all different from the initial ones."""
    second: Mapping[str, object]
    """Values of the same paths, all different from both."""
    window: float = 60.0
    """Seconds in which what is pending has to be confirmed in the tests; for a device whose time is real, few, but more
    than a slow machine may stand still."""
    invalid: tuple[str, object] | None = None
    """A path, and a value that the device cannot take; None: it takes anything."""

    @abstractmethod
    def driver(self) -> Driver:
        """A new driver of the device, not open yet.

        Its time-out has to be long enough for a device that answers, on a slow machine too. ``break_`` may make it
        short for a fault in which no answer comes, and ``mend`` long again.
        """

    @abstractmethod
    async def tamper(self, values: Mapping[str, object]) -> None:
        """Change values behind the driver's back."""

    async def break_(self, fault: str) -> None:
        """Give the device a fault of ``faults`` until it is mended."""
        raise NotImplementedError(fault)

    async def mend(self) -> None:
        """Take the fault away."""
        raise NotImplementedError

    async def pass_time(self, seconds: float) -> None:
        """Let the device's time pass. Needed for ``schedule`` and ``confirmed-commit``."""
        raise NotImplementedError(f"{seconds} s")

    def now(self) -> datetime:
        """The device's time."""
        return datetime.now(UTC)

    async def count_applied(self) -> int | None:
        """How many changes took effect so far; None: the device does not tell."""
        return None
