# SPDX-License-Identifier: Apache-2.0
"""Times as people type them: on the clocks of the station, which once a year skip an hour and once show one twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from preroll.domain.errors import Invalid, Mistake
from preroll.domain.lengths import seconds_of
from preroll.domain.window import EPOCH, SECOND

A_TIME = "a date and a time, such as 2026-03-01 18:00"
A_LENGTH = "A length with its unit, such as 90s, 5m or 1h30m; 0 for none"
TIMES = ("start", "end", "pre_roll", "post_roll")
"""The fields of a booking's times."""
WHICH = ("first", "second")
"""What says which of two times is meant that look the same."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A time as it stands in a form."""

    text: str = ""
    which: str = ""
    """One of WHICH, where the clocks show it twice."""

    @classmethod
    def of(cls, said: Mapping[str, str], name: str) -> Typed:
        """What a form says under a name."""
        return cls(said.get(name, "").strip(), said.get(f"{name}.which", ""))


def typed(us: int | None, zone: str) -> Typed:
    """An instant as a form shows it; None: nothing."""
    if us is None:
        return Typed()
    found = datetime.fromtimestamp(us // SECOND, ZoneInfo(zone))
    text = f"{found:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
    return Typed(text, WHICH[found.fold] if readings(text, zone) else "")


def readings(text: str, zone: str) -> tuple[str, ...]:
    """Both meanings of a time that the clocks of a zone show twice, in words; empty: it has one, or none."""
    local = _local(text, zone)
    if local is None or not _turned_back(local):
        return ()
    return tuple(f"the {which} time, {local.replace(fold=fold):%Z (UTC%z)}" for fold, which in enumerate(WHICH))


def instant(given: Typed, zone: str, where: str) -> int:
    """The instant that a typed time means, in microseconds of UTC.

    Raises:
        Invalid: it is no time, or at that date the clocks of the zone show it twice or never; with what would do.
    """
    local = _local(given.text, zone)
    if local is None:
        raise Invalid([Mistake(where, f"{given.text!r} is no time" if given.text else "is missing", A_TIME)])
    if _turned_back(local):
        if given.which not in WHICH:
            told = " or ".join(readings(given.text, zone))
            raise Invalid([Mistake(where, f"{_told(local)} comes twice on the clocks of {zone}", told)])
        local = local.replace(fold=WHICH.index(given.which))
    elif _skipped(local):
        around = sorted(f"{_back(local.replace(fold=fold)):%H:%M}" for fold in (0, 1))
        raise Invalid([Mistake(where, f"{_told(local)} is skipped by the clocks of {zone}", " or ".join(around))])
    return (local.astimezone(UTC) - EPOCH) // (EPOCH.resolution)


def length(text: str, where: str) -> int:
    """A typed length in microseconds; nothing is none.

    Raises:
        Invalid: it is none.
    """
    found = seconds_of(text, bare=False) if text else 0
    if found is None:
        raise Invalid([Mistake(where, f"{text!r} is no length of time", A_LENGTH)])
    return found * SECOND


def times(said: Mapping[str, str], zone: str) -> tuple[dict[str, Any], list[Mistake]]:
    """A booking's times as far as its fields say them, None where a time is empty; and what cannot be read."""
    given: dict[str, Any] = {}
    mistakes: list[Mistake] = []
    for name in TIMES:
        text, given[name] = said.get(name, "").strip(), None
        try:
            if name.endswith("roll"):
                given[name] = length(text, name)
            elif text:
                given[name] = instant(Typed.of(said, name), zone, name)
        except Invalid as found:
            mistakes += found.mistakes
    return given, mistakes


def _local(text: str, zone: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    sound = found.tzinfo is None and not found.microsecond and 1970 < found.year < 9998
    return found.replace(tzinfo=ZoneInfo(zone)) if sound and (" " in text or "T" in text) else None


def _offset(local: datetime, fold: int) -> float:
    found = local.replace(fold=fold).utcoffset()
    return found.total_seconds() if found else 0.0


def _turned_back(local: datetime) -> bool:
    return _offset(local, 0) > _offset(local, 1)


def _skipped(local: datetime) -> bool:
    return _offset(local, 0) < _offset(local, 1)


def _back(local: datetime) -> datetime:
    return local.astimezone(UTC).astimezone(local.tzinfo)


def _told(local: datetime) -> str:
    return f"{local:%H:%M} on {local:%a %d %b %Y}"
