# SPDX-License-Identifier: Apache-2.0
"""Names that are near one that is not known: what somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable
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
