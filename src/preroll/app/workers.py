# SPDX-License-Identifier: Apache-2.0
"""Workers: who runs what is due, and what none of them reaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from preroll.domain.permission import Actor, permit
from preroll.domain.reach import Labels, written
from preroll.domain.resource import Resource
from preroll.ports.store import Store, Tx
from preroll.ports.workers import Unreached, Worker


@dataclass(frozen=True, slots=True)
class Fleet:
    """All workers, and what they leave out."""

    workers: tuple[Worker, ...]
    unreached: tuple[Unreached, ...]
    paused: tuple[str, ...]
    """Names of the platforms on which nothing begins."""
    now_us: int


class Workers:
    """The processes that run what is due."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def all(self, by: Actor) -> Fleet:
        """Who lives, who is gone and left runs behind, and which resources nobody reaches."""

        return await self._store.read(lambda tx: fleet(tx, by))


def fleet(tx: Tx, by: Actor) -> Fleet:
    """All workers as an actor may know of them."""
    permit(by, "view")
    paused = tuple(p.name for p in tx.platforms.all() if p.config.paused and by.sees(p.key))
    return Fleet(tuple(tx.workers.known()), tuple(tx.workers.unreached()), paused, tx.now)


def out_of_reach(tx: Tx, resources: Sequence[Resource]) -> str:
    """Why no live worker can run what configures these resources; empty: one can."""
    return beyond(resources, tx.workers.reach()) if any(resource.labels for resource in resources) else ""


def beyond(resources: Sequence[Resource], standing: Sequence[Labels]) -> str:
    """Why nobody who stands at one of these places can run what configures these resources; empty: somebody can."""
    labels = frozenset[str]().union(*(resource.places for resource in resources))
    if not labels or any(labels <= place for place in standing):
        return ""
    for resource in resources:
        if not any(resource.places <= place for place in standing):
            return f"waits for a worker with {written(resource.places)}, which reaches {resource.name}: none is there"
    return f"waits for one worker with all of {written(labels)}: there is none"
