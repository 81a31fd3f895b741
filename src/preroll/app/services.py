# SPDX-License-Identifier: Apache-2.0
"""The services that orders make: read them, have them audited, and let go of what cannot be repaired."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from preroll.app import order_holding, overlaying, service_dependencies
from preroll.app.asking import Ask, command
from preroll.app.audits import Audits, audits_of
from preroll.app.orders import never_audited
from preroll.app.service_drift import Drift, drift_of, forgotten, known_of
from preroll.domain.audit import Verdict
from preroll.domain.auditing import asked_by, audit_again, is_audited_soon, is_planned
from preroll.domain.booking import Booking
from preroll.domain.changes import Change
from preroll.domain.definition import ServiceDefinition
from preroll.domain.differences import Alarm
from preroll.domain.errors import ActionNotPossible, Invalid, Mistake, NotFound, require_seen
from preroll.domain.order import OrderKind
from preroll.domain.ordered import Service, ServiceRevision
from preroll.domain.permission import Actor, permit
from preroll.domain.quarantine import Loss
from preroll.domain.service_instance import EXISTS, PROVISIONED, ServiceTrigger, possible_orders
from preroll.ports.orders import ServiceFilter, ServicePage
from preroll.ports.store import Store, Tx

Rule = Callable[[Tx, Service], Service]
"""What is done to a service; answers it as it is then."""


@dataclass(frozen=True, slots=True)
class ServiceMade:
    """A service, and what it is made of: what a list says of it."""

    service: Service
    platform: str
    """Name."""
    definition: ServiceDefinition
    carrier: Booking
    """What it is made of now, and what it holds: nodes, properties, since when."""
    revisions: tuple[ServiceRevision, ...]
    """Oldest first."""


@dataclass(frozen=True, slots=True)
class ServiceDetails(ServiceMade):
    """A service with all that a screen shows of it."""

    orders: tuple[OrderKind, ...]
    """The kinds of orders that can be made for it now."""
    known: Verdict | None = None
    """What its audits say now; None: it is gone."""
    auditing: bool = False
    """An audit is due or under way."""
    drift: Drift = field(default_factory=Drift)
    """What its devices have otherwise than it was left on them."""
    alarms: tuple[Alarm, ...] = ()
    """What somebody has to look at."""
    next_audit_us: int | None = None
    """When it is audited by itself next; None: no such audit is planned."""
    conflicts: tuple[Loss, ...] = ()
    """What it holds though a resource was changed beneath it and cannot give it."""
    needs: tuple[Service, ...] = ()
    """The services that it needs."""
    needed_by: tuple[Service, ...] = ()
    """Those that need it; both without what is out of sight."""
    overlays: tuple[Booking, ...] = ()
    """What changes it for a while and is not over, the first first."""


class Services:
    """Services, from the first completed provision on.

    Every method raises NotFound for an id that is unknown or out of sight, Stale when ``seen`` is not the revision of
    the service's record any more (None skips that guard), and NotPermitted. A refusal changes nothing.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, by: Actor, ident: str) -> ServiceDetails:
        """One service; one that was decommissioned too."""
        return await self._store.read(lambda tx: service_details(tx, by, visible_service(tx, by, ident)))

    async def page(self, by: Actor, where: ServiceFilter, before: int | None = None, limit: int = 100) -> ServicePage:
        """Those that the actor sees, newest first, from below a key; without a filter of states also those gone."""
        permit(by, "view", where.platform)
        return await self._store.read(lambda tx: tx.services.page(replace(where, sight=by.sight), before, limit))

    async def listing(
        self, by: Actor, where: ServiceFilter, offset: int, limit: int
    ) -> tuple[int, list[ServiceMade]]:  # fmt: skip
        """How many there are that the actor sees, and some of them, newest first, with what they are made of."""
        permit(by, "view", where.platform)

        def query(tx: Tx) -> tuple[int, list[ServiceMade]]:
            total, found = tx.services.listing(replace(where, sight=by.sight), offset, limit)
            return total, _made(tx, found)

        return await self._store.read(query)

    async def history(self, by: Actor, ident: str) -> list[Change]:
        """All that happened to it, oldest first."""
        return await self._store.read(lambda tx: tx.changes.of(visible_service(tx, by, ident).id))

    async def audits(self, by: Actor, ident: str, limit: int = 20) -> Audits:
        """What its audits found, the newest rounds first."""

        def query(tx: Tx) -> Audits:
            carrier = tx.bookings.get(visible_service(tx, by, ident).id, hidden=True)
            return audits_of(tx, carrier, limit)

        return await self._store.read(query)

    async def audit(self, by: Actor, ident: str, ask: Ask[ServiceDetails] | None = None) -> ServiceDetails:
        """Have all its checks made now; an audit that waits already is the one.

        Raises:
            ActionNotPossible: it is gone.
        """

        def rule(tx: Tx, before: Service) -> Service:
            if before.state not in EXISTS:
                what = f"there is nothing to audit: it is {before.state}"
                raise ActionNotPossible(what, hint="look at its orders")
            have_audited(tx, tx.bookings.get(before.id, hidden=True), asked_by(by.name))
            tell_service(tx, by, "service.audit_asked", before, before)
            return before

        return await changed_service(self._store, by, "audit", ident, None, rule, ask)

    async def abandon(
        self, by: Actor, ident: str, seen: int | None, name: str, why: str = "", ask: Ask[ServiceDetails] | None = None
    ) -> ServiceDetails:
        """Give up one that failed to deploy, without touching a device: it exists no more, its resources are free.

        What is left on the devices stays marked *not reset* until somebody has prepared them again.

        Args:
            name: its name once more, as it cannot be taken back.

        Raises:
            Invalid: the name is another one. ActionNotPossible: it did not fail, or other services need it.
        """

        def rule(tx: Tx, before: Service) -> Service:
            if not PROVISIONED.may(before.state, ServiceTrigger.ABANDON):
                possible = ", ".join(possible_orders(before.state)) or "none"
                raise ActionNotPossible(
                    f"abandon is not possible: the service is {before.state}", hint=f"orders for it: {possible}"
                )
            if name != before.name:
                raise Invalid([Mistake("name", f"is {name!r}", f"the service's name, {before.name!r}, to confirm it")])
            service_dependencies.require_unneeded(tx, by, before.id)
            overlaying.require_none(tx, before.id)
            order_holding.end_service(tx, before, residue=True)
            never_audited(tx, before)
            state = PROVISIONED.fire(before.state, ServiceTrigger.ABANDON)
            after = tx.services.put(replace(before, state=state, deployed=None))
            forgotten(tx, after, "abandon")
            tell_service(tx, by, "service.state", before, after, why, "abandon")
            service_dependencies.look_again(tx, after.platform, {after.id})
            return after

        return await changed_service(self._store, by, "abandon", ident, seen, rule, ask)


async def changed_service(
    store: Store, by: Actor, action: str, ident: str, seen: int | None, rule: Rule, ask: Ask[ServiceDetails] | None
) -> ServiceDetails:
    """Do something with a service, in one unit.

    Raises:
        NotFound, NotPermitted. Stale: ``seen`` is not its revision any more; None skips that guard. What the rule does.
    """

    def unit(tx: Tx) -> ServiceDetails:
        before = visible_service(tx, by, ident, f"service.{action}")
        require_seen(f"service {ident}", seen, before.revision)
        return service_details(tx, by, rule(tx, before))

    return await command(store, by, unit, ask)


def visible_service(tx: Tx, by: Actor, ident: str, action: str = "view") -> Service:
    """A service by id.

    Raises:
        NotFound: it is unknown, or out of sight. NotPermitted.
    """
    found = tx.services.get(ident)
    if not by.sees(found.platform, found.scopes):
        raise NotFound("service", ident)
    permit(by, action, found.platform)
    return found


def service_details(tx: Tx, by: Actor, service: Service) -> ServiceDetails:
    """Put a service's details together."""
    definition = tx.catalogue.definition_by_key(service.definition)
    carrier = tx.bookings.get(service.id, hidden=True)
    boundaries, exists = tx.boundaries.of(carrier.key), service.state in EXISTS
    drift = drift_of(tx, service, carrier) if exists else Drift()
    planned = next((b.due_us for b in boundaries if is_planned(b, tx.now)), None)
    needs = tx.services.several(service.needs).values() if exists else ()
    return ServiceDetails(
        service, tx.platforms.by_key(service.platform).name, definition, carrier,
        tuple(tx.services.revisions(service.key)), possible_orders(service.state),
        known=known_of(tx, carrier, boundaries, drift) if exists else None,
        auditing=is_audited_soon(boundaries, tx.now), drift=drift,
        alarms=tuple(tx.service_audits.alarms(service.key)) if exists else (),
        next_audit_us=planned if exists else None,
        conflicts=tuple(tx.losses.of(carrier.key)) if exists else (),
        needs=tuple(one for one in needs if by.sees(one.platform, one.scopes)),
        overlays=tuple(one for one in tx.bookings.overlays(service.id) if by.sees(one.platform, one.scopes)),
        needed_by=tuple(one for one in tx.services.needing(service.id) if by.sees(one.platform, one.scopes)),
    )  # fmt: skip


def _made(tx: Tx, found: Sequence[Service]) -> list[ServiceMade]:
    """What each of these is made of, in a number of queries that does not grow with theirs."""
    if not found:
        return []
    homes = {platform.key: platform.name for platform in tx.platforms.all()}
    definitions = tx.catalogue.definitions_by_key({one.definition for one in found})
    carriers = {one.id: one for one in tx.bookings.several({one.id for one in found})}
    revisions = tx.services.revisions_of([one.key for one in found])
    return [
        ServiceMade(
            one, homes[one.platform], definitions[one.definition], carriers[one.id], tuple(revisions.get(one.key, ()))
        )
        for one in found
    ]  # fmt: skip


def have_audited(tx: Tx, carrier: Booking, why: str) -> None:
    """Have all checks of a service made now, or those of the event that is named."""
    tx.boundaries.upsert(audit_again(tx.boundaries.of(carrier.key), carrier.key, tx.now, why))


def tell_service(
    tx: Tx, by: Actor, kind: str, before: Service | None, after: Service, why: str = "", cause: str = ""
) -> None:
    """Write a fact about a service down."""
    tx.changes.add(service_change(by, kind, before, after, why, cause))


def service_change(
    by: Actor, kind: str, before: Service | None, after: Service, why: str = "", cause: str = ""
) -> Change:
    """The same, to be written down with others."""
    was = before.state.value if before else ""
    return Change(kind, after.id, after.platform, by.name, was, after.state.value, why, cause, after.revision)
