# SPDX-License-Identifier: Apache-2.0
"""Orders and services as a screen lists them, and the names behind their ids. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from preroll.app.order_views import visible
from preroll.app.services import visible_service
from preroll.domain.audit import Verdict
from preroll.domain.auditing import stands
from preroll.domain.booking import NodeChoice
from preroll.domain.errors import NotFound
from preroll.domain.order_content import content_of
from preroll.domain.ordered import Service
from preroll.domain.permission import Actor, permit
from preroll.domain.service_instance import EXISTS
from preroll.ports.orders import NEWEST, OrderFilter, OrderPage, Place, ServiceFilter, ServicePage, Sorting
from preroll.ports.store import Store, Tx

ORDERS_OF_ONE = 20
"""Orders that are listed with their service."""


@dataclass(frozen=True, slots=True)
class Names:
    """What ids stand for."""

    services: Mapping[str, str] = field(default_factory=dict)
    """Of those that exist, or did."""
    resources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceShelf:
    """One page of a list of services."""

    page: ServicePage
    known: Mapping[str, Verdict]
    """Id -> what its audits say; of those whose definition has some."""
    definitions: Mapping[int, str]
    """Key -> name."""


class OrderedViews:
    """Reads for people; who may not see a platform is told that it is not there."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def orders(
        self, by: Actor, where: OrderFilter, sorting: Sorting = NEWEST, after: Place | None = None, limit: int = 100
    ) -> OrderPage:
        """Those that the actor sees, sorted, from after a place."""
        permit(by, "view", where.platform)
        seen = replace(where, sight=by.sight)
        return await self._store.read(lambda tx: tx.orders.sorted(seen, sorting, after, limit))

    async def services(
        self, by: Actor, where: ServiceFilter, sorting: Sorting = NEWEST, after: Place | None = None, limit: int = 100
    ) -> ServiceShelf:
        """Those that the actor sees, sorted, from after a place, with what their audits say."""
        permit(by, "view", where.platform)
        seen = replace(where, sight=by.sight)

        def query(tx: Tx) -> ServiceShelf:
            page = tx.services.sorted(seen, sorting, after, limit)
            definitions = {s.definition: tx.catalogue.definition_by_key(s.definition) for s in page.items}
            audited = [s for s in page.items if s.state in EXISTS]
            named = {key: definition.name for key, definition in definitions.items()}
            return ServiceShelf(page, _known(tx, audited), named)

        return await self._store.read(query)

    async def names_in_order(self, by: Actor, ident: str) -> Names:
        """The services and the resources that an order is about, and the services that it needs."""

        def query(tx: Tx) -> Names:
            order = visible(tx, by, ident)
            plan = tx.orders.plan(order.key)
            ids = {device.resource for device in plan.devices} if plan else set()
            services = {}
            for item in order.items:
                ids |= _resources(content_of(item)[0].nodes.values())
                try:
                    services[item.service] = tx.services.get(item.service).name
                except NotFound:
                    continue
            needed = tx.services.several({ident for item in order.items for ident in item.needs or ()})
            services |= {i: one.name for i, one in needed.items() if by.sees(one.platform, one.scopes)}
            return Names(services, _named(tx, order.platform, ids))

        return await self._store.read(query)

    async def names_in_service(self, by: Actor, ident: str) -> Names:
        """The resources of a service, in any of its revisions."""

        def query(tx: Tx) -> Names:
            service = visible_service(tx, by, ident)
            ids = _resources(tx.bookings.get(service.id, hidden=True).nodes.values())
            for revision in tx.services.revisions(service.key):
                ids |= _resources(revision.nodes.values())
            return Names({service.id: service.name}, _named(tx, service.platform, ids))

        return await self._store.read(query)

    async def orders_of(self, by: Actor, ident: str) -> OrderPage:
        """The newest orders with an item on a service."""

        def query(tx: Tx) -> OrderPage:
            where = OrderFilter(service=visible_service(tx, by, ident).id, sight=by.sight)
            return tx.orders.page(where, None, ORDERS_OF_ONE)

        return await self._store.read(query)


def _known(tx: Tx, services: Iterable[Service]) -> dict[str, Verdict]:
    """What the audits of these services say, in three questions for all of them."""
    carriers = {b.id: b for b in tx.bookings.several({service.id for service in services})}
    times = tx.nights.boundaries(b.key for b in carriers.values())
    rounds = tx.nights.rounds(b.key for b in carriers.values())
    said = {i: stands(b, times.get(b.key, ()), rounds.get(b.key, ())) for i, b in carriers.items()}
    return {ident: verdict for ident, verdict in said.items() if verdict is not None}


def _resources(choices: Iterable[NodeChoice | None]) -> set[str]:
    return {choice.resource for choice in choices if choice and choice.resource}


def _named(tx: Tx, platform: int, ids: set[str]) -> dict[str, str]:
    return {r.id: r.name for r in tx.catalogue.resources(platform, ids=sorted(ids))} if ids else {}
