# SPDX-License-Identifier: Apache-2.0
"""Who has how much of resources when, when they are closed, and when they are free."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from preroll.app import sight
from preroll.app.wanted_names import unknown_names
from preroll.domain.errors import Invalid, Mistake
from preroll.domain.free_busy import Stretch, course
from preroll.domain.permission import Actor
from preroll.domain.resource import Resource
from preroll.domain.window import DAY, SECOND, Window
from preroll.ports.store import Store, Tx

LONGEST_DAYS = 366
MOST = 500
"""Resources of one question."""


@dataclass(frozen=True, slots=True)
class Which:
    """Of which resources: by id or name, or all that have a function and are of a pool."""

    platform: str = "default"
    named: Collection[str] = ()
    """Ids or names; none: all that the others let through."""
    function: str = ""
    pool: str = ""


Course = tuple[Resource, Sequence[Stretch]]
"""A resource, and the stretches of a window without a gap."""


class FreeBusy:
    """The course of resources."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def courses(self, by: Actor, which: Which, within: Window) -> list[Course]:
        """Each resource, by name, with the stretches of a window.

        Raises:
            Invalid: the window is too long or has no end, a resource, function or pool does not exist, or there are
                too many.
        """

        return await self._store.read(lambda tx: _courses(tx, by, which, within))

    async def ahead(self, by: Actor, which: Which, length_us: int) -> list[Course]:
        """The same of a window that begins now.

        Raises:
            as ``courses``.
        """

        def query(tx: Tx) -> list[Course]:
            return _courses(tx, by, which, Window(tx.now // SECOND * SECOND, tx.now // SECOND * SECOND + length_us))

        return await self._store.read(query)


def _courses(tx: Tx, by: Actor, which: Which, within: Window) -> list[Course]:
    platform = sight.platform(tx, by, which.platform)
    if not within.start < within.until <= within.start + LONGEST_DAYS * DAY:
        raise Invalid([Mistake("to", "is not after from, or too long after", f"at most {LONGEST_DAYS} days")])
    resources = _resources(tx, platform.key, which)
    usages = sight.usages(tx, by, platform.key, tx.reservations.usages(resources, within))
    return [(r, course(r, within, usages.get(r.key, ()), tx.now)) for r in resources]


def _resources(tx: Tx, platform: int, which: Which) -> list[Resource]:
    found = [
        r for r in tx.catalogue.resources(platform)
        if which.function in ("", r.function) and (not which.pool or which.pool in r.pools)
        and (not which.named or r.id in which.named or r.name in which.named)
    ]  # fmt: skip
    known = {word for r in found for word in (r.id, r.name)}
    mistakes = unknown_names(tx, platform, "", which.function, which.pool) or [
        Mistake("resource", f"there is no resource {word} with this function and pool", "an id or a name")
        for word in dict.fromkeys(which.named)
        if word not in known
    ]
    if len(found) > MOST:
        mistakes.append(Mistake("resource", f"are {len(found)}", f"at most {MOST}: name them, or a pool or function"))
    if mistakes:
        raise Invalid(mistakes)
    return found
