# SPDX-License-Identifier: Apache-2.0
"""Profiles: which values a function takes, in general and in each service state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from preroll.domain.capacity import Wish, millionths
from preroll.domain.errors import Mistake
from preroll.domain.parameter import Parameter, ParameterKind


class ProfileBy(StrEnum):
    """How a booking has its profile (SPEC 2)."""

    REFERENCE = "reference"
    """It is read at each event: a change of the instance reaches the bookings that wait."""
    VALUE = "value"
    """It is copied when it is chosen: the values stay as they were."""


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

    @property
    def secrets(self) -> frozenset[str]:
        """Names of the parameters whose values are secrets."""
        return frozenset(p.name for p in self.parameters if p.secret)

    def defaults(self) -> dict[str, object]:
        """The defaults of the parameters that have one, by name."""
        return {p.name: p.default for p in self.parameters if p.default is not None}


@dataclass(frozen=True, slots=True)
class ProfileInstance:
    """Values for a definition, on top of those of the instance that it derives from.

    The values that apply in a service state stand in it, or are those of another instance, by explicit link (no name
    suffix).
    """

    name: str
    definition: str
    """The profile definition's name."""
    values: Mapping[str, object] = field(default_factory=dict)
    states: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Service state -> the values that apply in it, on top of what is inherited for it."""
    id: str = ""
    key: int = 0
    platform: int = 0
    revision: int = 1
    parent: str = ""
    """Name of the instance that it derives from; empty: it stands alone."""
    variants: Mapping[str, str] = field(default_factory=dict)
    """Service state -> name of the instance whose values apply in it, in place of what is inherited for it."""


@dataclass(frozen=True, slots=True)
class ProfileCopy:
    """What a profile said when it was copied into a booking."""

    definition: str
    """Name of the profile definition."""
    instance: str
    """Name of the profile instance."""
    values: Mapping[str, object] = field(default_factory=dict)
    states: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)
