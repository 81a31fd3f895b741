# SPDX-License-Identifier: Apache-2.0
"""Versions of service definitions: which may be booked."""

from __future__ import annotations

from preroll.app import judgement, sight
from preroll.app.catalogue import stored
from preroll.app.comparison import Shelf
from preroll.domain.changes import Change
from preroll.domain.definition import PUBLICATION, Publication, PublicationTrigger, ServiceDefinition
from preroll.domain.errors import Invalid, Mistake
from preroll.domain.permission import Actor
from preroll.ports.bundles import Batch
from preroll.ports.store import Store, Tx


class Definitions:
    """Look at a version, publish it, retire it. What it says never changes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, by: Actor, ident: str) -> ServiceDefinition:
        """One version by id."""
        return await self._store.read(lambda tx: sight.definition(tx, by, ident))

    async def publish(self, by: Actor, ident: str) -> ServiceDefinition:
        """Let a version be booked; by its definition's name as well when it is the newest.

        Raises:
            TransitionNotAllowed: it is published. Invalid: what it names is not there any more, or not connected.
        """
        return await self._store.write(lambda tx: _moved(tx, by, ident, PublicationTrigger.PUBLISH))

    async def retire(self, by: Actor, ident: str) -> ServiceDefinition:
        """Let a version be booked no more; bookings that have it keep it.

        Raises:
            TransitionNotAllowed: it is retired.
        """
        return await self._store.write(lambda tx: _moved(tx, by, ident, PublicationTrigger.RETIRE))


def _moved(tx: Tx, by: Actor, ident: str, trigger: PublicationTrigger) -> ServiceDefinition:
    before = sight.definition(tx, by, ident, "catalogue.change")
    after = before.as_publication(PUBLICATION.fire(before.publication, trigger))
    home = tx.platforms.by_key(before.platform)
    if after.publication is Publication.PUBLISHED:
        shelf = Shelf(stored(tx, home)).after([after], ())
        if found := judgement.mistakes_in(after, shelf):
            raise Invalid([Mistake(f"definition.{m.where}", m.what, m.expected) for m in found])
    tx.bundles.advance(home.key, home.catalogue_version)
    tx.bundles.carry_out(tx.bundles.prepare(home.key, Batch(moved=[after])))
    kind = f"service_definition.{after.publication.value}"
    change = Change(kind, after.id, home.key, by.name, before.publication, after.publication, revision=after.version)
    tx.changes.add(change)
    return after
