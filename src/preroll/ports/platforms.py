# SPDX-License-Identifier: Apache-2.0
"""What the middle asks of the store for platforms, their settings, and the history of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from preroll.domain.config import Platform


@dataclass(frozen=True, slots=True)
class Edition:
    """A version of a platform's settings: since when, who made it, and why."""

    platform: Platform
    at_us: int
    actor: str
    why: str


class Platforms(Protocol):
    """The platforms."""

    def get(self, name: str) -> Platform:
        """By name. Raises NotFound."""
        ...

    def by_key(self, key: int) -> Platform: ...
    def all(self) -> list[Platform]: ...
    def put(self, platform: Platform, *, seen: int | None = None, actor: str = "", why: str = "") -> Platform:
        """Insert or replace by name. What is changed gets the next version and is kept in the history.

        Args:
            seen: the version of the settings that the change was made from; None skips that guard.

        Raises:
            Stale: somebody else changed them in between.
        """
        ...

    def history(self, platform: Platform, before: int | None, limit: int) -> list[Edition]:
        """Versions of the settings before one, the newest first; None: from the one that holds now."""
        ...
