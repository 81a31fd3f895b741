# SPDX-License-Identifier: Apache-2.0
"""Resources as people look for them, and the pools and functions that they make up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from preroll.app import sight
from preroll.domain.function import Function, Pool
from preroll.domain.naming import Counted, counted
from preroll.domain.permission import Actor
from preroll.domain.resource import Mode, Resource
from preroll.ports.store import Store, Tx

Place = tuple[int, str]
"""Where a resource stands in a list: names are unique."""


class SortBy(StrEnum):
    """The order of a list; a minus turns it round."""

    NAME = "name"
    NAME_DOWN = "-name"
    PRIORITY = "priority"
    PRIORITY_DOWN = "-priority"

    @property
    def downward(self) -> bool:
        """Is it turned round?"""
        return self in (SortBy.NAME_DOWN, SortBy.PRIORITY_DOWN)

    def place(self, resource: Resource) -> Place:
        """Where a resource stands."""
        return resource.priority if self in (SortBy.PRIORITY, SortBy.PRIORITY_DOWN) else 0, resource.name

    def follows(self, resource: Resource, after: Place) -> bool:
        """Does a resource stand after a place?"""
        one, other = _counted(self.place(resource)), _counted(after)
        return one < other if self.downward else one > other


def _counted(place: Place) -> tuple[int, Counted]:
    return place[0], counted(place[1])


@dataclass(frozen=True, slots=True)
class ResourceFilter:
    """Which resources a list shows: those to which all of this applies."""

    text: str = ""
    """Part of the name, case-folded."""
    pool: str = ""
    function: str = ""
    modes: frozenset[Mode] = frozenset()
    """One of these; empty: any."""
    capabilities: Mapping[str, object] = field(default_factory=dict)
    """Capability -> the value that it must admit; None: it has the capability at all."""
    labels: Mapping[str, str] = field(default_factory=dict)
    hands_off: bool | None = None

    def among(self, resources: Iterable[Resource]) -> list[Resource]:
        """Those that it shows."""
        text = self.text.casefold()
        return [
            r for r in resources
            if (not text or text in r.name.casefold())
            and (not self.pool or self.pool in r.pools)
            and self.function in ("", r.function)
            and (not self.modes or r.mode in self.modes)
            and self.hands_off in (None, r.hands_off)
            and all(r.labels.get(name) == value for name, value in self.labels.items())
            and all(_can(r, name, value) for name, value in self.capabilities.items())
        ]  # fmt: skip


def _can(resource: Resource, name: str, value: object) -> bool:
    known = resource.capabilities.get(name)
    return known is not None and (value is None or known.admits(value))


class Resources:
    """Look for resources, pools and functions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(
        self, by: Actor, platform: str, where: ResourceFilter, sort: SortBy, after: Place | None, limit: int
    ) -> tuple[list[Resource], Place | None]:
        """So many resources after a place of the list, and the last one's place when there are more."""

        def query(tx: Tx) -> list[Resource]:
            return tx.catalogue.resources(sight.platform(tx, by, platform).key)

        found = where.among(await self._store.read(query))
        found.sort(key=lambda r: _counted(sort.place(r)), reverse=sort.downward)
        if after is not None:
            found = [r for r in found if sort.follows(r, after)]
        return found[:limit], sort.place(found[limit - 1]) if len(found) > limit else None

    async def pools(self, by: Actor, platform: str) -> list[tuple[Pool, int]]:
        """All pools of a platform by name, each with how many resources are in it; revision 0: only they name it."""

        def query(tx: Tx) -> list[tuple[Pool, int]]:
            home = sight.platform(tx, by, platform)
            counts = Counter(name for r in tx.catalogue.resources(home.key) for name in r.pools)
            known = {p.name: p for p in tx.catalogue.pools(home.key)}
            return [(known.get(n) or Pool(n, revision=0), counts[n]) for n in _names(known, counts)]

        return await self._store.read(query)

    async def functions(self, by: Actor, platform: str) -> list[tuple[Function, int]]:
        """All functions of a platform by name, each with how many resources have it; revision 0: only they name it."""

        def query(tx: Tx) -> list[tuple[Function, int]]:
            home = sight.platform(tx, by, platform)
            counts = Counter(r.function for r in tx.catalogue.resources(home.key) if r.function)
            known = {f.name: f for f in tx.catalogue.functions(home.key)}
            return [(known.get(n) or Function(n, revision=0), counts[n]) for n in _names(known, counts)]

        return await self._store.read(query)


def _names(known: Iterable[str], used: Iterable[str]) -> list[str]:
    """Every name once, in its order."""
    return sorted({*known, *used}, key=counted)
