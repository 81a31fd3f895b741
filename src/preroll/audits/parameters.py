# SPDX-License-Identifier: Apache-2.0
"""Parameters of checks: each field is held against its type, and every mistake is told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Annotated, Any, Self, get_type_hints

import msgspec

from preroll.domain.errors import Invalid, Mistake

Host = Annotated[str, msgspec.Meta(min_length=1, max_length=253, pattern=r"^[^\s/@-][^\s/@]*\Z")]
"""A name or an address."""
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=600)]
Text = Annotated[str, msgspec.Meta(max_length=2000)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Parameters:
    """What every check is: a frozen dataclass whose fields are of their types.

    Raises:
        Invalid: every parameter that is not.
    """

    def __post_init__(self) -> None:
        types = get_type_hints(type(self), include_extras=True)
        given = [(f.name, getattr(self, f.name)) for f in fields(self)]  # type: ignore[arg-type]
        mistakes = [m for name, value in given if (m := _mistake(name, value, types[name]))] or self.contradictions()
        if mistakes:
            raise Invalid(mistakes)

    @classmethod
    def of(cls, parameters: Mapping[str, Any], /) -> Self:
        """A check with these parameters. Raises Invalid: what is unknown, is missing, or is not of its type."""
        known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
        mistakes = [Mistake(n, "is no parameter", "one of " + ", ".join(known)) for n in parameters if n not in known]
        mistakes += [Mistake(f.name, "is missing") for f in known.values() if _needed(f) and f.name not in parameters]
        if mistakes:
            raise Invalid(mistakes)
        return cls(**parameters)

    def contradictions(self) -> list[Mistake]:
        """What is wrong with parameters that are right each by itself."""
        return []


def _needed(parameter: Field[Any]) -> bool:
    return parameter.default is MISSING and parameter.default_factory is MISSING


def _mistake(name: str, value: object, wanted: Any) -> Mistake | None:
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        return Mistake(name, f"is {str(value)[:80]!r}", str(error).removeprefix("Expected "))
    return None
