# SPDX-License-Identifier: Apache-2.0
"""What nobody asks for and yet has to be done: bookings whose retention is over are forgotten, a few at a time."""

from __future__ import annotations

from functools import partial

from preroll.domain.changes import Change
from preroll.domain.permission import ENGINE
from preroll.ports.store import Store, Tx

BATCH = 50
"""Bookings in one transaction: it does not hold others up for longer than a command does."""


class Housekeeping:
    """Work of the engine that no booking waits for."""

    def __init__(self, store: Store, batch: int = BATCH) -> None:
        self._store, self._batch = store, batch

    async def sweep(self) -> bool:
        """Forget some bookings that are past their platform's retention; is there more to be done at once?"""
        kept = await self._store.read(
            lambda tx: [p.key for p in tx.platforms.all() if p.config.retention_us is not None]
        )
        return any([await self._store.write(partial(self._purge, key)) for key in kept])

    def _purge(self, key: int, tx: Tx) -> bool:
        platform = tx.platforms.by_key(key)
        if platform.config.retention_us is None:
            return False
        gone = tx.retention.purge(key, tx.now - platform.config.retention_us, self._batch)
        if gone:
            why = "they are past the platform's retention"
            tx.changes.add(Change("platform.purged", platform.id, key, ENGINE.name, f"{gone} bookings", "", why))
        return gone == self._batch
