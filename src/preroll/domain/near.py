# SPDX-License-Identifier: Apache-2.0
"""Names that are near one that is not known: what somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from heapq import nsmallest

SHOWN = 5
"""How many known names are told beside an unknown one."""
MOST_COMPARED = 50_000
"""So many names are compared for one answer; who has more mistakes than that is told the first names."""


class Names:
    """The known names of one kind."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = {name.casefold(): name for name in known}
        self._first = nsmallest(SHOWN, self._known.values())
        self._left = MOST_COMPARED

    def near(self, name: str) -> list[str]:
        """Those like the name, the likeliest first, whatever their case; when none is like it, the first of all."""
        self._left -= len(self._known)
        close = get_close_matches(name.casefold(), self._known, SHOWN) if self._left >= 0 else ()
        return [self._known[one] for one in close] or self._first

    def listed(self, kind: str, name: str) -> str:
        """What is expected instead of a name that is not known: where all of them are told, and those that are near.

        Args:
            kind: as the command line has it: ``profile``.
        """
        near = self.near(name)
        return f"one of those that preroll {kind} list shows{': ' if near else ''}{', '.join(near)}"


def listed(kind: str, name: str, known: Iterable[str]) -> str:
    """The same of a single name."""
    return Names(known).listed(kind, name)


def told(name: str, known: Sequence[str]) -> str:
    """These fields as what was expected instead of a name, the nearest first."""
    near = get_close_matches(name, known, 1)
    others = ", ".join(field for field in known if field not in near)
    if near:
        return f"{near[0]}, or another of: {others}" if others else near[0]
    return f"one of: {others}" if others else "no field"
