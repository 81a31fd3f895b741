# SPDX-License-Identifier: Apache-2.0
"""The order of names, as people count: ``enc-2`` before ``enc-10``."""

from __future__ import annotations

import re
from functools import lru_cache

_NUMBER = re.compile(r"(\d+)")

Counted = tuple[tuple[str | int, ...], str]
"""A name's words and numbers in turns, words first and without capitals; then the name itself, so that no two names are
alike."""


@lru_cache(maxsize=1 << 15)
def counted(name: str) -> Counted:
    """What names are sorted by where people read them.

    Args:
        name: as it is shown, 200 characters at most.
    """
    parts = _NUMBER.split(name.casefold())
    return tuple(int(part) if place % 2 else part for place, part in enumerate(parts)), name
