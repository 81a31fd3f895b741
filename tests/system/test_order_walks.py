# SPDX-License-Identifier: Apache-2.0
"""Random walks of people, devices and crashes over service orders: what must hold of them holds all the time.

The numbers are those of the model's invariants: existence, one run a service, nothing written out of turn or for an
Invalid order, capacity, latest start, ends that stay, one fact a change, nobody In Progress for ever, verdicts of what
is deployed, undone in reverse, one face outside for one state inside.
"""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from itertools import pairwise

import pytest

from preroll.app.orders import OrderEdit, Time
from preroll.domain.audit import Configuration
from preroll.domain.errors import NotFound, PrerollError
from preroll.domain.order import OrderItem, OrderKind, OrderState, Together
from preroll.domain.permission import LOCAL
from preroll.domain.service_instance import EXISTS, Provisioned
from preroll.domain.usage import CONCURRENCY
from preroll.domain.window import DAY, HOUR, MINUTE, SECOND, Window, peak
from preroll.drivers.sim import FaultKind
from preroll.ports.orders import OrderFilter, ServiceFilter
from preroll.tmf.states import order_state
from tests.builders import NOON
from tests.system.test_orders import LINE, OFF, Office

S, K = OrderState, OrderKind
DEVICES = ("enc-1", "enc-2", "enc-3")
ENDS = frozenset({S.COMPLETED, S.CANCELED})
POINTS = ("begin.committed", "end.committed", "host.applied", "settle.before", "claim.committed")


class Walk:
    """People who order, devices that fail, an engine that dies."""

    def __init__(self, office: Office, seed: int) -> None:
        self.office, self.rig = office, office.stage.rig
        self.dice = random.Random(seed)
        self.done = Counter()
        self.ended: dict[str, OrderState] = {}
        self.faces: dict[object, str] = {}

    async def step(self) -> None:
        """Something happens."""
        what = self.dice.choice(
            (
                self.order,
                self.order,
                self.schedule,
                self.schedule,
                self.act,
                self.fail,
                self.mend,
                self.crash,
                self.wait,
            )
        )
        with contextlib.suppress(PrerollError):
            await what()
            self.done[what.__name__] += 1
        await self.rig.loop.idle()

    async def order(self) -> None:
        services = [s for s in await self.services() if s.state in EXISTS]
        kind = self.dice.choice(list(K)) if services else K.PROVISION
        items = [self.item(kind, services, "one")]
        if self.dice.random() < 0.3:
            items.append(self.item(self.dice.choice(list(K)), services, "two", after=("one",)))
        await self.office.make(*items, together=self.dice.choice(list(Together)))

    def item(self, kind: OrderKind, services: list, name: str, after: tuple[str, ...] = ()) -> OrderItem:
        if kind is K.PROVISION or not services:
            first, second = self.dice.sample(DEVICES, 2)
            nodes = {"A": {"resource": first}, "B": {"resource": second}}
            values = {"definition": "Line", "name": f"Line {self.dice.randrange(4)}", "nodes": nodes}
            return OrderItem(name, K.PROVISION, "", None, after, values)
        values = {}
        if kind is K.MODIFY:
            other = {"resource": self.dice.choice(DEVICES), "values": {"input": f"SDI {self.dice.randrange(3)}"}}
            values = {"nodes": {self.dice.choice("AB"): other}}
        return OrderItem(name, kind, self.dice.choice(services).id, None, after, values)

    async def schedule(self) -> None:
        order = await self.some(S.REQUESTED)
        at = (
            None
            if self.dice.random() < 0.6
            else self.office.stage.now // SECOND * SECOND + self.dice.randrange(600) * SECOND
        )
        await self.office.orders.schedule(LOCAL, order.id, None, Time(at, self.dice.choice((MINUTE, HOUR))))

    async def act(self) -> None:
        order = await self.some()
        action = self.dice.choice(("cancel", "unschedule", "retry", "check", "clone", "delete", "edit"))
        if action == "clone":
            await self.office.orders.clone(LOCAL, order.id)
        elif action == "edit":
            await self.office.orders.edit(LOCAL, order.id, None, OrderEdit(priority=self.dice.randrange(3)))
        else:
            await getattr(self.office.orders, action)(LOCAL, order.id, None)

    async def fail(self) -> None:
        kind = self.dice.choice((FaultKind.VANISHES, FaultKind.REFUSES, FaultKind.LIES, FaultKind.DIES, FaultKind.LATE))
        on = self.dice.choice(("apply", "plan", "verify", "")) if kind is FaultKind.VANISHES else ""
        self.rig.devices.fault(self.dice.choice(DEVICES), kind, on=on or frozenset(), times=self.dice.choice((1, 3, 9)))

    async def mend(self) -> None:
        for name in DEVICES:
            self.rig.devices.clear(name)

    async def crash(self) -> None:
        self.rig.crash_at(self.dice.choice(POINTS), self.dice.randrange(1, 5))

    async def wait(self) -> None:
        await self.rig.until(self.office.stage.now + self.dice.randrange(1, 120) * SECOND)
        await self.revive()

    async def revive(self) -> None:
        if self.rig.engine is None:
            await self.rig.start()

    async def some(self, *states: OrderState):
        page = await self.office.orders.page(LOCAL, OrderFilter(states=frozenset(states)), None, 20)
        if not page.items:
            raise NotFound("order", "any")
        return self.dice.choice(page.items)

    async def services(self) -> list:
        return list((await self.office.services.page(LOCAL, ServiceFilter(), None, 200)).items)

    async def settle(self) -> None:
        """All is well again, and time passes."""
        self.rig.crash_at("nowhere")
        await self.mend()
        for _ in range(6):
            await self.revive()
            await self.rig.until(self.office.stage.now + HOUR)
            await self.rig.quiet()

    async def check(self) -> None:
        """What must hold at any time."""
        orders = list((await self.office.orders.page(LOCAL, OrderFilter(), None, 500)).items)
        services = {service.id: service for service in await self.services()}
        for order in orders:
            if order.id in self.ended:
                assert order.state is self.ended[order.id], "7: what is Completed or Canceled stays"
            if order.state in ENDS:
                self.ended[order.id] = order.state
            await self.check_facts(order)
        busy = Counter(
            item.service for order in orders if order.state is S.IN_PROGRESS for item in order.items
            if item.kind is not K.VALIDATE
        )  # fmt: skip
        assert all(count == 1 for count in busy.values()), f"2: one run a service: {busy}"
        made = {i.service for o in orders if o.state is S.COMPLETED for i in o.items if i.kind is K.PROVISION}
        best = {i.service for o in orders if o.together is Together.BEST_EFFORT for i in o.items}
        assert made <= services.keys() <= made | best, "1: it exists from its completed provision on"
        ended = {i.service for o in orders if o.state is S.COMPLETED for i in o.items if i.kind is K.DECOMMISSION}
        for ident, service in services.items():
            if ident not in best:
                assert (service.state is Provisioned.DECOMMISSIONED) == (ident in ended), "1: until its end"
            await self.check_verdict(ident)
        await self.check_capacity()

    async def check_verdict(self, ident: str) -> None:
        seen = await self.office.see(ident)
        if seen.known is None:
            return
        rounds = (await self.office.services.audits(LOCAL, ident, 50)).rounds
        now = [
            r.configuration for r in rounds
            if r.began_us >= seen.carrier.changed_us and r.service_state == seen.service.runs and r.configuration
        ]  # fmt: skip
        expected = now[0] if now else Configuration.UNKNOWN
        assert seen.known.configuration is expected, "10: a verdict is of what is deployed"
        assert all(one.since_us >= seen.carrier.changed_us for one in seen.drift.known), "10: so is what differs"

    async def check_run(self, order, moves, steps) -> None:
        """What its run has written, when, and in which order it took that back."""
        ends = [(a.at_us, b.at_us) for a, b in pairwise(moves) if a.after == S.IN_PROGRESS]
        begun = [c.at_us for c in moves if c.after == S.IN_PROGRESS]
        for step in (s for s in steps if ":apply:" in s.name):
            inside = any(a <= step.began_us <= b for a, b in ends) or (
                order.state is S.IN_PROGRESS and step.began_us >= begun[-1]
            )
            assert inside, "3: nothing is written but by an order In Progress"
        back = {s.name: s for s in steps if ":undo:" in s.name}
        made = [(s, back.get(s.name.replace(":apply:", ":undo:"))) for s in steps if ":apply:" in s.name]
        for (first, undone), (later, before) in pairwise(made):
            if undone and before and first.ended_us is not None and first.ended_us < later.began_us:
                assert before.began_us <= undone.began_us, (
                    "11: what was written one after the other is undone in reverse"
                )

    async def check_face(self, ident: str) -> None:
        seen = await self.office.orders.get(LOCAL, ident)
        ends = [end.state for end in seen.items.values()]
        inside = seen.order.state, seen.phase, tuple(sorted(ends)), seen.canceling
        face = order_state(seen.order.state, seen.phase, ends, canceling=seen.canceling)
        assert self.faces.setdefault(inside, face) == face, "12: one face outside for one state inside"

    async def check_facts(self, order) -> None:
        moves = [
            c for c in await self.office.orders.history(LOCAL, order.id) if c.kind in ("order.created", "order.state")
        ]
        for earlier, later in pairwise(moves):
            assert earlier.after == later.before, "8: one fact a change of state"
        assert moves[-1].after == order.state
        begun = [c.at_us for c in moves if c.after == S.IN_PROGRESS]
        if begun and order.state is S.IN_PROGRESS and order.due_us is not None:
            assert begun[-1] <= order.due_us + order.latest_start_us, "6: never after its latest start"
        runs = [run for run in await self.office.orders.runs(LOCAL, order.id) if run.run.kind == "order"]
        for run in runs:
            await self.check_run(order, moves, run.steps)
        await self.check_face(order.id)
        if runs and order.state is S.INVALID and moves[-1].before == S.IN_PROGRESS:
            wrote = [step.name for step in runs[-1].steps if ":apply:" in step.name]
            assert wrote == [], "4: nothing was written for an Invalid order"

    async def check_capacity(self) -> None:
        def query(tx):
            resources = tx.catalogue.resources(1, names=list(DEVICES))
            return resources, tx.reservations.usages(resources, Window(NOON - 2 * DAY, None))

        resources, held = await self.rig.store.read(query)
        for resource in resources:
            spans = [(u.start, u.end, u.amount) for u in held.get(resource.key, ()) if u.dimension == CONCURRENCY]
            assert peak(spans, NOON - 2 * DAY, 2**62) <= resource.concurrency, f"5: {resource.name} is held twice"


@pytest.mark.parametrize("seed", range(8))
async def test_what_must_hold_holds_whatever_happens(stage, seed):
    await stage.app.catalogue.apply(LOCAL, "default", [LINE])
    for name in DEVICES:
        stage.rig.devices.introduce(name, dict(OFF))
    walk = Walk(Office(stage), seed)
    for _ in range(60):
        await walk.step()
        await walk.check()
    await walk.settle()
    await walk.check()
    left = await walk.office.orders.page(LOCAL, OrderFilter(states=frozenset({S.IN_PROGRESS, S.SCHEDULED})))
    assert left.items == (), "9: nobody is In Progress, or due, for ever"
    for order in (await walk.office.orders.page(LOCAL, OrderFilter(states=frozenset({S.FAILED_DEPLOY})))).items:
        seen = await walk.office.orders.get(LOCAL, order.id)
        assert seen.order.why
