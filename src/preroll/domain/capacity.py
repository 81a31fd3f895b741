# SPDX-License-Identifier: Apache-2.0
"""What resources offer and what bookings need of them: capacities are shared out, capabilities are matched.

SPEC 2 and 6. Amounts are whole millionths of the parameter's unit inside, so that sums are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from decimal import Decimal
from functools import lru_cache

from preroll.domain.errors import Mistake
from preroll.domain.values import dataclass

UNIT = 1_000_000
"""Amounts of a capacity are counted in this part of its unit."""
LARGEST = 10**12
"""In units; what is stored stays far below 2**63 when it is summed."""


@lru_cache(maxsize=4096)
def millionths(amount: float) -> int:
    """An amount as it is counted.

    Raises:
        ValueError: it is negative, too large, or finer than a millionth.
    """
    if not 0 <= amount <= LARGEST:
        raise ValueError(f"{amount!r} is no amount")
    counted = Decimal(str(amount)) * UNIT
    if counted % 1:
        raise ValueError(f"{amount!r} is no amount: it is too fine")
    return int(counted)


def in_units(counted: int) -> int | float:
    """A counted amount as people write it."""
    whole, rest = divmod(counted, UNIT)
    return counted / UNIT if rest else whole


def amount_mistake(where: str, amount: float) -> Mistake | None:
    """What is wrong with an amount, or None."""
    try:
        millionths(amount)
    except ValueError:
        return Mistake(where, f"is {amount!r}", f"0 to {LARGEST:g}, at most six decimals")
    return None


@dataclass(frozen=True, slots=True)
class Capability:
    """What a resource can do in one respect: one of the values, a number of a range, a text, or what is agreed.

    *Time-dependent*: it has no value of its own; the bookings that overlap must agree on one.
    """

    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    text: str | None = None
    time_dependent: bool = False

    @property
    def expected(self) -> str:
        """What it admits, in words."""
        if self.time_dependent:
            return "one text for all bookings that overlap"
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.text is not None:
            return self.text
        low = "" if self.minimum is None else f"at least {self.minimum:g}"
        high = "" if self.maximum is None else f"at most {self.maximum:g}"
        return " and ".join(part for part in (low, high) if part)

    def admits(self, value: object) -> bool:
        """Can it do what is asked for?"""
        if self.time_dependent:
            return isinstance(value, str)
        if self.choices:
            return value in self.choices
        if self.text is not None:
            return value == self.text
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)

    def mistakes(self, where: str) -> list[Mistake]:
        """Everything wrong with it."""
        ranged = self.minimum is not None or self.maximum is not None
        if sum((bool(self.choices), ranged, self.text is not None, self.time_dependent)) != 1:
            expected = "either choices, or minimum and maximum, or text, or time_dependent"
            return [Mistake(where, "says not exactly one thing", expected)]
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            return [Mistake(f"{where}.maximum", f"is {self.maximum:g}", f"at least the minimum, {self.minimum:g}")]
        return []


@dataclass(frozen=True, slots=True)
class Wish:
    """What one node of a booking needs of the resource that fills it."""

    label: str = ""
    amounts: Mapping[str, int] = field(default_factory=dict)
    """Capacity -> amount in millionths."""
    abilities: Mapping[str, object] = field(default_factory=dict)
    """Capability -> the value that is asked for."""
    places: int = 1
    """How many of the places of a resource it takes; 0: it has one already."""
    instead_of: frozenset[str] = frozenset()
    """Ids of the services in whose place this is held: what they agreed on is not in the way."""


def asked_in_all(wishes: Sequence[Wish]) -> Mapping[str, int]:
    """Capacity -> what several nodes of one booking need together of one resource."""
    if len(wishes) == 1:
        return wishes[0].amounts
    asked: dict[str, int] = {}
    for wish in wishes:
        for name, amount in wish.amounts.items():
            asked[name] = asked.get(name, 0) + amount
    return asked


def most(wishes: Iterable[Sequence[Wish]]) -> Wish:
    """The least that is enough for any one of these: of each capacity, and of places, the most that one asks for."""
    amounts: dict[str, int] = {}
    abilities: dict[str, object] = {}
    label, places = "", 0
    for several in wishes:
        for name, amount in asked_in_all(several).items():
            amounts[name] = max(amount, amounts.get(name, 0))
        for wish in several:
            abilities |= wish.abilities
            label = label or wish.label
        places = max(places, sum(wish.places for wish in several))
    return Wish(label, amounts, abilities, places)


def beyond(asked: Sequence[Wish], had: Sequence[Wish]) -> tuple[Wish, ...]:
    """The wishes without what is had of the resource already; a place that is had is not taken again."""
    spare, free, found = dict(asked_in_all(had)), sum(wish.places for wish in had), []
    for wish in asked:
        amounts = {}
        for name, amount in wish.amounts.items():
            taken = min(spare.get(name, 0), amount)
            spare[name] = spare.get(name, 0) - taken
            amounts[name] = amount - taken
        places = min(free, wish.places)
        free -= places
        found.append(replace(wish, amounts=amounts, places=wish.places - places))
    return tuple(found)


def agreed_on(wishes: Sequence[Wish], capabilities: Mapping[str, Capability]) -> dict[str, str]:
    """Time-dependent capability -> the value that these nodes ask for."""
    return {
        name: str(value)
        for wish in wishes
        for name, value in wish.abilities.items()
        if name in capabilities and capabilities[name].time_dependent
    }


def unable(wishes: Sequence[Wish], capabilities: Mapping[str, Capability]) -> list[tuple[str, str]]:
    """(capability, what it is about) of each that a resource with these capabilities can never give these nodes."""
    found = []
    agreed: dict[str, object] = {}
    for wish in wishes:
        for name, value in wish.abilities.items():
            known = capabilities.get(name)
            if known is None:
                found.append((name, f"it has no {name}, {value} asked"))
            elif not known.admits(value):
                found.append((name, f"{name} is {known.expected}, {value} asked"))
            elif known.time_dependent and agreed.setdefault(name, value) != value:
                found.append((name, f"two nodes of the booking ask for {name} {agreed[name]} and {value}"))
    return found
