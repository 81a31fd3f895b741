# SPDX-License-Identifier: Apache-2.0
"""Reads documents of the TM Forum: every mistake is collected, nothing is guessed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from preroll.domain.errors import Invalid, Mistake
from preroll.tmf.resources import Fate, Resource, Shape

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST, MOST = 10_000, 1_000
"""Characters of a text, and members of a list."""
DEEPEST, MEMBERS, LARGEST = 32, 100_000, 2**53
UNCLEAN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def parsed(body: bytes) -> Mapping[str, Any]:
    """The object in a body.

    Raises:
        Invalid: it is no JSON, or no object.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid([Mistake("body", f"cannot be read: {type(error).__name__}", "a JSON object")]) from None
    if not isinstance(found, dict):
        raise Invalid([Mistake("body", "is no object", "a JSON object")])
    if why := _unkept(found):
        raise Invalid([Mistake("body", why, "JSON that can be kept unchanged")])
    return found


def _unkept(document: object) -> str:
    """Why no store could keep a document unchanged; empty: it can."""
    left, count = [(document, 0)], 0
    while left:
        one, depth = left.pop()
        count += 1
        if depth > DEEPEST or count > MEMBERS:
            return f"has more than {DEEPEST} levels or {MEMBERS} members"
        match one:
            case str() if UNCLEAN.search(one):
                return "has a control character or half of a surrogate pair"
            case int() | float() if not math.isfinite(one) or abs(one) > LARGEST:
                return "has a number that cannot be kept exactly"
            case dict():
                left += [(part, depth + 1) for pair in one.items() for part in pair]
            case list():
                left += [(part, depth + 1) for part in one]
    return ""


def instant_us(value: object) -> int | None:
    """An RFC 3339 time as microseconds of UTC, in whole seconds; None: it is none."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00").replace("z", "+00:00"))
    except ValueError:
        return None
    if moment.tzinfo is None or not 1970 < moment.year < 9998:
        return None
    return (moment.replace(microsecond=0) - EPOCH) // timedelta(microseconds=1)


def written(instant_us: int) -> str:
    """An instant as RFC 3339, in UTC."""
    return (EPOCH + timedelta(microseconds=instant_us)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST


def _is_list(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MOST and all(isinstance(one, dict) for one in value)


FORMS: Mapping[Shape, Callable[[object], bool]] = {
    Shape.TEXT: _is_text,
    Shape.WHOLE: lambda value: isinstance(value, int) and not isinstance(value, bool),
    Shape.FLAG: lambda value: isinstance(value, bool),
    Shape.TIME: lambda value: instant_us(value) is not None,
    Shape.OBJECT: lambda value: isinstance(value, dict),
    Shape.OBJECTS: _is_list,
    Shape.ANY: lambda _: True,
}
"""Does a value that is not kept have the form of its attribute?"""


class Reader:
    """One object of a document, and the mistakes that are found in it.

    Args:
        said: the object.
        where: in the document.
        mistakes: what is found wrong is added to these.
    """

    def __init__(self, said: object, where: str, mistakes: list[Mistake]) -> None:
        self.where, self.mistakes = where, mistakes
        self.said: Mapping[str, Any] = said if isinstance(said, dict) else {}
        if not isinstance(said, dict):
            self.wrong("", "is no object", "a JSON object")

    def wrong(self, name: str, what: str, expected: str = "") -> None:
        """Note a mistake."""
        self.mistakes.append(Mistake(".".join(part for part in (self.where, name) if part), what, expected))

    def only(self, known: Resource) -> None:
        """Refuse attributes that the specification does not have, or has otherwise, and what is not done here."""
        for name, value in self.said.items():
            attribute = known.attributes.get(name)
            if attribute is None and not name.startswith("@"):
                self.wrong(name, "is no attribute of this resource", "those of the published specification")
            elif attribute is None or value is None:
                continue
            elif attribute.fate is Fate.REFUSED:
                self.wrong(name, attribute.why)
            elif attribute.fate in (Fate.TOLD, Fate.TAKEN) and not FORMS[attribute.shape](value):
                self.wrong(name, f"is no {attribute.shape}", f"a {attribute.shape}, or nothing")

    def text(self, name: str, *, needed: bool = False) -> str:
        """A text; empty: it is not said."""
        value = self.said.get(name)
        if isinstance(value, str) and len(value) <= LONGEST and (value.strip() or not needed):
            return value
        if value is not None or needed:
            self.wrong(name, "is missing" if value is None else "is no text, or an empty or very long one", "a text")
        return ""

    def number(self, name: str, default: int) -> int:
        """A whole number, which may be written as a text."""
        value = self.said.get(name)
        if isinstance(value, str) and value.lstrip("-").isascii() and value.lstrip("-").isdigit() and len(value) < 10:
            return int(value)
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9:
            return value
        self.wrong(name, f"is {str(value)[:50]!r}", "a whole number")
        return default

    def instant(self, name: str) -> int | None:
        """A time; None: it is not said."""
        value = self.said.get(name)
        found = instant_us(value)
        if value is not None and found is None:
            self.wrong(name, f"is {str(value)[:50]!r}", "a time with its zone, such as 2026-03-01T18:00:00Z")
        return found

    def objects(self, name: str, *, needed: bool = False) -> list[Reader]:
        """The members of a list; empty: it is not said."""
        value = self.said.get(name)
        if value is None and not needed:
            return []
        if not isinstance(value, list) or (needed and not value) or len(value) > MOST:
            what = "is missing" if value is None else "is no list, an empty one or a very long one"
            self.wrong(name, what, "a list of objects")
            return []
        where = f"{self.where}.{name}" if self.where else name
        return [Reader(one, f"{where}.{index}", self.mistakes) for index, one in enumerate(value)]

    def object(self, name: str, *, needed: bool = False) -> Reader | None:
        """A member; None: it is not said."""
        value = self.said.get(name)
        if value is None:
            if needed:
                self.wrong(name, "is missing", "a JSON object")
            return None
        return Reader(value, f"{self.where}.{name}" if self.where else name, self.mistakes)
