# SPDX-License-Identifier: Apache-2.0
"""What open pages are told: changes as they happen, and how the bookings that they are about stand then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from preroll.app import sight
from preroll.app.timeline import Blocks, blocks_of
from preroll.domain.changes import Change
from preroll.domain.permission import Actor, permit
from preroll.ports.store import Store, Tx

OF_BOOKINGS = "booking."


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at a platform, for all who see the same."""

    by: Actor
    platform: int
    """Its key."""


@dataclass(frozen=True, slots=True)
class News:
    """What somebody may know of some changes."""

    changes: tuple[Change, ...] = ()
    blocks: Blocks | None = None
    """How the bookings that they are about stand; None: they are about none."""
    gone: frozenset[str] = frozenset()
    """Ids of those that are not there any more."""


@dataclass(frozen=True, slots=True)
class Coming:
    """A part of the change log."""

    position: str
    """Where it goes on."""
    news: tuple[tuple[Viewer, News], ...] = ()
    """For each viewer."""


class Live:
    """The change log as those who watch see it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def coming(self, after: str, timeout: float, limit: int, viewers: Callable[[], Sequence[Viewer]]) -> Coming:
        """What is after the cursor, as soon as there is something, for each of the viewers; read in one go.

        Args:
            timeout: in seconds; then there is nothing for anybody.
            limit: of changes.
            viewers: who there is, asked for when there is something: whoever comes later finds it in the change log. Is
                called in any thread.
        """
        found = await self._store.feed.coming(after, timeout, limit, partial(_for_each, viewers=viewers))
        return found or Coming(after)

    async def of(self, viewer: Viewer, changes: Sequence[Change]) -> News:
        """The same of changes that are known."""
        return await self._store.read(lambda tx: _news(tx, viewer, changes))


def _for_each(tx: Tx, found: Sequence[Change], viewers: Callable[[], Sequence[Viewer]]) -> Coming:
    return Coming(found[-1].position, tuple((one, _news(tx, one, found)) for one in viewers()))


def _news(tx: Tx, viewer: Viewer, found: Sequence[Change]) -> News:
    by, platform = viewer.by, viewer.platform
    permit(by, "view", platform)
    seen = sight.changes(tx, by, [change for change in found if change.platform == platform])
    idents = {change.subject for change in seen if change.kind.startswith(OF_BOOKINGS)}
    if not idents:
        return News(tuple(seen))
    blocks = blocks_of(tx, tx.platforms.by_key(platform), tx.timeline.several(platform, idents, by.sight), fine=True)
    return News(tuple(seen), blocks, frozenset(idents).difference(block.placed.id for block in blocks.blocks))
