# SPDX-License-Identifier: Apache-2.0
"""Which resources fill the open nodes of a booking: as many as possible together, each as good as the others allow.

SPEC 2 (auto-select) and 6 (order of eligible resources).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from preroll.domain.capacity import Wish
from preroll.domain.config import Ordering
from preroll.domain.definition import Node
from preroll.domain.naming import counted
from preroll.domain.resource import Resource
from preroll.domain.usage import Left

LOOKS = 5_000
"""So often it is asked at most whether something fits when a whole answer is searched for."""

Fits = Callable[[Resource, Sequence[Wish]], bool]
"""Can a resource serve these nodes, beside all that it serves anyway?"""


class Candidates:
    """Resources, sorted out by what nodes take: function and pool."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._by_function: dict[str, list[Resource]] = {}
        for resource in resources:
            self._by_function.setdefault(resource.function, []).append(resource)
        self.functions = frozenset(self._by_function) - {""}
        """The names that resources bear, of functions and of pools."""
        self.pools = frozenset(pool for resource in resources for pool in resource.pools)
        self._found: dict[tuple[str, str], Sequence[Resource]] = {("", ""): resources}

    def of(self, node: Node) -> Sequence[Resource]:
        """Those that a node could take, in their order."""
        taken = node.function, node.pool
        if taken not in self._found:
            able = self._by_function.get(node.function, ()) if node.function else self._found["", ""]
            self._found[taken] = [r for r in able if not node.pool or node.pool in r.pools]
        return self._found[taken]


def ranking(wish: Wish, order: Ordering, left_of: Callable[[Resource], Sequence[Left]]) -> Callable[[Resource], Any]:
    """What sorts eligible resources, the best first; what is left of them is looked up only where it matters."""
    match order:
        case Ordering.PRIORITY:
            return lambda r: (r.priority, counted(r.name))
        case Ordering.NAME:
            return lambda r: counted(r.name)
        case Ordering.LEFT:
            asked = next(iter(wish.amounts), "")
            return lambda r: (-next((one.left for one in left_of(r) if one.dimension == asked), 0), counted(r.name))


@dataclass(frozen=True, slots=True)
class Opening:
    """An open node: what it needs, and the resources that could serve it alone, the best first."""

    wish: Wish
    eligible: tuple[Resource, ...]


def choose(openings: Sequence[Opening], fits: Fits) -> dict[str, Resource]:
    """Label -> resource, for as many nodes as can be filled.

    Each takes the best that is left; when nothing is, those before it move over, one after the other, as long as each
    finds another place. So an earlier node is never left open for a later one. Where nodes of different size share
    resources that may not do: then all ways are searched for one that fills every node, within bounds.
    """
    seats = _Seats(fits)
    missed = [opening for opening in openings if not seats.seat(opening, set())]
    if missed and (found := _Search(openings, fits).whole()):
        return found
    return {label: resource for resource, there in seats.taken() for label in there}


class _Seats:
    """Who sits where; a newcomer may make others move."""

    def __init__(self, fits: Fits) -> None:
        self._fits = fits
        self._there: dict[int, tuple[Resource, list[Opening]]] = {}

    def taken(self) -> list[tuple[Resource, list[str]]]:
        """Each resource with the labels of its nodes."""
        return [(resource, [opening.wish.label for opening in there]) for resource, there in self._there.values()]

    def seat(self, opening: Opening, visited: set[int]) -> bool:
        """Find it a place; those in ``visited`` have been asked to make room before."""
        for resource in opening.eligible:
            there = self._on(resource)
            if self._fit(resource, [*there, opening]):
                there.append(opening)
                return True
        return any(self._make_room(r, opening, visited) for r in opening.eligible if r.key not in visited)

    def _make_room(self, resource: Resource, opening: Opening, visited: set[int]) -> bool:
        visited.add(resource.key)
        there = self._on(resource)
        for place, other in enumerate(list(there)):
            if not self._fit(resource, [*there[:place], opening, *there[place + 1 :]]):
                continue
            there[place] = opening
            if self.seat(other, visited):
                return True
            there[place] = other
        return False

    def _on(self, resource: Resource) -> list[Opening]:
        return self._there.setdefault(resource.key, (resource, []))[1]

    def _fit(self, resource: Resource, openings: Sequence[Opening]) -> bool:
        return self._fits(resource, [opening.wish for opening in openings])


class _Search:
    """All ways in turn, the node with the fewest places first."""

    def __init__(self, openings: Sequence[Opening], fits: Fits) -> None:
        self._fits, self._left = fits, LOOKS
        self._openings = sorted(openings, key=lambda opening: len(opening.eligible))
        self._wishes: dict[int, list[Wish]] = {}
        self._found: dict[str, Resource] = {}

    def whole(self) -> dict[str, Resource] | None:
        """A way to fill every node; None: none was found."""
        return self._found if self._fill(0) else None

    def _fill(self, number: int) -> bool:
        if number == len(self._openings):
            return True
        wish = self._openings[number].wish
        for resource in self._openings[number].eligible:
            wishes = self._wishes.setdefault(resource.key, [])
            self._left -= 1
            if self._left < 0:
                return False
            if not self._fits(resource, [*wishes, wish]):
                continue
            wishes.append(wish)
            self._found[wish.label] = resource
            if self._fill(number + 1):
                return True
            wishes.pop()
            del self._found[wish.label]
        return False
