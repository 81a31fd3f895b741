# SPDX-License-Identifier: Apache-2.0
"""Profiles: which values a function takes, in general and in each service state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite

from preroll.domain.capacity import Wish, amount_mistake, millionths
from preroll.domain.errors import Mistake


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
    """Read from the device."""
    CAPACITY = "capacity"
    """How much of the resource is taken."""
    CAPABILITY = "capability"
    """What the resource must be able to do."""


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

    def mistake(self, where: str, value: object) -> Mistake | None:
        """What is wrong with a value, or None."""
        wrong, expected = self._judged(value)
        if wrong:
            return Mistake(where, f"is {value!r}", expected)
        if ParameterKind.CAPACITY in self.kinds and isinstance(value, int | float):
            return amount_mistake(where, value)
        return None

    def mistakes(self, where: str) -> list[Mistake]:
        """Everything wrong with the parameter itself."""
        found = []
        if not self.kinds:
            found.append(Mistake(f"{where}.kinds", "is empty", "at least one kind"))
        if {ParameterKind.CAPACITY, ParameterKind.CAPABILITY} <= set(self.kinds):
            found.append(Mistake(f"{where}.kinds", "is a capacity and a capability", "one of the two"))
        if ParameterKind.CAPACITY in self.kinds and self.type is not ValueType.NUMBER:
            found.append(Mistake(f"{where}.type", f"is {self.type.value}", "number, for a capacity"))
        if self.type is ValueType.DISCRETE and not self.choices:
            found.append(Mistake(f"{where}.choices", "is empty", "the values that a discrete parameter can have"))
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
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            return True, "a number"
        if self.minimum is not None and value < self.minimum:
            return True, f"at least {self.minimum:g} {self.unit}".rstrip()
        return self.maximum is not None and value > self.maximum, f"at most {self.maximum or 0:g} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class ProfileDefinition:
    """The parameters of a function, and the profile-load script for each driver that offers it."""

    name: str
    parameters: tuple[Parameter, ...] = ()
    loads: Mapping[str, str] = field(default_factory=dict)
    """Driver -> profile-load script. A driver that is not listed gets the shipped one: plan, apply, verify."""
    id: str = ""
    key: int = 0
    platform: int = 0
    revision: int = 1

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name, or None."""
        return next((p for p in self.parameters if p.name == name), None)

    def mistakes(self, where: str, values: Mapping[str, object]) -> list[Mistake]:
        """Everything wrong with a set of values."""
        found = []
        for name, value in values.items():
            parameter = self.parameter(name)
            if parameter is None:
                known = ", ".join(p.name for p in self.parameters)
                found.append(Mistake(f"{where}.{name}", "is not a parameter of the profile", f"one of {known}"))
            elif mistake := parameter.mistake(f"{where}.{name}", value):
                found.append(mistake)
        return found

    def wish(self, label: str, values: Mapping[str, object]) -> Wish:
        """What a node with these values needs of its resource."""
        amounts, abilities = {}, {}
        for name, value in (
            {p.name: p.default for p in self.parameters if p.default is not None} | dict(values)
        ).items():
            kinds = parameter.kinds if (parameter := self.parameter(name)) else ()
            if ParameterKind.CAPACITY in kinds and isinstance(value, int | float):
                amounts[name] = millionths(value)
            elif ParameterKind.CAPABILITY in kinds:
                abilities[name] = value
        return Wish(label, amounts, abilities)

    def configured(self, values: Mapping[str, object]) -> dict[str, object]:
        """Those of the values that are set on a device."""
        others = {p.name for p in self.parameters if ParameterKind.CONFIGURATION not in p.kinds}
        return {name: value for name, value in values.items() if name not in others}

    def paths(self, values: Mapping[str, object]) -> dict[str, object]:
        """Values by the driver's path instead of by the parameter's name."""
        known = {p.name: p.path or p.name for p in self.parameters}
        return {known.get(name, name): value for name, value in values.items()}

    def defaults(self) -> dict[str, object]:
        """The defaults of the parameters that have one, by name."""
        return {p.name: p.default for p in self.parameters if p.default is not None}


@dataclass(frozen=True, slots=True)
class ProfileInstance:
    """Values for a definition, and the values that differ in a service state, by explicit link (no name suffix)."""

    name: str
    definition: str
    """The profile definition's name."""
    values: Mapping[str, object] = field(default_factory=dict)
    states: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Service state -> the values that apply in it."""
    id: str = ""
    key: int = 0
    platform: int = 0
    revision: int = 1
