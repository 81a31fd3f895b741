# SPDX-License-Identifier: Apache-2.0
"""What is told when a row is not there, or not any more what a transaction read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from preroll.domain.errors import NotFound, Stale

R = TypeVar("R")
Contested = tuple[str, int]
"""Its table and its key."""


def there(rows: Sequence[R], what: str, wanted: object) -> R:
    """The first one. Raises NotFound: there is none."""
    if not rows:
        raise NotFound(what, wanted)
    return rows[0]


class LostRace(Stale):
    """Somebody else wrote a row between this transaction's reading and its writing: run again, it sees what they wrote.

    Not to be confused with a caller who names an old revision: that is Stale however often it is tried.
    """

    def __init__(self, what: str, seen: int, stored: int, row: Contested) -> None:
        self.row = row
        super().__init__(what, seen, stored)
