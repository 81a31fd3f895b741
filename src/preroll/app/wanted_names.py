# SPDX-License-Identifier: Apache-2.0
"""A function or a pool by name in a question: one that is not there is a mistake, not an empty answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

from preroll.domain.errors import Mistake
from preroll.domain.function import Function, Pool
from preroll.domain.near import listed
from preroll.ports.store import Tx


def unknown_names(tx: Tx, platform: int, where: str, function: str, pool: str) -> list[Mistake]:
    """What is wrong with names that no resource bears and no document describes; empty ones ask for nothing.

    Args:
        where: what stands before the name of the field.
    """
    every = tx.catalogue.candidates(platform)
    asked: Sequence[tuple[str, str, Set[str], Callable[[int], Sequence[Function | Pool]]]] = (
        ("function", function, every.functions, tx.catalogue.functions),
        ("pool", pool, every.pools, tx.catalogue.pools),
    )
    found = []
    for field, name, borne, described in asked:
        if not name or name in borne:
            continue
        known = sorted(borne | {one.name for one in described(platform)})
        if name not in known:
            found.append(Mistake(f"{where}{field}", f"there is no {field} {name}", listed(field, name, known)))
    return found
