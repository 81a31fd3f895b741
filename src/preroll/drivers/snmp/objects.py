# SPDX-License-Identifier: Apache-2.0
"""The objects of a device: which number stands for which parameter, and what its values look like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from preroll.sdk import DeviceError, InvalidValue

OID = re.compile(r"\.?\d+(\.\d+)+")
PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
FIELDS = {"oid", "type", "values", "minimum", "maximum", "writable"}

# fmt: off
RANGES: Mapping[str, tuple[int, int]] = {
    "integer":  (-2**31, 2**31 - 1),
    "unsigned": (0, 2**32 - 1),
    "ticks":    (0, 2**32 - 1),
    "boolean":  (1, 2),
}
"""Types that are numbers -> what their syntax can hold."""
# fmt: on
TYPES = (*RANGES, "text", "hex", "address", "oid")
TRUTH = {True: 1, False: 2}
"""TruthValue of RFC 2579."""


@dataclass(frozen=True, slots=True)
class Object:
    """One parameter of a device."""

    path: str
    oid: str
    type: str = "integer"
    values: Mapping[str, object] | None = None
    """What the device has, as text -> the value."""
    minimum: float | None = None
    maximum: float | None = None
    writable: bool = True

    def value_of(self, raw: object) -> object:
        """The value that a number, or the bytes, of the device stand for. Raises DeviceError when it is none."""
        try:
            return self._value_of(raw)
        except ValueError:
            raise DeviceError(f"{self.path}: {raw!r} is no {self.type}") from None

    def _value_of(self, raw: object) -> object:
        if not isinstance(raw, int if self.type in RANGES else str if self.type in ("address", "oid") else bytes):
            raise ValueError(raw)
        if self.type == "boolean":
            return {1: True, 2: False}[raw] if raw in (1, 2) else self._nothing(raw)
        if isinstance(raw, bytes):
            raw = raw.hex(":") if self.type == "hex" else raw.decode()
        if self.values is not None:
            return self.values[str(raw)] if str(raw) in self.values else self._nothing(raw)
        return raw

    def _nothing(self, raw: object) -> object:
        raise ValueError(raw)

    def refused(self, value: object) -> str:
        """Why the device is not even asked to take the value; empty: it is."""
        if not self.writable:
            return "can only be read"
        if value is None:
            return "cannot be taken away: SNMP only sets values"
        try:
            raw = self.raw(value)
        except (ValueError, TypeError, KeyError):
            known = f"not one of {', '.join(map(repr, self.values.values()))}" if self.values else f"no {self.type}"
            return f"is {value!r}, {known}"
        return self._beyond(raw) if isinstance(raw, int) else ""

    def _beyond(self, raw: int) -> str:
        low, high = RANGES[self.type]
        low_said = low if self.minimum is None else max(low, self.minimum)
        high_said = high if self.maximum is None else min(high, self.maximum)
        return "" if low_said <= raw <= high_said else f"is {raw}, not within {low_said:.15g} to {high_said:.15g}"

    def raw(self, value: Any) -> int | str | bytes:
        """What the device has for a value. Raises ValueError, TypeError or KeyError when it can have nothing for it."""
        if self.values is not None:
            value = self._word(value)
        if self.type == "boolean":
            return TRUTH[value]
        if self.type in RANGES:
            if isinstance(value, bool) or value != int(value):
                raise ValueError(value)
            return int(value)
        if self.type == "hex":
            return bytes.fromhex(value.replace(":", ""))
        if self.type == "address":
            return str(IPv4Address(value))
        if self.type == "oid" and not OID.fullmatch(value):
            raise ValueError(value)
        return str(value) if self.type == "oid" else str(value).encode()

    def _word(self, value: object) -> int | str:
        for word, meaning in (self.values or {}).items():
            if meaning == value and isinstance(meaning, bool) is isinstance(value, bool):
                return int(word) if self.type in RANGES else word
        raise ValueError(value)


def objects(given: object, variables: Mapping[str, object], device: str) -> dict[str, Object]:
    """The objects that an address declares, by path. Raises InvalidValue."""
    if not isinstance(given, Mapping) or not given:
        raise InvalidValue("address.parameters", "is empty: path -> oid and type", device=device)
    return {path: _object(path, spec, variables, device) for path, spec in given.items()}


def _object(path: str, spec: object, variables: Mapping[str, object], device: str) -> Object:
    where = f"address.parameters.{path}"
    if not isinstance(spec, Mapping):
        spec = {"oid": spec}
    if unknown := spec.keys() - FIELDS:
        raise InvalidValue(f"{where}.{min(unknown)}", f"is not one of {', '.join(sorted(FIELDS))}", device=device)
    if spec.get("type", "integer") not in TYPES:
        raise InvalidValue(f"{where}.type", f"is not one of {', '.join(TYPES)}", device=device)
    oid = PLACE.sub(lambda place: str(variables.get(place[1], place[0])), str(spec.get("oid", "")))
    if not OID.fullmatch(oid):
        raise InvalidValue(f"{where}.oid", f"is {oid!r}, not numbers with dots", device=device)
    return Object(path, **{**spec, "oid": oid.lstrip(".")})
