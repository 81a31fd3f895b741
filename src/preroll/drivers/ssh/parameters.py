# SPDX-License-Identifier: Apache-2.0
"""How a parameter is read, set and taken away: templates of commands, and what a value looks like in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from preroll.drivers.ssh.dialect import compiled
from preroll.sdk import DeviceError, InvalidValue

PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
"""``{name}`` in a template."""
HARMLESS = r"[\w .:/,@+=%-]*"
"""What a text may hold unless its parameter has a pattern: nothing that ends a command or begins another."""
LINE_BREAKING = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u2028\u2029]")
FIELDS = {
    "read", "match", "within", "set", "unset", "type", "values", "absent", "pattern", "minimum", "maximum",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A command, and the path of the parameter whose value it holds, if any."""

    text: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a device; see the README for what its fields mean."""

    path: str
    read: str
    match: re.Pattern[str]
    within: re.Pattern[str] | None
    set: tuple[str, ...]
    unset: tuple[str, ...]
    type: str
    values: Mapping[str, object]
    """What the device writes -> the value."""
    absent: object
    pattern: re.Pattern[str]
    minimum: float | None
    maximum: float | None
    quote: bool = False
    """A value that is not one of ``values`` is quoted as a shell takes it."""

    # From the device

    def found_in(self, answer: str) -> object:
        """Its value in the answer to ``read``; None: it is not there. Raises DeviceError for what is no value."""
        if self.within is not None:
            answer = _section(answer, self.within)
        found = self.match.search(answer)
        if found is None:
            return self.absent
        text = (found[1] if self.match.groups else found[0]) or ""
        return self._value_of(text.strip())

    def _value_of(self, text: str) -> object:
        if text in self.values:
            return self.values[text]
        try:
            if self.values:
                raise ValueError(text)
            return TYPES[self.type](text)
        except ValueError:
            known = f"none of {', '.join(self.values)}" if self.values else f"no {self.type}"
            raise DeviceError(f"{self.path}: {self.read!r} shows {text!r}, which is {known}") from None

    # To the device

    def refused(self, value: object) -> str:
        """Why the device is not even asked to take the value; empty: it is."""
        if value is None:
            return "" if self.unset else "cannot be taken away: it has no commands under unset"
        if not self.set:
            return "can only be read: it has no commands under set"
        if self.values:
            known = ", ".join(map(repr, self.values.values()))
            return "" if self._word(value) is not None else f"is {value!r}, not one of {known}"
        if self.type in ("integer", "number"):
            return self._beyond(value)
        text = self.written(value)
        if LINE_BREAKING.search(text):
            return f"is {value!r}: control characters are never sent"
        return "" if self.pattern.fullmatch(text) else f"is {value!r}, which does not match {self.pattern.pattern}"

    def _beyond(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"is {value!r}, not a number"
        if self.type == "integer" and value != int(value):
            return f"is {value}, not a whole number"
        if self.minimum is not None and value < self.minimum:
            return f"is {value}, less than {self.minimum:g}"
        if self.maximum is not None and value > self.maximum:
            return f"is {value}, more than {self.maximum:g}"
        return ""

    def written(self, value: object) -> str:
        """The value as the device writes it."""
        word = self._word(value)
        return _plain(value) if word is None else word

    def _word_for(self, value: object) -> str:
        text = self.written(value)
        return shlex.quote(text) if self.quote and self._word(value) is None else text

    def _word(self, value: object) -> str | None:
        for word, meaning in self.values.items():
            if meaning == value and isinstance(meaning, bool) is isinstance(value, bool):
                return word
        return None

    def lines(self, value: object, old: object) -> list[Line]:
        """The commands that bring it from the old value to another; None: it is not there."""
        templates = self.unset if value is None else self.set
        values = {"value": value, "old": old}
        return [self._line(template, values) for template in templates if old is not None or "{old}" not in template]

    def _line(self, template: str, values: Mapping[str, object]) -> Line:
        text = PLACE.sub(lambda place: self._word_for(values[place[1]]), template)
        return Line(text, self.path if "{value}" in template else "")


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _number(text: str) -> float:
    return float(text) if "." in text or "e" in text.lower() else int(text)


TYPES: Mapping[str, Callable[[str], object]] = {"text": str, "integer": int, "number": _number, "boolean": _boolean}


def _section(answer: str, head: re.Pattern[str]) -> str:
    """The lines below the first one that matches, as far as they are indented deeper than it."""
    lines = answer.splitlines()
    for number, line in enumerate(lines):
        if head.search(line):
            depth = _indent(line)
            below = lines[number + 1 :]
            end = next((n for n, one in enumerate(below) if one.strip() and _indent(one) <= depth), len(below))
            return "\n".join(below[:end])
    return ""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


# Reading the declaration


def parameters(
    given: object, variables: Mapping[str, object], device: str, *, quote: bool = False
) -> dict[str, Parameter]:
    """The parameters that an address declares, by path, in their order. Raises InvalidValue."""
    if not isinstance(given, Mapping) or not given:
        raise InvalidValue("address.parameters", "is empty: path -> how it is read and set", device=device)
    known = {name: _plain(value) for name, value in variables.items()}
    return {
        path: _Declared(f"address.parameters.{path}", spec, known, device).parameter(path, quote=quote)
        for path, spec in given.items()
    }


class _Declared:
    """One parameter as it was declared."""

    def __init__(self, where: str, spec: object, variables: Mapping[str, str], device: str) -> None:
        self._where, self._variables, self._device = where, variables, device
        if not isinstance(spec, Mapping) or not spec.get("read"):
            raise self._wrong("read", "is missing: which command shows it?")
        if unknown := spec.keys() - FIELDS:
            raise self._wrong(min(unknown), f"is not one of {', '.join(sorted(FIELDS))}")
        if spec.get("type", "text") not in TYPES:
            raise self._wrong("type", f"is {spec['type']!r}, not one of {', '.join(TYPES)}")
        self._spec = spec

    def parameter(self, path: str, *, quote: bool) -> Parameter:
        """Read it. Raises InvalidValue."""
        spec = self._spec
        return Parameter(
            path,
            read=self._filled("read", str(spec["read"])),
            match=self._pattern("match", str(spec.get("match", r"\S.*"))),
            within=self._pattern("within", str(spec["within"])) if "within" in spec else None,
            set=self._templates("set"),
            unset=self._templates("unset"),
            type=spec.get("type", "text"),
            values=self._meanings(),
            absent=spec.get("absent"),
            pattern=compiled(str(spec.get("pattern", HARMLESS)), f"{self._where}.pattern", self._device),
            minimum=spec.get("minimum"),
            maximum=spec.get("maximum"),
            quote=quote,
        )

    def _meanings(self) -> Mapping[str, object]:
        given = self._spec.get("values", {})
        if not isinstance(given, Mapping) or any(LINE_BREAKING.search(str(word)) for word in given):
            raise self._wrong("values", "is not: what the device writes, on one line -> the value")
        return {str(word): meaning for word, meaning in given.items()}

    def _templates(self, field: str) -> tuple[str, ...]:
        given: str | Sequence[str] = self._spec.get(field, ())
        lines = (given,) if isinstance(given, str) else tuple(given)
        return tuple(self._filled(field, str(line), keep=("value", "old")) for line in lines)

    def _pattern(self, field: str, pattern: str) -> re.Pattern[str]:
        return compiled(self._filled(field, pattern, change=re.escape), f"{self._where}.{field}", self._device)

    def _filled(self, field: str, template: str, keep: tuple[str, ...] = (), change: Callable[[str], str] = str) -> str:
        def fill(place: re.Match[str]) -> str:
            if place[1] in keep:
                return place[0]
            if place[1] not in self._variables:
                known = ", ".join([*keep, *self._variables]) or "none"
                raise self._wrong(field, f"{place[0]} is no variable (known: {known})")
            return change(self._variables[place[1]])

        filled = PLACE.sub(fill, template)
        if LINE_BREAKING.search(filled):
            raise self._wrong(field, f"{filled!r} is more than one line")
        return filled

    def _wrong(self, field: str, why: str) -> InvalidValue:
        return InvalidValue(f"{self._where}.{field}", why, device=self._device)
