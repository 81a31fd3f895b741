# SPDX-License-Identifier: Apache-2.0
"""What people and programs do with service orders: every action, each one unit. The engine's part is ``deploying``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from preroll.app import order_holding, ordering, sight
from preroll.app.asking import Ask, command
from preroll.app.order_placing import NOW, Time, added, scheduled, still_stands, tell
from preroll.app.order_views import (
    OrderDetails,
    OrderProgress,
    acted_on,
    order_details,
    progress_of,
    steps_of,
    visible,
)
from preroll.app.views import RunDetails
from preroll.domain.boundaries import BoundaryState, Kind
from preroll.domain.changes import Change
from preroll.domain.deployment import armed, checking, decided
from preroll.domain.errors import ActionNotPossible, Invalid, Mistake
from preroll.domain.machine import Outcome
from preroll.domain.order import (
    LATEST_START,
    ORDER,
    OrderItem,
    OrderKind,
    OrderPhase,
    OrderState,
    OrderTrigger,
    Together,
)
from preroll.domain.order_actions import require_order_action, why_not_yours
from preroll.domain.ordered import Approval, Order, Service
from preroll.domain.permission import ENGINE, Actor, permit
from preroll.ports.orders import OrderFilter, OrderPage
from preroll.ports.rows import LogLine
from preroll.ports.store import Store, Tx

__all__ = ["NewOrder", "OrderDetails", "OrderEdit", "OrderProgress", "Orders", "Time", "still_stands", "tell"]

Rule = Callable[[Tx, Order], Order]
"""The order as it is to be stored, made from the order as it is."""


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What somebody orders. What an item's ``values`` may say: ``preroll.domain.order_content``."""

    platform: str
    name: str
    items: tuple[OrderItem, ...]
    """A provision without a service gets an id for it; ``base`` is read, not said."""
    together: Together = Together.ATOMIC
    priority: int = 0
    """Of its hold on resources: higher wins."""
    latest_start_us: int = LATEST_START
    external: str = ""
    """What who orders calls it."""
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderEdit:
    """What is to be different; None leaves it as it is."""

    name: str | None = None
    items: tuple[OrderItem, ...] | None = None
    together: Together | None = None
    priority: int | None = None
    latest_start_us: int | None = None
    external: str | None = None


class Orders:
    """Every action of ``preroll.domain.order_actions``, and reading.

    Every method raises NotFound for an id that is unknown or out of sight, Stale when ``seen`` is not the order's
    revision any more (None skips that guard), NotPermitted, and ActionNotPossible, which says what is possible
    instead. A refusal changes nothing.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(
        self, by: Actor, new: NewOrder, ask: Ask[OrderDetails] | None = None, time: Time | None = None
    ) -> OrderDetails:
        """Order: the state is Requested; nothing is held, no device is touched.

        Args:
            time: when it is to be deployed: it is Scheduled at once, or not kept; None: it has no time yet.

        Raises:
            Invalid: every mistake in the input. With a time, what ``schedule`` raises.
        """

        def unit(tx: Tx) -> OrderDetails:
            platform = sight.platform(tx, by, new.platform, "order.create")
            sight.require_scopes(by, platform.key, (), new.scopes)
            order = Order(
                new.name, platform.key, new.items, together=new.together, latest_start_us=new.latest_start_us,
                priority=new.priority, external=new.external, scopes=tuple(sorted(set(new.scopes))),
                created_by=by.name,
            )  # fmt: skip
            return added(tx, by, order, time)

        return await command(self._store, by, unit, ask)

    async def get(self, by: Actor, ident: str) -> OrderDetails:
        """One order with all that a screen shows of it."""
        return await self._store.read(lambda tx: order_details(tx, visible(tx, by, ident)))

    async def page(self, by: Actor, where: OrderFilter, before: int | None = None, limit: int = 100) -> OrderPage:
        """Those that the actor sees, newest first, from below a key."""
        permit(by, "view", where.platform)
        return await self._store.read(lambda tx: tx.orders.page(replace(where, sight=by.sight), before, limit))

    async def listing(self, by: Actor, where: OrderFilter, offset: int, limit: int) -> tuple[int, list[OrderProgress]]:
        """How many there are that the actor sees, and some of them, newest first, with how far each is."""
        permit(by, "view", where.platform)

        def query(tx: Tx) -> tuple[int, list[OrderProgress]]:
            total, found = tx.orders.listing(replace(where, sight=by.sight), offset, limit)
            return total, progress_of(tx, found)

        return await self._store.read(query)

    async def history(self, by: Actor, ident: str) -> list[Change]:
        """All that happened to it, oldest first; also to a deleted one."""
        return await self._store.read(lambda tx: tx.changes.of(visible(tx, by, ident, hidden=True).id))

    async def runs(self, by: Actor, ident: str) -> list[RunDetails]:
        """Its checks and deployments, oldest first, each with its steps."""

        def query(tx: Tx) -> list[RunDetails]:
            carrier = order_holding.carrier_of(tx, visible(tx, by, ident, hidden=True))
            runs = tx.records.runs(carrier.key) if carrier else []
            steps = tx.records.steps([run.id for run in runs])
            return [RunDetails(run, tuple(s for s in steps if s.run == run.id)) for run in runs]

        return await self._store.read(query)

    async def log(self, by: Actor, ident: str) -> list[LogLine]:
        """What its checks and deployments said, oldest first."""

        def query(tx: Tx) -> list[LogLine]:
            carrier = order_holding.carrier_of(tx, visible(tx, by, ident, hidden=True))
            return tx.records.log(carrier.key) if carrier else []

        return await self._store.read(query)

    async def edit(
        self, by: Actor, ident: str, seen: int | None, change: OrderEdit, ask: Ask[OrderDetails] | None = None
    ) -> OrderDetails:
        """Change what is given, and begin from the services as they are now; plan and approvals are dropped.

        Raises:
            Invalid: every mistake.
        """

        return await self._changed(by, "edit", ident, seen, _edited(by, change), ask)

    async def check(
        self, by: Actor, ident: str, seen: int | None, ask: Ask[OrderDetails] | None = None
    ) -> OrderDetails:
        """Have its plan made now, device by device, without writing to any; ``checking`` tells that it is under way.

        What is wrong in the order itself makes it Invalid at once; what a device says, when the engine has asked it.
        """

        def rule(tx: Tx, before: Order) -> Order:
            try:
                ordering.targets(tx, before)
                if why := ordering.stale(tx, before):
                    raise Invalid([Mistake("items", why, "an order that begins from what is deployed")])
            except Invalid as wrong:
                state = ORDER.fire(before.state, OrderTrigger.CHECK, Outcome.FAILED)
                return replace(before, state=state, why=str(wrong))
            carrier = order_holding.carried(tx, before)
            tx.boundaries.upsert(checking(tx.boundaries.of(carrier.key), carrier.key, tx.now, by.name))
            return replace(before, why="")

        return await self._changed(by, "check", ident, seen, rule, ask)

    async def schedule(
        self, by: Actor, ident: str, seen: int | None, time: Time = NOW, ask: Ask[OrderDetails] | None = None
    ) -> OrderDetails:
        """Deploy it at a time, or now: from then on it holds its resources.

        Raises:
            Conflict: a resource is held. NameInUse. Invalid: the time, or what it says.
        """
        return await self._timed(by, "schedule", OrderTrigger.SCHEDULE, ident, seen, time, ask)

    async def reschedule(
        self, by: Actor, ident: str, seen: int | None, time: Time, ask: Ask[OrderDetails] | None = None
    ) -> OrderDetails:
        """Deploy it at another time; what it holds moves with it.

        Raises:
            Conflict: a resource is held then. NameInUse. Invalid.
        """
        return await self._timed(by, "reschedule", OrderTrigger.RESCHEDULE, ident, seen, time, ask)

    async def retry(
        self, by: Actor, ident: str, seen: int | None, time: Time = NOW, ask: Ask[OrderDetails] | None = None
    ) -> OrderDetails:
        """Deploy one that failed once more, now or at a time.

        Raises:
            Conflict: a resource is held. NameInUse. Invalid.
        """
        return await self._timed(by, "retry", OrderTrigger.RETRY, ident, seen, time, ask)

    async def unschedule(
        self, by: Actor, ident: str, seen: int | None, ask: Ask[OrderDetails] | None = None
    ) -> OrderDetails:
        """Take its time away: it is Requested again, and holds nothing."""

        def rule(tx: Tx, before: Order) -> Order:
            order_holding.release(tx, before)
            return replace(
                before, state=ORDER.fire(before.state, OrderTrigger.UNSCHEDULE), due_us=None, hold=None, why=""
            )

        return await self._changed(by, "unschedule", ident, seen, rule, ask)

    async def approve(
        self, by: Actor, ident: str, seen: int | None, ask: Ask[OrderDetails] | None = None
    ) -> OrderDetails:
        """Let it be deployed with the plan that it has now; one that waits for that is looked at again at once.

        Raises:
            ActionNotPossible: whoever ordered it cannot approve it, nor twice the same.
        """

        def rule(tx: Tx, before: Order) -> Order:
            why, instead = why_not_yours(before, "approve", by.name)
            if why:
                raise ActionNotPossible(why, hint=instead)
            carrier = order_holding.carrier_of(tx, before)
            if before.hold is not None and carrier is not None:
                tx.boundaries.upsert(armed(tx.boundaries.of(carrier.key), carrier.key, tx.now))
            return replace(before, approvals=(*before.approvals, Approval(by.name, tx.now, before.plan)))

        return await self._changed(by, "approve", ident, seen, rule, ask)

    async def cancel(
        self, by: Actor, ident: str, seen: int | None, why: str = "", ask: Ask[OrderDetails] | None = None
    ) -> OrderDetails:
        """Never deploy it. One In Progress is stopped and undone; it is Canceled when that is done (``canceling``).

        Raises:
            ActionNotPossible: it has ended, or its point of no return has passed.
        """

        return await self._changed(by, "cancel", ident, seen, _canceled(why), ask)

    async def patch(
        self, by: Actor, ident: str, change: OrderEdit | None, time: Time | None, *, cancel: bool = False
    ) -> OrderDetails:
        """Edit it, give it this time, and cancel it: what is asked for of these, all or nothing.

        Raises:
            Invalid, Conflict, NameInUse, ActionNotPossible: what each of them raises.
        """

        def unit(tx: Tx) -> OrderDetails:
            if change is not None:
                _done(tx, by, "edit", ident, None, _edited(by, change))
            if time is not None:
                again = visible(tx, by, ident).state is OrderState.SCHEDULED
                trigger = OrderTrigger.RESCHEDULE if again else OrderTrigger.SCHEDULE
                action = "reschedule" if again else "schedule"
                _done(tx, by, action, ident, None, lambda tx, old: scheduled(tx, by, old, trigger, time))
            if cancel:
                _done(tx, by, "cancel", ident, None, _canceled(""))
            return order_details(tx, visible(tx, by, ident))

        return await command(self._store, by, unit, None)

    async def delete(self, by: Actor, ident: str, seen: int | None, ask: Ask[OrderDetails] | None = None) -> None:
        """Hide it; its history stays."""
        await self._changed(by, "delete", ident, seen, lambda _, before: replace(before, hidden=True), ask)

    async def clone(
        self, by: Actor, ident: str, name: str | None = None, ask: Ask[OrderDetails] | None = None
    ) -> OrderDetails:
        """Order the same once more; what it provisions gets ids of its own, the rest begins from what is deployed.

        Raises:
            Invalid: its services do not admit it now.
        """

        def unit(tx: Tx) -> OrderDetails:
            first = visible(tx, by, ident, "order.create")
            items = tuple(replace(i, service="") if i.kind is OrderKind.PROVISION else i for i in first.items)
            again = Order(
                name or first.name, first.platform, items, together=first.together, priority=first.priority,
                latest_start_us=first.latest_start_us, external=first.external, scopes=first.scopes,
                clone_of=first.id, created_by=by.name,
            )  # fmt: skip
            return added(tx, by, again)

        return await command(self._store, by, unit, ask)

    async def _timed(
        self,
        by: Actor,
        action: str,
        trigger: OrderTrigger,
        ident: str,
        seen: int | None,
        time: Time,
        ask: Ask[OrderDetails] | None,
    ) -> OrderDetails:
        def rule(tx: Tx, before: Order) -> Order:
            return scheduled(tx, by, before, trigger, time)

        return await self._changed(by, action, ident, seen, rule, ask)

    async def _changed(
        self, by: Actor, action: str, ident: str, seen: int | None, rule: Rule, ask: Ask[OrderDetails] | None
    ) -> OrderDetails:
        def unit(tx: Tx) -> OrderDetails:
            return order_details(tx, _done(tx, by, action, ident, seen, rule))

        return await command(self._store, by, unit, ask)


def _done(tx: Tx, by: Actor, action: str, ident: str, seen: int | None, rule: Rule) -> Order:
    before = acted_on(tx, by, ident, seen, action)
    after = tx.orders.put(rule(tx, before))
    kind = "order.edited" if after.state is before.state else "order.state"
    tell(tx, by, "order.deleted" if after.hidden else kind, after, before.state, action)
    return after


def _edited(by: Actor, change: OrderEdit) -> Rule:
    def rule(tx: Tx, before: Order) -> Order:
        names = OrderEdit.__dataclass_fields__
        said = {name: value for name in names if (value := getattr(change, name)) is not None}
        tx.orders.keep_plan(before.key, None)
        state = ORDER.fire(before.state, OrderTrigger.EDIT)
        return ordering.as_ordered(tx, by, replace(before, **said, state=state, plan="", approvals=(), why=""))

    return rule


def _canceled(why: str) -> Rule:
    def rule(tx: Tx, before: Order) -> Order:
        before = replace(before, cancel_us=tx.now, cancel_why=why)
        if before.state is OrderState.IN_PROGRESS and _stop(tx, before):
            return replace(before, why=why)
        order_holding.release(tx, before, order_holding.GONE)
        trigger = OrderTrigger.STOPPED if before.state is OrderState.IN_PROGRESS else OrderTrigger.CANCEL
        return replace(before, state=ORDER.fire(before.state, trigger), hold=None, phase=None, why=why)

    return rule


def never_audited(tx: Tx, service: Service) -> None:
    """Orders that wait for an audit of a service that is gone have failed."""
    where = OrderFilter(service=service.id, states=frozenset({OrderState.IN_PROGRESS}))
    for order in tx.orders.every(where):
        if all(item.kind is OrderKind.VALIDATE for item in order.items):
            order_holding.release(tx, order)
            state = ORDER.fire(order.state, OrderTrigger.END, Outcome.FAILED)
            after = tx.orders.put(replace(order, state=state, phase=None, why=f"{service.name} is gone"))
            tell(tx, ENGINE, "order.state", after, order.state, "its service is gone")


def _stop(tx: Tx, order: Order) -> bool:
    """Have the run of an order In Progress stopped; False: there is none, nothing is under way on any device.

    Raises:
        ActionNotPossible: the point of no return has passed.
    """
    carrier = order_holding.carried(tx, order)
    running = [b for b in tx.boundaries.of(carrier.key) if b.kind is Kind.ORDER and b.state is BoundaryState.RUNNING]
    if not running:
        return False
    if decided(steps_of(tx, carrier)):
        require_order_action(order.state, "cancel", OrderPhase.CONFIRMING)
    order_holding.mark_canceling(tx, carrier)
    for boundary in running:
        tx.boundaries.stop(boundary.key)
    return True
