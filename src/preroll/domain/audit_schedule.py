# SPDX-License-Identifier: Apache-2.0
"""When the services that orders make are audited by themselves: so long after the last time, or by the week's calendar.

A calendar is a text: ``daily 03:00``, ``mon,thu 03:00; sat 12:30``, by the clock on the wall of the platform's zone. A
time that a change of the clocks skips or repeats is that of RFC 5545, 3.3.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from preroll.domain.availability import WEEKDAYS
from preroll.domain.errors import Mistake
from preroll.domain.lengths import length_said
from preroll.domain.window import DAY, MINUTE, SECOND

SHORTEST, LONGEST = MINUTE, 366 * DAY
DAILY = "daily"
A_CALENDAR = "such as daily 03:00, or mon,thu 03:00; sat 12:30"
_ENTRY = re.compile(r"(?P<days>[a-z, ]+?)\s+(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)")


@dataclass(frozen=True, slots=True)
class AuditSchedule:
    """Both may be given: then whichever comes first."""

    every_us: int | None = None
    """So long after the audit before began; None: not by interval."""
    weekly: str = ""
    """By this calendar; empty: by none."""

    def __bool__(self) -> bool:
        return self.every_us is not None or bool(self.weekly.strip())

    def __str__(self) -> str:
        every = [] if self.every_us is None else [f"every {length_said(self.every_us)}"]
        return "; ".join([*every, *([self.weekly.strip()] if self.weekly.strip() else [])])

    def mistakes(self, where: str) -> list[Mistake]:
        """Everything wrong with it."""
        found = []
        if self.every_us is not None and not SHORTEST <= self.every_us <= LONGEST:
            found.append(Mistake(f"{where}.every", f"is {self.every_us / SECOND:g} s", "a minute to 366 days, or null"))
        unread = [entry for entry in self._entries() if _times_of(entry) is None]
        return found + [Mistake(f"{where}.weekly", f"says {entry!r}", A_CALENDAR) for entry in unread]

    def next_us(self, last_us: int, now_us: int, zone: str) -> int:
        """The instant of the next audit, not before now; only of a schedule that plans some.

        Args:
            last_us: when the last one began.
            zone: IANA name, of the platform.
        """
        instants = [max(last_us + self.every_us, now_us)] if self.every_us is not None else []
        times = sorted({found for entry in self._entries() for found in _times_of(entry) or ()})
        return min([*instants, *_ahead(times, now_us, ZoneInfo(zone))])

    def _entries(self) -> Iterator[str]:
        return (entry.strip() for entry in self.weekly.casefold().split(";") if entry.strip())


def _times_of(entry: str) -> list[tuple[int, time]] | None:
    """(weekday, wall clock) of one entry; None: it cannot be read."""
    said = _ENTRY.fullmatch(entry)
    days = [day.strip() for day in said["days"].split(",")] if said else []
    if said is None or any(day not in (*WEEKDAYS, DAILY) for day in days):
        return None
    at = time(int(said["hour"]), int(said["minute"]))
    return [(number, at) for number, day in enumerate(WEEKDAYS) if day in days or DAILY in days]


def _ahead(times: list[tuple[int, time]], now_us: int, zone: ZoneInfo) -> Iterator[int]:
    """The instants of a calendar after now, of the next eight days."""
    today = datetime.fromtimestamp(now_us // SECOND, UTC).astimezone(zone).date()
    for ahead in range(9):
        day = today + timedelta(days=ahead)
        for weekday, at in times:
            instant = int(datetime.combine(day, at, zone).timestamp()) * SECOND
            if weekday == day.weekday() and instant > now_us:
                yield instant
