# SPDX-License-Identifier: Apache-2.0
"""What a form to book starts from: the times that a platform proposes, and what can be booked on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from preroll.app import sight
from preroll.domain.booking import Timing
from preroll.domain.config import AskedTiming
from preroll.domain.definition import Publication, ServiceDefinition
from preroll.domain.permission import Actor
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.ports.store import Store, Tx


@dataclass(frozen=True, slots=True)
class Proposal:
    """What there is to choose from."""

    timing: Timing
    """With the platform's defaults where nothing is asked for."""
    definitions: Mapping[str, ServiceDefinition]
    """By name, the newest version of each that can be booked."""
    profiles: Mapping[str, ProfileDefinition]
    instances: Mapping[str, ProfileInstance]


class Proposals:
    """What platforms propose to who books."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, by: Actor, platform: str, asked: AskedTiming) -> Proposal:
        """What a platform proposes to who has said so much of when.

        Raises:
            NotFound: no such platform.
        """

        def query(tx: Tx) -> Proposal:
            home = sight.platform(tx, by, platform)
            newest = {d.name: d for d in tx.catalogue.definitions(home.key) if d.publication is Publication.PUBLISHED}
            return Proposal(
                asked.timing(home.config.defaults, tx.now),
                newest,
                {p.name: p for p in tx.catalogue.profile_definitions(home.key)},
                {i.name: i for i in tx.catalogue.profile_instances(home.key)},
            )

        return await self._store.read(query)
