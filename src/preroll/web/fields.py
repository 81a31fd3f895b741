# SPDX-License-Identifier: Apache-2.0
"""Fields of forms, as values: what is asked for, what stands there already, and between what one can choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from preroll.app.availability import NodeAnswer, Offer
from preroll.domain.capacity import in_units
from preroll.domain.errors import Invalid, Mistake
from preroll.domain.usage import CONCURRENCY
from preroll.web.station_time import Typed, readings


class Kind(StrEnum):
    """How a field is filled."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    CHOICE = "choice"
    FLAG = "flag"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Option:
    """Something that can be chosen."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form."""

    name: str
    label: str
    kind: Kind = Kind.TEXT
    needed: bool = True
    value: str = ""
    options: Sequence[Option] = ()
    about: str = ""
    which: str = ""
    """Of a time that the clocks show twice: the one that is meant."""
    readings: Sequence[str] = ()
    """Both meanings of such a time."""
    again: bool = False
    """What is chosen here decides what else can be chosen: a change asks for the form again."""

    def with_said(self, said: Mapping[str, str]) -> str:
        """What somebody has put there, else what stood there."""
        return said.get(self.name, self.value)


def time_field(name: str, label: str, given: Typed, zone: str, *, needed: bool = True, about: str = "") -> Field:
    """A time on the clocks of a zone; one that they show twice is asked for which of them it is."""
    both = readings(given.text, zone)
    return Field(name, label, Kind.TIME, needed, given.text, about=about, which=given.which, readings=both)


def require(fields: Sequence[Field], said: Mapping[str, str]) -> None:
    """Refuse a form in which something needed does not stand.

    Raises:
        Invalid: every such field.
    """
    empty = [f for f in fields if f.needed and f.kind is not Kind.FLAG and not said.get(f.name, "").strip()]
    if empty:
        raise Invalid([Mistake(field.name, "is missing", field.label.casefold()) for field in empty])


def offered(answer: NodeAnswer) -> list[Option]:
    """What there is for a node, best first, each with what is left of it."""
    return [Option(offer.resource.name, f"{offer.resource.name} · {left_said(offer)}") for offer in answer.eligible]


def left_said(offer: Offer) -> str:
    """What is left of a resource over the whole window."""
    parts = []
    for one in offer.left:
        if one.dimension == CONCURRENCY:
            parts.append("free" if one.limit == one.left == 1 else f"{one.left} of {one.limit} at once left")
        else:
            parts.append(f"{one.dimension} {in_units(one.left):g} of {in_units(one.limit):g} left")
    return ", ".join(parts) + ("" if offer.guarded else ", tight: not free around it")
