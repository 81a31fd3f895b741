# SPDX-License-Identifier: Apache-2.0
"""The text of a leaf and the value that it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """What a leaf holds."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    """``true`` or ``false``, as YANG writes it."""
    PRESENCE = "presence"
    """True when the node is there: a list entry, a presence container, an empty leaf. False removes it."""


@dataclass(frozen=True, slots=True)
class Form:
    """How values of one leaf are written."""

    kind: Kind = Kind.TEXT
    words: Mapping[str, object] = field(default_factory=dict)
    """The device's word -> the value that it means; empty: the text is the value."""

    def text(self, value: object) -> str:
        """The text of a value. Raises ValueError with what is wrong."""
        if self.words:
            return self._word(value)
        if self.kind in (Kind.BOOLEAN, Kind.PRESENCE):
            if not isinstance(value, bool):
                raise ValueError(f"is {value!r}, neither true nor false")
            return "" if self.kind is Kind.PRESENCE else str(value).lower()
        if self.kind in (Kind.INTEGER, Kind.NUMBER):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"is {value!r}, not a number")
            if self.kind is Kind.INTEGER and value != int(value):
                raise ValueError(f"is {value!r}, not a whole number")
            return _plain(value)
        return str(value)

    def value(self, text: str) -> object:
        """What a text means; a text that is not of the leaf's kind is its own meaning, so that nothing gets lost."""
        if self.words:
            return self.words.get(text, text)
        if self.kind is Kind.BOOLEAN:
            return {"true": True, "false": False}.get(text, text)
        return _number(text) if self.kind in (Kind.INTEGER, Kind.NUMBER) else text

    def _word(self, value: object) -> str:
        for word, meaning in self.words.items():
            if meaning == value:
                return word
        raise ValueError(f"is {value!r}, not one of {', '.join(map(repr, self.words.values()))}")


def _plain(value: float) -> str:
    """A number without an exponent: YANG's decimal64 has none."""
    return str(int(value)) if value == int(value) else format(Decimal(repr(value)), "f")


def _number(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
