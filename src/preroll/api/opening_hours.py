# SPDX-License-Identifier: Apache-2.0
"""When a resource can be booked, as a part of its document: given, shown, and written back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from preroll.api.fields import Given, Instant, Name, Shown, Zone, maybe_when
from preroll.domain.availability import MINUTES, Availability, Hours, Period, Weekday

MOST = 1000
_CLOCK = re.compile(r"(?:([01]\d|2[0-3]):([0-5]\d)|24:00)", re.ASCII)


def _minutes(value: object) -> int:
    """A time on the wall in minutes.

    Raises:
        PydanticCustomError: it is none.
    """
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        told = {"what": f"is {str(value)[:20]!r}", "expected": "a time on the wall, 00:00 to 24:00"}
        raise PydanticCustomError("clock", "{what}", told)
    return int(found[1]) * 60 + int(found[2]) if found[1] else MINUTES


ClockTime = Annotated[
    int,
    PlainValidator(_minutes),
    WithJsonSchema({"type": "string", "pattern": r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$", "examples": ["08:00"]}),
]
"""In: ``08:00``. In Python: minutes of the day."""
Day = Annotated[Weekday, Field(strict=False)]


class PeriodGiven(Given):
    """From one instant until another; without one of them it has no such end."""

    from_: Instant | None = Field(default=None, alias="from")
    until: Instant | None = None

    def thing(self) -> Period:
        """As the domain has it."""
        return Period(self.from_, self.until)


class BlackoutGiven(Given):
    """A time in which it cannot be had, and why; without *until*: until further notice."""

    from_: Instant = Field(alias="from")
    until: Instant | None = None
    reason: Name = Field(examples=["new antenna"])

    def thing(self) -> Period:
        """As the domain has it."""
        return Period(self.from_, self.until, self.reason)


class HoursGiven(Given):
    """Hours of some days of the week; a *to* that is not after *from* is on the next day."""

    days: list[Day] = Field(min_length=1, max_length=7)
    from_: ClockTime = Field(alias="from")
    to: ClockTime

    def thing(self) -> Hours:
        """As the domain has it."""
        return Hours(tuple(self.days), self.from_, self.to)


class AvailabilityGiven(Given):
    """When a resource can be booked; where it says nothing, always."""

    windows: list[PeriodGiven] = Field(
        default=[], max_length=MOST, description="only within one of these; none: at any time"
    )
    weekly: list[HoursGiven] = Field(default=[], max_length=100, description="only then, every week; none: at any hour")
    zone: Zone | None = Field(default=None, description="of the weekly hours; null: the platform's")
    blackouts: list[BlackoutGiven] = Field(default=[], max_length=MOST, description="never then")
    days_ahead: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        default=None,
        description="how many days before its end a booking can be made; null: as far ahead as anybody wants",
    )

    def thing(self) -> Availability | None:
        """As the domain has it; None: always."""
        found = Availability(
            tuple(w.thing() for w in self.windows), tuple(h.thing() for h in self.weekly), self.zone or "",
            tuple(b.thing() for b in self.blackouts), self.days_ahead,
        )  # fmt: skip
        return None if found == Availability() else found


class PeriodShown(Shown):
    """From one instant until another."""

    from_: datetime | None = Field(serialization_alias="from")
    until: datetime | None


class BlackoutShown(PeriodShown):
    """A time in which it cannot be had, and why."""

    reason: str


class HoursShown(Shown):
    """Hours of some days of the week."""

    days: list[Weekday]
    from_: str = Field(serialization_alias="from")
    to: str


class AvailabilityShown(Shown):
    """When a resource can be booked."""

    windows: list[PeriodShown]
    weekly: list[HoursShown]
    zone: str | None
    blackouts: list[BlackoutShown]
    days_ahead: int | None


def opening_hours_shown(a: Availability | None) -> AvailabilityShown | None:
    """When a resource can be booked; None: always."""
    if a is None:
        return None
    return AvailabilityShown(
        windows=[PeriodShown(from_=maybe_when(w.start), until=maybe_when(w.end)) for w in a.windows],
        weekly=[HoursShown(days=list(h.days), from_=_clock(h.start), to=_clock(h.end)) for h in a.weekly],
        zone=a.zone or None,
        blackouts=[
            BlackoutShown(from_=maybe_when(b.start), until=maybe_when(b.end), reason=b.reason) for b in a.blackouts
        ],
        days_ahead=a.days_ahead,
    )  # fmt: skip


def lean(shown: Mapping[str, Any]) -> dict[str, Any]:
    """It as a bundle has it: what says nothing is left out."""
    parts = ("windows", "blackouts")
    short = {n: [_said(p) for p in value] if n in parts else value for n, value in shown.items()}
    return {name: value for name, value in short.items() if value not in ([], None)}


def _said(period: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in period.items() if value is not None}


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
