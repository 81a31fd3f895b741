# SPDX-License-Identifier: Apache-2.0
"""What the middle asks of the store for whole bundles: many documents in few statements."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from preroll.domain.bundle import Document, Title
from preroll.domain.definition import ServiceDefinition


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be done to the catalogue of one platform."""

    added: Sequence[Document] = ()
    changed: Sequence[Document] = ()
    """Each with id, key and revision (a definition: version) of what is stored now."""
    moved: Sequence[ServiceDefinition] = ()
    """Versions that are only published or retired, as they will be."""
    removed: Sequence[Document] = ()
    """As they are stored."""
    bundle: str = ""
    """Remembered as the creator of what is added; empty: nobody is."""

    @property
    def moving(self) -> tuple[Sequence[Document], Sequence[Document]]:
        """What is added, and what is changed."""
        return self.added, self.changed


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch as the store will write it, so that the writer has little left to do."""

    statements: Sequence[tuple[str, tuple[object, ...]]]
    """The store's own."""
    stored: Mapping[Title, Document]
    """What is added and changed, as it will be stored but for the keys of new ones."""


class User(NamedTuple):
    """A booking that needs something."""

    id: str
    name: str


class Bundles(Protocol):
    """Bundles of a transaction."""

    def advance(self, platform: int, seen: int) -> None:
        """Count a change of the platform's catalogue.

        Raises:
            Stale: it is not at this version any more.
        """
        ...

    def created_by(self, platform: int, bundle: str) -> set[Title]:
        """What a bundle created that is still there."""
        ...

    def prepare(self, platform: int, batch: Batch) -> Prepared:
        """Work it out, also on a snapshot: it is good as long as the catalogue is at the same version."""
        ...

    def carry_out(self, prepared: Prepared) -> None:
        """Write it all, in a transaction that has advanced the catalogue: by its version others know what they read."""
        ...

    def holders(self, resources: Collection[int]) -> list[tuple[int, User]]:
        """(key of a resource, booking) of each that runs on one of these, or has left it not reset."""
        ...

    def bookers(self, definitions: Collection[int]) -> list[tuple[int, User]]:
        """(key of a definition's version, booking) of each that has not ended, or not well, and is pinned to one."""
        ...

    def choosers(self, platform: int, instances: Collection[str]) -> list[tuple[str, User]]:
        """(name of a profile instance, booking) of each that has not ended, or not well, and has chosen one."""
        ...
