# SPDX-License-Identifier: Apache-2.0
"""How a deployment ends: the order by its parts, and with it, in one transaction, its services and what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from preroll.app import order_holding, ordering, overlaying
from preroll.app.equipment import parts_of
from preroll.app.ordering import Target
from preroll.app.orders import never_audited, tell
from preroll.app.recording import store
from preroll.app.service_drift import forgotten
from preroll.app.services import have_audited, service_change, tell_service
from preroll.domain.booking import State
from preroll.domain.deployment import Fault, JournalStep, PartEnd, Reached, part_end
from preroll.domain.machine import Outcome
from preroll.domain.order import ORDER, OrderKind, OrderState, OrderTrigger, Together
from preroll.domain.ordered import Order, Service, ServiceRevision
from preroll.domain.permission import ENGINE, Actor
from preroll.domain.service import FAILED
from preroll.domain.service_instance import Provisioned, after_order
from preroll.ports.orders import AtWork
from preroll.ports.scripts import Report
from preroll.ports.store import Tx

RUN_ENDED = "START"
"""The event whose checks are made when a service is up."""


@dataclass(frozen=True, slots=True)
class PartSaid:
    """What a run has said of one part."""

    ok: bool
    of_the_order: bool = False
    """It failed because of what the order says."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """What came of one part: by the journal how its devices stand, by the run why."""

    end: PartEnd
    said: PartSaid
    canceled: bool = False

    @property
    def ok(self) -> bool:
        """Has it come about? The journal has the word; a part without any device only the run knows of."""
        return self.end.reached is Reached.NEW or (self.said.ok and self.end.reached is Reached.UNTOUCHED)

    @property
    def state(self) -> OrderState:
        """Where its items are."""
        if self.ok:
            return OrderState.COMPLETED
        if self.canceled and self.end.clean:
            return OrderState.CANCELED
        wrong = self.said.of_the_order and self.end.reached is Reached.UNTOUCHED
        return OrderState.INVALID if wrong else OrderState.FAILED_DEPLOY


def said_of(report: Report) -> Mapping[str, PartSaid]:
    """What a run has returned; one that was stopped returns nothing."""
    parts = report.returned.get("parts")
    return {
        str(name): PartSaid(bool(one["ok"]), one["fault"] == Fault.ORDER, str(one["message"]))
        for name, one in (parts.items() if isinstance(parts, Mapping) else ())
    }


@dataclass(frozen=True, slots=True)
class End:
    """An order whose run is over."""

    at: AtWork
    steps: Sequence[JournalStep]
    """All that the run has written down."""
    report: Report


def ended(tx: Tx, ends: Sequence[End], by: Actor = ENGINE) -> list[Report]:
    """Write down what came of orders, by the steps of their runs; returns the reports as they are to be settled.

    Who waits for their services is to be looked at then: ``service_dependencies.look_again``. What they provision
    exists when all else is written, together: so it may have the name of what another order took away.
    """
    new: list[tuple[Order, Target]] = []
    reports = [_over(tx, one, by, new) for one in ends]
    if new:
        _provisioned(tx, new)
    return reports


def _over(tx: Tx, one: End, by: Actor, new: list[tuple[Order, Target]]) -> Report:
    """The same of one order; what it provisions is added to ``new``."""
    at, steps, report, order = one.at, one.steps, one.report, one.at.order
    found, said = ordering.targets(tx, order), said_of(report)
    canceled, silent = order_holding.is_canceling(at.carrier), PartSaid(ok=False, message=report.message)
    endings = {
        part.name: Ending(part_end(steps, part.name), said.get(part.name, silent), canceled)
        for part in parts_of(order, found)
    }
    by_item = {target.item.name: _of_item(order, endings, target) for target in found}
    after = _ended(order, list(endings.values()))
    residue = {label: text for end in endings.values() for label, text in end.end.residue.items()}
    _close(tx, at, after, residue, by)
    for target in found:
        ending = by_item[target.item.name]
        if target.item.kind is not OrderKind.PROVISION:
            _settle(tx, order, target, ending)
        elif ending.ok:
            new.append((order, target))
    items = {name: {"state": end.state.value, "message": end.said.message} for name, end in by_item.items()}
    outcome = Outcome.FAILED if after.state is OrderState.FAILED_DEPLOY else Outcome.OK
    return replace(
        report, outcome=outcome, reason=None, message=after.why, cancelled=False,
        returned={"items": items, "residue": residue, "state": after.state.value},
    )  # fmt: skip


def completed(tx: Tx, order: Order) -> None:
    """An order that only asked for audits has had them."""
    at = tx.orders.at_work(tx.bookings.get(order.id, hidden=True))
    _close(tx, at, replace(order, state=ORDER.fire(order.state, OrderTrigger.END), phase=None), {})


def _settle(tx: Tx, order: Order, one: Target, ending: Ending) -> None:
    """What the end of an item means for its service, which exists."""
    service = tx.services.get(one.item.service)
    if ending.state in (OrderState.COMPLETED, OrderState.FAILED_DEPLOY):
        _changed(tx, order, one, service, ending)
    elif ending.end.reached is not Reached.UNTOUCHED:
        carrier = tx.bookings.get(service.id, hidden=True)
        store(tx, carrier, carrier)
    overlaying.follow(tx, service, f"order {order.id}")


def _of_item(order: Order, endings: Mapping[str, Ending], one: Target) -> Ending:
    return next(iter(endings.values())) if order.together is Together.ATOMIC else endings[one.item.name]


def _ended(order: Order, endings: Sequence[Ending]) -> Order:
    """The order after its parts."""
    states = {end.state for end in endings}
    why = "; ".join(dict.fromkeys(end.said.message for end in endings if not end.ok and end.said.message))
    order = replace(order, phase=None, hold=None, why=why)
    if states == {OrderState.COMPLETED}:
        return replace(order, state=ORDER.fire(order.state, OrderTrigger.END), why="")
    if states == {OrderState.CANCELED}:
        return replace(order, state=ORDER.fire(order.state, OrderTrigger.STOPPED))
    if states == {OrderState.INVALID}:
        return replace(order, state=ORDER.fire(order.state, OrderTrigger.REJECT))
    return replace(order, state=ORDER.fire(order.state, OrderTrigger.END, Outcome.FAILED))


_CARRIERS = {OrderState.COMPLETED: State.COMPLETED, OrderState.CANCELED: State.CANCELED}


def _close(tx: Tx, at: AtWork, after: Order, residue: Mapping[str, str], by: Actor = ENGINE) -> None:
    cause = "cancel" if order_holding.is_canceling(at.carrier) else "deployment"
    state = _CARRIERS.get(after.state, State.PARTIAL)
    order_holding.let_go(tx, at.carrier, at.boundaries, state, residue=bool(residue))
    stored = tx.orders.put(after)
    tell(tx, by, "order.state", stored, at.order.state, cause)


def _provisioned(tx: Tx, new: Sequence[tuple[Order, Target]]) -> None:
    """Services exist."""
    state = after_order(Provisioned.NONE, OrderKind.PROVISION, OrderState.COMPLETED)
    asked = [
        Service(
            one.name, order.platform, one.definition.key, state, one.runs, 1, 1, 1, order.scopes, one.needs,
            one.item.service, created_by=order.created_by,
        )
        for order, one in new
    ]  # fmt: skip
    first = [ServiceRevision(1, one.nodes, one.properties, order.id, needs=one.needs) for order, one in new]
    made = [
        added or tx.services.add(replace(service, name=f"{service.name} {service.id[-8:]}"), revision)
        for service, revision, added in zip(
            asked, first, tx.services.add_all(list(zip(asked, first, strict=True))), strict=True
        )
    ]  # somebody was quicker while the devices were configured: it exists, under a name of its own
    carriers = order_holding.carry_services(tx, [(service, one) for service, (_, one) in zip(made, new, strict=True)])
    tx.changes.add_all(
        [
            service_change(ENGINE, "service.created", None, service, cause=f"order {order.id}")
            for service, (order, _) in zip(made, new, strict=True)
        ]
    )
    for carrier, (_, one) in zip(carriers, new, strict=True):
        if one.definition.audits_after(RUN_ENDED):
            have_audited(tx, carrier, RUN_ENDED)


def _changed(tx: Tx, order: Order, one: Target, service: Service, ending: Ending) -> None:
    kind, ok = one.item.kind, ending.ok
    state = after_order(service.state, kind, ending.state)
    before, carrier = service, tx.bookings.get(service.id, hidden=True)
    if kind is OrderKind.VALIDATE:
        return
    service = replace(service, state=state, deployed=service.deployed if ok or ending.end.clean else None)
    if kind in (OrderKind.MODIFY, OrderKind.REDEPLOY):
        service = _revised(tx, order, one, service, ok=ok)
    if kind is OrderKind.DECOMMISSION and ok:
        order_holding.end_service(tx, service)
        never_audited(tx, service)
        service = replace(service, deployed=None)
    elif ok:
        service = replace(service, runs=one.runs)
        carrier = order_holding.change_service(
            tx, carrier, one.nodes, properties=one.properties, service_state=one.runs
        )
    else:
        failed = kind in (OrderKind.ACTIVATE, OrderKind.DEACTIVATE)
        service = replace(service, runs=FAILED if failed else service.runs)
        carrier = store(tx, carrier, replace(carrier, service_state=service.runs))
    after = tx.services.put(service)
    forgotten(tx, after, f"{kind} by order {order.id}")
    changed = "service.state" if after.state is not before.state else "service.changed"
    tell_service(tx, ENGINE, changed, before, after, ending.said.message, f"{kind} by order {order.id}")
    if ok and state is Provisioned.DEPLOYED and one.definition.audits_after(RUN_ENDED):
        have_audited(tx, carrier, RUN_ENDED)


def _revised(tx: Tx, order: Order, one: Target, service: Service, *, ok: bool) -> Service:
    """The service with the revision that it should have, which it has got when all went well."""
    number = one.revision
    if number is None:
        number = max(r.number for r in tx.services.revisions(service.key)) + 1
        revision = ServiceRevision(number, one.nodes, one.properties, order.id, needs=one.needs)
        tx.services.revise(service.key, revision)
    if ok:
        return replace(service, desired=number, deployed=number, last_good=number, needs=one.needs)
    return replace(service, desired=number)
