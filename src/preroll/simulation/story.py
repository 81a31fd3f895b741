# SPDX-License-Identifier: Apache-2.0
"""What happened, line by line: told when a rule is broken, and the proof that a seed plays the same days again."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEPT = 20_000


class Story:
    """Lines with their instants; ``about`` names the bookings or devices that a line concerns."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._lines: deque[tuple[str, frozenset[str]]] = deque(maxlen=_KEPT)
        self._digest = hashlib.sha256()
        self.counts: Counter[str] = Counter()

    def tell(self, kind: str, text: str, *about: str) -> None:
        """Add a line and count its kind."""
        at = EPOCH + timedelta(microseconds=self._now_us())
        line = f"{at:%m-%d %H:%M:%S.%f} {kind:<9} {text}"
        self._lines.append((line, frozenset(about)))
        self._digest.update(line.encode())
        self.counts[kind] += 1

    @property
    def digest(self) -> str:
        """Of all lines; equal for two plays of one seed."""
        return self._digest.hexdigest()[:16]

    def about(self, subject: str, lines: int = 60) -> list[str]:
        """The last lines that concern a subject, or concern everybody; all subjects when it is empty."""
        found = [line for line, about in self._lines if not subject or not about or subject in about]
        return found[-lines:]
