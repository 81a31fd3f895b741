# SPDX-License-Identifier: Apache-2.0
"""Parameters: the values that a function takes, and what a value may be. All arithmetic is exact."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from math import isfinite

from preroll.domain.capacity import amount_mistake
from preroll.domain.errors import Mistake

MOST_DECIMALS = 15
"""More than a number of JSON can carry."""
A_REFERENCE = (
    "a reference such as env:NAME, file:PATH, keyring:NAME or vault:MOUNT/PATH#FIELD: a secret itself is never stored"
)
_REFERENCE = re.compile(r"(env|file|keyring):.+|vault:[^/#]+/[^#]+#[^#]+")


class ValueType(StrEnum):
    """The type of a parameter's value."""

    NUMBER = "number"
    TEXT = "text"
    DISCRETE = "discrete"
    FLAG = "flag"


class ParameterKind(StrEnum):
    """What a parameter is for; it may be for several things, but not for both of the last two."""

    CONFIGURATION = "configuration"
    """Set on the device."""
    MONITORING = "monitoring"
    """Read from the device; one that is for nothing else is never set."""
    CAPACITY = "capacity"
    """How much of the resource is taken."""
    CAPABILITY = "capability"
    """What the resource must be able to do."""


_JUDGED_BY_RESOURCES = frozenset({ParameterKind.CAPACITY, ParameterKind.CAPABILITY})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value that a function takes. ``path`` is where the driver finds it; empty: the parameter's name."""

    name: str
    type: ValueType = ValueType.TEXT
    path: str = ""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    default: object = None
    """What ``apply_defaults`` goes back to; None: left alone."""
    mandatory: bool = False
    kinds: tuple[ParameterKind, ...] = (ParameterKind.CONFIGURATION,)
    step: float | None = None
    """A number is the minimum (without one: 0) plus a multiple of this."""
    decimals: int | None = None
    """How many digits a number may have after the point."""
    display: Mapping[str, str] = field(default_factory=dict)
    """Choice -> how it is shown to people."""
    secret: bool = False
    """Its value is a reference, which only the script host follows; journal and logs hold a digest."""
    editable_after_deploy: bool = True
    """May an order change it on a service that is deployed?"""

    @property
    def settable(self) -> bool:
        """May it have a value? What is only monitored is read, never set."""
        return any(kind is not ParameterKind.MONITORING for kind in self.kinds)

    def mistake(self, where: str, value: object) -> Mistake | None:
        """What is wrong with a value, or None. Of a secret the value is never told."""
        if not self.settable:
            return Mistake(where, "is set, and the parameter is only monitored", "no value: it is read from the device")
        if self.secret:
            reference = isinstance(value, str) and _REFERENCE.fullmatch(value)
            return None if reference else Mistake(where, "is no reference to a secret", A_REFERENCE)
        wrong, expected = self._judged(value)
        if wrong:
            return Mistake(where, f"is {value!r}", expected)
        if ParameterKind.CAPACITY in self.kinds and isinstance(value, int | float):
            return amount_mistake(where, value)
        return None

    def mistakes(self, where: str) -> list[Mistake]:
        """Everything wrong with the parameter itself."""
        found = [*self._kind_mistakes(where), *self._number_mistakes(where)]
        if self.type is ValueType.DISCRETE and not self.choices:
            found.append(Mistake(f"{where}.choices", "is empty", "the values that a discrete parameter can have"))
        found += [
            Mistake(f"{where}.display.{choice}", "is no choice", "one of " + ", ".join(self.choices or ("none",)))
            for choice in self.display
            if choice not in self.choices
        ]
        if self.default is not None and (mistake := self.mistake(f"{where}.default", self.default)):
            found.append(mistake)
        return found

    def _kind_mistakes(self, where: str) -> list[Mistake]:
        found = []
        if not self.kinds:
            found.append(Mistake(f"{where}.kinds", "is empty", "at least one kind"))
        if set(self.kinds) >= _JUDGED_BY_RESOURCES:
            found.append(Mistake(f"{where}.kinds", "is a capacity and a capability", "one of the two"))
        if ParameterKind.CAPACITY in self.kinds and self.type is not ValueType.NUMBER:
            found.append(Mistake(f"{where}.type", f"is {self.type.value}", "number, for a capacity"))
        if self.mandatory and not self.settable and self.kinds:
            found.append(Mistake(f"{where}.mandatory", "is set, and the parameter is only monitored", "false"))
        if self.secret and self.type is not ValueType.TEXT:
            found.append(Mistake(f"{where}.type", f"is {self.type.value}", "text, for a secret"))
        if self.secret and _JUDGED_BY_RESOURCES & set(self.kinds):
            found.append(Mistake(f"{where}.secret", "is set for a capacity or capability", "a secret is configuration"))
        return found

    def _number_mistakes(self, where: str) -> list[Mistake]:
        given = {name: getattr(self, name) for name in ("minimum", "maximum", "step", "decimals")}
        if self.type is not ValueType.NUMBER:
            return [
                Mistake(f"{where}.{name}", f"is set for a {self.type.value}", "none: it is for a number")
                for name, value in given.items()
                if value is not None
            ]
        found = []
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            found.append(Mistake(f"{where}.maximum", f"is {self.maximum:g}", f"at least the minimum, {self.minimum:g}"))
        if self.decimals is not None and not 0 <= self.decimals <= MOST_DECIMALS:
            found.append(Mistake(f"{where}.decimals", f"is {self.decimals}", f"0 to {MOST_DECIMALS}"))
        if self.step is not None and self.step <= 0:
            found.append(Mistake(f"{where}.step", f"is {self.step:g}", "more than 0"))
        elif self.step is not None and self._too_fine(self.step):
            found.append(Mistake(f"{where}.step", f"is {self.step:g}", f"at most {self._digits}"))
        return found

    def _judged(self, value: object) -> tuple[bool, str]:
        match self.type:
            case ValueType.NUMBER:
                return self._number(value)
            case ValueType.FLAG:
                return not isinstance(value, bool), "true or false"
            case ValueType.TEXT:
                return not isinstance(value, str), "a text"
            case ValueType.DISCRETE:
                return value not in self.choices, "one of " + ", ".join(self.choices)

    def _number(self, value: object) -> tuple[bool, str]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True, "a number"
        if isinstance(value, float) and not isfinite(value):
            return True, "a number"
        if self.minimum is not None and value < self.minimum:
            return True, f"at least {self.minimum:g} {self.unit}".rstrip()
        if self.maximum is not None and value > self.maximum:
            return True, f"at most {self.maximum:g} {self.unit}".rstrip()
        if self._too_fine(value):
            return True, f"at most {self._digits}"
        return self._between_steps(value), self._steps

    @property
    def _digits(self) -> str:
        return f"{self.decimals} decimal{'' if self.decimals == 1 else 's'}"

    @property
    def _steps(self) -> str:
        start = f"{self.minimum:g} plus " if self.minimum else ""
        return f"{start}a multiple of {self.step or 0:g} {self.unit}".rstrip()

    def _too_fine(self, value: float) -> bool:
        return self.decimals is not None and (_exact(value) * 10**self.decimals).denominator != 1

    def _between_steps(self, value: float) -> bool:
        return self.step is not None and (_exact(value) - _exact(self.minimum or 0)) % _exact(self.step) != 0


def _exact(number: float) -> Fraction:
    """The number as it is written, not as the nearest binary fraction: 0.1 is a tenth."""
    return Fraction(str(number))
