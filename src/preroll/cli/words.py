# SPDX-License-Identifier: Apache-2.0
"""Words of the command line: times, lengths of time and pairs, read into what the API takes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from preroll.cli.exits import USAGE, Failure
from preroll.domain.lengths import seconds_of

A_TIME = "a time with its zone (2026-03-01T18:00:00Z), now, now+90s, or +10m"
A_LENGTH = "a length such as 90s, 5m, 1h30m, 300 (seconds) or PT5M"

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_RELATIVE = re.compile(r"(?:now)?(?:([+-])(.+))?", re.ASCII)


def moment(text: str, option: str, now: datetime | None = None) -> str:
    """A time in ISO 8601, in UTC; ``now`` is the next whole second."""
    wrong = Failure(USAGE, f"{option}: {text!r} is no time", f"expected {A_TIME}")
    relative = _RELATIVE.fullmatch(text)
    if text and relative:
        whole = _next_second(now or datetime.now(UTC))
        away = timedelta(seconds=seconds(relative[2], option)) if relative[2] else timedelta(0)
        found = whole - away if relative[1] == "-" else whole + away
    else:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise wrong from None
    if found.tzinfo is None:
        local = found.astimezone()
        raise Failure(USAGE, f"{option}: {text} has no time zone", f"your zone would make it {local.isoformat()}")
    if found.microsecond:
        raise Failure(USAGE, f"{option}: {text} is finer than a second", "expected whole seconds")
    return found.astimezone(UTC).isoformat().replace("+00:00", "Z")


def clock(text: str, zone: str, after: datetime, option: str) -> str:
    """``21:30`` as the first such time after an instant, on the clocks of a zone; other words as ``moment`` reads them.

    Raises:
        Failure: at that date, the clocks of the zone show this time twice or never.
    """
    shown = _CLOCK.fullmatch(text)
    if shown is None:
        return moment(text, option)
    local = after.astimezone(ZoneInfo(zone))
    found = local.replace(hour=int(shown[1]), minute=int(shown[2]), second=int(shown[3] or 0), microsecond=0, fold=0)
    if found <= local:
        found += timedelta(days=1)
    once, again = found.utcoffset(), found.replace(fold=1).utcoffset()
    if once != again:
        often = "twice" if once and again and once > again else "never"
        raise Failure(
            USAGE, f"{option}: on {found:%Y-%m-%d} the clocks of {zone} show {text} {often}", f"expected {A_TIME}"
        )
    return found.astimezone(UTC).isoformat().replace("+00:00", "Z")


def seconds(text: str, option: str) -> int:
    """A length of time in seconds."""
    found = seconds_of(text)
    if found is None:
        raise Failure(USAGE, f"{option}: {text!r} is no length of time", f"expected {A_LENGTH}")
    return found


def pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    """``name=value`` words; a name may stand once."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise Failure(USAGE, f"{option}: {text!r} is no pair", "expected NAME=VALUE")
        if name in found:
            raise Failure(USAGE, f"{option}: {name} stands twice", "expected each name once")
        found[name] = value
    return found


def values(texts: Sequence[str], option: str) -> dict[str, Any]:
    """``name=value`` words whose values are numbers, true, false, null or other JSON, and text otherwise."""
    return {name: _value(text) for name, text in pairs(texts, option).items()}


def node_values(texts: Sequence[str], option: str) -> dict[str, dict[str, Any]]:
    """``label.parameter=value`` words: node label -> parameter -> value."""
    found: dict[str, dict[str, Any]] = {}
    for where, what in values(texts, option).items():
        label, _, parameter = where.rpartition(".")
        found.setdefault(label, {})[parameter] = what
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _next_second(now: datetime) -> datetime:
    whole = now.replace(microsecond=0)
    return whole if whole == now else whole + timedelta(seconds=1)
