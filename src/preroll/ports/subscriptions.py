# SPDX-License-Identifier: Apache-2.0
"""What the middle asks of the store for subscriptions: each with its own place in the change log, and one deliverer."""

from __future__ import annotations

from collections.abc import Set
from typing import Protocol

from preroll.domain.subscription import DeadLetter, Kind, Progress, Status, Subscription


class Subscriptions(Protocol):
    """The subscriptions of a transaction."""

    def all(self, owner: str | None = None) -> list[Subscription]:
        """Of one person, or of everybody; by owner and name."""
        ...

    def get(self, ident: str) -> Subscription:
        """Raises NotFound."""
        ...

    def add(self, subscription: Subscription) -> Subscription:
        """Store a new one. A name that its owner has used raises NameInUse."""
        ...

    def put(self, subscription: Subscription) -> Subscription:
        """Store a changed one under its next revision; its place is left alone, and it is tried again at once.

        Raises:
            Stale. NameInUse.
        """
        ...

    def remove(self, key: int) -> None:
        """With its dead letters."""
        ...

    def claimable(self, holder: str, kinds: Set[Kind]) -> set[tuple[int, int]]:
        """Key and revision of each that ``claim`` would answer; nothing is written."""
        ...

    def claim(self, holder: str, kinds: Set[Kind], lease_us: int) -> list[Subscription]:
        """Those that this process is to deliver: its own, and those whose deliverer is gone; not those that are paused.

        Args:
            holder: a word for this process that no other one has.
            kinds: what this process can deliver.
            lease_us: for how long nobody else takes them.
        """
        ...

    def release(self, holder: str | None) -> None:
        """This process delivers nothing more: others may take over now. None: nobody does."""
        ...

    def move(self, key: int, holder: str, status: Status, progress: Progress) -> bool:
        """Write down how far it has come; False: another process delivers it now, or it is gone, or was paused."""
        ...

    def bury(self, key: int, letter: DeadLetter) -> None:
        """Keep a message that was given up; once, however often it is asked."""
        ...

    def letters(self, key: int, limit: int = 100) -> list[DeadLetter]:
        """Its dead letters, oldest first."""
        ...

    def unbury(self, key: int, ident: str) -> None:
        """A dead letter was taken after all."""
        ...
