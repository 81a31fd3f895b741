# SPDX-License-Identifier: Apache-2.0
"""Half-open windows of time, [start, end), in integer microseconds of UTC. No end is None."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from preroll.domain.values import dataclass

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 3_600 * SECOND
DAY = 86_400 * SECOND
FOREVER = 2**62
"""How *without end* is stored; in the domain it is None."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def written(instant: int) -> str:
    """An instant in the words of a refusal."""
    return f"{EPOCH + timedelta(microseconds=instant):%Y-%m-%d %H:%M:%S}Z"


@dataclass(frozen=True, slots=True)
class Window:
    """[start, end) in microseconds of UTC; ``end`` None means without end."""

    start: int
    end: int | None

    def __post_init__(self) -> None:
        if self.end is not None and self.end < self.start:
            raise ValueError(f"a window ends before it starts: {self.start} > {self.end}")

    @property
    def until(self) -> int:
        """The end as a number that compares: FOREVER for a window without end."""
        return FOREVER if self.end is None else self.end

    def contains(self, instant: int) -> bool:
        """Is the instant inside? The start is, the end is not."""
        return self.start <= instant < self.until

    def overlaps(self, other: Window) -> bool:
        """Do two windows share an instant? Windows that only touch do not."""
        return max(self.start, other.start) < min(self.until, other.until)


def joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Half-open spans in order and apart: those that touch are one, those without length are none."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif start < end:
            found.append((start, end))
    return found


def peak(usages: Iterable[tuple[int, int, int]], start: int, end: int) -> int:
    """The highest sum of the amounts of ``(start, end, amount)`` at any instant of [start, end).

    At one instant what ends gives way before what starts takes (half-open windows).
    """
    steps: list[tuple[int, int]] = []
    for begin, finish, amount in usages:
        if begin < end and start < finish:
            steps.append((max(begin, start), amount))
            steps.append((finish, -amount))
    level = highest = 0
    for _, amount in sorted(steps):
        level += amount
        highest = max(highest, level)
    return highest
