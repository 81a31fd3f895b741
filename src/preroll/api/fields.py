# SPDX-License-Identifier: Apache-2.0
"""The types of the API's fields: instants, lengths, names and free JSON, each with what it refuses and why."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from preroll.domain.lengths import microseconds_of, seconds_of
from preroll.domain.window import DAY, SECOND

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AN_INSTANT = "a time with its zone, in whole seconds, such as 2026-03-01T18:00:00Z or 2026-03-01T19:00:00+01:00"
A_LENGTH = "whole seconds such as 300, or a length with its units such as 90s, 1h30m or PT5M"

_INSTANT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[Tt ](?P<minute>\d\d:\d\d)(?P<second>:\d\d)?(?:[.,](?P<part>\d+))?"
    r"(?P<zone>[Zz]|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_UNCLEAN = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_BREAKS = str.maketrans("\n\r\t", "   ")
_DEEPEST, _MOST, _LARGEST = 32, 10_000, 2**53


class Given(BaseModel):
    """What a client sends: unknown fields and values of another type are refused, never guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Queried(BaseModel):
    """What a client asks for in the query: unknown names are refused, so that a slip does not widen a list."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shown(BaseModel):
    """What the API answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def when(instant_us: int) -> datetime:
    """An instant of the domain, in microseconds of UTC, as a time that is written with ``Z``."""
    return EPOCH + timedelta(microseconds=instant_us)


def maybe_when(instant_us: int | None) -> datetime | None:
    """The same, where there may be none."""
    return None if instant_us is None else when(instant_us)


def instant_us(value: object) -> int:
    """A zone-aware time in whole seconds as microseconds of UTC.

    Raises:
        PydanticCustomError: it is no time, has no zone, or is finer than a second.
    """
    found = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise _wrong("instant", "is no ISO 8601 time", AN_INSTANT)
    if found["zone"] is None:
        raise _wrong("instant", "has no time zone", AN_INSTANT)
    if found["part"] and int(found["part"]):
        raise _wrong("instant", "is finer than a second", AN_INSTANT)
    zone = "+00:00" if found["zone"] in "Zz" else found["zone"]
    try:
        moment = datetime.fromisoformat(f"{found['day']}T{found['minute']}{found['second'] or ':00'}{zone}")
    except ValueError:
        raise _wrong("instant", "is no time of the calendar", AN_INSTANT) from None
    if not 1970 < moment.year < 9998:
        raise _wrong("instant", "is out of range", "a year from 1971 to 9997")
    return (moment - EPOCH) // timedelta(microseconds=1)


def length_us(value: object) -> int:
    """Whole seconds, or a length as people write it, as microseconds."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST // SECOND:
        return value * SECOND
    found = seconds_of(value, bare=False) if isinstance(value, str) else None
    if found is None:
        raise _wrong("length", "is no length of time", A_LENGTH)
    return found * SECOND


def span_us(value: object) -> int:
    """The same with parts of a second allowed, from 0 to 7 days, as microseconds."""
    if isinstance(value, float) and abs(value) < _LARGEST // SECOND:
        return _short(round(value * SECOND))
    found = microseconds_of(value, bare=False) if isinstance(value, str) else None
    return _short(length_us(value) if found is None else found)


def _short(length: int) -> int:
    if not 0 <= length <= 7 * DAY:
        raise _wrong("length", "is out of range", "0 s to 604800 s (7 days)")
    return length


def _clean(text: str) -> str:
    if not text.isprintable() and _UNCLEAN.search(text):
        raise _wrong("text", "has a control character or half of a surrogate pair", "printable text")
    return text


def _named(text: str) -> str:
    if not text.strip():
        raise _wrong("text", "is empty", "at least one letter")
    return _clean(text)


def _prose(text: str) -> str:
    if not text.isprintable():
        _clean(text.translate(_BREAKS))
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _wrong("zone", f"is {name[:60]!r}", "an IANA time zone such as Europe/Brussels") from None
    return name


def _plain(value: object) -> object:
    """JSON that every store keeps unchanged: finite numbers, clean text, bounded in depth and size."""
    left, count = [(value, 0)], 0
    while left:
        item, depth = left.pop()
        count += 1
        if depth > _DEEPEST or count > _MOST:
            raise _wrong("json", "is too large", f"at most {_DEEPEST} levels and {_MOST} values")
        match item:
            case str():
                _prose(item)
            case bool() | None:
                pass
            case int() | float():
                if not math.isfinite(item) or (isinstance(item, int) and abs(item) > _LARGEST):
                    raise _wrong("json", "has a number that cannot be kept exactly", "a number within +-2^53")
            case dict():
                left += [(part, depth + 1) for pair in item.items() for part in pair]
            case list():
                left += [(part, depth + 1) for part in item]
    return value


def _wrong(kind: str, what: str, expected: str) -> PydanticCustomError:
    return PydanticCustomError(kind, "{what}", {"what": what, "expected": expected})


Instant = Annotated[
    int,
    PlainValidator(instant_us),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$",
            "description": "ISO 8601 with a zone, whole seconds",
            "examples": ["2026-03-01T18:00:00Z"],
        }
    ),
]
"""In: a zone-aware time. In Python: microseconds of UTC."""

Length = Annotated[
    int,
    PlainValidator(length_us),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^(P(\d+D)?(T\d+[HMS])?|\d+[dhms])$"},
            ],
            "description": "seconds, or a length with its units: `90s`, `1h30m`, an ISO 8601 duration",
            "examples": [300, "5m", "PT5M"],
        }
    ),
]
"""In: seconds, or a length with its units. In Python: microseconds."""

Span = Annotated[
    int,
    PlainValidator(span_us),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": 604800}, {"type": "string"}]}),
]
"""In: seconds, also parts of one, or a length with its units. In Python: microseconds."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_named)]
Word = Annotated[str, StringConstraints(max_length=200), AfterValidator(_clean)]
Overlaid = Annotated[
    Word,
    Field(
        description="id or name of a permanent service: its nodes have these values from start to end, then their own "
        "again; nodes are named without resources"
    ),
]
Prose = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_prose)]
Zone = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_clean), AfterValidator(_zone)]
Json = Annotated[object, AfterValidator(_plain)]
JsonObject = Annotated[dict[Name, object], Field(max_length=1000), AfterValidator(_plain)]
