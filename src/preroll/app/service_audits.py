# SPDX-License-Identifier: Apache-2.0
"""What people make of a configuration audit: accept what the devices have, or approve that they differ for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from preroll.app import accepting, holding, order_holding, overlaying, service_drift
from preroll.app.asking import Ask, require_reason
from preroll.app.service_drift import drift_of
from preroll.app.services import ServiceDetails, changed_service, have_audited, tell_service
from preroll.domain.auditing import asked_by, is_audited_soon
from preroll.domain.booking import Booking, NodeChoice
from preroll.domain.definition import ServiceDefinition
from preroll.domain.differences import LONGEST_APPROVAL, Allowance, Difference, Known
from preroll.domain.errors import ActionNotPossible, Invalid, Mistake
from preroll.domain.order import OrderState
from preroll.domain.ordered import Service, ServiceRevision
from preroll.domain.permission import Actor
from preroll.domain.service_instance import EXISTS, PROVISIONED, ServiceTrigger
from preroll.domain.window import DAY
from preroll.ports.orders import OrderFilter
from preroll.ports.store import Store, Tx


@dataclass(frozen=True, slots=True)
class Approved:
    """Which differences are approved, why, and until when."""

    drift: str
    """Hash of the differences as they were seen; the service's details have it."""
    reason: str
    until_us: int
    only: Sequence[tuple[str, str]] = ()
    """(node, path) of each; none: all of them."""


class ServiceAudits:
    """What follows from the audits of services.

    Every method raises NotFound for an id that is unknown or out of sight, Stale when ``seen`` is not the revision of
    the service's record any more (None skips that guard), and NotPermitted. A refusal changes nothing.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def accept(
        self, by: Actor, ident: str, seen: int | None, drift: str, reason: str, ask: Ask[ServiceDetails] | None = None
    ) -> ServiceDetails:
        """Have the service be what its devices have: a new revision, which is deployed already. No device is touched.

        Args:
            drift: hash of the differences as they were seen.
            reason: kept in the change log.

        Raises:
            ActionNotPossible: nothing differs, an audit is under way, or an order works on it.
            Invalid: there is no reason, or a difference cannot be taken; each is told with why. Stale: others differ
                now. Conflict: somebody holds what it would need.
        """

        def rule(tx: Tx, before: Service) -> Service:
            require_reason(reason)
            carrier, known = _fresh(tx, before, drift, "accept")
            if not PROVISIONED.may(before.state, ServiceTrigger.ACCEPT) or _is_worked_on(tx, before):
                raise ActionNotPossible("an order works on the service", hint="wait until it has ended")
            definition = tx.catalogue.definition_by_key(before.definition)
            nodes = _as_found(tx, before, carrier, definition, [one.difference for one in known])
            number = max(r.number for r in tx.services.revisions(before.key)) + 1
            tx.services.revise(before.key, ServiceRevision(number, nodes, carrier.properties, needs=before.needs))
            carrier = order_holding.accept_nodes(tx, carrier, nodes, ServiceTrigger.ACCEPT)
            state = PROVISIONED.fire(before.state, ServiceTrigger.ACCEPT)
            after = replace(before, state=state, desired=number, deployed=number, last_good=number)
            after = tx.services.put(after)
            overlaying.follow(tx, after, ServiceTrigger.ACCEPT)
            service_drift.forgotten(tx, after, ServiceTrigger.ACCEPT)
            told = f"{reason}: {service_drift.said([one.difference for one in known])}"
            tell_service(tx, by, "service.accepted", before, after, told, ServiceTrigger.ACCEPT)
            have_audited(tx, carrier, asked_by(by.name))
            return after

        return await changed_service(self._store, by, "accept", ident, seen, rule, ask)

    async def approve(
        self, by: Actor, ident: str, seen: int | None, approved: Approved, ask: Ask[ServiceDetails] | None = None
    ) -> ServiceDetails:
        """Let differences be, until an instant: they are shown as approved, and nobody is alarmed by them.

        It ends before when the difference itself is another one, or when the service changes.

        Raises:
            ActionNotPossible: nothing differs, or an audit is under way. Stale: others differ now.
            Invalid: there is no reason, the end is not ahead or too far, or there is no such difference.
        """

        def rule(tx: Tx, before: Service) -> Service:
            require_reason(approved.reason)
            _, known = _fresh(tx, before, approved.drift, "approve")
            chosen = _chosen(tx, known, approved)
            allowance = Allowance(by.name, approved.reason.strip(), tx.now, approved.until_us)
            after = [replace(one, allowance=allowance) if one in chosen else one for one in known]
            tx.service_audits.keep_differences(before.key, after)
            told = f"{approved.reason.strip()}: {service_drift.said([one.difference for one in chosen])}"
            tell_service(tx, by, "service.differences_approved", before, before, told, "approve")
            service_drift.reconsidered(tx, before, by, "approve")
            return before

        return await changed_service(self._store, by, "approve", ident, seen, rule, ask)

    async def disapprove(
        self, by: Actor, ident: str, seen: int | None, reason: str, ask: Ask[ServiceDetails] | None = None
    ) -> ServiceDetails:
        """Take all approvals of its differences back.

        Raises:
            ActionNotPossible: none is approved.
        """

        def rule(tx: Tx, before: Service) -> Service:
            known = tx.service_audits.differences(before.key)
            if not any(one.allowance for one in known):
                raise ActionNotPossible("no difference of it is approved", hint="there is nothing to do")
            tx.service_audits.keep_differences(before.key, [replace(one, allowance=None) for one in known])
            tell_service(tx, by, "service.approval_ended", before, before, reason, "disapprove")
            service_drift.reconsidered(tx, before, by, "disapprove")
            return before

        return await changed_service(self._store, by, "approve", ident, seen, rule, ask)


def _fresh(tx: Tx, service: Service, drift: str, action: str) -> tuple[Booking, list[Known]]:
    """The carrier, and what its newest audit found different, if that is what somebody has seen."""
    if service.state not in EXISTS:
        raise ActionNotPossible(f"{action} is not possible: the service is {service.state}")
    carrier = tx.bookings.several({service.id})[0]
    found, audit = drift_of(tx, service, carrier), f"preroll service audit {service.id}"
    if is_audited_soon(tx.boundaries.of(carrier.key), tx.now):
        raise ActionNotPossible(f"{action} is not possible: an audit is due or under way", hint="wait until it is over")
    if not found.known:
        what = "no audit has found a difference on its devices since it was last changed"
        raise ActionNotPossible(f"{action} is not possible: {what}", hint=f"audit it first: {audit}")
    if drift != found.hash:
        raise ActionNotPossible(
            f"{action} is not possible: other differences were seen ({drift or 'none'}) than there are ({found.hash})",
            hint="look at the differences again, and name their hash",
        )
    return carrier, list(found.known)


def _chosen(tx: Tx, known: Sequence[Known], approved: Approved) -> list[Known]:
    places = {(one.difference.node, one.difference.path): one for one in known}
    wrong = [
        Mistake("only", f"there is no difference of {node}: {path}", "one that the service shows")
        for node, path in approved.only
        if (node, path) not in places
    ]
    if not tx.now < approved.until_us <= tx.now + LONGEST_APPROVAL:
        days = LONGEST_APPROVAL // DAY
        wrong.append(Mistake("until", "is not ahead, or too far", f"an instant within the next {days} days"))
    if wrong:
        raise Invalid(wrong)
    return [places[place] for place in dict.fromkeys(approved.only)] or list(known)


def _as_found(
    tx: Tx, service: Service, carrier: Booking, definition: ServiceDefinition, differences: Sequence[Difference]
) -> dict[str, NodeChoice]:
    """The nodes with what the devices have, if the service may have it."""
    shelf = tx.catalogue.profiles(service.platform)
    nodes, mistakes = accepting.taken(shelf, definition, carrier.nodes, service.runs, differences)
    if not mistakes:
        mistakes = holding.node_mistakes(tx, replace(carrier, nodes=nodes), definition)
    if mistakes:
        raise Invalid(mistakes)
    return nodes


def _is_worked_on(tx: Tx, service: Service) -> bool:
    where = OrderFilter(service=service.id, states=frozenset({OrderState.IN_PROGRESS}))
    return bool(tx.orders.page(where, None, 1).items)
