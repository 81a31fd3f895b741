# SPDX-License-Identifier: Apache-2.0
"""The engine's part of a service order: judged at its time, deployed by a run, and concluded with its services.

Two units with a run between them, as for created booking actions. The first decides whether the order begins; the
second reads from the journal what became of its devices and writes order, services and what they hold, all or nothing.
Both can be repeated: after a crash the journal and the order's state say what is left to do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from preroll.app import (
    holding,
    order_ending,
    order_holding,
    order_questions,
    ordering,
    overlaying,
    quarantine,
    service_dependencies,
)
from preroll.app.equipment import deployed_equipment, frame_of, parts_of
from preroll.app.order_ending import End
from preroll.app.order_needs import services_of
from preroll.app.order_views import approved, as_journalled, journalled
from preroll.app.ordering import Target
from preroll.app.orders import tell
from preroll.app.recording import store
from preroll.app.services import have_audited
from preroll.app.verifying import with_checks
from preroll.domain.auditing import asked_by
from preroll.domain.booking import Booking, State
from preroll.domain.boundaries import BoundaryState, Kind
from preroll.domain.deployment import RETRY_US, armed, plan_of
from preroll.domain.errors import NotFound, PrerollError, Refused, StoreUnavailable
from preroll.domain.machine import Outcome
from preroll.domain.order import ORDER, Due, HoldReason, OrderKind, OrderPhase, OrderState, OrderTrigger, due
from preroll.domain.order_concern import MISSED
from preroll.domain.ordered import Order, Plan
from preroll.domain.permission import ENGINE
from preroll.domain.resource import Mode
from preroll.domain.window import SECOND
from preroll.ports import scripts
from preroll.ports.orders import AtWork, OrderFilter
from preroll.ports.rows import Claimed
from preroll.ports.scripts import Report
from preroll.ports.store import StepRow, Store, Tx

LOOK_US = 30 * SECOND
"""What one look of a check may take in a deployment, on top of its window."""
Go = Callable[[scripts.Order], Awaitable[Report]]
"""Runs a frame to its end."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What is to be done for an order now."""

    over: Report = field(default_factory=lambda: Report(Outcome.OK))
    """Without a frame, nothing: the run ends like this."""
    frame: scripts.Order | None = None
    """What is run."""
    unseen: bool = False
    """Its plan is to be made first, and compared with the one that was checked."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A claimed order, and what has been run of it: to begin, nothing or its plan; to conclude, its deployment."""

    claimed: Claimed
    report: Report | None = None


async def performed(store_: Store, claimed: Claimed, go: Go) -> Report:
    """Carry a claimed order, or its check, to its end; ``fenced`` when another worker owns it now."""
    try:
        if claimed.judged.boundary.kind is Kind.CHECK:
            return await _checked(store_, claimed, go)
        return await _deployed(store_, claimed, go)
    except StoreUnavailable:
        raise
    except PrerollError as error:
        return await store_.gather(_concluded, Ran(claimed, Report(Outcome.FAILED, message=str(error))))


async def _deployed(store_: Store, claimed: Claimed, go: Go) -> Report:
    begun = await store_.gather(_begun, Ran(claimed))
    if begun.unseen and begun.frame is not None:
        seen = await go(begun.frame)
        if seen.fenced:
            return seen
        begun = await store_.gather(_begun, Ran(claimed, seen))
    if begun.frame is None:
        return begun.over
    report = await go(begun.frame)
    return report if report.fenced else await store_.gather(_concluded, Ran(claimed, report))


async def _checked(store_: Store, claimed: Claimed, go: Go) -> Report:
    def look(tx: Tx) -> Begun:
        order = tx.orders.get(claimed.judged.booking.id, hidden=True)
        if order.state is not OrderState.REQUESTED:
            return Begun()
        try:
            found = ordering.targets(tx, order)
        except (Refused, NotFound) as wrong:
            return Begun(_planned(tx, claimed, Report(Outcome.FAILED, message=str(wrong)), wrong=True))
        return Begun(frame=_frame(tx, claimed, order, found, dry=True))

    begun = await store_.write(look)
    if begun.frame is None:
        return begun.over
    report = await go(begun.frame)
    return report if report.fenced else await store_.write(lambda tx: _planned(tx, claimed, report))


def _planned(tx: Tx, claimed: Claimed, report: Report, *, wrong: bool = False) -> Report:
    """Keep the plan that a check has made; a fault of the order makes it Invalid, one of the world is told alone."""
    at = tx.orders.at_work(claimed.judged.booking)
    order = at.order
    if not _mine(at, claimed) or order.state is not OrderState.REQUESTED:
        return report
    failed = [end for end in order_ending.said_of(report).values() if not end.ok]
    if not failed and report.outcome is Outcome.OK:
        plan = plan_of(journalled(tx, claimed.run))
        tx.orders.keep_plan(order.key, plan)
        after = tx.orders.put(replace(order, plan=plan.hash, why=""))
        tell(tx, ENGINE, "order.checked", after, order.state, "check")
        return report
    why = "; ".join(end.message for end in failed) or report.message
    wrong = wrong or any(end.of_the_order for end in failed)
    state = ORDER.fire(order.state, OrderTrigger.CHECK, Outcome.FAILED) if wrong else order.state
    after = tx.orders.put(replace(order, state=state, why=why))
    tell(tx, ENGINE, "order.state" if wrong else "order.not_checked", after, order.state, "check")
    return replace(report, outcome=Outcome.FAILED, message=why)


def audited(tx: Tx, claimed: Claimed) -> None:
    """A service was audited: orders that asked for that are Completed, whatever was found."""
    where = OrderFilter(service=claimed.judged.booking.id, states=frozenset({OrderState.IN_PROGRESS}))
    for order in tx.orders.every(where):
        if all(_is_audited(tx, order, item.service, claimed) for item in order.items):
            order_ending.completed(tx, order)


def _is_audited(tx: Tx, order: Order, service: str, claimed: Claimed) -> bool:
    if service == claimed.judged.booking.id:
        return claimed.began_us >= order.changed_us
    rounds = tx.records.rounds(tx.bookings.get(service, hidden=True).key)
    return any(one.began_us >= order.changed_us for one in rounds)


def _begun(tx: Tx, ran: Sequence[Ran]) -> list[Begun]:
    """Judge orders at their time: each begins, waits, is Invalid or has missed its window.

    They are read in one look, unless one of them takes back what it has lost: that changes what others hold.
    """
    carriers = [one.claimed.judged.booking for one in ran]
    found = tx.orders.all_at_work(carriers)
    if any(at.carrier.state is State.QUARANTINED for at in found):
        return [_judge(tx, one, tx.orders.at_work(carrier)) for one, carrier in zip(ran, carriers, strict=True)]
    held: dict[int, set[str]] = {}
    for at in found:
        held.setdefault(at.carrier.platform, set()).update(at.carrier.held)
    for platform, idents in held.items():
        tx.catalogue.resources(platform, ids=sorted(idents))
    return [_judge(tx, one, at) for one, at in zip(ran, found, strict=True)]


def _judge(tx: Tx, ran: Ran, at: AtWork) -> Begun:
    claimed, order = ran.claimed, at.order
    if not _mine(at, claimed):
        return Begun(Report(Outcome.FAILED, fenced=True))
    if order.state is OrderState.IN_PROGRESS:
        return _resumed(tx, claimed, at)
    if order.state is not OrderState.SCHEDULED or order.due_us is None or order.due_us > tx.now:
        return Begun()
    service_dependencies.lock(tx, order)
    (found, why), blocked = _judged(tx, order), _blocked(tx, order, at.carrier)
    strict = tx.platforms.by_key(order.platform).config.strict_plans and bool(order.plan)
    deadline, plan = order.due_us + order.latest_start_us, plan_of(journalled(tx, claimed.run)) if ran.report else None
    if strict and not why and tx.now <= deadline:
        if plan is None and not blocked:
            return Begun(frame=_frame(tx, claimed, order, found, dry=True), unseen=True)
        if _another_plan(order, plan):
            blocked[HoldReason.PLAN] = ""
    match due(tx.now, deadline, blocked, stale=bool(why)):
        case Due(OrderTrigger.BEGIN):
            return _begin(tx, claimed, order, found)
        case Due(OrderTrigger.HOLD, hold):
            return Begun(_held(tx, at, hold, blocked, deadline, plan))
        case Due(trigger):
            return Begun(_never(tx, at, trigger, why if trigger is OrderTrigger.STALE else MISSED))


def _resumed(tx: Tx, claimed: Claimed, at: AtWork) -> Begun:
    """It goes on where it was; one that nobody has answered in time has failed, one that was canceled is undone."""
    if at.order.phase is OrderPhase.AWAITING_OPERATOR:
        if waits := order_questions.still_asked(tx, at):
            return Begun(waits)
        return Begun(order_questions.given_up(tx, at, ENGINE, "no operator has answered in time"))
    frame = _frame(tx, claimed, at.order, ordering.targets(tx, at.order))
    return Begun(frame=replace(frame, stopping=order_holding.is_canceling(at.carrier)))


def _mine(at: AtWork, claimed: Claimed) -> bool:
    """Does this run still own its boundary?"""
    fence = claimed.fence
    boundary = next((b for b in at.boundaries if b.key == fence.boundary), None)
    return boundary is not None and boundary.epoch == fence.epoch and boundary.state is BoundaryState.RUNNING


def _judged(tx: Tx, order: Order) -> tuple[Sequence[Target], str]:
    """What its items come to, and why it does not fit its services any more; empty: it does."""
    try:
        found = ordering.targets(tx, order)
    except (Refused, NotFound) as wrong:
        return (), str(wrong)
    return found, ordering.stale(tx, order)


def _blocked(tx: Tx, order: Order, carrier: Booking) -> dict[HoldReason, str]:
    """What keeps a due order from beginning now, and what there is to say about it."""
    found = {}
    audits = all(item.kind is OrderKind.VALIDATE for item in order.items)
    there = [item.service for item in order.items if item.kind is not OrderKind.PROVISION]
    if not audits and any(_worked_on(tx, order, service) for service in there):
        found[HoldReason.LOCK] = ""
    if tx.platforms.by_key(order.platform).config.approve_orders and not approved(order):
        found[HoldReason.APPROVAL] = ""
    resources = holding.resources_of(tx, carrier)
    if out := [r.name for r in resources if r.hands_off or r.mode is not Mode.AVAILABLE]:
        found[HoldReason.BLACKOUT] = f"not available: {', '.join(out)}"
    if carrier.state is State.QUARANTINED and not _regained(tx, carrier):
        found[HoldReason.CAPACITY] = "; ".join(dict.fromkeys(str(loss) for loss in tx.losses.of(carrier.key)))
    if over := _overlaid(tx, order):
        found.setdefault(HoldReason.LOCK, over)
    if unmet := service_dependencies.unmet(tx, order):
        found[HoldReason.DEPENDENCY] = unmet
    return found


def _overlaid(tx: Tx, order: Order) -> str:
    """The overlays that are not over of services that the order takes away."""
    leaving = [item.service for item in order.items if item.kind is OrderKind.DECOMMISSION]
    found = [one.name for service in leaving for one in overlaying.beyond(tx, service, tx.now)]
    return f"overlay {', '.join(found)} is not over" if found else ""


def _worked_on(tx: Tx, order: Order, service: str) -> bool:
    """Does another order change this service now?"""
    where = OrderFilter(service=service, states=frozenset({OrderState.IN_PROGRESS}))
    return any(
        one.id != order.id and any(i.service == service and i.kind is not OrderKind.VALIDATE for i in one.items)
        for one in tx.orders.every(where)
    )


def _regained(tx: Tx, carrier: Booking) -> bool:
    """Take back what an order has lost, if nobody has it any more."""
    after = store(tx, carrier, replace(carrier, state=State.CONFIRMED))
    services, cause = services_of(tx, after), f"order {after.id}"
    quarantine.hold_on_top(tx, services, cause, but=after.id)
    needs = holding.needs_of(tx, after)
    if tx.reservations.clashes(after, needs):
        store(tx, after, replace(after, state=State.QUARANTINED))
        quarantine.hold_on_top(tx, services, cause)
        return False
    quarantine.regain(tx, after, needs)
    return True


def _another_plan(order: Order, plan: Plan | None) -> bool:
    """Is the plan not the one that was checked, or not yet approved since it changed?"""
    if plan is not None and plan.hash != order.plan:
        return True
    return order.hold is HoldReason.PLAN and not any(one.plan == order.plan for one in order.approvals)


def _begin(tx: Tx, claimed: Claimed, order: Order, found: Sequence[Target]) -> Begun:
    before = order
    state = ORDER.fire(order.state, OrderTrigger.BEGIN)
    order = tx.orders.put(replace(order, state=state, phase=OrderPhase.PRECHECKING, hold=None, why=""))
    tell(tx, ENGINE, "order.state", order, before.state, OrderTrigger.BEGIN)
    if all(item.kind is OrderKind.VALIDATE for item in order.items):
        for item in order.items:
            have_audited(tx, tx.bookings.get(item.service, hidden=True), asked_by(f"order {order.name}"))
        return Begun(Report(Outcome.OK, message="its audits were asked for"))
    return Begun(frame=_frame(tx, claimed, order, found))


def _held(
    tx: Tx, at: AtWork, hold: HoldReason | None, blocked: Mapping[HoldReason, str], deadline: int, plan: Plan | None
) -> Report:
    """It stays Scheduled, tells why, and is looked at again."""
    order, carrier = at.order, tx.bookings.by_key(at.carrier.key)
    store(tx, carrier, replace(carrier, began=False))
    again = min(tx.now + RETRY_US, deadline + SECOND)
    tx.boundaries.upsert(armed(tx.boundaries.of(carrier.key), carrier.key, again))
    if hold is HoldReason.PLAN and plan is not None and plan.hash != order.plan:
        tx.orders.keep_plan(order.key, plan)
        order = replace(order, plan=plan.hash, approvals=())
        hold_again = True
    else:
        hold_again = False
    why = blocked[hold] if hold else ""
    told = f"{hold}: {why}" if why else str(hold)
    if (order.hold, order.why) != (hold, why) or hold_again:
        after = tx.orders.put(replace(order, hold=hold, why=why))
        tell(tx, ENGINE, "order.held", replace(after, why=told), order.state, OrderTrigger.HOLD)
    return Report(Outcome.OK, message=f"on hold: {told}")


def _never(tx: Tx, at: AtWork, trigger: OrderTrigger, why: str) -> Report:
    """It is Canceled or Invalid without having begun; no device was touched."""
    missed, order = trigger is OrderTrigger.MISS, at.order
    order_holding.release(tx, order, order_holding.GONE if missed else State.PARTIAL)
    after = tx.orders.put(replace(order, state=ORDER.fire(order.state, trigger), hold=None, why=why))
    tell(tx, ENGINE, "order.state", after, order.state, trigger)
    return Report(Outcome.OK, message=why)


def _concluded(tx: Tx, ran: Sequence[Ran]) -> list[Report]:
    """Write down what came of orders, all read in one look."""
    asked = tx.records.lives([one.claimed.run for one in ran])
    found = tx.orders.all_at_work([one.claimed.judged.booking for one in ran])
    steps = asked()
    ends = [_end(one, at, steps.get(one.claimed.run, ())) for one, at in zip(ran, found, strict=True)]
    kept = [_not_over(tx, one, end) for one, end in zip(ran, ends, strict=True)]
    over = iter(order_ending.ended(tx, [end for end, report in zip(ends, kept, strict=True) if report is None]))
    reports = [next(over) if report is None else report for report in kept]
    changed: dict[int, set[str]] = {}
    for at in found:
        changed.setdefault(at.order.platform, set()).update(item.service for item in at.order.items)
    for platform, services in changed.items():
        service_dependencies.look_again(tx, platform, services)
    return reports


def _end(ran: Ran, at: AtWork, life: Sequence[StepRow]) -> End:
    assert ran.report is not None  # noqa: S101 - what has not run is not concluded
    return End(at, [as_journalled(step) for step in life], ran.report)


def _not_over(tx: Tx, ran: Ran, end: End) -> Report | None:
    """How a run is settled whose order does not end with it: somebody else's, or one that asks; None: it ends."""
    if end.at.order.state is not OrderState.IN_PROGRESS or not _mine(end.at, ran.claimed):
        return end.report
    return order_questions.asked(tx, end.steps, end.at, end.report)


def _frame(tx: Tx, claimed: Claimed, order: Order, found: Sequence[Target], *, dry: bool = False) -> scripts.Order:
    home = tx.platforms.by_key(order.platform)
    frame, parts = frame_of(claimed, home), parts_of(order, found, dry=dry)
    if not dry:
        parts = with_checks(order, parts, found, home)
    longest = max((check.spec.within_us for part in parts for check in part.checks), default=0)
    return replace(
        frame, equipment=tuple(deployed_equipment(tx, order, found)), parts=parts, dry_run=dry,
        answers=order_questions.answers_of(claimed.judged.booking),
        step_timeout_us=max(frame.step_timeout_us, longest + LOOK_US),
    )  # fmt: skip
